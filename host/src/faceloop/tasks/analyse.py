"""Recordings, measured by the same core that runs live."""

from __future__ import annotations

import math
import multiprocessing
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop.errors import FaceloopError
from faceloop.session.analysis import moves_above_uv
from faceloop.session.kept_rest import KeptRest
from faceloop.session.live import LiveEvent, Side
from faceloop.session.montage import Montage, montage_named
from faceloop.session.recorded_signal import RecordedSignal
from faceloop.session.recording_reader import band_in, open_recording
from faceloop.session.settings import Settings
from faceloop.tasks.account import alert_account, rest_check_account, rounded
from faceloop.tasks.analysis_pairs import compared, level_uv
from faceloop.tasks.progress import Progress, Silent
from faceloop.tasks.recorded_rest import quietest_s, rest_from, with_line
from faceloop.tasks.review import Review, review_room
from faceloop_dsp import RestReference
from faceloop_dsp.rest import HOP_S

__all__ = ["analyse"]

HOP_PER_S = round(1 / HOP_S)
# Rest that is this many times a later second, or that varies this much, was none.
MOST_OVER_QUIETEST = 1.5
LEAST_EXCESS_UV = 1.0
# Share of the signal from which on a channel holds nothing of its own: four fifths of its power.
ALL_LEAK_R = 0.9
# So often no signal meets its own extreme by chance: of the channels of 17 public recordings the
# two that are clipped have 26 and 28 such samples, the others one.
CLIPPED_SAMPLES = 5
MOST_SPREAD = 0.35  # of the SD in the mean: quiet faces have 0.09-0.16


