"""How sure an amplitude, and a ratio of two, is: from the number of independent samples behind it.

EMG is noise whose power is the message, so an RMS over a short time is a draw, not a constant.
For Gaussian noise of one-sided spectrum ``G`` over a time ``T`` the mean square has the relative
standard deviation ``1 / sqrt(B T)`` and the RMS half of it, with the statistical bandwidth
``B = (integral G df)^2 / integral G^2 df``.
Ref: Bendat, Piersol, *Random Data*, 4th ed. 2010, 8.3 (mean square) and 8.5.1 (bandwidth).

Ratios: ``l = ln(A / U)`` has the variance ``(e_A^2 + e_U^2)``, ``e`` being the relative standard
deviation of each RMS, as long as the two are independent (two muscles are, however alike their
envelopes). Every ratio is a monotonous function of ``l``; its standard deviation is that of
``l`` times the slope (delta method; Oehlert 1992, 10.1080/00031305.1992.10475842), its 95 %
interval the image of ``l +- 1.96 sd``.

This is the error of measuring one hold. Over a longer stretch muscles change their strength, and
not both alike: there ``log_ratio_sd`` takes the spread of ``l`` from second to second (jackknife;
Efron, Stein 1981, 10.1214/aos/1176345462), and the estimates take that where it is the larger.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceloop_dsp.ratios import (
    asymmetry_index,
    coactivation_ratio,
    excess_coactivation,
    laterality_index_hb,
    signed_asymmetry,
    symmetry_ratio,
)

__all__ = [
    "Amplitude",
    "Estimate",
    "asymmetry_estimate",
    "coactivation_estimate",
    "emg_bandwidth_hz",
    "excess_coactivation_estimate",
    "laterality_estimate_hb",
    "log_ratio_sd",
    "signed_asymmetry_estimate",
    "statistical_bandwidth_hz",
    "symmetry_estimate",
]

_Z95 = 1.959964
EMG_BANDWIDTH_HZ = 160.0
"""Statistical bandwidth behind 20-450 Hz of a facial muscle: Shwedyk spectra with the corners of
eight facial muscles give 160 to 224 (``emg_bandwidth_hz``); the least of them is assumed."""


class Amplitude(NamedTuple):
    """An RMS and the time it was taken over.

    Parameters
    ----------
    rms_uv : float
    seconds : float
        Usable time behind it: gaps and muted stretches left out; overlapping windows count once.
    bandwidth_hz : float
        Statistical bandwidth of the signal.
    """

    rms_uv: float
    seconds: float
    bandwidth_hz: float = EMG_BANDWIDTH_HZ

    @property
    def n_independent(self) -> float:
        """Number of independent samples, ``2 B T``."""
        return 2.0 * self.bandwidth_hz * self.seconds

    @property
    def relative_sd(self) -> float:
        """Standard deviation of the RMS over the RMS; infinite for no time at all."""
        n = self.n_independent
        return float(1.0 / np.sqrt(2.0 * n)) if n > 0.0 else float("inf")


class Estimate(NamedTuple):
    """A value with its standard deviation and its 95 % interval; NaN where unknown."""

    value: float
    sd: float
    low: float
    high: float


def statistical_bandwidth_hz(trace_uv: ArrayLike, fs_hz: float) -> float:
    """Return ``(integral G df)^2 / integral G^2 df`` of a signal.

    Parameters
    ----------
    trace_uv : array_like, shape (n_frames,)
        Band-passed EMG of steady strength, half a second or more; NaN counts as 0.
    fs_hz : float
        Sampling rate.

    Returns
    -------
    float
        Hertz; NaN for a signal of zeros.

    Raises
    ------
    ValueError
        If it is shorter than 0.5 s.

    Notes
    -----
    From the autocorrelation ``r``: ``B = fs / (2 sum r^2)`` over lags up to 50 ms, behind which
    EMG is not correlated. The squares of the sampling noise, ``1/n`` each, are subtracted.
    """
    x = np.nan_to_num(np.asarray(trace_uv, np.float64))
    if x.ndim != 1 or x.size < 0.5 * fs_hz:
        raise ValueError(f"a signal of shape {x.shape}, at least 0.5 s of one channel are needed")
    n = x.size
    spectrum = np.fft.rfft(x, 2 * n)
    r = np.fft.irfft(np.abs(spectrum) ** 2, 2 * n)[: round(0.05 * fs_hz) + 1]
    if not r[0] > 0.0:
        return float("nan")
    r = r / r[0]
    squares = r[1:] ** 2
    total = 1.0 + 2.0 * squares.sum()
    # Bartlett: a sample correlation of unrelated values has the variance sum(r^2) / n.
    total -= 2.0 * squares.size * total / n
    return float(fs_hz / (2.0 * max(total, 1.0)))


def emg_bandwidth_hz(f_low_hz: float, f_high_hz: float) -> float:
    """Return the statistical bandwidth behind 20-450 Hz of a Shwedyk spectrum.

    Ref: Shwedyk, Balasubramanian, Scott 1977, IEEE TBME 24:417.
    """
    f = np.arange(1.0, 1000.0, 0.5)
    emg = f_high_hz**4 * f**2 / ((f**2 + f_low_hz**2) * (f**2 + f_high_hz**2) ** 2)
    u = (f - 20.0 * 450.0 / f) / (450.0 - 20.0)
    g = emg / (1.0 + u**8)
    return float(0.5 * g.sum() ** 2 / (g**2).sum())


def log_ratio_sd(first_power: ArrayLike, second_power: ArrayLike) -> float:
    """Return the standard deviation of ``ln(A / U)``, A and U the RMS over several blocks.

    Parameters
    ----------
    first_power, second_power : array_like, shape (n_blocks,)
        Mean square of each block of equal length, a second or so, of the two channels.

    Returns
    -------
    float
        NaN with fewer than three blocks, or where a channel is silent.
    """
    first, second = np.asarray(first_power, np.float64), np.asarray(second_power, np.float64)
    n = first.size
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"blocks of shapes {first.shape} and {second.shape}, not two alike")
    rest = [x.sum() - x for x in (first, second)]  # without one of the blocks
    if n < 3 or not np.all(np.array(rest) > 0.0):
        return float("nan")
    ell = 0.5 * (np.log(rest[0]) - np.log(rest[1]))
    return float(np.sqrt((n - 1) / n * np.sum((ell - ell.mean()) ** 2)))


def symmetry_estimate(left: Amplitude, right: Amplitude, *, log_sd: float = 0.0) -> Estimate:
    """Return ``symmetry_ratio`` with its uncertainty.

    ``log_sd``, here and below, is the standard deviation of the ratio's logarithm as far as it is
    known from elsewhere (``log_ratio_sd``): the larger of the two counts.
    Where either side may be the stronger, the interval ends at 1 and the value is biased low by
    about 0.8 of the standard deviation.
    """
    ell, sd = _log_ratio(left, right, log_sd)
    value = float(symmetry_ratio(left.rms_uv, right.rms_uv))
    near, far = _folded(ell, sd)
    return Estimate(value, value * sd, float(np.exp(-far)), float(np.exp(-near)))


def asymmetry_estimate(left: Amplitude, right: Amplitude, *, log_sd: float = 0.0) -> Estimate:
    """Return ``asymmetry_index`` with its uncertainty; the interval begins at 0 when that fits."""
    ell, sd = _log_ratio(left, right, log_sd)
    value = float(asymmetry_index(left.rms_uv, right.rms_uv))
    near, far = _folded(ell, sd)
    slope = 0.5 * (1.0 - value * value)
    return Estimate(value, slope * sd, float(np.tanh(near / 2)), float(np.tanh(far / 2)))


def signed_asymmetry_estimate(
    affected: Amplitude, unaffected: Amplitude, *, log_sd: float = 0.0
) -> Estimate:
    """Return ``signed_asymmetry`` with its uncertainty."""
    ell, sd = _log_ratio(affected, unaffected, log_sd)
    value = float(signed_asymmetry(affected.rms_uv, unaffected.rms_uv))
    low, high = np.tanh((ell + np.array([-_Z95, _Z95]) * sd) / 2).tolist()
    return Estimate(value, 0.5 * (1.0 - value * value) * sd, low, high)


def laterality_estimate_hb(
    unaffected: Amplitude, affected: Amplitude, *, log_sd: float = 0.0
) -> Estimate:
    """Return ``laterality_index_hb`` with its uncertainty."""
    _, sd = _log_ratio(unaffected, affected, log_sd)
    return _scaled(float(laterality_index_hb(unaffected.rms_uv, affected.rms_uv)), sd)


def coactivation_estimate(
    non_target: Amplitude,
    target: Amplitude,
    non_target_reference: Amplitude | None = None,
    target_reference: Amplitude | None = None,
) -> Estimate:
    """Return ``coactivation_ratio`` with its uncertainty, that of the references included.

    Without references the amplitudes are taken as shares of them, known exactly.
    """
    exact = Amplitude(1.0, float("inf"))
    parts = [non_target, target, non_target_reference or exact, target_reference or exact]
    value = float(coactivation_ratio(*(part.rms_uv for part in parts)))
    return _scaled(value, float(np.sqrt(sum(part.relative_sd**2 for part in parts))))


def excess_coactivation_estimate(affected: Estimate, unaffected: Estimate) -> Estimate:
    """Return ``excess_coactivation`` of two co-activation estimates with its uncertainty.

    A difference of two independent log-normal values: the half intervals are added in squares
    (Zou, Donner 2008, 10.1002/sim.3095).
    """
    value = float(excess_coactivation(affected.value, unaffected.value))
    below = np.hypot(affected.value - affected.low, unaffected.high - unaffected.value)
    above = np.hypot(affected.high - affected.value, unaffected.value - unaffected.low)
    sd = float(np.hypot(affected.sd, unaffected.sd))
    return Estimate(value, sd, float(value - below), float(value + above))


def _log_ratio(first: Amplitude, second: Amplitude, log_sd: float) -> tuple[float, float]:
    ratio = np.asarray(laterality_index_hb(first.rms_uv, second.rms_uv))
    with np.errstate(divide="ignore"):
        ell = float(np.log(ratio))
    return ell, float(np.fmax(np.hypot(first.relative_sd, second.relative_sd), log_sd))


def _folded(ell: float, sd: float) -> tuple[float, float]:
    """Return the least and the largest ``|l|`` of the interval."""
    ends: NDArray[np.float64] = np.abs(ell + np.array([-_Z95, _Z95]) * sd)
    near = 0.0 if abs(ell) < _Z95 * sd else float(ends.min())
    return (near, float(ends.max())) if not np.isnan(ell) else (ell, ell)


def _scaled(value: float, sd: float) -> Estimate:
    """Return an estimate whose logarithm has the standard deviation ``sd``."""
    return Estimate(
        value, value * sd, float(value * np.exp(-_Z95 * sd)), float(value * np.exp(_Z95 * sd))
    )
