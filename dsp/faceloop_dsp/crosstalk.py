"""The same waveform, or only the same envelope? Crosstalk told apart from muscles that join in.

A neighbour that leaks into an electrode shows as the same waveform, weaker, slightly low-passed
and up to 2 ms late. A muscle that moves along has the envelope of the other but a waveform of
its own: the signals are not correlated. So what can be predicted from the neighbour's waveform
is crosstalk, the rest is the muscle's own. The heart, alike in all channels, goes the same way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["LeakMeter", "Relation", "relation"]

MAX_LAG_S = 0.004
LEAK_R = 0.5  # signal correlation from which on more than a quarter of the power is shared
ENVELOPE_R = 0.5
ENVELOPE_S = 0.1
_Floats = NDArray[np.float64]
Verdict = Literal["crosstalk", "together", "separate"]


class Relation(NamedTuple):
    """How two channels go together.

    Parameters
    ----------
    signal_r : float
        Largest correlation of the signals over lags of +-4 ms, with its sign.
    lag_s : float
        Its lag; positive: ``b`` is later.
    envelope_r : float
        Correlation of the 100 ms RMS.
    verdict : "crosstalk", "together" or "separate"
        Same waveform; own waveforms under one envelope; neither.
    """

    signal_r: float
    lag_s: float
    envelope_r: float
    verdict: Verdict


def relation(a_uv: NDArray[np.floating], b_uv: NDArray[np.floating], fs_hz: float) -> Relation:
    """Return how two channels of a stretch of trace go together.

    Parameters
    ----------
    a_uv, b_uv : ndarray of float, shape (n_frames,)
        Band-passed EMG of the same time, half a second or more; NaN counts as 0.
    fs_hz : float
        Sampling rate.

    Raises
    ------
    ValueError
        If the lengths differ or are below 0.5 s.
    """
    a, b = (np.nan_to_num(np.asarray(x, np.float64)) for x in (a_uv, b_uv))
    if a.shape != b.shape or a.ndim != 1 or a.size < 0.5 * fs_hz:
        raise ValueError(f"stretches of {a.shape} and {b.shape}, two alike of 0.5 s are needed")
    size = 2 * a.size
    product = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size)
    reach = round(MAX_LAG_S * fs_hz)
    lags = np.arange(-reach, reach + 1)
    r = product[lags] / max(float(np.sqrt(np.dot(a, a) * np.dot(b, b))), 1e-30)
    best = int(np.argmax(np.abs(r)))
    envelope_r = _correlation(_envelope(a, fs_hz), _envelope(b, fs_hz))
    verdict: Verdict = "separate"
    if abs(r[best]) >= LEAK_R:
        verdict = "crosstalk"
    elif envelope_r >= ENVELOPE_R:
        verdict = "together"
    return Relation(float(r[best]), float(lags[best] / fs_hz), envelope_r, verdict)


def _envelope(x: _Floats, fs_hz: float) -> _Floats:
    n = round(ENVELOPE_S * fs_hz)
    rows = x[: x.size // n * n].reshape(-1, n)
    return np.asarray(np.sqrt(np.mean(rows**2, axis=1)))


def _correlation(a: _Floats, b: _Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return float(np.dot(a, b) / scale) if scale > 0.0 else 0.0


def _powers(products: _Floats) -> _Floats:
    """Return the diagonals of a stack of square matrices, as a view."""
    return np.asarray(np.einsum("njj->nj", products))


class LeakMeter:
    """Learns hop by hop how sources leak into targets, and tells what share is the target's own.

    Parameters
    ----------
    paths : sequence of (int, tuple of int)
        Target channel and the channels that may leak into it.
    hop_frames : int
        Frames of a hop of 10 ms.

    Notes
    -----
    A leak is a property of skin and electrodes and changes slowly, so the filters from each source
    (five taps, 1 ms apart, from 1 ms early to 3 ms late) are fitted by least squares over the last
    seconds of activity. What the target does of its own is not correlated with the sources and
    does not disturb them. While little is known they are held near zero: a leak of 20 % is usual.
    """

    TAPS = 5
    USUAL_LEAK = 0.2
    MEMORY_S = 3.0  # of full activity
    LOUD_S = 60.0
    WINDOW_HOPS = 10
    SOURCE_OVER_TARGET = 4.0  # in power: leaks are below half of the amplitude
    # Neighbouring samples of EMG tell much the same: 2 B / fs of a sample each.
    INDEPENDENT = 0.16

    def __init__(self, paths: Sequence[tuple[int, tuple[int, ...]]], hop_frames: int) -> None:
        self.paths = tuple(paths)
        self._hop = hop_frames
        self._step = max(1, hop_frames // 10)
        self._n_sources = max((len(sources) for _, sources in paths), default=0)
        self._reach = self._step * (self.TAPS - 1)
        columns = self._n_sources * self.TAPS + 1
        n = len(self.paths)
        self._long = np.zeros((n, columns, columns))
        self._ring = np.zeros((self.WINDOW_HOPS, n, columns, columns))
        self._at = 0
        self._n_long = np.zeros(n)
        self._loud = np.zeros(n)
        self._rows: _Floats | None = None
        self._window = np.zeros((n, columns, columns))
        self._shares: _Floats | None = np.ones(n)  # None: not worked out since the last hop
        self._taps: _Floats | None = None  # of the filters; None: something was learnt since
        self._frames, self._channels = self._table_of()
        self._places = np.zeros((0, 0, 0), np.intp)  # both in one, for the width of a hop

    @property
    def own_share(self) -> _Floats:
        """Share of each path's power over the last 100 ms that is the target's own, 0 to 1.

        Worked out when it is asked for: most hops are rest, and nobody asks.
        """
        if self._shares is None:
            self._shares = self._own(self._window)
        return self._shares

    def push(self, hop_uv: NDArray[np.floating]) -> None:
        """Take the frames of the next hop.

        Parameters
        ----------
        hop_uv : ndarray of float, shape (hop_frames, n_channels)
            Trace; a frame with NaN in a channel counts as 0 there.
        """
        if not self.paths:
            return
        rows = self._rows
        if rows is None:
            width = hop_uv.shape[1] + 1
            rows = self._rows = np.zeros((self._reach + self._hop, width))
            self._places = self._frames * width + self._channels % width
        rows[: self._reach] = rows[self._hop :]
        fresh = rows[self._reach :, :-1]
        fresh[:] = hop_uv
        if math.isnan(fresh.sum()):
            fresh[np.isnan(fresh)] = 0.0
        table = rows.take(self._places)
        products = np.matmul(table.transpose(0, 2, 1), table)
        self._ring[self._at] = products
        self._at = (self._at + 1) % self.WINDOW_HOPS
        window = self._window = self._ring.sum(axis=0)
        self._shares = None
        # A target stronger than its sources leaks into them: from that nothing can be learnt
        # about the way here. Memory fades with what is learnt: a pause forgets nothing.
        source = _powers(window)[:, :-1].sum(axis=1) / self.TAPS
        learns = source >= self.SOURCE_OVER_TARGET * window[:, -1, -1]
        if not learns.any():
            self._loud *= 1.0 - 0.01 / self.LOUD_S
            return
        products = products * learns[:, None, None]
        energy = _powers(products)[:, :-1].sum(axis=1)
        self._loud = np.maximum(self._loud * (1.0 - 0.01 / self.LOUD_S), energy)
        share = np.divide(energy, self._loud, out=np.zeros_like(energy), where=self._loud > 0)
        fade = 1.0 - share * 0.01 / self.MEMORY_S
        self._long *= fade[:, None, None]
        self._long += products
        self._n_long = self._n_long * fade + self._hop * learns
        self._taps = None

    def clear(self) -> None:
        """Forget the last 100 ms (a gap), not the leaks."""
        if self._rows is None:
            return  # nothing came since
        self._rows = None
        self._ring[:] = 0.0
        self._shares = np.ones(len(self.paths))

    def _table_of(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return frame and channel of every entry of a hop's table, shape (n, hop, columns).

        For each path the lagged sources, then the target one step late, so that the first tap
        looks ahead. Channel -1 is always 0, for paths with fewer sources than another.
        """
        lags = [tap * self._step for tap in range(self.TAPS)] * self._n_sources + [self._step]
        hop = np.arange(self._hop)[:, None]
        frames = self._reach - np.array(lags, np.intp) + hop
        channels = np.full((len(self.paths), 1, len(lags)), -1, np.intp)
        for i, (target, sources) in enumerate(self.paths):
            channels[i, 0, : self.TAPS * len(sources)] = np.repeat(sources, self.TAPS)
            channels[i, 0, -1] = target
        return frames[None], channels

    def _own(self, window: _Floats) -> _Floats:
        if self._taps is None:
            self._taps = self._fitted()
        taps = self._taps
        total = window[:, -1, -1]
        rest = 2.0 * window[:, :-1, -1:] - np.matmul(window[:, :-1, :-1], taps)
        leak = np.matmul(taps.transpose(0, 2, 1), rest)[:, 0, 0]
        share = np.ones(total.size)
        seen = total > 0.0
        share[seen] = np.clip(1.0 - leak[seen] / total[seen], 0.0, 1.0)
        return share

    def _fitted(self) -> _Floats:
        held = self._long[:, :-1, :-1].copy()
        with_target = self._long[:, :-1, -1:]
        power = self._long[:, -1, -1] / np.maximum(self._n_long, 1.0)
        ridge = power / (self.INDEPENDENT * self.USUAL_LEAK**2) + 1e-12
        _powers(held)[:] += ridge[:, None]
        return np.asarray(np.linalg.solve(held, with_target))
