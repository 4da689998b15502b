from __future__ import annotations

import pytest

from faceloop.device.board_link import Packet
from faceloop.session.assembler import Assembler
from faceloop_protocol.control import StreamExtent
from faceloop_protocol.stream import FLAG_HALF_RATE, FLAG_LATE, StreamHeader


def packet(seq: int, first_frame: int, n_frames: int = 20, flags: int = 4) -> Packet:
    header = StreamHeader(flags, seq & 0xFFFF, first_frame & 0xFFFFFFFF, 0, 0, 0, n_frames)
    return Packet(b"", header, 0.0)


def test_packets_in_order_have_no_gaps() -> None:
    assembler = Assembler()
    for i in range(100):
        placed = assembler.add(packet(i, 20 * i))
        assert (placed.first_frame, placed.gap_before, placed.is_new) == (20 * i, 0, True)
    assert assembler.next_seq == 100
    assert assembler.coverage.gaps() == []


def test_missing_packet_shows_as_gap_and_is_filled_late() -> None:
    assembler = Assembler()
    assembler.add(packet(0, 0))
    assert assembler.add(packet(2, 40)).gap_before == 20
    assert assembler.next_seq == 1
    assert assembler.missing_packets() == [(1, 1)]
    late = assembler.add(packet(1, 20, flags=4 | FLAG_LATE))
    assert (late.gap_before, late.is_new) == (-1, True)
    assert assembler.next_seq == 3
    assert assembler.coverage.n_missing() == 0


def test_duplicate_is_not_new() -> None:
    assembler = Assembler()
    assembler.add(packet(0, 0))
    assert assembler.add(packet(0, 0)).is_new is False


def test_counters_wrap_without_a_gap() -> None:
    seq, frame = 65530, 2**32 - 100
    assembler = Assembler(seq, frame)
    for i in range(20):
        placed = assembler.add(packet(seq + i, frame + 20 * i))
        assert placed.gap_before == 0
        assert placed.first_frame == frame + 20 * i
    assert assembler.next_seq == seq + 20


def test_half_rate_packet_covers_two_conversions_a_frame() -> None:
    assembler = Assembler()
    assert assembler.add(packet(0, 0, 20, 4 | FLAG_HALF_RATE)).n_frames == 40
    assert assembler.live_frame == 40


def test_what_the_board_no_longer_holds_is_lost_for_ever() -> None:
    assembler = Assembler()
    assembler.add(packet(0, 0))
    assembler.add(packet(10, 200))
    lost = assembler.settle(StreamExtent(1, 6, 120, 11, 220, 1))
    assert lost == [(20, 100)]
    assert assembler.next_seq == 6
    assert assembler.missing_packets() == [(6, 4)]
    assert assembler.settle(StreamExtent(1, 6, 120, 11, 220, 1)) == []
    assert assembler.coverage.gaps() == [(20, 180)]


@pytest.mark.parametrize("first_seq", [0, 40000])
def test_late_packet_before_the_start_is_ignored(first_seq: int) -> None:
    assembler = Assembler(first_seq, 1000)
    placed = assembler.add(packet(first_seq - 1, 980, flags=4 | FLAG_LATE))
    assert placed.is_new is False
