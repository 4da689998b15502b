"""Random wearers in normal use, and with a random fault at a random moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from faceloop.twin.heat.campaign import Run, fault_at, healthy_at, misses
from faceloop.twin.heat.faults import FAULTS, fault_named
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import CAUSE_TEXT, FIRST_LATCH

SHORT = 400
FULL = 10_000


def played(play: Callable[[int], Run], n_runs: int) -> Iterator[Run]:
    """Play many sessions on every core, few on this one."""
    if n_runs <= SHORT:
        yield from map(play, range(n_runs))
        return
    with ProcessPoolExecutor() as pool:
        yield from pool.map(play, range(n_runs), chunksize=100)


def healthy(n_wearers: int) -> None:
    ends: Counter[int] = Counter()
    hottest_degc, most_cem43 = 0.0, 0.0
    for run in played(healthy_at, n_wearers):
        ends[run.cause] += 1
        hottest_degc = max(hottest_degc, run.max_skin_degc)
        most_cem43 = max(most_cem43, run.dose_cem43)
    print(f"\n{n_wearers} healthy sessions: skin at most {hottest_degc:.2f} C, {most_cem43:.3f}")
    for cause, count in ends.most_common():
        print(f"  {count:6d}  {CAUSE_TEXT[cause]}")
    false_latches = sum(count for cause, count in ends.items() if cause >= FIRST_LATCH)
    assert false_latches < max(n_wearers / 1000, 1)
    assert hottest_degc < 41.0
    assert most_cem43 < limits.DOSE_SESSION_UMIN / 1e6


def faulty(n_wearers: int) -> None:
    runs: Counter[str] = Counter()
    missed: defaultdict[str, list[str]] = defaultdict(list)
    hottest: defaultdict[str, float] = defaultdict(float)
    dose: defaultdict[str, float] = defaultdict(float)
    for run in played(fault_at, n_wearers):
        assert run.fault is not None
        fault = fault_named(run.fault)
        runs[fault.name] += 1
        hottest[fault.name] = max(hottest[fault.name], run.max_skin_degc)
        dose[fault.name] = max(dose[fault.name], run.dose_cem43)
        missed[fault.name] += misses(run, fault)[:1]
    print(f"\n{n_wearers} sessions with a fault")
    print(f"{'row':>4} {'fault':<15} {'runs':>5} {'missed':>6} {'skin C':>7} {'CEM43':>8}")
    for fault in FAULTS:
        name = fault.name
        line = f"{fault.row:>4} {name:<15} {runs[name]:>5} {len(missed[name]):>6}"
        example = missed[name][0] if missed[name] else ""
        print(f"{line} {hottest[name]:>7.2f} {dose[name]:>8.3f}  {example}")
    # A miss is a fault found late or not at all; it may not be a burn.
    for fault in FAULTS:
        if fault.layer == "firmware":
            assert hottest[fault.name] < limits.SKIN_LIMIT_MDEGC / 1000, fault.name
            assert dose[fault.name] < limits.DOSE_AFTER_FAULT_UMIN / 1e6, fault.name
        elif fault.layer == "hardware":
            assert hottest[fault.name] < limits.SKIN_LIMIT_HARDWARE_MDEGC / 1000, fault.name
            assert dose[fault.name] < limits.DOSE_AFTER_FAULT_HARDWARE_UMIN / 1e6, fault.name


def test_healthy_wearers_are_warm_and_undisturbed() -> None:
    healthy(SHORT)


def test_faults_at_random_moments_do_not_burn() -> None:
    faulty(SHORT)


@pytest.mark.full
def test_ten_thousand_healthy_wearers_are_warm_and_undisturbed() -> None:
    healthy(FULL)


@pytest.mark.full
def test_ten_thousand_faults_at_random_moments_do_not_burn() -> None:
    faulty(FULL)
