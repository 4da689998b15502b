"""The classic onset rule, for comparison with other laboratories; ours is ``onset_review``.

Ref: Hodges, Bui 1996, Electroencephalogr Clin Neurophysiol 101:511.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["hodges_bui_onset"]


def hodges_bui_onset(
    linear_uv: ArrayLike, baseline_frames: int, n_sd: float = 3.0, window_frames: int = 100
) -> int | None:
    """Return the first frame from which the next window's mean exceeds baseline mean + k SD.

    Parameters
    ----------
    linear_uv : array_like, shape (n_frames,)
        Rectified EMG, low-passed at 10, 50 (usual) or 500 Hz.
    baseline_frames : int
        Length of the rest at its beginning, at least 2.
    n_sd : float
        1, 2 or 3 (usual).
    window_frames : int
        20, 50 (usual) or 100 ms; the default is 50 ms at 2 kHz.

    Returns
    -------
    int or None
        Frame behind the baseline; None if there is none.

    Raises
    ------
    ValueError
        If baseline and window do not fit into the signal.
    """
    x = np.asarray(linear_uv, np.float64)
    if x.ndim != 1 or baseline_frames < 2 or not 1 <= window_frames <= x.size - baseline_frames:
        raise ValueError(
            f"{x.shape} frames for a baseline of {baseline_frames} and a window of {window_frames}"
        )
    rest = x[:baseline_frames]
    limit = rest.mean() + n_sd * rest.std(ddof=1)
    total = np.concatenate([[0.0], np.cumsum(x[baseline_frames:])])
    means = (total[window_frames:] - total[:-window_frames]) / window_frames
    over = np.flatnonzero(means > limit)
    return baseline_frames + int(over[0]) if over.size else None
