"""The signal channels of EDF, EDF+, BDF and BDF+ files of any length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import edfio
import numpy as np

from faceloop.errors import SourceError
from faceloop.files.edf_file import NOT_SIGNALS, EdfHeader, read_header
from faceloop.files.edf_window import edf_windows
from faceloop.files.track import FloatArray, Track, Tracks

__all__ = ["edf_tracks"]


def edf_tracks(path: Path, min_fs_hz: float) -> Tracks:
    """Return the signal channels of a file.

    Parameters
    ----------
    path : Path
        The file.
    min_fs_hz : float
        Slower signals (temperatures, envelopes) are skipped with a note. Only when all are slower
        the fastest of them is returned, for whoever refuses it to name its rate.

    Raises
    ------
    SourceError
        If the file is damaged or holds no signal; its windows may raise it too.
    """
    header, notes = read_header(path)
    signals = [i for i, label in enumerate(header.labels) if label not in NOT_SIGNALS]
    if not signals:
        raise SourceError(
            f"{path.name} holds no signal channel, only annotations: choose a file with EMG."
        )
    rates_hz = {i: header.samples_per_record[i] / header.record_s for i in signals}
    fast = [i for i in signals if rates_hz[i] >= min_fs_hz]
    chosen = fast or [max(signals, key=lambda i: rates_hz[i])]
    slow = [header.labels[i] for i in signals if i not in fast]
    if fast and slow:
        notes.append(f"Too slow for EMG and left out: {', '.join(slow)}.")
    tracks = tuple(
        Track(
            header.labels[i],
            header.dimensions[i],
            rates_hz[i],
            header.n_records * header.samples_per_record[i],
        )
        for i in chosen
    )
    return Tracks(tracks, lambda: _windows(path, header, chosen), tuple(notes))


def _windows(path: Path, header: EdfHeader, chosen: list[int]) -> Iterator[list[FloatArray]]:
    annotation = f"{header.format} Annotations"
    position = [i for i, label in enumerate(header.labels) if label != annotation]
    try:
        for window in edf_windows(path, header):
            signals: Sequence[edfio.EdfSignal | edfio.BdfSignal] = window.signals
            by_index = dict(zip(position, signals, strict=True))
            yield [np.array(by_index[i].data, dtype=np.float64) for i in chosen]
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, OSError) as error:
        raise SourceError(
            f"{path.name} cannot be read as {header.format} ({error}): export it again."
        ) from error
