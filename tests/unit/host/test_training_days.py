"""Days on disk: killed at any moment they are there, can be gone on with, or closed."""

from __future__ import annotations

import json
import runpy
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import StorageError, UsageError
from faceloop.session.disk import SessionBusy
from faceloop.session.store import Store
from faceloop.training.day_log import LOG_NAME, DayLog, MemoryLog, read_log
from faceloop.training.days import Days
from faceloop.training.engine import DayEngine
from faceloop.training.index import DayIndex
from faceloop.training.keys import message_keys
from faceloop.training.profiles import Profile
from faceloop.training.programme import Programme
from faceloop.training.programme_file import parse_programme
from faceloop.training.results import day_result
from faceloop.training.trend import LEAST_REPETITIONS, streak, trend_words, trends, weeks

FAKES = Path(__file__).parents[2] / "fakes"
FAKE = runpy.run_path(str(FAKES / "fake_patient.py"))
Patient, context, references, run = (
    FAKE[name] for name in ("Patient", "context", "references", "run")
)

programme_text = runpy.run_path(str(FAKES / "quick_programme.py"))["programme_text"]
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def quick(repetitions: int = 2) -> Programme:
    blocks = ("settle", "massage", "retraining", "cool_down")
    text = programme_text(*blocks, retraining={"repetitions": repetitions, "rest_longest_s": 2})
    return parse_programme(text, "quick")


