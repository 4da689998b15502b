"""Heat as a session knows it: what is asked, the lease while somebody is there, the board's word.

The board decides about heat; this only asks, and falls silent when nobody is there any more.
Nothing here blocks: ``ask``, ``end`` and the like are wishes that ``run`` carries out.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from faceloop.errors import FaceloopError, HeatRefused
from faceloop_protocol import heat, texts
from faceloop_protocol.heat_limits import (
    LEASE_RENEW_MS,
    SESSION_MAX_MIN,
    SETPOINT_FLAGGED_MAX_MDEGC,
    SETPOINT_MAX_MDEGC,
    SETPOINT_MIN_MDEGC,
    TICK_MS,
)
from faceloop_protocol.reports import HeatState

__all__ = ["EXERCISE", "HeatBoard", "HeatSession", "HeatView"]

log = logging.getLogger(__name__)

# A visible page beats once a second; a hidden, frozen or closed one falls silent.
PRESENCE_S = 3.0
IDLE_S = 1.0
ON_STATES = (heat.WARMUP, heat.HOLD)
# Something is asked for, tested, on, pausing or cooling.
BUSY_STATES = (heat.BOOT_TEST, heat.WAIT_BUTTON, heat.WARMUP, heat.HOLD, heat.PAUSED, heat.COOL)
# Before and after these there is nothing to stop.
STOPPABLE_STATES = (heat.BOOT_TEST, heat.WAIT_BUTTON, heat.WARMUP, heat.HOLD, heat.PAUSED)
EXERCISE = "Heat is off during the exercises. It can begin again after them."
SILENT = "The board does not answer about heat. If the pad is warm, take it off."


class HeatBoard(Protocol):
    """The board's heat commands, as ``HeatClient`` has them."""

    async def state(self) -> HeatState:
        """Ask how things are."""

    async def request(self, setpoint_degc: float, minutes: int) -> HeatState:
        """Ask for heat."""

    async def renew(self, setpoint_degc: float) -> HeatState:
        """Renew the lease."""

    async def confirm(self) -> HeatState:
        """Pass on that somebody is still there."""

    async def end(self) -> HeatState:
        """End heat."""

    async def permit(self, permission: int) -> HeatState:
        """Keep the result of the skin test."""

    async def tell_time(self) -> HeatState:
        """Tell the time."""


@dataclass(frozen=True, slots=True)
class HeatView:
    """What is known now, for whoever shows it.

    Parameters
    ----------
    state : HeatState or None
        The board's last word; None before the first.
    age_s : float
        Since then.
    problem : str
        Why the last wish was not granted; empty when it was.
    cause : int
        Of ``problem``, 0 for none of ``faceloop_protocol.heat``.
    is_exercise : bool
        An exercise runs: no heat now.
    is_over : bool
        What was asked for last has ended, or was refused.
    """

    state: HeatState | None = None
    age_s: float = 0.0
    problem: str = ""
    cause: int = 0
    is_exercise: bool = False
    is_over: bool = False

    @property
    def stop_reason(self) -> str:
        """Why heat has ended, in words; empty while it is on, and when there is no reason."""
        if self.problem:
            return self.problem
        if self.state is None or self.state.cause == heat.CAUSE_NONE or not self.is_known:
            return ""
        if self.state.state in BUSY_STATES and self.state.state != heat.COOL:
            return ""
        return texts.CAUSE_TEXT.get(self.state.cause, "")

    @property
    def is_known(self) -> bool:
        """Whether the board has spoken of late."""
        return self.state is not None and self.age_s < 3 * IDLE_S

    @property
    def is_on(self) -> bool:
        """Whether it heats or may heat; what is not known counts as on."""
        return not self.is_known or (self.state is not None and self.state.state in BUSY_STATES)

    @property
    def is_warming(self) -> bool:
        """Whether the heater works."""
        return self.is_known and self.state is not None and self.state.state in ON_STATES

    @property
    def is_stoppable(self) -> bool:
        """Whether there was something to stop when the board spoke last."""
        return self.state is not None and self.state.state in STOPPABLE_STATES

    @property
    def is_asking(self) -> bool:
        """Whether the board waits for somebody to say that they are still there."""
        info = self.state.info if self.state is not None and self.is_known else 0
        return bool(info & heat.INFO_STILL_THERE)

    @property
    def skin_degc(self) -> float | None:
        """Hottest sensor at the skin."""
        return self.state.face_cdegc / 100 if self.state is not None and self.is_known else None


