"""Whatever can be analysed: our recordings, our journals, session folders, files of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceloop.errors import SourceError
from faceloop.files.counts import FS_HZ, LSB_UV
from faceloop.files.edf_file import is_edf_or_bdf
from faceloop.files.recording import open_file
from faceloop.files.resample import FLAT_SHARE
from faceloop.session.bdf import BDF_NAME
from faceloop.session.bdf_reader import is_our_bdf, passed_converter, read_our_bdf
from faceloop.session.converter import CONVERTER_KEY, Converter, converter_in
from faceloop.session.journal_format import END_UNKNOWN, JOURNAL_NAME, MAGIC
from faceloop.session.journal_index import JournalIndex, read_index
from faceloop.session.journal_signal import JournalSignal
from faceloop.session.kept_rest import kept_rest
from faceloop.session.recorded_signal import RecordedSignal, end_unknown_note, intervals
from faceloop.session.settings import Settings
from faceloop.session.timeline import timeline
from faceloop_dsp.core import MEASURE_BAND_HZ
from faceloop_protocol.limits import N_CHANNELS

__all__ = ["band_in", "converter_of_file", "open_recording", "resampling_notes"]


def open_recording(path: Path, first_channel: int = 0) -> RecordedSignal:
    """Return the signal of a recording.

    Parameters
    ----------
    path : Path
        A file that faceloop recorded, its journal, the folder of a session (its recording, or its
        journal as long as there is no recording), or any file that
        `faceloop.files.recording.open_file` takes.
    first_channel : int
        Of the eight that are taken from a file of another program.

    Raises
    ------
    SourceError
        If it is none of these, or damaged.
    StorageError
        If a journal cannot be read.
    """
    if path.is_dir():
        for name in (BDF_NAME, JOURNAL_NAME):
            if (path / name).is_file():
                return open_recording(path / name)
    first_bytes = _first_bytes(path)
    if first_bytes.startswith(MAGIC):
        return _from_journal(path)
    if is_edf_or_bdf(first_bytes) and is_our_bdf(path):
        return read_our_bdf(path)
    return _from_file(path, first_channel)


def converter_of_file(path: Path) -> Converter | None:
    """Return whose filter the samples of a file that can be played have passed, if it is known.

    Raises
    ------
    SourceError
        If it is a damaged EDF or BDF file.
    """
    is_ours = is_edf_or_bdf(_first_bytes(path)) and is_our_bdf(path)
    return passed_converter(path) if is_ours else None


def resampling_notes(rates_hz: Sequence[float]) -> list[str]:
    """Return what became of channels that were recorded at these rates (Hz)."""
    notes = []
    for rate_hz in sorted(set(rates_hz) - {FS_HZ}):
        note = f"Resampled from {rate_hz:g} to {FS_HZ:g} Hz"
        low_hz, high_hz = band_in(rate_hz)
        if high_hz < MEASURE_BAND_HZ[1]:
            note += f": of the band only {low_hz:g}-{high_hz:g} Hz is there, so levels are lower"
        notes.append(f"{note}.")
    return notes


def band_in(rate_hz: float) -> tuple[float, float]:
    """Return what of the measurement's band (Hz) a recording of that rate holds."""
    low_hz, high_hz = MEASURE_BAND_HZ
    return low_hz, min(high_hz, FLAT_SHARE * rate_hz)


def _first_bytes(path: Path) -> bytes:
    if not path.is_file():
        return b""  # a pipe would wait for someone who writes
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError:
        return b""  # whoever reads it next says what is wrong with it


def _from_file(path: Path, first_channel: int) -> RecordedSignal:
    recording = open_file(path, first_channel=first_channel)
    return RecordedSignal(
        labels=recording.labels,
        fs_hz=FS_HZ,
        lsb_uv=LSB_UV,
        n_frames=recording.n_frames,
        blocks=recording.blocks,
        lead_off=recording.lead_off,
        warnings=(*recording.warnings, *resampling_notes(recording.fs_hz)),
        recorded_fs_hz=recording.fs_hz,
        n_channels=recording.n_channels,
        clipped=recording.clipped,
    )


def _from_journal(path: Path) -> RecordedSignal:
    index = read_index(path)
    if index.start_frame == index.end_frame:
        raise SourceError(f"{path} holds no samples: choose another recording.")
    signal = JournalSignal(index)
    for _ in signal.blocks():
        pass  # what is missing or unreadable is known after one pass
    start = index.start_frame
    by_kind: dict[str, list[tuple[int, int]]] = {"gap": [], "late": []}
    electrode_off: list[list[tuple[int, int]]] = [[] for _ in range(N_CHANNELS)]
    warnings = []
    if not index.is_ended:
        warnings.append("The recording was not ended in order: this is what is in its journal.")
    for mark in timeline(index, signal, 0):
        if mark.kind == END_UNKNOWN:
            warnings.append(end_unknown_note(mark.text.partition(": ")[2]))
        if mark.source != "finaliser" or mark.n_frames is None:
            continue
        if mark.kind in by_kind:
            by_kind[mark.kind].append((mark.frame - start, mark.n_frames))
        elif mark.kind == "electrode_off":
            electrode_off[mark.content["channel"]].append((mark.frame - start, mark.n_frames))
    if index.damage:
        n_bytes = sum(piece.n_bytes for piece in index.damage)
        warnings.append(f"{n_bytes} bytes of the journal cannot be read: missing frames are gaps.")
    return RecordedSignal(
        labels=index.header.labels,
        fs_hz=float(index.header.fs_hz),
        lsb_uv=index.header.lsb_uv,
        n_frames=index.end_frame - start,
        blocks=lambda: _journal_blocks(index),
        warnings=tuple(warnings),
        missing=intervals(by_kind["gap"]),
        late=intervals(by_kind["late"]),
        electrode_off=tuple(intervals(ranges) for ranges in electrode_off),
        is_ours=True,
        first_frame=index.header.first_frame or 0,
        settings=Settings.from_header(index.header.to_json()),
        rest=kept_rest(index),
        board=index.header.board,
        converter=converter_in(index.header.extra.get(CONVERTER_KEY)),
    )


def _journal_blocks(index: JournalIndex) -> Iterator[NDArray[np.int32]]:
    for _, counts in JournalSignal(index).blocks():
        yield counts
