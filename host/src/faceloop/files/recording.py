"""A recording of any of these formats, brought to counts at 2000 frames a second."""

from __future__ import annotations

import math
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faceloop.errors import SourceError
from faceloop.files.counts import (
    COUNTS_MAX,
    FS_HZ,
    LSB_UV,
    N_CHANNELS,
    CountArray,
    counts_from_uv,
)
from faceloop.files.csv_file import csv_tracks
from faceloop.files.edf_file import is_edf_or_bdf
from faceloop.files.edf_tracks import edf_tracks
from faceloop.files.resample import Resampler
from faceloop.files.track import FloatArray, Track, Tracks

__all__ = ["MIN_FS_HZ", "FileRecording", "open_file"]

MIN_FS_HZ = 250.0
"""Below it only the lower quarter of the 20-450 Hz band, or an envelope, is left."""
MIN_SECONDS = 1.0
_MAX_FS_HZ = 1e6
_UV_PER_UNIT = {"uv": 1.0, "mv": 1e3, "v": 1e6, "nv": 1e-3}


@dataclass(frozen=True, slots=True)
class FileRecording:
    """Eight channels of a file as converter counts, 2000 frames a second.

    Parameters
    ----------
    n_frames : int
    blocks : callable
        Reads the file from its start: counts, int32 of shape (n, 8), stretch by stretch. It raises
        ``SourceError`` where the file can no longer be read.
    labels : tuple of str
        Eight names: the file's, then ``unconnected n``.
    lead_off : int
        One bit per channel, 1 = no signal there.
    fs_hz : tuple of float
        As recorded, one rate for each channel that comes from the file.
    warnings : tuple of str
        Sentences about what was assumed or left out; empty for a plain file.
    """

    n_frames: int
    blocks: Callable[[], Iterator[CountArray]] = field(repr=False)
    labels: tuple[str, ...]
    lead_off: int
    fs_hz: tuple[float, ...]
    warnings: tuple[str, ...]

    def read(self) -> CountArray:
        """Return all counts, int32 of shape (n_frames, 8)."""
        return np.concatenate(list(self.blocks()))


def open_file(
    path: Path, fs_hz: float | None = None, *, max_seconds: float = math.inf
) -> FileRecording:
    """Look through a recording, whatever made it; its frames are read when they are asked for.

    The first eight signal channels of 250 Hz or more are used in file order; annotations and
    slower signals are skipped. A 2000 Hz file passes untouched: each count is
    ``round(uV / LSB_UV)``, clipped to 24 bits.

    Inputs beyond the file's channels are unconnected: they read zero, with their lead-off bit set.
    Zero rather than the rail, because what a floating input shows is not known and zero claims
    nothing, costs nothing on the link and cannot be taken for a saturated electrode. A channel
    that is exactly constant from end to end was an open input when it was recorded (an amplifier
    with an electrode always has noise): it reads as stored, with its lead-off bit set.

    Parameters
    ----------
    path : Path
        EDF, EDF+, BDF, BDF+ of any length, CSV or gzipped CSV, told apart by content.
    fs_hz : float, optional
        Rate of a CSV file that does not state one.
    max_seconds : float
        Longer ones are refused.

    Raises
    ------
    SourceError
        If the file cannot be used; the message says why and what to do.
    """
    source = _tracks(path, fs_hz)
    notes = list(source.notes)
    tracks = source.tracks[:N_CHANNELS]
    if len(source.tracks) > N_CHANNELS:
        notes.append(f"Only the first {N_CHANNELS} of {len(source.tracks)} channels are used.")
    _check_rates(path, source.tracks)
    scales = [_scale(track, notes) for track in tracks]
    n_frames = _length(path, tracks, max_seconds)
    is_open = _look_through(path, source, scales, notes)
    open_bits = 0xFF & ~((1 << len(tracks)) - 1)
    for channel, is_unconnected in enumerate(is_open):
        open_bits |= is_unconnected << channel
    spare = tuple(f"unconnected {i + 1}" for i in range(len(tracks), N_CHANNELS))
    return FileRecording(
        n_frames=n_frames,
        blocks=lambda: _blocks(source, scales, n_frames),
        labels=tuple(track.label or "unnamed" for track in tracks) + spare,
        lead_off=open_bits,
        fs_hz=tuple(track.fs_hz for track in tracks),
        warnings=tuple(notes),
    )


def _tracks(path: Path, fs_hz: float | None) -> Tracks:
    if fs_hz is not None and not (math.isfinite(fs_hz) and fs_hz > 0):
        raise SourceError(f"A sampling rate of {fs_hz} Hz makes no sense: it must be above 0.")
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SourceError(f"{path.name} is a folder: name one recording in it.")
        if not stat.S_ISREG(mode):  # a device without an end, a pipe in which nothing comes
            raise SourceError(
                f"{path.name} is no file but a device or a pipe: store the recording in a file"
                " first."
            )
        with path.open("rb") as file:
            first_bytes = file.read(16)
        if not first_bytes:
            raise SourceError(f"{path.name} is empty: choose a file with samples.")
        if is_edf_or_bdf(first_bytes):
            return edf_tracks(path, MIN_FS_HZ, N_CHANNELS)
        if path.suffix.lower() in (".edf", ".bdf"):
            raise SourceError(
                f"{path.name} is no {path.suffix[1:].upper()} file, whatever its name says:"
                " export the recording again."
            )
        return csv_tracks(path, fs_hz)
    except FileNotFoundError as error:
        raise SourceError(f"There is no file {path}: check the name.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(
            f"{path.name} cannot be read ({reason}): check its permissions."
        ) from error


