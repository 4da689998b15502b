"""Heat sessions of many wearers: in normal use, and with a fault at a moment of choice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from faceloop.twin.heat._bench import Bench
from faceloop.twin.heat.board import Logic, heat_up, make_bench, states
from faceloop.twin.heat.faults import FAULTS, NO_FAULT, Fault
from faceloop.twin.heat.wearer import Wearer, random_wearer
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import (
    COOL,
    FIRST_LATCH,
    HOLD,
    LATCHED,
    LOCKED,
    OFF,
    PAUSED,
    TOO_WARM,
    WARMUP,
)

__all__ = [
    "HEATING_STATES",
    "Run",
    "fault_at",
    "fault_moment_s",
    "healthy_at",
    "healthy_session",
    "misses",
    "random_fault_run",
    "run_fault",
    "run_healthy",
]

HEATING_STATES = {"WARMUP": WARMUP, "HOLD": HOLD, "PAUSED": PAUSED}
_ENDED = states(COOL, OFF, LATCHED, LOCKED)
_FAULT_AT_S = 180.0
_RESUME_AFTER_S = 20.0
_AFTER_END_S = 60.0
_STEP_MS = 50.0
_SHARE_PAUSED = 0.25

Event = tuple[float, Callable[[Bench], None]]


@dataclass
class Run:
    """What became of one session.

    Attributes
    ----------
    fault : str or None
    begun_in : int
        State in which the fault began.
    max_skin_degc, dose_cem43 : float
        Of the true skin: since the fault, or over the session when there was none.
    off_s : float or None
        From the fault to the first moment without power; None when there was neither.
    resumed_s : float or None
        Later than that, from heat on again to off again; None when it did not come back.
    heated_s : float or None
        From the fault to the last moment with heat after ``off_s``, tests left out.
    n_tests : int
        Between the two: seconds of power that a test before a resume took.
    split_s : float or None
        From the fault until the zones of a folded pad differed by 2.5 C.
    state, cause : int
        At the end of the session.
    n_crashes : int
        Exceptions that the supervisor did not catch; none is ever right.
    """

    fault: str | None
    begun_in: int
    max_skin_degc: float
    dose_cem43: float
    off_s: float | None
    resumed_s: float | None
    heated_s: float | None
    n_tests: int
    split_s: float | None
    state: int
    cause: int
    n_crashes: int

    @property
    def until_s(self) -> float | None:
        """From the fault until heat is off and stays off; None when it never was off.

        Power that the controller takes away for a moment, warm as the face is, ends nothing.
        """
        return self.off_s if self.off_s is None or self.heated_s is None else self.heated_s

    @property
    def is_resumed(self) -> bool:
        """Whether the fault began in PAUSED and heat came back, for however short a time.

        The second of a test before a resume is no heat. Stricter than ``misses``, which gives
        heat that came back the time of the fault's row.
        """
        return self.begun_in == PAUSED and self.resumed_s is not None


def run_fault(
    fault: Fault,
    wearer: Wearer,
    state: int,
    *,
    setpoint_degc: float = 40.0,
    minutes: int = 15,
    logic: Logic = "compiled",
    seed: int = 1,
    resumes: bool = True,
    bench: Bench | None = None,
) -> Run:
    """Heat, reach ``state``, bring about the fault, and wait for the end of the session.

    Parameters
    ----------
    fault : Fault
    wearer : Wearer
    state : int
        WARMUP (a minute in), HOLD (``fault_moment_s`` in; WARMUP for a wearer who never gets
        there) or PAUSED (two seconds in, the pause as late as HOLD).
    setpoint_degc : float
    minutes : int
        Of HOLD.
    resumes : bool
        The host comes back 20 s after a fault in PAUSED, unless its silence is the fault.
    bench : Bench, optional
        Instead of a new one: switched on, with nothing asked for yet.

    Raises
    ------
    RuntimeError
        If heat did not start.
    """
    bench = bench or make_bench(wearer, logic=logic, seed=seed)
    if not heat_up(bench, setpoint_degc, minutes):
        raise RuntimeError(f"heat did not start, cause {bench.supervisor.cause}")
    bench.run(60_000.0, _ENDED)
    if state in (HOLD, PAUSED):
        bench.run(600_000.0, states(HOLD) | _ENDED)
        bench.run(1000.0 * fault_moment_s(minutes), _ENDED)
    if state == PAUSED:
        bench.is_host_silent = True
        bench.run(10_000.0, states(PAUSED) | _ENDED)
        bench.run(2_000.0, _ENDED)
    return _watch(bench, fault, resumes=resumes and state == PAUSED and fault.row not in (15, 19))


def fault_moment_s(minutes: int) -> float:
    """Return how far into HOLD a fault begins: three minutes, in a short session half of it."""
    return min(_FAULT_AT_S, 30.0 * minutes)


def run_healthy(bench: Bench, *, setpoint_degc: float = 40.0, minutes: int = 15) -> Run:
    """Play a session in which nothing breaks and nobody moves.

    Parameters
    ----------
    bench : Bench
        Switched on, with nothing asked for yet.
    minutes : int
        Of HOLD.

    Raises
    ------
    RuntimeError
        If heat did not start.
    """
    if not heat_up(bench, setpoint_degc, minutes):
        raise RuntimeError(f"heat did not start, cause {bench.supervisor.cause}")
    begun_in = bench.supervisor.state
    bench.mark()
    bench.run(25 * 60_000.0, _ENDED)
    bench.run(_AFTER_END_S * 1000.0)
    return _result(bench, None, begun_in)


def random_fault_run(rng: np.random.Generator, faults: Sequence[Fault] = FAULTS) -> Run:
    """Bring about a random fault at a random moment of a random wearer's session."""
    fault = faults[int(rng.integers(len(faults)))]
    bench = _random_bench(rng)
    while not heat_up(bench, float(rng.integers(360, 401)) / 10, 15):
        if bench.supervisor.cause != TOO_WARM:  # for this set-point: a warmer one is asked for
            raise RuntimeError(f"heat did not start, cause {bench.supervisor.cause}")
    bench.run(float(rng.uniform(0.0, 12 * 60_000.0)), _ENDED)
    resumes = bool(rng.random() < _SHARE_PAUSED) and bench.supervisor.state in (WARMUP, HOLD)
    if resumes:
        bench.is_host_silent = True
        bench.run(10_000.0, states(PAUSED) | _ENDED)
        bench.run(float(rng.uniform(250.0, 9_000.0)), _ENDED)
    return _watch(bench, fault, resumes=resumes and fault.row not in (15, 19))


