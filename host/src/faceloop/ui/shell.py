"""What is around every page: rooms and pages to go to, sound, and the way from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from nicegui import ui

from faceloop.session.live import LiveStatus
from faceloop.ui.elements import Heartbeat, Presence, ShellElement, Text, tag
from faceloop.ui.heat_stop import HeatStop
from faceloop.ui.preferences import Preferences
from faceloop.ui.state import AppState
from faceloop.ui.still_there import StillThere
from faceloop.ui.texts import Texts
from faceloop.ui.words import Words

__all__ = ["REFRESH_S", "Room", "Shell", "View"]

# Texts change twice a second: readable, and cheap.
REFRESH_S = 0.5


class View:
    """One page. A subclass says where it is, builds it, and keeps it fresh.

    Attributes
    ----------
    name : str
        Its address is ``/name``; the first page is "".
    title : str
        Key of its title.
    is_listed : bool
        Whether the navigation leads to it.
    is_plain : bool
        No navigation: there is one thing to do here.
    has_choices : bool
        Sound and settings can be reached from it.
    stops_heat : bool
        It has a button of its own that stops heat.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    is_listed: ClassVar[bool] = False
    is_plain: ClassVar[bool] = False
    has_choices: ClassVar[bool] = True
    stops_heat: ClassVar[bool] = False

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.state = shell.state
        self.words: Words = shell.state.words
        self.text: Texts = shell.state.texts

    def build(self) -> None:
        """Put the page together, inside the place the shell gives it."""
        raise NotImplementedError

    def refresh(self, status: LiveStatus) -> None:
        """Say what is new; called twice a second."""

    def close(self) -> None:
        """Let go of what belongs to the page; it is about to be taken away."""


class Room:
    """A group of pages for one kind of person.

    Parameters
    ----------
    name : str
        Key of its name in ``room``.
    views : sequence of View classes
        The first listed one is where the room begins.
    """

    def __init__(self, name: str, views: Sequence[type[View]]) -> None:
        self.name = name
        self.views = tuple(views)

    @property
    def listed(self) -> tuple[type[View], ...]:
        """The pages in the navigation."""
        return tuple(view for view in self.views if view.is_listed)


