"""Line and rest of a recording whose session is not known, found with hindsight."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from faceloop.session.analysis import REST_BEGINS_S
from faceloop.session.recorded_signal import RecordedSignal
from faceloop.session.settings import Settings
from faceloop_dsp import RestReference, StreamCore
from faceloop_dsp.rest import HOP_S

__all__ = ["quietest_s", "rest_from", "with_line"]

LINE_WITHIN_S = 60.0
MOST_UNKNOWN = 0.1  # of the hops of a rest


def with_line(recorded: RecordedSignal, settings: Settings) -> Settings:
    """Return the settings with the nominal frequency of the mains, if a line is found.

    Live the first second or two pass before it is known whether the line has 50 or 60 Hz; here it
    can be known before the first frame.
    """
    if settings.mains_hz is not None:
        return settings
    core = StreamCore(recorded.fs_hz, lsb_uv=recorded.lsb_uv, mains_hz="auto", trace=False)
    for stretch in recorded.stretches():
        if core.frame > LINE_WITHIN_S * recorded.fs_hz or core.mains.nominal_hz is not None:
            break
        if stretch.is_missing:
            core.gap(len(stretch.counts))
        else:
            core.push(np.ascontiguousarray(stretch.counts))
    return replace(settings, mains_hz=core.mains.nominal_hz)


def quietest_s(rms_uv: NDArray[np.float32], seconds: float) -> float | None:
    """Return where all channels together are quietest for so long; None where nowhere.

    Parameters
    ----------
    rms_uv : ndarray of float32, shape (n_hops, n_channels)
        Of the channels that were measured; NaN where not known.
    seconds : float
    """
    n = round(seconds / HOP_S)
    if not n or len(rms_uv) < n or not rms_uv.shape[1]:
        return None
    with np.errstate(divide="ignore"):
        log_power = np.log(np.square(rms_uv.astype(np.float64))).mean(axis=1)
    is_known = np.isfinite(log_power)
    total = np.concatenate([[0.0], np.cumsum(np.where(is_known, log_power, 0.0))])
    n_known = np.concatenate([[0], np.cumsum(is_known)])
    known = n_known[n:] - n_known[:-n]
    mean = (total[n:] - total[:-n]) / np.maximum(known, 1)
    mean[known < (1.0 - MOST_UNKNOWN) * n] = np.inf
    at = int(np.argmin(mean))
    return at * HOP_S if np.isfinite(mean[at]) else None


def rest_from(
    recorded: RecordedSignal, settings: Settings, begin_s: float
) -> RestReference | None:
    """Return the rest learnt from ``begin_s`` on, None where there is too little of it."""
    first = max(0, round((begin_s - REST_BEGINS_S) * recorded.fs_hz))
    analysis = settings.analysis(recorded.fs_hz, recorded.lsb_uv, None, 0)
    at = 0
    for stretch in recorded.stretches():
        end = at + len(stretch.counts)
        if end > first:
            counts = np.ascontiguousarray(stretch.counts[max(0, first - at) :])
            if stretch.is_missing:
                analysis.gap(len(counts), math.nan)
            else:
                analysis.push(counts, stretch.lead_off, math.nan)
            if analysis.rest is not None:
                return analysis.rest
        at = end
    return None