def healthy_session(rng: np.random.Generator, minutes: int = 10) -> Run:
    """Play a session of a random wearer who lives: pillow, draught, pad moved, link lost."""
    bench = _random_bench(rng)
    setpoint_degc = float(rng.integers(360, 401)) / 10
    if not heat_up(bench, setpoint_degc, minutes):
        return _result(bench, None, bench.supervisor.state)
    bench.mark()
    events = _events(rng, bench)
    for at_ms, act in events:
        bench.run(at_ms - bench.now_ms, _ENDED)
        if bench.supervisor.state not in (WARMUP, HOLD, PAUSED):
            break
        act(bench)
    bench.run(25 * 60_000.0, _ENDED)
    bench.run(_AFTER_END_S * 1000.0)
    return _result(bench, None, WARMUP)


def _random_bench(rng: np.random.Generator) -> Bench:
    """Return a random wearer with either pad, one in five with a cell that just may start."""
    wearer = random_wearer(rng)
    if rng.random() < 0.2:
        wearer = replace(wearer, cell_v=float(rng.uniform(3.61, 3.75)))
    area_cm2 = int(rng.choice([60, 100]))
    return make_bench(wearer, area_cm2=area_cm2, seed=int(rng.integers(1, 1 << 30)))


def misses(
    run: Run, fault: Fault, *, in_pause: bool = False, left_s: float = math.inf
) -> list[str]:
    """Return what this run did not keep of what the fault list asks.

    Parameters
    ----------
    in_pause : bool
        The fault began in PAUSED.
    left_s : float
        Of the session when the fault began. What may take longer to be found need not be found
        any more; heat is off by then.
    """
    found = []
    if run.n_crashes:
        found.append("the supervisor stopped by a mistake of its own")
    is_hardware = fault.layer == "hardware"
    limit_mdegc = limits.SKIN_LIMIT_HARDWARE_MDEGC if is_hardware else limits.SKIN_LIMIT_MDEGC
    dose_umin = (
        limits.DOSE_AFTER_FAULT_HARDWARE_UMIN if is_hardware else limits.DOSE_AFTER_FAULT_UMIN
    )
    if run.max_skin_degc >= limit_mdegc / 1000:
        found.append(f"skin {run.max_skin_degc:.2f} C")
    if run.dose_cem43 >= dose_umin / 1e6:
        found.append(f"dose {run.dose_cem43:.2f} CEM43")
    is_seen = not fault.is_seen_fold or run.split_s is not None
    within_s = fault.within_s
    if fault.is_seen_fold:
        within_s = within_s + run.split_s if run.split_s is not None else math.inf
    is_due = is_seen and within_s <= left_s
    if fault.outcome == "latch" and run.state != LATCHED and is_due:
        found.append(f"state {run.state}, not latched")
    if fault.outcome == "lock" and run.state != LOCKED:
        found.append(f"state {run.state}, not locked")
    if fault.outcome in ("end", "pause") and run.state not in (COOL, OFF):
        found.append(f"state {run.state}, not ended")
    if (fault is NO_FAULT or fault.row == 16) and run.cause >= FIRST_LATCH:
        found.append(f"false fault {run.cause}")
    if run.n_tests > limits.PAUSES_MAX + 1:
        found.append(f"{run.n_tests} tests before a resume")
    if not fault.within_s:
        return found
    if run.until_s is None:
        found.append("never off")
    elif not in_pause and run.until_s > within_s + 1e-6:
        found.append(f"off after {run.until_s:.2f} s")
    elif in_pause and run.resumed_s is not None:
        # Whatever breaks a moment before heat comes back has its time as in HOLD, not a second
        # more: counted from the fault, or from the resume where only heat can show it.
        heated_s = run.resumed_s if fault.needs_heat else run.until_s
        if heated_s > within_s + 1e-6:
            since = "the resume" if fault.needs_heat else "the fault"
            found.append(f"heated until {heated_s:.2f} s after {since}")
    return found


