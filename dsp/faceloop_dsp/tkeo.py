"""Teager-Kaiser energy operator."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["tkeo"]


def tkeo(signal: ArrayLike) -> NDArray[np.float64]:
    """Return ``x[n]^2 - x[n-1] x[n+1]`` along the first axis.

    It weighs amplitude and frequency alike (``A^2 sin^2(w)`` for ``A cos(w n + p)``), so white
    noise above the band of the EMG dominates it: filter to 30-250 Hz first.

    Parameters
    ----------
    signal : array_like, shape (n_frames, ...)
        At least three frames.

    Returns
    -------
    energy : ndarray of float64, shape (n_frames - 2, ...)
        Row ``k`` belongs to frame ``k + 1``.

    Raises
    ------
    ValueError
        If there are fewer than three frames.
    """
    x = np.asarray(signal, np.float64)
    if x.ndim == 0 or x.shape[0] < 3:
        raise ValueError(f"a signal of shape {x.shape}, at least 3 frames are needed")
    return np.asarray(x[1:-1] ** 2 - x[:-2] * x[2:])
