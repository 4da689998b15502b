"""Time per block and per sample: the fastest of many rounds, so that a busy machine may pass."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceloop_dsp import StreamCore, decode_payload

RICE = Path(__file__).parents[2] / "vectors" / "rice.json"


def fastest_s(work: Callable[[], Any], rounds: int = 15) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


@pytest.mark.benchmark
def test_push_of_10_ms_takes_at_most_40_us(signals: Any) -> None:
    counts = signals.counts(signals.emg(1, 10.0) + signals.mains(1, 50.0, 20.0))
    blocks = [counts[i : i + 20].copy() for i in range(0, 2000, 20)]
    core = StreamCore(mains_hz=50.0)

    def work() -> None:
        for block in blocks:
            core.push(block)

    per_push_us = fastest_s(work) / len(blocks) * 1e6
    print(f"push of 20 frames x 8 channels: {per_push_us:.1f} us")
    assert per_push_us < 40


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["rest_40_frames", "training_20_frames"])
def test_decode_takes_at_most_15_ns_a_sample(name: str) -> None:
    cases = json.loads(RICE.read_text(encoding="ascii"))["cases"]
    case = next(case for case in cases if case["name"] == name)
    payload, n_frames, shift = bytes.fromhex(case["payload"]), case["n_frames"], case["shift"]
    repeats = 500

    def work() -> None:
        for _ in range(repeats):
            decode_payload(payload, n_frames, shift)

    per_sample_ns = fastest_s(work) / repeats / (8 * n_frames) * 1e9
    print(f"decode {name}: {per_sample_ns:.1f} ns a sample")
    assert per_sample_ns < 15
