"""The heater's circuit behind the pins of a virtual board, with pad and skin, in real time.

What firmware can reach is what the wires reach: two switches, three test lines, a kick, and what
the multiplexer shows. Whether Q1 closes is decided by the objects of ``_trips``, which it cannot
reach.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

from faceloop.twin.heat._trips import Comparator, CoreSwitch, Timer, VbusGate, WindowWatchdog
from faceloop.twin.heat.wearer import make_skin, nominal_wearer
from faceloop.twin.world import Knobs
from faceloop_protocol import heat_limits as limits

__all__ = ["HeatWires"]

STEP_MS = 10
CELL_OHM = 0.15
NTC_OHM, NTC_B_K = 10_000.0, 3950.0
PULL_UP_OHM = 10_000.0
REFERENCE_OHM = 5988.7
FACE_LAG_S, CORE_LAG_S = 3.0, 2.0
NOISE_LSB = 1.0  # of the RP2350's converter, 12 bit
# This process was held up, not the board: time that it slept through does not make a kick late.
HELD_UP_S = 0.1
LIFT_OFF_G12, LIFT_OFF_G1A, PILLOW_G1A = 0.02, 2.0, 0.15
SENSORS = "ACZBH"
CORE = SENSORS.index("B")


class HeatWires:
    """One heater circuit with its pad on the nominal wearer.

    Parameters
    ----------
    constants : mapping
        Names and numbers of the board's pin map.
    knobs : callable
        Returns the world's ``Knobs``.
    clock : callable
        Monotonic seconds.
    seed : int
        Of the converter's noise.

    Attributes
    ----------
    on_reset : callable or None
        Called when the watchdog pulls the processor's RUN pin.
    """

    def __init__(
        self,
        constants: Mapping[str, Any],
        knobs: Callable[[], Knobs],
        clock: Callable[[], float],
        seed: int = 0,
    ) -> None:
        self.on_reset: Callable[[], None] | None = None
        self._names = {
            number: name
            for name, number in constants.items()
            if name.startswith("HEAT_") and isinstance(number, int)
        }
        self._mux = {
            number: name.removeprefix("MUX_")
            for name, number in constants.items()
            if name.startswith("MUX_")
        }
        self._hw1_rail_mv = constants["HW1_RAIL_MV"]
        self._shunt_mv_per_a = constants["SHUNT_MV_PER_A"]
        self._heater_ohm = constants["HEATER_MOHM"] / 1000
        self._knobs = knobs
        self._clock = clock
        self._random = random.Random(seed)
        self.skin = make_skin(nominal_wearer(), constants["PAD_AREA_CM2"])
        self._healthy = {"g12": self.skin.g12, "g1a": self.skin.g1a}
        self.hw1 = Comparator(limits.HW1_TRIP_MDEGC / 1000)
        self.hw2 = CoreSwitch(limits.HW2_TRIP_MDEGC / 1000, limits.HW2_RESET_MDEGC / 1000)
        self.timer = Timer()
        self.watchdog = WindowWatchdog()
        self.vbus = VbusGate()
        self._levels = dict.fromkeys(self._names.values(), 0)
        self._q2_duty = 0.0
        self._lagged = [
            self.skin.core_degc if i == CORE else self.skin.face() for i in range(len(SENSORS))
        ]
        self._now_s = clock()
        self._energy_j = 0.0
        self._passed_s = 0.0
        self._since_kick_s = 0.0
        self.heat_j = 0.0
        self.max_skin_degc = self.skin.hottest()
        self.power_until_s = -math.inf

    # What the board does.

    def owns(self, pin: int) -> bool:
        """Return whether this pin leads here."""
        return pin in self._names

    def write(self, pin: int, level: int) -> None:
        """Take the level that a pin is driven to."""
        self.advance()
        name = self._names[pin]
        is_rising = level and not self._levels[name]
        self._levels[name] = level
        if name == "HEAT_Q2":
            self._q2_duty = float(level)
        elif name == "HEAT_KICK" and is_rising:
            self._since_kick_s = 0.0
            self.watchdog.kick()
        elif name == "HEAT_CLEAR" and is_rising:
            self.hw1.clear()
        self._show_trips()

    def set_duty(self, pin: int, duty: float) -> None:
        """Run Q2 with this duty; a PWM on another pin is a level."""
        if self._names[pin] == "HEAT_Q2":
            self.advance()
            self._q2_duty = duty
        else:
            self.write(pin, int(duty >= 0.5))

    def read(self, pin: int) -> int:
        """Return the level on a pin that the circuit drives."""
        self.advance()
        name = self._names[pin]
        if name == "HEAT_HW1":
            return int(self.hw1.is_tripped)
        if name == "HEAT_HW2":
            return int(self.hw2.is_open)
        return self._levels[name]

    def convert(self, n: int) -> list[int]:
        """Return ``n`` conversions of what the multiplexer shows, scaled to 16 bits."""
        self.advance()
        counts = self._millivolts() / self._knobs().rail_mv * 4095
        noise = self._random.gauss
        return [_scaled(counts + noise(0.0, NOISE_LSB)) for _ in range(n)]

    def supply_mv(self) -> float:
        """Return the cell's voltage under what flows now."""
        return self._knobs().battery_mv - 1000 * CELL_OHM * self._current_a()

    def release(self) -> None:
        """Let go of all pins, as a reset does; pull-downs take over."""
        self.advance()
        self._levels = dict.fromkeys(self._levels, 0)
        self._q2_duty = 0.0
        self._show_trips()

    @property
    def is_asked(self) -> bool:
        """Whether the board asks for Q1."""
        return bool(self._levels["HEAT_Q1"])

    # What the world sees.

    def truth(self) -> dict[str, Any]:
        """Return what no board can know for sure."""
        self.advance()
        return {
            "skin_degc": self.skin.hottest(),
            "core_degc": self.skin.core_degc,
            "face_degc": self.skin.face(),
            "max_skin_degc": self.max_skin_degc,
            "power_w": self._power_w(),
            "power_until_s": self.power_until_s if math.isfinite(self.power_until_s) else 0.0,
            "heat_j": self.heat_j,
            "is_q1_asked": bool(self._levels["HEAT_Q1"]),
            "may_q1_close": self.may_close(),
            "now_s": self._now_s,
        }

    def may_close(self) -> bool:
        """Return whether the hardware lets Q1 close."""
        return not (
            self.hw1.is_tripped
            or self.hw2.is_open
            or self.timer.is_expired
            or self.watchdog.is_open
            or self.vbus.is_blocking()
        )

    # Physics.

    def advance(self) -> None:
        """Bring everything up to now."""
        now_s = self._clock()
        elapsed_s = now_s - self._now_s
        self._now_s = now_s
        power_w = self._power_w()
        if power_w > 0.0:
            self.power_until_s = now_s
        self._energy_j += power_w * elapsed_s
        self.heat_j += power_w * elapsed_s
        self._passed_s += elapsed_s
        if self._passed_s * 1000 >= STEP_MS:
            self._step(elapsed_s > HELD_UP_S)

    def _step(self, was_held_up: bool) -> None:
        step_ms = int(self._passed_s * 1000)
        step_s = step_ms / 1000
        power_w = self._energy_j / self._passed_s
        self._energy_j -= power_w * step_s
        self._passed_s -= step_s
        self._apply_knobs()
        left_s = step_s
        while left_s > 0.0:
            part_s = min(left_s, 0.25)
            self.skin.step(power_w, part_s)
            self._lag(part_s)
            left_s -= part_s
        self.max_skin_degc = max(self.max_skin_degc, self.skin.hottest())
        self._show_trips()
        self.timer.run(bool(self._levels["HEAT_Q1"]), step_ms)
        self.vbus.run(step_ms)
        self._run_watchdog(step_s, was_held_up)

    def _run_watchdog(self, step_s: float, was_held_up: bool) -> None:
        if was_held_up:
            room_s = limits.WATCHDOG_LAST_MS / 1000 - self._since_kick_s - 0.1
            step_s = max(0.0, min(step_s, room_s))
        self._since_kick_s += step_s
        self.watchdog.run(round(step_s * 1000))
        if self.watchdog.wants_reset:
            self.watchdog.wants_reset = False
            # Its reset output is gated by the request: a program that ended with heat off is left
            # alone, and Q1 stays open either way.
            if self._levels["HEAT_Q1"] and self.on_reset is not None:
                self.on_reset()

    def _apply_knobs(self) -> None:
        knobs = self._knobs()
        self.vbus.has_vbus = knobs.usb_power
        lift = knobs.pad_lifted
        self.skin.g12 = self._healthy["g12"] * (LIFT_OFF_G12 if lift else 1.0)
        self.skin.g1a = self._healthy["g1a"] * (
            LIFT_OFF_G1A if lift else PILLOW_G1A if knobs.pad_covered else 1.0
        )

    def _lag(self, step_s: float) -> None:
        face, core = self.skin.face(), self.skin.core_degc
        for i in range(len(SENSORS)):
            target, lag_s = (core, CORE_LAG_S) if i == CORE else (face, FACE_LAG_S)
            self._lagged[i] += (target - self._lagged[i]) * step_s / (lag_s + step_s)

    def _show_trips(self) -> None:
        self.hw1.is_forced = bool(self._levels["HEAT_TRIP1"])
        self.hw2.is_forced = bool(self._levels["HEAT_TRIP2"])
        h = SENSORS.index("H")
        self.hw1.show(self._lagged[h], not self._is_well(h))
        self.hw2.show(self.skin.core_degc)

    def _is_well(self, sensor: int) -> bool:
        knobs = self._knobs()
        return not (not knobs.pad or (knobs.pad_open | knobs.pad_short) >> sensor & 1)

    def _current_a(self) -> float:
        """Return what flows while the pins are as they are; PWM counts as its mean."""
        knobs = self._knobs()
        if not knobs.pad:
            return 0.0
        q1 = knobs.q1_short or (bool(self._levels["HEAT_Q1"]) and self.may_close())
        q2 = 1.0 if knobs.q2_short else self._q2_duty
        return q2 * knobs.battery_mv / 1000 / (self._heater_ohm + CELL_OHM) if q1 else 0.0

    def _power_w(self) -> float:
        on_a = self._current_a()
        duty = 1.0 if self._knobs().q2_short else self._q2_duty
        # Pulses of full current: the mean of the square is not the square of the mean.
        return on_a * on_a * self._heater_ohm / duty if duty else 0.0

    def _millivolts(self) -> float:
        address = (
            self._levels["HEAT_MUX0"]
            | self._levels["HEAT_MUX1"] << 1
            | self._levels["HEAT_MUX2"] << 2
        )
        what = self._mux.get(address, "")
        knobs = self._knobs()
        if what == "SHUNT":
            return self._current_a() * float(self._shunt_mv_per_a)
        if what == "TIMER":
            return float(knobs.rail_mv) if self.timer.is_expired else 0.0
        rail_mv = float(self._hw1_rail_mv if what == "H" else knobs.rail_mv)
        ohm = REFERENCE_OHM
        if what != "REFERENCE":
            sensor = SENSORS.index(what)
            if not knobs.pad or knobs.pad_open >> sensor & 1:
                return rail_mv
            if knobs.pad_short >> sensor & 1:
                return 0.0
            kelvin = self._lagged[sensor] + 273.15
            ohm = NTC_OHM * math.exp(NTC_B_K * (1.0 / kelvin - 1.0 / 298.15))
        return rail_mv * ohm / (ohm + PULL_UP_OHM)


def _scaled(counts: float) -> int:
    """Return 12 bits as the RP2350 scales them to 16."""
    raw = min(4095, max(0, round(counts)))
    return raw << 4 | raw >> 8
