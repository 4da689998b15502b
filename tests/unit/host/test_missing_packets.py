"""Packets that stay away are asked for, also the last ones of a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from faceloop.device.board_link import Packet
from faceloop.errors import LinkError
from faceloop.session import missing_packets as module
from faceloop.session.assembler import Assembler
from faceloop.session.missing_packets import MissingPackets
from faceloop_protocol.stream import StreamHeader


def packet(seq: int) -> Packet:
    return Packet(b"", StreamHeader(4, seq, 20 * seq, 0, 0, 0, 20), 0.0)


class Board:
    """Sends what it is asked for."""

    def __init__(self, assembler: Assembler) -> None:
        self.assembler = assembler
        self.asked: list[tuple[int, int]] = []

    async def request(self, first: int, count: int) -> str:
        self.asked.append((first, count))
        for seq in range(first, first + count):
            self.assembler.add(packet(seq))
        return "extent"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    async def tick(delay_s: float) -> None:
        now[0] += delay_s
        await real_sleep(0)

    real_sleep = asyncio.sleep
    monkeypatch.setattr(module.asyncio, "sleep", tick)

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


@pytest.fixture
def board() -> Board:
    assembler = Assembler()
    for seq in (0, 1, 4, 5):
        assembler.add(packet(seq))
    return Board(assembler)


@pytest.fixture
def extents() -> list[Any]:
    return []


@pytest.fixture
def missing(board: Board, extents: list[Any]) -> MissingPackets:
    return MissingPackets(board, board.assembler, extents.append)  # type: ignore[arg-type]


async def test_hole_is_asked_for_once_it_has_lasted(missing, board, extents, clock):
    await missing.ask()
    clock(1.4)
    await missing.ask()
    assert board.asked == []
    clock(0.2)
    await missing.ask()
    assert (board.asked, extents) == ([(2, 2)], ["extent"])
    clock(9)
    await missing.ask()
    assert board.asked == [(2, 2)]


async def test_many_holes_do_not_wait_for_each_other(missing, board, clock):
    """A packet in fifty damaged is two holes a second: all are filled, none queues up."""
    for seq in range(7, 41, 2):
        board.assembler.add(packet(seq))
    await missing.ask()
    clock(1.6)
    n_holes = len(board.assembler.missing_packets())
    for _ in range(n_holes):
        clock(0.1)
        await missing.ask()
    assert len(board.asked) == n_holes > 15
    assert board.assembler.missing_packets() == []


async def test_end_that_stays_away_is_fetched_while_holes_are_looked_after(missing, board, clock):
    """The session keeps asking for holes ten times a second; that must not reset the wait."""
    board.assembler.add(packet(2))
    board.assembler.add(packet(3))
    fetching = asyncio.create_task(missing.fetch(9, lambda: True))
    while not fetching.done():
        await missing.ask()
        await asyncio.sleep(0.0)
    await fetching
    assert board.asked == [(6, 3)]
    assert board.assembler.next_seq == 9


async def test_end_that_never_comes_is_given_up(missing, board, clock):
    async def refuse(first: int, count: int) -> None:
        return None

    board.assembler.add(packet(2))
    board.assembler.add(packet(3))
    board.request = refuse
    with pytest.raises(LinkError, match="end of the recording"):
        await missing.fetch(9, lambda: True)


async def test_end_is_not_waited_for_without_a_link(missing, clock):
    with pytest.raises(LinkError, match="out of reach"):
        await missing.fetch(9, lambda: False)
