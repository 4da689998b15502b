"""Time that the encryption of the stream takes on the unix port of MicroPython."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

SPEED = Path(__file__).parents[1] / "conformance" / "board" / "cipher_speed.py"
MOST_COPIES = 8.0  # a sample, of copying one byte by the viper emitter


@pytest.mark.benchmark
def test_encrypting_a_sample_takes_no_longer_than_copying_eight_bytes(
    on_board: Callable[..., str],
) -> None:
    printed = on_board(SPEED)
    print("\n" + printed)
    copied = re.search(r"copy ([\d.]+) ns a byte", printed)
    assert copied is not None
    found = re.findall(r"(\w+) \d+ ([\d.]+) ns a sample", printed)
    assert [name for name, _ in found] == ["training", "full"]
    assert max(float(ns) for _, ns in found) < MOST_COPIES * float(copied[1])
