"""The daily reminder of the app: once, at its time, not after training; the calendar file."""

from __future__ import annotations

import re
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from faceloop.training.profiles import Profile
from faceloop.training.programme_file import programme_with, shipped_programme
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

    def set_monthly(self, every_days: int) -> None:
        profiles, day = self.room.days.profiles, shipped_programme("synkinesis")
        keys = ("questionnaires_days", "review_days")
        if not profiles.pin.is_set:
            profiles.pin.choose("2468")
        changed = programme_with(day, {("[monthly]", key): every_days for key in keys})
        profiles.set_programme("anna", changed, "2468")

    def set(self, minutes_from_now: int) -> None:
        at = (self.now + timedelta(minutes=minutes_from_now)).strftime("%H:%M")
        self.room.profile = self.room.days.profiles.set_reminder("anna", at)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Nothing comes once a month here."""
    desk = Desk(tmp_path)
    desk.room.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    desk.set_monthly(0)
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


async def test_questionnaires_and_review_are_reminded_of_once_a_month(desk: Desk) -> None:
    """At the time of day of the other reminder, in the same notice, until they were done."""
    desk.set_monthly(30)
    profiles, german = desk.room.days.profiles, Texts("de")
    begun = datetime.fromisoformat(profiles.profile("anna").created_utc).astimezone()
    desk.now = begun.replace(hour=12) + timedelta(days=29)
    daily = german("train.reminder.text")
    both = [german(f"train.reminder.{kind}") for kind in ("questionnaires", "review")]
    desk.set(0)
    for words in ([daily], [daily, *both], *[[daily]] * 6, [daily, *both]):
        await desk.reminder.look()
        await desk.reminder.look()
        assert desk.shown.pop() == (german("train.reminder.title"), " ".join(words))
        assert desk.shown == []
        desk.now += timedelta(days=1)
    profiles.questionnaires("anna").add("saq", 20, desk.now.date())
    profiles.note_review("anna", "2468")
    (questionnaires, review) = desk.room.monthly()
    assert questionnaires.due == desk.now.date() + timedelta(days=30)
    assert review.due == datetime.now().astimezone().date() + timedelta(days=30)
    desk.now += timedelta(days=6)
    await desk.reminder.look()
    assert both[0] not in desk.shown.pop()[1]


async def test_month_s_reminder_comes_on_a_day_with_training_too(desk: Desk) -> None:
    desk.set_monthly(1)  # today's, from yesterday's point of view
    assert desk.room.begin(is_short=True)
    desk.room.do(lambda engine, now_s: engine.close(now_s))
    desk.now = datetime.now().astimezone() + timedelta(days=1)
    desk.room.last_trained = lambda: desk.now.date()  # type: ignore[method-assign]
    desk.set(0)
    await desk.reminder.look()
    texts = [Texts("de")(f"train.reminder.{kind}") for kind in ("questionnaires", "review")]
    assert desk.shown == [(Texts("de")("train.reminder.title"), " ".join(texts))]
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
    assert answer.text.count("BEGIN:VEVENT") == 1
    desk.set_monthly(28)
    async with httpx.AsyncClient(transport=there, base_url="http://127.0.0.1") as client:
        answer = await client.get("/")
    assert answer.text.count("RRULE:FREQ=DAILY;INTERVAL=28") == 2
    for kind in ("questionnaires", "review"):
        assert f"SUMMARY:{Texts('de')(f'train.reminder.{kind}')}" in answer.text
    assert len(re.findall("^UID:.*", answer.text, re.MULTILINE)) == 3
