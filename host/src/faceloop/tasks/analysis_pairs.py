"""Two channels of a recording against each other: ratios, how sure they are, and crosstalk."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop.tasks.account import rounded
from faceloop.tasks.review import Review
from faceloop_dsp import asymmetry_index, signed_asymmetry, symmetry_ratio
from faceloop_dsp.rest import HOP_S
from faceloop_dsp.uncertainty import (
    Amplitude,
    Estimate,
    asymmetry_estimate,
    log_ratio_sd,
    signed_asymmetry_estimate,
    symmetry_estimate,
)

__all__ = ["compared", "level_uv"]

BLOCK_S = 1.0  # the strength of a muscle is another a second later


def compared(
    rms_uv: NDArray[np.float32],
    sides: tuple[int, int],
    moves_above_uv: NDArray[np.float64] | None,
    review: Review,
) -> dict[str, Any]:
    """Return two channels against each other while either moves, and over the whole recording.

    Parameters
    ----------
    rms_uv : ndarray of float32, shape (n_hops, 8)
    sides : (int, int)
        Channels ``a`` and ``b``.
    moves_above_uv : ndarray of float64, shape (8,), or None
        None without a rest: then neither is known to move.
    review : Review
    """
    both_uv = rms_uv[:, list(sides)]
    both_uv = both_uv[~np.isnan(both_uv).any(axis=1)]
    if moves_above_uv is None:
        moving_uv = both_uv[:0]
    else:
        moving_uv = both_uv[(both_uv > moves_above_uv[list(sides)]).any(axis=1)]
    together = review.relation(*sides)
    bandwidth_hz = [review.bandwidth_hz(side) for side in sides]
    return {
        "active_s": round(len(moving_uv) * HOP_S, 2),
        **_ratios(moving_uv),
        "uncertainty": _uncertainty(moving_uv, bandwidth_hz),
        "whole": {**_ratios(both_uv), "uncertainty": _uncertainty(both_uv, bandwidth_hz)},
        "envelope_correlation": rounded(together.envelope_r if together else math.nan, 3),
        "signal_correlation": rounded(together.signal_r if together else math.nan, 3),
        "crosstalk": None if together is None else together.verdict == "crosstalk",
    }


def level_uv(rms_uv: NDArray[np.float32]) -> float:
    """Return the RMS over all hops that are known, NaN without any."""
    known_uv = rms_uv[~np.isnan(rms_uv)].astype(np.float64)
    return math.sqrt(float(np.mean(np.square(known_uv)))) if known_uv.size else math.nan


def _uncertainty(
    levels_uv: NDArray[np.float32], bandwidth_hz: list[float]
) -> dict[str, dict[str, float | None]]:
    """Return standard deviation and 95 % interval of each ratio of two columns of RMS."""
    seconds = len(levels_uv) * HOP_S
    a, b = (
        Amplitude(level_uv(levels_uv[:, side]), seconds, bandwidth_hz[side]) for side in (0, 1)
    )
    size = round(BLOCK_S / HOP_S)
    n = len(levels_uv) // size
    blocks = np.square(levels_uv[: n * size].astype(np.float64)).reshape(n, size, 2).mean(axis=1)
    sd = log_ratio_sd(blocks[:, 0], blocks[:, 1])
    known = len(levels_uv) > 0

    def entry(estimate: Estimate) -> dict[str, float | None]:
        return {
            name: rounded(getattr(estimate, name) if known else math.nan, 4)
            for name in ("sd", "low", "high")
        }

    return {
        "symmetry_ratio": entry(symmetry_estimate(a, b, log_sd=sd)),
        "asymmetry_index": entry(asymmetry_estimate(a, b, log_sd=sd)),
        "signed_asymmetry": entry(signed_asymmetry_estimate(a, b, log_sd=sd)),
    }


def _ratios(levels_uv: NDArray[np.float32]) -> dict[str, float | None]:
    """Return the ratios of two columns of RMS; ``signed_asymmetry`` is (a - b) / (a + b)."""
    a_uv, b_uv = level_uv(levels_uv[:, 0]), level_uv(levels_uv[:, 1])
    return {
        "symmetry_ratio": rounded(float(symmetry_ratio(a_uv, b_uv)), 4),
        "asymmetry_index": rounded(float(asymmetry_index(a_uv, b_uv)), 4),
        "signed_asymmetry": rounded(float(signed_asymmetry(a_uv, b_uv)), 4),
    }
