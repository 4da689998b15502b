"""Random wearers in normal use, and with a random fault at a random moment."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from faceloop.twin.heat.board import heat_up, make_bench, states
from faceloop.twin.heat.campaign import Run, fault_at, healthy_at, misses
from faceloop.twin.heat.faults import FAULTS, Fault, fault_named
from faceloop.twin.heat.wearer import random_wearer
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import (
    COOL,
    FIRST_LATCH,
    HOLD,
    LATCHED,
    PAUSED,
    SESSION_DONE,
    TOO_WARM,
    WARMUP,
)
from faceloop_protocol.texts import CAUSE_TEXT

SHORT = 400
FULL = 10_000
# Most runs of each fault that may be late, of 400 and of 10,000: as many as were measured with
# what the limits now are (RESULTS.md says why none of them can be in time). The others: none.
LATE = {
    "ntc_gain": (2, 49),
    "ntc_swapped": (1, 37),
    "adc_low": (0, 1),
    "pad_off": (2, 58),
    "stuck_button": (1, 1),
    "fold_unsensed": (0, 59),
}
# Most faults begun in PAUSED after which heat came back, if only until its row's time was over.
RESUMED = {
    "ntc_gain": (1, 26),
    "ntc_swapped": (0, 3),
    "adc_frozen": (0, 1),
    "ntc_frozen": (0, 2),
    "clock_fast": (0, 2),
    "clock_slow": (0, 2),
    "host_silent": (1, 3),
    "pad_off": (0, 4),
    "asleep": (0, 8),
    "rogue": (0, 2),
}


def is_shown_by_heat(fault: Fault) -> bool:
    """Return whether it can only show, or be no fault at all, after heat has come back."""
    return fault.needs_heat or fault.row == 16 or fault.layer == "mechanical"


def played(play: Callable[[int], Run], n_runs: int) -> Iterator[Run]:
    """Play many sessions on every core, few on this one."""
    if n_runs <= SHORT:
        yield from map(play, range(n_runs))
        return
    before = os.times()
    with ProcessPoolExecutor() as pool:
        yield from pool.map(play, range(n_runs), chunksize=100)
    after = os.times()  # the children's are known once they have gone
    cpu_s = sum(after[:4]) - sum(before[:4])
    print(f"\n{n_runs} sessions: {cpu_s:.0f} s of processor")


def healthy(n_wearers: int) -> None:
    ends: Counter[int] = Counter()
    begun = refused = crashes = 0
    hottest_degc, most_cem43 = 0.0, 0.0
    for run in played(healthy_at, n_wearers):
        ends[run.cause] += 1
        begun += run.begun_in == WARMUP
        refused += run.cause == TOO_WARM
        crashes += run.n_crashes
        hottest_degc = max(hottest_degc, run.max_skin_degc)
        most_cem43 = max(most_cem43, run.dose_cem43)
    print(f"\n{n_wearers} healthy sessions: skin at most {hottest_degc:.2f} C, {most_cem43:.3f}")
    for cause, count in ends.most_common():
        print(f"  {count:6d}  {CAUSE_TEXT[cause]}")
    false_latches = sum(count for cause, count in ends.items() if cause >= FIRST_LATCH)
    # Whoever is a degree over the set-point asked for, at rest in a warm room, is warm already.
    assert (begun + refused, crashes) == (n_wearers, 0), "heat begins for everybody else"
    assert refused <= n_wearers / 1000
    assert ends[SESSION_DONE] >= 0.99 * n_wearers
    assert false_latches < max(n_wearers / 1000, 1)
    assert hottest_degc < 41.0
    assert most_cem43 < limits.DOSE_SESSION_UMIN / 1e6


def faulty(n_wearers: int) -> None:
    runs: Counter[str] = Counter()
    missed: defaultdict[str, list[str]] = defaultdict(list)
    hottest: defaultdict[str, float] = defaultdict(float)
    dose: defaultdict[str, float] = defaultdict(float)
    first: Counter[str] = Counter()
    in_pause: Counter[str] = Counter()
    resumed: Counter[str] = Counter()
    crashes = 0
    for number, run in enumerate(played(fault_at, n_wearers)):
        assert run.fault is not None
        fault = fault_named(run.fault)
        runs[fault.name] += 1
        hottest[fault.name] = max(hottest[fault.name], run.max_skin_degc)
        dose[fault.name] = max(dose[fault.name], run.dose_cem43)
        crashes += run.n_crashes
        found = misses(run, fault, in_pause=run.begun_in == PAUSED)[:1]
        in_pause[fault.name] += run.begun_in == PAUSED
        resumed[fault.name] += run.is_resumed
        missed[fault.name] += found
        first[fault.name] += bool(found) and number < SHORT
    print(f"\n{n_wearers} sessions with a fault")
    print(
        "| row | fault | runs | late | late of 400 | skin C | CEM43 | in PAUSED | resumed | ... |"
    )
    # Apart: what only heat can show.
    for fault in sorted(FAULTS, key=is_shown_by_heat):
        name = fault.name
        line = f"| {fault.row} | {name} | {runs[name]} | {len(missed[name])} | {first[name]}"
        example = missed[name][0] if missed[name] else ""
        line += f" | {hottest[name]:.2f} | {dose[name]:.3f} | {in_pause[name]} | {resumed[name]}"
        print(f"{line} | {example} |")
    paused = in_pause.total()
    apart = {fault.name for fault in FAULTS if is_shown_by_heat(fault)}
    before_latch = sum(n for name, n in resumed.items() if name not in apart)
    print(f"{paused} of them begun in PAUSED, {before_latch} resumed before a latch or an end,")
    print(f"{resumed.total() - before_latch} more of what only heat shows, or no fault")
    assert crashes == 0
    assert paused > n_wearers / 8
    # A miss is a fault found late or not at all; it may not be a burn.
    for fault in FAULTS:
        if fault.layer == "firmware":
            assert hottest[fault.name] < limits.SKIN_LIMIT_MDEGC / 1000, fault.name
            assert dose[fault.name] < limits.DOSE_AFTER_FAULT_UMIN / 1e6, fault.name
        elif fault.layer == "hardware":
            assert hottest[fault.name] < limits.SKIN_LIMIT_HARDWARE_MDEGC / 1000, fault.name
            assert dose[fault.name] < limits.DOSE_AFTER_FAULT_HARDWARE_UMIN / 1e6, fault.name
    at = n_wearers == FULL
    late = {name: len(found) for name, found in missed.items()}
    assert over(late, LATE, at) == {}
    judged = {name: n for name, n in resumed.items() if name not in apart}
    assert over(judged, RESUMED, at) == {}


def over(found: dict[str, int], most: dict[str, tuple[int, int]], at: int) -> dict[str, int]:
    """Return what there is more of than may be."""
    return {name: n for name, n in found.items() if n > most.get(name, (0, 0))[at]}


def test_one_more_than_may_be_is_seen() -> None:
    assert over({"pad_off": 2, "fold": 0}, LATE, 0) == {}
    assert over({"pad_off": 3, "fold": 1}, LATE, 0) == {"pad_off": 3, "fold": 1}
    assert over({"clock_slow": 1}, RESUMED, 0) == {"clock_slow": 1}
    assert over({"clock_slow": 2, "q1_short": 1}, RESUMED, 1) == {"q1_short": 1}


def test_healthy_wearers_are_warm_and_undisturbed() -> None:
    healthy(SHORT)


def test_faults_at_random_moments_do_not_burn() -> None:
    faulty(SHORT)


@pytest.mark.parametrize(
    ("is_silent", "lift_s"), [(False, 20.0), (False, 30.0), (True, 8.0)], ids=str
)
def test_pad_lifted_to_look_at_the_skin_latches_nothing(is_silent: bool, lift_s: float) -> None:
    # A training day asks for it at each skin check; a silence may come on top.
    latched: Counter[int] = Counter()
    for number in range(SHORT):
        rng = np.random.default_rng([7, number])
        bench = make_bench(random_wearer(rng), seed=number + 1)
        assert heat_up(bench, 39.0)
        bench.run(600_000.0, states(HOLD, COOL, LATCHED))
        bench.run(180_000.0, states(COOL, LATCHED))
        if is_silent:
            bench.is_host_silent = True
            bench.run(10_000.0, states(PAUSED))
            bench.run(float(rng.uniform(1_000, 8_000)), states(COOL, LATCHED))
        skin = bench.pad.skin
        on_skin = skin.g12, skin.g1a, skin.rho
        fault_named("pad_off").begin(bench)
        bench.run(1000.0 * lift_s, states(COOL, LATCHED))
        skin.g12, skin.g1a, skin.rho = on_skin
        bench.run(5_000.0, states(COOL, LATCHED))
        bench.is_host_silent = False
        bench.run(60_000.0, states(COOL, LATCHED))
        if bench.supervisor.state >= LATCHED:
            latched[bench.supervisor.cause] += 1
    assert not latched


@pytest.mark.full
def test_ten_thousand_healthy_wearers_are_warm_and_undisturbed() -> None:
    healthy(FULL)


@pytest.mark.full
def test_ten_thousand_faults_at_random_moments_do_not_burn() -> None:
    faulty(FULL)
