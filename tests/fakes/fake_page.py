"""The app's pages without a browser: built, pressed and read where NiceGUI keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nicegui import Client, ui

from faceloop.ui.ended_view import EndedView
from faceloop.ui.preferences import PreferenceFile
from faceloop.ui.rooms import ROOMS
from faceloop.ui.shell import Shell
from faceloop.ui.state import AppState
from faceloop.ui.training_room import TrainingRoom

__all__ = ["Page"]


class Page:
    """One open page.

    Parameters
    ----------
    live : LiveView
    root : Path
        Data folder.
    language : str
    **room : Any
        More of the `TrainingRoom`: its clock.
    """

    def __init__(self, live: Any, root: Path, language: str, **room: Any) -> None:
        preferences = PreferenceFile(root)
        preferences.change(language=language)
        self.state = AppState(live, preferences, TrainingRoom(live, root, **room))
        self._client = Client(ui.page("/"), request=None)
        with self._client:
            self._shell = Shell(self.state, ROOMS, EndedView)

    def go(self, name: str) -> None:
        """Open a page of the app."""
        with self._client:
            self._shell.go(name)

    def refresh(self) -> None:
        """Let half a second pass."""
        with self._client:
            self._shell._refresh()

    def texts(self) -> list[str]:
        """Return every text that is on it and not hidden."""
        return [
            element.text
            for element in self._all()
            if getattr(element, "text", "") and "hidden" not in element.props
        ]

    def elements(self, name: str) -> list[Any]:
        """Return the elements of an HTML tag."""
        return [element for element in self._all() if element.tag == name]

    def unfold(self) -> None:
        """Open all that is folded."""
        for fold in self.elements("details"):
            self._emit(iter([fold]), "toggle", None)

    def controls(self) -> list[Any]:
        """Return what can be entered or chosen."""
        return [element for element in self._all() if "kind" in element.props]

    def press(self, label: str) -> None:
        """Press the button of that name."""
        buttons = (element for element in self._all() if element.tag == "button")
        self._emit((one for one in buttons if one.text == label), "click", None)

    def choose(self, name: str, value: str) -> None:
        """Enter a value where ``name`` is the control's id or group."""
        found = (one for one in self.controls() if one.props["name"] == name)
        self._emit(found, "choose", value)

    def close(self) -> None:
        """Let go of it."""
        self.state.room.leave()
        self._client.delete()

    def _all(self) -> list[Any]:
        return list(self._client.elements.values())

    def _emit(self, found: Iterator[Any], kind: str, value: Any) -> None:
        element = next(found, None)
        assert element is not None, "there is no such button or control"
        for listener in list(element._event_listeners.values()):
            if listener.type.partition(".")[0] == kind:
                with self._client:
                    element._handle_event({"listener_id": listener.id, "args": value})
