"""A recording of any of these formats, brought to counts at 2000 frames a second."""

from __future__ import annotations

import itertools
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
    n_channels : int
        Usable channels in the file, those before and after these included.
    clipped : tuple of int
        Samples at exactly the highest or lowest value, of each channel that comes from the file.
    """

    n_frames: int
    blocks: Callable[[], Iterator[CountArray]] = field(repr=False)
    labels: tuple[str, ...]
    lead_off: int
    fs_hz: tuple[float, ...]
    warnings: tuple[str, ...]
    n_channels: int
    clipped: tuple[int, ...]

    def read(self) -> CountArray:
        """Return all counts, int32 of shape (n_frames, 8)."""
        return np.concatenate(list(self.blocks()))


def open_file(
    path: Path,
    fs_hz: float | None = None,
    *,
    first_channel: int = 0,
    max_seconds: float = math.inf,
) -> FileRecording:
    """Look through a recording, whatever made it; its frames are read when they are asked for.

    Eight signal channels of 250 Hz or more are used in file order; annotations and slower signals
    are skipped. A 2000 Hz file passes untouched: each count is
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
    first_channel : int
        The first of the eight, counted among the usable ones.
    max_seconds : float
        Longer ones are refused.

    Raises
    ------
    SourceError
        If the file cannot be used; the message says why and what to do.
    """
    source = _tracks(path, fs_hz)
    _check_rates(path, source.tracks)
    notes = list(source.notes)
    chosen = slice(first_channel, first_channel + N_CHANNELS)
    tracks = source.tracks[chosen]
    scales = [_scale(track, notes) for track in tracks]
    n_frames = _length(path, tracks, max_seconds)

    def windows() -> Iterator[list[FloatArray]]:
        for window in source.windows():
            yield window[chosen]

    seen = _look_through(path, tracks, windows(), scales, notes)
    open_bits = 0xFF & ~((1 << len(tracks)) - 1)
    for channel, (is_constant, _) in enumerate(seen):
        open_bits |= is_constant << channel
    spare = tuple(f"unconnected {i + 1}" for i in range(len(tracks), N_CHANNELS))
    return FileRecording(
        n_frames=n_frames,
        blocks=lambda: _blocks(tracks, windows(), scales, n_frames),
        labels=tuple(track.label or "unnamed" for track in tracks) + spare,
        lead_off=open_bits,
        fs_hz=tuple(track.fs_hz for track in tracks),
        warnings=tuple(notes),
        n_channels=len(source.tracks),
        clipped=tuple(0 if is_constant else n for is_constant, n in seen),
    )


def _tracks(path: Path, fs_hz: float | None) -> Tracks:
    if fs_hz is not None and not (math.isfinite(fs_hz) and fs_hz > 0):
        raise SourceError(f"A sampling rate of {fs_hz} Hz makes no sense: it must be above 0.")
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SourceError(f"{path.name or path} is a folder: name one recording in it.")
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
            return edf_tracks(path, MIN_FS_HZ)
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


def _look_through(
    path: Path,
    tracks: tuple[Track, ...],
    windows: Iterator[list[FloatArray]],
    scales: list[float],
    notes: list[str],
) -> list[tuple[bool, int]]:
    """Return whether each channel is constant, and how many samples are at its extremes.

    What is no number is refused.
    """
    ends = [_Extremes() for _ in tracks]
    for window in windows:
        for one, samples, scale in zip(ends, window, scales, strict=True):
            one.take(samples, LSB_UV * COUNTS_MAX / scale)
    bad = [(one.first_bad, channel) for channel, one in enumerate(ends) if one.n_bad]
    if bad:
        row, channel = min(bad)
        raise SourceError(
            f"{path.name} holds {sum(one.n_bad for one in ends)} values that are no numbers (NaN"
            f" or infinite), the first in row {row + 1} of channel {tracks[channel].label!r}: mend"
            " or cut them."
        )
    for track, one in zip(tracks, ends, strict=True):
        if one.n_over:
            plural = "" if one.n_over == 1 else "s"
            notes.append(
                f"Channel {track.label!r} exceeds the converter's 200 mV in {one.n_over}"
                f" sample{plural}: clipped there."
            )
        if one.low == one.high:
            notes.append(f"Channel {track.label!r} is constant: taken as an open input.")
    return [(one.low == one.high, max(one.n_low, one.n_high)) for one in ends]


@dataclass(slots=True)
class _Extremes:
    """The ends of a channel, how often they are met, and what is beyond or no number."""

    low: float = math.inf
    high: float = -math.inf
    n_low: int = 0
    n_high: int = 0
    n_over: int = 0
    n_bad: int = 0
    first_bad: int = 0
    n_samples: int = 0

    def take(self, samples: FloatArray, limit: float) -> None:
        bad = np.flatnonzero(~np.isfinite(samples))
        if bad.size and not self.n_bad:
            self.first_bad = self.n_samples + int(bad[0])
        self.n_bad += bad.size
        self.n_samples += samples.size
        if self.n_bad or not samples.size:
            return
        low, high = float(samples.min()), float(samples.max())
        if low < self.low:
            self.low, self.n_low = low, 0
        if high > self.high:
            self.high, self.n_high = high, 0
        self.n_low += int(np.count_nonzero(samples == self.low))
        self.n_high += int(np.count_nonzero(samples == self.high))
        self.n_over += int(np.count_nonzero(np.abs(samples) > limit))


def _blocks(
    tracks: tuple[Track, ...],
    windows: Iterator[list[FloatArray]],
    scales: list[float],
    n_frames: int,
) -> Iterator[CountArray]:
    resamplers = [Resampler(track.fs_hz, FS_HZ, track.n_samples) for track in tracks]
    waiting: list[FloatArray] = [np.zeros(0)] * len(tracks)
    n_left = n_frames
    for window in itertools.chain(windows, [None]):
        for channel, resampler in enumerate(resamplers):
            uv = np.zeros(0) if window is None else window[channel] * scales[channel]
            uv = resampler.push(uv, is_last=window is None)
            waiting[channel] = np.concatenate([waiting[channel], uv])
        n = min(n_left, *(len(uv) for uv in waiting))
        if not n:
            continue
        counts = np.zeros((n, N_CHANNELS), dtype=np.int32)
        for channel, uv in enumerate(waiting):
            counts[:, channel] = counts_from_uv(uv[:n])
            waiting[channel] = uv[n:]
        n_left -= n
        yield counts


def _scale(track: Track, notes: list[str]) -> float:
    # The micro sign comes as U+00B5, as Greek mu, or as UTF-8 read as Latin-1.
    unit = track.dimension.replace("Â", "").replace("Î¼", "u")
    unit = unit.replace("µ", "u").replace("μ", "u").strip().lower()
    if unit not in _UV_PER_UNIT:
        stated = f"states {track.dimension!r}" if track.dimension else "states no unit"
        notes.append(f"Channel {track.label!r} {stated}: its values are taken as microvolts.")
        return 1.0
    return _UV_PER_UNIT[unit]
