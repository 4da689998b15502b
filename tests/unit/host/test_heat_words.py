"""Every cause says what to do next, every state has its line."""

from __future__ import annotations

import pytest

from faceloop.session.heat_session import HeatView
from faceloop.ui import heat_words
from faceloop_protocol import heat

CAUSES = sorted(set(heat.CAUSE_TEXT) - {heat.CAUSE_NONE})


def view(**changes: int) -> HeatView:
    values = dict.fromkeys(heat.HeatState._fields, 0) | changes
    return HeatView(heat.HeatState(**values))


@pytest.mark.parametrize("cause", CAUSES)
def test_every_stop_has_its_reason_and_a_next_step(cause: int) -> None:
    state = heat.LATCHED if cause >= heat.FIRST_LATCH else heat.OFF
    line, why, then = heat_words.heat_sentence(view(state=state, cause=cause))
    assert line and why == heat.CAUSE_TEXT[cause]
    assert then == heat_words.NEXT[cause] and then.endswith(".")


def test_nothing_speaks_of_a_cause_that_does_not_exist() -> None:
    assert set(heat_words.NEXT) == set(CAUSES)
    assert set(heat_words.STATES) == set(range(len(heat.STATE_NAMES)))


def test_faults_that_may_have_burnt_say_to_look_at_the_skin() -> None:
    for cause in (heat.FACE_HOT, heat.RISE, heat.HARDWARE_TRIP, heat.WATCHDOG, heat.EXCEPTION):
        assert "look at your skin" in heat_words.next_step(cause)


def test_a_silent_board_shows_no_old_number() -> None:
    told = HeatView(view(state=heat.HOLD, face_cdegc=3900).state, age_s=10.0, problem="silent")
    assert heat_words.heat_sentence(told) == ("Heat: asking the board", "silent", "")
    assert {text for _, _, text in heat_words.heat_facts(told)} == {"–"}


def test_slow_and_covered_are_told_calmly() -> None:
    assert (
        "takes long"
        in heat_words.heat_sentence(view(state=heat.WARMUP, info=heat.INFO_SLOW_WARMUP))[1]
    )
    assert "covers" in heat_words.heat_sentence(view(state=heat.HOLD, info=heat.INFO_COVERED))[1]
