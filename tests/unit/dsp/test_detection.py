"""The short, seeded form of tests/benchmarks/detection.py: the same trials, fewer of them."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def detection() -> dict[str, Any]:
    path = Path(__file__).parents[2] / "benchmarks" / "detection.py"
    return runpy.run_path(str(path))


def run(detection: dict[str, Any], name: str, seed: int, seconds: float = 32.0) -> Any:
    """Play as many movements as in 50 s of the long form: the pauses are half as long."""
    condition = detection["CONDITIONS"][name] | {"pause_s": 2.0}
    return detection["trials"](seconds=seconds, seed=seed, rest_s=24.0, **condition)


@pytest.mark.parametrize("seed", [11, pytest.param(12, marks=pytest.mark.full)])
def test_synkinesis_of_6_db_is_found_each_time(detection: dict[str, Any], seed: int) -> None:
    seen = run(detection, "synkinesis 6 dB", seed)
    assert seen.n_responses >= 6
    assert seen.n_found == seen.n_responses
    assert seen.n_false == 0


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("jaw clench", 11),
        ("pure crosstalk 20 %", 11),
        ("heart 150 uV, movements", 4),
        pytest.param("heart 150 uV, movements", 5, marks=pytest.mark.full),
        pytest.param("heart 150 uV, movements", 11, marks=pytest.mark.full),
        ("healthy movements", 11),
    ],
)
def test_what_is_no_synkinesis_raises_no_event(
    detection: dict[str, Any], name: str, seed: int
) -> None:
    assert run(detection, name, seed).n_false == 0


def test_synkinesis_soon_after_a_clench_is_found(detection: dict[str, Any]) -> None:
    seen = run(detection, "within 2 s of a clench", 11, 40.0)
    assert seen.n_responses >= 4
    assert seen.n_found == seen.n_responses
    assert seen.n_false == 0


@pytest.mark.parametrize(
    ("kind", "median_ms", "p95_ms"), [("gaussian", 22.0, 42.0), ("tonic", 41.0, 70.0)]
)
def test_step_of_6_db_is_seen_in_time(
    detection: dict[str, Any], kind: str, median_ms: float, p95_ms: float
) -> None:
    seen = detection["step_latency"](kind, 6.0, 400, 5)
    assert seen.median_ms <= median_ms
    assert seen.p95_ms <= p95_ms
    assert seen.found == 1.0
