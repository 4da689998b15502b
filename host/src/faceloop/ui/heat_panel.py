"""The heat page: what heat does now, why it stopped, what to do next, how to ask for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from faceloop.session.heat_session import HeatSession, HeatView
from faceloop.ui.elements import Text, tag
from faceloop.ui.heat_words import QUESTIONS, TEXTS, heat_facts, heat_sentence
from faceloop_protocol import heat
from faceloop_protocol.heat_limits import SESSION_DEFAULT_MIN, SETPOINT_DEFAULT_MDEGC

__all__ = ["HeatPanel"]

_STEP_DEGC = 0.5
_STEP_MIN = 1
# Before these there is nothing to stop.
_STOPPABLE = (heat.BOOT_TEST, heat.WAIT_BUTTON, heat.WARMUP, heat.HOLD, heat.PAUSED)


class HeatPanel:
    """Heat on one open page; built where it is made. ``refresh`` twice a second.

    Parameters
    ----------
    session : HeatSession or None
        None where the board has no heater.
    known : callable
        Gives a sentence in the person's language, where there is a translation.
    """

    def __init__(
        self, session: HeatSession | None, known: Callable[[str], str] = lambda text: text
    ) -> None:
        self._session = session
        self._known = known
        self._setpoint_degc = SETPOINT_DEFAULT_MDEGC / 1000
        self._minutes = SESSION_DEFAULT_MIN
        self._applies: set[int] = set()
        self._has_failed = False
        self._is_fit_today = False
        self._is_asking_questions = False
        with tag("section", classes="fl-heat fl-first", aria_labelledby="fl-heat-title") as root:
            title = self._known(TEXTS["title"])
            tag("h1", title, id="fl-heat-title", tabindex="-1", data_focus="")
            tag("p", self._known(TEXTS["what"]), "fl-quiet")
            if session is None:
                tag("p", self._known(TEXTS["no_heater"]))
                return
            self._build(session)
        self._root = root
        session.watch()
        self.refresh()

    def refresh(self) -> None:
        """Say what is new."""
        if self._session is None:
            return
        view = self._session.view()
        line, why, then = heat_sentence(view)
        self._line.say(self._known(line))
        self._why.say(self._known(why))
        self._then.say(self._known(then))
        for key, _, text in heat_facts(view):
            self._facts[key].say(text)
        self._show_parts(view)

    # -- building ---------------------------------------------------------------------------

    def _build(self, session: HeatSession) -> None:
        with tag("div", aria_live="polite"):
            self._line = tag("p", classes="fl-heat-line")
            self._why = tag("p")
            self._then = tag("p", classes="fl-quiet")
        self._prompt = tag("div", classes="fl-card fl-urgent", role="alert", hidden="")
        with self._prompt:
            tag("p", self._known(TEXTS["still_there"]))
            tag("p", self._known(TEXTS["still_there_why"]), "fl-quiet")
            self._button(self._known(TEXTS["still_there_yes"]), session.confirm)
        self._facts: dict[str, Text] = {}
        with tag("dl", classes="fl-status", aria_label=self._known(TEXTS["title"])):
            for key, name, text in heat_facts(HeatView()):
                with tag("div", data_item=key):
                    tag("dt", self._known(name))
                    self._facts[key] = tag("dd", text)
        with tag("div", classes="fl-actions"):
            self._stop = self._button(self._known(TEXTS["stop"]), self._on_stop)
        tag("p", self._known(TEXTS["stop_anyway"]), "fl-quiet")
        self._gate = tag("div", classes="fl-card", hidden="")
        with self._gate:
            self._build_gate()
        self._start = tag("div", classes="fl-card", hidden="")
        with self._start:
            self._build_start()

    def _build_gate(self) -> None:
        tag("h2", self._known(TEXTS["questions_title"]))
        with tag("fieldset"):
            tag("legend", self._known(TEXTS["questions"]))
            for at, question in enumerate(QUESTIONS):
                self._tick(self._known(question), partial(self._answer, at))
        self._stop_here = tag("p", self._known(TEXTS["questions_stop"]), role="status", hidden="")
        self._test = tag("div", classes="fl-heat-test")
        with self._test:
            tag("h2", self._known(TEXTS["test_title"]))
            tag("p", self._known(TEXTS["test"]))
            with tag("div", classes="fl-actions"):
                self._button(self._known(TEXTS["test_yes"]), self._passed)
                self._button(self._known(TEXTS["test_no"]), self._failed)
        self._failed_text = tag("p", self._known(TEXTS["test_failed"]), role="status", hidden="")

    def _build_start(self) -> None:
        self._tick(self._known(TEXTS["today"]), self._answer_today)
        with tag("p", classes="fl-heat-choice"):
            tag("span", self._known(TEXTS["setpoint"]))
            self._button(
                "−", lambda: self._warmer(-_STEP_DEGC), self._known(TEXTS["setpoint"]) + " −"
            )
            self._setpoint = tag("span", classes="fl-number", aria_live="polite")
            self._button(
                "+", lambda: self._warmer(_STEP_DEGC), self._known(TEXTS["setpoint"]) + " +"
            )
        with tag("p", classes="fl-heat-choice"):
            tag("span", self._known(TEXTS["minutes"]))
            self._button(
                "−", lambda: self._longer(-_STEP_MIN), self._known(TEXTS["minutes"]) + " −"
            )
            self._length = tag("span", classes="fl-number", aria_live="polite")
            self._button(
                "+", lambda: self._longer(_STEP_MIN), self._known(TEXTS["minutes"]) + " +"
            )
        with tag("div", classes="fl-actions"):
            self._ask = self._button(self._known(TEXTS["ask"]), self._on_ask)
            self._ask.classes("fl-primary")
            self._button(self._known(TEXTS["redo"]), self._redo)

    @staticmethod
    def _button(text: str, act: Callable[[], None], label: str = "") -> Text:
        button = tag("button", text, "fl-button", type="button")
        if label:
            button.set_attribute("aria-label", label)
        button.on("click", act, args=[])
        return button

    @staticmethod
    def _tick(text: str, take: Callable[[bool], None]) -> None:
        # The server holds the answer and shows it: a browser that restores a form cannot differ.
        box = tag("button", text, "fl-heat-tick", type="button", role="checkbox")
        box.set_attribute("aria-checked", "false")

        def turn() -> None:
            is_on = box.props["aria-checked"] != "true"
            box.set_attribute("aria-checked", str(is_on).lower())
            take(is_on)

        box.on("click", turn, args=[])

    # -- what the person does ---------------------------------------------------------------

    def _answer(self, at: int, is_on: bool) -> None:
        if is_on:
            self._applies.add(at)
        else:
            self._applies.discard(at)
        self.refresh()

    def _answer_today(self, is_on: bool) -> None:
        self._is_fit_today = is_on
        self.refresh()

    def _passed(self) -> None:
        if self._session is not None and not self._applies:
            self._has_failed = False
            self._is_asking_questions = False
            self._session.permit(heat.PERMIT_FULL)

    def _failed(self) -> None:
        self._has_failed = True
        if self._session is not None:
            self._session.permit(heat.PERMIT_NONE)
        self.refresh()

    def _redo(self) -> None:
        self._is_asking_questions = True
        self.refresh()

    def _warmer(self, step_degc: float) -> None:
        if self._session is not None:
            wanted = self._setpoint_degc + step_degc
            least, most = self._session.least_degc(), self._session.most_degc()
            self._setpoint_degc = min(max(wanted, least), most)
            self.refresh()

    def _longer(self, step_min: int) -> None:
        if self._session is not None:
            most = self._session.most_minutes()
            self._minutes = min(max(self._minutes + step_min, 1), most)
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
        is_permitted = state is not None and state.permission != heat.PERMIT_NONE
        asks_again = self._is_asking_questions or self._has_failed
        _show(self._gate, is_off and (not is_permitted or asks_again))
        _show(self._start, is_off and is_permitted and not asks_again)
        _show(self._stop, state is None or state.state in _STOPPABLE)
        _show(self._prompt, state is not None and bool(state.info & heat.INFO_STILL_THERE))
        _show(self._stop_here, bool(self._applies))
        _show(self._test, not self._applies and not self._has_failed)
        _show(self._failed_text, self._has_failed and not self._applies)
        if self._session is not None:
            self._setpoint_degc = min(self._setpoint_degc, self._session.most_degc())
        self._setpoint.say(f"{self._setpoint_degc:.1f} °C")
        self._length.say(str(self._minutes))
        can_ask = self._is_fit_today and not view.is_exercise
        self._ask.set_attribute("aria-disabled", str(not can_ask).lower())


def _show(element: Text, is_shown: bool) -> None:
    """Show or hide an element; nothing is sent when it is so already."""
    if is_shown and "hidden" in element.props:
        del element.props["hidden"]
        element.update()
    elif not is_shown and "hidden" not in element.props:
        element.props["hidden"] = ""
        element.update()
