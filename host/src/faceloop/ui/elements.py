"""Plain HTML elements for NiceGUI pages: native tags, text nodes only, no inline handlers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from faceloop.ui.preferences import Preferences

__all__ = [
    "Choice",
    "Heartbeat",
    "LiveArea",
    "Mirror",
    "Photo",
    "Presence",
    "ShellElement",
    "Text",
    "looks",
    "tag",
]


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

    def set_shown(self, is_shown: bool) -> None:
        """Show or hide it; the same again costs nothing."""
        if is_shown == ("hidden" in self.props):
            if is_shown:
                del self.props["hidden"]
            else:
                self.props["hidden"] = ""
            self.update()

    def set_attribute(self, name: str, value: str) -> None:
        """Set an HTML attribute; the same value again costs nothing."""
        if self.props.get(name) != value:
            self.props[name] = value
            self.update()


class LiveArea(ui.element, component="static/live.js"):
    """The part of a page whose canvases and cues follow ``/ws/live``."""


class Heartbeat(ui.element, component="static/heartbeat.js"):
    """Emits ``beat`` once a second while its page is seen."""


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


class Mirror(ui.element, component="static/mirror.js"):
    """The camera's picture as in a mirror, in the browser only.

    Parameters
    ----------
    mode : str
        ``normal``, or ``left`` or ``right``: that half twice.
    label, failed : str
        What it is called, and what is said without a camera.
    """

    def __init__(self, mode: str, label: str, failed: str) -> None:
        super().__init__()
        self.props.update({"mode": mode, "label": label, "failed": failed})


class Photo(ui.element, component="static/photo.js"):
    """The last placement photo, and the camera for a new one.

    Parameters
    ----------
    label, old_label, failed : str
        Names of the camera's picture and of the last photo; what is said when neither works.
    """

    def __init__(self, label: str, old_label: str, failed: str) -> None:
        super().__init__()
        self.props.update({"label": label, "oldLabel": old_label, "failed": failed})
        self.props.update({"isOn": False, "take": 0, "stamp": ""})

    def show(
        self, *, is_on: bool | None = None, take: int | None = None, stamp: str | None = None
    ) -> None:
        """Turn the camera on or off, take a photo at a new number, show the photo of a stamp."""
        given = {"isOn": is_on, "take": take, "stamp": stamp}
        self.props.update({name: value for name, value in given.items() if value is not None})
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

    _turn = 0

    def show(self, value: str) -> None:
        """Show a value, whatever the person has chosen meanwhile."""
        self._turn += 1
        self.props.update({"value": value, "turn": self._turn})
        self.update()


def tag(name: str, text: str = "", classes: str = "", **attributes: str | float) -> Text:
    """Return a new element.

    Parameters
    ----------
    name : str
        HTML tag.
    text, classes : str
    **attributes : str or number
        HTML attributes; ``_`` stands for ``-``.
    """
    element = Text(name, text)
    if classes:
        element.classes(classes)
    element.props.update({key.replace("_", "-"): value for key, value in attributes.items()})
    return element
