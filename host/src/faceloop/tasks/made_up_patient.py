"""A patient for rehearsals: sees what the page would show and lets the made-up face do it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from faceloop.training.day_view import StepView
from faceloop.training.engine import DayEngine
from faceloop.training.feedback import Feedback
from faceloop.training.live_training import LiveTraining
from faceloop.training.programme import RetrainingBlock
from faceloop.training.setup import SetUp, SetUpTimes

__all__ = ["MadeUpPatient"]

LOOKS_EVERY_S = 0.02
RAMP_S = 0.3
"""Of the contractions of set-up."""


class MadeUpPatient:
    """Follows set-up and the day.

    Parameters
    ----------
    training : LiveTraining
    perform : callable
        ``await perform(request)`` tells the face to move; see `PatientSource.perform`.
    times : SetUpTimes
    joins : tuple of float
        With what share of its comfortable movement the other muscle joins in, repetition by
        repetition; the last one stays.
    """

    def __init__(
        self,
        training: LiveTraining,
        perform: Callable[[dict[str, Any]], Awaitable[Any]],
        times: SetUpTimes,
        joins: tuple[float, ...] = (0.8, 0.0),
    ) -> None:
        self._training = training
        self._perform = perform
        self._times = times
        self._joins = joins
        self._n_moved = 0
        self._was: object = None

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            listener, now_s = self._training.listener, self._training.clock()
            if isinstance(listener, SetUp):
                await self._follow_set_up(listener, now_s)
            elif isinstance(listener, DayEngine):
                await self._follow_day(listener, now_s)
            await asyncio.sleep(LOOKS_EVERY_S)

    async def _follow_set_up(self, setup: SetUp, now_s: float) -> None:
        view = setup.view(now_s)
        now_is = (view.movement, view.instruction.params.get("n"), view.is_contracting)
        if view.is_contracting and now_is != self._was:
            hold_s = self._times.contract_s - 2 * RAMP_S
            await self._perform(
                {
                    "movement": view.movement,
                    "share": 1.0,
                    "rise_s": RAMP_S,
                    "hold_s": max(hold_s, 0.1),
                    "release_s": RAMP_S,
                }
            )
        self._was = now_is

    async def _follow_day(self, engine: DayEngine, now_s: float) -> None:
        view = engine.view(now_s)
        if view.step is None or view.feedback is None or view.block is None:
            return
        now_is = (view.block.name, view.step.index, view.step.phase == "rise")
        if view.step.phase == "rise" and now_is != self._was:
            block = engine.programme.block[view.block.index]
            assert isinstance(block, RetrainingBlock)
            await self._move(view.step, view.feedback, block)
        self._was = now_is

    async def _move(self, step: StepView, feedback: Feedback, block: RetrainingBlock) -> None:
        joins = self._joins[min(self._n_moved, len(self._joins) - 1)]
        self._n_moved += 1
        await self._perform(
            {
                "movement": step.movement,
                "share": feedback.hold_share,
                "rise_s": block.rise_s,
                "hold_s": block.hold_s,
                "release_s": block.release_s,
                "joins": joins,
            }
        )
