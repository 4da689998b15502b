"""Recordings, measured by the same core that runs live."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop.session.live import LiveEvent, Side
from faceloop.session.montage import Montage, montage_named
from faceloop.session.recorded_signal import RecordedSignal
from faceloop.session.recording_reader import open_recording
from faceloop.session.settings import Settings
from faceloop.tasks.account import alert_account, rounded
from faceloop.tasks.progress import Progress, Silent
from faceloop_dsp import RestReference, asymmetry_index, signed_asymmetry, symmetry_ratio

__all__ = ["analyse"]


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

    Parameters
    ----------
    files : list of Path
        Recordings, journals, session folders.
    montage_name : str
    affected_side : str or None
    rest_s : float
        Seconds of rest to learn from at the start.
    mains_hz : float or None
        None finds out.
    progress : Progress, optional

    Raises
    ------
    SourceError, StorageError
        If a file cannot be read; the message names it.
    """
    settings = Settings(montage_named(montage_name).name, affected_side, rest_s, mains_hz)
    return {"files": [_analyse_file(path, settings, progress or Silent()) for path in files]}


@dataclass(slots=True)
class _Findings:
    """What one pass over a recording found."""

    rest: RestReference | None
    rms_uv: NDArray[np.float64]
    measured: NDArray[np.bool_]
    onset_frames: list[list[int]] = field(default_factory=lambda: [[] for _ in range(8)])
    alerts: list[LiveEvent] = field(default_factory=list)


def _analyse_file(path: Path, settings: Settings, progress: Progress) -> dict[str, Any]:
    progress.step(f"Reading {path.name}")
    recorded = open_recording(path)
    progress.step(f"Analysing {path.name}")
    found = _pass_over(recorded, settings, progress)
    montage = montage_named(settings.montage)
    rest = found.rest
    fs_hz = recorded.fs_hz
    return {
        "file": str(path),
        "fs_hz": fs_hz,
        "duration_s": recorded.n_frames / fs_hz,
        "gaps": [list(gap) for gap in recorded.missing],
        "calibrated": rest is not None,
        "warnings": list(recorded.warnings),
        "channels": [
            {
                "name": recorded.labels[channel],
                "muscle": montage.labels[channel],
                "onsets_s": [round(at / fs_hz, 4) for at in found.onset_frames[channel]],
                "rest_rms_uv": (
                    rounded(float(rest.rms_mean_uv[channel]), 3) if rest is not None else None
                ),
                "rms_uv": rounded(float(found.rms_uv[channel]), 3),
            }
            for channel in np.flatnonzero(found.measured).tolist()
        ],
        "pairs": [
            _pair(muscle.muscle, found.rms_uv[muscle.left], found.rms_uv[muscle.right])
            for muscle in montage.muscles
            if found.measured[[muscle.left, muscle.right]].all()
        ],
        "alerts": _alerts(found, montage, fs_hz),
        "live": _as_live(recorded, settings, found, path, progress),
    }


def _as_live(
    recorded: RecordedSignal, given: Settings, found: _Findings, path: Path, progress: Progress
) -> dict[str, Any] | None:
    """Return what the live session saw, with its own settings where they are known."""
    if not recorded.is_ours or recorded.first_frame:
        return None  # its rest was learnt before the recording began
    settings = recorded.settings or given
    if settings != given or len(recorded.late):
        progress.step(f"Analysing {path.name} as it was seen live")
        found = _pass_over(recorded, settings, progress, is_live=True)
    return {
        **settings.to_json(),
        "late": [list(late) for late in recorded.late],
        "calibrated": found.rest is not None,
        "alerts": _alerts(found, montage_named(settings.montage), recorded.fs_hz),
    }


def _pass_over(
    recorded: RecordedSignal, settings: Settings, progress: Progress, *, is_live: bool = False
) -> _Findings:
    analysis = settings.analysis(recorded.fs_hz, recorded.lsb_uv)
    found = _Findings(None, np.full(8, np.nan), np.zeros(8, np.bool_))
    power_uv2 = np.zeros(8)
    n_used = np.zeros(8)
    at_frame = 0
    for stretch in recorded.stretches():
        n_frames = len(stretch.counts)
        if stretch.is_missing or (is_live and stretch.is_late):
            block = analysis.gap(n_frames, math.nan)
        else:
            counts = np.ascontiguousarray(stretch.counts)
            block = analysis.push(counts, stretch.lead_off, math.nan)
            is_on = (stretch.lead_off >> np.arange(8)) & 1 == 0
            found.measured |= is_on
            used = ~np.isnan(block.trace_uv) & is_on
            squares = np.square(np.where(used, block.trace_uv, 0.0), dtype=np.float64)
            power_uv2 += squares.sum(axis=0)
            n_used += used.sum(axis=0)
        for onset in analysis.onsets:
            found.onset_frames[onset.channel].append(onset.frame)
        found.alerts += [event for event in block.events if event.kind == "synkinesis"]
        at_frame += n_frames
        progress.amount(at_frame / recorded.fs_hz, recorded.n_frames / recorded.fs_hz)
    with np.errstate(invalid="ignore", divide="ignore"):
        found.rms_uv = np.sqrt(power_uv2 / n_used)
    found.rest = analysis.rest
    return found


def _alerts(found: _Findings, montage: Montage, fs_hz: float) -> list[dict[str, Any]]:
    return [alert_account(event, montage.labels, fs_hz) for event in found.alerts]


def _pair(muscle: str, left_uv: float, right_uv: float) -> dict[str, Any]:
    """Whole recording, left against right: ``signed_asymmetry`` is (a - b) / (a + b)."""
    return {
        "a": f"{muscle}_l",
        "b": f"{muscle}_r",
        "symmetry_ratio": rounded(float(symmetry_ratio(left_uv, right_uv)), 4),
        "asymmetry_index": rounded(float(asymmetry_index(left_uv, right_uv)), 4),
        "signed_asymmetry": rounded(float(signed_asymmetry(left_uv, right_uv)), 4),
    }
