"""Pins of a Pico 2 W as hardware/README.md wires it. Numbers are GPIO numbers.

GPIO 23, 24, 25 and 29 belong to the radio chip on a Pico 2 W and stay free.
"""

NAME = "pico2w"
CAPTURE = "pio"  # or "irq": hal/capture.py
# Of packets that the host does not have on disk yet: those of 8 s without a link at 20 kB/s, and
# of the 2.2 s before, as a host writes to its disk every 2 s.
RING_KIB = 208
CAPTURE_RING_BITS = 14  # 16 KiB = 455 frames = 228 ms; DMA wraps at 15 bits at the most

# Front end (ADS1298) on SPI0. The capture program needs DRDY right after DOUT.
AFE_SPI = 0
AFE_DOUT = 16  # SPI0 RX; in_base of the capture program
AFE_DRDY = 17  # in_base + 1; low when a frame is ready
AFE_SCLK = 18  # SPI0 SCK; side-set of the capture program
AFE_DIN = 19  # SPI0 TX
AFE_CS = 20  # low selects; external pull-up
AFE_START = 21  # high converts; external pull-down
AFE_RESET = 22  # low resets; external pull-up
AFE_PWDN = 15  # low powers the front end down; external pull-up

# People
LED = 14  # high lights
BUTTON = 13  # low while pressed; needs PULL_UP
MOTOR = 12  # vibration motor, PWM, high runs; external pull-down

# Heat pad. True only for a board whose heater was built and has passed hardware/bench.md.
HAS_HEATER = False
# Outputs have external pull-downs: nothing drives them, nothing is on.
HEAT_Q1 = 0  # asks for the high-side switch; the hardware agrees or not
HEAT_Q2 = 1  # low-side switch, PWM
HEAT_KICK = 2  # window watchdog
HEAT_CLEAR = 3  # a rising edge clears HW1's latch
HEAT_TRIP1 = 4  # high forces HW1 over its threshold
HEAT_TRIP2 = 5  # the same for HW2
HEAT_HW1 = 6  # in: high while HW1 holds Q1 open
HEAT_HW2 = 7
HEAT_MUX0 = 8  # address of the analog multiplexer
HEAT_MUX1 = 10
HEAT_MUX2 = 11
ADC_HEAT = 28  # ADC2: what the multiplexer selects
# Its inputs, numbered so that from one to the next a single address line changes.
MUX_A = 0
MUX_C = 1
MUX_Z = 3
MUX_B = 2
MUX_H = 6
MUX_REFERENCE = 7
MUX_SHUNT = 5
MUX_TIMER = 4  # high while the 30 min timer holds Q1 open
SHUNT_MV_PER_A = 1000
HW1_RAIL_MV = 2800  # of sensor H's bridge, by a regulator of its own
# The pad (hardware/pad.toml): 400 W/m2 at 4.2 V.
PAD_AREA_CM2 = 60
HEATER_MOHM = 7350

# Its Bluetooth stack has no pairing (stock MicroPython 1.29).
HAS_BONDING = False

# Supply
VBUS_SENSE = 9  # high while USB power is present (divider 5 V to 3 V, external pull-down)
ADC_BATTERY = 26  # ADC0: half of the cell's voltage
ADC_BENCH_PLUG = 27  # ADC1: identification resistor of the electrode connector
ADC_FULL_SCALE_MV = 3300
BATTERY_DIVIDER = 2
# 10 kohm pull-up to 3.3 V; the bench plug has 10 kohm to ground, the electrode cable nothing.
BENCH_PLUG_MIN_MV = 1485
BENCH_PLUG_MAX_MV = 1815
