"""The daily reminder of the app: once, at its time, not after training; the calendar file."""

from __future__ import annotations

import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from faceloop.training.profiles import Profile
from faceloop.ui.reminder import DailyReminder, serve_calendar
from faceloop.ui.texts import Texts
from faceloop.ui.training_room import TrainingRoom

ROOM = runpy.run_path(str(Path(__file__).with_name("test_training_room.py")))


class Desk:
    """A desktop that shows notices, or cannot, and a clock."""

    def __init__(self, root: Path) -> None:
        self.room = TrainingRoom(ROOM["Live"](), root)
        self.state: Any = SimpleNamespace(room=self.room, texts=Texts("de"), reminder="")
        self.can_show = True
        self.shown: list[tuple[str, str]] = []
        # After whatever the room has stored by the machine's own clock.
        self.now = datetime(2031, 3, 3, 18, 0, tzinfo=UTC).astimezone()
        self.reminder = DailyReminder(self.state, self.show, lambda: self.now)

    def show(self, title: str, text: str) -> bool:
        if self.can_show:
            self.shown.append((title, text))
        return self.can_show

    def set(self, minutes_from_now: int) -> None:
        at = (self.now + timedelta(minutes=minutes_from_now)).strftime("%H:%M")
        self.room.profile = self.room.days.profiles.set_reminder("anna", at)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.room.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    return desk


async def test_reminder_comes_once_at_its_time_and_again_the_next_day(desk: Desk) -> None:
    await desk.reminder.look()
    assert desk.shown == []  # none is set
    desk.set(2)
    await desk.reminder.look()
    assert desk.shown == []
    for _ in range(5):
        desk.now += timedelta(minutes=1)
        await desk.reminder.look()
    assert desk.shown == [
        (Texts("de")("train.reminder.title"), Texts("de")("train.reminder.text"))
    ]
    desk.now += timedelta(days=1)
    await desk.reminder.look()
    assert len(desk.shown) == 2


async def test_page_says_it_where_the_desktop_cannot_until_training_begins(desk: Desk) -> None:
    desk.can_show = False
    desk.set(0)
    await desk.reminder.look()
    assert desk.state.reminder.startswith(Texts("de")("train.reminder.title"))
    assert desk.room.begin(is_short=True)
    await desk.reminder.look()
    assert desk.state.reminder == ""
    desk.room.leave()


async def test_day_with_training_has_no_reminder(desk: Desk) -> None:
    assert desk.room.begin(is_short=True)
    desk.room.do(lambda engine, now_s: engine.close(now_s))
    last = desk.room.last_trained()
    assert last == datetime.now().astimezone().date()
    desk.now = datetime.now().astimezone()
    desk.set(0)
    await desk.reminder.look()
    assert desk.shown == []
    desk.room.leave()


async def test_calendar_file_says_nobodys_name_and_is_there_only_with_a_time(desk: Desk) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await serve_calendar(desk.state, scope, receive, send)

    there = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=there, base_url="http://127.0.0.1") as client:
        assert (await client.get("/")).status_code == 404
        desk.set(0)
        answer = await client.get("/")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert 'filename="faceloop.ics"' in answer.headers["content-disposition"]
    assert f"SUMMARY:{Texts('de')('train.reminder.title')}" in answer.text
    assert "RRULE:FREQ=DAILY" in answer.text and "anna" not in answer.text
