"""The board's clock against the host's, from packet arrivals."""

from __future__ import annotations

from collections import deque

__all__ = ["ClockFit"]

# No crystal is this far off (20-50 ppm is usual): a steeper line fits delays, not a clock.
MAX_PPM = 500.0


class ClockFit:
    """Line under the arrivals.

    A packet is never early: it comes at its last frame's true time plus a delay that is at least
    the shortest one. So the clock is the line below all points (frame, arrival) that comes closest
    to them: the edge of their lower convex hull above the middle (Moon, Skelly, Towsley, IEEE
    INFOCOM 1999, section IV).

    Parameters
    ----------
    nominal_fs_hz : float
        Rate that the board claims.
    bucket_s : float
        Of the packets of this long only the earliest is kept.
    keep : int
        Buckets that are kept, the oldest go.
    """

    def __init__(self, nominal_fs_hz: float, bucket_s: float = 0.5, keep: int = 7200) -> None:
        self._nominal_fs_hz = nominal_fs_hz
        self._bucket_frames = max(1, int(bucket_s * nominal_fs_hz))
        # (frame, lateness): how much later than a nominal clock through the first packet
        self._points: deque[tuple[int, float]] = deque(maxlen=keep)
        self._bucket = -1
        self._best: tuple[int, float] | None = None
        self._line: tuple[float, float] | None = None
        self._origin_s: float | None = None

    def add(self, last_frame: int, arrival_s: float) -> None:
        """Note that the packet ending with ``last_frame`` arrived at ``arrival_s`` (monotonic)."""
        if self._origin_s is None:
            self._origin_s = arrival_s - last_frame / self._nominal_fs_hz
        late_s = arrival_s - self._origin_s - last_frame / self._nominal_fs_hz
        bucket = last_frame // self._bucket_frames
        if bucket != self._bucket:
            if self._best is not None:
                self._points.append(self._best)
                self._line = None
            self._bucket, self._best = bucket, None
        if self._best is None or late_s < self._best[1]:
            self._best = (last_frame, late_s)

    @property
    def ppm(self) -> float:
        """How much faster the board's clock runs than the host's, in ppm.

        NaN early on, and while the delays alone decide: a short session on a busy computer.

        The delay of single packets varies by milliseconds: after 30 s it is good to some tens,
        after ten minutes to a few.
        """
        line = self._fit()
        if line is None or abs(line[1]) * self._nominal_fs_hz >= MAX_PPM * 1e-6:
            return float("nan")
        return (1.0 / (1.0 + line[1] * self._nominal_fs_hz) - 1.0) * 1e6

    @property
    def jitter_s(self) -> float:
        """How much later than even steps the soonest packets come, 95 of 100 of them, in s.

        NaN early on. It is the jitter of arrivals at this computer, radio and host included; how
        even the samples themselves are taken cannot be told from here. What single packets wait
        is not in it.
        """
        line = self._fit()
        if line is None:
            return float("nan")
        late = sorted(late_s - line[0] - line[1] * frame for frame, late_s in self._points)
        return late[int(0.95 * (len(late) - 1))]

    def arrival_s(self, frame: float) -> float:
        """Return the earliest arrival of ``frame`` in host monotonic seconds; NaN when unknown."""
        line = self._fit()
        if self._origin_s is None:
            return float("nan")
        nominal_s = self._origin_s + frame / self._nominal_fs_hz
        if line is not None:
            return nominal_s + line[0] + line[1] * frame
        return nominal_s + (self._best[1] if self._best is not None else 0.0)

    def _fit(self) -> tuple[float, float] | None:
        if len(self._points) < 4:
            return None
        if self._line is None:
            hull: list[tuple[int, float]] = []
            for point in self._points:
                while len(hull) >= 2 and _turns_down(hull[-2], hull[-1], point):
                    hull.pop()
                hull.append(point)
            middle = sum(frame for frame, _ in self._points) / len(self._points)
            right = next(i for i, (frame, _) in enumerate(hull) if frame >= middle and i > 0)
            (frame_a, late_a), (frame_b, late_b) = hull[right - 1], hull[right]
            steepest = MAX_PPM * 1e-6 / self._nominal_fs_hz
            slope = (late_b - late_a) / (frame_b - frame_a)
            slope = min(max(slope, -steepest), steepest)
            self._line = (min(late - slope * frame for frame, late in hull), slope)
        return self._line


def _turns_down(a: tuple[int, float], b: tuple[int, float], c: tuple[int, float]) -> bool:
    """Return whether ``b`` lies on or above the line from ``a`` to ``c``."""
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])
