"""Fatigue: the median frequency of the EMG, which falls while a muscle tires.

Ref: De Luca, *J Appl Biomech* 1997;13:135-163: median frequency of half-second windows in a held
contraction. At rest it is that of the noise, so only windows of like effort compare.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FatigueMeter", "MedianFrequency"]

WINDOW_S = 0.5
BAND_HZ = (20.0, 450.0)


class MedianFrequency(NamedTuple):
    """One window.

    Parameters
    ----------
    frame : int
        Its last frame.
    hz : ndarray of float64, shape (n_channels,)
        Frequency that halves the power in 20-450 Hz; NaN where a part of the window is not known,
        or holds nothing.
    """

    frame: int
    hz: NDArray[np.float64]


class FatigueMeter:
    """Takes a cleaned trace; any split of it gives the same windows.

    Parameters
    ----------
    fs_hz : float
        Frames per second.
    n_channels : int
    """

    def __init__(self, fs_hz: float, n_channels: int) -> None:
        self._n = round(WINDOW_S * fs_hz)
        self._window = np.full((self._n, n_channels), np.nan)
        self._frame = 0
        f_hz = np.fft.rfftfreq(self._n, 1.0 / fs_hz)
        self._is_band = (f_hz >= BAND_HZ[0]) & (f_hz <= BAND_HZ[1])
        self._f_hz = f_hz[self._is_band]
        self._taper = np.hanning(self._n + 1)[:-1, None]

    def push(self, trace_uv: NDArray[np.float32]) -> tuple[MedianFrequency, ...]:
        """Take the next frames, (n_frames, n_channels); return the windows they completed."""
        found = []
        while len(trace_uv):
            at = self._frame % self._n
            take = trace_uv[: self._n - at]
            self._window[at : at + len(take)] = take
            self._frame += len(take)
            trace_uv = trace_uv[len(take) :]
            if self._frame % self._n == 0:
                found.append(MedianFrequency(self._frame - 1, self._median_hz()))
        return tuple(found)

    def gap(self, n_frames: int) -> tuple[MedianFrequency, ...]:
        """Pass over lost frames; return the windows that ended in them, which are not known."""
        first, self._frame = self._frame, self._frame + n_frames
        nothing = np.full(self._window.shape[1], np.nan)
        if n_frames:
            self._window[first % self._n :] = np.nan
        if self._frame // self._n > first // self._n:
            self._window[: self._frame % self._n] = np.nan
        ends = range((first // self._n + 1) * self._n, self._frame + 1, self._n)
        return tuple(MedianFrequency(end - 1, nothing) for end in ends)

    def _median_hz(self) -> NDArray[np.float64]:
        x = (self._window - self._window.mean(axis=0)) * self._taper
        is_known = np.isfinite(x).all(axis=0)
        power = np.abs(np.fft.rfft(np.where(is_known, x, 0.0), axis=0)[self._is_band]) ** 2
        total = np.cumsum(power, axis=0)
        half = np.argmax(total >= 0.5 * total[-1], axis=0)
        # Between the bins: how far into its bin the half lies.
        here = np.take_along_axis(power, half[None], axis=0)[0]
        before = np.take_along_axis(total, half[None], axis=0)[0] - here
        with np.errstate(invalid="ignore", divide="ignore"):
            into = (0.5 * total[-1] - before) / here - 0.5
        hz = self._f_hz[half] + into * (self._f_hz[1] - self._f_hz[0])
        return np.where(is_known & (total[-1] > 0.0), hz, np.nan)
