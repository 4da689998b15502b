"""How sure a symmetry is: the interval covers the truth; a side that works too hard is told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from faceloop.training.certainty import HeldLevels, mean_interval
from faceloop.training.references import References, Sides

REST_UV, COMFORTABLE_UV = 2.0, 30.0
REFERENCES = References((REST_UV,) * 8, (0.2,) * 8, (COMFORTABLE_UV,) * 8, "guarded8")
TARGET = Sides(2, 3)
# 10 ms of EMG with 160 Hz of statistical bandwidth have this many degrees of freedom.
DOF = 3.2


def held(rng: np.random.Generator, levels_uv: tuple[float, float], seconds: float) -> HeldLevels:
    """Return a hold of EMG of these strengths: each 10 ms an independent draw, as it is."""
    hold = HeldLevels(TARGET)
    for _ in range(round(seconds * 100)):
        hop = [0.0] * 8
        for channel, level_uv in zip(TARGET, levels_uv, strict=True):
            hop[channel] = level_uv * math.sqrt(rng.chisquare(DOF) / DOF)
        hold.add(hop)
    return hold


def shares(hold: HeldLevels) -> list[float]:
    span_uv = COMFORTABLE_UV - REST_UV
    return [(math.sqrt(squares / hold._n) - REST_UV) / span_uv for squares in hold._squares]


def test_interval_covers_the_true_symmetry_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    true = (8.0 - REST_UV) / (10.0 - REST_UV)
    n_covered = 0
    for _ in range(400):
        hold = held(rng, (8.0, 10.0), 4.4)
        known = hold.certainty(REFERENCES, shares(hold))
        n_covered += known.symmetry_low <= true <= known.symmetry_high
    assert 0.91 <= n_covered / 400 <= 0.985


def test_weak_movement_is_known_less_well_than_a_strong_one() -> None:
    rng = np.random.default_rng(4)
    widths = []
    for levels_uv in ((3.0, 3.4), (10.0, 13.4), (25.0, 34.9)):  # 0.7, all three
        hold = held(rng, levels_uv, 4.4)
        known = hold.certainty(REFERENCES, shares(hold))
        widths.append(known.symmetry_high - known.symmetry_low)
    assert widths[0] > 1.8 * widths[1]
    assert widths[1] > widths[2]


@pytest.mark.parametrize(
    ("other_uv", "expected"), [(12.0, False), (30.0, False), (46.0, False), (60.0, True)]
)
def test_other_side_works_too_hard_only_when_that_is_sure(other_uv: float, expected: bool) -> None:
    hold = held(np.random.default_rng(5), (12.0, other_uv), 4.4)
    assert hold.certainty(REFERENCES, shares(hold)).is_overactive is expected


def test_nothing_judged_says_nothing() -> None:
    known = HeldLevels(TARGET).certainty(REFERENCES, (math.nan, math.nan))
    assert math.isnan(known.symmetry_low) and not known.is_overactive
    assert all(math.isnan(limit) for limit in mean_interval([], []))


def test_repetitions_that_differ_widen_the_interval_and_more_of_them_narrow_it() -> None:
    assert mean_interval([0.8], [(0.7, 0.9)]) == (0.7, 0.9)
    alike = [(0.75, 0.85)] * 3
    low, high = mean_interval([0.8, 0.8, 0.8], alike)
    assert 0.02 < high - low < 0.1  # never surer than the measuring allows
    wide = mean_interval([0.6, 0.8, 0.7], alike)
    assert wide[1] - wide[0] > 0.4
    more = mean_interval([0.6, 0.8, 0.7] * 4, alike * 4)
    assert more[1] - more[0] < 0.15
    assert mean_interval([0.95, 1.0], [(0.9, 1.0)] * 2)[1] == 1.0
