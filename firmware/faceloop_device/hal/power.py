"""Battery, USB and bench plug."""

from machine import ADC, Pin

from faceloop_protocol import state
from faceloop_protocol.limits import BATTERY_LOW_MV

# Open-circuit voltage of a lithium-ion cell at light load, mV, for 0, 10 ... 100 %.
_CURVE_MV = (3300, 3600, 3680, 3730, 3770, 3810, 3860, 3920, 4000, 4080, 4170)
EMPTY_MV = 3300  # what is running is stopped as well: below, the supply of the converter goes


class Power:
    """What feeds the board.

    Parameters
    ----------
    board : module
        Pin map.
    """

    def __init__(self, board):
        self._board = board
        self._battery = _Voltmeter(board, board.ADC_BATTERY)
        self._plug = _Voltmeter(board, board.ADC_BENCH_PLUG)
        self._vbus = Pin(board.VBUS_SENSE, Pin.IN)

    def battery_mv(self):
        """Return the voltage of the cell."""
        return self._battery.millivolts() * self._board.BATTERY_DIVIDER

    def has_usb(self):
        """Return whether USB power is present."""
        return bool(self._vbus.value())

    def bits(self):
        """Return the POWER_ bits of ``faceloop_protocol.state``."""
        bits = 0
        if self._vbus.value():
            bits |= state.POWER_USB
        plug_mv = self._plug.millivolts()
        if self._board.BENCH_PLUG_MIN_MV <= plug_mv <= self._board.BENCH_PLUG_MAX_MV:
            bits |= state.POWER_BENCH_PLUG
        if self.battery_mv() < BATTERY_LOW_MV:
            bits |= state.POWER_LOW
        return bits


class _Voltmeter:
    """One analog input."""

    def __init__(self, board, pin):
        self._adc = ADC(Pin(pin))
        self._full_scale_mv = board.ADC_FULL_SCALE_MV
        self._read_uv = None
        attenuation = getattr(ADC, "ATTN_11DB", None)
        if attenuation is not None:
            # An ESP32 measures up to 0.95 V unless told, and knows how its own chip is off.
            getattr(self._adc, "atten")(attenuation)  # noqa: B009  not in the stubs of the other
            self._read_uv = getattr(self._adc, "read_uv")  # noqa: B009

    def millivolts(self):
        """Return what is there now."""
        if self._read_uv is not None:
            return self._read_uv() // 1000
        return self._adc.read_u16() * self._full_scale_mv // 65535


def battery_pct(battery_mv):
    """Return the charge of a lithium-ion cell, 0-100, from its voltage."""
    if battery_mv <= _CURVE_MV[0]:
        return 0
    for i in range(1, len(_CURVE_MV)):
        low, high = _CURVE_MV[i - 1], _CURVE_MV[i]
        if battery_mv < high:
            return 10 * (i - 1) + 10 * (battery_mv - low) // (high - low)
    return 100
