"""When a frame was at the electrode: known exactly on a virtual board, else from arrivals."""

from __future__ import annotations

from collections.abc import Callable

from faceloop.device.clock_fit import ClockFit
from faceloop_protocol.limits import FS_HZ

__all__ = ["ElectrodeClock"]

# Between a frame's conversion and the earliest arrival of its packet: half a poll of the board
# and half a connection interval.
LEAST_DELAY_S = 0.006


class ElectrodeClock:
    """Frames to ``time.monotonic()`` of their conversion.

    Parameters
    ----------
    exact : callable or None
        Gives it where it is known.
    """

    def __init__(self, exact: Callable[[int], float] | None = None) -> None:
        self._exact = exact
        self._fit = ClockFit(float(FS_HZ))

    def start(self, fs_hz: float) -> None:
        """Begin anew with a board that claims ``fs_hz``."""
        self._fit = ClockFit(fs_hz)

    def add(self, last_frame: int, arrival_s: float) -> None:
        """Note when the packet ending with ``last_frame`` arrived."""
        self._fit.add(last_frame, arrival_s)

    def time_s(self, frame: int) -> float:
        """Return when ``frame`` was at the electrode; NaN when unknown."""
        if self._exact is not None:
            return self._exact(frame)
        return self._fit.arrival_s(frame) - LEAST_DELAY_S

    @property
    def ppm(self) -> float:
        """As of ``ClockFit``."""
        return self._fit.ppm
