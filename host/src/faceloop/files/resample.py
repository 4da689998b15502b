"""Change the sampling rate of a recording, at once or piece by piece."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from faceloop.files.track import FloatArray

__all__ = ["FLAT_SHARE", "Resampler", "resample"]

FLAT_SHARE = 0.45
"""Of the slower rate: up to there nothing is lost (below 0.01 %)."""
# Kernel half length in samples of the slower rate, and Kaiser beta: 80 dB of rejection.
_HALF_WIDTH = 64
_BETA = 8.0


class Resampler:
    """One channel at another rate; sample k is the value at time ``k / target_hz``.

    Linear phase, unit gain at DC. The ends are continued by point reflection, so that an offset or
    a trend makes no ringing there.

    Parameters
    ----------
    fs_hz, target_hz : float
        Both positive. Equal rates pass everything on untouched.
    n_samples : int
        Of the whole channel: tells how exact the ratio must be.
    """

    def __init__(self, fs_hz: float, target_hz: float, n_samples: int) -> None:
        self.n_out = round(n_samples * target_hz / fs_hz)
        ratio = Fraction(1) if fs_hz == target_hz else _ratio(target_hz / fs_hz, self.n_out)
        self._up, self._down = ratio.numerator, ratio.denominator
        self._taps = np.zeros(0) if ratio == 1 else _taps(self._up, self._down)
        # Around what is worked out at a time, in samples; whole steps of both rates.
        reach = math.ceil(_HALF_WIDTH * max(self._up, self._down) / self._up) + 1
        self._margin = math.ceil(reach / self._down) * self._down
        self._held: FloatArray = np.zeros(0)
        self._has_begun = False
        self._n_done = 0

    def push(self, x: FloatArray, *, is_last: bool = False) -> FloatArray:
        """Return what is known of the new rate once ``x`` has come.

        Parameters
        ----------
        x : ndarray of float64, shape (n,)
            The next samples; not modified.
        is_last : bool
            None will follow.

        Returns
        -------
        y : ndarray of float64, shape (m,)
            Of all calls together ``round(n_samples * target_hz / fs_hz)`` samples.
        """
        if not self._taps.size:
            return x
        held = np.concatenate([self._held, x])
        margin = self._margin
        if not self._has_begun:
            if len(held) <= margin and not is_last:
                self._held = held
                return np.zeros(0)
            held = np.pad(held, (margin, 0), mode="reflect", reflect_type="odd")
            self._has_begun = True
        if is_last:
            held = np.pad(held, (0, 2 * margin), mode="reflect", reflect_type="odd")
        n = max(0, (len(held) - 2 * margin) // self._down * self._down)
        if not n:
            self._held = held
            return np.zeros(0)
        from scipy import signal  # takes a second to load, and most recordings have the rate

        up, down = self._up, self._down
        y = signal.upfirdn(self._taps, held[: n + 2 * margin], up, down)
        first = (len(self._taps) // 2 + margin * up) // down
        y = y[first : first + n * up // down]
        self._held = held[n:]
        y = y[: self.n_out - self._n_done]
        self._n_done += len(y)
        return np.asarray(y, dtype=np.float64)


def resample(x: FloatArray, fs_hz: float, target_hz: float) -> FloatArray:
    """Return a whole channel at another rate; see ``Resampler``.

    Parameters
    ----------
    x : ndarray of float64, shape (n_samples,)
        Not modified.
    fs_hz, target_hz : float

    Returns
    -------
    y : ndarray of float64, shape (round(n_samples * target_hz / fs_hz),)
        ``x`` itself where the rates are equal.
    """
    return Resampler(fs_hz, target_hz, len(x)).push(x, is_last=True)


def _taps(up: int, down: int) -> FloatArray:
    """Return the filter; its middle lies on a sample of the new rate."""
    from scipy import signal

    half = _HALF_WIDTH * max(up, down)
    # Cut-off in the middle of the transition band, which ends at the slower Nyquist.
    edge = 1 / max(up, down)
    taps = signal.firwin(2 * half + 1, edge * (1 - 2.6 / _HALF_WIDTH), window=("kaiser", _BETA))
    # The filter's DC gain is 1 over all taps; each phase must have it as well.
    phases = np.zeros(-(-len(taps) // up) * up)
    phases[: len(taps)] = taps
    gains = phases.reshape(-1, up).sum(axis=0)
    phases /= np.tile(gains, len(phases) // up)
    spare = -half % down
    return np.pad(phases[: len(taps)], (spare, spare))


def _ratio(exact: float, n_out: int) -> Fraction:
    """Return the simplest ratio that is off by less than 0.02 samples at the end."""
    limit = 10
    while True:
        ratio = Fraction(exact).limit_denominator(limit)
        if ratio > 0 and abs(float(ratio) / exact - 1) * max(n_out, 1) < 0.02:
            return ratio
        if limit > 200_000:
            return ratio if ratio > 0 else Fraction(1, math.ceil(1 / exact))
        limit *= 10
