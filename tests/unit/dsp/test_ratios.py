"""Ratios against the published numbers they come from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceloop_dsp import (
    asymmetry_index,
    coactivation_ratio,
    excess_coactivation,
    laterality_index_hb,
    relative_change,
    signed_asymmetry,
    symmetry_ratio,
    tkeo,
)

# Kim et al. 2018, 10.1155/2018/4069530, 154 healthy adults: mean and SD of min/max, then mean and
# SD of the asymmetry index, per cent.
KIM = [
    (0.8170, 0.1460, 10.87, 10.14),  # frontalis
    (0.7374, 0.1912, 16.71, 14.79),  # zygomaticus
    (0.7972, 0.1477, 12.10, 10.05),  # orbicularis oris
]
amplitude = st.floats(1e-6, 1e6)


def beta_ratios(mean: float, sd: float) -> NDArray[np.float64]:
    nu = mean * (1 - mean) / sd**2 - 1
    return np.random.default_rng(154).beta(mean * nu, (1 - mean) * nu, 400_000)


@pytest.mark.parametrize(("mean", "sd", "ai_mean", "ai_sd"), KIM)
def test_t1_healthy_asymmetry_is_reproduced(
    mean: float, sd: float, ai_mean: float, ai_sd: float
) -> None:
    ratio = beta_ratios(mean, sd)
    np.testing.assert_allclose(symmetry_ratio(ratio, np.ones_like(ratio)), ratio)
    index = 100 * asymmetry_index(ratio, np.ones_like(ratio))
    assert index.mean() == pytest.approx(ai_mean, abs=0.15)
    assert index.std() == pytest.approx(ai_sd, abs=0.4)


def test_t2_asymmetry_at_the_mean_ratios() -> None:
    at_means = [100 * asymmetry_index(mean, 1.0) for mean, *_ in KIM]
    assert at_means == pytest.approx([10.07, 15.11, 11.28], abs=0.01)
    assert all(at < published for at, (_, _, published, _) in zip(at_means, KIM, strict=True))


@pytest.mark.parametrize(
    "wrong", [lambda a, b: (b - a) / b, lambda a, b: 2 * (b - a) / (a + b)], ids=["/H", "2/(H+L)"]
)
def test_t3_other_formulas_miss_the_published_means(
    wrong: Callable[[NDArray[np.float64], float], NDArray[np.float64]],
) -> None:
    for mean, sd, ai_mean, _ in KIM:
        assert 100 * wrong(beta_ratios(mean, sd), 1.0).mean() > ai_mean + 5


def test_t4_published_cutoffs_as_signed_asymmetry() -> None:
    assert 100 * signed_asymmetry(1.62, 1.0) == pytest.approx(23.66, abs=0.005)
    assert 100 * signed_asymmetry(1.79, 1.0) == pytest.approx(28.32, abs=0.005)


# Schneider et al. 2025, 10.1038/s41598-025-01278-7: RMS before and after training, and the 95 %
# interval of the drop, microvolts.
SCHNEIDER = [(7.75, 6.36, -17.94, (1.289, 1.492)), (8.29, 6.62, -20.14, (1.556, 1.768))]


@pytest.mark.parametrize(("before", "after", "per_cent", "drop"), SCHNEIDER)
def test_t5_published_changes(
    before: float, after: float, per_cent: float, drop: tuple[float, float]
) -> None:
    assert 100 * relative_change(before, after) == pytest.approx(per_cent, abs=0.005)
    assert drop[0] < before - after < drop[1]


@given(amplitude, amplitude, st.floats(1e-3, 1e3))
def test_t9_asymmetry_ignores_scale_and_swapping_flips_the_sign(
    left: float, right: float, scale: float
) -> None:
    assert asymmetry_index(scale * left, scale * right) == pytest.approx(
        asymmetry_index(left, right), abs=1e-12
    )
    assert asymmetry_index(left, right) == asymmetry_index(right, left)
    assert signed_asymmetry(left, right) == -signed_asymmetry(right, left)
    assert abs(signed_asymmetry(left, right)) == asymmetry_index(left, right)
    r = symmetry_ratio(left, right)
    assert asymmetry_index(left, right) == pytest.approx((1 - r) / (1 + r), abs=1e-12)


@pytest.mark.parametrize("w", [0.05, 0.3, 1.0, 2.0])
def test_t9_tkeo_of_a_sinusoid_is_exact(w: float) -> None:
    x = 3.0 * np.cos(w * np.arange(500)[:, None] + [0.0, 0.7])
    np.testing.assert_allclose(tkeo(x), 9.0 * np.sin(w) ** 2, rtol=1e-9)


def test_tkeo_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        tkeo([1.0, 2.0])


def test_laterality_is_healthy_over_affected() -> None:
    assert laterality_index_hb(30.0, 10.0) == pytest.approx(3.0)
    assert laterality_index_hb(30.0, 0.0) == np.inf


def test_coactivation_compares_shares_of_reference() -> None:
    assert coactivation_ratio(5.0, 20.0, 50.0, 40.0) == pytest.approx(0.2)
    assert coactivation_ratio(0.1, 0.5) == pytest.approx(0.2)


def test_excess_coactivation_is_what_the_affected_side_does_more() -> None:
    affected, unaffected = coactivation_ratio(20.0, 40.0), coactivation_ratio(6.0, 60.0)
    assert excess_coactivation(affected, unaffected) == pytest.approx(0.4)
    assert np.isnan(excess_coactivation(float("nan"), 0.1))


def test_ratios_of_nothing_or_of_nonsense_are_nan() -> None:
    for function in (symmetry_ratio, asymmetry_index, signed_asymmetry, laterality_index_hb):
        assert np.isnan(function(0.0, 0.0))
        assert np.isnan(function(-1.0, 1.0))
        assert np.isnan(function(1.0, float("nan")))
    assert np.isnan(coactivation_ratio(0.0, 0.0))


def test_ratios_take_arrays_and_give_plain_numbers_for_numbers() -> None:
    assert isinstance(symmetry_ratio(1.0, 2.0), float)
    rows = symmetry_ratio([[1.0, 2.0]], [2.0, 1.0])
    assert rows.shape == (1, 2)
    np.testing.assert_allclose(rows, 0.5)
