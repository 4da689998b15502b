"""Between a running session and the training: signal in, vibration and marks out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from faceloop.errors import FaceloopError
from faceloop.session.live import LiveBlock
from faceloop.session.montage import Montage
from faceloop.training.engine import DayEngine
from faceloop.training.hop import hops_of
from faceloop.training.outputs import HeatRequest, Vibration
from faceloop.training.setup import SetUp

__all__ = ["HeatPort", "LiveTraining", "SessionOutputs", "TrainedSession"]

log = logging.getLogger(__name__)

TICK_S = 0.05
# Strength and length of each vibration: noticed, never startling.
PATTERNS: dict[Vibration, tuple[int, int]] = {
    "synkinesis": (60, 200),
    "phase": (30, 100),
    "done": (40, 400),
}


class TrainedSession(Protocol):
    """What the training needs of a session; ``LiveSession`` has it."""

    def blocks(self, max_waiting: int = 64) -> AsyncIterator[LiveBlock]:
        """Yield blocks as they come."""
        ...

    def annotate(self, text: str) -> None:
        """Write a note into the recording."""
        ...

    async def vibrate(self, strength_pct: int, length_ms: int) -> None:
        """Let the board vibrate."""
        ...


class HeatPort(Protocol):
    """The heat pad, as far as the training asks anything of it. No call blocks."""

    def ask(self, target_degc: float, minutes: int) -> None:
        """Ask for heat; a person presses the button on the board."""

    def end(self, reason: str) -> None:
        """End heat now; harmless when it is off."""


class SessionOutputs:
    """The engine's outputs on a running session. What fails is logged: training goes on.

    Parameters
    ----------
    session : TrainedSession
    heat : HeatPort or None
        None without a pad.
    has_vibration : bool
        The patient wants it.
    """

    def __init__(
        self,
        session: TrainedSession,
        heat: HeatPort | None = None,
        *,
        has_vibration: bool = True,
    ) -> None:
        self._session = session
        self._heat = heat
        self.has_vibration = has_vibration
        self._tasks: set[asyncio.Task[None]] = set()

    def vibrate(self, pattern: Vibration) -> None:
        """Let the board vibrate, without waiting for it."""
        if self.has_vibration:
            task = asyncio.get_running_loop().create_task(self._vibrate(*PATTERNS[pattern]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _vibrate(self, strength_pct: int, length_ms: int) -> None:
        try:
            await self._session.vibrate(strength_pct, length_ms)
        except FaceloopError:
            log.debug("no vibration", exc_info=True)

    def ask_heat(self, request: HeatRequest) -> None:
        """Ask for heat."""
        if self._heat is not None:
            self._heat.ask(request.target_degc, round(request.duration_s / 60.0))

    def end_heat(self, reason: str) -> None:
        """End heat."""
        if self._heat is not None:
            self._heat.end(reason)

    def annotate(self, kind: str, text: str) -> None:
        """Mark the recording."""
        self._session.annotate(f"training {kind}: {text}")


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

    async def run(self) -> None:
        """Feed the listener; return when the session is over or the disk fails."""
        ticking = asyncio.ensure_future(self._tick())
        try:
            async for block in self._session.blocks():
                self._feed(block)
                if self.error is not None:
                    return
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

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
