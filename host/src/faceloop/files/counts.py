"""Counts of our converter: what every file is brought to before the signal core sees it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceloop.files.track import FloatArray
from faceloop_protocol import limits

__all__ = [
    "COUNTS_MAX",
    "COUNTS_MIN",
    "FS_HZ",
    "LSB_UV",
    "N_CHANNELS",
    "CountArray",
    "counts_from_uv",
]

CountArray = npt.NDArray[np.int32]

FS_HZ = float(limits.FS_HZ)
N_CHANNELS: int = limits.N_CHANNELS
COUNTS_MAX = 2**23 - 1
COUNTS_MIN = -(2**23)
LSB_UV = 2.4e6 / 12 / COUNTS_MAX
"""Microvolts per count: ADS1298 with its 2.4 V reference at gain 12."""


def counts_from_uv(uv: FloatArray) -> CountArray:
    """Return microvolts as 24-bit counts, rounded half to even and clipped, in int32."""
    counts = np.rint(uv / LSB_UV)
    return np.clip(counts, COUNTS_MIN, COUNTS_MAX).astype(np.int32)
