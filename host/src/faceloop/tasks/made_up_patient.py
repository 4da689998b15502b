"""A patient for rehearsals: sees what the page would show and lets the made-up face do it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from faceloop.training.day_view import StepView
from faceloop.training.engine import DayEngine
from faceloop.training.feedback import Feedback
from faceloop.training.observer import Observer, Watched
from faceloop.training.programme import RetrainingBlock
from faceloop.training.setup import SetUp
from faceloop.twin.launch import VirtualBoard
from faceloop_protocol import heat

__all__ = ["MadeUpPatient", "patient_of"]

LOOKS_EVERY_S = 0.02
READS_S = 10.0
"""Before the button is pressed: a pad put on a moment ago has to settle for so long."""
PRESS_S = 0.4
RAMP_S = 0.3
"""Of the contractions of set-up, and of everyday use of the mouth."""
GENTLE = 1.0
"""Share of a comfortable movement that set-up asks for."""
# Of the everyday tasks: movement, its share, how long it is held, how often it begins, in seconds.
USES = {
    "sip": ("lip_pucker", 0.5, 0.3, 2.0),
    "straw": ("lip_pucker", 0.8, 1.0, 3.0),
    "chew": ("clench", 0.5, 0.1, 1.0),
    "words": ("open_mouth_smile", 0.4, 0.1, 1.2),
    "vowels": ("open_mouth_smile", 0.4, 0.8, 2.5),
}


def patient_of(board: VirtualBoard) -> Observer:
    """Return the observer that lets the face at a virtual board follow the training."""

    async def observe(watched: Watched) -> None:
        await MadeUpPatient(watched, board.control).run()

    return observe


class MadeUpPatient:
    """Follows set-up and the day, and presses the board's button where heat waits for that.

    Parameters
    ----------
    watched : Watched
    tell : callable
        ``await tell("attend", on=True)``, ``await tell("perform", **request)`` (see
        `PatientSource`) and ``await tell("world", button=True)``: the virtual board's control.
    joins : tuple of float, optional
        With what share of its comfortable movement the other muscle joins in, repetition by
        repetition; the last one stays. Left out: as this face is.
    reaches : tuple of float, optional
        What share of the target it reaches, in the same way. Left out: all of it.
    """

    def __init__(
        self,
        watched: Watched,
        tell: Callable[..., Awaitable[Any]],
        joins: tuple[float, ...] = (),
        reaches: tuple[float, ...] = (),
    ) -> None:
        self._watched = watched
        self._tell = tell
        self._joins = joins
        self._reaches = reaches
        self._n_moved = 0
        self._is_attending = False
        self._was: object = None
        self._moves_until_s = 0.0
        self._used_s = 0.0
        self._waited_since_s: float | None = None
        self._pressed_s: float | None = None

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOKS_EVERY_S)

    async def look(self) -> None:
        """See what is asked now, and do it."""
        listener, now_s = self._watched.listener, self._watched.clock()
        await self._press_where_asked(now_s)
        if (listener is not None) != self._is_attending:
            self._is_attending = listener is not None
            await self._tell("attend", on=self._is_attending)
        if isinstance(listener, SetUp):
            await self._follow_set_up(listener, now_s)
        elif isinstance(listener, DayEngine):
            await self._follow_day(listener, now_s)
        else:
            self._was = None

    async def _press_where_asked(self, now_s: float) -> None:
        pad = self._watched.heat
        state = pad.view().state if pad is not None else None
        if self._pressed_s is not None:
            if now_s - self._pressed_s >= PRESS_S:
                await self._tell("world", button=False)
                self._pressed_s = self._waited_since_s = None
        elif state is None or state.state != heat.WAIT_BUTTON:
            self._waited_since_s = None
        elif self._waited_since_s is None:
            self._waited_since_s = now_s
        elif now_s - self._waited_since_s >= READS_S:
            await self._tell("world", button=True)
            self._pressed_s = now_s

    async def _follow_set_up(self, setup: SetUp, now_s: float) -> None:
        view = setup.view(now_s)
        now_is = (view.movement, view.instruction.params.get("n"), view.is_contracting)
        if view.is_contracting and now_is != self._was:
            await self._move(view.movement, GENTLE, view.remaining_s - 2 * RAMP_S, joins=0.0)
        self._was = now_is

    async def _follow_day(self, engine: DayEngine, now_s: float) -> None:
        view = engine.view(now_s)
        step = view.step
        if view.state != "running" or step is None or view.block is None:
            if now_s < self._moves_until_s:
                await self._tell("attend", on=True)  # it lets go
            self._moves_until_s, self._was = 0.0, None
            return
        if step.kind == "function":
            await self._use(step, view.block.name, now_s)
            return
        now_is = (view.block.name, step.index, step.phase == "rise")
        if step.phase == "rise" and view.feedback is not None and now_is != self._was:
            block = engine.programme.block[view.block.index]
            assert isinstance(block, RetrainingBlock)
            await self._do(step, view.feedback, block, now_s)
        self._was = now_is

    async def _do(
        self, step: StepView, feedback: Feedback, block: RetrainingBlock, now_s: float
    ) -> None:
        """Do a repetition as the moving target shows it."""
        joins, reach = (_share(kind, self._n_moved) for kind in (self._joins, self._reaches))
        share = feedback.hold_share * (1.0 if reach is None else reach)
        self._n_moved += 1
        self._moves_until_s = now_s + block.rise_s + block.hold_s + block.release_s
        ramps_s = (block.rise_s, block.release_s)
        await self._move(step.movement, share, block.hold_s, ramps_s, joins)

    async def _use(self, step: StepView, block: str, now_s: float) -> None:
        """Use the mouth, over and over."""
        movement, share, hold_s, every_s = USES[step.id]
        now_is = (block, step.index)
        if now_is != self._was or now_s - self._used_s >= every_s:
            self._was, self._used_s = now_is, now_s
            self._moves_until_s = now_s + hold_s + 2 * RAMP_S
            await self._move(movement, share, hold_s, joins=0.0)

    async def _move(
        self,
        movement: str,
        share: float,
        hold_s: float,
        ramps_s: tuple[float, float] = (RAMP_S, RAMP_S),
        joins: float | None = None,
    ) -> None:
        await self._tell(
            "perform",
            movement=movement,
            share=share,
            rise_s=ramps_s[0],
            hold_s=max(hold_s, 0.1),
            release_s=ramps_s[1],
            joins=joins,
        )


def _share(shares: tuple[float, ...], n: int) -> float | None:
    """Return the share of the n-th repetition; the last one stays, None without any."""
    return shares[min(n, len(shares) - 1)] if shares else None
