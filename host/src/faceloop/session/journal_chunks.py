"""Chunks of a journal that wait to be written."""

from __future__ import annotations

from collections.abc import Callable

from faceloop.session.journal_format import (
    NO_FRAME,
    OVERHEAD_BYTES,
    ChunkType,
    encode_chunk,
    encode_json,
)
from faceloop.session.journal_header import JournalHeader

__all__ = ["PendingChunks"]

BATCH_BYTES = 4096 - OVERHEAD_BYTES
_HEADER_EVERY_BYTES = 1 << 20  # a bad sector at the start of the file must not cost the recording


class PendingChunks:
    """Whole chunks, and the packets of the one that is being filled. Not thread-safe.

    Parameters
    ----------
    header : JournalHeader
        Repeated after every MiB of packets.
    sequence : int
        Of the next chunk.
    now_utc_ns : callable
    """

    def __init__(
        self, header: JournalHeader, sequence: int, now_utc_ns: Callable[[], int]
    ) -> None:
        self._header = header
        self._sequence = sequence
        self._now_utc_ns = now_utc_ns
        self._since_header_bytes = 0
        self._chunks = bytearray()
        self._batch = bytearray()
        self._batch_frame = NO_FRAME
        self._batch_time_ns = 0

    @property
    def has_whole_chunk(self) -> bool:
        """Whether there is more than the batch that is being filled."""
        return bool(self._chunks)

    def add_packet(self, packet: bytes, frame: int) -> None:
        """Add a packet whose first frame has this full index."""
        if len(self._batch) + 1 + len(packet) > BATCH_BYTES:
            self._seal_batch()
        if not self._batch:
            self._batch_frame = frame
            self._batch_time_ns = self._now_utc_ns()
        self._batch.append(len(packet))
        self._batch += packet

    def add(self, kind: ChunkType, frame: int, payload: bytes) -> None:
        """Add a chunk after all packets so far."""
        self._seal_batch()
        self._add(kind, frame, payload)

    def add_header(self) -> None:
        """Add another copy of the header after all packets so far."""
        self._seal_batch()
        self._add_header()

    def take(self) -> bytes:
        """Return everything, the batch closed, and be empty."""
        self._seal_batch()
        data = bytes(self._chunks)
        self._chunks.clear()
        return data

    def _seal_batch(self) -> None:
        if self._batch:
            self._chunks += encode_chunk(
                ChunkType.PACKETS,
                self._sequence,
                self._batch_frame,
                self._batch_time_ns,
                self._batch,
            )
            self._sequence += 1
            self._since_header_bytes += len(self._batch)
            self._batch.clear()
            if self._since_header_bytes >= _HEADER_EVERY_BYTES:
                self._add_header()

    def _add_header(self) -> None:
        self._add(ChunkType.HEADER, NO_FRAME, encode_json(self._header.to_json()))
        self._since_header_bytes = 0

    def _add(self, kind: ChunkType, frame: int, payload: bytes) -> None:
        self._chunks += encode_chunk(kind, self._sequence, frame, self._now_utc_ns(), payload)
        self._sequence += 1
