"""A journal read back: what is in it, where, and its samples in the order of their frames."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop.errors import StorageError
from faceloop.session.coverage import Coverage, extend_frame
from faceloop.session.disk import storage_error
from faceloop.session.heat_record import HeatReading, decode_reading
from faceloop.session.journal_format import (
    END_UNKNOWN,
    NO_FRAME,
    Chunk,
    ChunkType,
    Damage,
    decode_end,
    decode_gap,
    decode_json,
    scan,
    split_packets,
)
from faceloop.session.journal_header import JournalHeader
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.stream import FLAG_ENCRYPTED, FLAG_HALF_RATE, FLAG_LATE, decode_header

__all__ = ["JournalEvent", "JournalIndex", "ResumePoint", "find_resume_point", "read_index"]

MAX_HOURS = 24  # longest recording; packets further off are counted, not believed
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """An EVENT chunk.

    Parameters
    ----------
    frame : int
        Full frame index; for an event without a place in the signal the newest frame that had
        been recorded by then.
    host_time_ns : int
        UTC, nanoseconds since 1970.
    content : dict
        As given to ``Journal.append_event``.
    """

    frame: int
    host_time_ns: int
    content: dict[str, Any]


@dataclass(slots=True)
class JournalIndex:
    """Everything in a journal but the samples; those stay in the file until they are needed.

    Parameters
    ----------
    first_frame : ndarray of int64, shape (n_packets,)
        Full index of each packet's first frame, ascending; equal ones in file order.
    n_frames : ndarray of int64, shape (n_packets,)
        Conversions that a packet spans (twice its frames at half rate).
    flags, lead_off_p, lead_off_n : ndarray of uint8, shape (n_packets,)
        From the packet headers.
    offset : ndarray of int64, shape (n_packets,)
        Of the packet in the file.
    n_bytes : ndarray of uint8, shape (n_packets,)
    is_live : ndarray of bool, shape (n_packets,)
        Whether the live session judged the packet; to it, everything else was a gap.
    start_frame, end_frame : int
        Range of the recording, end excluded.
    declared_lost : list of (int, int)
        ``(first, n)`` of GAP chunks.
    is_ended : bool
        An END chunk is there: the recording was ended on purpose.
    n_outside : int
        Packets that lie wholly before the recording or more than 24 h after its start.
    n_unreadable : int
        Packets whose header breaks the protocol, and chunks whose content does.
    n_events_outside : int
        Events at a frame before the recording; they are left out.
    heat : list of HeatReading
        As they came.
    last_state : bytes
        Body of the newest ``state`` message, empty if there was none.
    damage : list of Damage
    n_chunks : int
        Intact ones.
    """

    path: Path
    header: JournalHeader
    first_frame: NDArray[np.int64]
    n_frames: NDArray[np.int64]
    flags: NDArray[np.uint8]
    lead_off_p: NDArray[np.uint8]
    lead_off_n: NDArray[np.uint8]
    offset: NDArray[np.int64]
    n_bytes: NDArray[np.uint8]
    is_live: NDArray[np.bool_]
    start_frame: int = 0
    end_frame: int = 0
    events: list[JournalEvent] = field(default_factory=list)
    declared_lost: list[tuple[int, int]] = field(default_factory=list)
    is_ended: bool = False
    n_outside: int = 0
    n_unreadable: int = 0
    n_events_outside: int = 0
    last_state: bytes = b""
    heat: list[HeatReading] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    n_chunks: int = 0

    @property
    def is_end_known(self) -> bool:
        """Whether the board has said where its stream ends."""
        return self.is_ended and all(
            event.content.get("kind") != END_UNKNOWN for event in self.events
        )

    @property
    def n_packets(self) -> int:
        """Packets inside the recording."""
        return len(self.first_frame)

    def coverage(self) -> Coverage:
        """Return which frames the packets' headers promise; for a recording that goes on."""
        coverage = Coverage(self.start_frame)
        for first, n in zip(self.first_frame.tolist(), self.n_frames.tolist(), strict=True):
            coverage.add(first, n)
        for first, n in self.declared_lost:
            coverage.declare_lost(first, n)
        return coverage


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where and how a journal can be continued."""

    header: JournalHeader
    end_offset: int
    next_sequence: int
    near_frame: int | None
    is_ended: bool


def find_resume_point(path: Path) -> ResumePoint:
    """Return where to go on after the last intact chunk.

    Raises
    ------
    StorageError
        If the file cannot be read or holds no readable header.
    """
    header = None
    end_offset = next_sequence = 0
    near_frame = None
    is_ended = False
    for chunk in scan_file(path):
        if isinstance(chunk, Damage):
            continue
        end_offset, next_sequence = chunk.end, chunk.sequence + 1
        if chunk.type == ChunkType.HEADER:
            header = header or _header_in(chunk)
        elif chunk.type == ChunkType.PACKETS:
            near_frame = chunk.frame
        elif chunk.type == ChunkType.END:
            is_ended = True
    if header is None:
        raise _no_header(path)
    near_frame = header.first_frame if near_frame is None else near_frame
    return ResumePoint(header, end_offset, next_sequence, near_frame, is_ended)


def scan_file(path: Path) -> Iterator[Chunk | Damage]:
    """Yield what ``scan`` finds in a file; ``StorageError`` if it cannot be read."""
    yield from scan(_blocks_of(path))


def _blocks_of(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                yield block
    except OSError as error:
        raise storage_error(error, path) from error


def _header_in(chunk: Chunk) -> JournalHeader:
    return JournalHeader.from_json(decode_json(chunk.payload))


def _no_header(path: Path) -> StorageError:
    return StorageError(
        f"{path} has no readable header, so its signal cannot be scaled or named. Restore the"
        " file from a backup."
    )


def read_index(path: Path) -> JournalIndex:
    """Read a journal, whatever state it is in.

    Raises
    ------
    StorageError
        If the file cannot be read or holds no readable header.
    """
    collector = _Collector()
    for item in scan_file(path):
        collector.take(item)
    return collector.result(path)


class _Collector:
    """Packet headers in growing columns: an hour has 720,000 of them at 10 ms each."""

    def __init__(self) -> None:
        self.header: JournalHeader | None = None
        self.first = array("q")
        self.span = array("q")
        self.flags = array("B")
        self.lead_off_p = array("B")
        self.lead_off_n = array("B")
        self.offset = array("q")
        self.n_bytes = array("B")
        self.newest = NO_FRAME
        self.end_frames: list[int] = []
        self.events: list[JournalEvent] = []
        self.declared_lost: list[tuple[int, int]] = []
        self.is_ended = False
        self.n_unreadable = 0
        self.last_state = b""
        self.heat: list[HeatReading] = []
        self.damage: list[Damage] = []
        self.n_chunks = 0

    def take(self, item: Chunk | Damage) -> None:
        if isinstance(item, Damage):
            self.damage.append(item)
            return
        self.n_chunks += 1
        if item.type == ChunkType.HEADER:
            # A header that this program cannot read must stop it, not be passed over.
            self.header = self.header or _header_in(item)
            return
        try:
            self._take_content(item)
        except StorageError:
            self.n_unreadable += 1

    def _take_content(self, chunk: Chunk) -> None:
        if chunk.type == ChunkType.PACKETS:
            self._take_packets(chunk)
        elif chunk.type == ChunkType.EVENT:
            begin = self.header.first_frame if self.header is not None else None
            newest = self.newest if begin is None else max(self.newest, begin)
            frame = newest if chunk.frame < 0 else chunk.frame
            content = decode_json(chunk.payload)
            self.events.append(JournalEvent(frame, chunk.host_time_ns, content))
        elif chunk.type == ChunkType.STATE:
            self.last_state = chunk.payload
        elif chunk.type == ChunkType.HEAT:
            reading = decode_reading(chunk.frame, chunk.payload)
            if reading is None:
                self.n_unreadable += 1
            else:
                self.heat.append(reading)
        elif chunk.type == ChunkType.GAP:
            first, n = decode_gap(chunk.payload)
            self.declared_lost.append((first, n))
            self.end_frames.append(first + n)
        elif chunk.type == ChunkType.END:
            self.end_frames.append(decode_end(chunk.payload))
            self.is_ended = True

    def _take_packets(self, chunk: Chunk) -> None:
        near = chunk.frame
        for position, packet in split_packets(chunk.payload):
            try:
                header = decode_header(packet)
            except ProtocolError:
                self.n_unreadable += 1
                continue
            if header.flags & FLAG_ENCRYPTED:
                self.n_unreadable += 1
                continue
            near = extend_frame(header.first_frame, near)
            span = header.n_frames * (2 if header.flags & FLAG_HALF_RATE else 1)
            self.first.append(near)
            self.span.append(span)
            self.flags.append(header.flags)
            self.lead_off_p.append(header.lead_off_p)
            self.lead_off_n.append(header.lead_off_n)
            self.offset.append(chunk.payload_offset + position)
            self.n_bytes.append(len(packet))
            self.newest = max(self.newest, near + span - 1)

    def result(self, path: Path) -> JournalIndex:
        if self.header is None:
            raise _no_header(path)
        first = np.frombuffer(self.first, np.int64)
        span = np.frombuffer(self.span, np.int64)
        longest = MAX_HOURS * 3600 * self.header.fs_hz
        start = self.header.first_frame
        if start is None:
            near = first[np.abs(first - first[0]) < longest] if len(first) else first
            start = int(near.min()) if len(near) else 0
        is_inside = (first + span > start) & (first + span <= start + longest)
        order = np.flatnonzero(is_inside)
        order = order[np.argsort(first[order], kind="stable")]
        ends = [end for end in self.end_frames if start < end <= start + longest]
        if len(order):
            ends.append(int((first[order] + span[order]).max()))
        # Without a place in the signal, and before any packet: at the start.
        events = [
            event if event.frame >= 0 else replace(event, frame=start) for event in self.events
        ]
        # Where the beginning is not known, only found, an event may be all that is left of it.
        begin = self.header.first_frame or 0
        events_inside = [event for event in events if event.frame >= begin]
        flags = np.frombuffer(self.flags, np.uint8)[order]
        offset = np.frombuffer(self.offset, np.int64)[order]
        return JournalIndex(
            path=path,
            header=self.header,
            first_frame=first[order],
            n_frames=span[order],
            flags=flags,
            lead_off_p=np.frombuffer(self.lead_off_p, np.uint8)[order],
            lead_off_n=np.frombuffer(self.lead_off_n, np.uint8)[order],
            offset=offset,
            n_bytes=np.frombuffer(self.n_bytes, np.uint8)[order],
            is_live=_live_packets(first[order], span[order], flags, offset, start),
            start_frame=start,
            end_frame=max(ends, default=start),
            events=events_inside,
            declared_lost=self.declared_lost,
            is_ended=self.is_ended,
            n_outside=len(first) - len(order),
            n_unreadable=self.n_unreadable,
            n_events_outside=len(events) - len(events_inside),
            last_state=self.last_state,
            heat=self.heat,
            damage=self.damage,
            n_chunks=self.n_chunks,
        )


def _live_packets(
    first: NDArray[np.int64],
    span: NDArray[np.int64],
    flags: NDArray[np.uint8],
    offset: NDArray[np.int64],
    start_frame: int,
) -> NDArray[np.bool_]:
    """Say which packets followed the live signal when they came, as ``Assembler.add`` does."""
    is_live = np.zeros(len(first), np.bool_)
    live_frame = start_frame
    in_order_of_arrival = np.argsort(offset)
    punctual = in_order_of_arrival[(flags[in_order_of_arrival] & FLAG_LATE) == 0]
    for i, at, n in zip(
        punctual.tolist(), first[punctual].tolist(), span[punctual].tolist(), strict=True
    ):
        if at >= live_frame:
            is_live[i] = True
            live_frame = at + n
    return is_live
