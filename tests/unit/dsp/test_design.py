"""Filter design against SciPy, and the corners the clinic asks for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt, sosfreqz

from faceloop_dsp.core import MEASURE_BAND_HZ
from faceloop_dsp.design import butterworth_bandpass, butterworth_lowpass


@pytest.mark.parametrize(
    ("order", "low_hz", "high_hz", "fs_hz"),
    [
        (4, 20, 450, 2000),
        (1, 30, 300, 2000),
        (3, 20, 200, 1000),
        (1, 5, 800, 2000),
        (2, 1, 3, 500),
    ],
)
def test_bandpass_filters_like_scipy(
    order: int, low_hz: float, high_hz: float, fs_hz: float
) -> None:
    x = np.random.default_rng(1).normal(size=8000)
    ours = sosfilt(butterworth_bandpass(order, low_hz, high_hz, fs_hz).sos(), x)
    theirs = sosfilt(butter(order, [low_hz, high_hz], "bandpass", fs=fs_hz, output="sos"), x)
    np.testing.assert_allclose(ours, theirs, atol=1e-11 * np.abs(theirs).max(), rtol=0)


def test_lowpass_equals_scipy() -> None:
    theirs = butter(2, 6, fs=500, output="sos")
    np.testing.assert_allclose(butterworth_lowpass(6, 500).sos(), theirs, atol=1e-15)


def test_t11_measurement_band_keeps_facial_emg() -> None:
    """T11 (van Boxtel 2001;38:22): corners 15-25 and 400-500 Hz, 31 Hz kept."""
    sos = butterworth_bandpass(4, *MEASURE_BAND_HZ, 2000).sos()
    f, h = sosfreqz(sos, worN=np.arange(1.0, 1000.0, 0.05), fs=2000)
    gain_db = 20 * np.log10(np.maximum(np.abs(h), 1e-9))
    passed = f[gain_db >= -3.0103]
    assert 15 <= passed[0] <= 25
    assert 400 <= passed[-1] <= 500
    assert abs(gain_db[np.argmin(np.abs(f - 31.0))]) < 1.0


@pytest.mark.parametrize("band", [(0, 100), (100, 50), (20, 1000), (-1, 5)])
def test_bandpass_impossible_band_is_refused(band: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="does not lie between"):
        butterworth_bandpass(2, *band, 2000)


def test_design_other_impossible_values_are_refused() -> None:
    with pytest.raises(ValueError, match="order 0"):
        butterworth_bandpass(0, 20, 450, 2000)
    with pytest.raises(ValueError, match="corner of 300"):
        butterworth_lowpass(300, 500)
