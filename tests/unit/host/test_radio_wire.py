"""The framing between the board's `bluetooth` module and the radio."""

from __future__ import annotations

from faceloop.twin.radio.wire import FrameReader, Kind, frame

FRAMES = [
    (Kind.DONE, b""),
    (Kind.NOTIFY, bytes(range(240))),
    (Kind.CALL, b"{}"),
    (Kind.WRITE, bytes(600)),
]
STREAM = b"".join(frame(kind, payload) for kind, payload in FRAMES)


def test_frame_has_kind_and_little_endian_length() -> None:
    assert frame(Kind.CALL, b"ab") == b"\x01\x02\x00ab"
    assert frame(Kind.WRITE, bytes(600))[:3] == b"\x04\x58\x02"


def test_reader_whole_stream_gives_all_frames() -> None:
    assert list(FrameReader().feed(STREAM)) == FRAMES


def test_reader_split_at_every_byte_gives_the_same_frames() -> None:
    for cut in range(len(STREAM)):
        reader = FrameReader()
        assert list(reader.feed(STREAM[:cut])) + list(reader.feed(STREAM[cut:])) == FRAMES


def test_reader_byte_by_byte_gives_the_same_frames() -> None:
    reader = FrameReader()
    assert [f for i in range(len(STREAM)) for f in reader.feed(STREAM[i : i + 1])] == FRAMES


def test_reader_keeps_an_incomplete_frame() -> None:
    reader = FrameReader()
    assert list(reader.feed(STREAM[:-1])) == FRAMES[:-1]
    assert list(reader.feed(STREAM[-1:])) == FRAMES[-1:]
