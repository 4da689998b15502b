"""Recordings, measured by the same core that runs live."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from faceloop.session.analysis import Analysis
from faceloop.session.live import Side
from faceloop.session.montage import Montage, montage_named
from faceloop.tasks.account import rounded
from faceloop.tasks.progress import Progress, Silent
from faceloop.twin.sources import make_source
from faceloop_dsp import asymmetry_index, signed_asymmetry, symmetry_ratio

__all__ = ["analyse"]

FS_HZ = 2000.0
# Of the converter that recordings are brought to before the core sees them.
LSB_UV = 2.4 / 12 / (2**23 - 1) * 1e6
BLOCK_FRAMES = 2000


def analyse(
    files: list[Path],
    montage_name: str,
    affected_side: Side | None,
    *,
    rest_s: float = 5.0,
    mains_hz: float | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return ``{"files": [...]}``, one entry a file in the order given.

    Raises
    ------
    SourceError
        If a file cannot be read; the message names it.
    """
    progress = progress or Silent()
    montage = montage_named(montage_name)
    return {
        "files": [
            _analyse_file(path, montage, affected_side, rest_s, mains_hz, progress)
            for path in files
        ]
    }


def _analyse_file(
    path: Path,
    montage: Montage,
    affected_side: Side | None,
    rest_s: float,
    mains_hz: float | None,
    progress: Progress,
) -> dict[str, Any]:
    progress.step(f"Reading {path.name}")
    source = make_source({"kind": "recording", "path": str(path)})
    n_samples = source.n_samples or 0
    analysis = Analysis(
        montage, affected_side, fs_hz=FS_HZ, lsb_uv=LSB_UV, mains_hz=mains_hz, rest_s=rest_s
    )
    lead_off_p, lead_off_n = source.lead_off
    progress.step(f"Analysing {path.name}")
    onsets_s: list[list[float]] = [[] for _ in range(8)]
    alerts: list[dict[str, Any]] = []
    power_uv2 = np.zeros(8)
    n_used = np.zeros(8)
    at_frame = 0
    while (counts := source.read(BLOCK_FRAMES)).shape[0]:
        block = analysis.push(np.ascontiguousarray(counts), lead_off_p | lead_off_n, math.nan)
        used = ~np.isnan(block.trace_uv)
        power_uv2 += np.square(np.where(used, block.trace_uv, 0.0), dtype=np.float64).sum(axis=0)
        n_used += used.sum(axis=0)
        for onset in analysis.onsets:
            onsets_s[onset.channel].append(round(onset.frame / FS_HZ, 4))
        alerts.extend(
            {
                "t_s": round(event.frame / FS_HZ, 4),
                "pair": event.pair,
                "index": rounded(event.index, 3),
            }
            for event in block.events
            if event.kind == "synkinesis"
        )
        at_frame += counts.shape[0]
        progress.amount(at_frame / FS_HZ, n_samples / FS_HZ)
    with np.errstate(invalid="ignore", divide="ignore"):
        rms_uv = np.sqrt(power_uv2 / n_used)
    rest = analysis.rest
    return {
        "file": str(path),
        "fs_hz": FS_HZ,
        "duration_s": at_frame / FS_HZ,
        "calibrated": rest is not None,
        "warnings": list(source.warnings),
        "channels": [
            {
                "name": source.labels[channel],
                "muscle": montage.labels[channel],
                "onsets_s": onsets_s[channel],
                "rest_rms_uv": (
                    rounded(float(rest.rms_mean_uv[channel]), 3) if rest is not None else None
                ),
                "rms_uv": rounded(float(rms_uv[channel]), 3),
            }
            for channel in range(8)
            if not (lead_off_p | lead_off_n) >> channel & 1
        ],
        "pairs": [
            _pair(muscle.muscle, float(rms_uv[muscle.left]), float(rms_uv[muscle.right]))
            for muscle in montage.muscles
            if not (lead_off_p | lead_off_n) & (1 << muscle.left | 1 << muscle.right)
        ],
        "alerts": alerts,
    }


def _pair(muscle: str, left_uv: float, right_uv: float) -> dict[str, Any]:
    """Whole recording, left against right: ``signed_asymmetry`` is (a - b) / (a + b)."""
    return {
        "a": f"{muscle}_l",
        "b": f"{muscle}_r",
        "symmetry_ratio": rounded(float(symmetry_ratio(left_uv, right_uv)), 4),
        "asymmetry_index": rounded(float(asymmetry_index(left_uv, right_uv)), 4),
        "signed_asymmetry": rounded(float(signed_asymmetry(left_uv, right_uv)), 4),
    }
