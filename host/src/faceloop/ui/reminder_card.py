"""Settings of the daily reminder."""

from __future__ import annotations

from faceloop.errors import FaceloopError
from faceloop.ui.elements import Choice, tag
from faceloop.ui.reminder import CALENDAR_PATH
from faceloop.ui.state import AppState

__all__ = ["ReminderCard"]


class ReminderCard:
    """A time of day, no reminder, or a file for one's own calendar.

    Parameters
    ----------
    state : AppState
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        text = state.texts
        with tag("section", classes="fl-card", aria_labelledby="fl-reminder"):
            tag("h2", text("reminder.title"), id="fl-reminder")
            tag("p", text("reminder.why"), "fl-quiet")
            self._place = tag("div")
        self._draw()

    def _draw(self) -> None:
        text, profile = self._state.texts, self._state.room.profile
        self._place.clear()
        with self._place:
            if profile is None:
                tag("p", text("therapist.nobody"))
                return
            self._problem = tag("p", classes="fl-problem", role="alert")
            tag("label", text("reminder.time"), "fl-label", **{"for": "fl-reminder-time"})
            self._time = Choice("time", "fl-reminder-time", profile.reminder, self._take)
            with tag("div", classes="fl-actions"):
                self._none = tag("button", text("reminder.none"), "fl-button", type="button")
                self._none.on("click", self._take_none, args=[])
                self._file = tag(
                    *("a", text("reminder.file"), "fl-button"),
                    href=CALENDAR_PATH,
                    download="faceloop.ics",
                )
            self._told = tag("p", role="status")
        self._say()

    def _take_none(self) -> None:
        self._time.show("")
        self._take("")

    def _take(self, time_of_day: str) -> None:
        room = self._state.room
        if room.profile is None:
            return
        name = room.profile.pseudonym
        try:
            room.profile = room.days.profiles.set_reminder(name, time_of_day)
        except FaceloopError as error:
            self._problem.say(self._state.texts.refused(error))
            return
        self._problem.say("")
        self._say()

    def _say(self) -> None:
        """Say when, and offer the file only when there is a time."""
        profile = self._state.room.profile
        time_of_day = profile.reminder if profile is not None else ""
        for element in (self._none, self._file):
            element.set_shown(bool(time_of_day))
        text = self._state.texts
        told = text("reminder.at", time=time_of_day) if time_of_day else text("reminder.off")
        self._told.say(told)
