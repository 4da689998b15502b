"""A day whose program is killed, at every kind of moment: its folder is all that is left.

The log is copied as it lies on the disk at that moment, as after a kill -9; a lock of the dead
program is none. What is found again is gone on with, and in a second copy closed.
"""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import StorageError
from faceloop.training.day_log import LOG_NAME, DayLog, read_log
from faceloop.training.days import Days
from faceloop.training.engine import DayEngine
from faceloop.training.outputs import HeatReport
from faceloop.training.profiles import Profile
from faceloop.training.programme_file import parse_programme

FAKES = Path(__file__).parents[2] / "fakes"
FAKE = runpy.run_path(str(FAKES / "fake_patient.py"))
Patient, references, run = (FAKE[name] for name in ("Patient", "references", "run"))
step_now = FAKE["step_now"]
DAY = runpy.run_path(str(FAKES / "fake_day.py"))
QUICK, Noted = DAY["QUICK"], DAY["Noted"]
WARM = QUICK.replace(
    '[[block]]\nname = "massage"',
    '[[block]]\nname = "heat"\nkind = "heat"\nis_on = true\n[[block]]\nname = "massage"',
).replace('kind = "settle"', 'kind = "settle"\neye_care_s = 5')
BLOCKS = ["settle", "heat", "massage", "retraining", "function", "cool_down"]


def in_step(step: str, phase: str = "") -> Callable[[DayEngine], bool]:
    def is_there(engine: DayEngine) -> bool:
        if getattr(step_now(engine), "id", "") != step:
            return False
        view = engine.view(engine._last_t_s + engine._offset_s).step
        return view is not None and view.id == step and phase in ("", view.phase)

    return is_there


MOMENTS: dict[str, Callable[[DayEngine], bool]] = {
    "care for the eye": in_step("eye_care"),
    "settling": in_step("settle"),
    "heat": in_step("heat"),
    "massage": in_step("cheek_release-2"),
    "rating pain": in_step("rate-pain"),
    "becoming quiet": in_step("relax_first"),
    "lead-in": in_step("closed_mouth_smile-1", "ready"),
    "rising": in_step("closed_mouth_smile-1", "rise"),
    "holding": in_step("closed_mouth_smile-2", "hold"),
    "letting go": in_step("closed_mouth_smile-2", "release"),
    "resting": in_step("closed_mouth_smile-2", "rest"),
    "sipping": in_step("sip"),
    "rating drinking": in_step("rate-drinking"),
    "cooling down": in_step("cool_down"),
    "the end": lambda engine: engine.state == "done",
}


@pytest.fixture
def days(tmp_path: Path) -> Days:
    made = Days(tmp_path / "before")
    made.profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    made.profiles.set_references("anna", references())
    return made


def warm(engine: DayEngine, now_s: float) -> None:
    """Let the pad do what is asked of it: half a minute of warmth."""
    step = step_now(engine)
    if step is None or step.kind != "heat":
        return
    view = engine.view(now_s).step
    if view is not None:
        is_over = view.remaining_s < 570
        engine.note_heat(HeatReport(not is_over, is_over, 38.0, "done" if is_over else "", True))


def begun(days: Days, until: Callable[[DayEngine], bool]) -> tuple[Any, float]:
    day = days.begin("anna", programme=parse_programme(WARM, "warm"), outputs=Noted())
    day.engine.start(0.0)
    patient = Patient(day.engine.context.montage)
    return day, run(day.engine, patient, 0.0, until, each=warm)


def found_again(days: Days, session: str, folder: Path) -> Days:
    """Return the days of a copy of the folder, as the program that died has left it."""
    shutil.copytree(days.store.root, folder)
    left = Days(folder)
    shutil.rmtree(left.store.session(session) / ".training")  # its lock died with it
    return left


def check_gone_on_with(left: Days, session: str, before: list[dict[str, Any]]) -> None:
    day = left.resume(session, Noted())
    day.engine.resume(500.0)
    run(day.engine, Patient(day.engine.context.montage), 500.0, each=warm)
    day.leave()
    records = read_log(day.folder)
    assert records[: len(before)] == before
    result = left.result(session)
    assert result.outcome == "done"
    assert [(b.name, b.outcome) for b in result.blocks] == [(name, "done") for name in BLOCKS]
    # Every repetition once.
    assert [r["step"] for r in records if r["kind"] == "trial"] == [1, 2, 3]
    assert left.open_days() == ()


