"""One amplitude against three references: own rest, own comfortable movement, the other side.

A side-to-side ratio alone misleads in two ways: a good side that works too hard makes the weak
one look weaker, and a side that starts from raised tone looks strong without having moved. So
each side is also shown against itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from faceloop_dsp.uncertainty import Amplitude, Estimate

__all__ = ["OVERACTIVE_ABOVE", "Comparison", "compare", "is_good_side_overactive"]

OVERACTIVE_ABOVE = 1.5
"""Times its own comfortable movement. Design choice, no clinical validation: repetitions of one
comfortable movement differ by 10-20 %, exercises ask for a third of it, and healthy sides differ
from each other by a factor of 1.9 and more at mean + 2 SD (Kim et al. 2018)."""
_UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"), float("nan"))


class Comparison(NamedTuple):
    """An amplitude as multiples of its references, each with its uncertainty; NaN where unknown.

    Parameters
    ----------
    over_rest : Estimate
        Over the same channel's rest; 1 is at rest.
    of_comfortable : Estimate
        Share of the same channel's comfortable movement (2-3 of 10); 1 is as much.
    of_other_side : Estimate
        Over the other side in the same task; 1 is symmetric.
    """

    over_rest: Estimate
    of_comfortable: Estimate
    of_other_side: Estimate


def compare(
    amplitude: Amplitude,
    rest: Amplitude | None = None,
    comfortable: Amplitude | None = None,
    other_side: Amplitude | None = None,
) -> Comparison:
    """Return an amplitude against the references that are known."""
    return Comparison(*(_ratio(amplitude, ref) for ref in (rest, comfortable, other_side)))


def is_good_side_overactive(
    unaffected: Amplitude, comfortable: Amplitude, limit: float = OVERACTIVE_ABOVE
) -> bool:
    """Tell whether the unaffected side surely works harder than its own comfortable movement.

    Then a ratio of the sides says more about the good side than about the weak one, and the
    exercise is too big.

    Parameters
    ----------
    unaffected, comfortable : Amplitude
        Of one muscle: in the task, and in the comfortable reference movement.
    limit : float
        Multiple of the reference; the lower end of the 95 % interval must exceed it.

    Raises
    ------
    ValueError
        If the limit is not above 1.
    """
    if not limit > 1.0:
        raise ValueError(f"a limit of {limit:g} times the reference, it must be above 1")
    return _ratio(unaffected, comfortable).low > limit


def _ratio(amplitude: Amplitude, reference: Amplitude | None) -> Estimate:
    if reference is None or not (amplitude.rms_uv >= 0.0 and reference.rms_uv > 0.0):
        return _UNKNOWN
    value = amplitude.rms_uv / reference.rms_uv
    sd = float(np.hypot(amplitude.relative_sd, reference.relative_sd))
    spread = float(np.exp(1.959964 * sd)) if np.isfinite(sd) else float("inf")
    return Estimate(value, value * sd, value / spread, value * spread)
