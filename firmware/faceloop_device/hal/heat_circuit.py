"""The heater's circuit as the supervisor sees it: what ``faceloop_heat.hal`` asks for.

Ref: hardware/heat.md; hardware/pins.toml. One analog input behind a multiplexer: five thermistors,
a fixed resistor, the shunt's amplifier, the timer's output. Conversions of one channel are taken
with each ``sample``, so that no step of the main loop takes long.
"""

import time

from machine import ADC, PWM, Pin
from micropython import const

from faceloop_device.core.settings import write_atomically
from faceloop_device.hal.outputs import heat_off
from faceloop_heat import hal

_PWM_HZ = const(20000)  # a multiple of the conversion rate, as the motor's
_CONVERSIONS = const(64)
_CURRENT_CONVERSIONS = const(16)
_FULL = const(65535)
_SAMPLE_FROM_MS = const(150)  # after a scan: what the next one tells is at most 100 ms old
_TICKS_MASK = const(0x3FFFFFFF)
_SLOT_FILES = ("/faceloop.heat0", "/faceloop.heat1")


class HeatCircuit:
    """Pins of the heater.

    Parameters
    ----------
    board : module
        Pin map.
    power : Power
        Supply and USB.
    """

    def __init__(self, board, power):
        heat_off(board)
        self._board = board
        self._power = power
        self._q1 = Pin(board.HEAT_Q1, Pin.OUT, value=0)
        self._q2_pin = Pin(board.HEAT_Q2, Pin.OUT, value=0)
        self._q2 = None
        self._trip1 = Pin(board.HEAT_TRIP1, Pin.OUT, value=0)
        self._trip2 = Pin(board.HEAT_TRIP2, Pin.OUT, value=0)
        self._clear = Pin(board.HEAT_CLEAR, Pin.OUT, value=0)
        self._kick = Pin(board.HEAT_KICK, Pin.OUT, value=0)
        self._hw1 = Pin(board.HEAT_HW1, Pin.IN)
        self._hw2 = Pin(board.HEAT_HW2, Pin.IN)
        self._mux = tuple(
            Pin(number, Pin.OUT, value=0)
            for number in (board.HEAT_MUX0, board.HEAT_MUX1, board.HEAT_MUX2)
        )
        self._selected = 0
        self._adc = ADC(board.ADC_HEAT)
        # In the order of hal.IN_A to IN_REFERENCE, then the timer.
        self._channels = bytes(
            (
                board.MUX_A,
                board.MUX_C,
                board.MUX_Z,
                board.MUX_B,
                board.MUX_H,
                board.MUX_REFERENCE,
                board.MUX_TIMER,
            )
        )
        self._codes = [0] * len(self._channels)
        self._n_taken = 0
        self._scanned_ms = time.ticks_ms()
        self._is_closed = False
        self._duty = 0
        self.is_lead_off = True
        self.was_pressed = False
        self.frames = 0
        self.rail_mv = -1

    def sample(self, now_ms):
        """Take the conversions of one channel when a scan is due soon; every few milliseconds."""
        at = self._n_taken
        if at < len(self._channels) and (
            (now_ms - self._scanned_ms) & _TICKS_MASK >= _SAMPLE_FROM_MS
        ):
            self._codes[at] = self._convert(self._channels[at], _CONVERSIONS)
            self._n_taken = at + 1

    # What the supervisor asks for.

    def scan(self, inputs, probe):
        """Fill ``inputs``."""
        for at in range(self._n_taken, len(self._channels)):
            self._codes[at] = self._convert(self._channels[at], _CONVERSIONS)
        self._n_taken = 0
        self._scanned_ms = time.ticks_ms()
        for at in range(hal.IN_A, hal.IN_REFERENCE + 1):
            inputs[at] = self._codes[at]
        # Its bridge stands on HW1's rail, not on the converter's reference. What that is off by
        # for good is taken out where it was measured; what it changes by since then shows.
        reference_mv = self.rail_mv if self.rail_mv > 0 else self._board.ADC_FULL_SCALE_MV
        code = inputs[hal.IN_H] * reference_mv // self._board.HW1_RAIL_MV
        inputs[hal.IN_H] = code if code < _FULL else _FULL
        inputs[hal.IN_RAIL_MV] = self.rail_mv
        inputs[hal.IN_Q1_ONLY_MA] = 0
        inputs[hal.IN_Q2_ONLY_MA] = 0
        if probe == hal.PROBE_NONE:
            inputs[hal.IN_HEATER_MA] = self._current_ma()
            inputs[hal.IN_SUPPLY_MV] = self._power.battery_mv()
        else:
            self._probe(inputs, probe)
        inputs[hal.IN_FRAMES] = self.frames
        flags = 0
        if self._power.has_usb():
            flags |= hal.FLAG_VBUS
        if self.is_lead_off:
            flags |= hal.FLAG_LEAD_OFF
        if self.was_pressed:
            flags |= hal.FLAG_BUTTON
        self.was_pressed = False
        if self._hw1.value():
            flags |= hal.FLAG_HW1
        if self._hw2.value():
            flags |= hal.FLAG_HW2
        if self._codes[-1] > _FULL // 2:
            flags |= hal.FLAG_TIMER
        inputs[hal.IN_FLAGS] = flags

    def drive(self, is_closed, duty_permille):
        """Set the switches; open ones are opened every time, whatever is thought to stand."""
        if not is_closed:
            self._is_closed = False
            self._duty = 0
            self._q1.value(0)  # first: it alone is enough
            if self._q2 is not None and self._q2.duty_u16():
                self._q2.duty_u16(0)
            return
        duty = _FULL * duty_permille // 1000
        if duty != self._duty:
            self._duty = duty
            self._set_q2(duty)
        if not self._is_closed:
            self._is_closed = True
            self._q1.value(1)

    def kick(self):
        """Kick the watchdog: it takes the rising edge."""
        self._kick.value(1)
        self._kick.value(0)

    def trip(self, which):
        """Force a cut-off over its threshold, or none."""
        self._trip1.value(1 if which == hal.TRIP_HW1 else 0)
        self._trip2.value(1 if which == hal.TRIP_HW2 else 0)

    def clear_trip(self):
        """Pulse the reset of HW1's latch."""
        self._clear.value(1)
        self._clear.value(0)

    def load(self, slot):
        """Return a kept record, None when there never was one."""
        try:
            with open(_SLOT_FILES[slot], "rb") as file:
                return file.read()
        except OSError as error:
            if error.errno == 2:  # ENOENT
                return None
            raise

    def save(self, slot, record):
        """Keep a record; the old one or the new one is there, whatever happens."""
        write_atomically(_SLOT_FILES[slot], record)

    def off(self):
        """Everything off, the PWM given back; never fails."""
        self._is_closed = False
        self._duty = 0
        if self._q2 is not None:
            self._q2.deinit()
            self._q2 = None
        heat_off(self._board)

    # Inside.

    def _probe(self, inputs, probe):
        """Close one switch alone, then the other, then both; each for a few milliseconds."""
        self._select(self._board.MUX_SHUNT)
        try:
            self._set_q2(0)
            self._q1.value(1)
            inputs[hal.IN_Q1_ONLY_MA] = self._current_ma()
            self._q1.value(0)
            self._set_q2(_FULL)
            inputs[hal.IN_Q2_ONLY_MA] = self._current_ma()
            if probe == hal.PROBE_HEATER:
                self._q1.value(1)
                inputs[hal.IN_HEATER_MA] = self._current_ma()
                inputs[hal.IN_SUPPLY_MV] = self._power.battery_mv()
            else:
                inputs[hal.IN_HEATER_MA] = 0
                inputs[hal.IN_SUPPLY_MV] = self._power.battery_mv()
        finally:
            self._q1.value(1 if self._is_closed else 0)
            self._set_q2(self._duty)

    def _set_q2(self, duty_u16):
        if self._q2 is None:
            if not duty_u16:
                return
            self._q2 = PWM(self._q2_pin, freq=_PWM_HZ, duty_u16=duty_u16)
        else:
            self._q2.duty_u16(duty_u16)

    def _current_ma(self):
        code = self._convert(self._board.MUX_SHUNT, _CURRENT_CONVERSIONS)
        millivolts = code * self._board.ADC_FULL_SCALE_MV // _FULL
        return millivolts * 1000 // self._board.SHUNT_MV_PER_A

    def _convert(self, channel, n):
        """Return the mean of ``n`` conversions; a first one is thrown away while it settles."""
        self._select(channel)
        adc = self._adc  # its method is not kept: a bound method would be allocated
        adc.read_u16()
        total = 0
        for _ in range(n):
            total += adc.read_u16()
        return total // n

    def _select(self, channel):
        changed = channel ^ self._selected
        self._selected = channel
        for bit in range(3):
            if changed >> bit & 1:
                self._mux[bit].value(channel >> bit & 1)
