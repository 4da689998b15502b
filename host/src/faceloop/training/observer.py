"""Who looks on while somebody trains, without taking part: a rehearsal's made-up patient does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a session that nobody trains in starts without them
    from faceloop.session.heat_session import HeatSession
    from faceloop.training.engine import DayEngine
    from faceloop.training.setup import SetUp

__all__ = ["Observer", "Watched"]


class Watched(Protocol):
    """What leads through set-up and day, as it can be looked at."""

    @property
    def listener(self) -> SetUp | DayEngine | None:
        """Set-up or day in progress, None for neither."""
        ...

    @property
    def heat(self) -> HeatSession | None:
        """The heat pad of whoever trains, None where there is none."""
        ...

    def clock(self) -> float:
        """Return the time that both of them know, in seconds."""
        ...


Observer = Callable[[Watched], Awaitable[None]]
"""Looks on until it is cancelled."""
