"""From journal to recording: a verified BDF+ file with its summary and its events beside it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceloop.errors import StorageError
from faceloop.session.bdf_annotations import RECORDS_PER_S, Annotation, pack_annotations
from faceloop.session.bdf_check import check_bdf
from faceloop.session.bdf_file import EQUIPMENT, WINDOW_RECORDS, BdfHeader, write_bdf
from faceloop.session.bdf_scratch import SAMPLE_BYTES, Scratch
from faceloop.session.converter import filter_text
from faceloop.session.disk import (
    SessionLock,
    free_bytes,
    replace_file,
    storage_error,
    sync_directory,
    sync_file,
)
from faceloop.session.heat_record import heat_signals
from faceloop.session.journal_format import encode_json
from faceloop.session.journal_index import JournalIndex, read_index
from faceloop.session.journal_signal import BLOCK_FRAMES, JournalSignal, SampleDigest
from faceloop.session.summary import SUMMARY_NAME, Summary, summarise
from faceloop.session.timeline import timeline
from faceloop_protocol.limits import N_CHANNELS

__all__ = ["BDF_NAME", "EVENTS_NAME", "finalise"]

BDF_NAME = "recording.bdf"
EVENTS_NAME = "events.jsonl"
_SPARE_BYTES = 10_000_000

Progress = Callable[[int, int], None]


def finalise(journal_path: Path, out_path: Path, progress: Progress | None = None) -> Summary:
    """Turn a journal into a BDF+ file, read it back, and only then give it its name.

    ``session.json`` and ``events.jsonl`` are written beside ``out_path``; the journal stays.
    The samples wait in a temporary file in the same folder until all annotations are known. Memory
    does not grow with them.

    Parameters
    ----------
    journal_path : Path
        In any state: ended, torn, damaged, empty.
    out_path : Path
        Must not exist.
    progress : callable, optional
        Called as ``progress(done, total)``. May raise to give up; the journal is untouched.

    Raises
    ------
    SessionBusy
        If the journal is still being written, or finished by someone else.
    StorageError
        If the journal has no readable header, ``out_path`` exists, the disk is full or fails, the
        memory is too small, or the file does not read back as it should.
    """
    report = progress or (lambda done, total: None)
    if not journal_path.is_file():
        raise StorageError(f"{journal_path} does not exist. Choose a folder with a recording.")
    with SessionLock(journal_path.parent):
        if out_path.exists():
            raise StorageError(
                f"{out_path} exists already, and recordings are never overwritten. Choose another"
                " name."
            )
        return _finalise(read_index(journal_path), out_path, report)


def _finalise(index: JournalIndex, out_path: Path, report: Progress) -> Summary:
    n_frames = index.end_frame - index.start_frame
    record_frames = index.header.fs_hz // RECORDS_PER_S
    n_records = max(-(-n_frames // record_frames), 1)
    n_padded = n_records * record_frames
    total = 3 * n_frames
    temp = out_path.with_name(out_path.name + ".part")
    _discard(temp)  # what a finaliser left that was killed
    _require_space(out_path.parent, n_padded * N_CHANNELS * (SAMPLE_BYTES + 3))
    report(0, total)
    try:
        with Scratch(out_path.parent, n_padded) as scratch:
            signal, samples_sha256 = _decode(index, scratch, lambda n: report(n, total))
            marks = timeline(index, signal, n_padded - n_frames)
            summary = summarise(index, signal, marks, samples_sha256, n_padded - n_frames)
            annotations = [
                mark.annotation(index.start_frame, index.header.fs_hz) for mark in marks
            ]
            blocks, annotation_bytes = pack_annotations(
                annotations, n_records, index.header.start_local.microsecond
            )
            header = _header(index, n_records, annotation_bytes)
            heat = None
            if index.heat:
                fs_hz = index.header.fs_hz
                heat = heat_signals(index.heat, index.start_frame, n_records, fs_hz)
            windows = scratch.windows(WINDOW_RECORDS * record_frames)
            _write(temp, header, windows, blocks, heat)
        report(2 * n_frames, total)
        _check(temp, header, annotations, summary, lambda n: report(2 * n_frames + n, total), heat)
        lines = [mark.to_json(index.start_frame, index.header.fs_hz) for mark in marks]
        replace_file(
            out_path.with_name(EVENTS_NAME), b"".join(encode_json(line) + b"\n" for line in lines)
        )
        replace_file(out_path.with_name(SUMMARY_NAME), summary.encode())
        # Last: the recording counts as finished as soon as this name exists.
        temp.rename(out_path)
        sync_directory(out_path.parent)
    except OSError as error:
        _discard(temp)
        raise storage_error(error, out_path) from error
    except BaseException:
        _discard(temp)
        raise
    report(total, total)
    return summary


def _decode(
    index: JournalIndex, scratch: Scratch, report: Callable[[int], None]
) -> tuple[JournalSignal, str]:
    """Decode everything once; return what was found on the way and the digest of the samples."""
    signal = JournalSignal(index)
    digest = SampleDigest()
    n_done = 0
    for _, counts in signal.blocks(BLOCK_FRAMES):
        digest.update(counts)
        scratch.append(counts)
        n_done += len(counts)
        report(n_done)
    scratch.fill_up()
    return signal, digest.hexdigest()


def _header(index: JournalIndex, n_records: int, annotation_bytes: int) -> BdfHeader:
    board = re.sub(r"[^A-Za-z0-9_.-]", "_", index.header.board or "board")
    return BdfHeader(
        labels=index.header.labels,
        fs_hz=index.header.fs_hz,
        lsb_uv=index.header.lsb_uv,
        start_local=index.header.start_local,
        pseudonym=index.header.pseudonym,
        equipment=f"{EQUIPMENT}{board}"[:32],
        n_records=n_records,
        annotation_bytes=annotation_bytes,
        has_heat=bool(index.heat),
        filters=filter_text(index.header),
    )


def _discard(temp: Path) -> None:
    with contextlib.suppress(OSError):
        temp.unlink(missing_ok=True)


def _require_space(directory: Path, n_bytes: int) -> None:
    needed = n_bytes + _SPARE_BYTES
    free = free_bytes(directory)
    if free < needed:
        raise StorageError(
            f"Finishing the recording needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free on"
            f" the disk of {directory}. The journal is kept: free some space, then try again."
        )


def _write(
    temp: Path,
    header: BdfHeader,
    windows: Iterable[NDArray[np.int32]],
    blocks: Sequence[bytes],
    heat: NDArray[np.int32] | None,
) -> None:
    n_bytes = header.n_bytes + header.n_records * header.record_bytes
    _require_space(temp.parent, n_bytes)
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        write_bdf(fd, header, windows, blocks, heat)
        sync_file(fd)
    except MemoryError as error:
        raise StorageError(
            "The memory is too small to finish the recording. The journal is kept: close other"
            " programs, then try again."
        ) from error
    except ValueError as error:
        raise StorageError(
            f"The recording does not fit a BDF+ file ({error}). The journal is kept: update"
            " faceloop, then try again."
        ) from error
    finally:
        os.close(fd)


def _check(
    temp: Path,
    header: BdfHeader,
    annotations: Sequence[Annotation],
    summary: Summary,
    report: Callable[[int], None],
    heat: NDArray[np.int32] | None,
) -> None:
    check_bdf(
        temp,
        header,
        annotations,
        n_frames=summary.frames_total,
        samples_sha256=summary.samples_sha256,
        report=report,
        heat=heat,
    )
