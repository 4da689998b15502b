"""What surrounds the board and can be turned from outside: battery, USB, plugs, leads, button."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from faceloop.errors import UsageError

__all__ = ["Knobs", "World"]


@dataclass(frozen=True)
class Knobs:
    """State of the surroundings.

    Parameters
    ----------
    battery_mv : int
        Voltage of the cell, 0 to 5500 mV.
    rail_mv : int
        The board's 3.3 V, 1 to 3600 mV: reference of its converter, DVDD of the front end.
    usb_power : bool
        5 V on the USB connector.
    bench_plug : bool
        The bench plug is in the electrode connector.
    lead_off_p, lead_off_n : int
        Bits of inputs without an electrode, in addition to the source's own; bit 0 is channel 1.
    button : bool
        The button is held down.
    pad : bool
        A heat pad is plugged in and on the skin.
    pad_open, pad_short : int
        Bits of its sensors that are broken or shorted: A, C, Z, B, H from bit 0.
    pad_lifted, pad_covered : bool
        It has lost the skin; a pillow lies on it.
    q1_short, q2_short : bool
        A switch of the heater that no longer opens.
    """

    battery_mv: int = 3900
    rail_mv: int = 3300
    usb_power: bool = False
    bench_plug: bool = False
    lead_off_p: int = 0
    lead_off_n: int = 0
    button: bool = False
    pad: bool = True
    pad_open: int = 0
    pad_short: int = 0
    pad_lifted: bool = False
    pad_covered: bool = False
    q1_short: bool = False
    q2_short: bool = False


_LIMITS = {
    "battery_mv": 5500,
    "rail_mv": 3600,
    "lead_off_p": 0xFF,
    "lead_off_n": 0xFF,
    "pad_open": 0x1F,
}
_LIMITS["pad_short"] = _LIMITS["pad_open"]
_LEAST = {"rail_mv": 1}


class World:
    """The knobs and who wants to know when one turns.

    Parameters
    ----------
    knobs : Knobs
        How it begins.
    """

    def __init__(self, knobs: Knobs | None = None) -> None:
        self.knobs = knobs or Knobs()
        self._listeners: list[Callable[[Knobs], None]] = []

    def subscribe(self, listener: Callable[[Knobs], None]) -> None:
        """Call ``listener`` with the knobs after every change."""
        self._listeners.append(listener)

    def turn(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Turn some knobs and return all of them.

        Raises
        ------
        UsageError
            For an unknown knob or a value out of range; nothing is changed then.
        """
        known = {field.name: type(getattr(self.knobs, field.name)) for field in fields(Knobs)}
        values = asdict(self.knobs)
        for name, value in changes.items():
            if name not in known:
                raise UsageError(f"No knob {name!r}. There are: {', '.join(known)}.")
            wanted = known[name]
            if not isinstance(value, int) or (wanted is int and isinstance(value, bool)):
                raise UsageError(f"{name} takes {wanted.__name__}, not {value!r}.")
            least = _LEAST.get(name, 0)
            if wanted is int and not least <= value <= _LIMITS[name]:
                raise UsageError(f"{name} is {value}; it must be {least} to {_LIMITS[name]}.")
            values[name] = wanted(value)
        self.knobs = Knobs(**values)
        for listener in self._listeners:
            listener(self.knobs)
        return values
