"""Guards of a movement told from what leaks into their electrodes, and from the jaw."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from faceloop.training.guard import Guard, GuardVerdict, GuardWatch
from faceloop.training.hop import HOP_FRAMES, Hop
from faceloop.training.leaks import GuardLeaks
from faceloop.training.references import References, Sides
from faceloop.training.resting import QuietMeter
from faceloop.training.rules import AlertSpec

EYE, MOUTH, JAW = Sides(0, 1), Sides(2, 3), Sides(6, 7)
REST = References((2.0,) * 8, (0.2,) * 8, (32.0,) * 8, "guarded8")
GUARD = Guard("orbicularis_oculi", EYE, 1.79)
BEGINS, N_HOPS = 100, 400


def guard_watch(leaks: GuardLeaks | None = None) -> GuardWatch:
    return GuardWatch([GUARD], JAW, REST, 0.05, AlertSpec(), target=MOUTH, leaks=leaks)


def test_face_is_quiet_by_the_median_of_half_a_second_that_is_all_there() -> None:
    rng = np.random.default_rng(6)
    meter = QuietMeter(REST, AlertSpec(), (0, 1))
    limit_uv = REST.quiet_below_uv(0, AlertSpec())
    heard: list[list[float]] = [[], []]
    answers, now_uv = [], np.zeros(2)
    for at in range(4000):
        if at % 700 == 699:
            meter.forget()
            heard = [[], []]
        # Loud for about half of the time, in stretches of about ten hops; now and then unknown.
        if at % 10 == 0:
            now_uv = 4.0 * limit_uv * (rng.random(2) < 0.5)
        level_uv = np.where(rng.random(2) < 0.002, np.nan, now_uv)
        verdicts = []
        for recent, level in zip(heard, level_uv, strict=True):
            recent[:] = [] if np.isnan(level) else [*recent, level][-50:]
            if recent:
                n_loud = sum(one >= limit_uv for one in recent)
                verdicts.append(len(recent) == 50 and 2 * n_loud <= 50)
        hop = Hop(20 * at, (*level_uv.tolist(), *[2.0] * 6))
        answers.append(meter.feed(hop))
        assert answers[-1] == (bool(verdicts) and all(verdicts)), at
    assert 0.1 < np.mean(answers) < 0.9


def smile(
    seed: int,
    *,
    leak: float = 0.0,
    own_uv: float = 0.0,
    to_jaw: float = 0.0,
    clench_uv: float = 0.0,
) -> list[Hop]:
    """A second of rest, then three of a smile; every channel has 2 uV of noise of its own."""
    rng = np.random.default_rng(seed)
    n = N_HOPS * HOP_FRAMES
    is_on = np.arange(n) >= BEGINS * HOP_FRAMES
    own = rng.normal(0.0, 1.0, (n, 8))
    uv: NDArray[np.float64] = 2.0 * rng.normal(0.0, 1.0, (n, 8))
    uv[:, 2] += 40.0 * own[:, 2] * is_on
    uv[:, 3] += 15.0 * own[:, 3] * is_on
    uv[:, 0] += (leak * uv[:, 2] + own_uv * own[:, 0] + 0.2 * clench_uv * own[:, 6]) * is_on
    uv[:, 6] += (to_jaw * uv[:, 2] + clench_uv * own[:, 6]) * is_on
    hops = []
    for at in range(10, N_HOPS + 1):
        end = at * HOP_FRAMES
        level = np.sqrt(np.mean(uv[end - 10 * HOP_FRAMES : end] ** 2, axis=0))
        piece = uv[end - HOP_FRAMES : end].astype(np.float32)
        hops.append(Hop(end - 1, tuple(level.tolist()), ("",) * 8, piece))
    return hops


def judged(hops: list[Hop], watch: GuardWatch | None = None) -> list[GuardVerdict]:
    watch = watch or guard_watch()
    return [watch.feed(hop) for hop in hops]


def n_begun(verdicts: list[GuardVerdict]) -> int:
    return sum(verdict.is_begin for verdict in verdicts)


@pytest.mark.parametrize("leak", [0.1, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_leak_of_the_moved_muscle_is_no_synkinesis(leak: float, seed: int) -> None:
    assert n_begun(judged(smile(seed, leak=leak))) == 0


@pytest.mark.parametrize("leak", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_muscle_that_joins_in_is_found_beside_a_leak(leak: float, seed: int) -> None:
    verdicts = judged(smile(seed, leak=leak, own_uv=14.0))
    assert n_begun(verdicts) == 1
    assert verdicts[-1].muscle == "orbicularis_oculi"
    assert 3.5 < verdicts[-1].index < 9.0, "14 over 2, the leak taken off"


def test_smile_that_leaks_into_the_jaw_is_no_clench() -> None:
    verdicts = judged(smile(1, own_uv=12.0, to_jaw=0.1))
    assert not any(verdict.is_vetoed for verdict in verdicts)
    assert n_begun(verdicts) == 1


def test_clench_vetoes_and_its_leak_is_no_synkinesis() -> None:
    verdicts = judged(smile(2, clench_uv=60.0))
    assert all(verdict.is_vetoed for verdict in verdicts[BEGINS:])
    assert n_begun(verdicts) == 0


def test_leak_that_one_repetition_taught_is_known_in_the_next() -> None:
    leaks = GuardLeaks([EYE], [MOUTH, JAW])
    assert n_begun(judged(smile(3, leak=0.4), guard_watch(leaks))) <= 1
    assert n_begun(judged(smile(4, leak=0.4), guard_watch(leaks))) == 0


def test_hop_without_its_trace_is_judged_by_levels_alone() -> None:
    hops = [Hop(hop.frame, hop.level_uv, hop.reasons) for hop in smile(5, own_uv=12.0)]
    assert n_begun(judged(hops)) == 1
