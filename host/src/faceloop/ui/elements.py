"""Plain HTML elements for NiceGUI pages: native tags, text nodes only, no inline handlers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from faceloop.ui.preferences import Preferences

__all__ = ["Choice", "LiveArea", "Presence", "ShellElement", "Text", "looks", "tag"]


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


class ShellElement(ui.element, component="static/shell.js"):
    """Applies looks and language to the whole page; keeps address, title and focus in step.

    Its event ``go`` brings a path when Back or Forward was pressed.
    """

    _turn = 0

    def look(self, preferences: Preferences, language: str) -> None:
        """Apply what the person chose."""
        self.props.update({"looks": looks(preferences), "language": language})
        self.update()

    def show(self, path: str, title: str, focus: str = "") -> None:
        """Tell that another page is shown."""
        self._turn += 1
        self.props.update({"path": path, "title": title, "focus": focus, "turn": self._turn})
        self.update()


def looks(preferences: Preferences) -> dict[str, str]:
    """Return the ``data-`` attributes of ``<html>`` for what the person chose."""
    return {
        "theme": preferences.theme,
        "palette": preferences.palette,
        "motion": preferences.motion,
        "size": preferences.text_size,
        "sound": preferences.sound,
        "volume": preferences.volume,
        "captions": preferences.captions,
    }


class Choice(ui.element, component="static/choice.js"):
    """A native form control.

    Parameters
    ----------
    kind : str
        ``radio``, ``select``, or the type of an ``<input>``.
    name : str
        Of a group of radio buttons; else the element's id.
    value : str
    on_choose : callable
        Given the value as text, once the person has chosen it.
    options : sequence of (str, str)
        Value and label of each, for ``radio`` and ``select``.
    **attributes : str or int
        HTML attributes of the control; ``_`` stands for ``-``.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        value: str,
        on_choose: Callable[[str], Any],
        options: Sequence[tuple[str, str]] = (),
        **attributes: str | int,
    ) -> None:
        super().__init__()
        given = {key.replace("_", "-"): value for key, value in attributes.items()}
        self.props.update(
            {
                "kind": kind,
                "name": name,
                "value": value,
                "options": [list(option) for option in options],
                "attributes": {"id": name, **given},
            }
        )
        self.on("choose", lambda event: on_choose(str(event.args)))

    def show(self, value: str) -> None:
        """Show another value."""
        if self.props.get("value") != value:
            self.props["value"] = value
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
