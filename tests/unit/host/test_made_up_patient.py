"""The patient of a rehearsal does what set-up and day ask for, and lets go when nobody asks."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faceloop.session.montage import montage_named
from faceloop.tasks.made_up_patient import PRESS_S, READS_S, USES, MadeUpPatient
from faceloop.training.day_log import MemoryLog
from faceloop.training.engine import DayEngine
from faceloop.training.hop import Hop
from faceloop.training.movements import MOVEMENTS as ASKED
from faceloop.training.programme import FUNCTION_TASKS
from faceloop.training.programme_file import shipped_programme
from faceloop.training.setup import COACH_TASKS, SetUp, SetUpTimes
from faceloop.twin.sources.patient import MOVEMENTS as KNOWN
from faceloop_protocol import heat

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_patient.py"))


class Room:
    """What is looked at, and what the face was told."""

    def __init__(self) -> None:
        self.listener: SetUp | DayEngine | None = None
        self.heat: Any = None
        self.now_s = 0.0
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.patient = MadeUpPatient(self, self.tell)

    def clock(self) -> float:
        return self.now_s

    async def tell(self, op: str, **request: Any) -> None:
        self.told.append((op, request))

    def of(self, op: str) -> list[dict[str, Any]]:
        return [request for name, request in self.told if name == op]


def test_face_knows_every_movement_and_task_that_can_be_asked_for() -> None:
    assert {*ASKED, *COACH_TASKS.values()} - {"rest"} <= set(KNOWN)
    assert set(USES) == set(FUNCTION_TASKS)


async def test_set_up_is_followed_contraction_by_contraction() -> None:
    room = Room()
    await room.patient.look()
    assert room.told == []  # nobody trains: the face does as it likes
    times = SetUpTimes(contact_s=0.1, rest_s=2.0)
    setup = SetUp(montage_named("guarded8"), "left", 0.0, utc_now=lambda: "", times=times)
    room.listener = setup
    while not setup.is_done:
        room.now_s += 0.02
        setup.feed(Hop(0, (2.0,) * 8), room.now_s)
        await room.patient.look()
        assert room.now_s < 120
    done = [request["movement"] for request in room.of("perform")]
    asked = ["close_eyes_gently", "closed_mouth_smile", "lip_pucker", "clench"]
    assert sorted(done) == sorted(3 * asked)
    for request in room.of("perform"):
        length_s = request["rise_s"] + request["hold_s"] + request["release_s"]
        assert length_s == pytest.approx(times.contract_s, abs=0.05)
    room.listener = None
    await room.patient.look()
    assert room.of("attend") == [{"on": True}, {"on": False}]


async def test_each_repetition_is_done_once_as_the_target_shows_it_and_let_go_in_a_pause() -> None:
    room = Room()
    engine = DayEngine(shipped_programme("synkinesis"), FAKE["context"](), MemoryLog())
    patient = FAKE["Patient"](engine.context.montage)
    engine.start(0.0)
    room.listener = engine
    while engine.view(room.now_s).block.kind != "retraining":
        engine.skip_block(room.now_s)
        room.now_s += 0.01

    async def until(phase: str) -> None:
        while engine.view(room.now_s).step.phase != phase:
            room.now_s += 0.01
            engine.feed(patient.hop(engine, room.now_s), room.now_s)
            await room.patient.look()

    await until("rest")
    (request,) = room.of("perform")
    view = engine.view(room.now_s)
    block = engine.programme.block[view.block.index]
    assert request["movement"] == view.step.movement
    assert request["share"] == view.feedback.hold_share
    assert request["joins"] is None
    assert (request["rise_s"], request["hold_s"]) == (block.rise_s, block.hold_s)
    room.told.clear()
    await until("hold")
    engine.pause(room.now_s)
    for _ in range(3):
        await room.patient.look()
    assert [op for op, _ in room.told] == ["perform", "attend"]
    assert room.told[-1][1] == {"on": True}


async def test_mouth_is_used_over_and_over_in_everyday_tasks() -> None:
    room = Room()
    engine = DayEngine(shipped_programme("synkinesis"), FAKE["context"](), MemoryLog())
    engine.start(0.0)
    room.listener = engine
    while engine.view(room.now_s).block.kind != "function":
        engine.skip_block(room.now_s)
    task = engine.view(room.now_s).step.id
    for _ in range(1000):
        room.now_s += 0.01
        engine.tick(room.now_s)
        await room.patient.look()
    movement, _, _, every_s = USES[task]
    assert {request["movement"] for request in room.of("perform")} == {movement}
    assert len(room.of("perform")) == pytest.approx(10 / every_s, abs=1)


class Pad:
    """A heat pad in one state."""

    def __init__(self) -> None:
        self.state = heat.OFF

    def view(self) -> Any:
        return SimpleNamespace(state=SimpleNamespace(state=self.state))


async def test_button_is_pressed_where_heat_waits_for_it_and_only_there() -> None:
    room = Room()
    room.heat = pad = Pad()

    async def wait(seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            room.now_s += 0.02
            await room.patient.look()

    for state in (heat.OFF, heat.BOOT_TEST, heat.WARMUP, heat.HOLD, heat.PAUSED, heat.COOL):
        pad.state = state
        await wait(READS_S + 1.0)
    assert room.of("world") == []
    pad.state = heat.WAIT_BUTTON
    await wait(READS_S - 0.1)
    assert room.of("world") == []  # it takes a moment to read
    await wait(0.2)
    assert room.of("world") == [{"button": True}]
    pad.state = heat.WARMUP
    await wait(PRESS_S + 0.1)
    assert room.of("world") == [{"button": True}, {"button": False}]  # let go, whatever came
    await wait(READS_S + 1.0)
    pad.state = heat.WAIT_BUTTON  # a press that was of no use is made again
    await wait(2 * (READS_S + PRESS_S) + 0.2)
    assert len(room.of("world")) == 6
