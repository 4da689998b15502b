"""Every sentence of the heat page, and the rules that choose between them.

``TEXTS`` is one flat table by key, so that it can be moved into a catalogue as it stands.
"""

from __future__ import annotations

from faceloop.session.heat_session import HeatView
from faceloop_protocol import heat

__all__ = ["NEXT", "QUESTIONS", "STATES", "TEXTS", "heat_facts", "heat_sentence", "next_step"]

TEXTS = {
    "title": "Heat",
    "what": (
        "Gentle warmth before massage and stretching. The pad stays between 36 and 40 degrees. "
        "It heats only after you press the button on the device, and stops by itself."
    ),
    "no_heater": "This board has no heater.",
    "questions_title": "Before the first heat",
    "questions": "Does one of these apply to you? Tick what does.",
    "questions_stop": (
        "Please do not use heat for now. Ask your therapist or doctor about it; the exercises "
        "work without it."
    ),
    "test_title": "Can your skin tell warm from cool?",
    "test": (
        "Take a spoon from cool water and one from warm, not hot, water. Close your eyes. Touch "
        "the skin where the pad will lie with one, then the other, in any order, six times; let "
        "somebody hand them to you if you can. Did you feel each time which one it was?"
    ),
    "test_yes": "Yes, every time",
    "test_no": "No, or not sure",
    "test_failed": (
        "Skin that cannot tell warm from cool cannot warn you. Heat stays off. A therapist can "
        "repeat the test with you."
    ),
    "today": (
        "Today my skin there is whole and dry, without cream. I am awake, and have had no alcohol "
        "and nothing that makes me drowsy."
    ),
    "setpoint": "Warmth",
    "minutes": "Minutes",
    "ask": "Ask for heat",
    "stop": "Stop heat",
    "still_there": "Are you still there?",
    "still_there_why": "Heat ends in a minute unless you say so. Look at your skin, too.",
    "still_there_yes": "I am still here",
    "skin": "At the skin",
    "left": "Time left",
    "dose": "Warmth so far",
    "day": "Today",
    "sessions": "Sessions left today",
    "pressed": "Now press the button on the device, within a minute.",
    "stop_anyway": "Stop: this button, the button on the device, or taking an electrode off.",
    "redo": "Answer the questions again",
    "check": "Look at your skin now and after five minutes. Stop if it stings.",
}

# Labels of safety analysis, section 5: contraindications.
QUESTIONS = (
    "Skin there that is numb, broken, inflamed or irritated",
    "An operation there in the last weeks, or an implant under the skin there",
    "Diabetes, or poor circulation",
    "A pacemaker or another electrical implant",
    "A fever, or an infection in the face",
    "A medicine that makes you drowsy or your skin sensitive to warmth",
    "Under 18",
)

STATES = {
    heat.BOOT_TEST: ("The pad tests itself", "That takes about two seconds."),
    heat.OFF: ("Heat is off", ""),
    heat.WAIT_BUTTON: ("Press the button on the device", "Nothing heats before you do."),
    heat.WARMUP: ("Warming up", "Slowly, so that it stays comfortable."),
    heat.HOLD: ("Warm", "Stay as you are. You can stop at any moment."),
    heat.PAUSED: ("Heat pauses", "It goes on by itself within half a minute, or ends."),
    heat.COOL: ("Heat has ended", "The pad cools down."),
    heat.LATCHED: ("Heat is off because of a fault", ""),
    heat.LOCKED: ("Heat is locked", ""),
}

_AGAIN = "You can ask for heat again."
_FIT = "Press the pad on gently all round, then ask again."
_TAKE_OFF = (
    "Take the pad off and look at your skin. Only when all is well: hold the button on the device "
    "for three seconds to clear this."
)
_CLEAR = (
    "When it is put right and the pad is cool, hold the button on the device for three seconds to "
    "clear this."
)
_BENCH = "Do not use this board for heat. Whoever built it finds the way on the bench page."
_GOES_ON = "Put it right and heat goes on."

