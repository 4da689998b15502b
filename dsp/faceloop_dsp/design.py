"""Butterworth filters as second-order sections, designed from the textbook formulas.

Ref: Oppenheim, Schafer, *Discrete-Time Signal Processing*, 3rd ed.: 7.2 (bilinear transformation
with prewarping), 7.3 and appendix B.1 (Butterworth prototype); Parks, Burrus, *Digital Filter
Design*, 7.2 (low-pass to band-pass transformation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Bandpass",
    "Lowpass",
    "butterworth_bandpass",
    "butterworth_lowpass",
    "sinc3_correction",
]


@dataclass(frozen=True, slots=True)
class Bandpass:
    """A band-pass as a gain and sections ``(1 - z^-2) / (1 + a1 z^-1 + a2 z^-2)``.

    Parameters
    ----------
    gain : float
        To be applied once, before or after the sections.
    a1, a2 : ndarray of float64, shape (order,)
        Denominators, poles nearest the origin first: large intermediate values come last.
    """

    gain: float
    a1: NDArray[np.float64]
    a2: NDArray[np.float64]

    def sos(self) -> NDArray[np.float64]:
        """Return the usual rows ``b0 b1 b2 1 a1 a2``, shape (order, 6), gain in the first row."""
        rows = np.zeros((self.a1.size, 6))
        rows[:, 0], rows[:, 2], rows[:, 3] = 1.0, -1.0, 1.0
        rows[:, 4], rows[:, 5] = self.a1, self.a2
        rows[0, :3] *= self.gain
        return rows


@dataclass(frozen=True, slots=True)
class Lowpass:
    """One low-pass section ``gain (1 + z^-1)^2 / (1 + a1 z^-1 + a2 z^-2)``."""

    gain: float
    a1: float
    a2: float

    def sos(self) -> NDArray[np.float64]:
        """Return the row ``b0 b1 b2 1 a1 a2``, shape (1, 6)."""
        g = self.gain
        return np.array([[g, 2 * g, g, 1.0, self.a1, self.a2]])


def butterworth_bandpass(order: int, low_hz: float, high_hz: float, fs_hz: float) -> Bandpass:
    """Design a digital Butterworth band-pass.

    Parameters
    ----------
    order : int
        Order of the low-pass prototype, at least 1; the band-pass has twice as many poles, which
        is what SciPy's ``butter(order, [low, high], "bandpass")`` means too.
    low_hz, high_hz : float
        Corners (-3 dB), ``0 < low_hz < high_hz < fs_hz / 2``.
    fs_hz : float
        Sampling rate.

    Raises
    ------
    ValueError
        If the order or a corner is out of range.
    """
    if order < 1:
        raise ValueError(f"a filter of order {order}, it must be at least 1")
    if not 0.0 < low_hz < high_hz < fs_hz / 2:
        raise ValueError(
            f"a band of {low_hz:g}-{high_hz:g} Hz does not lie between 0 and {fs_hz / 2:g} Hz"
        )
    # Corners are prewarped; the scale 2 fs of the bilinear transformation is taken as 1.
    low, high = np.tan(np.pi * low_hz / fs_hz), np.tan(np.pi * high_hz / fs_hz)
    width, centre_squared = high - low, low * high
    k = np.arange(order)
    prototype = np.exp(1j * np.pi * (2 * k + order + 1) / (2 * order))
    half = prototype * width / 2
    root = np.sqrt(half**2 - centre_squared)
    analog = np.concatenate([half + root, half - root])
    poles = (1 + analog) / (1 - analog)
    # order zeros at s = 0 become z = 1, order zeros at infinity become z = -1.
    gain = float(np.real(width**order / np.prod(1 - analog)))

    upper = poles[poles.imag > 1e-12]
    real = np.sort(poles[np.abs(poles.imag) <= 1e-12].real)
    a1 = np.concatenate([-2 * upper.real, -(real[0::2] + real[1::2])])
    a2 = np.concatenate([np.abs(upper) ** 2, real[0::2] * real[1::2]])
    ascending = np.argsort(a2)
    return Bandpass(gain, a1[ascending], a2[ascending])


def butterworth_lowpass(corner_hz: float, fs_hz: float) -> Lowpass:
    """Design a digital Butterworth low-pass of order 2.

    Parameters
    ----------
    corner_hz : float
        Corner (-3 dB), between 0 and ``fs_hz / 2``.
    fs_hz : float
        Sampling rate.

    Raises
    ------
    ValueError
        If the corner is out of range.
    """
    if not 0.0 < corner_hz < fs_hz / 2:
        raise ValueError(f"a corner of {corner_hz:g} Hz does not lie below {fs_hz / 2:g} Hz")
    w = float(np.tan(np.pi * corner_hz / fs_hz))
    norm = 1 + np.sqrt(2.0) * w + w * w
    return Lowpass(
        gain=float(w * w / norm),
        a1=float(2 * (w * w - 1) / norm),
        a2=float((1 - np.sqrt(2.0) * w + w * w) / norm),
    )


def sinc3_correction(top_hz: float, fs_hz: float) -> NDArray[np.float64]:
    """Design three taps that flatten what an ADS1298 does to its own band.

    Its decimation filter is a third-order sinc, ``|sin(N pi f / fm) / (N sin(pi f / fm))|^3``
    with ``fm = N fs`` (Texas Instruments, ADS129x data sheet SBAS459, digital decimation filter),
    which is ``sinc(f / fs)^3`` as N is 16 or more: 2.2 dB are missing at 450 Hz of 2 kHz. The
    taps have minimum phase, so nothing waits; what is left is below 0.05 dB.

    Parameters
    ----------
    top_hz : float
        Upper end of the band, below ``fs_hz / 2``.
    fs_hz : float
        Frames per second.

    Returns
    -------
    taps : ndarray of float64, shape (3,)
        Gain 1 at 0 Hz.
    """
    f = np.linspace(0.0, top_hz, 200)
    w = 2 * np.pi * f / fs_hz
    wanted = np.sinc(f / fs_hz) ** -6  # power
    # Power of three taps is r0 + 2 r1 cos w + 2 r2 cos 2w, and 1 at w = 0.
    basis = np.stack([2 * (np.cos(w) - 1), 2 * (np.cos(2 * w) - 1)], axis=1)
    weight = 1 / wanted  # relative errors
    r1, r2 = np.linalg.lstsq(basis * weight[:, None], (wanted - 1) * weight, rcond=None)[0]
    roots = np.roots([r2, r1, 1 - 2 * r1 - 2 * r2, r1, r2])
    taps = np.real(np.poly(roots[np.abs(roots) < 1]))
    return np.asarray(taps / taps.sum())
