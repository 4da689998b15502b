"""How sure the symmetry of a hold is, and whether the unaffected side works too hard.

An RMS over a few seconds is a draw, not a constant (``faceloop_dsp.uncertainty``). The levels here
are above rest: the noise of the rest is in them, its strength is not, so a weak movement is known
less well than a strong one of the same length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from faceloop.training.guard import HOP_S
from faceloop.training.references import References, Sides
from faceloop_dsp.references import is_good_side_overactive
from faceloop_dsp.uncertainty import Amplitude, symmetry_estimate

__all__ = ["Certainty", "HeldLevels", "mean_interval"]

COMFORTABLE_S = 5.7
"""Time behind a comfortable reference: three contractions of 2.5 s without their first 0.6 s."""
# 97.5 % of Student's t, by degrees of freedom; from ten repetitions on that of 9 is on the safe
# side.
_T975 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
_Z975 = 1.96


@dataclass(frozen=True, slots=True)
class Certainty:
    """What is known about the symmetry of one hold.

    Parameters
    ----------
    symmetry_low, symmetry_high : float
        Its 95 % interval, of the measurement alone; NaN where nothing was judged.
    is_overactive : bool
        The unaffected side surely works harder than in its own comfortable movement.
    """

    symmetry_low: float = math.nan
    symmetry_high: float = math.nan
    is_overactive: bool = False


class HeldLevels:
    """Collects the levels of a hold.

    Parameters
    ----------
    target : Sides
    """

    def __init__(self, target: Sides) -> None:
        self._target = target
        self._squares = [0.0, 0.0]
        self._n = 0

    def add(self, level_uv: Sequence[float]) -> None:
        """Take a hop in which both sides are judged."""
        for at, channel in enumerate(self._target):
            self._squares[at] += level_uv[channel] ** 2
        self._n += 1

    def certainty(self, references: References, shares: Sequence[float]) -> Certainty:
        """Return how sure it is.

        Parameters
        ----------
        references : References
        shares : sequence of float
            Mean levels of the affected and the unaffected side as they are scored.
        """
        if not self._n:
            return Certainty()
        seconds = self._n * HOP_S
        rms_uv = [math.sqrt(squares / self._n) for squares in self._squares]
        amplitudes = []
        for share, level_uv, channel in zip(shares, rms_uv, self._target, strict=True):
            above_uv = max(level_uv - references.rest_mean_uv[channel], 0.0)
            # The error of the whole level, told in terms of the part above rest.
            amplitudes.append(Amplitude(share, seconds * (above_uv / level_uv) ** 2))
        affected, unaffected = amplitudes
        estimate = symmetry_estimate(affected, unaffected)
        other = self._target.unaffected
        comfortable = Amplitude(references.comfortable_uv[other], COMFORTABLE_S)
        return Certainty(
            estimate.low,
            estimate.high,
            is_good_side_overactive(Amplitude(rms_uv[1], seconds), comfortable),
        )


def mean_interval(
    values: Sequence[float], single: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Return the 95 % interval of a mean over repetitions of symmetry, within 0 and 1.

    Parameters
    ----------
    values : sequence of float
    single : sequence of (float, float)
        Interval of each one alone: what counts where there is only one.
    """
    n = len(values)
    if n < 2:
        return single[0] if n else (math.nan, math.nan)
    # How much a person varies is in the repetitions; the error of measuring is in it as well, but
    # a few that happen to agree do not make it smaller.
    measured = fmean(((high - low) / (2 * _Z975)) ** 2 for low, high in single)
    varied = _T975[min(n - 1, len(_T975)) - 1] * math.sqrt(variance(values) / n)
    half = max(varied, _Z975 * math.sqrt(measured / n) if math.isfinite(measured) else 0.0)
    mean = fmean(values)
    return max(mean - half, 0.0), min(mean + half, 1.0)
