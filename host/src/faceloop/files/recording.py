"""A recording of any of these formats, brought to counts at 2000 frames a second."""

from __future__ import annotations

import math
import stat
from dataclasses import dataclass
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
from faceloop.files.csv_file import read_csv
from faceloop.files.edf_file import is_edf_or_bdf, read_edf_or_bdf
from faceloop.files.resample import resample
from faceloop.files.track import Track

__all__ = ["MAX_SECONDS", "MIN_FS_HZ", "FileRecording", "read_recording"]

MIN_FS_HZ = 250.0
"""Below it only the lower quarter of the 20-450 Hz band, or an envelope, is left."""
MIN_SECONDS = 1.0
MAX_SECONDS = 2 * 3600.0
_MAX_FS_HZ = 1e6
_UV_PER_UNIT = {"uv": 1.0, "mv": 1e3, "v": 1e6, "nv": 1e-3}


@dataclass(frozen=True, slots=True)
class FileRecording:
    """Eight channels of a file as converter counts.

    Parameters
    ----------
    counts : ndarray of int32, shape (n_frames, 8)
        2000 frames a second.
    labels : tuple of str
        Eight names: the file's, then ``unconnected n``.
    lead_off : int
        One bit per channel, 1 = no signal there.
    fs_hz : tuple of float
        As recorded, one rate for each channel that comes from the file.
    warnings : tuple of str
        Sentences about what was assumed or left out; empty for a plain file.
    """

    counts: CountArray
    labels: tuple[str, ...]
    lead_off: int
    fs_hz: tuple[float, ...]
    warnings: tuple[str, ...]


def read_recording(path: Path, fs_hz: float | None = None) -> FileRecording:
    """Read a recording, whatever made it.

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
        EDF, EDF+, BDF, BDF+, CSV or gzipped CSV, told apart by content.
    fs_hz : float, optional
        Rate of a CSV file that does not state one.

    Raises
    ------
    SourceError
        If the file cannot be used; the message says why and what to do.
    """
    tracks, notes = _load(path, fs_hz)
    _check_rates(path, tracks)
    _check_values(path, tracks)
    if len(tracks) > N_CHANNELS:
        notes.append(f"Only the first {N_CHANNELS} of {len(tracks)} channels are played.")
        tracks = tracks[:N_CHANNELS]
    if min(len(track.samples) / track.fs_hz for track in tracks) < MIN_SECONDS:
        seconds = min(len(track.samples) / track.fs_hz for track in tracks)
        raise SourceError(
            f"{path.name} is too short: {seconds:.2f} s. Choose one of at least {MIN_SECONDS:g} s."
        )
    n_samples = min(round(len(track.samples) * FS_HZ / track.fs_hz) for track in tracks)
    if n_samples > MAX_SECONDS * FS_HZ:
        raise SourceError(
            f"{path.name} lasts longer than the {MAX_SECONDS / 3600:g} h a virtual board"
            " plays: cut a shorter piece from it."
        )
    counts = np.zeros((n_samples, N_CHANNELS), dtype=np.int32)
    open_bits = 0xFF & ~((1 << len(tracks)) - 1)
    for channel, track in enumerate(tracks):
        uv = track.samples * _scale(track, notes)
        uv = resample(uv, track.fs_hz, FS_HZ)[:n_samples]
        counts[:, channel] = counts_from_uv(uv)
        n_clipped = int(np.count_nonzero(np.abs(uv) > LSB_UV * COUNTS_MAX))
        if n_clipped:
            notes.append(
                f"Channel {track.label!r} exceeds the converter's 200 mV in {n_clipped}"
                f" sample{'' if n_clipped == 1 else 's'}: clipped there."
            )
        if np.ptp(track.samples) == 0:
            open_bits |= 1 << channel
            notes.append(f"Channel {track.label!r} is constant: taken as an open input.")
    spare = tuple(f"unconnected {i + 1}" for i in range(len(tracks), N_CHANNELS))
    return FileRecording(
        counts=counts,
        labels=tuple(track.label or "unnamed" for track in tracks) + spare,
        lead_off=open_bits,
        fs_hz=tuple(track.fs_hz for track in tracks),
        warnings=tuple(notes),
    )


def _load(path: Path, fs_hz: float | None) -> tuple[list[Track], list[str]]:
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
            return read_edf_or_bdf(path, MIN_FS_HZ, N_CHANNELS, MAX_SECONDS)
        if path.suffix.lower() in (".edf", ".bdf"):
            raise SourceError(
                f"{path.name} is no {path.suffix[1:].upper()} file, whatever its name says:"
                " export the recording again."
            )
        return read_csv(path, fs_hz)
    except FileNotFoundError as error:
        raise SourceError(f"There is no file {path}: check the name.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(
            f"{path.name} cannot be read ({reason}): check its permissions."
        ) from error


def _check_rates(path: Path, tracks: list[Track]) -> None:
    for track in tracks:
        if not math.isfinite(track.fs_hz) or not 0 < track.fs_hz <= _MAX_FS_HZ:
            raise SourceError(
                f"{path.name} has an odd sampling rate ({track.fs_hz:g} Hz): export it again."
            )
        if track.fs_hz < MIN_FS_HZ:
            raise SourceError(
                f"{path.name} has {track.fs_hz:g} samples a second, too few for EMG (its band is"
                f" 20-450 Hz; such files hold envelopes or aliased data): choose a recording of"
                f" {MIN_FS_HZ:g} Hz or more that lasts from {MIN_SECONDS:g} s to"
                f" {MAX_SECONDS / 3600:g} h."
            )


def _check_values(path: Path, tracks: list[Track]) -> None:
    bad = [np.flatnonzero(~np.isfinite(track.samples)) for track in tracks]
    total = sum(len(rows) for rows in bad)
    if total:
        channel = min((i for i in range(len(bad)) if len(bad[i])), key=lambda i: int(bad[i][0]))
        raise SourceError(
            f"{path.name} holds {total} values that are no numbers (NaN or infinite), the first in"
            f" row {bad[channel][0] + 1} of channel {tracks[channel].label!r}: mend or cut them."
        )


def _scale(track: Track, notes: list[str]) -> float:
    # The micro sign comes as U+00B5, as Greek mu, or as UTF-8 read as Latin-1.
    unit = track.dimension.replace("Â", "").replace("Î¼", "u")
    unit = unit.replace("µ", "u").replace("μ", "u").strip().lower()
    if unit not in _UV_PER_UNIT:
        stated = f"states {track.dimension!r}" if track.dimension else "states no unit"
        notes.append(f"Channel {track.label!r} {stated}: its values are taken as microvolts.")
        return 1.0
    return _UV_PER_UNIT[unit]
