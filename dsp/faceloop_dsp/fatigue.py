"""Fatigue: the median frequency of the EMG, which falls while a muscle tires.

Ref: De Luca, *J Appl Biomech* 1997;13:135-163: median frequency of half-second windows in a held
contraction. At rest it is that of the noise, so only windows of like effort compare.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["WINDOW_S", "FatigueMeter", "MedianFrequency", "WindowSpectrum"]

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


class WindowSpectrum:
    """Power of windows of the EMG in 20-450 Hz, under a Hann window, and its median frequency.

    Parameters
    ----------
    fs_hz : float
        Frames per second.
    n_frames : int
        Of a window.
    """

    def __init__(self, fs_hz: float, n_frames: int) -> None:
        first, last = (round(hz * n_frames / fs_hz) for hz in BAND_HZ)
        self._band = slice(first, last + 1)
        self._step_hz = fs_hz / n_frames
        self._first_hz = first * self._step_hz
        self._taper = np.hanning(n_frames + 1)[:-1]

    def power(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the power in each frequency of the band, (n_channels, n_bins).

        ``x`` is (n_channels, n_frames) and is changed in place; a row with NaN gives NaN.
        """
        x -= x.mean(axis=1, keepdims=True)
        x *= self._taper
        spectrum = np.fft.rfft(x)[:, self._band]
        return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float64)

    def median_hz(self, power: NDArray[np.float64]) -> float:
        """Return the frequency that halves a row of power; NaN where it is nothing or NaN."""
        sums = np.cumsum(power)
        if not sums.size or not sums[-1] > 0.0:
            return math.nan
        half = int(np.searchsorted(sums, 0.5 * sums[-1]))
        # Between the bins: how far into its own the half lies.
        into = (0.5 * sums[-1] - sums[half] + power[half]) / power[half] - 0.5
        return float(self._first_hz + (half + into) * self._step_hz)


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
        self._spectrum = WindowSpectrum(fs_hz, self._n)

    def push(self, trace_uv: NDArray[np.float32]) -> tuple[MedianFrequency, ...]:
        """Take the next frames, (n_frames, n_channels); return the windows they completed."""
        at, n = self._frame % self._n, len(trace_uv)
        if at + n < self._n:  # a block of the live stream: this is called a hundred times a second
            self._window[at : at + n] = trace_uv
            self._frame += n
            return ()
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
        power = self._spectrum.power(np.ascontiguousarray(self._window.T))
        return np.array([self._spectrum.median_hz(row) for row in power])
