"""Is somebody still there? Asked wherever the person is while heat is on."""

from __future__ import annotations

from faceloop.session.heat_session import HeatSession
from faceloop.ui.elements import tag
from faceloop.ui.texts import Texts

__all__ = ["StillThere"]


class StillThere:
    """A card that shows while the board waits for an answer; built where it is made.

    Without an answer the board ends heat a minute later.
    """

    def __init__(self) -> None:
        self._session: HeatSession | None = None
        self._card = tag("div", classes="fl-card fl-urgent fl-ask", role="alert", hidden="")
        with self._card:
            self._question = tag("p")
            self._why = tag("p", classes="fl-quiet")
            self._yes = tag("button", classes="fl-button fl-strong", type="button")
            self._yes.on("click", self._answer, args=[])

    def refresh(self, session: HeatSession | None, text: Texts) -> None:
        """Ask, or stop asking, in the language of ``text``."""
        self._session = session
        is_asking = session is not None and session.view().is_asking
        for element, key in ((self._question, ""), (self._why, "_why"), (self._yes, "_yes")):
            element.say(text(f"heat.still_there{key}") if is_asking else "")
        self._card.set_shown(is_asking)

    def _answer(self) -> None:
        if self._session is not None:
            self._session.confirm()