class Shell:
    """One open browser page; its content is replaced as the person goes on.

    Parameters
    ----------
    state : AppState
    rooms : sequence of Room
    last : View class
        Shown when the session has ended, whatever was open.
    """

    def __init__(self, state: AppState, rooms: Sequence[Room], last: type[View]) -> None:
        self.state = state
        self._rooms = tuple(rooms)
        self._last = last
        self._by_name = {view.name: view for room in rooms for view in room.views}
        self._shown: Preferences | None = None
        self._view: View | None = None
        with Presence().classes("fl-gone") as self._presence:
            self._gone = tag("p", role="alert")
        Heartbeat().on("beat", self._note_beat, args=[])
        self._frame = ShellElement()
        self._frame.on("go", self._on_go)
        self._reminder = tag("p", classes="fl-reminder", role="status")
        self._still_there = StillThere()
        self._heat_stop = HeatStop()
        self._root = tag("div", classes="fl-root")
        self._timer = ui.timer(REFRESH_S, self._refresh)

    def go(self, name: str, focus: str = "") -> None:
        """Show a page; one that does not exist is the first.

        Parameters
        ----------
        name : str
        focus : str
            CSS selector of what gets the keyboard; the heading by default.
        """
        self._show(self._by_name.get(name, self._by_name[""]), focus)
        self._refresh()

    def end_presence(self) -> None:
        """Take the server's end for granted from here on."""
        self._presence.end()

    def change(self, focus: str = "", **choices: str) -> None:
        """Keep what the person chose; a new language redraws the page."""
        before = self.state.texts
        self.state.choose(**choices)
        self._apply()
        if self.state.texts is not before and self._view is not None:
            self._show(type(self._view), focus)

    def _note_beat(self) -> None:
        heat = self.state.heat
        if heat is not None:
            heat.note_presence()

    def _on_go(self, event: Any) -> None:
        self.go(str(event.args).strip("/"))

    def _show(self, view: type[View], focus: str = "") -> None:
        if self._view is not None:
            self._view.close()
        self._root.clear()
        self._gone.say(self.state.texts("entry.closed"))
        self._apply()
        self._view = view(self)
        with self._root:
            self._bar(view)
            with tag("div", classes="fl-content", id="fl-content", tabindex="-1"):
                self._view.build()
        title = self.state.texts(view.title) if view.title else ""
        self._frame.show(f"/{view.name}", f"{title} · faceloop" if title else "faceloop", focus)

    def _apply(self) -> None:
        if self._shown == self.state.preferences.now:
            return
        self._shown = self.state.preferences.now
        self._frame.look(self._shown, self.state.texts.language)

    def _bar(self, view: type[View]) -> None:
        text = self.state.texts
        tag("a", text("nav.skip"), "fl-skip", href="#fl-content")
        with tag("header", classes="fl-bar"):
            tag("span", "faceloop", "fl-brand")
            if not view.is_plain:
                self._navigation(view)
            if view.has_choices:
                self._choices(view)
        if not view.is_plain:
            for note in self.state.notes[:1]:
                tag("p", text.known(note), "fl-note")

    def _choices(self, view: type[View]) -> None:
        with tag("div", classes="fl-choices"):
            self._sound = tag("button", "", "fl-button fl-plain", type="button")
            self._sound.on("click", self._toggle_sound, args=[])
            self._say_sound()
            settings = self._by_name.get("settings")
            if view.is_plain and settings is not None and view is not settings:
                self._link(settings, "fl-button fl-plain")

    def _navigation(self, view: type[View]) -> None:
        text = self.state.texts
        here = next((room for room in self._rooms if view in room.views), self._rooms[0])
        if len(self._rooms) > 1:
            with tag("nav", classes="fl-rooms", aria_label=text("room.label")), tag("ul"):
                for room in self._rooms:
                    with tag("li"):
                        name = text(f"room.{room.name}")
                        self._link(room.listed[0], "fl-room", name, is_here=room is here)
        # A phone has one line: there the pages are behind a button, which the browser itself opens
        # and closes (Escape too) and says to be open. Where it cannot, they stand below the line.
        menu = tag("button", text("nav.menu"), "fl-button fl-menu", type="button")
        menu.props["popovertarget"] = "fl-pages"
        with (
            tag("nav", "", "fl-nav", id="fl-pages", popover="auto", aria_label=text("nav.label")),
            tag("ul"),
        ):
            for listed in here.listed:
                with tag("li"):
                    self._link(listed, "fl-page", is_here=listed is view)

    def _link(
        self, view: type[View], classes: str, name: str = "", *, is_here: bool = False
    ) -> Text:
        link = tag("a", name or self.state.texts(view.title), classes, href=f"/{view.name}")
        if is_here:
            link.set_attribute("aria-current", "page")
        link.on("click.prevent", lambda: self.go(view.name), args=[])
        return link

    def _toggle_sound(self) -> None:
        self.change(sound="off" if self.state.preferences.now.sound == "on" else "on")
        self._say_sound()

    def _say_sound(self) -> None:
        is_on = self.state.preferences.now.sound == "on"
        self._sound.say(self.state.texts("nav.sound_on" if is_on else "nav.sound_off"))

    def _refresh(self) -> None:
        status = self.state.status()
        if status.link == "ended" and not isinstance(self._view, self._last):
            self._show(self._last)
        self._apply()
        if self._view is not None and self._view.has_choices:
            self._say_sound()
        self._reminder.say(self.state.reminder)
        heat, text = self.state.heat, self.state.texts
        self._still_there.refresh(heat, text)
        has_own = self._view is not None and self._view.stops_heat
        self._heat_stop.refresh(heat, text, has_own=has_own)
        if self._view is not None:
            self._view.refresh(status)
