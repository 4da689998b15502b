"""For the therapist: when both have last looked back together, and that they have today."""

from __future__ import annotations

from faceloop.errors import FaceloopError
from faceloop.ui.elements import tag
from faceloop.ui.state import AppState

__all__ = ["ReviewCard"]


class ReviewCard:
    """The last look together, and a button for today's.

    Parameters
    ----------
    state : AppState
    pin : str
        With which the therapist has come in.
    """

    def __init__(self, state: AppState, pin: str) -> None:
        self._state, self._pin = state, pin
        text = state.texts
        with tag("section", classes="fl-card", aria_labelledby="fl-review"):
            tag("h2", text("therapist.review"), id="fl-review")
            self._told = tag("p", role="status")
            self._problem = tag("p", classes="fl-problem", role="alert")
            with tag("div", classes="fl-actions"):
                done = tag("button", text("therapist.reviewed"), "fl-button", type="button")
                done.on("click", self._note, args=[])
        self._say()

    def _note(self) -> None:
        room = self._state.room
        if room.profile is None:
            return
        name = room.profile.pseudonym
        try:
            room.profile = room.days.profiles.note_review(name, self._pin)
        except FaceloopError as error:
            self._problem.say(self._state.texts.refused(error))
            return
        self._problem.say("")
        self._say()

    def _say(self) -> None:
        text, profile = self._state.texts, self._state.room.profile
        day = None if profile is None else profile.review_day
        told = "" if day is None else text("therapist.last_review", day=text.calendar_day(day))
        self._told.say(told or text("therapist.never_reviewed"))
