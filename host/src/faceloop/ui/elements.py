"""Plain HTML elements for NiceGUI pages: native tags, text nodes only, no inline handlers."""

from __future__ import annotations

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

__all__ = ["LiveArea", "Text", "tag"]


class Text(TextElement):
    """An HTML element whose content is one text node.

    Parameters
    ----------
    name : str
        HTML tag.
    text : str
        Shown as it stands, never read as HTML.
    """

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(tag=name, text=text)

    def say(self, text: str) -> None:
        """Show another text; the same text again costs nothing."""
        if text != self.text:
            self.set_text(text)

    def note(self, **states: bool) -> None:
        """Set ``data-<name>`` attributes for the style sheet; no change costs nothing."""
        wanted = {f"data-{name}": str(value).lower() for name, value in states.items()}
        if any(self.props.get(name) != value for name, value in wanted.items()):
            self.props.update(wanted)
            self.update()


class LiveArea(ui.element, component="static/live.js"):
    """The part of a page whose canvases and cues follow ``/ws/live``."""


def tag(name: str, text: str = "", classes: str = "", **attributes: str | int) -> Text:
    """Return a new element.

    Parameters
    ----------
    name : str
        HTML tag.
    text, classes : str
    **attributes : str or int
        HTML attributes; ``_`` stands for ``-``.
    """
    element = Text(name, text)
    if classes:
        element.classes(classes)
    element.props.update({key.replace("_", "-"): value for key, value in attributes.items()})
    return element
