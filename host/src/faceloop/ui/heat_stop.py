"""Stop heat from whatever page the person is on."""

from __future__ import annotations

from faceloop.session.heat_session import HeatSession
from faceloop.ui.elements import tag
from faceloop.ui.heat_words import heat_sentence
from faceloop.ui.texts import Texts

__all__ = ["HeatStop"]


class HeatStop:
    """A line with a button, while there is heat to stop; built where it is made."""

    def __init__(self) -> None:
        self._session: HeatSession | None = None
        self._bar = tag("div", classes="fl-reminder fl-heat-stop", hidden="")
        with self._bar:
            self._line = tag("span")
            self._stop = tag("button", classes="fl-button fl-strong", type="button")
            self._stop.on("click", self._on_stop, args=[])

    def refresh(self, session: HeatSession | None, text: Texts, *, has_own: bool) -> None:
        """Show what heat does and the button, in the language of ``text``.

        Parameters
        ----------
        session : HeatSession or None
        text : Texts
        has_own : bool
            The page has a button of its own.
        """
        self._session = session
        view = session.view() if session is not None else None
        is_shown = view is not None and view.is_stoppable and not has_own
        if view is not None and is_shown:
            self._line.say(heat_sentence(view, text)[0])
            self._stop.say(text("heat.stop"))
        self._bar.set_shown(is_shown)

    def _on_stop(self) -> None:
        if self._session is not None:
            self._session.end()
