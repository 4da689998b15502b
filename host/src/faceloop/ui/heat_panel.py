"""The heat page: what heat does now, why it stopped, what to do next, how to ask for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from faceloop.session.heat_session import HeatSession, HeatView
from faceloop.ui.elements import Text, tag
from faceloop.ui.heat_words import QUESTIONS, heat_facts, heat_sentence
from faceloop.ui.texts import Texts
from faceloop.ui.training_room import TrainingRoom
from faceloop_protocol import heat
from faceloop_protocol.heat_limits import (
    SESSION_DEFAULT_MIN,
    SETPOINT_DEFAULT_MDEGC,
    SETPOINT_FLAGGED_MAX_MDEGC,
)

__all__ = ["HeatPanel"]

_STEP_DEGC = 0.5
_STEP_MIN = 1


class HeatPanel:
    """Heat on one open page; built where it is made. ``refresh`` twice a second.

    Parameters
    ----------
    session : HeatSession or None
        None where the board has no heater.
    room : TrainingRoom
        Who trains, and what they may have of heat.
    text : Texts
    """

    def __init__(self, session: HeatSession | None, room: TrainingRoom, text: Texts) -> None:
        self._session = session
        self._room = room
        self._text = text
        self._setpoint_degc = SETPOINT_DEFAULT_MDEGC / 1000
        self._minutes = SESSION_DEFAULT_MIN
        self._applies: set[int] = set()
        self._ticks: list[Text] = []
        self._has_failed = False
        self._is_fit_today = False
        self._is_asking_questions = False
        with tag("section", classes="fl-heat fl-first", aria_labelledby="fl-heat-title") as root:
            tag("h1", text("heat.title"), id="fl-heat-title", tabindex="-1", data_focus="")
            tag("p", text("heat.what"), "fl-quiet")
            if session is None:
                tag("p", text("heat.no_heater"))
                return
            self._build()
        self._root = root
        session.watch()
        self.refresh()

    def refresh(self) -> None:
        """Say what is new."""
        if self._session is None:
            return
        view = self._session.view()
        line, why, then = heat_sentence(view, self._text)
        self._line.say(line)
        self._why.say(why)
        self._then.say(then)
        for key, _, value in heat_facts(view, self._text):
            self._facts[key].say(value)
        self._show_parts(view)

    # -- building ---------------------------------------------------------------------------

    def _build(self) -> None:
        text = self._text
        self._facts: dict[str, Text] = {}
        with tag("div", classes="fl-card"):
            with tag("div", aria_live="polite"):
                self._line = tag("p", classes="fl-heat-line")
                self._why = tag("p")
                self._then = tag("p", classes="fl-quiet")
            with tag("dl", classes="fl-status", aria_label=text("heat.title")):
                for key, name, value in heat_facts(HeatView(), text):
                    with tag("div", data_item=key):
                        tag("dt", name)
                        self._facts[key] = tag("dd", value)
            with tag("div", classes="fl-actions"):
                self._stop = self._button(text("heat.stop"), self._on_stop)
                self._stop.classes("fl-strong")
            self._stop_ways = tag("p", text("heat.stop_anyway"), "fl-quiet")
        self._word = tag("p", role="status", hidden="")
        self._gate = tag("div", classes="fl-card", hidden="")
        with self._gate:
            self._build_gate()
        self._start = tag("div", classes="fl-card", hidden="")
        with self._start:
            self._build_start()

    def _build_gate(self) -> None:
        text = self._text
        tag("h2", text("heat.questions_title"))
        self._questions = tag("fieldset")
        with self._questions:
            tag("legend", text("heat.questions"))
            for at, question in enumerate(QUESTIONS):
                take = partial(self._answer, at)
                box = self._tick(text(f"heat.question.{question}"), take, self._is_failed)
                self._ticks.append(box)
        self._slip = tag("div", hidden="")
        with self._slip:
            tag("p", text("heat.questions_check"), role="status")
            with tag("div", classes="fl-actions"):
                self._button(text("heat.questions_confirm"), self._confirm)
        self._stop_here = tag("p", text("heat.questions_stop"), role="status", hidden="")
        self._test = tag("div", classes="fl-heat-test")
        with self._test:
            tag("h2", text("heat.test_title"))
            tag("p", text("heat.test"))
            with tag("div", classes="fl-actions"):
                self._button(text("heat.test_yes"), self._passed)
                self._button(text("heat.test_no"), self._failed)
        self._failed_text = tag("p", role="status", hidden="")

    def _build_start(self) -> None:
        text = self._text
        self._tick(text("heat.today"), self._answer_today)
        self._setpoint = self._choice(text("heat.setpoint"), self._warmer, _STEP_DEGC)
        self._length = self._choice(text("heat.minutes"), self._longer, _STEP_MIN)
        with tag("div", classes="fl-actions"):
            self._ask = self._button(text("heat.ask"), self._on_ask)
            self._ask.classes("fl-primary")
            self._button(text("heat.redo"), self._redo)

    def _choice(self, name: str, change: Callable[[float], None], step: float) -> Text:
        with tag("p", classes="fl-heat-choice"):
            tag("span", name)
            self._button("−", lambda: change(-step), f"{name} −")
            number = tag("span", classes="fl-number", aria_live="polite")
            self._button("+", lambda: change(step), f"{name} +")
        return number

    @staticmethod
    def _button(text: str, act: Callable[[], None], label: str = "") -> Text:
        button = tag("button", text, "fl-button", type="button")
        if label:
            button.set_attribute("aria-label", label)
        button.on("click", act, args=[])
        return button

    @staticmethod
    def _tick(
        text: str, take: Callable[[bool], None], is_kept: Callable[[], bool] = lambda: False
    ) -> Text:
        # The server holds the answer and shows it: a browser that restores a form cannot differ.
        # One that is kept cannot be taken back here.
        box = tag("button", text, "fl-heat-tick", type="button", role="checkbox")
        box.set_attribute("aria-checked", "false")

        def turn() -> None:
            is_on = box.props["aria-checked"] != "true"
            if not is_on and is_kept():
                return
            box.set_attribute("aria-checked", str(is_on).lower())
            take(is_on)

        box.on("click", turn, args=[])
        return box

    # -- what the person does ---------------------------------------------------------------

    def _answer(self, at: int, is_on: bool) -> None:
        if not is_on:  # a slip: what was passed before has to be passed again
            self._applies.discard(at)
        else:
            self._applies.add(at)
            if self._is_failed():
                self._keep("failed")  # something new, whatever a therapist has allowed before
            elif self._session is not None:
                self._room.note_heat_doubt()
                self._session.wear(self._room.wearer, heat.PERMIT_NONE)
                self._is_asking_questions = True
        self.refresh()

    def _confirm(self) -> None:
        if self._applies:
            self._keep("failed")
        self.refresh()

    def _answer_today(self, is_on: bool) -> None:
        self._is_fit_today = is_on
        self.refresh()

    def _passed(self) -> None:
        if self._applies:
            return
        self._is_asking_questions = False
        # Whoever has failed before has nothing to add to what a therapist then allowed.
        if not self._is_failed():
            self._keep("passed")
        self.refresh()

    def _failed(self) -> None:
        self._has_failed = True
        self._keep("failed")
        self.refresh()

    def _keep(self, result: Literal["passed", "failed"]) -> None:
        """Keep what questions and test have come to, with the person."""
        if self._session is not None:
            self._room.note_heat_test(result)
            self._session.wear(self._room.wearer, self._room.heat_permission)

    def _is_failed(self) -> bool:
        """Return whether this person has failed, today or before."""
        profile = self._room.profile
        return profile is not None and profile.heat_test == "failed"

    def _redo(self) -> None:
        self._is_asking_questions = True
        self.refresh()

    def _warmer(self, step_degc: float) -> None:
        if self._session is not None:
            wanted = self._setpoint_degc + step_degc
            least, most = self._session.least_degc(), self._session.most_degc()
            self._setpoint_degc = min(max(wanted, least), most)
            self.refresh()

    def _longer(self, step_min: float) -> None:
        if self._session is not None:
            most = self._session.most_minutes()
            self._minutes = min(max(self._minutes + round(step_min), 1), most)
            self.refresh()

    def _on_ask(self) -> None:
        if self._session is not None and self._is_fit_today:
            self._session.note_presence()
            self._session.ask(min(self._setpoint_degc, self._session.most_degc()), self._minutes)
            self.refresh()

    def _on_stop(self) -> None:
        if self._session is not None:
            self._session.end()

    # -- what is shown ----------------------------------------------------------------------

    def _show_parts(self, view: HeatView) -> None:
        state = view.state if view.is_known else None
        is_off = state is not None and state.state == heat.OFF
        permission = self._room.heat_permission
        is_permitted = permission != heat.PERMIT_NONE
        is_gentle = permission == heat.PERMIT_FLAGGED
        word = self._word_to(is_gentle)
        self._word.say(word)
        _show(self._word, bool(word))
        passes_again = self._room.is_heat_barred and self._room.may_be_heat_tested
        may_answer = not word or is_gentle or passes_again
        asks = self._is_asking_questions or not is_permitted
        _show(self._gate, is_off and may_answer and asks)
        _show(self._start, is_off and is_permitted and not asks)
        for element in (self._stop, self._stop_ways):
            _show(element, state is None or view.is_stoppable)
        is_barred = self._is_failed() and not is_permitted
        _show(self._questions, bool(self._applies) or not is_barred)
        is_open = bool(self._applies) and not self._is_failed()
        _show(self._slip, is_open)
        _show(self._stop_here, bool(self._applies) and not is_open)
        for box in self._ticks:
            is_kept = box.props["aria-checked"] == "true" and not is_open
            box.set_attribute("aria-disabled", str(is_kept).lower())
        _show(self._test, not self._applies and not is_barred)
        said = "heat.test_failed" if self._has_failed else "heat.kept_off"
        self._failed_text.say(self._text(said) if is_barred else "")
        _show(self._failed_text, is_barred and not self._applies)
        if self._session is not None:
            self._setpoint_degc = min(self._setpoint_degc, self._session.most_degc())
        self._setpoint.say(f"{self._text.number(self._setpoint_degc, 1)} °C")
        self._length.say(str(self._minutes))
        can_ask = self._is_fit_today and not view.is_exercise
        self._ask.set_attribute("aria-disabled", str(not can_ask).lower())

    def _word_to(self, is_gentle: bool) -> str:
        """Return what the therapist, somebody else's test or an empty seat has to do with it."""
        profile = self._room.profile
        if profile is None:
            return self._text("heat.nobody")
        if profile.heat_choice == "off":
            return self._text("heat.off_by_therapist")
        if self._room.is_heat_barred and not self._is_failed():
            again = self._room.may_be_heat_tested
            return self._text("heat.barred_again" if again else "heat.barred")
        if not is_gentle:
            return ""
        most = self._text.number(SETPOINT_FLAGGED_MAX_MDEGC / 1000, 1)
        return self._text("heat.by_therapist", most=most)


def _show(element: Text, is_shown: bool) -> None:
    """Show or hide an element; nothing is sent when it is so already."""
    if is_shown and "hidden" in element.props:
        del element.props["hidden"]
        element.update()
    elif not is_shown and "hidden" not in element.props:
        element.props["hidden"] = ""
        element.update()
