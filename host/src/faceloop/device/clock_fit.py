"""The board's clock against the host's, from packet arrivals."""

from __future__ import annotations

from collections import deque

import numpy as np

__all__ = ["ClockFit"]


class ClockFit:
    """Line through the earliest arrivals.

    A packet is never early: it comes its frame's true time plus a delay that is at least the shortest
    one. The lower hull of (frame, arrival) therefore is the clock, whatever the radio does; the
    line is fitted to the earliest arrival of each second.

    Parameters
    ----------
    nominal_fs_hz : float
        Rate that the board claims.
    bucket_s : float
        Length over which the earliest arrival is taken.
    keep : int
        Buckets that are kept, the oldest go.
    """

    def __init__(self, nominal_fs_hz: float, bucket_s: float = 1.0, keep: int = 3600) -> None:
        self._nominal_fs_hz = nominal_fs_hz
        self._bucket_frames = max(1, int(bucket_s * nominal_fs_hz))
        self._points: deque[tuple[int, float]] = deque(maxlen=keep)
        self._bucket = -1
        self._best: tuple[int, float] | None = None
        self._best_slack = 0.0
        self._line: tuple[float, float, float] | None = None
        self._origin_s: float | None = None

    def add(self, last_frame: int, arrival_s: float) -> None:
        """Note that the packet ending with ``last_frame`` arrived at ``arrival_s`` (monotonic)."""
        if self._origin_s is None:
            self._origin_s = arrival_s - last_frame / self._nominal_fs_hz
        slack = arrival_s - self._origin_s - last_frame / self._nominal_fs_hz
        bucket = last_frame // self._bucket_frames
        if bucket != self._bucket:
            if self._best is not None:
                self._points.append(self._best)
                self._line = None
            self._bucket, self._best = bucket, None
        if self._best is None or slack < self._best_slack:
            self._best, self._best_slack = (last_frame, arrival_s), slack

    @property
    def ppm(self) -> float:
        """How much faster the board's clock runs than the host's, in parts per million; NaN early on.

        Needs about ten seconds before it means anything.
        """
        line = self._fit()
        if line is None:
            return float("nan")
        return (1.0 / (line[1] * self._nominal_fs_hz) - 1.0) * 1e6

    def arrival_s(self, frame: float) -> float:
        """Return when ``frame`` arrives at the earliest, in host monotonic seconds; NaN when unknown."""
        line = self._fit()
        if line is not None:
            frame0, slope, intercept = line
            return intercept + (frame - frame0) * slope
        if self._best is None:
            return float("nan")
        return self._best[1] + (frame - self._best[0]) / self._nominal_fs_hz

    def _fit(self) -> tuple[float, float, float] | None:
        if len(self._points) < 3:
            return None
        if self._line is None:
            frames = np.array([point[0] for point in self._points], dtype=np.float64)
            times = np.array([point[1] for point in self._points])
            frame0, time0 = frames.mean(), times.mean()
            weights = np.ones(frames.size)
            slope = 1.0 / self._nominal_fs_hz
            intercept = time0
            # Three rounds of re-weighting: buckets whose earliest packet still was late count less.
            for _ in range(3):
                centre = np.average(frames, weights=weights)
                middle = np.average(times, weights=weights)
                spread = np.average((frames - centre) ** 2, weights=weights)
                if spread <= 0:
                    return None
                slope = float(
                    np.average((frames - centre) * (times - middle), weights=weights) / spread
                )
                intercept = float(middle + slope * (frame0 - centre))
                late_s = times - (intercept + slope * (frames - frame0))
                weights = 1.0 / (1.0 + (np.maximum(late_s, 0.0) / 0.002) ** 2)
            self._line = (float(frame0), slope, intercept)
        return self._line
