"""Time that the board's encoder takes on the unix port of MicroPython."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

SPEED = Path(__file__).parents[1] / "conformance" / "board" / "encode_speed.py"
MOST_NS = 20.0
# The bar is meant for a computer that copies a byte in 1.55 ns, where twelve copies are 18.6 ns.
# One that takes longer, or is busy, is judged by its copies alone.
QUIET_COPY_NS = 1.6
MOST_COPIES = 12.0


@pytest.mark.benchmark
def test_encoding_a_sample_takes_no_longer_than_copying_twelve_bytes(
    on_board: Callable[..., str],
) -> None:
    printed = on_board(SPEED)
    print("\n" + printed)
    copied = re.search(r"copy ([\d.]+) ns a byte", printed)
    assert copied is not None
    found = re.findall(r"(\w+) \d+ ([\d.]+) ns a sample", printed)
    assert [name for name, _ in found] == ["rest", "training", "full"]
    slowest_ns, copied_ns = max(float(ns) for _, ns in found), float(copied[1])
    is_quiet = copied_ns <= QUIET_COPY_NS
    print(
        f"slowest {slowest_ns} ns a sample, bar {MOST_NS} ns, {slowest_ns / copied_ns:.1f} copies"
    )
    assert slowest_ns < MOST_COPIES * copied_ns
    if is_quiet:
        assert slowest_ns <= MOST_NS