NEXT = {
    heat.STOPPED: _AGAIN,
    heat.SESSION_DONE: "Go on with massage and stretching while the skin is warm.",
    heat.DOSE_USED: "Go on without heat today.",
    heat.BATTERY_LOW: "Take the device off, then charge it.",
    heat.USB_POWER: "Unplug the cable, then ask again.",
    heat.NO_ANSWER: _AGAIN,
    heat.PAUSED_TOO_LONG: _AGAIN,
    heat.PAUSED_TOO_OFTEN: _FIT,
    heat.TIMER_EXPIRED: "Wait a minute, then ask again.",
    heat.NOT_PRESSED: _AGAIN,
    heat.NOT_PERMITTED: "Answer the questions and do the skin test below.",
    heat.NOT_WORN: "See that all electrodes hold, then ask again.",
    heat.NOT_RESTED: "Go on without heat for now.",
    heat.NOT_SETTLED: "Wait ten seconds, then ask again.",
    heat.BUTTON_STUCK: "Let go of the button. If it hangs, have the board checked.",
    heat.STORAGE: "Switch the board off and on.",
    heat.NO_PAD: "Plug the pad in, then ask again.",
    heat.NOT_PROVEN: "End this session and start again.",
    heat.TOO_WARM: "Let the pad cool for some minutes.",
    heat.BUSY: "Wait until it has ended.",
    heat.LEASE_OVER: "Keep this page in view: it tells the device that you are here.",
    heat.LEAD_OFF: "Press the electrode on again. " + _GOES_ON,
    heat.OFF_SKIN: "Press the pad on gently all round. " + _GOES_ON,
    heat.FACE_WARM: "Heat goes on when it has cooled. If it stings, take the pad off.",
    heat.LATE_TICK: "Heat goes on by itself.",
    heat.CONTACT_CHANGED: "Hold still. Heat goes on by itself.",
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
    heat.SENSOR_ZONE: "Take the pad off, lay it flat, and look at your skin. " + _CLEAR,
    heat.HARDWARE_TRIP: _TAKE_OFF,
    heat.TRIP_TEST: _BENCH,
    heat.SUPPLY_HIGH: _BENCH,
    heat.SENSOR_TRIP: _CLEAR,
    heat.SWITCH_SHORT: "Unplug the pad now. " + _BENCH,
    heat.RESETS: _BENCH,
    heat.LATCHES: _BENCH,
    heat.LEDGER: _BENCH,
}
"""What to do next, for every cause."""


def next_step(cause: int) -> str:
    """Return what to do next after a cause; empty for none."""
    return NEXT.get(cause, "")


def heat_sentence(view: HeatView) -> tuple[str, str, str]:
    """Return what heat does now: a line, why, and what to do next (both may be empty)."""
    state = view.state
    if state is None or not view.is_known:
        return "Heat: asking the board", view.problem, ""
    line, why = STATES.get(state.state, ("Heat", ""))
    cause = state.cause
    if cause == heat.CAUSE_NONE and view.problem:
        return line, view.problem, next_step(view.cause)
    if cause != heat.CAUSE_NONE and state.state not in (heat.WARMUP, heat.HOLD):
        return line, heat.CAUSE_TEXT.get(cause, why), next_step(cause)
    if state.info & heat.INFO_SLOW_WARMUP:
        why = "This takes long: a cool room, or a low battery. It does no harm."
    elif state.info & heat.INFO_COVERED:
        why = "Something covers the pad. It needs less power now; take nothing to sleep on it."
    return line, why, TEXTS["check"] if state.state in (heat.WARMUP, heat.HOLD) else ""


def heat_facts(view: HeatView) -> tuple[tuple[str, str, str], ...]:
    """Return the numbers as (key, name, text), always the same items in the same order."""
    state = view.state
    if state is None or not view.is_known:
        return tuple((key, TEXTS[key], "–") for key in ("skin", "left", "dose", "day", "sessions"))
    left_s = state.remaining_ms // 1000
    skin = f"{state.face_cdegc / 100:.1f} °C" if state.face_cdegc > 0 else "–"
    is_on = state.state in (heat.WARMUP, heat.HOLD, heat.PAUSED)
    return (
        ("skin", TEXTS["skin"], skin),
        ("left", TEXTS["left"], f"{left_s // 60}:{left_s % 60:02d}" if is_on else "–"),
        ("dose", TEXTS["dose"], _dose(state.dose_umin, 2)),
        ("day", TEXTS["day"], _dose(state.day_dose_umin, 4)),
        ("sessions", TEXTS["sessions"], str(state.sessions_left)),
    )


def _dose(umin: int, most: int) -> str:
    # Equivalent minutes at 43 degrees; hundredths, so that one sees that something is counted.
    return f"{umin / 1e6:.2f} of {most}"
