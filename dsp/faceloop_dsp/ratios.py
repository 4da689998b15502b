"""Ratios between the two sides of a face and between two muscles, as fractions.

Inputs are amplitudes (RMS or envelope) of one task in any common unit: numbers or arrays that
broadcast. An amplitude that is negative or NaN, and a ratio of nothing to nothing, give NaN.
"Laterality index" has two meanings in the literature, so the bare name does not exist here.

How sure a ratio is, and what it is compared with: ``uncertainty`` and ``references``.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "asymmetry_index",
    "coactivation_ratio",
    "excess_coactivation",
    "laterality_index_hb",
    "relative_change",
    "signed_asymmetry",
    "symmetry_ratio",
]

_Floats = NDArray[np.float64]


@overload
def symmetry_ratio(left: float, right: float) -> float: ...
@overload
def symmetry_ratio(left: ArrayLike, right: ArrayLike) -> _Floats: ...
def symmetry_ratio(left: ArrayLike, right: ArrayLike) -> float | _Floats:
    """Return the weaker over the stronger side, ``min(L, R) / max(L, R)``, 0 to 1.

    Ref: Kim et al. 2018, 10.1155/2018/4069530: healthy frontalis 0.817 +- 0.146, zygomaticus
    0.737 +- 0.191, orbicularis oris 0.797 +- 0.148.

    Parameters
    ----------
    left, right : array_like
        Amplitudes of the two sides in one task, in any common unit.

    Returns
    -------
    float or ndarray of float64, broadcast shape
        1 is equal; NaN where both are 0.
    """
    a, b = _amplitudes(left, right)
    return _divide(np.minimum(a, b), np.maximum(a, b))


@overload
def asymmetry_index(left: float, right: float) -> float: ...
@overload
def asymmetry_index(left: ArrayLike, right: ArrayLike) -> _Floats: ...
def asymmetry_index(left: ArrayLike, right: ArrayLike) -> float | _Floats:
    """Return ``|L - R| / (L + R)``, 0 (equal) to 1.

    Ref: Kim et al. 2018: healthy frontalis 0.109 +- 0.101, zygomaticus 0.167 +- 0.148,
    orbicularis oris 0.121 +- 0.101. With ``r = symmetry_ratio`` it is ``(1 - r) / (1 + r)``.

    Parameters
    ----------
    left, right : array_like
        Amplitudes of the two sides in one task, in any common unit.

    Returns
    -------
    float or ndarray of float64, broadcast shape
        0 is equal; NaN where both are 0.
    """
    a, b = _amplitudes(left, right)
    return _divide(np.abs(a - b), a + b)


@overload
def signed_asymmetry(affected: float, unaffected: float) -> float: ...
@overload
def signed_asymmetry(affected: ArrayLike, unaffected: ArrayLike) -> _Floats: ...
def signed_asymmetry(affected: ArrayLike, unaffected: ArrayLike) -> float | _Floats:
    """Return ``(A - U) / (A + U)``, -1 to 1.

    Negative: the affected side is weak. Positive: it is over-active (tone, synkinesis). While the
    affected side is not known, call it with left and right and say so.

    Parameters
    ----------
    affected, unaffected : array_like
        Amplitudes of the two sides in one task, in any common unit.

    Returns
    -------
    float or ndarray of float64, broadcast shape
        0 is equal; NaN where both are 0.
    """
    a, u = _amplitudes(affected, unaffected)
    return _divide(a - u, a + u)


@overload
def laterality_index_hb(unaffected: float, affected: float) -> float: ...
@overload
def laterality_index_hb(unaffected: ArrayLike, affected: ArrayLike) -> _Floats: ...
def laterality_index_hb(unaffected: ArrayLike, affected: ArrayLike) -> float | _Floats:
    """Return ``U / A``, healthy over affected side; 1 is symmetric, infinite without any A.

    Ref: Machetanz et al. 2022, 10.3389/fnins.2022.666173 (correlates with House-Brackmann).

    Parameters
    ----------
    unaffected, affected : array_like
        Amplitudes of the two sides in one task, in any common unit.

    Returns
    -------
    float or ndarray of float64, broadcast shape
        1 is equal; NaN where both are 0.
    """
    u, a = _amplitudes(unaffected, affected)
    return _divide(u, a)


@overload
def coactivation_ratio(
    non_target: float, target: float, non_target_reference: float = 1.0,
    target_reference: float = 1.0,
) -> float: ...  # fmt: skip
@overload
def coactivation_ratio(
    non_target: ArrayLike, target: ArrayLike, non_target_reference: ArrayLike = 1.0,
    target_reference: ArrayLike = 1.0,
) -> _Floats: ...  # fmt: skip
def coactivation_ratio(
    non_target: ArrayLike,
    target: ArrayLike,
    non_target_reference: ArrayLike = 1.0,
    target_reference: ArrayLike = 1.0,
) -> float | _Floats:
    """Return how much a muscle joins in: its share of reference over that of the target muscle.

    Parameters
    ----------
    non_target, target : array_like
        Amplitudes on one side during the task.
    non_target_reference, target_reference : array_like
        Each muscle's own reference amplitude (comfortable movement); 1 for amplitudes that are
        already shares of it.

    Returns
    -------
    float or ndarray of float64, broadcast shape
        0 while only the target moves; infinite without any target.
    """
    n, nr = _amplitudes(non_target, non_target_reference)
    t, tr = _amplitudes(target, target_reference)
    return _divide(n * tr, t * nr)


@overload
def excess_coactivation(affected: float, unaffected: float) -> float: ...
@overload
def excess_coactivation(affected: ArrayLike, unaffected: ArrayLike) -> _Floats: ...
def excess_coactivation(affected: ArrayLike, unaffected: ArrayLike) -> float | _Floats:
    """Return the co-activation ratio of the affected side minus that of the other.

    Every movement activates neighbours a little, in health too; the difference leaves what is
    more than that. It reads low where the unaffected side joins in as well, which is common in
    synkinesis (Funk et al. 2026, 10.1038/s41598-026-36015-1): look at both ratios.

    Parameters
    ----------
    affected, unaffected : array_like
        ``coactivation_ratio`` of each side.

    Returns
    -------
    float or ndarray of float64, broadcast shape
        0 when both sides join in alike.
    """
    a, u = _amplitudes(affected, unaffected)
    with np.errstate(invalid="ignore"):
        return np.asarray(a - u)[()]


@overload
def relative_change(before: float, after: float) -> float: ...
@overload
def relative_change(before: ArrayLike, after: ArrayLike) -> _Floats: ...
def relative_change(before: ArrayLike, after: ArrayLike) -> float | _Floats:
    """Return ``(after - before) / before``: -0.18 is 18 % less than before.

    Parameters
    ----------
    before, after : array_like
        Amplitudes, or ratios, at the two times.

    Returns
    -------
    float or ndarray of float64, broadcast shape
        NaN where both are 0, infinite where only ``before`` is.
    """
    b, a = _amplitudes(before, after)
    return _divide(a - b, b)


def _amplitudes(first: ArrayLike, second: ArrayLike) -> tuple[_Floats, _Floats]:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return np.where(a >= 0.0, a, np.nan), np.where(b >= 0.0, b, np.nan)


def _divide(numerator: _Floats, denominator: _Floats) -> _Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(numerator / denominator)[()]
