"""Uncertainties against what happens when the same hold is drawn many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from faceloop_dsp.ratios import coactivation_ratio
from faceloop_dsp.references import compare, is_good_side_overactive
from faceloop_dsp.uncertainty import (
    EMG_BANDWIDTH_HZ,
    Amplitude,
    Estimate,
    asymmetry_estimate,
    coactivation_estimate,
    emg_bandwidth_hz,
    excess_coactivation_estimate,
    laterality_estimate_hb,
    signed_asymmetry_estimate,
    statistical_bandwidth_hz,
    symmetry_estimate,
)

FS_HZ = 2000
FOREVER = Amplitude(1.0, 1e9)
# Corners of the signal model's facial muscles.
CORNERS = [(45, 160), (45, 130), (40, 110), (50, 100), (35, 120), (40, 140), (20, 125), (40, 120)]


def test_ideal_band_has_its_own_width() -> None:
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.normal(size=400_000))
    f = np.fft.rfftfreq(400_000, 1 / FS_HZ)
    spectrum[(f < 100) | (f > 300)] = 0.0
    assert statistical_bandwidth_hz(np.fft.irfft(spectrum), FS_HZ) == pytest.approx(200, rel=0.03)
    assert statistical_bandwidth_hz(rng.normal(size=20_000), FS_HZ) == pytest.approx(
        1000, rel=0.05
    )


def test_default_bandwidth_is_the_least_of_the_facial_muscles(signals: Any) -> None:
    widths = [emg_bandwidth_hz(*corners) for corners in CORNERS]
    assert min(widths) == pytest.approx(EMG_BANDWIDTH_HZ, rel=0.02)
    assert max(widths) < 230
    measured = statistical_bandwidth_hz(signals.emg(60, 10.0, 1)[:, 0], FS_HZ)
    assert measured == pytest.approx(emg_bandwidth_hz(45, 130), rel=0.08)


@pytest.mark.parametrize("seconds", [0.1, 0.5, 2.0])
def test_rms_scatters_as_bandwidth_and_time_say(signals: Any, seconds: float) -> None:
    """Bendat and Piersol: relative SD of the RMS is 1 / (2 sqrt(B T))."""
    x = signals.emg(1200, 10.0, 1)[:, 0]
    n = round(seconds * FS_HZ)
    rms = np.sqrt(np.mean(x[: x.size // n * n].reshape(-1, n) ** 2, axis=1))
    told = Amplitude(10.0, seconds, statistical_bandwidth_hz(x, FS_HZ)).relative_sd
    assert rms.std() / rms.mean() == pytest.approx(told, rel=0.12)


def test_signal_too_short_for_a_bandwidth_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.5 s"):
        statistical_bandwidth_hz(np.zeros(999), FS_HZ)
    assert np.isnan(statistical_bandwidth_hz(np.zeros(1000), FS_HZ))


def coverage(
    truth: float, make: Callable[[Amplitude, Amplitude], Estimate], a_uv: float, u_uv: float
) -> tuple[float, float, float]:
    """Return how often the interval holds the truth, and the SD told and found."""
    rng = np.random.default_rng(7)
    seconds, width = 0.5, EMG_BANDWIDTH_HZ
    n = round(2 * width * seconds)
    draws = np.sqrt(rng.chisquare(n, (4000, 2)) / n) * [a_uv, u_uv]
    made = [make(Amplitude(a, seconds), Amplitude(u, seconds)) for a, u in draws.tolist()]
    inside = np.mean([e.low <= truth <= e.high for e in made])
    return (
        float(inside),
        float(np.median([e.sd for e in made])),
        float(np.std([e.value for e in made])),
    )


@pytest.mark.parametrize(("a_uv", "u_uv"), [(10.0, 20.0), (10.0, 11.0), (12.0, 3.0)])
@pytest.mark.parametrize(
    "make", [signed_asymmetry_estimate, asymmetry_estimate, symmetry_estimate]
)
def test_interval_holds_the_truth_19_times_of_20(make: Any, a_uv: float, u_uv: float) -> None:
    truth = make(FOREVER._replace(rms_uv=a_uv), FOREVER._replace(rms_uv=u_uv)).value
    inside, _, _ = coverage(truth, make, a_uv, u_uv)
    assert 0.935 < inside < 0.985


def test_delta_method_gives_the_scatter_of_the_ratio() -> None:
    _, told, found = coverage(-1 / 3, signed_asymmetry_estimate, 10.0, 20.0)
    assert told == pytest.approx(found, rel=0.05)
    _, told, found = coverage(0.5, symmetry_estimate, 10.0, 20.0)
    assert told == pytest.approx(found, rel=0.05)
    _, told, found = coverage(2.0, lambda a, u: laterality_estimate_hb(u, a), 10.0, 20.0)
    assert told == pytest.approx(found, rel=0.05)


def test_equal_sides_include_symmetry_and_unequal_ones_do_not() -> None:
    same = asymmetry_estimate(Amplitude(10.0, 1.0), Amplitude(10.5, 1.0))
    assert same.low == 0.0 < same.high
    assert symmetry_estimate(Amplitude(10.0, 1.0), Amplitude(10.5, 1.0)).high == 1.0
    assert asymmetry_estimate(Amplitude(10.0, 1.0), Amplitude(20.0, 1.0)).low > 0.0


def test_more_time_makes_surer_by_its_root() -> None:
    one = signed_asymmetry_estimate(Amplitude(10.0, 1.0), Amplitude(20.0, 1.0))
    four = signed_asymmetry_estimate(Amplitude(10.0, 4.0), Amplitude(20.0, 4.0))
    assert one.sd == pytest.approx(2 * four.sd)
    none = signed_asymmetry_estimate(Amplitude(10.0, 0.0), Amplitude(20.0, 1.0))
    assert (none.low, none.high) == (-1.0, 1.0)


def test_coactivation_counts_all_four_amplitudes() -> None:
    five, twenty = Amplitude(5.0, 1.0), Amplitude(20.0, 1.0)
    shares = coactivation_estimate(five, twenty)
    whole = coactivation_estimate(five, twenty, Amplitude(50.0, 1.0), Amplitude(40.0, 1.0))
    assert shares.value == coactivation_ratio(5.0, 20.0)
    assert whole.value == pytest.approx(0.2)
    assert whole.sd / whole.value == pytest.approx(np.sqrt(2) * shares.sd / shares.value)


def test_excess_coactivation_holds_the_truth() -> None:
    rng = np.random.default_rng(3)
    seconds, n = 0.5, round(EMG_BANDWIDTH_HZ)
    truth = 8.0 / 20.0 - 3.0 / 30.0
    inside = 0
    for draw in (np.sqrt(rng.chisquare(n, (2000, 4)) / n) * [8.0, 20.0, 3.0, 30.0]).tolist():
        a, t, u, v = (Amplitude(rms, seconds) for rms in draw)
        found = excess_coactivation_estimate(
            coactivation_estimate(a, t), coactivation_estimate(u, v)
        )
        inside += found.low <= truth <= found.high
    assert 0.93 < inside / 2000 < 0.98


def test_amplitude_against_its_three_references() -> None:
    seen = compare(
        Amplitude(12.0, 2.0), Amplitude(2.0, 60.0), Amplitude(30.0, 6.0), Amplitude(24.0, 2.0)
    )
    assert [part.value for part in seen] == pytest.approx([6.0, 0.4, 0.5])
    assert all(part.low < part.value < part.high for part in seen)
    assert seen.over_rest.sd / 6.0 < seen.of_other_side.sd / 0.5  # 60 s of rest know more
    unknown = compare(Amplitude(12.0, 2.0))
    assert all(np.isnan(part.value) for part in unknown)
    assert np.isnan(compare(Amplitude(12.0, 2.0), Amplitude(0.0, 1.0)).over_rest.value)


def test_good_side_that_works_too_hard_is_told() -> None:
    comfortable = Amplitude(30.0, 6.0)
    assert not is_good_side_overactive(Amplitude(40.0, 2.0), comfortable)
    assert is_good_side_overactive(Amplitude(60.0, 2.0), comfortable)
    # Over the limit, but in a tenth of a second nobody can know.
    assert not is_good_side_overactive(Amplitude(50.0, 0.1), comfortable)
    assert is_good_side_overactive(Amplitude(50.0, 2.0), comfortable)
    assert is_good_side_overactive(Amplitude(40.0, 2.0), comfortable, limit=1.2)
    assert not is_good_side_overactive(Amplitude(float("nan"), 2.0), comfortable)
    with pytest.raises(ValueError, match="above 1"):
        is_good_side_overactive(Amplitude(40.0, 2.0), comfortable, limit=1.0)