class Clock:
    """A time of day that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def days(tmp_path: Path) -> Days:
    clock = Clock()
    made = Days(tmp_path, clock)
    made.clock = clock  # type: ignore[attr-defined]
    made.profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    made.profiles.set_references("anna", references())
    return made


def train(days: Days, repetitions: int = 2, **patient: Any) -> str:
    day = days.begin("anna", programme=quick(repetitions))
    day.engine.start(0.0)
    run(day.engine, Patient(day.engine.context.montage, **patient))
    day.leave()
    return day.session


def full_log() -> list[dict[str, Any]]:
    log = MemoryLog()
    made_for = context()
    engine = DayEngine(quick(), made_for, log)
    engine.start(0.0)
    run(engine, Patient(made_for.montage))
    return log.records


RECORDS = full_log()


@pytest.mark.parametrize("n", range(1, len(RECORDS) + 1))
def test_day_killed_after_any_record_goes_on_and_loses_nothing(n: int) -> None:
    log = MemoryLog()
    log.records = [dict(record) for record in RECORDS[:n]]
    engine = DayEngine.restored(log.records, log)
    if n == len(RECORDS):
        assert engine.state == "done"
        return
    assert engine.state == "paused"
    before = engine.view(0.0)
    assert (before.block is None) == (n == len(RECORDS) - 1)  # only the end was missing
    assert before.active_s == max(record["t_s"] for record in log.records)
    engine.resume(1000.0)
    run(engine, Patient(engine.context.montage), 1000.0)
    assert log.records[:n] == RECORDS[:n]
    result = day_result(log.records)
    assert result.outcome == "done"
    assert [(b.name, b.outcome) for b in result.blocks] == [
        (b.name, b.outcome) for b in day_result(RECORDS).blocks
    ]
    # Every repetition once: those that were stored are not asked for again.
    trials = [record["step"] for record in log.records if record["kind"] == "trial"]
    assert trials == [1, 2]
    assert log.records[-1]["goals"] == RECORDS[-1]["goals"]


@pytest.mark.parametrize("n", range(1, len(RECORDS)))
def test_day_killed_after_any_record_can_be_closed(n: int) -> None:
    log = MemoryLog()
    log.records = [dict(record) for record in RECORDS[:n]]
    engine = DayEngine.restored(log.records, log)
    engine.close(0.0)
    assert engine.state == "done"
    assert (log.records[-1]["kind"], log.records[-1]["outcome"]) == ("day_end", "closed")
    assert day_result(log.records).outcome == "closed"


def test_log_cut_at_any_byte_keeps_every_whole_line(tmp_path: Path) -> None:
    log = DayLog(tmp_path, sync=lambda fd: None)
    for record in RECORDS[1:6]:
        log.append(record)
    log.close()
    data = log.path.read_bytes()
    for n in range(len(data) + 1):
        log.path.write_bytes(data[:n])
        again = DayLog(tmp_path, sync=lambda fd: None)
        n_whole = data[:n].count(b"\n")
        assert again.records == RECORDS[1 : 1 + n_whole]
        again.append({"kind": "pause", "t_s": 1.0})
        again.close()
        assert read_log(tmp_path) == [*RECORDS[1 : 1 + n_whole], {"kind": "pause", "t_s": 1.0}]


def test_damaged_line_in_the_middle_costs_only_itself(tmp_path: Path) -> None:
    log = DayLog(tmp_path)
    for record in RECORDS[1:5]:
        log.append(record)
    log.close()
    lines = log.path.read_bytes().splitlines(keepends=True)
    for flip in (3, 12, 40, len(lines[1]) - 2):
        bad = bytearray(lines[1])
        bad[flip] ^= 0x04
        log.path.write_bytes(lines[0] + bytes(bad) + lines[2] + lines[3])
        assert read_log(tmp_path) == [RECORDS[1], RECORDS[3], RECORDS[4]]
        DayLog(tmp_path).close()
        assert len(log.path.read_bytes()) == sum(map(len, lines))


def test_log_is_held_by_one_program_at_a_time(tmp_path: Path) -> None:
    log = DayLog(tmp_path)
    with pytest.raises(SessionBusy):
        DayLog(tmp_path)
    log.close()
    DayLog(tmp_path).close()


def test_full_disk_is_one_sentence_and_the_day_can_go_on(days: Days) -> None:
    day = days.begin("anna", programme=quick())
    sink = day.engine._sink
    day.engine.start(0.0)

    class Full:
        def append(self, record: dict[str, Any]) -> None:
            raise StorageError("The disk is full.")

    day.engine._sink = Full()
    with pytest.raises(StorageError):
        day.engine.tick(6.0)
    day.engine._sink = sink
    day.engine.tick(7.0)
    assert day.engine.view(7.0).block.name == "massage"  # type: ignore[union-attr]
    day.leave()


def test_day_that_was_left_is_found_gone_on_with_or_closed(days: Days) -> None:
    day = days.begin("anna", programme=quick())
    day.engine.start(0.0)
    day.engine.skip_block(2.0)
    assert days.open_days() == ()  # someone trains in it
    day.leave()  # as by a kill: nothing is written
    [found] = days.open_days()
    assert (found.session, found.profile, found.block) == (day.session, "anna", 1)
    assert (found.active_s, found.n_blocks, found.can_resume) == (2.0, 4, True)
    again = days.resume(found.session)
    again.engine.resume(50.0)
    assert again.engine.view(50.0).block.name == "massage"  # type: ignore[union-attr]
    again.leave()
    days.close(found.session)
    assert days.open_days() == ()
    assert days.resume(found.session).result().outcome == "closed"


def test_day_of_the_day_before_yesterday_is_not_offered_to_go_on(days: Days) -> None:
    day = days.begin("anna", programme=quick())
    day.engine.start(0.0)
    day.leave()
    days.clock.now = NOON + timedelta(days=2)  # type: ignore[attr-defined]
    assert not days.open_days()[0].can_resume
    with pytest.raises(UsageError, match="There is no session"):
        days.resume("0" * 26)
    with pytest.raises(UsageError, match="There was no training"):
        days.resume(days.store.new_session().name)


def test_index_made_anew_from_the_folders_is_the_same(days: Days, tmp_path: Path) -> None:
    for joins in (0.6, 0.3, 0.0):
        train(days, joins=joins)
        days.clock.now += timedelta(days=1)  # type: ignore[attr-defined]
    assert days.index.sync() == 1  # the others were read when the next day began
    assert days.index.sync() == 0
    before = (days.index.days("anna"), days.index.movements("anna"), days.index.goals("anna"))
    assert len(before[0]) == 3 and before[0][0].trials == 2
    assert before[0][0].synkinesis >= 1 > before[0][2].synkinesis
    assert days.index.rebuild() == 3
    assert before == (
        days.index.days("anna"), days.index.movements("anna"), days.index.goals("anna")
    )  # fmt: skip
    assert days.index.days("bert") == ()


@pytest.mark.parametrize("damage", [b"", b"no database at all, but long enough " * 9])
def test_damaged_index_is_made_anew(days: Days, damage: bytes, tmp_path: Path) -> None:
    train(days)
    days.index.sync()
    (tmp_path / "index.sqlite").write_bytes(damage)
    assert days.index.sync() == 1
    assert len(days.index.days("anna")) == 1


def test_index_of_another_layout_is_made_anew(days: Days, tmp_path: Path) -> None:
    train(days)
    days.index.sync()
    db = sqlite3.connect(tmp_path / "index.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    assert days.index.sync() == 1


def test_damaged_log_is_listed_without_a_person_and_stops_nobody(days: Days) -> None:
    train(days)
    folder = days.store.new_session()
    (folder / LOG_NAME).write_text('{"kind":"day"}\n')
    assert days.index.sync() == 2
    assert len(days.index.days("anna")) == 1
    assert days.open_days() == ()


def test_next_day_begins_where_targets_stood_and_knows_what_is_due(days: Days) -> None:
    train(days)
    made_for = days.context("anna")
    assert made_for.days_since == {}  # done today: may be done again today
    assert made_for.goals == {"retraining/closed_mouth_smile": 0.25}
    days.clock.now += timedelta(days=3)  # type: ignore[attr-defined]
    assert days.context("anna").days_since["retraining"] == 3
    days.profiles.pin.choose("2468")
    days.profiles.begin_goals_anew("anna", "2468")
    assert days.context("anna").goals == {}
    train(days)
    assert days.context("anna").goals == {"retraining/closed_mouth_smile": 0.25}


def test_removed_session_leaves_the_index(days: Days) -> None:
    session = train(days)
    days.index.sync()
    folder = days.store.session(session)
    (folder / LOG_NAME).unlink()
    days.index.sync()
    assert days.index.days("anna") == ()


def test_trend_shows_symmetry_and_synkinesis_together(days: Days) -> None:
    assert trend_words(days.index.days("anna")).key == "train.trend.too_early"
    for joins, strength in ((0.6, 0.8), (0.6, 0.8), (0.0, 0.9), (0.0, 0.9)):
        train(days, repetitions=5, joins=joins, strength=strength)
        days.clock.now += timedelta(days=4)  # type: ignore[attr-defined]
    days.index.sync()
    rows = days.index.days("anna")
    word = trend_words(rows)
    assert word.key == "train.trend.more_even_quieter"
    assert word.params["weeks"] >= 1
    assert sum(week.days for week in weeks(rows)) == 4
    # Weaker at first, less so now: with its sign, in the row, the week and the words.
    signed = [row.signed_asymmetry for row in rows]
    assert signed == pytest.approx([-0.11, -0.11, -0.053, -0.053], abs=0.02)
    first, last = weeks(rows)[0], weeks(rows)[-1]
    side = trends(rows)[1]
    assert side.key == "train.trend.side" and side.params == {
        "from_pct": f"\N{MINUS SIGN}{-100 * first.signed_asymmetry:.0f}",
        "side_pct": f"\N{MINUS SIGN}{-100 * last.signed_asymmetry:.0f}",
    }
    # One repetition, or a few, is no week to be compared.
    few = replace(rows[-1], begun_utc=rows[-1].begun_utc + timedelta(days=14), symmetry=0.1)
    assert trend_words([*rows, replace(few, trials=LEAST_REPETITIONS - 1)]) == word
    assert trend_words([*rows, replace(few, trials=LEAST_REPETITIONS)]).key.startswith(
        "train.trend.less_even"
    )
    # A day counts as much as was done on it.
    many = replace(rows[-1], trials=9 * rows[-1].trials, symmetry=0.5)
    week = weeks([replace(rows[-1], symmetry=1.0), many])[0]
    assert week.symmetry == pytest.approx(0.55)


def test_every_trend_key_is_in_the_catalogue_list() -> None:
    keys = message_keys()
    assert {"train.trend.less_even_as_quiet", "train.streak.welcome_back"} <= set(keys)


def test_streak_counts_and_never_blames(tmp_path: Path) -> None:
    clock = Clock()
    days = Days(tmp_path, clock)
    days.profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )

    def at(offsets: list[int], today: int) -> Any:
        rows = []
        for offset in offsets:
            row = FAKE_ROW
            rows.append(
                type(row)(**{
                    **{name: getattr(row, name) for name in row.__slots__},
                    "begun_utc": NOON + timedelta(days=offset),
                })
            )  # fmt: skip
        return streak(rows, (NOON + timedelta(days=today)).astimezone().date())

    assert at([], 0).word.key == "train.streak.first"
    assert (at([0, 1, 2], 2).in_a_row, at([0, 1, 2], 3).in_a_row) == (3, 3)
    assert at([0, 2, 4], 4).in_a_row == 3  # a day off in between does not end it
    assert at([0, 1, 2], 2).word.key == "train.streak.days"
    assert at([0, 4], 4).word.key == "train.streak.week"
    away = at([0, 1, 2], 20)
    assert (away.word.key, away.total, away.this_week) == ("train.streak.welcome_back", 3, 0)


def _row() -> Any:
    from faceloop.training.index import DayRow

    return DayRow("s", "anna", "quick", "synkinesis", NOON, "done", 60.0, 1.0, 1.0, 0.0, 1, 1)


FAKE_ROW = _row()


def test_every_message_of_a_day_is_in_the_list_of_keys() -> None:
    """Two days with all that can go wrong; every text that is shown has its key and parameters."""
    keys = message_keys()
    seen: set[str] = set()

    def look(thing: Any) -> None:
        if type(thing).__name__ == "Message":
            assert thing.key in keys, thing.key
            assert set(thing.params) <= set(keys[thing.key]), thing
            seen.add(thing.key)
            for value in thing.params.values():
                look(value)
        elif hasattr(thing, "__slots__") and not isinstance(thing, str):
            for name in thing.__slots__:
                look(getattr(thing, name))
        elif isinstance(thing, (tuple, list)):
            for entry in thing:
                look(entry)

    for stage, patient in (
        ("synkinesis", {"joins": 0.6}),
        ("synkinesis", {"strength": 0.3}),
        ("synkinesis", {"off": frozenset({2})}),
        ("synkinesis", {"effort": 9.0}),
        ("flaccid", {}),
    ):
        made_for = context(stage)
        engine = DayEngine(quick(), made_for, MemoryLog())
        engine.start(0.0)

        def show(engine: DayEngine, now_s: float) -> None:
            if round(now_s * 100) % 7 == 0:
                look(engine.view(now_s))

        run(engine, Patient(made_for.montage, **patient), each=show)
    assert {"train.cue.effort", "train.cue.uneven", "unfit.mains"} <= seen
    assert {"train.left_out.stage_locked", "train.trial.synkinesis"} <= seen


def test_profile_files_hold_no_more_than_they_say(days: Days, tmp_path: Path) -> None:
    stored = json.loads((tmp_path / "profiles" / "anna" / "profile.json").read_text())
    assert set(stored) == {
        "pseudonym", "affected_side", "stage", "montage", "has_movement_returned",
        "is_unlocked_by_therapist", "reminder", "references",
        "created_utc", "goals_from_utc", "onset", "reviewed",
        "heat_test", "heat_choice", "heat_failures",
    }  # fmt: skip
    assert (tmp_path / "profiles" / "anna").stat().st_mode & 0o077 == 0


def test_store_and_index_agree_with_the_ordinary_store(days: Days, tmp_path: Path) -> None:
    session = train(days)
    assert [entry.id for entry in Store(tmp_path).sessions()] == [session]
    assert DayIndex(Store(tmp_path)).sync() == 1
