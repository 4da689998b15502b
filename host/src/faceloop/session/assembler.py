"""Puts packets in order: what is new, what follows the live signal, what is still missing."""

from __future__ import annotations

from dataclasses import dataclass

from faceloop.device.board_link import Packet
from faceloop.session.coverage import Coverage, IntervalSet, extend_frame
from faceloop_protocol import control
from faceloop_protocol.stream import FLAG_HALF_RATE, FLAG_LATE, seq_distance

__all__ = ["Assembler", "Placed"]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a packet belongs.

    Parameters
    ----------
    first_frame : int
        Full frame index.
    n_frames : int
        Conversions that it covers.
    is_new : bool
        Whether any of them was missing until now.
    gap_before : int
        Frames missing between the live signal so far and this packet; -1 when the packet is not
        for the live signal (late, or from the past).
    """

    first_frame: int
    n_frames: int
    is_new: bool
    gap_before: int


class Assembler:
    """Order and completeness of one stream.

    Parameters
    ----------
    first_seq, first_frame : int
        Where the stream, or this host's part of it, begins.
    """

    def __init__(self, first_seq: int = 0, first_frame: int = 0) -> None:
        self.coverage = Coverage(first_frame)
        self._live_frame = first_frame
        self._near_frame = first_frame
        self._seqs = IntervalSet()
        self._first_seq = first_seq
        self._near_seq = first_seq
        self._seqs.add(first_seq - 1, 1)
        self.n_late = 0

    @property
    def next_seq(self) -> int:
        """First packet that is still missing, as a running number (wire: modulo 2**16)."""
        return self._seqs.run_end(self._first_seq - 1)

    @property
    def live_frame(self) -> int:
        """Next frame of the live signal."""
        return self._live_frame

    def add(self, packet: Packet) -> Placed:
        """Note a packet and say where it belongs."""
        header = packet.header
        seq = self._near_seq + seq_distance(header.seq, self._near_seq & 0xFFFF)
        first = extend_frame(header.first_frame, self._near_frame)
        n = header.n_frames * (2 if header.flags & FLAG_HALF_RATE else 1)
        self._near_seq = max(self._near_seq, seq)
        self._near_frame = max(self._near_frame, first)
        self._seqs.add(seq, 1)
        is_new = self.coverage.add(first, n) > 0
        if header.flags & FLAG_LATE:
            self.n_late += 1
        if header.flags & FLAG_LATE or first < self._live_frame or not is_new:
            return Placed(first, n, is_new, -1)
        gap = first - self._live_frame
        self._live_frame = first + n
        return Placed(first, n, is_new, gap)

    def missing_packets(self) -> list[tuple[int, int]]:
        """Return ``(first_seq, count)`` of every missing run of packets, as running numbers."""
        return self._seqs.holes(self._first_seq, self._near_seq + 1)

    def settle(self, extent: control.StreamExtent) -> list[tuple[int, int]]:
        """The board tells what it still holds: what is older and missing is lost for ever.

        Returns
        -------
        list of (int, int)
            ``(first_frame, n)`` of the ranges that were declared lost now.
        """
        oldest_seq = self._near_seq + seq_distance(extent.oldest_seq, self._near_seq & 0xFFFF)
        oldest_frame = extend_frame(extent.oldest_frame, self._near_frame)
        if oldest_seq <= self.next_seq:
            return []
        lost = self.coverage.waiting(oldest_frame)
        for first, n in lost:
            self.coverage.declare_lost(first, n)
        self._seqs.add(self._first_seq, oldest_seq - self._first_seq)
        return lost

    def finish(self, end: control.StreamEnd) -> tuple[int, int]:
        """Return ``(end_seq, end_frame)`` of a stopped stream as running numbers."""
        end_seq = self._near_seq + seq_distance(end.end_seq, self._near_seq & 0xFFFF)
        return end_seq, extend_frame(end.end_frame, self._near_frame)
