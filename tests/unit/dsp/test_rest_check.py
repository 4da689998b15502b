"""False events told from the wearer's own rest, and the count of synkinetic responses."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_dsp.rest_check import MAX_MARGIN, rest_check, synkinesis_scores


def strength(level: float, seconds: int, seed: int = 1) -> np.ndarray:
    """Activity over threshold as a 100 ms RMS of independent samples scatters."""
    white = np.random.default_rng(seed).normal(size=(100 * seconds + 9, 3))
    power = np.convolve((white**2).mean(axis=1), np.full(10, 0.1), mode="valid")
    return np.asarray(level * np.sqrt(power))


def test_quiet_rest_needs_no_margin() -> None:
    check = rest_check("mouth_to_eye", "left", strength(0.3, 60), 5)
    assert (check.margin, check.hold_hops, check.seconds) == (1.0, 5, 60.0)
    assert check.per_h < 0.1


@pytest.mark.parametrize("level", [0.8, 1.0])
def test_restless_rest_gets_a_margin_that_holds(level: float) -> None:
    check = rest_check("mouth_to_eye", "left", strength(level, 60), 5)
    assert check.per_h > 1.0
    assert 1.0 < check.margin < 2.5 or check.hold_hops > 5
    assert check.per_h_expected <= 0.11
    long = strength(level, 10 * 3600, seed=2) / check.margin
    held = np.lib.stride_tricks.sliding_window_view(long, check.hold_hops).min(axis=1) > 1.0
    events = np.count_nonzero(held[1:] & ~held[:-1])
    assert events <= 10  # 10 h at 0.1 an hour: 1 expected, a short rest knows its tail within x10


def test_heartbeat_needs_a_longer_hold_not_a_higher_threshold() -> None:
    rest = strength(0.3, 60)
    for beat in range(20, 5900, 78):
        rest[beat : beat + 16] = 2.5
    check = rest_check("mouth_to_eye", "left", rest, 5)
    assert check.per_h > 1000
    assert check.hold_hops == 20
    assert check.margin < 1.25


def test_movement_in_the_rest_does_not_count() -> None:
    rest = strength(0.3, 60)
    rest[3000:3060] = 30.0
    assert rest_check("mouth_to_eye", "left", rest, 5).margin == 1.0


def test_margin_is_limited_and_a_short_rest_tells_nothing() -> None:
    assert rest_check("x", "left", np.full(6000, 50.0), 5).margin == MAX_MARGIN
    short = rest_check("x", "left", strength(0.3, 9), 5)
    assert np.isnan(short.per_h)
    assert short.margin == 1.0


def test_t6_score_counts_responses_of_each_sequence() -> None:
    """T6, Franz et al. 2024: a score of 1 or more in 30 of 33 patients is 90.9 %."""
    sequences = [(1000 * i, 1000 * i + 900) for i in range(33)]
    frames = [1000 * i + 100 for i in range(30)] + [1000 * i + 500 for i in range(12)]
    scores = synkinesis_scores([*frames, 950, 31_950], sequences)
    assert scores[:2] == (2, 2)
    assert sum(score >= 1 for score in scores) / len(scores) == pytest.approx(0.909, abs=5e-4)
    assert synkinesis_scores([0, 899, 900], [(0, 900)]) == (2,)
    assert synkinesis_scores([], sequences) == (0,) * 33
