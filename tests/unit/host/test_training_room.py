"""The room behind the pages, without a page: profile, set-up, a day, what is shown of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.errors import LinkError, StorageError
from faceloop.session.live import LiveBlock, LiveStatus
from faceloop.session.montage import montage_named
from faceloop.training.board_outputs import PATTERNS, BoardOutputs
from faceloop.training.days import Days
from faceloop.training.engine import DayEngine
from faceloop.training.profiles import Profile, Profiles
from faceloop.training.setup import SetUpTimes
from faceloop.ui.texts import Texts
from faceloop.ui.training_room import TrainingRoom
from faceloop_dsp.quality import REASONS
from faceloop_protocol.heat import PERMIT_FULL, PERMIT_NONE

REST_UV, EYE_LEFT = 2.0, 0
QUICK = SetUpTimes(contact_s=0.5, rest_s=4.0, contract_s=1.5, relax_s=1.5)
# Which channels answer to which task, as the coach expects it of the usual montage.
ANSWERS = {
    "close_eyes_gently": (0, 1),
    "closed_mouth_smile": (2, 3),
    "lip_pucker": (4, 5),
    "clench": (6, 7),
}


class Live:
    """A session with nothing but its muscles and a status."""

    def __init__(self) -> None:
        montage = montage_named("guarded8")
        self.muscles, self.labels = montage.muscles, montage.labels
        self.affected_side = "left"
        self.now = LiveStatus(link="live")

    def status(self) -> LiveStatus:
        return self.now


class Wearer:
    """Feeds a room, 10 ms at a time, with a clock of its own."""

    def __init__(
        self, root: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.live = Live()
        self.now_s = 100.0
        self.frame = 0
        self.room = TrainingRoom(
            self.live,  # type: ignore[arg-type]
            root,
            clock_s=lambda: self.now_s,
            times=QUICK,
            now=now,
        )

    def feel(self, seconds: float, **levels_uv: float) -> None:
        """Let time pass with ``c2=20.0`` and the like; all else rests."""
        rng = np.random.default_rng(self.frame)
        for _ in range(round(seconds * 100)):
            envelope = np.full(8, REST_UV, np.float32) + 0.05 * rng.standard_normal(8)
            for name, level in levels_uv.items():
                envelope[int(name[1:])] = level
            self.room.take(
                LiveBlock(
                    self.frame,
                    np.zeros((20, 8), np.float32),
                    envelope.astype(np.float32),
                    np.full(8, REST_UV, np.float32),
                    {},
                    self.now_s,
                )
            )
            self.frame += 20
            self.now_s += 0.01
            self.room.tick()

    def set_up(self) -> None:
        self.room.begin_setup()
        setup = self.room.setup
        assert setup is not None
        while not setup.is_done:
            view = setup.view(self.now_s)
            moving = ANSWERS.get(view.movement, ()) if view.is_contracting else ()
            self.feel(0.05, **{f"c{channel}": 30.0 for channel in moving})


@pytest.fixture
def wearer(tmp_path: Path) -> Wearer:
    wearer = Wearer(tmp_path)
    assert wearer.room.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    return wearer


def until(wearer: Wearer, phase: str, **levels_uv: float) -> None:
    for _ in range(4000):
        guide = wearer.room.guide()
        if guide is not None and guide.phase == phase:
            return
        wearer.feel(0.05, **levels_uv)
    pytest.fail(f"there is no {phase}")


def test_set_up_is_kept_and_remembered(wearer: Wearer, tmp_path: Path) -> None:
    wearer.set_up()
    profile = wearer.room.profile
    assert profile is not None and profile.known_references is not None
    assert wearer.room.setup is not None
    assert [check.verdict for check in wearer.room.setup.view(0).checks] == ["good"] * 8
    again = Wearer(tmp_path)  # the only one on this computer is chosen by itself
    assert again.room.profile is not None and again.room.profile.known_references is not None


def test_guide_shows_both_sides_the_band_and_a_muscle_that_joined_in(wearer: Wearer) -> None:
    wearer.set_up()
    assert wearer.room.guide() is None
    assert wearer.room.begin(is_short=True)
    wearer.room.do(DayEngine.skip_block)
    wearer.room.do(DayEngine.skip_block)
    until(wearer, "rise")  # it waits for a quiet face first
    until(wearer, "hold", c2=10.0, c3=10.0)
    wearer.feel(0.5, c2=10.0, c3=10.0)
    guide = wearer.room.guide()
    assert guide is not None and guide.is_shown and not guide.is_joined
    assert guide.left_share == pytest.approx(guide.right_share, abs=0.05)
    assert guide.low < guide.goal == guide.hold < guide.high
    assert 0 < guide.volume <= 1
    wearer.feel(0.5, c2=10.0, c3=10.0, c0=25.0)
    guide = wearer.room.guide()
    assert guide is not None and guide.is_joined
    wearer.live.now = LiveStatus(link="live", lead_off=(False, False, True) + (False,) * 5)
    wearer.feel(0.2, c2=10.0, c3=10.0)
    guide = wearer.room.guide()
    assert guide is not None and guide.is_muted and not guide.is_shown and guide.volume == 0
    wearer.room.do(DayEngine.pause)
    assert wearer.room.guide() is None


def test_muted_channel_says_its_own_reason(wearer: Wearer) -> None:
    wearer.set_up()
    assert wearer.room.begin(is_short=True)
    wearer.room.do(DayEngine.skip_block)
    wearer.room.do(DayEngine.skip_block)
    until(wearer, "rise")
    said = set()
    for reason in (*REASONS, ""):
        if reason == "lead_off":
            off = (False, False, True) + (False,) * 5
            wearer.live.now = LiveStatus(link="live", lead_off=off)
        else:
            wearer.live.now = LiveStatus(link="live", unfit=("", "", reason) + ("",) * 5)
        wearer.feel(0.05, c2=float("nan"))
        view = wearer.room.view()
        assert view is not None and view.feedback is not None
        cue = view.feedback.cue
        assert (cue.kind, view.feedback.is_muted) == ("bad_contact", True)
        assert cue.message.key == f"unfit.{reason or 'back'}"
        said.add(Texts("fr").say(cue.message))
        assert Texts("fr").say(cue.message).startswith("Muscle du sourire")
    assert len(said) == len(REASONS) + 1


def test_day_that_was_left_is_offered_and_goes_on(wearer: Wearer, tmp_path: Path) -> None:
    assert wearer.room.begin()
    wearer.feel(2.0)
    wearer.room.leave()
    again = Wearer(tmp_path)
    left = again.room.open_day()
    assert left is not None and left.can_resume
    assert again.room.resume(left.session)
    assert again.room.is_under_way and again.room.open_day() is None
    again.room.do(DayEngine.close)
    result = again.room.result()
    assert result is not None and result.outcome == "closed"
    assert again.room.open_day() is None
    again.room.leave()


@pytest.mark.parametrize("is_closed", [False, True])
def test_today_is_known_and_can_be_rated_after_a_new_start(
    wearer: Wearer, tmp_path: Path, *, is_closed: bool
) -> None:
    assert wearer.room.result() is None
    assert wearer.room.begin()
    wearer.feel(2.0)
    wearer.room.leave()
    room = Wearer(tmp_path).room
    left = room.open_day()
    assert left is not None
    if is_closed:
        room.close(left.session)
    room.say_of_today(lambda engine, now_s: engine.rate("pain", 3, now_s))
    room.say_of_today(lambda engine, now_s: engine.note_diary("A good day."))
    result = Wearer(tmp_path).room.result()
    assert result is not None and room.fault is None
    assert (result.ratings, result.diary) == ({"pain": 3}, "A good day.")
    assert result.outcome == ("closed" if is_closed else "open")
    room.create(
        Profile("bert", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    assert room.result() is None
    room.say_of_today(lambda engine, now_s: engine.rate("pain", 9, now_s))
    room.choose("anna")
    again = room.result()
    assert again is not None and again.ratings == {"pain": 3}


class Late:
    """A time of day shortly before midnight, and after it."""

    def __init__(self) -> None:
        self.now = datetime.now().astimezone().replace(hour=23, minute=50)

    def __call__(self) -> datetime:
        return self.now


def late_room(root: Path) -> tuple[TrainingRoom, Late, Any]:
    late = Late()
    wearer = Wearer(root, now=late)
    room = wearer.room
    assert room.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    assert room.begin(is_short=True)
    return room, late, wearer


def test_day_that_goes_over_midnight_goes_on_and_is_today_for_a_while(tmp_path: Path) -> None:
    room, late, _ = late_room(tmp_path)
    session = room.day.session  # type: ignore[union-attr]
    late.now += timedelta(minutes=20)
    room.tick()
    assert room.is_under_way and room.engine.state == "running"  # type: ignore[union-attr]
    room.do(DayEngine.close)
    room.tick()
    late.now += timedelta(hours=2)
    room.tick()
    assert room.result().outcome == "closed"  # type: ignore[union-attr]
    room.say_of_today(lambda engine, now_s: engine.rate("pain", 3, now_s))
    assert room.days.result(session).ratings == {"pain": 3}
    late.now += timedelta(hours=2)
    room.tick()
    assert room.day is None and room.result() is None and not room.is_under_way
    room.say_of_today(lambda engine, now_s: engine.rate("pain", 9, now_s))
    assert room.days.result(session).ratings == {"pain": 3}


def test_day_left_in_a_pause_overnight_is_offered_to_go_on_with_or_close(tmp_path: Path) -> None:
    room, late, _ = late_room(tmp_path)
    session = room.day.session  # type: ignore[union-attr]
    room.do(DayEngine.pause)
    late.now += timedelta(hours=1)
    room.tick()
    assert room.is_under_way
    late.now += timedelta(hours=9)
    room.tick()
    assert not room.is_under_way and room.view() is None
    left = room.open_day()
    assert left is not None and (left.session, left.can_resume) == (session, True)
    assert room.resume(session) and room.engine.state == "running"  # type: ignore[union-attr]
    room.tick()
    assert room.is_under_way
    room.do(DayEngine.close)
    assert room.begin(is_short=True) and room.day.session != session  # type: ignore[union-attr]
    room.leave()


def test_day_of_yesterday_is_not_today(tmp_path: Path) -> None:
    days = Days(tmp_path, lambda: datetime.now(UTC) - timedelta(days=1))
    days.profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    day = days.begin("anna")
    day.engine.start(0.0)
    day.leave()
    assert Wearer(tmp_path).room.result() is None


def test_what_the_disk_refuses_is_said_and_ends_nothing(
    wearer: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise LinkError("No room left.")

    monkeypatch.setattr(wearer.room.days, "begin", refuse)
    assert not wearer.room.begin()
    assert str(wearer.room.fault) == "No room left."
    wearer.room.choose("nobody")
    assert "no profile" in str(wearer.room.fault)


def test_nobody_chosen_may_have_no_heat_and_a_no_holds_on_a_full_disk(
    wearer: Wearer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = TrainingRoom(Live(), tmp_path / "new")  # type: ignore[arg-type]
    assert (empty.wearer, empty.heat_permission) == (None, PERMIT_NONE)
    room = wearer.room
    room.note_heat_test("passed")
    assert room.wearer is not None and room.heat_permission == PERMIT_FULL

    def refuse(*_: Any, **__: Any) -> None:
        raise StorageError("No room left.")

    monkeypatch.setattr(Profiles, "set_heat_test", refuse)
    room.note_heat_test("failed")
    assert str(room.fault) == "No room left." and room.heat_permission == PERMIT_NONE


async def test_board_vibrates_softly_and_one_out_of_reach_is_no_fault() -> None:
    asked: list[tuple[int, int]] = []

    class Board(Live):
        async def vibrate(self, strength_pct: int, length_ms: int) -> None:
            asked.append((strength_pct, length_ms))
            raise LinkError("The board is out of reach.")

    outputs = BoardOutputs(Board())  # type: ignore[arg-type]
    outputs.vibrate("synkinesis")
    await asyncio.sleep(0)
    await outputs.close()
    assert asked == [PATTERNS["synkinesis"]]
    silent = BoardOutputs(Live())  # type: ignore[arg-type]
    silent.vibrate("phase")
    silent.end_heat("emg")
    silent.annotate("block", "settle")
    assert silent.heat_report() is None
