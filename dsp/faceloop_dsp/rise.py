"""Where did a muscle begin to rise? A posterior, not a point.

Amplitude goes up linearly over 0 to 160 ms on top of a rest that goes on, all lengths and three
heights alike a priori, Gaussian noise of the power that this gives; what is asked is where the
rise begins. A slow rise drowns in rest at first, and its interval has to be that wide. The change
point of a step alone (Smith, Biometrika 1975;62:407) holds the beginning of a rise of 100 ms once
in twenty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["rise_interval"]

# How long a rise may take, and how finely its beginning is looked for.
RAMPS_S, RAMP_TOPS = (0.0, 0.02, 0.05, 0.1, 0.16), (0.7, 1.0, 1.4)
RAMP_STEP_S, RAMP_GROUP_S = 0.004, 0.002
RAMP_BEFORE_S, RAMP_AFTER_S = 0.3, 0.15
RINGING_S = 0.008  # ahead of a strong burst, as the filter without its delay does
_Floats = NDArray[np.float64]


def rise_interval(
    relative: _Floats, rise: int, fs_hz: float, bandwidth_hz: float
) -> tuple[float, float]:
    """Return the 95 % posterior interval of the beginning of a rise, in frames.

    Parameters
    ----------
    relative : ndarray of float64, shape (n_frames,)
        EMG without delay in units of its RMS at rest, no NaN.
    rise : int
        A frame in which the power is clearly up.
    fs_hz : float
        Sampling rate.
    bandwidth_hz : float
        Statistical bandwidth: neighbouring samples tell much the same, so the posterior counts
        ``2 B / fs`` of a sample for each.
    """
    group = max(1, round(RAMP_GROUP_S * fs_hz))
    begin = max(0, rise - round(RAMP_BEFORE_S * fs_hz))
    end = min(relative.size, rise + round(RAMP_AFTER_S * fs_hz))
    n = (end - begin) // group
    if n < 3:
        return float(begin), float(end)
    power = np.mean(relative[begin : begin + n * group].reshape(n, group) ** 2, axis=1)
    at_s = (np.arange(n) + 0.5) * group / fs_hz
    rise_s = (rise - begin) / fs_hz
    # Rest as it is here: the quietest second of a recording lies below most others.
    before = power[at_s < max(rise_s - RAMPS_S[-1], at_s[2])]
    rest = max(1.0, float(np.median(before)) if before.size else 1.0)
    later = power[at_s >= rise_s]
    top = float(np.sqrt(np.quantile(later, 0.75) if later.size else 1.0))
    tops = np.maximum(np.array(RAMP_TOPS) * top, 1.2 * np.sqrt(rest))[:, None, None]
    begins_s = np.arange(0.0, rise_s + 0.02, RAMP_STEP_S)
    log_p = np.full(begins_s.size, -np.inf)
    weight = 0.5 * min(1.0, 2.0 * bandwidth_hz / fs_hz) * group
    for ramp_s in RAMPS_S:
        share = np.clip((at_s - begins_s[:, None]) / max(ramp_s, 0.5 * RAMP_STEP_S), 0.0, 1.0)
        variance = rest + (tops**2 - rest) * share**2  # rest goes on beneath
        likelihood = -weight * np.sum(power / variance + np.log(variance), axis=2)
        log_p = np.logaddexp(log_p, np.logaddexp.reduce(likelihood, axis=0))
    cumulative = np.cumsum(np.exp(log_p - log_p.max()))
    low_s, high_s = np.interp([0.025, 0.975], cumulative / cumulative[-1], begins_s)
    # Nothing can be placed finer than 1 / 2B in a band of B.
    blur_s = 0.5 / bandwidth_hz + 0.5 * RAMP_STEP_S
    return begin + (low_s - blur_s) * fs_hz, begin + (high_s + blur_s + RINGING_S) * fs_hz
