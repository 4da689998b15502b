"""Heat in a day of training: asked for, waited for, left out, and never beside movements."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from faceloop.training.day_log import MemoryLog
from faceloop.training.engine import DayEngine
from faceloop.training.outputs import HeatReport
from faceloop.training.programme_file import parse_programme
from faceloop.training.results import day_result, day_words
from faceloop.ui.texts import Texts

FAKES = Path(__file__).parents[2] / "fakes"
FAKE = runpy.run_path(str(FAKES / "fake_patient.py"))
context, run = FAKE["context"], FAKE["run"]
DAY = runpy.run_path(str(FAKES / "fake_day.py"))
QUICK, Noted, day, kinds = (DAY[name] for name in ("QUICK", "Noted", "day", "kinds"))


def asked(outputs: Any) -> list[tuple[str, str]]:
    """Return what was done but for the strap, which marks where each block begins."""
    return [done for done in outputs.done if done[0] != "vibrate"]


def test_movement_waits_until_heat_is_off() -> None:
    engine, log, patient, outputs = day()
    engine.start(0.0)
    engine.note_heat(HeatReport(is_on=True))
    engine.skip_block(0.1)
    engine.skip_block(0.2)
    assert asked(outputs)[-2:] == [("exercise", "begin"), ("block", "retraining")]
    for at in range(100):
        engine.feed(patient.hop(engine, 1 + at / 100), 1 + at / 100)
    view = engine.view(2.0)
    assert [notice.key for notice in view.notices] == ["train.notice.heat_ends"]
    assert engine._step is None
    engine.note_heat(HeatReport(is_on=False, is_over=True))
    run(engine, patient, 2.0)
    assert len(kinds(log, "trial")) == 3


WARM = QUICK.replace(
    '[[block]]\nname = "massage"',
    '[[block]]\nname = "heat"\nkind = "heat"\nis_on = true\n[[block]]\nname = "massage"',
)


def test_heat_block_asks_waits_and_stores_why_it_ended() -> None:
    engine, log, _, outputs = day(parse_programme(WARM, "warm"))
    engine.start(0.0)
    engine.skip_block(0.1)
    assert asked(outputs)[-1] == ("ask_heat", "39")
    engine.note_heat(HeatReport(is_on=True, skin_degc=38.5, is_warming=True))
    engine.tick(301.0)
    assert engine.view(301.0).notices[0].key == "train.notice.skin_check"
    engine.pause(302.0)
    assert asked(outputs)[-1] == ("end_heat", "pause")
    engine.resume(303.0)
    assert asked(outputs)[-1] == ("ask_heat", "39")
    engine.note_heat(HeatReport(is_on=False, is_over=True, stop_reason="TIME_UP"))
    engine.tick(304.0)
    step = kinds(log, "step")[-1]
    assert (step["warmest_degc"], step["stop_reason"]) == (38.5, "TIME_UP")
    assert engine.view(304.0).block.name == "massage"  # type: ignore[union-attr]


def test_heat_is_left_out_with_a_sentence_where_there_is_no_pad() -> None:
    log, outputs = MemoryLog(), Noted(has_heat=False)
    engine = DayEngine(parse_programme(WARM, "warm"), context(), log, outputs)
    engine.start(0.0)
    engine.skip_block(0.1)
    view = engine.view(0.2)
    assert view.block is not None and view.block.name == "massage"
    assert [notice.key for notice in view.notices] == ["train.left_out.no_pad"]
    assert ("ask_heat", "39") not in outputs.done
    assert [r["reason"] for r in kinds(log, "block_end") if r["block"] == "heat"] == ["no_pad"]


def test_blocks_left_out_in_a_row_are_all_said_then_and_in_the_results() -> None:
    heat = '[[block]]\nname = "heat"\nkind = "heat"\nis_on = true\n'
    two = QUICK.replace(moves := '[[block]]\nname = "retraining"', heat + moves)
    log = MemoryLog()
    outputs = Noted(has_heat=False)
    engine = DayEngine(parse_programme(two, "two"), context(references=None), log, outputs)
    engine.start(0.0)
    engine.skip_block(0.1)
    engine.skip_block(0.2)
    view = engine.view(0.2)
    said = ["train.left_out.no_pad", "train.left_out.not_set_up"]
    assert view.block is not None and view.block.name == "function"
    assert [notice.key for notice in view.notices] == said
    engine.skip_block(0.3)
    words = day_words(day_result(log.records))
    assert [word.key for word in words if "left_out" in word.key] == said
    (skipped,) = (word for word in words if word.key == "train.result.skipped")
    assert (
        Texts("de")
        .say(skipped)
        .endswith(": Zur Ruhe kommen, Massage und Dehnung, Bewegungen im Alltag.")
    )


def test_heat_that_never_began_is_left_out_with_a_sentence() -> None:
    engine, log, _, _ = day(parse_programme(WARM, "warm"))
    engine.start(0.0)
    engine.skip_block(0.1)
    engine.note_heat(HeatReport(is_on=True))  # asked for; nobody presses the button
    engine.tick(1.0)
    engine.note_heat(HeatReport(is_on=False, is_over=True, stop_reason="Nobody pressed."))
    engine.tick(2.0)
    view = engine.view(2.0)
    assert view.block is not None and view.block.name == "massage"
    assert [notice.key for notice in view.notices] == ["train.left_out.no_heat"]
    assert kinds(log, "step")[-1]["stop_reason"] == "Nobody pressed."


def test_no_heat_can_begin_while_movements_are_trained() -> None:
    engine, _, patient, outputs = day()

    def exercise() -> list[str]:
        return [what for name, what in outputs.done if name == "exercise"]

    engine.start(0.0)
    engine.skip_block(0.1)
    assert exercise() == []
    engine.skip_block(0.2)
    assert exercise() == ["begin"]
    engine.pause(1.0)
    assert exercise() == ["begin", "end"]
    engine.resume(2.0)
    run(engine, patient, 2.0)
    assert exercise() == ["begin", "end", "begin", "end"]
    again, _, _, outputs = day()
    again.start(0.0)
    again.skip_block(0.1)
    again.skip_block(0.2)
    again.close(1.0)
    assert exercise() == ["begin", "end"]
