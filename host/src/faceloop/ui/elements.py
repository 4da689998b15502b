"""Plain HTML elements for NiceGUI pages: native tags, text nodes only, no inline handlers."""

from __future__ import annotations

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

__all__ = ["LiveArea", "Presence", "Text", "tag"]


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

    def set_attribute(self, name: str, value: str) -> None:
        """Set an HTML attribute; the same value again costs nothing."""
        if self.props.get(name) != value:
            self.props[name] = value
            self.update()


class LiveArea(ui.element, component="static/live.js"):
    """The part of a page whose canvases and cues follow ``/ws/live``."""


class Presence(ui.element, component="static/presence.js"):
    """Shows what is in it while the server is gone."""

    def end(self) -> None:
        """Take the server's end for granted from here on."""
        self.props["hasEnded"] = True
        self.update()


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
