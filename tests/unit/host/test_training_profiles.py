"""Profiles and the therapist's PIN."""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import StorageError, UsageError
from faceloop.training.heat_bar import HeatBar
from faceloop.training.pin import SCRYPT_P, SCRYPT_R, TherapistPin, WrongPin
from faceloop.training.profiles import Profile, Profiles
from faceloop.training.programme_file import changed_programme, shipped_programme
from faceloop.training.stage import Stage
from faceloop_protocol.heat import PERMIT_FLAGGED, PERMIT_FULL, PERMIT_NONE

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_patient.py"))


class Clock:
    """A time of day that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def profiles(tmp_path: Path, clock: Clock) -> Profiles:
    made = Profiles(tmp_path, clock)
    made.create(Profile("anna", "left", "flaccid"))
    return made


ANSWERED = Profile("bert", "left", "paresis", has_movement_returned=True, onset="2020-01-01")


@pytest.mark.parametrize("stage", ["paresis", "synkinesis", "relaxation"])
@pytest.mark.parametrize("days", [0, 91, 92])
@pytest.mark.parametrize("has_returned", [False, True])
def test_stage_with_movements_needs_three_months_and_movement_or_a_therapist(
    profiles: Profiles, clock: Clock, stage: Stage, days: int, has_returned: bool
) -> None:
    onset = (clock().astimezone().date() - timedelta(days=days)).isoformat()
    asked = replace(ANSWERED, stage=stage, onset=onset, has_movement_returned=has_returned)
    if days >= 92 and has_returned:
        assert profiles.create(asked).stage == stage
        return
    with pytest.raises(UsageError, match="at least three months ago and movement has come back"):
        profiles.create(asked)
    assert profiles.names() == ("anna",)
    profiles.create(replace(asked, stage="flaccid"))
    profiles.pin.choose("2468")
    assert profiles.set_stage("bert", stage, "2468").stage == stage


def test_onset_is_a_day_or_not_known_and_set_by_the_therapist(profiles: Profiles) -> None:
    with pytest.raises(UsageError, match="can be chosen here"):
        profiles.create(replace(ANSWERED, onset=""))
    with pytest.raises(UsageError, match="'last year' is no day"):
        replace(ANSWERED, onset="last year")
    profiles.pin.choose("2468")
    with pytest.raises(UsageError, match="PIN"):
        profiles.set_onset("anna", "2024-02-29", "1111")
    assert profiles.set_onset("anna", "2024-02-29", "2468").onset == "2024-02-29"
    assert profiles.set_onset("anna", "", "2468").onset_day is None


def test_pin_is_stored_as_a_slow_hash_only(
    tmp_path: Path, clock: Clock, real_scrypt_n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What OWASP's password storage sheet asks for at the least, with r 8 and p 5.
    assert (real_scrypt_n, SCRYPT_R, SCRYPT_P) == (1 << 14, 8, 5)
    monkeypatch.setattr("faceloop.training.pin.SCRYPT_N", real_scrypt_n)
    pin = TherapistPin(tmp_path, lambda: clock().timestamp())
    assert not pin.is_set
    pin.choose("24681357")
    text = (tmp_path / "therapist.json").read_text()
    assert "24681357" not in text and len(json.loads(text)["hash"]) == 64
    assert (tmp_path / "therapist.json").stat().st_mode & 0o077 == 0
    pin.check("24681357")
    other = tmp_path / "other"
    again = TherapistPin(other, lambda: 0.0)
    again.choose("24681357")
    assert json.loads((other / "therapist.json").read_text())["hash"] not in text  # salted


@pytest.mark.parametrize("pin", ["123", "12345678901234", "12a4", "", "0000", "١٢٣٤"])
def test_what_is_no_pin_is_refused(tmp_path: Path, pin: str) -> None:
    with pytest.raises(UsageError):
        TherapistPin(tmp_path, lambda: 0.0).choose(pin)


def test_wrong_pins_make_everyone_wait_also_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    def pin() -> TherapistPin:
        return TherapistPin(tmp_path, lambda: clock().timestamp())

    pin().choose("24681357")
    for _ in range(4):
        with pytest.raises(WrongPin, match="does not fit"):
            pin().check("1111")
    for wrong_or_right in ("1111", "24681357"):
        with pytest.raises(WrongPin, match="Try again in 30 seconds"):
            pin().check(wrong_or_right)
    clock.later(30)
    pin().check("24681357")
    with pytest.raises(WrongPin, match="does not fit"):
        pin().check("1111")


def test_waiting_doubles_and_a_clock_set_back_locks_nobody_out_longer(
    tmp_path: Path, clock: Clock
) -> None:
    pin = TherapistPin(tmp_path, lambda: clock().timestamp())
    pin.choose("24681357")
    for wait_s in (0, 0, 0, 0, 0, 30, 60):
        clock.later(wait_s)
        with pytest.raises(WrongPin):
            pin.check("1111")
    clock.later(-86400)
    with pytest.raises(WrongPin) as caught:
        pin.check("24681357")
    assert caught.value.wait_s == 120
    clock.later(86400 + 120)
    pin.check("24681357")


def test_pin_is_changed_with_the_old_one(tmp_path: Path) -> None:
    pin = TherapistPin(tmp_path, lambda: 0.0)
    with pytest.raises(WrongPin, match="No PIN has been chosen"):
        pin.check("24681357")
    pin.choose("24681357")
    with pytest.raises(WrongPin):
        pin.choose("1357", "1111")
    pin.choose("1357", "24681357")
    pin.check("1357")
    (tmp_path / "therapist.json").write_text("{}")
    with pytest.raises(WrongPin, match="damaged"):
        pin.check("1357")


def test_stage_and_programme_need_the_pin(profiles: Profiles) -> None:
    profiles.pin.choose("24681357")
    with pytest.raises(WrongPin):
        profiles.set_stage("anna", "synkinesis", "1111")
    assert profiles.profile("anna").stage == "flaccid"
    assert not profiles.profile("anna").lock.allows_targets
    profiles.set_stage("anna", "flaccid", "24681357", is_unlocked=True)
    assert profiles.profile("anna").lock.allows_targets
    profiles.set_stage("anna", "synkinesis", "24681357")
    own = changed_programme(shipped_programme("synkinesis"), "retraining", "hold_s", 3)
    with pytest.raises(WrongPin):
        profiles.set_programme("anna", own, "1111")
    assert profiles.programme("anna") == shipped_programme("synkinesis")
    profiles.set_programme("anna", own, "24681357")
    assert profiles.programme("anna") == own
    assert profiles.programme("anna", is_short=True).is_short


def test_movement_that_has_returned_unlocks_and_the_therapist_can_take_it_back(
    profiles: Profiles,
) -> None:
    profiles.note_movement_returned("anna")
    assert profiles.profile("anna").lock.allows_targets
    profiles.pin.choose("24681357")
    profiles.set_stage("anna", "flaccid", "24681357")
    assert profiles.profile("anna").lock.allows_targets  # not asked about: as it was
    profiles.set_stage("anna", "flaccid", "24681357", has_returned=False)
    assert not profiles.profile("anna").lock.allows_targets


def test_targets_begin_anew_with_the_pin_only(profiles: Profiles, clock: Clock) -> None:
    profiles.pin.choose("24681357")
    with pytest.raises(WrongPin):
        profiles.begin_goals_anew("anna", "1111")
    assert profiles.profile("anna").goals_from_utc == ""
    profiles.begin_goals_anew("anna", "24681357")
    assert profiles.profile("anna").goals_from_utc == clock().isoformat(timespec="milliseconds")


@pytest.mark.parametrize(
    ("choice", "by_test"),
    [
        ("tested", {"": PERMIT_NONE, "failed": PERMIT_NONE, "passed": PERMIT_FULL}),
        ("gentle", {"": PERMIT_NONE, "failed": PERMIT_FLAGGED, "passed": PERMIT_FLAGGED}),
        ("off", dict.fromkeys(("", "failed", "passed"), PERMIT_NONE)),
    ],
)
def test_heat_goes_by_the_skin_test_unless_the_therapist_says_otherwise(
    profiles: Profiles, choice: Any, by_test: dict[Any, int]
) -> None:
    assert profiles.profile("anna").heat_permission == PERMIT_NONE, "off by default"
    profiles.pin.choose("2468")
    for result, permission in by_test.items():
        profiles.repeat_heat_test("anna", "2468")
        if result:
            profiles.set_heat_test("anna", result)
        with pytest.raises(WrongPin):
            profiles.set_heat_choice("anna", choice, "1111")
        profiles.set_heat_choice("anna", choice, "2468")
        assert profiles.profile("anna").heat_permission == permission


@pytest.mark.risk("RC-20B")
def test_failed_skin_test_stays_failed_until_the_pin_lets_it_be_done_again(
    profiles: Profiles,
) -> None:
    profiles.set_heat_test("anna", "failed")
    with pytest.raises(UsageError, match="therapist"):
        profiles.set_heat_test("anna", "passed")
    assert profiles.profile("anna").heat_permission == PERMIT_NONE
    profiles.pin.choose("2468")
    with pytest.raises(WrongPin):
        profiles.repeat_heat_test("anna", "1111")
    assert profiles.profile("anna").heat_test == "failed"
    profiles.repeat_heat_test("anna", "2468")
    assert profiles.profile("anna").heat_permission == PERMIT_NONE
    profiles.set_heat_test("anna", "passed")
    assert profiles.profile("anna").heat_permission == PERMIT_FULL


@pytest.mark.risk("RC-20B")
@pytest.mark.parametrize("before", ["passed", "failed"])
def test_later_no_ends_gentle_warmth_until_the_therapist_allows_it_again(
    profiles: Profiles, before: Any
) -> None:
    profiles.pin.choose("2468")
    profiles.set_heat_test("anna", before)
    profiles.set_heat_choice("anna", "gentle", "2468")
    assert profiles.profile("anna").heat_permission == PERMIT_FLAGGED
    profiles.set_heat_test("anna", "failed")
    assert profiles.profile("anna").heat_permission == PERMIT_NONE
    profiles.set_heat_choice("anna", "gentle", "2468")
    assert profiles.profile("anna").heat_permission == PERMIT_FLAGGED


@pytest.mark.risk("RC-33")
@pytest.mark.parametrize("choice", ["tested", "gentle"])
def test_question_in_doubt_ends_heat_until_both_are_passed_again(
    profiles: Profiles, choice: Any, tmp_path: Path
) -> None:
    profiles.pin.choose("2468")
    profiles.set_heat_test("anna", "passed")
    profiles.set_heat_choice("anna", choice, "2468")
    allowed = profiles.profile("anna").heat_permission
    assert allowed != PERMIT_NONE
    assert profiles.note_heat_doubt("anna").heat_permission == PERMIT_NONE
    assert Profiles(tmp_path).profile("anna").heat_permission == PERMIT_NONE, "kept"
    assert profiles.set_heat_test("anna", "passed").heat_permission == allowed


def test_doubt_never_opens_what_was_failed_or_is_barred(others: Profiles) -> None:
    assert others.note_heat_doubt("anna").heat_test == "failed"
    assert others.note_heat_doubt("bert").heat_test == "passed", "who may pass again still may"
    assert permission(others, "bert") == PERMIT_NONE


@pytest.fixture
def others(profiles: Profiles) -> Profiles:
    """Bert has passed, Anna then fails, Cara is made after it."""
    profiles.create(
        Profile("bert", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    profiles.set_heat_test("bert", "passed")
    profiles.set_heat_test("anna", "failed")
    profiles.create(
        Profile("cara", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    profiles.pin.choose("2468")
    return profiles


def permission(profiles: Profiles, name: str) -> int:
    return profiles.heat_permission(profiles.profile(name))


@pytest.mark.risk("RC-34")
def test_second_profile_is_no_way_around_a_failed_skin_test(others: Profiles) -> None:
    with pytest.raises(UsageError, match="PIN"):
        others.set_heat_test("cara", "passed")
    assert permission(others, "cara") == PERMIT_NONE
    (others._folder("anna") / "profile.json").unlink()
    with pytest.raises(UsageError, match="PIN"):
        others.set_heat_test("cara", "passed")
    others.repeat_heat_test("cara", "2468")
    assert permission(others, "cara") == PERMIT_NONE
    others.set_heat_test("cara", "passed")
    assert permission(others, "cara") == PERMIT_FULL


@pytest.mark.risk("RC-34")
def test_whoever_has_passed_before_a_failure_passes_again_before_heat(others: Profiles) -> None:
    assert permission(others, "bert") == PERMIT_NONE
    others.set_heat_test("bert", "passed")
    assert permission(others, "bert") == PERMIT_FULL
    others.set_heat_test("cara", "failed")
    assert permission(others, "bert") == PERMIT_NONE


@pytest.mark.mutation("RC-34")
def test_bar_taken_away_lets_a_second_profile_round_a_failure(
    others: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def heats() -> bool:
        try:
            others.set_heat_test("cara", "passed")
        except UsageError:
            return False
        return permission(others, "cara") != PERMIT_NONE

    assert not heats()
    monkeypatch.setattr(HeatBar, "count", lambda _: 0)
    assert heats()


@pytest.mark.mutation("RC-33")
def test_question_taken_away_lets_heat_go_on(
    profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.pin.choose("2468")

    def heats(result: str) -> bool:
        profiles.repeat_heat_test("anna", "2468")
        if result:
            profiles.set_heat_test("anna", result)  # type: ignore[arg-type]
        return profiles.profile("anna").heat_permission != PERMIT_NONE

    assert (heats("passed"), heats(""), heats("failed")) == (True, False, False)
    monkeypatch.setattr(
        Profile, "with_heat_test", lambda self, _: replace(self, heat_test="passed")
    )
    assert heats("failed")


@pytest.mark.risk("RC-34")
def test_gentle_warmth_is_barred_by_a_later_failure_until_the_pin(others: Profiles) -> None:
    others.set_heat_choice("anna", "gentle", "2468")
    assert permission(others, "anna") == PERMIT_FLAGGED
    others.set_heat_test("cara", "failed")
    assert permission(others, "anna") == PERMIT_NONE
    others.set_heat_choice("anna", "gentle", "2468")
    assert permission(others, "anna") == PERMIT_FLAGGED


@pytest.mark.risk("RC-34")
@pytest.mark.parametrize("kept", [b"", b"{}", b'{"n": null}', b"[1]"])
def test_damaged_count_bars_everybody_who_was_not_admitted_since(
    others: Profiles, tmp_path: Path, kept: bytes
) -> None:
    others.set_heat_test("bert", "passed")
    (tmp_path / "heat_failures.json").write_bytes(kept)
    again = Profiles(tmp_path)
    assert permission(again, "bert") == PERMIT_NONE
    again.repeat_heat_test("bert", "2468")
    again.set_heat_test("bert", "passed")
    assert permission(again, "bert") == PERMIT_FULL
    again.set_heat_test("anna", "failed")
    assert permission(again, "bert") == PERMIT_NONE


def test_failure_that_no_disk_keeps_bars_until_the_program_ends(
    profiles: Profiles, tmp_path: Path
) -> None:
    profiles.set_heat_test("anna", "passed")
    (tmp_path / "heat_failures.json.part").mkdir()
    with pytest.raises(StorageError):
        profiles.set_heat_test("anna", "failed")
    assert permission(profiles, "anna") == PERMIT_NONE


def test_profile_with_a_word_about_heat_that_nobody_knows_is_refused() -> None:
    for wrong in ({"heat_test": "maybe"}, {"heat_choice": "hot"}):
        with pytest.raises(UsageError, match="about heat"):
            Profile("a", "left", "synkinesis", **wrong)


def test_earlier_programmes_are_kept(profiles: Profiles, tmp_path: Path, clock: Clock) -> None:
    profiles.pin.choose("24681357")
    profiles.set_stage("anna", "synkinesis", "24681357")
    for hold_s in (2, 3, 4):
        own = changed_programme(shipped_programme("synkinesis"), "retraining", "hold_s", hold_s)
        profiles.set_programme("anna", own, "24681357")
        clock.later(1)
    kept = sorted((tmp_path / "profiles" / "anna" / "programmes").glob("*.toml"))
    assert ["hold_s = 2.0" in kept[0].read_text(), "hold_s = 3.0" in kept[1].read_text()] == [
        True, True,
    ]  # fmt: skip
    with pytest.raises(UsageError, match="is for flaccid; anna is in the stage synkinesis"):
        profiles.set_programme("anna", shipped_programme("flaccid"), "24681357")
    # After a change of stage the programme of the old one no longer counts.
    profiles.set_stage("anna", "paresis", "24681357")
    assert profiles.programme("anna") == shipped_programme("paresis")


def test_broken_own_programme_is_said_and_not_passed_over(
    profiles: Profiles, tmp_path: Path
) -> None:
    (tmp_path / "profiles" / "anna" / "programme.toml").write_text("format = 1\n")
    with pytest.raises(UsageError, match=r"programme\.toml: name is missing"):
        profiles.programme("anna")


def test_patient_says_that_movement_has_returned_without_a_pin(profiles: Profiles) -> None:
    assert not profiles.profile("anna").lock.allows_targets
    assert profiles.note_movement_returned("anna").lock.allows_targets


@pytest.mark.parametrize(
    "name", ["", "Anna", "anna schmidt", "../x", "-a", "a-", "a" * 25, "con", "lpt1", "ä"]
)
def test_pseudonym_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not a real name"):
        Profile(name, "left", "synkinesis")


def test_profile_is_refused_with_a_wrong_side_time_or_montage() -> None:
    with pytest.raises(UsageError, match="choose left or right"):
        Profile("a", "both", "synkinesis")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="write a time such as 18:30"):
        Profile("a", "left", "synkinesis", reminder="25:00")
    with pytest.raises(UsageError, match="no montage"):
        Profile("a", "left", "synkinesis", montage="x")
    with pytest.raises(UsageError, match="no stage"):
        Profile("a", "left", "cured")  # type: ignore[arg-type]


def test_profile_stored_and_read_again_is_the_same(profiles: Profiles, clock: Clock) -> None:
    profiles.set_reminder("anna", "18:30")
    profiles.set_references("anna", FAKE["references"]())
    profile = profiles.profile("anna")
    assert profile.reminder == "18:30"
    assert profile.known_references is not None
    assert profile.created_utc == clock().isoformat(timespec="seconds")
    assert profiles.set_montage("anna", "minimal4").known_references is None
    assert profiles.names() == ("anna",)
    with pytest.raises(UsageError, match="There is a profile anna already"):
        profiles.create(
            Profile("anna", "right", "paresis", has_movement_returned=True, onset="2020-01-01")
        )


def test_missing_and_damaged_profiles_are_one_sentence(profiles: Profiles, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no profile 'bert'"):
        profiles.profile("bert")
    with pytest.raises(UsageError, match="no profile"):
        profiles.profile("../anna")
    path = tmp_path / "profiles" / "anna" / "profile.json"
    for text in ("{", "[]", '{"pseudonym": "anna"}'):
        path.write_text(text)
        with pytest.raises(StorageError, match="is damaged"):
            profiles.profile("anna")


def test_placement_photo_stays_here_and_is_a_picture(profiles: Profiles, tmp_path: Path) -> None:
    assert profiles.photo("anna") is None
    profiles.keep_photo("anna", b"\xff\xd8\xff\xe0 jpeg")
    path = profiles.keep_photo("anna", b"\x89PNG\r\n\x1a\n png")
    assert profiles.photo("anna") == path
    assert [p.name for p in path.parent.glob("placement.*")] == ["placement.png"]
    for data in (b"<svg>", b"", b"\xff\xd8\xff" + bytes(9 << 20)):
        with pytest.raises(UsageError, match="A photo is"):
            profiles.keep_photo("anna", data)
