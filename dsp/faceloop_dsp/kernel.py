"""Choice of the compiled kernel: the fastest build that this processor runs.

``FACELOOP_DSP_BUILD`` set to ``portable`` or ``v3`` overrides it, for tests and measurements.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import TypedDict

from faceloop_dsp import _stream

__all__ = ["BUILD", "CascadeKernel", "CascadeSetup", "Setup", "StreamKernel"]


class Setup(TypedDict):
    """What ``StreamKernel`` is made from; its text explains the entries."""

    fs_hz: float
    n_channels: int
    hop: int
    group: int
    mains_hz: float
    scale_measure: float
    scale_quick: float
    a1: Sequence[float]
    a2: Sequence[float]
    energy: tuple[float, float, float]
    envelope_g: float
    droop: Sequence[float] | None


class CascadeSetup(TypedDict):
    """What ``CascadeKernel`` is made from; ``cascade.NotchCascade`` explains the entries."""

    n_channels: int
    window: int
    energy_window: int
    hold: int
    target: int
    scale: float
    a1: Sequence[float]
    a2: Sequence[float]
    notches: Sequence[tuple[float, float, float]]
    envelope_g: float
    index_limit: float
    per_reference: Sequence[float]
    on_uv: Sequence[float]
    off_uv: Sequence[float]


def _choose() -> tuple[str, type[_stream.StreamKernel], type[_stream.CascadeKernel]]:
    wanted = os.environ.get("FACELOOP_DSP_BUILD", "")
    if wanted not in ("", "portable", "v3"):
        raise ImportError(f"FACELOOP_DSP_BUILD is {wanted!r}, allowed are portable and v3")
    if not hasattr(_stream.StreamKernel, "copies"):  # the newest that is asked of it
        raise ImportError(
            "The compiled signal core is older than its source. Build it again:"
            " python3 tools/run.py -- --version"
        )
    if wanted == "v3" or (not wanted and _stream.cpu_has_v3()):
        try:
            module = importlib.import_module("faceloop_dsp._stream_v3")
        except ImportError:
            # Built only where the compiler knows x86-64-v3.
            if wanted:
                raise
        else:
            return "v3", module.StreamKernel, module.CascadeKernel
    return "portable", _stream.StreamKernel, _stream.CascadeKernel


BUILD, StreamKernel, CascadeKernel = _choose()
