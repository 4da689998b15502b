"""The product's chain behind the interface of ``dsp_peers``.

Band-pass, alert path, mains canceller on both with its frequency tracker, RMS, envelope,
Teager-Kaiser energy and extremes every 10 ms, whitened onset detector on every frame. A call
returns the number of hops that ended; their features are in the kernel's ``hops``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp import RestReference, StreamCore
from faceloop_dsp.core import ENVELOPE, RMS
from faceloop_dsp.kernel import BUILD

NAME = f"faceloop, product ({BUILD})"
# Of a real rest with a converter noise of about 1 uV: what the detector needs to run at all.
WHITENING = (-0.9, 0.3, -0.1, 0.05)
THRESHOLD = 40.0


def core(fs: float, nch: int, mains_hz: float, lsb_uv: float, lo_uv: float) -> StreamCore:
    """Return a core with its alert path switched on."""
    made = StreamCore(fs, nch, lsb_uv, mains_hz, trace=False)
    each = np.full(nch, lo_uv / 3.0)
    made.set_rest(
        RestReference(
            60.0, each, each / 10, np.tile(WHITENING, (nch, 1)), each, np.full(nch, THRESHOLD)
        )
    )
    return made


def make_stream(
    fs: float,
    nch: int,
    mains_hz: float,
    lsb_uv: float,
    mvc_uv: float,
    hi_uv: float,
    lo_uv: float,
    target: int,
) -> Callable[[NDArray[np.int32]], int]:
    """Return a function of a block, int32 (n, nch), that keeps its state between calls."""
    return core(fs, nch, mains_hz, lsb_uv, lo_uv).kernel.push


def make_offline(
    fs: float,
    nch: int,
    mains_hz: float,
    lsb_uv: float,
    mvc_uv: float,
    hi_uv: float,
    lo_uv: float,
    target: int,
) -> Callable[[NDArray[np.int32]], dict[str, NDArray[Any]]]:
    """Return a function of a whole recording, int32 (n, nch); features every 10 ms."""

    def process(counts: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        kernel = core(fs, nch, mains_hz, lsb_uv, lo_uv).kernel
        n_hops = kernel.push(counts)
        hops = kernel.hops[:n_hops]
        return {"rms": hops[:, RMS, :nch], "env": hops[:, ENVELOPE, :nch]}

    return process
