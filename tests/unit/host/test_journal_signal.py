"""The samples of a journal against a slow model of what they should be."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceloop.session.journal_index import read_index
from faceloop.session.journal_signal import JournalSignal
from faceloop_protocol.stream import (
    FLAG_HALF_RATE,
)

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
finish, texts = FAKE["finish"], FAKE["texts"]


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 40), st.booleans()), max_size=25),
    st.integers(1, 150),
)
def test_signal_any_packets_and_block_size_equals_the_slow_model(
    tmp_path: Path, kit: Any, history: list[tuple[int, int, bool]], block_frames: int
) -> None:
    packets = []
    expected: dict[int, np.ndarray] = {}
    for first, n, is_half in history:
        rows = kit.rows(first, n)
        packets.append(kit.packet(first, n, rows=rows, flags=FLAG_HALF_RATE if is_half else 0))
    order = sorted(range(len(history)), key=lambda i: history[i][0])
    n_duplicate = 0
    for i in order:
        first, n, is_half = history[i]
        values = kit.counts(first, n)
        values = np.repeat(values, 2, axis=0) if is_half else values
        for at, row in enumerate(values):
            n_duplicate += first + at in expected
            expected.setdefault(first + at, row)
    path = kit.write_journal(tmp_path, kit.packets_chunk(*packets), first_frame=0)
    signal = JournalSignal(read_index(path))
    at = 0
    for begin, block in signal.blocks(block_frames):
        assert begin == at
        for row in block:
            np.testing.assert_array_equal(row, expected.get(at, np.zeros(8)))
            at += 1
    assert at == max(expected, default=-1) + 1
    assert signal.coverage.n_held == len(expected)
    assert signal.coverage.n_duplicate == n_duplicate
