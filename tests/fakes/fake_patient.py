"""A patient at the engine's level: hears the cue, moves, and has a face with known levels."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from statistics import fmean
from typing import Any

from faceloop.session.montage import Montage, montage_named
from faceloop.training.day_position import DayContext
from faceloop.training.engine import DayEngine
from faceloop.training.hop import Hop
from faceloop.training.references import References, Sides
from faceloop.training.stage import Stage, StageLock

__all__ = ["HOP_S", "Patient", "context", "references", "run", "step_now"]

HOP_S = 0.01
REST_UV, REST_SD_UV, COMFORTABLE_UV = 2.0, 0.2, 32.0


def references(montage: str = "guarded8") -> References:
    labels = montage_named(montage).labels
    used = [label != "unused" for label in labels]

    def each(level: float) -> tuple[float, ...]:
        return tuple(level if is_used else float("nan") for is_used in used)

    return References(each(REST_UV), each(REST_SD_UV), each(COMFORTABLE_UV), montage)


def context(
    stage: Stage = "synkinesis", montage: str = "guarded8", **changes: object
) -> DayContext:
    made = DayContext(
        "anna", "left", montage_named(montage), StageLock(stage), references(montage)
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@cache
def spread_of(spread: float, seed: int) -> tuple[float, ...]:
    """Return by what a level is multiplied, hop by hop, drawn once for all patients.

    A day has two hundred thousand hops. The power of 10 ms is chi-squared.
    """
    rng = random.Random(seed)
    freedom = 1 / (20 * spread**2) if spread else 0.0
    power = [rng.gammavariate(freedom / 2, 2 / freedom) if spread else 1.0 for _ in range(9973)]
    return tuple(math.sqrt(fmean(power[at - 10 : at])) for at in range(10, len(power)))


class Patient:
    """How well the patient does: everything perfect by default.

    ``strength`` is what the affected side reaches of what is meant; ``effort`` multiplies what
    both sides do; ``joins`` is what a guard does on the affected side, as a share of the target.
    ``spread`` is how much the 100 ms RMS of a steady activity varies by itself: that of real EMG
    does by a tenth to a fifth, and one hop's is nine tenths of the one's before.
    """

    def __init__(
        self,
        montage: Montage,
        *,
        strength: float = 1.0,
        effort: float = 1.0,
        joins: float = 0.0,
        jaw: float = 0.0,
        spread: float = 0.13,
        off: frozenset[int] = frozenset(),
        seed: int = 1,
    ) -> None:
        self.montage = montage
        self.strength = strength
        self.effort = effort
        self.joins = joins
        self.jaw = jaw
        self.off = off
        self.why_off = "mains"
        self.is_asleep = False
        self._spread = spread_of(spread, seed)
        self._frame = 0

    def hop(self, engine: DayEngine, now_s: float) -> Hop:
        self._frame += 20
        levels = [REST_UV] * 8
        trial = getattr(engine._step, "trial", None)
        if trial is not None and not self.is_asleep:
            share = trial.goal_now(engine._t(now_s)) * self.effort
            span_uv = COMFORTABLE_UV - REST_UV
            target: Sides = trial.spec.target
            levels[target.unaffected] += share * span_uv
            levels[target.affected] += share * span_uv * self.strength
            for guard in trial._guards.guards[:1]:
                levels[guard.sides.affected] += share * span_uv * self.joins
            if trial.is_moving and self.jaw:
                levels[6] += 100 * self.jaw
                levels[7] += 100 * self.jaw
        at = self._frame // 20
        heard = [
            # Channels are far apart in what is drawn: each varies by itself.
            level * self._spread[(at + 1201 * c) % len(self._spread)]
            for c, level in enumerate(levels)
        ]
        reasons = [""] * 8
        for channel, label in enumerate(self.montage.labels):
            if channel in self.off or label == "unused":
                heard[channel] = float("nan")
                reasons[channel] = self.why_off
        return Hop(self._frame, tuple(heard), tuple(reasons))


def step_now(engine: DayEngine) -> Any:
    """Return what is asked for now, None at the end; a view of it costs more than the hop."""
    return engine._steps[engine._at] if engine._at < len(engine._steps) else None


def run(
    engine: DayEngine,
    patient: Patient,
    now_s: float = 0.0,
    until: Callable[[DayEngine], bool] = lambda engine: engine.state == "done",
    longest_s: float = 7200.0,
    each: Callable[[DayEngine, float], None] = lambda engine, now_s: None,
) -> float:
    """Run a day hop by hop on a clock of its own; return its time at the end.

    Where no signal is looked at, time goes in steps of 0.1 s.
    """
    end_s = now_s + longest_s
    while not until(engine):
        step = step_now(engine)
        is_heard = step is not None and (step.kind in ("trial", "relax") or step.rest_s > 0)
        now_s += HOP_S if is_heard else 0.1
        if is_heard:
            engine.feed(patient.hop(engine, now_s), now_s)
        else:
            engine.tick(now_s)
        each(engine, now_s)
        assert now_s < end_s, "the day does not end"
    return now_s