def check_closed(left: Days, session: str, before: list[dict[str, Any]]) -> None:
    left.close(session)
    records = read_log(left.store.session(session))
    assert records[: len(before)] == before
    assert (records[-1]["kind"], records[-1]["outcome"]) == ("day_end", "closed")
    assert left.open_days() == ()
    assert left.index.sync() == 1


@pytest.mark.parametrize(
    ("moment", "is_paused"),
    [
        *((moment, False) for moment in MOMENTS),
        *((moment, True) for moment in ("heat", "rating pain", "holding", "resting")),
    ],
)
def test_day_killed_then_is_there_gone_on_with_or_closed(
    moment: str, is_paused: bool, days: Days, tmp_path: Path
) -> None:
    day, now_s = begun(days, MOMENTS[moment])
    if is_paused:
        day.engine.pause(now_s + 0.05)
        assert day.engine.state in ("paused", "done")
    before = read_log(day.folder)
    resumed = found_again(days, day.session, tmp_path / "resumed")
    closed = found_again(days, day.session, tmp_path / "closed")
    day.leave()
    if moment == "the end":
        assert resumed.open_days() == () and resumed.result(day.session).outcome == "done"
        return
    (open_day,) = resumed.open_days()
    assert (open_day.session, open_day.profile, open_day.can_resume) == (day.session, "anna", True)
    check_gone_on_with(resumed, day.session, before)
    check_closed(closed, day.session, before)


class Cut:
    """A file that takes only so many bytes of its last line: the kill is in the middle of it."""

    def __init__(self, path: Path, share: float) -> None:
        self.path, self.share = path, share

    def tear(self, whole: bytes) -> None:
        data = self.path.read_bytes()
        line = data[len(whole) :]
        assert line.endswith(b"\n")
        self.path.write_bytes(whole + line[: round(self.share * (len(line) - 1))])


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "kind", ["block_begin", "trial", "step", "rating", "block_end", "day_end"]
)
def test_day_killed_while_a_record_is_being_written_loses_that_record_only(
    kind: str, share: float, days: Days, tmp_path: Path
) -> None:
    day = days.begin("anna", programme=parse_programme(WARM, "warm"), outputs=Noted())
    path, sink = day.folder / LOG_NAME, day.engine._sink
    wholes: list[bytes] = []

    class Dies:
        def append(self, record: dict[str, Any]) -> None:
            whole = path.read_bytes()
            sink.append(record)
            if record["kind"] == kind and (kind != "block_begin" or record["index"] == 3):
                wholes.append(whole)
                raise StorageError("The program is killed here.")

    day.engine._sink = Dies()

    def rate(engine: DayEngine, now_s: float) -> None:
        warm(engine, now_s)
        if not getattr(step_now(engine), "rating", ""):
            return
        step = engine.view(now_s).step
        if step is not None and step.rating:
            engine.rate(step.rating, 5, now_s)

    with pytest.raises(StorageError):
        day.engine.start(0.0)
        run(day.engine, Patient(day.engine.context.montage), each=rate)
    left = found_again(days, day.session, tmp_path / "left")
    Cut(left.store.session(day.session) / LOG_NAME, share).tear(wholes[0])
    day.leave()
    before = read_log(left.store.session(day.session))
    assert before and before[-1]["kind"] != "day_end"
    assert len(before) == wholes[0].count(b"\n")
    check_gone_on_with(left, day.session, before)


@pytest.mark.parametrize("what", ["references", "recording", "diary"])
def test_day_killed_right_after_something_was_noted_keeps_it(
    what: str, days: Days, tmp_path: Path
) -> None:
    day, _ = begun(days, MOMENTS["holding"])
    {
        "references": lambda: day.engine.set_references(references()),
        "recording": lambda: day.engine.note_recording("X"),
        "diary": lambda: day.engine.note_diary("A line."),
    }[what]()
    before = read_log(day.folder)
    assert before[-1]["kind"] == what
    left = found_again(days, day.session, tmp_path / "left")
    day.leave()
    check_gone_on_with(left, day.session, before)


def test_day_killed_before_its_first_record_is_no_day(days: Days, tmp_path: Path) -> None:
    day = days.begin("anna", programme=parse_programme(WARM, "warm"))
    left = found_again(days, day.session, tmp_path / "left")
    day.leave()
    assert left.open_days() == ()
    DayLog(left.store.session(day.session)).close()
    assert left.index.sync() == 1 and left.index.days("anna") == ()
