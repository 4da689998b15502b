"""What the training does at a live session's board: vibrate, warm, mark the recording."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from faceloop.background import end
from faceloop.errors import FaceloopError
from faceloop.session.heat_session import HeatSession
from faceloop.session.live import LiveView
from faceloop.training.engine import DayEngine
from faceloop.training.outputs import HeatReport, HeatRequest, Vibration

__all__ = ["PATTERNS", "BoardOutputs"]

# Strength in per cent, length in milliseconds: noticed, never startling, each of its own length.
PATTERNS: dict[Vibration, tuple[int, int]] = {
    "synkinesis": (60, 200),
    "phase": (30, 100),
    "done": (40, 400),
}


class BoardOutputs:
    """The training's way to a live session's board; what the board cannot do is left out.

    Parameters
    ----------
    live : LiveView
        With ``vibrate``, ``annotate`` or ``heat`` where the session has them.
    """

    def __init__(self, live: LiveView) -> None:
        self._vibrate: Callable[[int, int], Awaitable[None]] | None = getattr(
            live, "vibrate", None
        )
        self._annotate: Callable[[str], None] | None = getattr(live, "annotate", None)
        self._live: Any = live
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_exercise = False

    @property
    def has_heat(self) -> bool:
        """Whether the board has a heater."""
        return self._heat is not None

    @property
    def _heat(self) -> HeatSession | None:
        heat: HeatSession | None = getattr(self._live, "heat", None)
        return heat

    def vibrate(self, pattern: Vibration) -> None:
        """Let the board vibrate for a moment; a board that is out of reach does not."""
        if self._vibrate is None:
            return
        task = asyncio.ensure_future(self._shake(*PATTERNS[pattern]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def ask_heat(self, request: HeatRequest) -> None:
        """Ask for heat: the person presses the button on the board as well."""
        if self._heat is not None:
            self._heat.ask(request.target_degc, round(request.duration_s / 60))

    def permit_heat(self, wearer: str | None, permission: int) -> None:
        """Say who wears the board, and what they may have of heat, a PERMIT_ constant."""
        if self._heat is not None:
            self._heat.wear(wearer, permission)

    def end_heat(self, reason: str) -> None:
        """End heat now; harmless when it is off."""
        if self._heat is not None:
            self._heat.end()

    def begin_exercise(self) -> None:
        """Movements begin: heat ends, and none can begin until ``end_exercise``."""
        if self._heat is not None and not self._is_exercise:
            self._is_exercise = True
            self._heat.begin_exercise()

    def end_exercise(self) -> None:
        """The movements are over."""
        if self._heat is not None and self._is_exercise:
            self._is_exercise = False
            self._heat.end_exercise()

    def annotate(self, kind: str, text: str) -> None:
        """Write a mark into the recording, when there is one."""
        if self._annotate is not None:
            self._annotate(f"training {kind}: {text}")

    def heat_report(self) -> HeatReport | None:
        """Return what is known of the pad, None where there is none."""
        heat = self._heat
        if heat is None:
            return None
        heat.watch()  # what is not known counts as on, and would hold the movements back
        view = heat.view()
        return HeatReport(
            view.is_on, view.is_over, view.skin_degc, view.stop_reason, view.is_warming
        )

    def follow_heat(self, engine: DayEngine | None, wearer: str | None, permission: int) -> None:
        """Say who may have heat, and tell the day of the pad; called several times a second.

        Parameters
        ----------
        engine : DayEngine or None
            The day that goes on, None without one.
        wearer, permission
            As for ``permit_heat``.
        """
        self.permit_heat(wearer, permission)
        report = self.heat_report()
        if report is not None and engine is not None:
            engine.note_heat(report)

    async def _shake(self, strength_pct: int, length_ms: int) -> None:
        assert self._vibrate is not None
        with contextlib.suppress(FaceloopError):
            await self._vibrate(strength_pct, length_ms)

    async def close(self) -> None:
        """Leave no task behind."""
        await end(*self._tasks)
