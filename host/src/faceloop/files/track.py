"""One channel of a file, as it is stored there."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["FloatArray", "Track"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Track:
    """One channel of a recording as stored.

    Parameters
    ----------
    label, dimension : str
        As in the file; the physical dimension may be empty.
    fs_hz : float
        Sampling rate; 0 when unknown.
    samples : ndarray of float64, shape (n_samples,)
        Values in ``dimension``.
    """

    label: str
    dimension: str
    fs_hz: float
    samples: FloatArray = field(repr=False)
