"""T10: all 27 published settings of the Hodges-Bui rule on bursts of known onset."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from faceloop_dsp.hodges_bui import hodges_bui_onset

FS_HZ = 2000
ONSET = 3000
BAND = butter(4, [20, 450], "bandpass", fs=FS_HZ, output="sos")


def rectified(snr_db: float, n: int = 60) -> NDArray[np.float64]:
    rng = np.random.default_rng([10, round(snr_db)])
    x = rng.normal(size=(n, 5000))
    x[:, ONSET:] += 10 ** (snr_db / 20) * rng.normal(size=(n, 2000))
    return np.abs(sosfiltfilt(BAND, x, axis=1))


def errors_ms(
    snr_db: float, lowpass_hz: float, n_sd: float, window_ms: float
) -> NDArray[np.float64]:
    low = butter(2, lowpass_hz, fs=FS_HZ, output="sos")
    linear = sosfiltfilt(low, rectified(snr_db), axis=1)
    found = [hodges_bui_onset(row, 2400, n_sd, round(2 * window_ms)) for row in linear]
    return np.array([np.nan if at is None else (at - ONSET) / 2 for at in found])


@pytest.mark.parametrize("lowpass_hz", [10.0, 50.0, 500.0])
@pytest.mark.parametrize("n_sd", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("window_ms", [20.0, 50.0, 100.0])
def test_t10_each_setting_finds_strong_bursts(
    lowpass_hz: float, n_sd: float, window_ms: float
) -> None:
    errors = errors_ms(20.0, lowpass_hz, n_sd, window_ms)
    assert not np.isnan(errors).any()
    # One SD is soon exceeded by rest itself: early, never late.
    assert -300 <= np.median(errors) < 20
    assert np.max(errors) < 20


@pytest.mark.parametrize("snr_db", [6.0, 10.0, 20.0])
def test_t10_default_is_within_one_window(snr_db: float) -> None:
    errors = errors_ms(snr_db, 50.0, 3.0, 50.0)
    assert abs(np.nanmedian(errors)) < 50.0
    assert np.isnan(errors).mean() < 0.05


def test_rule_says_when_nothing_comes_and_refuses_nonsense() -> None:
    assert hodges_bui_onset(np.tile([1.0, 2.0], 500), 500) is None
    with pytest.raises(ValueError, match="baseline of 1 "):
        hodges_bui_onset(np.zeros(500), 1)
    with pytest.raises(ValueError, match="window of 101"):
        hodges_bui_onset(np.zeros(500), 400, 3.0, 101)
