"""For the therapist: where the targets of the movements stand, and the way back to the first."""

from __future__ import annotations

from faceloop.errors import FaceloopError
from faceloop.training.message import message
from faceloop.ui.elements import tag
from faceloop.ui.state import AppState

__all__ = ["GoalsCard"]


class GoalsCard:
    """A list of targets.

    Parameters
    ----------
    state : AppState
    pin : str
        With which the therapist has come in.
    """

    def __init__(self, state: AppState, pin: str) -> None:
        self._state = state
        self._text = state.texts
        self._pin = pin
        with tag("section", classes="fl-card", aria_labelledby="fl-goals"):
            tag("h2", self._text("therapist.goals"), id="fl-goals")
            self._problem = tag("p", classes="fl-problem", role="alert")
            self._place = tag("div", role="status")
        self._draw()

    def _draw(self) -> None:
        text, room = self._text, self._state.room
        self._place.clear()
        profile = room.profile
        if profile is None:
            return
        try:
            goals = room.days.context(profile.pseudonym).goals
        except FaceloopError as error:
            self._problem.say(text.refused(error))
            return
        with self._place:
            if not goals:
                tag("p", text("therapist.goals_first"))
                return
            shares: dict[str, list[str]] = {}  # a movement may be in several blocks
            for name, share in goals.items():
                shares.setdefault(name.rpartition("/")[2], []).append(text.percent(share))
            with tag("ul"):
                for movement, percents in sorted(shares.items()):
                    title = text.say(message(f"train.movement.{movement}.title"))
                    tag("li", f"{title}: {', '.join(dict.fromkeys(percents))}")
            button = tag("button", text("therapist.goals_anew"), "fl-button", type="button")
            button.on("click", lambda: self._begin_anew(profile.pseudonym), args=[])

    def _begin_anew(self, pseudonym: str) -> None:
        room = self._state.room
        try:
            room.days.profiles.begin_goals_anew(pseudonym, self._pin)
        except FaceloopError as error:
            self._problem.say(self._text.refused(error))
            return
        room.choose(pseudonym)
        self._draw()
