"""Between a running session and the training: the signal, every hop of it, and time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from faceloop.background import end
from faceloop.errors import FaceloopError
from faceloop.session.heat_session import HeatSession
from faceloop.session.live import LiveBlock
from faceloop.session.montage import Montage
from faceloop.training.engine import DayEngine
from faceloop.training.hop import hops_of
from faceloop.training.setup import SetUp

__all__ = ["LiveTraining", "TrainedSession"]

TICK_S = 0.05


class TrainedSession(Protocol):
    """What the training needs of a session; ``LiveSession`` has it."""

    def blocks(self, max_waiting: int = 64) -> AsyncIterator[LiveBlock]:
        """Yield blocks as they come."""
        ...

    @property
    def heat(self) -> HeatSession | None:
        """The heat pad, None where the board has no heater."""
        ...


class LiveTraining:
    """Feeds set-up or a day with what a session hears, until it is cancelled or they are over.

    Parameters
    ----------
    session : TrainedSession
    montage : Montage
    clock : callable
        Seconds that only go up.

    Attributes
    ----------
    listener : SetUp or DayEngine or None
        Who is fed; may be exchanged at any time.
    error : FaceloopError or None
        What the disk said; nothing is fed any more then.
    """

    def __init__(
        self,
        session: TrainedSession,
        montage: Montage,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._montage = montage
        self.clock = clock
        self.listener: SetUp | DayEngine | None = None
        self.error: FaceloopError | None = None

    @property
    def heat(self) -> HeatSession | None:
        """The heat pad of whoever trains, None where there is none."""
        return self._session.heat

    async def run(self) -> None:
        """Feed the listener; return when the session is over or the disk fails."""
        ticking = asyncio.ensure_future(self._tick())
        try:
            async for block in self._session.blocks():
                self._feed(block)
                if self.error is not None:
                    return
        finally:
            await end(ticking)

    def _feed(self, block: LiveBlock) -> None:
        try:
            for hop in hops_of(block, self._montage):
                if self.listener is not None:
                    self.listener.feed(hop, self.clock())
        except FaceloopError as error:
            self.error = error

    async def _tick(self) -> None:
        """Let time pass also where no signal comes."""
        while self.error is None:
            try:
                if self.listener is not None:
                    self.listener.tick(self.clock())
            except FaceloopError as error:
                self.error = error
            await asyncio.sleep(TICK_S)
