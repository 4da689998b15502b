"""What a recording shows with hindsight: bursts with intervals, hum, fitness and spectrum."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop.session.fitness import Tick
from faceloop_dsp.core import MainsStatus
from faceloop_dsp.crosstalk import Relation, relation
from faceloop_dsp.fatigue import WINDOW_S, WindowSpectrum
from faceloop_dsp.onset_review import (
    Burst,
    find_bursts,
    merged,
    quiet_rms_uv,
    whole_bursts,
    without_delay,
)
from faceloop_dsp.quality import HEART_PER_MIN, beats_per_min
from faceloop_dsp.uncertainty import EMG_BANDWIDTH_HZ, statistical_bandwidth_hz

__all__ = ["N_CHANNELS", "Review", "median_frequency_hz", "review_room"]

N_CHANNELS = 8
# Longer recordings are looked at in pieces, cut where it is quiet, so that memory stays bounded.
PIECE_S = 600.0
SEEK_S = 10.0
MARGIN_S = 1.0
# A mains canceller that starts cold leaves more than a tenth of the line for up to 0.28 s.
LINE_SETTLES_S = 0.3
IN_MEMORY_BYTES = 64 << 20
USABLE_SHARE = 0.5  # of the known time that must be good
QUIET_SHARE = 0.2
REASON_SHARE = 0.01  # of it that a reason must hold to be named
# Signals of these seconds are none of the muscle's; the others can still be looked at.
NOT_SIGNAL = frozenset({"lead_off", "saturated", "flat", "pop"})
_Trace = NDArray[np.float32]


@contextmanager
def review_room(n_frames: int) -> Iterator[_Trace]:
    """Give room for the traces of a recording, float32 of shape (8, n_frames), NaN at first.

    In a file that has no name and is gone afterwards, where it would take much memory.
    """
    if 4 * N_CHANNELS * n_frames <= IN_MEMORY_BYTES:
        yield np.full((N_CHANNELS, n_frames), np.nan, np.float32)
        return
    with tempfile.TemporaryFile(prefix="faceloop-") as file:
        room: Any = np.memmap(file, np.float32, "w+", shape=(N_CHANNELS, n_frames))
        for first in range(0, n_frames, 1 << 20):
            room[:, first : first + (1 << 20)] = np.nan
        yield room


class Review:
    """Takes the blocks of one pass, then answers for each channel.

    Parameters
    ----------
    room : ndarray of float32, shape (8, n_frames)
        From ``review_room``.
    fs_hz : float
    mains_hz : float or None
        None: whichever the core finds.
    """

    def __init__(self, room: _Trace, fs_hz: float, mains_hz: float | None) -> None:
        self._trace = room
        self._fs_hz = fs_hz
        self._frame = 0
        self._line_hz = mains_hz
        self._mains_uv: dict[float, list[NDArray[np.float64]]] = {}
        self._tracked_hz: list[float] = []
        self._n_ticks = 0
        self._n_bad = np.zeros(N_CHANNELS, np.int64)
        self._has_heart = [False] * N_CHANNELS
        self._bandwidth_hz: dict[int, float] = {}
        self._n_reason: list[dict[str, int]] = [{} for _ in range(N_CHANNELS)]

    def push(self, trace_uv: _Trace, ticks: Iterable[Tick], mains: MainsStatus) -> None:
        """Take what the core and the watch over its channels made of the next frames."""
        end = self._frame + len(trace_uv)
        self._trace[:, self._frame : end] = trace_uv.T
        if self._line_hz is None:
            self._line_hz = mains.nominal_hz
        if mains.is_present:
            self._tracked_hz.append(mains.tracked_hz)
        for tick in ticks:
            for hz, peak_uv in tick.mains_uv.items():
                self._mains_uv.setdefault(hz, []).append(peak_uv)
            self._note(tick.quality.frame, tick.quality.reasons)
        self._frame = end

    def gap(self, n_frames: int) -> None:
        """Pass over frames that are not there."""
        self._frame += n_frames

    def hum_until(self, frame: int) -> None:
        """Forget the trace before the line was found and taken off: its hum is no muscle."""
        if frame > 0:
            self._trace[:, : frame + round(LINE_SETTLES_S * self._fs_hz)] = np.nan

    def mains(self, channel: int) -> dict[str, float | None]:
        """Return frequency (Hz) and peak (uV) of the line, None where there is none."""
        hz = self._line_hz if self._line_hz is not None else next(iter(self._mains_uv), 0.0)
        seen = self._mains_uv.get(hz, [])
        if not self._tracked_hz or not seen:
            return {"frequency_hz": None, "peak_uv": None}
        # Each look lasts 0.1 s, so muscles add to it: the quiet ones tell.
        peak_uv = float(np.quantile([row[channel] for row in seen], QUIET_SHARE))
        return {
            "frequency_hz": round(float(np.median(self._tracked_hz)), 4),
            "peak_uv": round(peak_uv, 2),
        }

    def quality(
        self, channel: int, *, is_off: bool = False, is_clipped: bool = False
    ) -> dict[str, Any]:
        """Return whether a channel can be judged, why not, and for how long (s) it was bad.

        After ``bursts``, which sees the heart. ``is_off``: no electrode was there at any time.
        """
        n_bad, reasons = int(self._n_bad[channel]), dict(self._n_reason[channel])
        if is_off and "flat" in reasons:
            reasons.pop("lead_off", None)  # said by whoever saw that it never moves
        elif is_off and not reasons:
            reasons["lead_off"] = self._n_ticks
        least = max(1.0, REASON_SHARE * self._n_ticks)
        named = [
            n for n in sorted(reasons, key=lambda name: -reasons[name]) if reasons[n] >= least
        ]
        if is_clipped:
            named.append("clipped")
        if self._has_heart[channel]:
            named.append("heart")
        is_mostly_good = n_bad < (1.0 - USABLE_SHARE) * self._n_ticks
        return {
            "usable": self._n_ticks > 0 and not is_off and is_mostly_good,
            "reasons": named,
            "bad_s": round(0.1 * (self._n_ticks if is_off else n_bad), 1),
        }

    def bursts(self, channel: int) -> list[Burst]:
        """Return the bursts of a channel, heartbeats left out; frames of the file."""
        x, fs_hz = self._trace[channel], self._fs_hz
        edges = list(self._pieces(x))
        margin = round(MARGIN_S * fs_hz)
        found: list[Burst] = []
        pieces = [(first, end, max(0, first - margin)) for first, end in pairwise(edges)]
        rest_uv = math.nan
        for first, end, begin in pieces:
            trace = without_delay(np.asarray(x[begin : end + margin]), fs_hz)
            here_uv = quiet_rms_uv(trace[first - begin : end - begin], fs_hz)
            rest_uv = here_uv if math.isnan(rest_uv) else min(rest_uv, here_uv)
        for first, end, begin in pieces:
            trace = without_delay(np.asarray(x[begin : end + margin]), fs_hz)
            for burst in find_bursts(trace, fs_hz, rest_uv):
                if burst.onset < end - begin and burst.offset > first - begin:
                    shift = {
                        name: getattr(burst, name) + begin
                        for name in ("onset", "offset", "onset_low", "onset_high")
                    }
                    here = burst._replace(**shift)
                    # A burst across a cut is seen from both sides.
                    if found and here.onset <= found[-1].offset:
                        here = merged(found.pop(), here)
                    found.append(here)
        beats = beats_per_min(found, self._frame, fs_hz)
        self._has_heart[channel] = beats > HEART_PER_MIN
        return whole_bursts(found, fs_hz)

    def bandwidth_hz(self, channel: int) -> float:
        """Return the statistical bandwidth of a channel, at most that of EMG in general."""
        if channel not in self._bandwidth_hz:
            self._bandwidth_hz[channel] = self._measured_bandwidth_hz(channel)
        return self._bandwidth_hz[channel]

    def _measured_bandwidth_hz(self, channel: int) -> float:
        n = round(PIECE_S * self._fs_hz)
        x_uv = np.asarray(self._trace[channel, self._loudest([channel]) :][:n])
        if np.count_nonzero(np.nan_to_num(x_uv)) < 0.5 * self._fs_hz:
            return EMG_BANDWIDTH_HZ
        measured = statistical_bandwidth_hz(x_uv, self._fs_hz)
        return min(EMG_BANDWIDTH_HZ, measured)

    def quiet_uv(self, channel: int) -> float:
        """Return the RMS of the quietest second, NaN when nothing is known."""
        x, edges = self._trace[channel], list(self._pieces(self._trace[channel]))
        each = [
            quiet_rms_uv(np.asarray(x[first:end]), self._fs_hz) for first, end in pairwise(edges)
        ]
        return float(np.nanmin(each)) if np.isfinite(each).any() else math.nan

    def median_hz(self, channel: int, bursts: list[Burst]) -> float:
        """Return the median frequency of the bursts, without any of all that is known (Hz)."""
        return median_frequency_hz(self._trace[channel], self._fs_hz, bursts)

    def relation(self, a: int, b: int) -> Relation | None:
        """Return how two channels go together in their loudest ten minutes; None if too short."""
        n, at = round(PIECE_S * self._fs_hz), self._loudest([a, b])
        pair_uv = np.asarray(self._trace[[a, b], at : at + n])
        pair_uv = pair_uv[:, ~np.isnan(pair_uv).any(axis=0)]
        if pair_uv.shape[1] < 0.5 * self._fs_hz:
            return None
        return relation(pair_uv[0], pair_uv[1], self._fs_hz)

    def _loudest(self, channels: list[int]) -> int:
        """Return where the loudest ten minutes of these channels begin."""
        n = round(PIECE_S * self._fs_hz)
        starts = range(0, max(1, self._frame - n // 2), n)
        power = [float(np.nansum(self._trace[channels, at : at + n] ** 2)) for at in starts]
        return starts[int(np.argmax(power))]

    def _note(self, frame: int, reasons: tuple[tuple[str, ...], ...]) -> None:
        self._n_ticks += 1
        tick = round(0.1 * self._fs_hz)
        for channel, names in enumerate(reasons):
            self._n_bad[channel] += bool(names)
            for name in names:
                count = self._n_reason[channel]
                count[name] = count.get(name, 0) + 1
            if NOT_SIGNAL.intersection(names):
                self._trace[channel, frame + 1 - tick : frame + 1] = np.nan

    def _pieces(self, x: _Trace) -> Iterator[int]:
        """Yield the edges of pieces, moved to the quietest tenth of a second before each."""
        yield 0
        size, seek = round(PIECE_S * self._fs_hz), round(SEEK_S * self._fs_hz)
        tick, at = round(0.1 * self._fs_hz), 0
        while self._frame - at > 1.5 * size:
            at += size
            stretch = np.nan_to_num(np.asarray(x[at - seek : at])).reshape(-1, tick)
            at += int(np.argmin(np.square(stretch).sum(axis=1))) * tick - seek
            yield at
        yield self._frame


def median_frequency_hz(trace_uv: _Trace, fs_hz: float, bursts: list[Burst]) -> float:
    """Return the frequency that halves the power in 20-450 Hz, NaN when nothing is known.

    Parameters
    ----------
    trace_uv : ndarray of float32, shape (n_frames,)
        NaN where not known.
    fs_hz : float
    bursts : list of Burst
        Half-second stretches that lie in a burst to at least half count; without any, all.
    """
    n = round(WINDOW_S * fs_hz)
    n_rows = trace_uv.size // n
    if n_rows == 0:
        return math.nan
    pieces = np.asarray(trace_uv[: n_rows * n]).reshape(n_rows, n)
    busy = np.zeros(n_rows + 1)
    for burst in bursts:
        first, last = int(burst.onset // n), int(burst.offset // n)
        for row in range(first, min(last, n_rows) + 1):
            busy[row] += min(burst.offset, (row + 1) * n) - max(burst.onset, row * n)
    chosen = np.flatnonzero(busy[:n_rows] >= 0.5 * n)
    if not chosen.size:
        chosen = np.arange(n_rows)
    spectrum = WindowSpectrum(fs_hz, n)
    total = sum(
        spectrum.power(pieces[None, row].astype(np.float64))[0]
        for row in chosen.tolist()
        if not np.isnan(pieces[row]).any()
    )
    return spectrum.median_hz(np.atleast_1d(np.asarray(total, np.float64)))
