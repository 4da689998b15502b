"""A board with its pad on a wearer, ready to heat."""

from __future__ import annotations

from typing import Any, Literal

from faceloop.twin.heat._bench import Bench
from faceloop.twin.heat._pad import Pad
from faceloop.twin.heat.wearer import Wearer, make_skin
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import (
    HOLD,
    LATCHED,
    LOCKED,
    OFF,
    PAUSED,
    PERMIT_FULL,
    WAIT_BUTTON,
    WARMUP,
)

__all__ = ["HEATER_MOHM", "LINK", "heat_up", "make_bench", "states"]

LINK = 1
# By the pad's area, for 400 W/m2 at 4.2 V (hardware/pad.toml says the same; a test compares).
HEATER_MOHM = {60: 7350, 100: 4410}

Logic = Literal["compiled", "python"]


def states(*wanted: int) -> int:
    """Return the set of bits that ``Bench.run`` stops at."""
    bits = 0
    for state in wanted:
        bits |= 1 << state
    return bits


def make_bench(
    wearer: Wearer,
    *,
    area_cm2: int = 100,
    logic: Logic = "compiled",
    seed: int = 1,
    step_ms: int = 50,
) -> Bench:
    """Return a board that has just been switched on, worn, with a proven host and a skin test.

    Parameters
    ----------
    wearer : Wearer
    area_cm2 : int
        60 or 100.
    logic : str
        The board's own supervisor: compiled, or the very files under Python.
    seed : int
        Of the sensors' noise.
    step_ms : int
        Of the physics.
    """
    supervisor_type = _supervisor_type(logic)
    heater_mohm = HEATER_MOHM[area_cm2]
    pad = Pad(
        make_skin(wearer, area_cm2),
        hw1_trip_degc=limits.HW1_TRIP_MDEGC / 1000 + wearer.hw1_error_degc,
        hw2_trip_degc=limits.HW2_TRIP_MDEGC / 1000 + wearer.hw2_error_degc,
        hw2_reset_degc=limits.HW2_RESET_MDEGC / 1000,
        heater_ohm=heater_mohm / 1000 * wearer.heater_share,
        cell_v=wearer.cell_v,
        sensor_errors_degc=wearer.sensor_errors_degc,
        seed=seed,
    )
    pad.rail_load = wearer.rail_load

    def make(hal: Pad, reset_cause: int) -> Any:
        return supervisor_type(hal, area_cm2, heater_mohm, reset_cause)

    bench = Bench(make, pad, step_ms=step_ms, area_cm2=area_cm2)
    bench.run(3000.0, states(OFF))
    bench.supervisor.open_link(LINK)
    bench.supervisor.permit(LINK, PERMIT_FULL)
    return bench


def heat_up(
    bench: Bench, setpoint_degc: float = 39.0, minutes: int = 15, *, wait_s: float = 12.0
) -> bool:
    """Ask, wait, press; return whether heat is on.

    Parameters
    ----------
    wait_s : float
        Between asking and pressing the button.
    """
    bench.setpoint_mdegc = round(setpoint_degc * 1000)
    if bench.supervisor.request(LINK, bench.setpoint_mdegc, minutes):
        return False
    bench.run(wait_s * 1000.0, states(LATCHED, LOCKED, OFF))
    if bench.supervisor.state != WAIT_BUTTON:
        return False
    bench.pad.press()
    bench.run(1000.0, states(WARMUP, OFF, LATCHED, LOCKED))
    return bool(bench.supervisor.state in (WARMUP, HOLD, PAUSED))


def _supervisor_type(logic: Logic) -> Any:
    if logic == "python":
        from faceloop_heat.supervisor import Supervisor as Plain

        return Plain
    from faceloop.twin.heat.compiled.supervisor import Supervisor as Compiled

    return Compiled
