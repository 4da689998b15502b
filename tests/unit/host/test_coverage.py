"""Interval bookkeeping against a plain set of integers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop.session.coverage import Coverage, IntervalSet, extend_frame

RANGES = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 25)), max_size=40)


def runs_of(members: set[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in sorted(members):
        if runs and value == runs[-1][0] + runs[-1][1]:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    return runs


@given(RANGES)
def test_interval_set_any_ranges_equals_a_set_of_integers(ranges: list[tuple[int, int]]) -> None:
    intervals = IntervalSet()
    model: set[int] = set()
    for first, n in ranges:
        added = set(range(first, first + n))
        assert intervals.add(first, n) == len(added - model)
        model |= added
        assert len(intervals) == len(model)
        assert list(intervals) == runs_of(model)
    assert intervals.end == (max(model) + 1 if model else None)
    for value in range(-1, 150):
        assert (value in intervals) == (value in model)
        end = value
        while end in model:
            end += 1
        assert intervals.run_end(value) == end


@given(RANGES, st.integers(0, 130), st.integers(0, 150))
def test_interval_set_holes_are_the_complement(
    ranges: list[tuple[int, int]], first: int, end: int
) -> None:
    intervals = IntervalSet()
    model: set[int] = set()
    for start, n in ranges:
        intervals.add(start, n)
        model |= set(range(start, start + n))
    assert intervals.holes(first, end) == runs_of(set(range(first, end)) - model)


@given(
    st.integers(0, 30),
    st.lists(st.tuples(st.booleans(), st.integers(0, 120), st.integers(1, 25)), max_size=40),
    st.integers(0, 160),
)
def test_coverage_any_history_equals_the_set_model(
    start: int, history: list[tuple[bool, int, int]], head: int
) -> None:
    coverage = Coverage(start)
    held: set[int] = set()
    lost: set[int] = set()
    duplicates = outside = 0
    for is_lost, first, n in history:
        frames = {frame for frame in range(first, first + n) if frame >= start}
        if is_lost:
            coverage.declare_lost(first, n)
            lost |= frames
            continue
        outside += n - len(frames)
        duplicates += len(frames & held)
        assert coverage.add(first, n) == len(frames - held)
        held |= frames
    settled = held | lost
    contiguous = start
    while contiguous in settled:
        contiguous += 1
    assert coverage.contiguous == contiguous
    assert coverage.head == max(settled, default=start - 1) + 1
    assert coverage.n_held == len(held)
    assert coverage.n_duplicate == duplicates
    assert coverage.n_outside == outside
    assert coverage.gaps(head) == runs_of(set(range(start, head)) - held)
    assert coverage.gaps() == runs_of(set(range(start, coverage.head)) - held)
    assert coverage.waiting(head) == runs_of(set(range(start, head)) - settled)
    assert coverage.n_missing(head) == len(set(range(start, head)) - held)


@pytest.mark.parametrize(
    ("first", "near", "full"),
    [
        (5, 0, 5),
        (0x8000_0005, 0x8000_0000, 0x8000_0005),
        (3, 0xFFFF_FFF0, 0x1_0000_0003),
        (0xFFFF_FFF0, 0x1_0000_0003, 0xFFFF_FFF0),
        (0xFFFF_FFF0, 7, 0xFFFF_FFF0),  # never negative
        (7, 0x5_0000_0000, 0x5_0000_0007),
    ],
)
def test_extend_frame_picks_the_nearest_index(first: int, near: int, full: int) -> None:
    assert extend_frame(first, near) == full


@given(st.integers(1 << 31, 1 << 40), st.integers(-(1 << 31) + 1, (1 << 31) - 1))
def test_extend_frame_undoes_the_wrap(near: int, distance: int) -> None:
    frame = near + distance
    assert extend_frame(frame & 0xFFFF_FFFF, near) == frame


def test_coverage_in_order_costs_the_same_with_many_gaps() -> None:
    def time_s(n: int) -> float:
        coverage = Coverage()
        begin = time.perf_counter()
        for i in range(n):
            coverage.add(i * 40, 20)
        return time.perf_counter() - begin

    time_s(1000)
    small, large = min(time_s(2_000) for _ in range(5)), min(time_s(20_000) for _ in range(3))
    # Ten times the gaps, ten times the time; quadratic growth would show as a hundred times.
    assert large < 40 * small
