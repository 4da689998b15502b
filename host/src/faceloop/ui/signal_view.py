"""The live signal: every muscle, left and right, and the buttons of the session."""

from __future__ import annotations

import math

from faceloop.session.live import LiveStatus, MusclePair
from faceloop.ui.elements import LiveArea, Text, tag
from faceloop.ui.question import Question
from faceloop.ui.shell import View
from faceloop.ui.texts import DASH
from faceloop.ui.words import anatomical_name, clock

__all__ = ["SignalView"]

LEGEND = ("rest", "onset", "cue")


class SignalView(View):
    """Traces, bars, symmetry, alerts, the state of the link, and recording."""

    name = "signal"
    title = "nav.signal"
    is_listed = True

    def build(self) -> None:
        """Put the page together."""
        text = self.text
        with LiveArea().classes("fl-train"):
            self._actions()
            self._problem = tag("p", classes="fl-problem", role="alert")
            self._now_panel()
            self._status_line()
            with tag("div", classes="fl-sides", aria_hidden="true"):
                tag("span", text("live.left"), "fl-left")
                tag("span", text("live.right"), "fl-right")
            self._traces = tag("div", classes="fl-muscles")
            with self._traces:
                self._muscles = [
                    self._muscle_panel(index, pair)
                    for index, pair in enumerate(self.state.live.muscles)
                ]
            with tag("p", classes="fl-legend"):
                for mark in LEGEND:
                    with tag("span", classes="fl-legend-item"):
                        tag("span", classes=f"fl-{mark}-mark", aria_hidden="true")
                        tag("span", text(f"live.legend_{mark}"))
                tag("span", text("live.mirror"))

    def refresh(self, status: LiveStatus) -> None:
        """Say what is new."""
        state, words = self.state, self.words
        now, why = words.now_sentence(status, state.feed.is_calibrated, state.live.muscles)
        if state.busy:
            now, why = self.text(state.busy), self.text("live.busy_why")
        self._record.set_attribute("aria-disabled", str(bool(state.busy)).lower())
        self._end_button.set_attribute("aria-disabled", str(state.is_ending).lower())
        self._end.ask_at(self._end_button, is_on=not state.is_ending)
        self._traces.set_attribute("data-lost", str(status.link != "live").lower())
        self._now.say(now)
        self._why.say(why)
        self._problem.say(self.text.known(state.fault) or state.problem)
        self._say_symmetry(state.feed.moved())
        for pair, (sentence, percent), now_uv in zip(
            state.live.muscles, self._muscles, state.feed.muscles_now(), strict=True
        ):
            if status.link == "live" and not (
                status.lead_off[pair.left] or status.lead_off[pair.right]
            ):
                said = words.symmetry_sentence(now_uv.ratio, now_uv.left_uv, now_uv.right_uv)
                sentence.say(said)
                percent.say(self.text.percent(now_uv.ratio))
            else:  # what is not seen is not at rest
                sentence.say(self.text("live.no_signal"))
                percent.say(DASH)
        to_screen_ms = state.feed.to_screen_ms()
        for key, _, shown in words.status_items(status, state.live.muscles, to_screen_ms):
            self._items[key].say(shown)
        self._refresh_recording(status)

    def _actions(self) -> None:
        def changed() -> None:
            self.refresh(self.state.status())

        with tag("div", classes="fl-toolbar"):
            with tag("p", classes="fl-recording"):
                self._recording_time = tag("span", classes="fl-recording-time")
                self._recording_place = tag("span", aria_live="polite")
            with tag("div", classes="fl-actions"):
                self._record = tag("button", "", "fl-button fl-record", type="button")
                self._record.on("click", lambda: self.state.toggle_recording(changed), args=[])
                self._end_button = tag("button", self.text("live.end"), "fl-button", type="button")
        self._end = Question(
            "fl-end",
            lambda part: self.text(f"live.end_{part}"),
            lambda: self.state.end(changed),
        )

    def _now_panel(self) -> None:
        text = self.text
        with tag("section", classes="fl-now", data_now="", aria_label=text("live.now")):
            with tag("div", classes="fl-now-text", aria_live="polite"):
                self._now = tag("h1", tabindex="-1", data_focus="")
                self._why = tag("p")
            with tag("div", classes="fl-alert"):
                tag("p", data_alert="", role="status", aria_live="polite")
                tag("p", text("live.sound_caption"), "fl-caption", data_caption="", hidden="")
            with tag("div", classes="fl-overall"):
                self._overall_of = tag("span", text("live.symmetry"), "fl-quiet")
                self._overall_percent = tag("span", classes="fl-number")
                self._overall_words = tag("span", classes="fl-words")

    def _say_symmetry(self, moved: MusclePair | None) -> None:
        """Say how even the movement is, and of which muscle that is."""
        text, state = self.text, self.state
        all_now = state.feed.muscles_now()
        if moved is None:
            self._overall_of.say(text("live.symmetry"))
            self._overall_percent.say(DASH)
            is_still = all(math.isnan(now.ratio) for now in all_now)
            self._overall_words.say(text("live.at_rest") if is_still else "")
            return
        now = all_now[state.live.muscles.index(moved)]
        self._overall_of.say(f"{text('live.symmetry')} · {self.words.muscle_name(moved.muscle)}")
        self._overall_percent.say(text.percent(now.ratio))
        self._overall_words.say(self.words.symmetry_sentence(now.ratio, now.left_uv, now.right_uv))

    def _muscle_panel(self, index: int, pair: MusclePair) -> tuple[Text, Text]:
        """Build one muscle; return its sentence and its number."""
        name = self.words.muscle_name(pair.muscle)
        heading = f"fl-muscle-{index}"
        panel = tag("section", classes="fl-muscle", data_muscle=index, aria_labelledby=heading)
        panel.props.update({"data-left": pair.left, "data-right": pair.right})
        with panel:
            with tag("div", classes="fl-muscle-head"):
                with tag("div", classes="fl-muscle-name"):
                    tag("h2", name, id=heading)
                    tag("span", anatomical_name(pair.muscle), "fl-anatomy", lang="la")
                with tag("p", classes="fl-verdict"):
                    sentence = tag("span", self.text("live.at_rest"))
                    percent = tag("strong", "–")
                tag("p", classes="fl-scale", data_scale="", aria_hidden="true")
            tag("canvas", role="img", aria_label=self.text("live.picture", muscle=name))
        return sentence, percent

    def _status_line(self) -> None:
        self._items: dict[str, Text] = {}
        with tag("dl", classes="fl-status", aria_label=self.text("status.label")):
            for key, name, shown in self.words.status_items(self.state.status(), ()):
                with tag("div", data_item=key):
                    tag("dt", name)
                    self._items[key] = tag("dd", shown)

    def _refresh_recording(self, status: LiveStatus) -> None:
        is_recording = status.is_recording
        self._record.say(self.text("live.stop_recording" if is_recording else "live.record"))
        self._record.set_attribute("data-recording", str(is_recording).lower())
        if is_recording:
            self._recording_time.say(clock(self.state.recording_s(status)))
            self._recording_place.say(self.text("live.recording"))
        else:
            self._recording_time.say("")
            self._recording_place.say(self.text("live.saved") if self.state.recordings else "")