class HeatSession:
    """Wishes, lease and readings of one session.

    Parameters
    ----------
    board : HeatBoard
    on_reading : callable
        Takes each ``HeatState``.
    on_event : callable
        Takes kind (``heat`` or ``heat_fault``) and a sentence when the state changes.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        board: HeatBoard,
        on_reading: Callable[[HeatState], None],
        on_event: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._on_reading = on_reading
        self._on_event = on_event
        self._clock = clock
        self._wishes: asyncio.Queue[Callable[[], Awaitable[HeatState]]] = asyncio.Queue()
        self._state: HeatState | None = None
        self._state_s = 0.0
        self._problem = ""
        self._cause = 0
        self._setpoint_degc = 0.0
        self._is_asked = False
        self._is_over = False
        self._present_until_s = 0.0
        self._renewed_s = -1e9
        self._n_exercises = 0
        self._wearer: str | None = None
        self._permission: int | None = None
        self._has_told_permission = True
        self._has_told_time = False
        self._wanted = asyncio.Event()

    # Wishes: they return at once.

    def watch(self) -> None:
        """Follow heat from now on; before that nothing is asked and nothing recorded."""
        self._wanted.set()

    def note_presence(self) -> None:
        """Somebody sees a page: without this, every second or so, the lease is not renewed."""
        self._present_until_s = self._clock() + PRESENCE_S

    def ask(self, setpoint_degc: float, minutes: int) -> None:
        """Ask for heat. The person then presses the button on the board."""
        self.watch()
        if self._n_exercises:
            self._refuse(EXERCISE, 0)
            return
        if self._wearer is None or self._permission in (None, heat.PERMIT_NONE):
            self._refuse(texts.CAUSE_TEXT[heat.NOT_PERMITTED], heat.NOT_PERMITTED)
            return
        self._problem, self._cause = "", 0
        self._is_over = False
        self._setpoint_degc = min(setpoint_degc, self.most_degc())
        asked_for = (self._wearer, self._permission)

        async def request() -> HeatState:
            # The board keeps one permission; several people may wear it.
            if not self._is_permission_kept() and self._permission is not None:
                self._take(await self._board.permit(self._permission))
            if asked_for != (self._wearer, self._permission):  # meanwhile
                self._refuse(texts.CAUSE_TEXT[heat.NOT_PERMITTED], heat.NOT_PERMITTED)
                return await self._board.state()
            state = await self._board.request(self._setpoint_degc, minutes)
            self._is_asked = True
            if asked_for != (self._wearer, self._permission):
                self.end()
            return state

        self._wishes.put_nowait(request)

    def end(self) -> None:
        """End heat now, whatever its state; harmless when it is off."""
        self._is_over = self._is_over or self._is_asked
        self._is_asked = False  # silence would end it too, later
        if self._wanted.is_set():
            self._wishes.put_nowait(self._board.end)

    def confirm(self) -> None:
        """Somebody said that they are still there."""
        self.note_presence()
        self._wishes.put_nowait(self._board.confirm)

    def wear(self, wearer: str | None, permission: int) -> None:
        """Say who wears the board and what they may have; another one's heat ends.

        Parameters
        ----------
        wearer : str or None
            Pseudonym; None for nobody, who may have nothing.
        permission : int
            PERMIT_ constant.
        """
        if wearer is None:
            permission = heat.PERMIT_NONE
        if (wearer, permission) == (self._wearer, self._permission):
            return
        self._wearer, self._permission = wearer, permission
        self._has_told_permission = False
        if self._is_asked:
            self.end()

    def begin_exercise(self) -> None:
        """An EMG exercise begins: it ends heat, and none begins until ``end_exercise``."""
        self._n_exercises += 1
        self.end()

    def end_exercise(self) -> None:
        """The exercise is over."""
        self._n_exercises = max(0, self._n_exercises - 1)

    # What is known.

    def view(self) -> HeatView:
        """Return what is known now."""
        age_s = self._clock() - self._state_s if self._state is not None else 0.0
        problem = self._problem
        if self._wanted.is_set() and self._state is not None and age_s > 5 * IDLE_S:
            problem = SILENT
        return HeatView(
            self._state, age_s, problem, self._cause, self._n_exercises > 0, self._is_over
        )

    @property
    def permission(self) -> int:
        """What the wearer may have, a PERMIT_ constant; nothing before that is known."""
        return heat.PERMIT_NONE if self._permission is None else self._permission

    def most_degc(self) -> float:
        """Return the highest set-point that this wearer may ask for."""
        flagged = self.permission == heat.PERMIT_FLAGGED
        return (SETPOINT_FLAGGED_MAX_MDEGC if flagged else SETPOINT_MAX_MDEGC) / 1000

    @staticmethod
    def least_degc() -> float:
        """Return the lowest set-point."""
        return SETPOINT_MIN_MDEGC / 1000

    @staticmethod
    def most_minutes() -> int:
        """Return the longest session."""
        return SESSION_MAX_MIN

    # Life.

    async def run(self) -> None:
        """Carry out wishes, renew the lease, ask how things are; until cancelled."""
        await self._wanted.wait()
        while True:
            try:
                await self.step()
            except HeatRefused as refusal:
                self._problem, self._cause = str(refusal), refusal.cause
                self._is_asked = False
                self._is_over = True
            except FaceloopError as error:
                self._problem, self._cause = str(error), 0
            await asyncio.sleep(self._pause_s())

    async def step(self) -> None:
        """Do what is due: one wish, the lease, or a question."""
        if not self._has_told_time:
            self._take(await self._board.tell_time())
            self._has_told_time = True
        while not self._wishes.empty():
            self._take(await self._wishes.get_nowait()())
        if not self._has_told_permission and self._is_off():
            self._has_told_permission = True  # once: a request tells it again if need be
            if not self._is_permission_kept() and self._permission is not None:
                await self._tell_permission(self._permission)
        now_s = self._clock()
        is_due = now_s - self._renewed_s >= LEASE_RENEW_MS / 1000
        if self._is_asked and is_due and now_s < self._present_until_s:
            self._renewed_s = now_s
            self._take(await self._board.renew(self._setpoint_degc))
        else:
            self._take(await self._board.state())

    async def _tell_permission(self, permission: int) -> None:
        try:
            self._take(await self._board.permit(permission))
        except HeatRefused:
            raise
        except FaceloopError:  # it may not have heard
            self._has_told_permission = False
            raise

    def _refuse(self, problem: str, cause: int) -> None:
        self._problem, self._cause = problem, cause
        self._is_over = True

    def _is_off(self) -> bool:
        return self._state is not None and self._state.state == heat.OFF

    def _is_permission_kept(self) -> bool:
        """Return whether the board knows what its wearer may have."""
        if self._permission is None:
            return True
        return self._state is not None and self._state.permission == self._permission

    def _pause_s(self) -> float:
        is_busy = self._state is not None and self._state.state in BUSY_STATES
        return TICK_MS / 1000 if is_busy or not self._wishes.empty() else IDLE_S / 2

    def _take(self, state: HeatState) -> None:
        before, self._state = self._state, state
        self._state_s = self._clock()
        self._on_reading(state)
        if state.state in (heat.OFF, heat.COOL, heat.LATCHED, heat.LOCKED):
            self._is_over = self._is_over or self._is_asked
            self._is_asked = False
        if before is not None and (before.state, before.cause) == (state.state, state.cause):
            return
        if before is None and state.state == heat.OFF:
            return
        kind = "heat_fault" if state.state >= heat.LATCHED else "heat"
        words = (
            texts.HEAT_STATE_NAMES[state.state]
            if state.state < len(texts.HEAT_STATE_NAMES)
            else "?"
        )
        if state.cause != heat.CAUSE_NONE:
            words += ": " + texts.CAUSE_TEXT.get(state.cause, f"cause {state.cause}")
        self._on_event(kind, words)