def analyse(
    files: list[Path],
    montage_name: str,
    affected_side: Side | None,
    *,
    rest_s: float = 5.0,
    mains_hz: float | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return ``{"files": [...]}``, one entry a file in the order given.

    Of several files one that cannot be read has an entry of ``file``, ``error`` and ``exit_code``;
    the others do not suffer from it.

    Parameters
    ----------
    files : list of Path
        Recordings, journals, session folders.
    montage_name : str
    affected_side : str or None
    rest_s : float
        Seconds of rest to learn from at the start; recordings that began within a session are
        judged by the rest that the session had learnt. 0: no rest.
    mains_hz : float or None
        None finds out.
    jobs : int
        Files at a time, each in a process of its own.
    progress : Progress, optional

    Raises
    ------
    SourceError, StorageError
        If the only file cannot be read; the message names it.
    """
    settings = Settings(montage_named(montage_name).name, affected_side, rest_s, mains_hz)
    progress = progress or Silent()
    if len(files) == 1:
        return {"files": [_analyse_file(files[0], settings, progress)]}
    if jobs == 1:
        return {"files": [_analysed(path, settings, progress) for path in files]}
    # Not forked: libraries may hold threads and locks here.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(files)), mp_context=context) as pool:
        waiting = [pool.submit(_analysed, path, settings, Silent()) for path in files]
        progress.step(f"Analysing {len(files)} files, {min(jobs, len(files))} at a time")
        try:
            found = []
            for done, result in enumerate(waiting):
                progress.amount(done, len(files))
                found.append(result.result())
        finally:
            for result in waiting:
                result.cancel()
    return {"files": found}


@dataclass(slots=True)
class _Findings:
    """What one pass over a recording found.

    Parameters
    ----------
    rest : RestReference or None
    rms_uv : ndarray of float32, shape (n_hops, 8)
        Every 10 ms, over 100 ms; NaN where nothing was known, or hum was not yet taken off.
    measured : ndarray of bool, shape (8,)
    """

    rest: RestReference | None
    rms_uv: NDArray[np.float32]
    measured: NDArray[np.bool_]
    onset_frames: list[list[int]] = field(default_factory=lambda: [[] for _ in range(8)])
    alerts: list[LiveEvent] = field(default_factory=list)


def _analysed(path: Path, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Return what is in a file, or why it cannot be read."""
    try:
        return _analyse_file(path, settings, progress)
    except FaceloopError as error:
        return {"file": str(path), "error": str(error), "exit_code": error.exit_code}


def _analyse_file(path: Path, settings: Settings, progress: Progress) -> dict[str, Any]:
    progress.step(f"Reading {path.name}")
    recorded = open_recording(path)
    settings = replace(settings, converter=recorded.converter)
    montage = montage_named(settings.montage)
    looked_at = settings if recorded.is_ours else with_line(recorded, settings)
    channels, pairs, found, kept, notes = _looked_through(recorded, looked_at, path, progress)
    for first in range(8, recorded.n_channels, 8):
        # Beyond what a montage knows: each channel by itself, and with its neighbours.
        others = open_recording(path, first)
        more = _looked_through(others, looked_at, path, progress)
        channels += [{**channel, "muscle": None} for channel in more[0]]
        pairs += [{**pair, "muscle": None} for pair in more[1]]
    return {
        "file": str(path),
        "fs_hz": max(recorded.recorded_fs_hz, default=recorded.fs_hz),
        "analysed_fs_hz": recorded.fs_hz,
        "duration_s": recorded.n_frames / recorded.fs_hz,
        "board": recorded.board or None,
        "played": recorded.settings.played or None if recorded.settings is not None else None,
        "gaps": [list(gap) for gap in recorded.missing],
        "calibrated": found.rest is not None,
        "rest_source": None if found.rest is None else ("session" if kept else "file"),
        "rest_check": None if found.rest is None else rest_check_account(found.rest.checks),
        "warnings": [*recorded.warnings, *_source_notes(recorded, settings), *notes],
        "channels": channels,
        "pairs": pairs,
        "judged": _judged(found, montage),
        "alerts": _alerts(found, montage, recorded.fs_hz),
        "live": _as_live(recorded, settings, found, path, progress),
    }


_Looked = tuple[list[dict[str, Any]], list[dict[str, Any]], _Findings, bool, list[str]]


def _looked_through(
    recorded: RecordedSignal, settings: Settings, path: Path, progress: Progress
) -> _Looked:
    """Return channels, pairs, findings, whether the session's rest was used, and notes."""
    progress.step(f"Analysing {path.name}")
    is_late_start = recorded.first_frame > 0 and settings.rest_s > 0
    kept = recorded.rest if is_late_start else None
    rest = kept.reference if kept is not None else None
    montage = montage_named(settings.montage)
    notes: list[str] = []
    with review_room(recorded.n_frames) as room:
        review = Review(room, recorded.fs_hz, settings.mains_hz)
        found = _pass_over(recorded, settings, progress, rest, review=review)
        if found.rest is not None and kept is None:
            said = recorded.played_labels if recorded.is_ours else recorded.labels
            notes = _doubts(found.rest, found, said or _spoken(montage.labels))
        at_s = None
        if notes and not recorded.is_ours:
            at_s = quietest_s(found.rms_uv[:, found.measured], settings.rest_s)
        if at_s is not None and (rest := rest_from(recorded, settings, at_s)) is not None:
            progress.step(f"Analysing {path.name} with its quietest seconds as rest")
            found = _pass_over(recorded, settings, progress, rest)
            end_s = at_s + settings.rest_s
            notes = [f"The first seconds are hardly a rest: {at_s:.1f}-{end_s:.1f} s are taken."]
        progress.step(f"Looking at {path.name} again")
        n_named = len(recorded.recorded_fs_hz) or len(recorded.played_labels)
        n = n_named or 8
        channels = {
            channel: _channel(channel, recorded, found, review, montage)
            for channel in range(n)
            if n_named or montage.labels[channel] != "unused"
        }
        pairs = []
        names = recorded.played_labels or recorded.labels
        for a, b, muscle in _pairs_of(recorded, montage):
            if max(a, b) < n and found.measured[[a, b]].all():
                pair = compared(found.rms_uv, (a, b), _moves(found), review)
                _name_crosstalk(pair, channels[a], channels[b])
                pairs.append({"a": names[a], "b": names[b], "muscle": muscle, **pair})
    return list(channels.values()), pairs, found, kept is not None, notes


def _moves(found: _Findings) -> NDArray[np.float64] | None:
    return None if found.rest is None else moves_above_uv(found.rest)


def _pairs_of(recorded: RecordedSignal, montage: Montage) -> list[tuple[int, int, str | None]]:
    """Return which channels are compared, and the muscle whose sides they are by the montage.

    In a file of another program every channel with every other: how they sit is not known.
    """
    sides = {(one.left, one.right): one.muscle for one in montage.muscles}
    if recorded.is_ours:
        return [(a, b, muscle) for (a, b), muscle in sides.items()]
    n = len(recorded.recorded_fs_hz)
    return [(a, b, sides.get((a, b))) for a in range(n) for b in range(a + 1, n)]


def _name_crosstalk(pair: dict[str, Any], a: dict[str, Any], b: dict[str, Any]) -> None:
    """Say of one of two channels that it is its neighbour's signal, weaker."""
    if not pair["crosstalk"] or abs(pair["signal_correlation"]) < ALL_LEAK_R:
        return
    if a["rms_uv"] is None or b["rms_uv"] is None:
        return
    quality = min(a, b, key=lambda channel: float(channel["rms_uv"]))["quality"]
    quality["usable"] = False
    if "crosstalk" not in quality["reasons"]:
        quality["reasons"].append("crosstalk")


def _channel(
    channel: int, recorded: RecordedSignal, found: _Findings, review: Review, montage: Montage
) -> dict[str, Any]:
    """Return what is known of one channel."""
    fs_hz, rest = recorded.fs_hz, found.rest
    rates_hz = recorded.recorded_fs_hz
    rate_hz = rates_hz[channel] if channel < len(rates_hz) else fs_hz
    bursts = review.bursts(channel) if found.measured[channel] else []
    if rest is not None and recorded.is_ours:
        rest_uv = float(rest.rms_mean_uv[channel])
    else:
        rest_uv = review.quiet_uv(channel)
    n_clipped = recorded.clipped[channel] if channel < len(recorded.clipped) else 0
    return {
        "name": (recorded.played_labels or recorded.labels)[channel],
        "muscle": montage.labels[channel],
        "fs_hz": rate_hz,
        "band_hz": [round(edge_hz, 1) for edge_hz in band_in(rate_hz)],
        "onsets_s": [round(burst.onset / fs_hz, 4) for burst in bursts],
        "offsets_s": [round(burst.offset / fs_hz, 4) for burst in bursts],
        "onset_interval_s": [
            [round(burst.onset_low / fs_hz, 4), round(burst.onset_high / fs_hz, 4)]
            for burst in bursts
        ],
        "cues_s": [round(at / fs_hz, 4) for at in found.onset_frames[channel]],
        "rest_rms_uv": rounded(rest_uv, 3),
        "rms_uv": rounded(level_uv(found.rms_uv[:, channel]), 3),
        "median_frequency_hz": rounded(review.median_hz(channel, bursts), 1),
        "mains": review.mains(channel),
        "quality": review.quality(
            channel,
            is_off=not found.measured[channel],
            is_clipped=n_clipped >= CLIPPED_SAMPLES,
        ),
    }


def _source_notes(recorded: RecordedSignal, settings: Settings) -> list[str]:
    """Return where the signal comes from, where that is easily overlooked."""
    order = (
        f"The channels are taken in the order of the montage {settings.montage}: if they sit"
        " elsewhere, choose another with --montage."
    )
    if not recorded.is_ours:
        return [order]
    if recorded.board != "virtual":
        return []
    played = recorded.settings.played if recorded.settings is not None else ""
    said = f"Not a person: a virtual board played {played or 'a made-up face or a file'}."
    return [said, order] if recorded.played_labels else [said]


def _spoken(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(label.replace("_", " ") for label in labels)


def _doubts(rest: RestReference, found: _Findings, names: Sequence[str]) -> list[str]:
    """Return what speaks against the first seconds having been rest."""
    n_seconds = len(found.rms_uv) // HOP_PER_S
    seconds_uv = found.rms_uv[: n_seconds * HOP_PER_S].reshape(n_seconds, HOP_PER_S, 8)
    is_known = np.count_nonzero(~np.isnan(seconds_uv), axis=1) > HOP_PER_S / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing but NaN: so is the result
        typical_uv = np.where(is_known, np.nanmedian(seconds_uv, axis=1), np.nan)
        quietest_uv = np.nanmin(typical_uv, axis=0, initial=np.inf)
    mean_uv = rest.rms_mean_uv
    excess = mean_uv / quietest_uv
    spread = rest.rms_sd_uv / mean_uv
    excess[len(names) :] = spread[len(names) :] = np.nan  # electrodes that are off
    excess[~(mean_uv - quietest_uv > LEAST_EXCESS_UV)] = np.nan
    why = ""
    if np.nanmax(excess, initial=0.0) > MOST_OVER_QUIETEST:
        worst = int(np.nanargmax(excess))
        why = f"lies at {mean_uv[worst]:.1f} uV there and at {quietest_uv[worst]:.1f} uV elsewhere"
    elif np.nanmax(spread, initial=0.0) > MOST_SPREAD:
        worst = int(np.nanargmax(spread))
        why = "is never quiet there"
    if not why:
        return []
    return [
        f"The first seconds are hardly a rest: {names[worst]} {why}."
        " Onsets and synkinesis may be missed; begin recordings with a few seconds of rest."
    ]


def _as_live(
    recorded: RecordedSignal, given: Settings, found: _Findings, path: Path, progress: Progress
) -> dict[str, Any] | None:
    """Return what the live session saw, with its own settings where they are known."""
    is_exact = recorded.first_frame == 0
    kept = None if is_exact else recorded.rest
    if not recorded.is_ours or (kept is None and not is_exact):
        return None  # its rest is not known
    settings = recorded.settings or given
    is_same = settings == given and not len(recorded.late)
    if not is_same or (kept is not None and kept.frame > recorded.first_frame):
        progress.step(f"Analysing {path.name} as it was seen live")
        found = _pass_as_live(recorded, settings, progress, kept)
    return {
        **settings.to_json(),
        "late": [list(late) for late in recorded.late],
        "exact": is_exact,
        "calibrated": found.rest is not None,
        "alerts": _alerts(found, montage_named(settings.montage), recorded.fs_hz),
    }


def _pass_as_live(
    recorded: RecordedSignal, settings: Settings, progress: Progress, kept: KeptRest | None
) -> _Findings:
    if kept is None:
        return _pass_over(recorded, settings, progress, is_live=True)
    rest_frame = kept.frame - recorded.first_frame
    return _pass_over(recorded, settings, progress, kept.reference, rest_frame, is_live=True)


def _pass_over(
    recorded: RecordedSignal,
    settings: Settings,
    progress: Progress,
    rest: RestReference | None = None,
    rest_frame: int = 0,
    *,
    is_live: bool = False,
    review: Review | None = None,
) -> _Findings:
    analysis = settings.analysis(recorded.fs_hz, recorded.lsb_uv, rest, rest_frame)
    found = _Findings(None, np.zeros((0, 8), np.float32), np.zeros(8, np.bool_))
    rms_uv: list[NDArray[np.float32]] = []
    at_frame = 0
    for stretch in recorded.stretches():
        n_frames = len(stretch.counts)
        if stretch.is_missing or (is_live and stretch.is_late):
            block = analysis.gap(n_frames, math.nan)
            if review is not None:
                review.gap(n_frames)
        else:
            counts = np.ascontiguousarray(stretch.counts)
            block = analysis.push(counts, stretch.lead_off, math.nan)
            found.measured |= (stretch.lead_off >> np.arange(8)) & 1 == 0
            if review is not None:
                review.push(block.trace_uv, analysis.ticks, analysis.mains)
        rms_uv.append(analysis.rms_uv)
        for onset in analysis.onsets:
            found.onset_frames[onset.channel].append(onset.frame)
        found.alerts += [event for event in block.events if event.kind == "synkinesis"]
        at_frame += n_frames
        progress.amount(at_frame / recorded.fs_hz, recorded.n_frames / recorded.fs_hz)
    found.rms_uv = np.concatenate([found.rms_uv, *rms_uv])
    found.rms_uv[: round(analysis.line_frame / recorded.fs_hz / HOP_S)] = np.nan
    if review is not None:
        review.hum_until(analysis.line_frame)
    found.rest = analysis.rest
    return found


def _judged(found: _Findings, montage: Montage) -> list[str]:
    """Return the pairs of which every channel was measured and has a rest."""
    if found.rest is None:
        return []
    can_judge = found.measured & ~np.isnan(found.rest.rms_mean_uv)
    return [pair.name for pair in montage.pairs if can_judge[[*pair.trained, *pair.guard]].all()]


def _alerts(found: _Findings, montage: Montage, fs_hz: float) -> list[dict[str, Any]] | None:
    """Return the synkinesis events; None when no pair could be judged."""
    if not _judged(found, montage):
        return None
    return [alert_account(event, montage.labels, fs_hz) for event in found.alerts]
