"""How soon after its conversion a frame reaches the board: what a real converter does at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from faceloop.twin import chip_server
from faceloop.twin.chip_server import ChipServer

BLOCK_S = 2e-3


class Loop:
    """Time that a test moves: runs the callbacks that are due."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, at_s: float, callback: Callable[[], None]) -> Any:
        self.due.append((at_s, callback))
        return SimpleNamespace(cancel=self.due.clear)

    def next(self, late_s: float = 0.0) -> None:
        at_s, callback = self.due.pop()
        self.now_s = at_s + late_s
        callback()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()
    monkeypatch.setattr(chip_server.asyncio, "get_running_loop", lambda: made)
    return made


@pytest.fixture
def pumped_s(loop: Loop) -> list[float]:
    """When the conversions that were due were made, of a board that captures."""
    times: list[float] = []
    frontend: Any = SimpleNamespace(
        is_converting=True,
        is_capturing=True,
        is_handled=False,
        pump=lambda: times.append(loop.now_s),
    )
    pins: Any = SimpleNamespace(on_edge=None, drdy=0)
    ChipServer(frontend, pins, lambda _: None, BLOCK_S)._after(None)
    return times


def test_frame_waits_for_a_block_at_most(loop: Loop, pumped_s: list[float]) -> None:
    for _ in range(50):
        loop.next()
    steps_s = [b - a for a, b in itertools.pairwise(pumped_s)]
    assert steps_s == pytest.approx([BLOCK_S] * 49)


def test_late_wake_ups_do_not_add_up(loop: Loop, pumped_s: list[float]) -> None:
    for _ in range(50):
        loop.next(late_s=0.5e-3)
    assert pumped_s[-1] - pumped_s[0] == pytest.approx(49 * BLOCK_S)
