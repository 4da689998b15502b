"""A quick day at the engine's level, with outputs that are written down."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from faceloop.training.day_log import MemoryLog
from faceloop.training.day_position import DayContext
from faceloop.training.engine import DayEngine
from faceloop.training.outputs import HeatRequest
from faceloop.training.programme import Programme
from faceloop.training.programme_file import parse_programme

__all__ = ["QUICK", "Noted", "day", "kinds", "quick", "to_trial"]

FAKE = runpy.run_path(str(Path(__file__).parent / "fake_patient.py"))
Patient, context, run = FAKE["Patient"], FAKE["context"], FAKE["run"]

QUICK = runpy.run_path(str(Path(__file__).parent / "quick_programme.py"))["QUICK"]


def quick(**changes: Any) -> Programme:
    """Return the quick programme with lines of its retraining replaced."""
    text = QUICK
    for key, value in changes.items():
        text = text.replace('scale = "own"', f'scale = "own"\n{key} = {value}')
    return parse_programme(text, "quick")


class Noted:
    """Outputs that are written down."""

    def __init__(self, *, has_heat: bool = True) -> None:
        self.has_heat = has_heat
        self.done: list[tuple[str, str]] = []

    def begin_exercise(self) -> None:
        self.done.append(("exercise", "begin"))

    def end_exercise(self) -> None:
        self.done.append(("exercise", "end"))

    def vibrate(self, pattern: str) -> None:
        self.done.append(("vibrate", pattern))

    def ask_heat(self, request: HeatRequest) -> None:
        self.done.append(("ask_heat", f"{request.target_degc:g}"))

    def end_heat(self, reason: str) -> None:
        self.done.append(("end_heat", reason))

    def annotate(self, kind: str, text: str) -> None:
        self.done.append((kind, text))


def day(
    programme: Programme | None = None, made_for: DayContext | None = None, **patient: Any
) -> tuple[DayEngine, MemoryLog, Any, Noted]:
    made_for = made_for or context()
    log, outputs = MemoryLog(), Noted()
    engine = DayEngine(programme or quick(), made_for, log, outputs)
    return engine, log, Patient(made_for.montage, **patient), outputs


def kinds(log: MemoryLog, kind: str) -> list[dict[str, Any]]:
    return [record for record in log.records if record["kind"] == kind]


def to_trial(engine: DayEngine, patient: Any, phase: str) -> float:
    """Go to the first repetition's phase; return the time."""
    engine.start(0.0)
    engine.skip_block(0.1)
    engine.skip_block(0.2)
    return float(
        run(
            engine,
            patient,
            0.2,
            lambda engine: getattr(getattr(engine._step, "trial", None), "phase", "") == phase,
        )
    )
