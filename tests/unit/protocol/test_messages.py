from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_protocol import control, info, reports, serial_frame, state, texts
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.limits import TAG_BYTES


def test_reply_round_trip() -> None:
    message = control.pack_reply(control.START, 77, control.OK, b"\x01\x02\x03\x04")
    assert control.decode_reply(message) == (control.START, 77, control.OK, b"\x01\x02\x03\x04")


@pytest.mark.parametrize("broken", [b"", b"\x81\x00\x00\x00\x00", b"\x01\x00\x00\x00\x00\x00"])
def test_reply_that_is_none_raises(broken: bytes) -> None:
    with pytest.raises(ProtocolError):
        control.decode_reply(broken)


def test_tagged_command_is_taken_apart() -> None:
    message = control.pack_tagged(control.ACK, 5, b"body") + b"12345678"
    assert control.counter_of(message) == 5
    assert message[control.BODY_AT : -TAG_BYTES] == b"body"


@given(st.binary(max_size=12))
def test_tagged_command_that_is_too_short_raises(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        control.counter_of(data)


def test_every_status_and_fault_has_words() -> None:
    statuses = {
        value
        for name, value in vars(control).items()
        if name.isupper() and isinstance(value, int) and name in STATUS_NAMES
    }
    assert set(texts.STATUS_TEXT) == statuses
    faults = {
        value
        for name, value in vars(state).items()
        if name.startswith("FAULT_") and isinstance(value, int)
    }
    assert set(texts.FAULT_TEXT) == faults


STATUS_NAMES = {
    "OK", "NOT_FITTED", "PROOF_NEEDED", "BAD_PROOF", "BAD_TAG", "BAD_COUNTER", "BAD_LENGTH",
    "OUT_OF_RANGE", "UNKNOWN_COMMAND", "BUSY", "NO_STREAM", "GONE", "CONVERTER_FAULT",
    "POWER_REFUSED", "VERSION_MISMATCH", "RATE_LIMITED", "BACK_OFF", "SMALL_MTU", "HEAT_REFUSED",
}  # fmt: skip


def test_struct_sizes_are_the_documented_ones() -> None:
    assert struct.calcsize(state.STATE_FORMAT) == state.STATE_BYTES
    assert struct.calcsize(info.INFO_FORMAT) == info.INFO_BYTES


def test_state_of_an_older_and_of_a_newer_board_is_understood() -> None:
    now = bytes(range(state.STATE_BYTES))
    whole = reports.decode_state(now)
    assert whole.radio == 52
    assert whole.refused == 53 | 54 << 8
    assert reports.decode_state(now + b"more") == whole
    old = reports.decode_state(now[:44])
    assert old[:20] == whole[:20]
    assert not any(old[20:])
    assert reports.decode_state(now[:53]) == (*whole[:-1], 0)
    with pytest.raises(ProtocolError):
        reports.decode_state(now[:43])


def test_info_round_trip() -> None:
    board = info.Info(
        1, (0, 1, 2), info.BOARD_VIRTUAL, 0x92, 8, 2000, 12, 23841861, 4, 256, 32, 0,
        b"12345678", 99, "MicroPython 1.29.0; linux",
    )  # fmt: skip
    assert info.decode_info(info.pack_info(board)) == board


@given(st.binary(max_size=80))
def test_info_and_state_parsers_raise_one_class_or_nothing(data: bytes) -> None:
    for parse in (info.decode_info, reports.decode_state, control.decode_reply):
        with contextlib.suppress(ProtocolError):
            parse(data)


@given(st.integers(0, 255), st.binary(max_size=243))
def test_serial_frame_survives_both_encodings(channel: int, message: bytes) -> None:
    line = serial_frame.encode_line(channel, message)
    assert serial_frame.decode_line(line) == (channel, message)
    data = serial_frame.frame(channel, message)
    block = bytearray(len(data) + 3)
    n = serial_frame.cobs_encode_into(block, data)
    assert block[n - 1] == 0 and 0 not in block[: n - 1]
    assert serial_frame.unframe(serial_frame.cobs_decode(bytes(block[: n - 1]))) == (
        channel,
        message,
    )


@given(st.binary(max_size=300))
def test_serial_parsers_raise_one_class_or_nothing(data: bytes) -> None:
    for parse in (serial_frame.unframe, serial_frame.cobs_decode, serial_frame.decode_line):
        with contextlib.suppress(ProtocolError):
            parse(data)


def test_serial_line_of_other_text_is_ignored() -> None:
    assert serial_frame.decode_line(b"Traceback (most recent call last):\r\n") is None


@pytest.mark.parametrize("place", range(12))
def test_serial_frame_with_a_flipped_bit_is_refused(place: int) -> None:
    data = bytearray(serial_frame.frame(2, b"payload"))
    data[place] ^= 0x10
    with pytest.raises(ProtocolError):
        serial_frame.unframe(bytes(data))
