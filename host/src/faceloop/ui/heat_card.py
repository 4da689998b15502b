"""For the therapist: how much warmth a person may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faceloop.errors import FaceloopError
from faceloop.training.profiles import HEAT_CHOICES, Profile
from faceloop.ui.elements import Choice, tag
from faceloop.ui.state import AppState
from faceloop_protocol.heat_limits import SETPOINT_FLAGGED_MAX_MDEGC, SETPOINT_MAX_MDEGC

__all__ = ["HeatCard"]


class HeatCard:
    """A choice that is kept at once; the board's own limits stay whatever it is.

    Parameters
    ----------
    state : AppState
    profile : Profile
        Whose warmth.
    pin : str
        With which the therapist has come in.
    """

    def __init__(self, state: AppState, profile: Profile, pin: str) -> None:
        self._state = state
        self._pseudonym = profile.pseudonym
        self._pin = pin
        text = state.texts
        gentle = text.number(SETPOINT_FLAGGED_MAX_MDEGC / 1000, 1)
        most = text.number(SETPOINT_MAX_MDEGC / 1000)
        options = [
            (choice, text(f"therapist.heat.{choice}", most=most, gentle=gentle))
            for choice in HEAT_CHOICES
        ]
        with tag("section", classes="fl-card"), tag("fieldset", classes="fl-fieldset"):
            tag("legend", text("therapist.heat.title"), "fl-label")
            self._problem = tag("p", classes="fl-problem", role="alert")
            Choice("radio", "fl-heat-permit", profile.heat_choice, self._take, options)
            is_barred = state.room.days.profiles.heat_bar.bars(profile)
            result = "barred" if is_barred else profile.heat_test or "not_done"
            self._result = tag("p", text(f"therapist.heat.{result}"))
            self._repeat = tag("button", text("therapist.heat.repeat"), "fl-button", type="button")
            self._repeat.on("click", self._on_repeat, args=[])
            self._repeat.set_shown(is_barred or profile.heat_test == "failed")
            tag("p", text("therapist.heat.hint"), "fl-quiet")

    def _take(self, choice: Any) -> None:
        profiles = self._state.room.days.profiles
        self._keep(lambda: profiles.set_heat_choice(self._pseudonym, choice, self._pin))

    def _on_repeat(self) -> None:
        profiles = self._state.room.days.profiles
        if self._keep(lambda: profiles.repeat_heat_test(self._pseudonym, self._pin)):
            self._result.say(self._state.texts("therapist.heat.not_done"))
            self._repeat.set_shown(False)

    def _keep(self, change: Callable[[], Profile]) -> bool:
        try:
            change()
        except FaceloopError as error:
            self._problem.say(self._state.texts.refused(error))
            return False
        self._state.room.choose(self._pseudonym)
        return True
