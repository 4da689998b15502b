"""The compiled decoder against the reference codec: same values, same verdict on any bytes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceloop_dsp import decode_payload
from faceloop_protocol import rice
from faceloop_protocol.errors import ProtocolError

VECTORS = Path(__file__).parents[2] / "vectors" / "rice.json"
CONTENT: dict[str, Any] = json.loads(VECTORS.read_text(encoding="ascii"))


def reference(payload: bytes, n_frames: int, shift: int) -> NDArray[np.int32] | None:
    """Return what the reference codec makes of the bytes, None when it refuses them."""
    try:
        return np.array(rice.decode(payload, n_frames, shift), np.int32) << shift
    except ProtocolError:
        return None


def assert_same(payload: bytes, n_frames: int, shift: int) -> None:
    expected = reference(payload, n_frames, shift)
    if expected is None:
        with pytest.raises(ValueError, match="stream payload"):
            decode_payload(payload, n_frames, shift)
    else:
        np.testing.assert_array_equal(decode_payload(payload, n_frames, shift), expected)


@st.composite
def encoded(draw: st.DrawFn) -> tuple[bytes, int, int]:
    shift = draw(st.integers(0, 7))
    half = 1 << (23 - shift)
    n = draw(st.integers(1, 12))
    size = draw(st.sampled_from([1, 3, 50, 4000, half]))
    value = st.integers(-min(size, half), min(size, half) - 1)
    frames = draw(st.lists(st.lists(value, min_size=8, max_size=8), min_size=n, max_size=n))
    return rice.encode(frames, shift), n, shift


@pytest.mark.parametrize("case", CONTENT["cases"], ids=lambda case: case["name"])
def test_decode_payload_vector_gives_the_frames(case: dict[str, Any]) -> None:
    counts = decode_payload(bytes.fromhex(case["payload"]), case["n_frames"], case["shift"])
    assert counts.dtype == np.int32
    assert counts.flags.c_contiguous
    np.testing.assert_array_equal(counts, np.array(case["frames"]) * 2 ** case["shift"])


@pytest.mark.parametrize("case", CONTENT["refused"], ids=lambda case: case["name"])
def test_decode_payload_malformed_vector_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="stream payload"):
        decode_payload(bytes.fromhex(case["payload"]), case["n_frames"], case["shift"])


def test_vectors_are_those_of_the_script() -> None:
    spec = importlib.util.spec_from_file_location("make_rice", VECTORS.with_name("make_rice.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert VECTORS.read_text(encoding="ascii") == module.text()


@given(encoded())
def test_decode_payload_own_encoding_round_trips(sent: tuple[bytes, int, int]) -> None:
    payload, n_frames, shift = sent
    assert reference(payload, n_frames, shift) is not None
    assert_same(payload, n_frames, shift)


@given(encoded(), st.data())
def test_decode_payload_damaged_has_the_reference_verdict(
    sent: tuple[bytes, int, int], data: st.DataObject
) -> None:
    payload, n_frames, shift = sent
    damage = data.draw(st.sampled_from(["flip", "cut", "double", "frames", "shift"]))
    if damage == "flip":
        flipped = bytearray(payload)
        for bit in data.draw(st.lists(st.integers(0, 8 * len(payload) - 1), max_size=4)):
            flipped[bit // 8] ^= 1 << bit % 8
        payload = bytes(flipped)
    elif damage == "cut":
        payload = payload[: data.draw(st.integers(0, len(payload)))]
    elif damage == "double":
        payload += payload
    elif damage == "frames":
        n_frames = data.draw(st.integers(1, 40))
    else:
        shift = data.draw(st.integers(0, 7))
    assert_same(payload, n_frames, shift)


@given(st.binary(max_size=300), st.integers(1, 40), st.integers(0, 7))
def test_decode_payload_random_bytes_have_the_reference_verdict(
    payload: bytes, n_frames: int, shift: int
) -> None:
    assert_same(payload, n_frames, shift)


def test_decode_payload_cut_at_every_byte_is_refused() -> None:
    case = next(case for case in CONTENT["cases"] if case["name"] == "rest_40_frames")
    payload = bytes.fromhex(case["payload"])
    for end in range(len(payload)):
        with pytest.raises(ValueError, match="stream payload"):
            decode_payload(payload[:end], case["n_frames"], case["shift"])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_decode_payload_any_buffer_gives_the_same(kind: Any) -> None:
    case = CONTENT["cases"][0]
    payload = kind(bytes.fromhex(case["payload"]))
    counts = decode_payload(payload, case["n_frames"], case["shift"])
    np.testing.assert_array_equal(counts, np.array(case["frames"]) << case["shift"])


@pytest.mark.parametrize(("n_frames", "shift"), [(0, 4), (-1, 4), (1, 8), (1, -1)])
def test_decode_payload_argument_out_of_range_is_refused(n_frames: int, shift: int) -> None:
    with pytest.raises(ValueError, match=r"must be at least 1|allowed are 0-7"):
        decode_payload(b"\0" * 40, n_frames, shift)


def test_decode_payload_absurd_frame_count_is_refused_without_memory() -> None:
    with pytest.raises(ValueError, match="ends too early"):
        decode_payload(b"\0" * 40, 2**40, 4)
