"""The pages: first screen, Train, and the end. Everything that is not drawn on a canvas."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from nicegui import ui

from faceloop.errors import FaceloopError
from faceloop.session.live import LiveStatus, MusclePair
from faceloop.ui import words
from faceloop.ui.elements import LiveArea, Presence, Text, tag
from faceloop.ui.state import AppState

__all__ = ["REFRESH_S", "Page"]

# Texts change twice a second: readable, and cheap.
REFRESH_S = 0.5


class Page:
    """One open browser page; its content is replaced as the session goes on.

    Parameters
    ----------
    state : AppState
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        with Presence().classes("fl-gone") as self._presence:
            tag("p", words.SERVER_GONE, role="alert")
        self._root = tag("div", classes="fl-root")
        self._view = ""
        ui.timer(REFRESH_S, self._refresh)

    def show_first(self) -> None:
        """Show the warnings and the start button."""
        self._replace("first")
        with self._root:
            _bar()
            with tag("div", classes="fl-first"):
                tag("h1", "Before you start")
                with tag("section", classes="fl-card fl-urgent", aria_labelledby="fl-stroke"):
                    tag("h2", words.STROKE_TITLE, id="fl-stroke")
                    tag("p", words.STROKE)
                    tag("p", words.STROKE_NUMBERS, "fl-numbers")
                with tag("section", classes="fl-card", aria_labelledby="fl-what"):
                    tag("h2", "What faceloop is, and what it is not", id="fl-what")
                    tag("p", words.NOT_A_DEVICE)
                    with tag("details"):
                        tag("summary", "What is known about this kind of training")
                        tag("p", words.EVIDENCE)
                if self._state.note:
                    with tag("section", classes="fl-card", aria_labelledby="fl-note"):
                        tag("h2", "This session", id="fl-note")
                        tag("p", self._state.note)
                with tag("div", classes="fl-start"):
                    start = tag("button", "Start", "fl-button fl-primary", type="button")
                    start.on("click", self.show_train, args=[])
                    tag("p", words.START_HINT, "fl-quiet")

    def show_train(self) -> None:
        """Show the live session."""
        self._replace("train")
        with self._root, LiveArea().classes("fl-train"):
            self._train_bar()
            self._problem = tag("p", classes="fl-problem", role="alert")
            self._now_panel()
            with tag("div", classes="fl-sides", aria_hidden="true"):
                tag("span", "Left", "fl-left")
                tag("span", "Right", "fl-right")
            self._traces = tag("div", classes="fl-muscles")
            with self._traces:
                self._muscles = [
                    _muscle_panel(index, pair)
                    for index, pair in enumerate(self._state.live.muscles)
                ]
            with tag("p", classes="fl-legend"):
                for mark, meaning in words.LEGEND:
                    with tag("span", classes="fl-legend-item"):
                        tag("span", classes=f"fl-{mark}-mark", aria_hidden="true")
                        tag("span", meaning)
                tag("span", words.MIRROR)
            self._status_line()
        self._refresh()

    def show_ended(self) -> None:
        """Show that the session is over and where its recording is."""
        self._replace("ended")
        self._presence.end()
        status = self._state.status()
        with self._root:
            _bar()
            with tag("div", classes="fl-first"):
                tag("h1", words.ENDED)
                with tag("section", classes="fl-card"):
                    tag("p", status.message or words.ENDED_WHY)
                    tag("p", f"Signal received: {words.clock(status.elapsed_s)}", "fl-quiet")
                    places = self._state.recordings
                    tag("p", words.recordings_sentence(len(places)))
                    for place in places:
                        _path(place)
                    if self._state.note:
                        tag("p", self._state.note, "fl-quiet")

    def _replace(self, view: str) -> None:
        self._view = view
        self._root.clear()

    def _train_bar(self) -> None:
        bar, actions = _bar()
        with actions:
            self._record = tag("button", "Record", "fl-button fl-record", type="button")
            self._record.on("click", self._toggle_recording, args=[])
            self._end_button = tag("button", "End session", "fl-button", type="button")
            self._end_button.on("click", self._end, args=[])
        with bar, tag("p", classes="fl-recording"):
            self._recording_time = tag("span", classes="fl-recording-time")
            self._recording_place = tag("span", aria_live="polite")

    def _now_panel(self) -> None:
        with tag("section", classes="fl-now", data_now="", aria_label="Now"):
            with tag("div", classes="fl-now-text", aria_live="polite"):
                self._now = tag("h1", tabindex="-1", data_focus="")
                self._why = tag("p")
            with tag("div", classes="fl-alert"):
                tag("p", data_alert="", role="status", aria_live="polite")
                tag("p", words.SOUND_CAPTION, "fl-caption", data_caption="", hidden="")
            with tag("div", classes="fl-overall"):
                tag("span", "Symmetry", "fl-quiet")
                self._overall_percent = tag("span", classes="fl-number")
                self._overall_words = tag("span", classes="fl-words")

    def _status_line(self) -> None:
        self._items: dict[str, Text] = {}
        with tag("dl", classes="fl-status", aria_label="Connection"):
            for key, name, text in words.status_items(self._state.status(), ()):
                with tag("div", data_item=key):
                    tag("dt", name)
                    self._items[key] = tag("dd", text)

    def _refresh(self) -> None:
        status = self._state.status()
        if status.link == "ended" and self._view != "ended":
            self.show_ended()
        if self._view == "train":
            self._refresh_train(status)

    def _refresh_train(self, status: LiveStatus) -> None:
        feed, muscles = self._state.feed, self._state.live.muscles
        now, why = words.now_sentence(status, feed.is_calibrated)
        if self._state.busy:
            now, why = self._state.busy, words.BUSY_WHY
        self._record.set_attribute("aria-disabled", str(bool(self._state.busy)).lower())
        self._end_button.set_attribute("aria-disabled", str(self._state.is_ending).lower())
        self._traces.set_attribute("data-lost", str(status.link != "live").lower())
        self._now.say(now)
        self._why.say(why)
        if self._state.fault:
            self._problem.say(self._state.fault)
        overall = feed.overall_ratio()
        self._overall_percent.say(words.symmetry_percent(overall))
        self._overall_words.say(words.overall_sentence(overall))
        for (sentence, percent), now_uv in zip(self._muscles, feed.muscles_now(), strict=True):
            sentence.say(words.symmetry_sentence(now_uv.ratio, now_uv.left_uv, now_uv.right_uv))
            percent.say(words.symmetry_percent(now_uv.ratio))
        for key, _, text in words.status_items(status, muscles):
            self._items[key].say(text)
        self._refresh_recording(status)

    def _refresh_recording(self, status: LiveStatus) -> None:
        self._record.say("Stop recording" if status.is_recording else "Record")
        self._record.set_attribute("data-recording", str(status.is_recording).lower())
        if status.is_recording:
            self._recording_time.say(words.clock(self._state.recording_s(status)))
            self._recording_place.say(words.RECORDING)
        else:
            self._recording_time.say("")
            self._recording_place.say(words.SAVED if self._state.recordings else "")

    async def _toggle_recording(self) -> None:
        live = self._state.live
        if self._state.one_at_a_time.locked():
            return
        if live.status().is_recording:
            await self._ask(live.stop_recording, words.BUSY_STOP)
        else:
            await self._ask(live.start_recording, words.BUSY_START)

    async def _end(self) -> None:
        """End the session: never refused, at most a moment later than asked for."""
        if self._state.is_ending:
            return
        self._state.is_ending = True
        try:
            await self._ask(self._state.live.stop, words.BUSY_END)
        finally:
            self._state.is_ending = False

    async def _ask(self, action: Callable[[], Awaitable[None]], busy: str) -> None:
        """Carry out what a button asks for; a refusal is shown in its own words."""
        self._problem.say("")
        async with self._state.one_at_a_time:
            self._state.busy = busy
            self._refresh()
            try:
                await action()
            except FaceloopError as error:
                self._problem.say(str(error))
            finally:
                self._state.busy = ""
        self._refresh()


