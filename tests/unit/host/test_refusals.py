"""What is refused is said in the person's language, on every page, and in English elsewhere."""

from __future__ import annotations

import ast
import errno
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import FaceloopError, StorageError, UsageError
from faceloop.refusal import Refusal, Term, english
from faceloop.session.disk import storage_error
from faceloop.session.montage import montage_named
from faceloop.session.store import Store
from faceloop.training import pin, scales
from faceloop.training.day_log import LOG_NAME, DayLog
from faceloop.training.days import Days
from faceloop.training.index import DayIndex
from faceloop.training.movements import movement_named
from faceloop.training.pin import TherapistPin
from faceloop.training.profiles import Profile, Profiles
from faceloop.training.programme_file import (
    changed_programme,
    parse_programme,
    read_programme,
    shipped_programme,
)
from faceloop.training.questionnaires import Questionnaires
from faceloop.training.ratings import checked_rating
from faceloop.training.stage import StageLock
from faceloop.ui.texts import LANGUAGES, Texts, catalogue

HOST = Path(__file__).resolve().parents[3] / "host" / "src" / "faceloop"
# Everything that the training's pages ask of files, profiles and programmes.
TRAINING = [
    *sorted((HOST / "training").glob("*.py")),
    *(HOST / "session" / name for name in ("disk.py", "montage.py", "store.py")),
]
ERRORS = {"FaceloopError", "StorageError", "UsageError", "SessionBusy", "WrongPin"}
OTHERS = [language for language in LANGUAGES if language != "en"]
HOLE = re.compile(r"\{\w+\}")
NOW = datetime(2026, 11, 30, 10, tzinfo=UTC)
NO_SESSION = "0" * 26

Raises = Callable[[], Any]


@pytest.fixture(autouse=True)
def quick_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "SCRYPT_N", 2)  # how slow it is stands in another test


def test_training_refuses_with_a_key_and_never_with_a_sentence() -> None:
    with_sentence = []
    for path in TRAINING:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ERRORS:
                made = node.args[0] if node.args else None
                if not (isinstance(made, ast.Call) and ast.unparse(made.func) == "refusal"):
                    with_sentence.append(f"{path.name}:{node.lineno}")
    assert with_sentence == []


def test_english_is_written_once() -> None:
    written = {
        key: entry.removeprefix("refused.")
        for key, entry in catalogue("en").items()
        if isinstance(entry, str) and not key.startswith("refused.")
    }
    assert not set(written.values()) & {e for e in english().values() if isinstance(e, str)}


def parts(refusal: Refusal) -> Iterator[str]:
    """Return the keys of a refusal and of those in it."""
    yield refusal.key
    for value in refusal.params.values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Refusal):
                yield from parts(part)


DAY = """format = 1
name = "day"
stages = ["synkinesis"]
[[block]]
kind = "retraining"
name = "moves"
"""


def of_programmes(root: Path) -> Iterator[Raises]:
    day = shipped_programme("synkinesis")
    yield lambda: read_programme(root / "none.toml")
    (root / "large.toml").write_bytes(b"#" * (1 << 19))
    yield lambda: read_programme(root / "large.toml")
    (root / "latin.toml").write_bytes(b'name = "\xe9"')
    yield lambda: read_programme(root / "latin.toml")
    yield lambda: changed_programme(day, "x", "hold_s", 4)
    yield lambda: changed_programme(day, "retraining", "hold", 4)
    yield lambda: movement_named("grin")
    yield lambda: shipped_programme("cured")  # type: ignore[arg-type]
    for text in (
        *(
            "format =",
            "format 1",
            "a = " + "[" * 5000,
            DAY.replace("1", "2", 1),
            DAY.replace('["synkinesis"]', "[]"),
        ),
        *(DAY + more for more in ("hold_s = 99", "hold_s = 0", "hold = 4", 'hold_s = "long"')),
        *(DAY + more for more in ("repetitions = 4.5", "is_on = 1", "movements = 3")),
        *(DAY + more for more in ("goal_share = 0.7", 'movements = ["grin"]')),
        *(DAY.replace('"moves"', more) for more in ('"My moves"', "7")),
        DAY + "movements = [" + '"snarl",' * 12 + "]",
        DAY + DAY[DAY.index("[[block]]") :],
        DAY.replace('name = "moves"', ""),
        DAY.replace('kind = "retraining"', ""),
        DAY.replace("retraining", "sport"),
        DAY[: DAY.index("[[block]]")],
        DAY.replace("[[block]]", "[block]"),
        DAY.replace("retraining", "settle") + "duration_s = 30\nrest_s = 40",
        DAY.partition("[[block]]")[0] + "block = [3]",
    ):
        yield lambda text=text: parse_programme(text, "day.toml")


