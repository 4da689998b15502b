"""Reminders: on the desktop while the app runs, and as a file for one's own calendar."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from faceloop.training.reminders import CalendarSeries, calendar_text, is_due, show_notice
from faceloop.ui.state import AppState

__all__ = ["CALENDAR_PATH", "DailyReminder", "serve_calendar"]

CALENDAR_PATH = "/reminder.ics"
LOOKS_EVERY_S = 20.0
MONTHLY_MINUTES = 15


class DailyReminder:
    """Reminds whoever is chosen, once a day, and not on a day that has its training already.

    What comes once a month is reminded of at the same time of day.

    Parameters
    ----------
    state : AppState
        Its ``reminder`` holds the words where the desktop cannot show them.
    notify : callable
        Given title and text, shows them on the desktop and returns whether that worked.
    now : callable
        Local time with its zone.
    """

    def __init__(
        self,
        state: AppState,
        notify: Callable[[str, str], bool] = show_notice,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._state = state
        self._notify = notify
        self._now = now
        self._last: datetime | None = None

    async def run(self) -> None:
        """Look every now and then, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOKS_EVERY_S)

    async def look(self) -> None:
        """Remind when it is time."""
        room, now = self._state.room, self._now()
        if room.is_under_way:
            self._state.reminder = ""
            return
        if room.profile is None or not room.profile.reminder:
            return
        at = room.profile.reminder
        if not is_due(at, now, self._last, None):
            return
        self._last = now
        texts = self._state.texts
        said = [
            texts(f"train.reminder.{m.kind}") for m in room.monthly() if m.is_reminded(now.date())
        ]
        if is_due(at, now, None, room.last_trained()):
            said.insert(0, texts("train.reminder.text"))
        if not said:
            return
        title, text = texts("train.reminder.title"), " ".join(said)
        is_shown = await asyncio.to_thread(self._notify, title, text)
        self._state.reminder = "" if is_shown else f"{title}. {text}"


async def serve_calendar(state: AppState, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request for the calendar file of whoever trains now.

    Host, Origin, method and cookie were checked before.
    """
    await _answer(state)(scope, receive, send)


def _answer(state: AppState) -> Response:
    profile = state.room.profile
    if profile is None or not profile.reminder:
        return PlainTextResponse("There is no reminder.", 404)
    now = datetime.now().astimezone()
    programme = state.room.programme()
    minutes = round(programme.planned_s / 60) if programme is not None else 0
    # The same for a changed time, and it says nobody's name.
    uid = hashlib.sha256(profile.pseudonym.encode()).hexdigest()[:16]
    at, today, text = profile.reminder, now.date(), state.texts
    series = [
        CalendarSeries(at, today, text("train.reminder.title"), minutes, f"{uid}@faceloop"),
        *(
            CalendarSeries(
                *(at, one.next_day(today), text(f"train.reminder.{one.kind}"), MONTHLY_MINUTES),
                *(f"{uid}-{one.kind}@faceloop", one.every_days),
            )
            for one in state.room.monthly()
        ),
    ]
    return Response(
        calendar_text(series, now),
        media_type="text/calendar; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="faceloop.ics"'},
    )
