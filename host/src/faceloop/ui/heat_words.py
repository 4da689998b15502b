"""Which sentence the heat page says when. The sentences themselves are in ``languages/``."""

from __future__ import annotations

from faceloop.session.heat_session import HeatView
from faceloop.ui.texts import DASH, Texts
from faceloop.ui.words import clock
from faceloop_protocol import heat, texts
from faceloop_protocol.heat_limits import DOSE_DAY_UMIN, DOSE_SESSION_UMIN

__all__ = ["NEXT", "QUESTIONS", "heat_facts", "heat_sentence", "heat_step", "next_step"]

# Labels of safety analysis, section 5: contraindications.
QUESTIONS = ("numb", "operated", "diabetes", "pacemaker", "fever", "medicine", "young")

_CLEAR = ("clear",)
_TAKE_OFF = ("take_off",)
_BENCH = ("bench",)

NEXT: dict[int, tuple[str, ...]] = {
    heat.STOPPED: ("again",),
    heat.SESSION_DONE: ("skin", "massage"),
    heat.DOSE_USED: ("skin", "without_today"),
    heat.BATTERY_LOW: ("charge",),
    heat.USB_POWER: ("unplug",),
    heat.NO_ANSWER: ("again",),
    heat.PAUSED_TOO_LONG: ("again",),
    heat.PAUSED_TOO_OFTEN: ("fit",),
    heat.TIMER_EXPIRED: ("skin", "wait_minute"),
    heat.NOT_PRESSED: ("again",),
    heat.NOT_PERMITTED: ("questions",),
    heat.NOT_WORN: ("electrodes",),
    heat.NOT_RESTED: ("without_now",),
    heat.NOT_SETTLED: ("ten_seconds",),
    heat.BUTTON_STUCK: ("button",),
    heat.STORAGE: ("restart",),
    heat.NO_PAD: ("plug_in",),
    heat.NOT_PROVEN: ("new_session",),
    heat.TOO_WARM: ("let_cool",),
    heat.BUSY: ("wait_end",),
    heat.LEASE_OVER: ("in_view",),
    heat.LEAD_OFF: ("electrode", "goes_on"),
    heat.OFF_SKIN: ("press_on", "goes_on"),
    heat.FACE_WARM: ("cooled",),
    heat.LATE_TICK: ("by_itself",),
    heat.CONTACT_CHANGED: ("hold_still",),
    heat.SENSOR_RANGE: _CLEAR,
    heat.SENSOR_PAIR: _CLEAR,
    heat.SENSOR_CORE: _CLEAR,
    heat.SENSOR_SWAPPED: _CLEAR,
    heat.SENSOR_FROZEN: _CLEAR,
    heat.ADC_REFERENCE: _CLEAR,
    heat.HEATER: _CLEAR,
    heat.WATCHDOG: _TAKE_OFF,
    heat.CLOCK: _CLEAR,
    heat.EXCEPTION: _TAKE_OFF,
    heat.FACE_HOT: _TAKE_OFF,
    heat.RISE: _TAKE_OFF,
    heat.SENSOR_ZONE: ("lay_flat", "clear"),
    heat.HARDWARE_TRIP: _TAKE_OFF,
    heat.TRIP_TEST: _BENCH,
    heat.SUPPLY_HIGH: _BENCH,
    heat.SENSOR_TRIP: _CLEAR,
    heat.CORE_SILENT: _CLEAR,
    heat.RAIL: _BENCH,
    heat.SWITCH_SHORT: ("unplug_pad", "bench"),
    heat.RESETS: _BENCH,
    heat.LATCHES: _BENCH,
    heat.LEDGER: _BENCH,
}
"""Keys of what to do next, for every cause; said one after the other."""

_ON = (heat.WARMUP, heat.HOLD, heat.PAUSED)
_FACTS = ("skin", "left", "dose", "day", "sessions")


def next_step(cause: int, text: Texts) -> str:
    """Return what to do next after a cause; empty for none."""
    return " ".join(text(f"heat.next.{key}") for key in NEXT.get(cause, ()))


def heat_sentence(view: HeatView, text: Texts) -> tuple[str, str, str]:
    """Return what heat does now: a line, why, and what to do next (both may be empty)."""
    state = view.state
    if state is None or not view.is_known:
        return text("heat.asking"), text.known(view.problem), ""
    line, why = _state(state.state, text)
    cause = state.cause
    if cause == heat.CAUSE_NONE and view.problem:
        return line, text.known(view.problem), next_step(view.cause, text)
    is_on = state.state in (heat.WARMUP, heat.HOLD)
    if cause != heat.CAUSE_NONE and not is_on:
        return line, text.known(texts.CAUSE_TEXT.get(cause, why)), next_step(cause, text)
    if state.info & heat.INFO_SLOW_WARMUP:
        why = text("heat.slow")
    elif state.info & heat.INFO_COVERED:
        why = text("heat.covered")
    return line, why, text("heat.check") if is_on else ""


def heat_facts(view: HeatView, text: Texts) -> tuple[tuple[str, str, str], ...]:
    """Return the numbers as (key, name, text), always the same items in the same order."""
    values = dict.fromkeys(_FACTS, DASH)
    state = view.state
    if state is not None and view.is_known:
        if state.face_cdegc > 0:
            values["skin"] = f"{text.number(state.face_cdegc / 100, 1)} °C"
        if state.state in _ON:
            values["left"] = clock(state.remaining_ms / 1000)
        values["dose"] = _dose(state.dose_umin, DOSE_SESSION_UMIN, text)
        values["day"] = _dose(state.day_dose_umin, DOSE_DAY_UMIN, text)
        values["sessions"] = str(state.sessions_left)
    return tuple((key, text(f"heat.{key}"), value) for key, value in values.items())


def heat_step(view: HeatView, instruction: str, text: Texts) -> tuple[str, str, str]:
    """Return what a day's heat block says: a line, why, and the time left (may be empty)."""
    line, why, then = heat_sentence(view, text)
    state = view.state
    if state is None or not view.is_known or state.state not in _ON:
        return line, instruction, ""
    return line, " ".join(filter(None, (why, then))), clock(state.remaining_ms / 1000)


def _state(state: int, text: Texts) -> tuple[str, str]:
    if state >= len(texts.HEAT_STATE_NAMES):  # of a newer board
        return text("heat.title"), ""
    name = texts.HEAT_STATE_NAMES[state].lower()
    why = f"heat.state.{name}.why"
    return text(f"heat.state.{name}.title"), text(why) if why in text else ""


def _dose(umin: int, most_umin: int, text: Texts) -> str:
    # A decimal, so that one sees that something is counted.
    return text("heat.of", share=text.percent(umin / most_umin, 1))