def _watch(bench: Bench, fault: Fault, *, resumes: bool) -> Run:
    begun_in = bench.supervisor.state
    if fault.within_s < 0.05:
        bench.step_ms = 2  # a limit of 10 ms is measured with a finer ruler
    bench.mark()
    fault.begin(bench)
    if resumes:
        bench.run(_RESUME_AFTER_S * 1000.0, _ENDED)
        bench.is_host_silent = False
    if fault.name == "rogue":
        bench.run(45 * 60_000.0)
    else:
        bench.run(1_000.0, _ENDED)
        bench.step_ms = int(_STEP_MS)
        bench.run(25 * 60_000.0, _ENDED)
        bench.run(_AFTER_END_S * 1000.0)
    return _result(bench, fault, begun_in)


def _result(bench: Bench, fault: Fault | None, begun_in: int) -> Run:
    off_ms = bench.off_ms
    supervisor = bench.supervisor
    return Run(
        fault=fault.name if fault else None,
        begun_in=begun_in,
        max_skin_degc=bench.max_skin_degc,
        dose_cem43=bench.dose_cem43,
        off_s=None if off_ms < 0 or fault is None else off_ms / 1000,
        resumed_s=_between_s(bench.resume_ms, bench.resume_off_ms, bench.on_ms),
        heated_s=None if bench.heated_ms < 0 else bench.heated_ms / 1000,
        n_tests=bench.n_tests,
        split_s=None if bench.split_ms < 0 else bench.split_ms / 1000,
        state=supervisor.state,
        cause=supervisor.cause,
        n_crashes=bench.n_crashes,
    )


