"""The samples of a journal in the order of their frames, block by block in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from faceloop.session.coverage import Coverage
from faceloop.session.disk import storage_error
from faceloop.session.journal_index import JournalIndex
from faceloop_dsp import decode_payload
from faceloop_protocol.limits import HEADER_BYTES, MAX_FRAMES, N_CHANNELS
from faceloop_protocol.stream import FLAG_HALF_RATE, SHIFT_MASK

__all__ = ["BLOCK_FRAMES", "JournalSignal", "SampleDigest"]

BLOCK_FRAMES = 120_000  # one minute at 2 kSPS: 4 MB
_LONGEST_SPAN = 2 * MAX_FRAMES


class SampleDigest:
    """SHA-256 of a recording's samples: int32 counts, little-endian, frame after frame."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, counts: NDArray[np.int32]) -> None:
        """Add frames, shape (n_frames, 8)."""
        self._hash.update(np.ascontiguousarray(counts, dtype="<i4").data)

    def hexdigest(self) -> str:
        """Return the digest so far."""
        return self._hash.hexdigest()


class JournalSignal:
    """One pass over the samples of a journal.

    Of two packets that hold the same frames, the one that begins earlier counts, then the one
    that was recorded earlier. So the result depends neither on block size nor on arrival order.

    Parameters
    ----------
    index : JournalIndex

    Attributes
    ----------
    coverage : Coverage
        Frames decoded so far.
    conflicts : list of (int, int)
        ``(first, n)`` of frames that came twice with different values; ``n`` spans from the first
        to the last frame that differs.
    n_unreadable : int
        Packets whose payload could not be decoded; their frames are missing.
    """

    def __init__(self, index: JournalIndex) -> None:
        self.index = index
        self.coverage = Coverage(index.start_frame)
        self.conflicts: list[tuple[int, int]] = []
        self.n_unreadable = 0

    def blocks(self, block_frames: int = BLOCK_FRAMES) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """Yield ``(first_frame, counts)`` from the start to the end of the recording.

        Parameters
        ----------
        block_frames : int
            Frames in each block but the last.

        Yields
        ------
        first_frame : int
        counts : ndarray of int32, shape (n, 8)
            Zeros where frames are missing. Overwritten by the next block.

        Raises
        ------
        StorageError
            If the file can no longer be read.
        """
        index = self.index
        # A packet lies in the block of its first frame and may spill into the next one.
        buffer = np.zeros((block_frames + _LONGEST_SPAN, N_CHANNELS), np.int32)
        starts = np.maximum(index.first_frame, index.start_frame)
        columns = (index.first_frame, index.n_frames, index.flags, index.offset, index.n_bytes)
        try:
            with index.path.open("rb") as file:
                for begin in range(index.start_frame, index.end_frame, block_frames):
                    low, high = np.searchsorted(starts, (begin, begin + block_frames))
                    packets = zip(*(c[low:high].tolist() for c in columns), strict=True)
                    for first, span, flags, offset, n_bytes in packets:
                        file.seek(offset + HEADER_BYTES)
                        payload = file.read(n_bytes - HEADER_BYTES)
                        rows = self._decoded(payload, span, flags)
                        if rows is not None:
                            self._place(first, rows, buffer, begin)
                    n = min(block_frames, index.end_frame - begin)
                    yield begin, buffer[:n]
                    buffer[:_LONGEST_SPAN] = buffer[block_frames:]
                    buffer[_LONGEST_SPAN:] = 0
        except OSError as error:
            raise storage_error(error, index.path) from error

    def _decoded(self, payload: bytes, span: int, flags: int) -> NDArray[np.int32] | None:
        is_half_rate = bool(flags & FLAG_HALF_RATE)
        try:
            rows = decode_payload(payload, span // 2 if is_half_rate else span, flags & SHIFT_MASK)
        except ValueError:
            self.n_unreadable += 1
            return None
        return np.repeat(rows, 2, axis=0) if is_half_rate else rows

    def _place(
        self, first: int, rows: NDArray[np.int32], buffer: NDArray[np.int32], begin: int
    ) -> None:
        before = self.index.start_frame - first
        if before > 0:
            rows = rows[before:]
            first += before
        n_new = self.coverage.add(first, len(rows))
        # Packets come in ascending order, so whatever is known already is at the front.
        n_known = len(rows) - n_new
        at = first - begin
        if n_known:
            differs = np.flatnonzero((buffer[at : at + n_known] != rows[:n_known]).any(axis=1))
            if len(differs):
                low, high = int(differs[0]), int(differs[-1])
                self.conflicts.append((first + low, high - low + 1))
        buffer[at + n_known : at + len(rows)] = rows[n_known:]
