"""A question before something that ends: asked once, over the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faceloop.ui.elements import Text, tag

__all__ = ["Question"]


class Question:
    """Opened by a button of the page; the browser shows and hides it (Escape too).

    What changes nothing has the keyboard first, and the eye.

    Parameters
    ----------
    id_ : str
        HTML id, once in a page.
    say : callable
        Gives the texts of ``ask``, ``why``, ``yes`` and ``no``.
    action : callable
        Done once the answer is yes.
    """

    def __init__(self, id_: str, say: Callable[[str], str], action: Callable[[], Any]) -> None:
        self._id = id_
        with tag(
            *("div", "", "fl-card fl-question"),
            id=self._id,
            popover="auto",
            role="dialog",
            aria_labelledby=f"{self._id}-title",
        ):
            tag("h2", say("ask"), id=f"{self._id}-title")
            tag("p", say("why"))
            with tag("div", classes="fl-actions"):
                self._answer(say("yes")).on("click", action, args=[])
                self._answer(say("no"), "fl-primary").props["data-first"] = ""

    def ask_at(self, button: Text, *, is_on: bool = True) -> None:
        """Let a button open it, or no longer."""
        button.set_attribute("popovertarget", self._id if is_on else "")

    def _answer(self, label: str, look: str = "") -> Text:
        button = tag("button", label, f"fl-button {look}".strip(), type="button")
        button.props.update({"popovertarget": self._id, "popovertargetaction": "hide"})
        return button
