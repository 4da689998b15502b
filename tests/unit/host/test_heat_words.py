"""Every cause says what to do next, every state has its line, in every language."""

from __future__ import annotations

import re

import pytest

from faceloop.session.heat_session import HeatView
from faceloop.ui import heat_words
from faceloop.ui.texts import LANGUAGES, Texts
from faceloop_protocol import heat, reports, texts
from faceloop_protocol.heat_limits import SETPOINT_MAX_MDEGC, SETPOINT_MIN_MDEGC

CAUSES = sorted(set(texts.CAUSE_TEXT) - {heat.CAUSE_NONE})
ENGLISH = Texts("en")


def view(**changes: int) -> HeatView:
    values = dict.fromkeys(reports.HeatState._fields, 0) | changes
    return HeatView(reports.HeatState(**values))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cause", CAUSES)
def test_every_stop_has_its_reason_and_a_next_step(cause: int, language: str) -> None:
    state = heat.LATCHED if cause >= heat.FIRST_LATCH else heat.OFF
    text = Texts(language)
    line, why, then = heat_words.heat_sentence(view(state=state, cause=cause), text)
    assert line and then == heat_words.next_step(cause, text) and then.endswith(".")
    assert (why == texts.CAUSE_TEXT[cause]) == (language == "en")


def test_nothing_speaks_of_a_cause_that_does_not_exist() -> None:
    assert set(heat_words.NEXT) == set(CAUSES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_its_line_and_a_newer_one_is_no_mistake(language: str) -> None:
    text = Texts(language)
    lines = {
        heat_words.heat_sentence(view(state=state), text)[0]
        for state in range(len(texts.HEAT_STATE_NAMES) + 1)
    }
    assert len(lines) == len(texts.HEAT_STATE_NAMES) + 1 and all(lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_faults_that_may_have_burnt_say_to_look_at_the_skin(language: str) -> None:
    text = Texts(language)
    look = text("heat.next.take_off")
    for cause in (heat.FACE_HOT, heat.RISE, heat.HARDWARE_TRIP, heat.WATCHDOG, heat.EXCEPTION):
        assert heat_words.next_step(cause, text) == look
    assert "look at your skin" in ENGLISH("heat.next.take_off")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cause", [heat.SESSION_DONE, heat.DOSE_USED, heat.TIMER_EXPIRED])
def test_skin_is_looked_at_after_a_session_that_had_its_time(cause: int, language: str) -> None:
    text = Texts(language)
    assert heat_words.next_step(cause, text).startswith(text("heat.next.skin"))
    assert "half an hour" in ENGLISH("heat.next.skin")


def test_eyelids_are_named_where_heat_is_asked_for() -> None:
    assert "never on an eyelid" in ENGLISH("heat.what")


def test_a_silent_board_shows_no_old_number() -> None:
    told = HeatView(view(state=heat.HOLD, face_cdegc=3900).state, age_s=10.0, problem="silent")
    assert heat_words.heat_sentence(told, ENGLISH) == ("Heat: asking the board", "silent", "")
    assert {text for _, _, text in heat_words.heat_facts(told, ENGLISH)} == {"–"}


def test_slow_and_covered_are_told_calmly() -> None:
    slow = view(state=heat.WARMUP, info=heat.INFO_SLOW_WARMUP)
    assert "takes long" in heat_words.heat_sentence(slow, ENGLISH)[1]
    covered = view(state=heat.HOLD, info=heat.INFO_COVERED)
    assert "covers" in heat_words.heat_sentence(covered, ENGLISH)[1]


def test_block_of_a_day_says_what_to_press_and_then_how_long_still() -> None:
    put_on = "Lay the pad on your cheek."
    waiting = view(state=heat.WAIT_BUTTON, remaining_ms=50_000)
    assert heat_words.heat_step(waiting, put_on, ENGLISH) == (
        "Press the button on the device",
        put_on,
        "",
    )
    line, why, left = heat_words.heat_step(
        view(state=heat.HOLD, face_cdegc=3900, remaining_ms=421_000), put_on, ENGLISH
    )
    assert (line, left) == ("Warm", "7:01")
    assert put_on not in why and ENGLISH("heat.check") in why
    assert heat_words.heat_step(HeatView(), put_on, ENGLISH)[1:] == (put_on, "")


def test_numbers_have_the_marks_of_the_language() -> None:
    warm = view(state=heat.HOLD, face_cdegc=3925, remaining_ms=421_000, dose_umin=31_000)
    shown = {key: value for key, _, value in heat_words.heat_facts(warm, Texts("de"))}
    assert shown == {
        "skin": "39,2 °C",
        "left": "7:01",
        "dose": "1,6\N{NO-BREAK SPACE}% des Erlaubten",
        "day": "0,0\N{NO-BREAK SPACE}% des Erlaubten",
        "sessions": "0",
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_heat_is_names_the_set_points_of_the_board(language: str) -> None:
    said = [int(number) for number in re.findall(r"\d+", Texts(language)("heat.what"))]
    assert said == [SETPOINT_MIN_MDEGC // 1000, SETPOINT_MAX_MDEGC // 1000]
