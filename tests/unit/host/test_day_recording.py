"""The signal of a day: recorded beside what was done, for as long as the day is under way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import StorageError
from faceloop.session.bdf import BDF_NAME
from faceloop.session.journal_format import JOURNAL_NAME
from faceloop.session.live import LiveStatus
from faceloop.training.day_recording import DayRecording
from faceloop.training.days import Day, Days
from faceloop.training.engine import DayEngine
from faceloop.training.profiles import Profile
from faceloop.ui.app import _record


class Live:
    """A session whose recordings are journals without content, as on a disk that works."""

    def __init__(self, days: Days) -> None:
        self._days = days
        self.now = LiveStatus(link="live")
        self.error: StorageError | None = None
        self.refusal: StorageError | None = None

    def status(self) -> LiveStatus:
        return self.now

    async def start_recording(self, folder: Path | None = None) -> None:
        if self.refusal is not None:
            raise self.refusal
        folder = folder or self._days.store.new_session()
        (folder / JOURNAL_NAME).touch(exist_ok=False)
        self.now = replace(self.now, is_recording=True, recording=str(folder))

    async def stop_recording(self) -> None:
        file = Path(self.now.recording) / BDF_NAME
        file.touch()
        self.now = replace(self.now, is_recording=False, recording=str(file))

    @property
    def runs_in(self) -> str:
        return Path(self.now.recording).name if self.now.is_recording else ""


@pytest.fixture
def days(tmp_path: Path) -> Days:
    days = Days(tmp_path)
    days.profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    return days


@pytest.fixture
def live(days: Days) -> Live:
    return Live(days)


@pytest.fixture
def recording(live: Live) -> DayRecording:
    return DayRecording(live)  # type: ignore[arg-type]


def begun(days: Days) -> Day:
    day = days.begin("anna")
    day.engine.start(0.0)
    return day


async def test_day_is_recorded_beside_what_was_done_and_its_end_ends_it(
    days: Days, live: Live, recording: DayRecording
) -> None:
    await recording.follow(None)
    assert not live.now.is_recording
    day = begun(days)
    for _ in range(3):
        await recording.follow(day)
    assert live.runs_in == day.session
    assert day.result().recordings == (day.session,)
    await recording.follow(None)
    assert not live.now.is_recording and (day.folder / BDF_NAME).is_file()


async def test_day_that_goes_on_is_recorded_in_a_session_of_its_own(
    days: Days, live: Live, recording: DayRecording
) -> None:
    day = begun(days)
    await recording.follow(day)
    day.leave()
    await recording.follow(None)
    again = days.resume(day.session)
    again.engine.resume(0.0)
    await recording.follow(again)
    second = live.runs_in
    assert second not in ("", day.session)
    assert again.result().recordings == (day.session, second)
    await recording.follow(None)
    assert not live.now.is_recording


async def test_recording_of_a_killed_day_that_the_board_goes_on_filling_is_the_days(
    days: Days, live: Live, recording: DayRecording
) -> None:
    day = begun(days)
    await live.start_recording(day.folder)
    await recording.follow(day)
    assert day.result().recordings == (day.session,)
    await recording.follow(None)
    assert not live.now.is_recording


async def test_recording_begun_by_hand_stays_the_persons_and_is_linked(
    days: Days, live: Live, recording: DayRecording
) -> None:
    await live.start_recording()
    by_hand = live.runs_in
    day = begun(days)
    await recording.follow(day)
    assert day.result().recordings == (by_hand,)
    await recording.follow(None)
    assert live.runs_in == by_hand


async def test_another_recording_within_the_day_is_linked_and_outlives_it(
    days: Days, live: Live, recording: DayRecording
) -> None:
    day = begun(days)
    await recording.follow(day)
    await live.stop_recording()  # the person does not want it
    await recording.follow(day)
    assert not live.now.is_recording
    await live.start_recording()
    await recording.follow(day)
    by_hand = live.runs_in
    assert day.result().recordings == (day.session, by_hand)
    await recording.follow(None)
    assert live.runs_in == by_hand


async def test_full_disk_is_said_once_and_the_day_goes_on(
    days: Days, live: Live, recording: DayRecording
) -> None:
    live.refusal = StorageError("The disk is full.")
    day = begun(days)
    with pytest.raises(StorageError, match="full"):
        await recording.follow(day)
    await recording.follow(day)
    assert day.engine.state == "running" and day.result().recordings == ()


async def test_disk_that_fills_up_within_the_day_is_said_once(
    days: Days, live: Live, recording: DayRecording
) -> None:
    day = begun(days)
    await recording.follow(day)
    live.error = StorageError("The disk is full.")
    live.now = replace(live.now, is_recording=False, recording="")
    with pytest.raises(StorageError, match="full"):
        await recording.follow(day)
    await recording.follow(day)
    assert day.engine.state == "running"


async def test_day_begun_before_the_stream_is_recorded_from_the_stream_on(
    days: Days, live: Live, recording: DayRecording
) -> None:
    live.now = LiveStatus(link="connecting")
    day = begun(days)
    await recording.follow(day)
    assert not live.now.is_recording
    live.now = LiveStatus(link="live")
    await recording.follow(day)
    assert live.runs_in == day.session


async def test_app_records_the_days_of_its_room_and_says_a_full_disk(
    days: Days, open_page: Any
) -> None:
    state = open_page().state
    following = asyncio.create_task(_record(state))
    try:
        state.live.refuse_recording = True
        assert state.room.begin(is_short=True)
        async with asyncio.timeout(5.0):
            while state.room.fault is None:
                await asyncio.sleep(0.01)
        assert "disk" in str(state.room.fault) and state.room.is_under_way
        state.live.refuse_recording = False
        assert state.room.begin(is_short=True)
        folder = state.room.day.folder
        async with asyncio.timeout(5.0):
            while state.live.status().recording != str(folder):
                await asyncio.sleep(0.01)
            state.room.do(DayEngine.close)
            while state.live.status().is_recording:
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
