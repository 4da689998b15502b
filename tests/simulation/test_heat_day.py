"""A day of training with its heat block: session, board and supervisor on a made-up pad."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from faceloop.training.board_outputs import BoardOutputs
from faceloop.training.day_log import MemoryLog
from faceloop.training.engine import DayEngine
from faceloop.training.programme_file import parse_programme
from faceloop_protocol import heat, texts
from faceloop_protocol.heat_limits import STILL_THERE_MS, STILL_THERE_WAIT_MS

HERE = Path(__file__).parent
HOST = runpy.run_path(str(HERE / "test_heat_host.py"))
FAKE = runpy.run_path(str(HERE.parent / "fakes" / "fake_patient.py"))
STEP_S = HOST["STEP_MS"] / 1000

PROGRAMME = """
format = 1
name = "warm"
stages = ["synkinesis"]
[[block]]
name = "settle"
kind = "settle"
duration_s = 5
rest_s = 0
[[block]]
name = "heat"
kind = "heat"
is_on = true
duration_s = 300
[[block]]
name = "retraining"
kind = "retraining"
movements = ["closed_mouth_smile"]
repetitions = 1
relax_first_s = 0
"""


class Day:
    """Somebody at home with board, pad and page, in the middle of a day."""

    def __init__(self) -> None:
        self.home: Any = HOST["Home"]()
        self.outputs = BoardOutputs(_Live(self.home.session))  # type: ignore[arg-type]
        self.log = MemoryLog()
        programme = parse_programme(PROGRAMME, "warm")
        self.engine = DayEngine(programme, FAKE["context"](), self.log, self.outputs)

    @property
    def now_s(self) -> float:
        return float(self.home.bench.now_ms) / 1000

    async def live(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            await self.home.live(STEP_S)
            report = self.outputs.heat_report()
            assert report is not None
            self.engine.note_heat(report)
            self.engine.tick(self.now_s)

    async def begin_heat(self) -> None:
        await self.live(10)  # the board has spoken
        self.engine.start(self.now_s)
        self.engine.skip_block(self.now_s)
        await self.live(15)
        assert self.block == "heat"
        assert self.state == heat.WAIT_BUTTON

    @property
    def block(self) -> str:
        view = self.engine.view(self.now_s)
        return "" if view.block is None else view.block.name

    @property
    def state(self) -> int:
        return int(self.home.bench.supervisor.state)

    def record(self) -> dict[str, Any]:
        return next(r for r in self.log.records if r["kind"] == "step" and r["block"] == "heat")

    def notice(self) -> str:
        return " ".join(notice.key for notice in self.engine.view(self.now_s).notices)


class _Live:
    def __init__(self, session: Any) -> None:
        self.heat = session


@pytest.fixture
def day() -> Day:
    return Day()


async def test_heat_of_the_day_warms_ends_and_movements_wait_until_it_is_off(day: Day) -> None:
    await day.begin_heat()
    day.home.bench.pad.press()
    n_answers = 0
    for _ in range(90):
        await day.live(10)
        if day.home.session.view().is_asking:  # what a page shows, and the person answers
            day.home.session.confirm()
            n_answers += 1
        if day.block != "heat":
            break
    assert day.block == "retraining"
    assert n_answers == 1
    record = day.record()
    assert record["outcome"] == "done" and record["warmest_degc"] > 37
    assert record["stop_reason"]
    await day.live(120)
    assert day.state == heat.OFF
    assert day.notice() == ""  # the movement has begun
    # Whoever asks for heat meanwhile is told why there is none.
    day.home.session.ask(39.0, 5)
    await day.live(3)
    assert day.state == heat.OFF and day.home.session.view().is_exercise


async def test_heat_of_the_day_ends_when_nobody_says_that_they_are_there(day: Day) -> None:
    await day.begin_heat()
    day.home.bench.pad.press()
    begun_ms = day.home.bench.now_ms
    while day.block == "heat" and day.home.bench.now_ms - begun_ms < 420_000:
        await day.live(5)
    warm_ms = day.home.bench.now_ms - begun_ms
    assert STILL_THERE_MS < warm_ms < STILL_THERE_MS + STILL_THERE_WAIT_MS + 10_000
    assert day.home.bench.supervisor.cause == heat.NO_ANSWER
    assert day.record()["stop_reason"] == texts.CAUSE_TEXT[heat.NO_ANSWER]


async def test_heat_that_goes_on_is_ended_by_the_movements(day: Day) -> None:
    await day.begin_heat()
    day.home.bench.pad.press()
    await day.live(60)
    assert day.state in (heat.WARMUP, heat.HOLD)
    day.engine.skip_block(day.now_s)
    await day.live(1)
    assert day.state in (heat.COOL, heat.OFF)
    assert day.block == "retraining"


async def test_button_that_nobody_presses_leaves_heat_out_with_a_sentence(day: Day) -> None:
    await day.begin_heat()
    for _ in range(30):
        await day.live(10)
        if day.block != "heat":
            break
    assert day.block == "retraining"
    assert day.record()["warmest_degc"] is not None
    assert [r["reason"] for r in day.log.records if r["kind"] == "block_end"][-1] == "no_heat"


async def test_pause_ends_heat_and_going_on_asks_for_it_again(day: Day) -> None:
    await day.begin_heat()
    day.home.bench.pad.press()
    await day.live(30)
    day.engine.pause(day.now_s)
    await day.live(5)
    assert day.state in (heat.COOL, heat.OFF)
    day.engine.resume(day.now_s)
    await day.live(20)
    # Rest between two sessions, or the button again: never warm by itself.
    assert day.state not in (heat.WARMUP, heat.HOLD)
