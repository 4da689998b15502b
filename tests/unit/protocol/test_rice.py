"""The reference codec by its vectors; what it is the reference for is tested beside that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from faceloop_protocol import rice
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.limits import MAX_PAYLOAD_BYTES

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "rice.json"
CONTENT = json.loads(VECTORS.read_text(encoding="ascii"))


def name_of(case: dict[str, Any]) -> str:
    return case["name"]


@pytest.mark.parametrize("case", CONTENT["cases"], ids=name_of)
def test_vector_is_encoded_and_decoded(case: dict[str, Any]) -> None:
    payload = bytes.fromhex(case["payload"])
    assert rice.encode(case["frames"], case["shift"]) == payload
    assert rice.decode(payload, case["n_frames"], case["shift"]) == case["frames"]


@pytest.mark.parametrize("case", CONTENT["refused"], ids=name_of)
def test_vector_that_no_decoder_may_take_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        rice.decode(bytes.fromhex(case["payload"]), case["n_frames"], case["shift"])


@pytest.mark.parametrize("shift", [0, 4, 7])
def test_as_many_frames_as_fit_are_chosen(shift: int) -> None:
    """The dearest signal there is: every value costs its full width."""
    half = 1 << (23 - shift)
    rails = [[half - 1 if (i + c) % 2 else -half for c in range(8)] for i in range(40)]
    n = rice.frames_that_fit(rails, shift)
    assert len(rice.encode(rails[:n], shift)) <= MAX_PAYLOAD_BYTES
    assert len(rice.encode(rails[: n + 1], shift)) > MAX_PAYLOAD_BYTES
    assert rice.frames_that_fit([[0] * 8] * 40, shift) == 40


@pytest.mark.parametrize(
    ("difference", "folded"),
    [(0, 0), (-1, 1), (1, 2), (-2, 3), (2, 4), (-(1 << 24), (1 << 25) - 1)],
)
def test_small_differences_fold_to_small_numbers(difference: int, folded: int) -> None:
    assert rice.fold(difference) == folded


@pytest.mark.parametrize(
    ("folded_sum", "n_residuals", "k"),
    [(0, 19, 0), (0, 0, 0), (27, 19, 0), (28, 19, 0), (29, 19, 0), (30, 19, 1), (1 << 40, 1, 15)],
)
def test_parameter_is_the_smallest_that_covers_the_mean_times_ln_2(
    folded_sum: int, n_residuals: int, k: int
) -> None:
    assert rice.choose_k(folded_sum, n_residuals) == k
