"""Between session and training: hops from blocks, vibration and marks, errors of the disk."""

from __future__ import annotations

import asyncio
import math
import runpy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.errors import LinkError, StorageError
from faceloop.session.live import LiveBlock
from faceloop.session.montage import montage_named
from faceloop.training.board_outputs import BoardOutputs
from faceloop.training.day_log import MemoryLog
from faceloop.training.engine import DayEngine
from faceloop.training.hop import Hop, hops_of
from faceloop.training.live_training import LiveTraining
from faceloop.training.outputs import HeatRequest
from faceloop.training.programme_file import shipped_programme

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_patient.py"))
NAN = np.full(8, np.nan, np.float32)


def block(first: int = 0, n: int = 20, level: float = 2.0, gap: bool = False) -> LiveBlock:
    trace = np.full((n, 8), np.nan if gap else 0.0, np.float32)
    return LiveBlock(first, trace, np.full(8, level, np.float32), NAN, {}, 0.0)


class Heat:
    """A pad that writes down what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def ask(self, target_degc: float, minutes: int) -> None:
        self.asked.append((target_degc, minutes))

    def end(self) -> None:
        self.asked.append("end")

    def begin_exercise(self) -> None:
        self.asked.append("exercise")

    def end_exercise(self) -> None:
        self.asked.append("no exercise")


class Session:
    """Blocks that a test gives, and what was asked of the board."""

    def __init__(self, blocks: list[LiveBlock]) -> None:
        self._blocks = blocks
        self.notes: list[str] = []
        self.vibrations: list[tuple[int, int]] = []
        self.is_lost = False
        self.heat = Heat()

    async def blocks(self, max_waiting: int = 64) -> AsyncIterator[LiveBlock]:
        for one in self._blocks:
            await asyncio.sleep(0)
            yield one

    def annotate(self, text: str) -> None:
        self.notes.append(text)

    async def vibrate(self, strength_pct: int, length_ms: int) -> None:
        if self.is_lost:
            raise LinkError("out of reach")
        self.vibrations.append((strength_pct, length_ms))


def test_block_is_one_hop_for_each_10_ms_and_a_gap_is_none() -> None:
    montage = montage_named("minimal4")
    assert [hop.frame for hop in hops_of(block(100, 40), montage)] == [119, 139]
    (hop,) = hops_of(block(0, 20), montage, (True, *(False,) * 7))
    assert [hop.is_good(channel) for channel in range(8)] == [False, *(True,) * 3, *(False,) * 4]
    assert hops_of(block(gap=True), montage) == ()
    # Just after a gap nothing is known yet, and no electrode is to blame.
    assert hops_of(block(level=math.nan), montage) == ()
    (loose,) = hops_of(block(level=math.nan), montage, (True,) * 8)
    assert not loose.is_good(0)


async def test_listener_hears_every_hop_and_time() -> None:
    heard: list[Hop] = []
    ticks: list[float] = []

    class Listener:
        def feed(self, hop: Hop, now_s: float) -> None:
            heard.append(hop)

        def tick(self, now_s: float) -> None:
            ticks.append(now_s)

    session = Session([block(20 * at) for at in range(50)])
    training = LiveTraining(session, montage_named("guarded8"), lambda: 7.0)
    training.listener = Listener()  # type: ignore[assignment]
    await training.run()
    assert len(heard) == 50 and ticks and set(ticks) == {7.0}


async def test_error_of_the_disk_ends_the_feeding_and_is_kept() -> None:
    class Full:
        def feed(self, hop: Hop, now_s: float) -> None:
            raise StorageError("The disk is full.")

        def tick(self, now_s: float) -> None:
            pass

    training = LiveTraining(Session([block()] * 100), montage_named("guarded8"), lambda: 0.0)
    training.listener = Full()  # type: ignore[assignment]
    await training.run()
    assert isinstance(training.error, StorageError)


async def test_outputs_reach_board_pad_and_recording_and_never_raise() -> None:
    session = Session([])
    outputs = BoardOutputs(session)  # type: ignore[arg-type]
    outputs.vibrate("synkinesis")
    outputs.annotate("block", "settle")
    outputs.ask_heat(HeatRequest(39.0, 600.0))
    outputs.end_heat("pause")
    for _ in range(2):  # each counts once
        outputs.begin_exercise()
    for _ in range(2):
        outputs.end_exercise()
    session_lost = Session([])
    session_lost.is_lost = True
    BoardOutputs(session_lost).vibrate("phase")  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    assert session.vibrations == [(60, 200)]
    assert session.notes == ["training block: settle"]
    assert session.heat.asked == [(39.0, 10), "end", "exercise", "no exercise"]
    assert outputs.has_heat and not BoardOutputs(object()).has_heat  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0.4, 2.0])
def test_lost_signal_in_a_movement_is_told_and_scores_nothing(seconds: float) -> None:
    """A moment without hops is nothing; for longer nothing is shown as if it were true."""
    engine = DayEngine(shipped_programme("paresis"), FAKE["context"]("paresis"), MemoryLog())
    patient = FAKE["Patient"](engine.context.montage)
    engine.start(0.0)
    for at in range(2):
        engine.skip_block(0.1 * (at + 1))
    now_s = FAKE["run"](engine, patient, 1.0, lambda engine: engine.view(0.0).step.phase == "hold")
    engine.tick(now_s + seconds)
    cue = engine.view(now_s + seconds).cue
    assert cue is not None
    assert (cue.kind == "no_signal") == (seconds > 0.5)