def of_profiles(root: Path) -> Iterator[Raises]:
    profiles = Profiles(root, lambda: NOW)
    anna = profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    yield lambda: Profile("Anna Maria", "left", "paresis")
    yield lambda: Profile("anna", "left", "paresis", onset="soon")
    yield lambda: profiles.create(Profile("emil", "left", "paresis"))
    yield lambda: Profile("anna", "up", "paresis")  # type: ignore[arg-type]
    yield lambda: Profile("anna", "left", "cured")  # type: ignore[arg-type]
    yield lambda: Profile("anna", "left", "paresis", "other9")
    yield lambda: Profile("anna", "left", "paresis", reminder="noon")
    yield lambda: Profile("anna", "left", "paresis", heat_test="?")  # type: ignore[arg-type]
    yield lambda: anna.with_heat_test("failed").with_heat_test("passed")
    profiles.set_heat_test("anna", "failed")
    profiles.create(
        Profile("dora", "left", "paresis", has_movement_returned=True, onset="2020-01-01")
    )
    yield lambda: profiles.set_heat_test("dora", "passed")
    yield lambda: profiles.create(anna)
    yield lambda: profiles.profile("bert")
    yield lambda: profiles.photo("../bert")
    yield lambda: profiles.keep_photo("anna", b"no picture")
    profiles.create(
        Profile("cara", "left", "paresis", has_movement_returned=True, onset="2020-01-01")
    )
    (root / "profiles" / "cara" / "profile.json").write_text("[")
    yield lambda: profiles.profile("cara")
    yield lambda: profiles.pin.check("2468")
    yield lambda: profiles.pin.choose("12")
    yield lambda: profiles.pin.choose("1111")
    profiles.pin.choose("2468")
    flaccid = shipped_programme("flaccid")
    yield lambda: profiles.set_programme("anna", flaccid, "2468")
    other = TherapistPin(root / "other", lambda: 0.0)
    other.choose("2468")
    for _ in range(6):
        yield lambda: other.check("1357")
    damaged = TherapistPin(root / "damaged", lambda: 0.0)
    damaged.choose("2468")
    (root / "damaged" / "therapist.json").write_text("{")
    yield lambda: damaged.check("2468")
    kept = Questionnaires(root / "profiles" / "anna")
    yield lambda: kept.add("mood", 3, date(2026, 11, 30))
    yield lambda: kept.add("saq", 3, date(2026, 11, 30))
    yield lambda: checked_rating("mood", 3)
    yield lambda: checked_rating("pain", 11)
    yield lambda: scales.face_total({})
    yield lambda: scales.sunnybrook([1], 0, 0, 0, [0] * 5)
    yield lambda: StageLock("cured")  # type: ignore[arg-type]
    yield lambda: montage_named("other9")


def refuse(error: OSError, path: Path) -> None:
    raise storage_error(error, path)


def of_the_disk(root: Path) -> Iterator[Raises]:
    days = Days(root, lambda: NOW)
    for number in (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EBADF):
        yield lambda number=number: refuse(OSError(number, "as it says"), root / "a file")
    yield lambda: Store(root).session("x")
    yield lambda: Store(root).session(NO_SESSION)
    (root / "sessions" / NO_SESSION).mkdir(parents=True)
    yield lambda: days.resume(NO_SESSION)
    (root / "sessions" / NO_SESSION / LOG_NAME).write_text("")
    yield lambda: days.resume(NO_SESSION)
    held = DayLog(root / "sessions" / NO_SESSION)
    yield lambda: days.resume(NO_SESSION)
    held.close()

    def unusable() -> None:
        with DayIndex(Store(root))._open():
            raise sqlite3.OperationalError("disk I/O error")

    yield unusable
    (root / "beside").mkdir()
    (root / "beside" / "index.sqlite").mkdir()
    yield lambda: DayIndex(Store(root / "beside")).sync()


def refused(root: Path) -> Iterator[FaceloopError]:
    for folder, provoked in (("a", of_programmes), ("b", of_profiles), ("c", of_the_disk)):
        (root / folder).mkdir()
        for action in provoked(root / folder):
            with pytest.raises(FaceloopError) as caught:
                action()
            yield caught.value


def test_every_refusal_can_be_had_and_is_said_in_every_language(tmp_path: Path) -> None:
    met: set[str] = set()
    for error in refused(tmp_path):
        assert error.refusal is not None, error
        met |= set(parts(error.refusal))
        sentence = str(error)
        assert not HOLE.search(sentence) and "\n" not in sentence and sentence[-1] == ".", sentence
        for language in OTHERS:
            said = Texts(language).refused(error)
            assert said[-1] == "." and said != sentence and not HOLE.search(said), (language, said)
            for name, value in error.refusal.params.items():
                # A reason of system or parser may be in English only; the log has it.
                if not isinstance(value, (tuple, Term, Refusal)) and name not in ("n", "reason"):
                    assert str(value) in said, (language, said)
    assert set(english()) == met


