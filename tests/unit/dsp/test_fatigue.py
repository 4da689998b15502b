"""The median frequency: right by its definition, the same for any split, honest about gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import butter, periodogram, sosfilt

from faceloop_dsp import FatigueMeter, MedianFrequency, StreamCore
from faceloop_dsp.fatigue import WindowSpectrum


def bursts(low_hz: float, high_hz: float, seconds: float, seed: int = 1) -> np.ndarray:
    sos = butter(2, [low_hz, high_hz], "bandpass", fs=2000, output="sos")
    return sosfilt(sos, np.random.default_rng(seed).normal(0, 20, (round(2000 * seconds), 3)), 0)


def hz_of(windows: tuple[MedianFrequency, ...]) -> np.ndarray:
    return np.array([window.hz for window in windows])


def test_median_frequency_halves_the_power() -> None:
    x = bursts(50, 200, 1.0)
    windows = FatigueMeter(2000.0, 3).push(x.astype(np.float32))
    assert [window.frame for window in windows] == [999, 1999]
    f_hz, power = periodogram(x[1000:], 2000, "hann", axis=0)
    power[(f_hz < 20) | (f_hz > 450)] = 0
    for channel in range(3):
        below = power[f_hz <= windows[1].hz[channel], channel].sum() / power[:, channel].sum()
        bin_share = power[:, channel].max() / power[:, channel].sum()
        assert abs(below - 0.5) <= bin_share


def test_median_frequency_of_a_sine_is_its_frequency() -> None:
    t = np.arange(2000)[:, None] / 2000
    x = np.sin(2 * np.pi * np.array([40.0, 121.0, 300.0]) * t).astype(np.float32)
    np.testing.assert_allclose(hz_of(FatigueMeter(2000.0, 3).push(x))[-1], [40, 121, 300], atol=1)


def test_tired_muscle_is_seen_in_the_stream(signals: Any) -> None:
    """The spectrum moves down by a fifth, as in a minute of a held contraction."""
    fresh, tired = bursts(60, 180, 4.0), bursts(48, 144, 4.0, seed=2)
    core = StreamCore(n_channels=3, mains_hz=50.0)
    found = core.push(signals.counts(np.concatenate([fresh, tired]))).median_frequency
    hz = hz_of(found)
    assert hz.shape == (16, 3)
    fall = np.median(hz[9:], axis=0) / np.median(hz[1:8], axis=0)
    np.testing.assert_allclose(fall, 0.8, atol=0.06)


@pytest.mark.parametrize("sizes", [[20], [7, 331, 1], [5000]])
def test_median_frequency_any_split_and_a_gap_give_identical_bits(sizes: list[int]) -> None:
    x = bursts(50, 200, 2.5).astype(np.float32)
    whole = FatigueMeter(2000.0, 3)
    expected = [*whole.push(x[:1700]), *whole.gap(900), *whole.push(x[1700:])]
    split, found, at, i = FatigueMeter(2000.0, 3), [], 0, 0
    while at < len(x):
        n = min(sizes[i % len(sizes)], (1700 if at < 1700 else len(x)) - at)
        found += split.push(x[at : at + n])
        at, i = at + n, i + 1
        if at == 1700:
            found += [*split.gap(0), *split.gap(400), *split.gap(500)]
    assert [window.frame for window in found] == [999, 1999, 2999, 3999, 4999]
    assert [window.frame for window in expected] == [window.frame for window in found]
    np.testing.assert_array_equal(hz_of(tuple(found)), hz_of(tuple(expected)))
    assert np.isnan(hz_of(tuple(found))[[1, 2]]).all()
    assert np.isfinite(hz_of(tuple(found))[[0, 3, 4]]).all()


def test_median_frequency_of_nothing_is_not_known() -> None:
    x = np.zeros((1000, 2), np.float32)
    x[10, 1] = np.nan
    (window,) = FatigueMeter(2000.0, 2).push(x)
    assert np.isnan(window.hz).all()
    assert StreamCore(trace=False).push(np.zeros((4000, 8), np.int32)).median_frequency == ()


def test_window_spectrum_is_that_of_scipy() -> None:
    x = np.random.default_rng(5).standard_normal((3, 1000)) + 7.0
    hz, density = periodogram(x, 2000.0, "hann")
    is_in = (hz >= 20.0) & (hz <= 450.0)
    power = WindowSpectrum(2000.0, 1000).power(x)
    ratio = power / density[:, is_in]
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-9)
