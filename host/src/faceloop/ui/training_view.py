"""Training: the programme leads step by step, one thing at a time is said."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from faceloop.session.live import LiveStatus
from faceloop.training.day_view import DayView
from faceloop.training.engine import DayEngine
from faceloop.training.ratings import MOST
from faceloop.training.score import PARTS
from faceloop.ui.elements import Choice, LiveArea, Mirror, Text, tag
from faceloop.ui.heat_words import heat_step
from faceloop.ui.preferences import CHOICES
from faceloop.ui.question import Question
from faceloop.ui.shell import View
from faceloop.ui.words import clock

__all__ = ["TrainingView"]

# A cue that the ear has heard must not wait for the eye: ten times a second.
QUICK_S = 0.1
MIRRORS = ("off", "normal", "left", "right")


class TrainingView(View):
    """One step at a time: what to do, how it goes, how long still."""

    name = "training"
    title = "training.title"

    def build(self) -> None:
        """Put the page together."""
        text = self.text
        self._has_mirror = False
        with LiveArea().classes("fl-train fl-training"):
            self._problem = tag("p", classes="fl-problem", role="alert")
            with tag("p", classes="fl-where fl-quiet"):
                self._block = tag("span")
                self._part = tag("span")
                self._repetition = tag("span")
                self._recording = tag("span")
            self._panel = tag(
                "section", classes="fl-now fl-step", data_now="", aria_label=text("live.now")
            )
            with self._panel:
                with tag("div", classes="fl-now-text"):
                    # Around the heading: a role of its own would take its place.
                    with tag("div", role="status", aria_live="polite"):
                        self._cue = tag("h1", tabindex="-1", data_focus="")
                    self._why = tag("p")
                    self._caption = tag("p", classes="fl-caption")
                self._left = tag("p", classes="fl-remaining", aria_hidden="true")
            self._answers()
            with tag("div", classes="fl-stage"):
                self._picture = tag("div", classes="fl-guide")
                with self._picture:
                    with tag("div", classes="fl-sides", aria_hidden="true"):
                        tag("span", text("live.left"), "fl-left")
                        tag("span", text("live.right"), "fl-right")
                    self._canvas = tag(
                        "canvas",
                        role="img",
                        aria_label=text("training.picture"),
                        data_guide="",
                        data_form=self.state.preferences.now.form,
                    )
                self._mirror_place = tag("div", classes="fl-mirror-place", hidden="")
            self._last = tag("p", classes="fl-last", aria_live="polite")
            self._buttons()
            self._choices()
        ui.timer(QUICK_S, self._follow)

    def refresh(self, status: LiveStatus) -> None:
        """Say what is new."""
        room = self.state.room
        self._problem.say(self.text.known(self.state.fault) or self.text.refused(room.fault))
        self._recording.say(self.text("live.recording") if status.is_recording else "")
        self._follow()

    def _buttons(self) -> None:
        text = self.text
        with tag("div", classes="fl-actions fl-steps"):
            self._pause = self._button("training.pause", self._pause_or_go_on, is_first=True)
            self._day_buttons = [
                self._button("training.repeat", lambda: self._do(DayEngine.repeat)),
                self._button("training.skip", lambda: self._do(DayEngine.skip_step)),
                self._button("training.skip_block", lambda: self._do(DayEngine.skip_block)),
                finish := self._button("training.finish"),
            ]
            self._results = tag(
                "button", text("training.to_results"), "fl-button fl-primary", type="button"
            )
            self._results.on("click", lambda: self.shell.go("results"), args=[])
            self._today = tag("button", text("training.to_today"), "fl-button", type="button")
            self._today.on("click", lambda: self.shell.go("today"), args=[])
        question = Question(
            "fl-finish", lambda part: text(f"training.finish_{part}"), self._finish
        )
        question.ask_at(finish)

    def _answers(self) -> None:
        """Build the buttons for a rating of one's own: one tap, or go on with Skip."""
        self._asked = ""
        self._rate = tag("div", classes="fl-rate", role="group", hidden="")
        with self._rate:
            for n in range(MOST + 1):
                button = tag("button", str(n), "fl-button", type="button")
                button.on("click", lambda n=n: self._answer(n), args=[])

    def _answer(self, rating: int) -> None:
        name = self._asked
        if name:
            self._do(lambda engine, now_s: engine.rate(name, rating, now_s))

    def _ask(self, rating: str, title: str = "") -> None:
        self._asked = rating
        self._rate.set_shown(bool(rating))
        if rating:
            self._rate.set_attribute("aria-label", title)

    def _choices(self) -> None:
        text = self.text
        self._more = tag("details", classes="fl-card fl-more")
        with self._more:
            tag("summary", f"{text('training.show')} · {text('training.mirror')}")
            with tag("fieldset", classes="fl-fieldset"):
                tag("legend", text("training.show"), "fl-label")
                options = [(form, text(f"training.form_{form}")) for form in CHOICES["form"]]
                now = self.state.preferences.now.form
                Choice("radio", "fl-form", now, self._take_form, options)
            with tag("fieldset", classes="fl-fieldset"):
                tag("legend", text("training.mirror"), "fl-label")
                tag("p", text("training.mirror_private"), "fl-quiet")
                options = [(mode, text(f"training.mirror_{mode}")) for mode in MIRRORS]
                Choice("radio", "fl-mirror", "off", self._take_mirror, options)

    def _button(
        self, key: str, action: Callable[[], None] | None = None, *, is_first: bool = False
    ) -> Text:
        classes = "fl-button fl-strong" if is_first else "fl-button"
        button = tag("button", self.text(key), classes, type="button")
        if action is not None:
            button.on("click", action, args=[])
        return button

    def _do(self, action: Callable[[DayEngine, float], None]) -> None:
        self.state.room.do(action)
        self._follow()

    def _pause_or_go_on(self) -> None:
        engine = self.state.room.engine
        is_paused = engine is not None and engine.state == "paused"
        self._do(DayEngine.resume if is_paused else DayEngine.pause)

    def _finish(self) -> None:
        self._do(DayEngine.close)

    def _take_form(self, form: str) -> None:
        self.shell.change(form=form)
        self._canvas.set_attribute("data-form", form)

    def _take_mirror(self, mode: str) -> None:
        self._mirror_place.clear()
        self._has_mirror = mode != "off"
        self._mirror_place.set_shown(self._has_mirror)
        if self._has_mirror:
            with self._mirror_place:
                text = self.text
                Mirror(mode, text("training.mirror"), text("training.mirror_failed"))

    def _follow(self) -> None:
        view = self.state.room.view()
        state = view.state if view is not None else "ready"
        is_going = state in ("running", "paused")
        for button in (self._pause, *self._day_buttons):
            button.set_shown(is_going)
        self._results.set_shown(state == "done")
        self._today.set_shown(not is_going)
        self._more.set_shown(is_going)
        if view is None or not is_going:
            key = "training.done" if state == "done" else "training.none"
            self._say(self.text(key), "", "", "")
            self._picture.set_shown(False)
            self._ask("")
            if self._has_mirror:
                self._take_mirror("off")
            for place in (self._block, self._part, self._repetition, self._last):
                place.say("")
            return
        self._pause.say(self.text("training.resume" if state == "paused" else "training.pause"))
        self._say_where(view)
        self._say_now(view)
        word = view.last_trial.word if view.last_trial is not None else None
        said = [self.text.say(one) for one in (word, *view.notices) if one is not None]
        self._last.say(" ".join(said))

    def _say_where(self, view: DayView) -> None:
        block, step = view.block, view.step
        if block is not None:
            self._block.say(self.text.say(block.title))
            self._part.say(self.text("training.part", n=block.part, of=block.parts))
        is_trial = step is not None and step.repetitions > 0
        self._repetition.say(
            self.text("training.repetition", n=step.repetition, of=step.repetitions)
            if is_trial and step is not None
            else ""
        )

    def _say_now(self, view: DayView) -> None:
        text, step = self.text, view.step
        if step is not None and view.state == "running":
            self._ask(step.rating, text.say(step.title))
        else:
            self._ask("")
        if view.state == "paused":
            self._picture.set_shown(False)
            self._say(text("training.paused"), text("training.paused_why"), "", "")
            return
        if step is None:
            self._picture.set_shown(False)
            self._say(" ".join(map(text.say, view.notices)), "", "", "")
            return
        if step.kind == "heat" and self.state.heat is not None:
            self._picture.set_shown(False)
            instruction = text.say(step.instruction)
            line, why, left = heat_step(self.state.heat.view(), instruction, text)
            self._say(line, why, "", left)
            return
        cue = view.cue
        is_trial = view.feedback is not None
        self._picture.set_shown(is_trial and self.state.preferences.now.form != "none")
        main = text.say(cue.message) if cue is not None else text.say(step.title)
        is_rest = is_trial and step.phase in ("rest", "done")
        why = text("train.movement.rest.instruction") if is_rest else text.say(step.instruction)
        if cue is not None and not (is_rest and cue.kind == "rest"):
            why = f"{text.say(step.title)}. {why}"
        feedback = view.feedback
        is_hidden = feedback is not None and not feedback.is_shown and not feedback.is_muted
        if is_hidden and step.phase in PARTS:
            why = text("training.feel")
        kind = cue.kind if cue is not None else ""
        # A rest that lasts until the face is quiet has no end to count down to.
        remaining = clock(step.remaining_s + 0.99) if step.remaining_s > 0 else ""
        self._say(main, why, kind, remaining)

    def _say(self, cue: str, why: str, kind: str, remaining: str) -> None:
        self._cue.say(cue)
        self._why.say(why)
        self._left.say(remaining)
        is_alert = kind in ("synkinesis", "bad_contact", "no_signal", "jaw", "effort", "uneven")
        self._panel.set_attribute("data-now", "alert" if kind == "synkinesis" else "")
        self._panel.set_attribute("data-kind", kind if is_alert else "")
        self._caption.say(self._sound_in_writing(kind))

    def _sound_in_writing(self, kind: str) -> str:
        choices, guide = self.state.preferences.now, self.state.room.guide()
        if choices.sound != "on" or choices.captions != "on" or guide is None:
            return ""
        if kind == "synkinesis":
            return self.text("live.sound_caption")
        return self.text("training.tone_caption") if guide.volume > 0 else ""