def test_words_that_a_page_has_names_for_are_named(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path)
    profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    profiles.pin.choose("2468")
    with pytest.raises(UsageError) as caught:
        profiles.set_programme("anna", shipped_programme("flaccid"), "2468")
    assert str(caught.value).startswith(
        "flaccid_day is for flaccid; anna is in the stage synkinesis."
    )
    said = Texts("de").refused(caught.value)
    assert Texts("de")("train.stage.flaccid.title") in said and "synkinesis" not in said
    with pytest.raises(UsageError) as caught:
        parse_programme(DAY + "goal_share = 0.35\ngoal_most_share = 0.3", "day")
    assert str(caught.value) == (
        "day: block moves: goal_share is 0.35; it may be at most goal_most_share, 0.3."
    )
    assert "ist 0,35; mehr als" in Texts("de").refused(caught.value)
    assert Texts("fr").refused(None) == ""
    assert Texts("de").refused(StorageError("Never heard.")) == "Never heard."


# -- on the pages ---------------------------------------------------------------------------------


@pytest.fixture
def anna(tmp_path: Path) -> Profiles:
    profiles = Profiles(tmp_path)
    profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    profiles.pin.choose("2468")
    return profiles


GERMAN = catalogue("de")


def shown(page: Any, key: str) -> bool:
    """Whether the page says that refusal in German, and no English beside it."""
    entry = str(GERMAN[f"refused.{key}"]).replace(": {reason}", "")  # the parser speaks English
    german = re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(entry)))
    texts = page.texts()
    return any(german.fullmatch(text) for text in texts) and not any(
        str(error) in texts for error in (page.state.room.fault,) if error is not None
    )


async def test_profile_page_says_what_is_refused(open_page: Any, tmp_path: Path) -> None:
    page = open_page()
    page.go("profile")
    page.choose("fl-name", "anna")
    page.choose("fl-side", "left")
    page.choose("fl-stage", "synkinesis")
    page.press(Texts("de")("profile.create"))
    assert shown(page, "stage_for_therapist"), page.texts()
    for name, key in (("Anna Maria", "pseudonym"), ("anna", ""), ("anna", "profile_exists")):
        page.go("profile")
        page.choose("fl-name", name)
        page.choose("fl-side", "left")
        page.choose("fl-stage", "synkinesis")
        page.choose("fl-onset", "2020-01-01")
        page.choose("fl-back", "true")
        page.press(Texts("de")("profile.create"))
        assert not key or shown(page, key), page.texts()
    (tmp_path / "profiles" / "anna" / "profile.json").write_text("{")
    page.go("profile")
    page.press("anna")
    assert shown(page, "damaged"), page.texts()  # on the page of the day


async def test_therapist_page_says_what_is_refused(
    anna: Profiles, open_page: Any, tmp_path: Path
) -> None:
    def enter(typed: str) -> None:
        page.choose("fl-pin", typed)
        page.press(Texts("de")("therapist.open"))

    page = open_page()
    page.go("therapist")
    enter("1357")
    assert shown(page, "pin_wrong"), page.texts()
    enter("2468")
    page.unfold()
    page.choose("fl-settle-rest_s", "120")
    page.choose("fl-settle-duration_s", "90")
    page.press(Texts("de")("therapist.save"))
    rule = next(text for text in page.texts() if "Teil settle" in text)
    assert "„" in rule and "rest_s" not in rule and "may be" not in rule
    page.choose("fl-settle-duration_s", "150")  # together they fit, in whatever order
    page.choose("fl-settle-rest_s", "110")
    page.press(Texts("de")("therapist.save"))
    assert Texts("de")("therapist.saved") in page.texts()
    page.choose("fl-day", "short")  # its numbers are the therapist's as well
    page.unfold()
    page.choose("fl-settle-duration_s", "45")
    page.press(Texts("de")("therapist.save"))
    assert Texts("de")("therapist.saved") in page.texts()
    full, short = (anna.programme("anna", is_short=is_short) for is_short in (False, True))
    assert [day.block[0].duration_s for day in (full, short)] == [150, 45]
    assert not full.is_short and short.is_short
    (tmp_path / "profiles" / "anna" / "programme.toml").write_text("format =")
    page.go("therapist")
    assert shown(page, "programme_syntax"), page.texts()
    (tmp_path / "profiles" / "anna" / "programme.toml").unlink()
    (tmp_path / "therapist.json").write_text("{")
    page.go("therapist")
    enter("2468")
    assert shown(page, "pin_damaged"), page.texts()
    (tmp_path / "therapist.json").unlink()
    page.go("therapist")
    for typed, key in (("12", "pin_length"), ("1111", "pin_repeated")):
        enter(typed)
        assert shown(page, key), page.texts()


async def test_pages_of_the_day_say_what_is_refused(
    anna: Profiles, open_page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()
    page.go("today")
    page.press(Texts("de")("today.begin"))
    full = storage_error(OSError(errno.ENOSPC, "full"), tmp_path)

    def refuse(*_: object) -> None:
        raise full

    monkeypatch.setattr(page.state.room.days.index, "sync", refuse)
    page.go("results")
    assert shown(page, "disk_full"), page.texts()
    monkeypatch.setattr(page.state.room.day._log, "append", refuse)
    page.go("training")
    page.press(Texts("de")("training.skip_block"))
    page.refresh()
    assert shown(page, "disk_full"), page.texts()
    monkeypatch.undo()
    page.go("settings")
    page.choose("fl-reminder-time", "noon")
    assert shown(page, "reminder"), page.texts()
