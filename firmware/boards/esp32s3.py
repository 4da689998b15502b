"""Pins of an ESP32-S3-DevKitC-1 without PSRAM (module WROOM-1-N8). Numbers are GPIO numbers.

GPIO 0, 3, 45 and 46 decide how the chip boots, 19 and 20 are USB, 26 to 32 the flash, 43 and 44
the boot messages: they stay free.
"""

NAME = "esp32s3"
CAPTURE = "irq"
RING_KIB = 96  # of packets that the host does not have on disk yet

CAPTURE_RING_BITS = 14  # 16 KiB = 455 frames = 455 ms

# Front end (ADS1298) on SPI2, on the pins that reach it without the GPIO matrix.
AFE_SPI = 1  # MicroPython's SPI(1) is the chip's SPI2
AFE_DOUT = 13  # FSPIQ
AFE_DRDY = 14  # low when a frame is ready
AFE_SCLK = 12  # FSPICLK
AFE_DIN = 11  # FSPID
AFE_CS = 10  # low selects; external pull-up
AFE_START = 9  # high converts; external pull-down
AFE_RESET = 8  # low resets; external pull-up
AFE_PWDN = 18  # low powers the front end down; external pull-up

# People
LED = 17  # high lights
BUTTON = 16  # low while pressed; needs PULL_UP
MOTOR = 15  # vibration motor, PWM, high runs; external pull-down

# LE Secure Connections, bonds kept by us.
HAS_BONDING = True

# Supply: ADC1 only, the radio uses ADC2.
VBUS_SENSE = 7  # high while USB power is present (divider 5 V to 3 V, external pull-down)
ADC_BATTERY = 1  # half of the cell's voltage
ADC_BENCH_PLUG = 2  # identification resistor of the electrode connector
ADC_FULL_SCALE_MV = 3100  # with 12 dB of attenuation
BATTERY_DIVIDER = 2
# 10 kohm pull-up to 3.3 V; the bench plug has 10 kohm to ground, the electrode cable nothing.
BENCH_PLUG_MIN_MV = 1485
BENCH_PLUG_MAX_MV = 1815
