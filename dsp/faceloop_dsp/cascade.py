"""The usual chain at the full rate: band-pass, notches, moving RMS, thresholds, ratios.

For comparison and interchange with other software. The stream uses ``StreamCore``: a notch of
constant Q at each harmonic takes 15-22 % of the EMG with the line and fails when the line drifts.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceloop_dsp.design import butterworth_bandpass
from faceloop_dsp.kernel import CascadeKernel

__all__ = ["NotchCascade"]

BAND_HZ = (20.0, 450.0)
NOTCH_Q = 30.0
MAX_NOTCHES = 9
RMS_S, ENERGY_S, HOLD_S = 0.1, 0.05, 0.02
ENVELOPE_HZ = 6.0
INDEX_LIMIT = 1.62  # the lower of the two published cut-offs, see synkinesis


class NotchCascade:
    """Butterworth 4 and notches (Q = 30), then features of every frame; state kept in between.

    It starts from rest (zeros), as SciPy's ``sosfilt`` does.

    Parameters
    ----------
    fs_hz : float
        Frames per second, 1000-16000.
    n_channels : int
        1-8.
    lsb_uv : float
        Microvolts per count.
    mains_hz : float
        Line frequency; its first nine harmonics that lie in the band are taken out.
    reference_uv, on_uv, off_uv : float or array_like, shape (n_channels,)
        RMS that counts as 1 (for example the maximum), and the double threshold, held for 20 ms.
    target : int
        Channel that the others are compared with.
    precision : "float32" or "float64"
    """

    def __init__(
        self,
        fs_hz: float,
        n_channels: int,
        lsb_uv: float,
        mains_hz: float,
        reference_uv: ArrayLike,
        on_uv: ArrayLike,
        off_uv: ArrayLike,
        target: int = 0,
        *,
        precision: Literal["float32", "float64"] = "float32",
    ) -> None:
        if not 1000.0 <= fs_hz <= 16000.0:
            raise ValueError(f"{fs_hz:g} frames per second, allowed are 1000-16000")

        def each(value: ArrayLike) -> list[float]:
            return [float(x) for x in np.broadcast_to(np.asarray(value, float), (n_channels,))]

        band = butterworth_bandpass(4, *BAND_HZ, fs_hz)
        gain, notches = _notches(fs_hz, mains_hz)
        self._kernel = CascadeKernel(
            {
                "n_channels": n_channels,
                "window": round(RMS_S * fs_hz),
                "energy_window": round(ENERGY_S * fs_hz),
                "hold": round(HOLD_S * fs_hz),
                "target": target,
                "scale": lsb_uv * band.gain * gain,
                "a1": band.a1.tolist(),
                "a2": band.a2.tolist(),
                "notches": notches,
                "envelope_g": float(np.tan(np.pi * ENVELOPE_HZ / fs_hz)),
                "index_limit": INDEX_LIMIT,
                "per_reference": [1.0 / x for x in each(reference_uv)],
                "on_uv": each(on_uv),
                "off_uv": each(off_uv),
            },
            precision == "float64",
        )
        self.push = self._kernel.push
        """Process counts, int32 (n_frames, n_channels); return the features of every frame.

        Entries ``rms``, ``env`` (uV), ``tkeo`` (uV^2), ``share`` (of the reference),
        ``asymmetry`` (against the neighbour, (a - b) / (a + b)) and ``index`` (against the target)
        of shape (n_frames, n_channels), ``on`` and ``alert`` bit masks of shape (n_frames,). The
        arrays are overwritten by the next call.
        """

    def offline(self, counts: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        """Process a whole recording like ``push``."""
        return self.push(counts)


def _notches(fs_hz: float, mains_hz: float) -> tuple[float, list[tuple[float, float, float]]]:
    """Return the gain of all notches and ``(b1, a1, a2)`` of each with ``b0 = b2 = 1``.

    Ref: Orfanidis, *Introduction to Signal Processing*, 11.3: a second-order notch whose
    bandwidth (-3 dB) is the centre frequency over Q.
    """
    gain, rows = 1.0, []
    for k in range(1, MAX_NOTCHES + 1):
        w = 2 * np.pi * k * mains_hz / fs_hz
        if k * mains_hz > BAND_HZ[1] + mains_hz or w >= np.pi:
            break
        g = 1 / (1 + np.tan(w / NOTCH_Q / 2))
        gain *= g
        rows.append((-2 * float(np.cos(w)), -2 * float(g * np.cos(w)), float(2 * g - 1)))
    return float(gain), rows
