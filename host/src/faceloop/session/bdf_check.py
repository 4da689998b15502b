"""Reading a finished file back from the disk before it is trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import edfio
import numpy as np
from numpy.typing import NDArray

from faceloop.errors import StorageError
from faceloop.files.edf_window import bdf_windows
from faceloop.session.bdf_annotations import RECORDS_PER_S, Annotation
from faceloop.session.bdf_file import DIGITAL_RANGE, WINDOW_RECORDS, BdfHeader, encode_header
from faceloop.session.disk import storage_error
from faceloop.session.journal_signal import SampleDigest
from faceloop_protocol.limits import N_CHANNELS

__all__ = ["check_bdf"]


def check_bdf(
    path: Path,
    header: BdfHeader,
    annotations: Sequence[Annotation],
    *,
    n_frames: int,
    samples_sha256: str,
    report: Callable[[int], None],
    heat: NDArray[np.int32] | None = None,
) -> None:
    """Compare a file, as edfio reads it, with what should be in it.

    Parameters
    ----------
    path : Path
    header : BdfHeader
    annotations : sequence of Annotation
        All of them, in any order.
    n_frames : int
        Frames without padding.
    samples_sha256 : str
        ``SampleDigest`` of these frames.
    report : callable
        Called with the number of frames checked.
    heat : ndarray of int32, shape (n_records, n_heat), or None
        What the signals beside the EMG should hold.

    Raises
    ------
    StorageError
        If anything differs or the file cannot be read.
    """
    digest = SampleDigest()
    found: Counter[Annotation] = Counter()
    n_done = 0
    try:
        for first_record, window in _windows(path, header):
            _check_window(path, header, first_record, window)
            emg = window.signals[:N_CHANNELS]
            counts = np.stack([signal.digital for signal in emg], axis=1)
            digest.update(counts[: n_frames - n_done])
            n_done = min(n_done + len(counts), n_frames)
            for at, signal in enumerate(window.signals[N_CHANNELS:]):
                end_record = first_record + len(signal.digital)
                if heat is None or not np.array_equal(
                    signal.digital, heat[first_record:end_record, at]
                ):
                    raise _mismatch(path, signal.label)
            offset_us = first_record * 1_000_000 // RECORDS_PER_S
            found.update(_annotation(entry, offset_us) for entry in window.annotations)
            report(n_done)
    except OSError as error:
        raise storage_error(error, path) from error
    except (ValueError, ArithmeticError, IndexError, KeyError, Warning) as error:
        raise _mismatch(path, str(error)) from error
    if digest.hexdigest() != samples_sha256:
        raise _mismatch(path, "samples")
    if found != Counter(annotations):
        raise _mismatch(path, "annotations")


def _windows(path: Path, header: BdfHeader) -> Iterator[tuple[int, edfio.Bdf]]:
    """Yield ``(first_record, file)`` for each minute, as a file of its own."""
    n_expected = header.n_bytes + header.n_records * header.record_bytes
    if path.stat().st_size != n_expected:
        raise _mismatch(path, f"size {path.stat().st_size} instead of {n_expected} bytes")
    with path.open("rb") as file:
        head = file.read(header.n_bytes)
        if head != encode_header(header):
            raise _mismatch(path, "header")
        yield from bdf_windows(file, head, header.n_records, header.record_bytes, WINDOW_RECORDS)


def _check_window(path: Path, header: BdfHeader, first_record: int, window: edfio.Bdf) -> None:
    start = header.start_local.replace(tzinfo=None)
    emg = window.signals[:N_CHANNELS]
    facts = {
        "start": window.startdatetime == start + timedelta(seconds=first_record / RECORDS_PER_S),
        "time keeping": window.is_continuous,
        "channels": len(window.signals) == len(header.labels) + header.n_heat,
        "sampling rate": all(s.sampling_frequency == header.fs_hz for s in emg),
        "digital range": all(s.digital_range == DIGITAL_RANGE for s in emg),
        "physical unit": all(s.physical_dimension == "uV" for s in emg),
    }
    wrong = [name for name, is_right in facts.items() if not is_right]
    if wrong:
        raise _mismatch(path, ", ".join(wrong))


def _annotation(entry: edfio.EdfAnnotation, offset_us: int) -> Annotation:
    duration = None if entry.duration is None else round(entry.duration * 1e6)
    return Annotation(round(entry.onset * 1e6) + offset_us, duration, entry.text)


def _mismatch(path: Path, what: str) -> StorageError:
    return StorageError(
        f"{path} does not read back as it was written ({what}). The journal is kept: check the"
        " disk, then try again."
    )