def _between_s(resume_ms: float, off_ms: float, on_ms: float) -> float | None:
    if resume_ms < 0:
        return None
    return ((off_ms if off_ms >= 0 else on_ms) - resume_ms) / 1000


def _events(rng: np.random.Generator, bench: Bench) -> list[Event]:
    """Return what happens in the next minutes, in order of time."""
    skin = bench.pad.skin
    g12, g1a, rho = skin.g12, skin.g1a, skin.rho
    start_ms = bench.now_ms
    events: list[Event] = []

    def at(first_s: float, length_s: float, do: Callable[[Bench], None]) -> None:
        begin_ms = start_ms + 1000.0 * first_s
        events.append((begin_ms, do))
        events.append((begin_ms + 1000.0 * length_s, _restore(g12, g1a, rho)))

    def cover(loss: float) -> Callable[[Bench], None]:
        return lambda bench: setattr(bench.pad.skin, "g1a", loss * bench.area_cm2 / 100)

    def lift(bench: Bench) -> None:
        bench.pad.skin.g12 = g12 * 0.02
        bench.pad.skin.g1a = g1a * 2.0
        bench.pad.skin.rho = 0.95

    # One after the other, each with some minutes of its own.
    slot_s = 0.0
    for kind in rng.permutation(7)[: int(rng.integers(0, 4))]:
        first_s = slot_s + float(rng.uniform(10.0, 120.0))
        length_s = float(rng.uniform(30.0, 150.0))
        if kind == 0:
            at(first_s, length_s, cover(0.0096))
        elif kind == 1:
            at(first_s, length_s, cover(0.13))
        elif kind == 2:
            # Moved, or as long as the skin is looked at.
            length_s = float(rng.uniform(*((2.0, 10.0) if rng.random() < 0.5 else (20.0, 30.0))))
            at(first_s, length_s, lift)
        elif kind == 3:
            length_s = float(rng.uniform(1.0, 20.0))
            at(first_s, length_s, lambda bench: setattr(bench, "is_host_silent", True))
        elif kind == 6:
            # The same within a silence.
            length_s = float(rng.uniform(10.0, 25.0))
            at(first_s, length_s, lambda bench: setattr(bench, "is_host_silent", True))
            lifted_s = first_s + float(rng.uniform(0.0, 0.6)) * length_s
            events.insert(-1, (start_ms + 1000.0 * lifted_s, lift))
        elif kind == 4:
            length_s = float(rng.uniform(0.5, 10.0))
            at(first_s, length_s, lambda bench: setattr(bench.pad, "is_lead_off", True))
        else:
            # More than the wearer pressed for is refused.
            setpoint_mdegc = min(int(rng.integers(360, 401)) * 100, bench.setpoint_mdegc)
            at(first_s, 1.0, lambda b, s=setpoint_mdegc: setattr(b, "setpoint_mdegc", s))  # type: ignore[misc]
        slot_s = first_s + length_s
    return events


def _restore(g12: float, g1a: float, rho: float) -> Callable[[Bench], None]:
    def restore(bench: Bench) -> None:
        skin = bench.pad.skin
        skin.g12, skin.g1a, skin.rho = g12, g1a, rho
        bench.is_host_silent = False
        bench.pad.is_lead_off = False

    return restore


def healthy_at(index: int) -> Run:
    """Return the healthy session of this number: the same one wherever it is played."""
    return healthy_session(np.random.default_rng([1, index]))


def fault_at(index: int) -> Run:
    """Return the session with a fault of this number."""
    return random_fault_run(np.random.default_rng([2, index]))
