from __future__ import annotations

import pytest

from faceloop_protocol import stream
from faceloop_protocol.errors import ProtocolError


def packet(**changes: int) -> bytes:
    fields = {
        "flags": 4,
        "seq": 7,
        "first_frame": 123456,
        "dropped": 3,
        "lead_off_p": 0x81,
        "lead_off_n": 0x42,
        "n_frames": 20,
    } | changes
    buf = bytearray(20)
    stream.pack_header_into(buf, **fields)
    return bytes(buf)


def test_header_comes_back_as_it_was_packed() -> None:
    header = stream.decode_header(packet())
    assert header == (4, 7, 123456, 3, 0x81, 0x42, 20)


def test_header_counters_wrap() -> None:
    header = stream.decode_header(packet(seq=65536 + 5, first_frame=2**32 + 9, dropped=65537))
    assert (header.seq, header.first_frame, header.dropped) == (5, 9, 1)


def test_header_layout_is_the_documented_one() -> None:
    assert packet()[:13].hex() == "1104070040e2010003008142" + "14"


@pytest.mark.parametrize(
    "broken",
    [b"", bytes(13), packet()[:13], packet() + bytes(230), b"\x12" + packet()[1:]],
    ids=["empty", "zeros", "no payload", "too long", "other kind"],
)
def test_header_of_broken_packet_raises_one_class(broken: bytes) -> None:
    with pytest.raises(ProtocolError):
        stream.decode_header(broken)


@pytest.mark.parametrize("n_frames", [0, 41, 255])
def test_header_frame_count_is_bounded(n_frames: int) -> None:
    with pytest.raises(ProtocolError, match="1-40"):
        stream.decode_header(packet(n_frames=n_frames))


@pytest.mark.parametrize(
    ("newer", "older", "distance"),
    [(5, 3, 2), (3, 5, -2), (1, 65535, 2), (65535, 1, -2), (0x8000, 1, 0x7FFF)],
)
def test_seq_distance_crosses_the_wrap(newer: int, older: int, distance: int) -> None:
    assert stream.seq_distance(newer, older) == distance