def _path(text: str) -> None:
    """Show where a file is: lines break between folders, and copying gives the plain path."""
    pieces = re.findall(r"[^/\\]*[/\\]*", text)
    with tag("code"):
        for piece in filter(None, pieces):
            tag("span", piece)


def _bar() -> tuple[Text, Text]:
    """Build the header; return it and the place in it for the page's own buttons."""
    with tag("header", classes="fl-bar") as bar:
        tag("span", "faceloop", "fl-brand")
        with tag("div", classes="fl-choices"):
            tag("button", "Sound on", "fl-button fl-plain", type="button", data_action="sound")
            tag("button", "Theme", "fl-button fl-plain", type="button", data_action="theme")
        return bar, tag("div", classes="fl-actions")


def _muscle_panel(index: int, pair: MusclePair) -> tuple[Text, Text]:
    """Build one muscle; return its sentence and its number."""
    name = words.muscle_name(pair.muscle)
    heading = f"fl-muscle-{index}"
    panel = tag("section", classes="fl-muscle", data_muscle=index, aria_labelledby=heading)
    panel.props.update({"data-left": pair.left, "data-right": pair.right})
    with panel:
        with tag("div", classes="fl-muscle-head"):
            with tag("div", classes="fl-muscle-name"):
                tag("h2", name, id=heading)
                tag("span", words.anatomical_name(pair.muscle), "fl-anatomy")
            with tag("p", classes="fl-verdict"):
                sentence = tag("span", "At rest")
                percent = tag("strong", "–")
            tag("p", classes="fl-scale", data_scale="", aria_hidden="true")
        tag("canvas", role="img", aria_label=f"{name}: live activity, left and right")
    return sentence, percent
