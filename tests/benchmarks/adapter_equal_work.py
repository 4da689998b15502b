"""The notch cascade behind the interface of ``dsp_peers``: same work as the SciPy chain.

13 sections (band-pass and nine notches), moving RMS, envelope, Teager-Kaiser energy, double
threshold, share of the reference, asymmetry and index, each for every frame. Results are
overwritten by the next call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp.cascade import NotchCascade
from faceloop_dsp.kernel import BUILD

NAME = f"faceloop, equal work ({BUILD})"
Process = Callable[[NDArray[np.int32]], dict[str, NDArray[Any]]]


def make_stream(
    fs: float,
    nch: int,
    mains_hz: float,
    lsb_uv: float,
    mvc_uv: float,
    hi_uv: float,
    lo_uv: float,
    target: int,
) -> Process:
    """Return a function of a block, int32 (n, nch), that keeps its state between calls."""
    return NotchCascade(fs, nch, lsb_uv, mains_hz, mvc_uv, hi_uv, lo_uv, target).push


def make_offline(
    fs: float,
    nch: int,
    mains_hz: float,
    lsb_uv: float,
    mvc_uv: float,
    hi_uv: float,
    lo_uv: float,
    target: int,
) -> Process:
    """Return a function of a whole recording, int32 (n, nch)."""

    def process(counts: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        return NotchCascade(fs, nch, lsb_uv, mains_hz, mvc_uv, hi_uv, lo_uv, target).push(counts)

    return process
