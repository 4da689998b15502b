"""Change the sampling rate of a whole recording."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from faceloop.files.track import FloatArray

__all__ = ["resample"]

# Kernel half length in samples of the slower rate, and Kaiser beta: 80 dB of rejection and a
# flat pass-band (below 0.01 %) up to 0.45 of the slower rate.
_HALF_WIDTH = 64
_BETA = 8.0


def resample(x: FloatArray, fs_hz: float, target_hz: float) -> FloatArray:
    """Return ``x`` at another rate; sample k is the value at time ``k / target_hz``.

    Parameters
    ----------
    x : ndarray of float64, shape (n_samples,)
        Not modified.
    fs_hz, target_hz : float
        Both positive. Equal rates return ``x`` itself.

    Returns
    -------
    y : ndarray of float64, shape (round(n_samples * target_hz / fs_hz),)
        Linear phase, unit gain at DC. The ends are continued by point reflection, so that an
        offset or a trend makes no ringing there.
    """
    if fs_hz == target_hz:
        return x
    from scipy import signal  # takes a second to load, and most recordings have the rate already

    n_out = round(len(x) * target_hz / fs_hz)
    ratio = _ratio(target_hz / fs_hz, n_out)
    up, down = ratio.numerator, ratio.denominator
    half = _HALF_WIDTH * max(up, down)
    # Cut-off in the middle of the transition band, which ends at the slower Nyquist.
    edge = 1 / max(up, down)
    taps = signal.firwin(2 * half + 1, edge * (1 - 2.6 / _HALF_WIDTH), window=("kaiser", _BETA))
    # The filter's DC gain is 1 over all taps; each phase must have it as well.
    phases = np.zeros(-(-len(taps) // up) * up)
    phases[: len(taps)] = taps
    gains = phases.reshape(-1, up).sum(axis=0) * up
    phases /= np.tile(gains, len(phases) // up)
    y = signal.resample_poly(x, up, down, window=phases[: len(taps)], padtype="antireflect")
    if len(y) < n_out:
        y = np.concatenate([y, np.full(n_out - len(y), y[-1])])
    return np.asarray(y[:n_out], dtype=np.float64)


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
