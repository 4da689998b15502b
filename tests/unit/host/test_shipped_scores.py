"""A movement that is done right scores well with the numbers that are shipped."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
retrained: Any = runpy.run_path(str(BENCHMARKS / "shipped_scores.py"))["retrained"]


@pytest.mark.full  # half a minute of processor each
@pytest.mark.parametrize(("stage", "seed"), [("synkinesis", 1), ("synkinesis", 2), ("paresis", 1)])
async def test_right_movements_are_clean_and_no_goal_falls(stage: str, seed: int) -> None:
    """Set-up and the day's first retraining, of a made-up face through the session's analysis."""
    trials = await retrained(stage, seed)
    assert len(trials) == 15
    assert [trial["reason"] for trial in trials] == [""] * 15
    assert sum(trial["is_clean"] for trial in trials) >= 13
    first = trials[0]["goal_share"]
    assert all(trial["goal_share"] >= first for trial in trials)