def _check_rates(path: Path, tracks: tuple[Track, ...]) -> None:
    for track in tracks:
        if not math.isfinite(track.fs_hz) or not 0 < track.fs_hz <= _MAX_FS_HZ:
            raise SourceError(
                f"{path.name} has an odd sampling rate ({track.fs_hz:g} Hz): export it again."
            )
        if track.fs_hz < MIN_FS_HZ:
            raise SourceError(
                f"{path.name} has {track.fs_hz:g} samples a second, too few for EMG (its band is"
                f" 20-450 Hz; such files hold envelopes or aliased data): choose a recording of"
                f" {MIN_FS_HZ:g} Hz or more that lasts {MIN_SECONDS:g} s or more."
            )


def _length(path: Path, tracks: tuple[Track, ...], max_seconds: float) -> int:
    """Return the frames that all channels have."""
    seconds = min(track.n_samples / track.fs_hz for track in tracks)
    if seconds < MIN_SECONDS:
        raise SourceError(
            f"{path.name} is too short: {seconds:.2f} s. Choose one of at least {MIN_SECONDS:g} s."
        )
    if seconds > max_seconds:
        raise SourceError(
            f"{path.name} lasts {seconds / 3600:.1f} h, longer than the {max_seconds / 3600:g} h a"
            " virtual board plays: cut a shorter piece from it."
        )
    return min(round(track.n_samples * FS_HZ / track.fs_hz) for track in tracks)


def _look_through(path: Path, source: Tracks, scales: list[float], notes: list[str]) -> list[bool]:
    """Return for each channel whether it is constant; refuse what is no number."""
    n = len(scales)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    n_clipped, n_bad = np.zeros(n, int), 0
    first_bad: dict[int, int] = {}
    row = [0] * n
    for window in source.windows():
        for channel, (samples, scale) in enumerate(zip(window, scales, strict=False)):
            bad = np.flatnonzero(~np.isfinite(samples))
            if bad.size:
                n_bad += bad.size
                first_bad.setdefault(channel, row[channel] + int(bad[0]))
            elif samples.size:
                low[channel] = min(low[channel], samples.min())
                high[channel] = max(high[channel], samples.max())
                over = np.abs(samples * scale) > LSB_UV * COUNTS_MAX
                n_clipped[channel] += np.count_nonzero(over)
            row[channel] += samples.size
    tracks = source.tracks
    if first_bad:
        channel = min(first_bad, key=lambda i: first_bad[i])
        raise SourceError(
            f"{path.name} holds {n_bad} values that are no numbers (NaN or infinite), the first in"
            f" row {first_bad[channel] + 1} of channel {tracks[channel].label!r}: mend or cut"
            " them."
        )
    for channel in range(n):
        name = tracks[channel].label
        if n_clipped[channel]:
            plural = "" if n_clipped[channel] == 1 else "s"
            notes.append(
                f"Channel {name!r} exceeds the converter's 200 mV in {n_clipped[channel]}"
                f" sample{plural}: clipped there."
            )
        if low[channel] == high[channel]:
            notes.append(f"Channel {name!r} is constant: taken as an open input.")
    return [bool(one) for one in low == high]


def _blocks(source: Tracks, scales: list[float], n_frames: int) -> Iterator[CountArray]:
    channels = range(len(scales))
    resamplers = [
        Resampler(track.fs_hz, FS_HZ, track.n_samples) for track in source.tracks[: len(scales)]
    ]
    waiting: list[FloatArray] = [np.zeros(0)] * len(scales)
    n_left = n_frames
    for window in _and_its_end(source):
        for channel in channels:
            is_last = window is None
            uv = np.zeros(0) if window is None else window[channel] * scales[channel]
            uv = resamplers[channel].push(uv, is_last=is_last)
            waiting[channel] = np.concatenate([waiting[channel], uv])
        n = min(n_left, *(len(uv) for uv in waiting))
        if not n:
            continue
        counts = np.zeros((n, N_CHANNELS), dtype=np.int32)
        for channel in channels:
            counts[:, channel] = counts_from_uv(waiting[channel][:n])
            waiting[channel] = waiting[channel][n:]
        n_left -= n
        yield counts


def _and_its_end(source: Tracks) -> Iterator[list[FloatArray] | None]:
    yield from source.windows()
    yield None


def _scale(track: Track, notes: list[str]) -> float:
    # The micro sign comes as U+00B5, as Greek mu, or as UTF-8 read as Latin-1.
    unit = track.dimension.replace("Â", "").replace("Î¼", "u")
    unit = unit.replace("µ", "u").replace("μ", "u").strip().lower()
    if unit not in _UV_PER_UNIT:
        stated = f"states {track.dimension!r}" if track.dimension else "states no unit"
        notes.append(f"Channel {track.label!r} {stated}: its values are taken as microvolts.")
        return 1.0
    return _UV_PER_UNIT[unit]
