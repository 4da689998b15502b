"""The notch cascade against SciPy, frame by frame."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, iirnotch, sosfilt, tf2sos

from faceloop_dsp.cascade import INDEX_LIMIT, NotchCascade

Floats = NDArray[np.float64]
LSB_UV = 2.4 / 12 / (2**23 - 1) * 1e6


def moving_mean(x: Floats, n: int) -> Floats:
    padded = np.concatenate([np.zeros((n, x.shape[1])), x])
    return np.asarray(np.stack([padded[i + 1 : i + 1 + n].mean(axis=0) for i in range(len(x))]))


def cascade(precision: Any, n_channels: int = 8) -> NotchCascade:
    return NotchCascade(2000.0, n_channels, LSB_UV, 50.0, 80.0, 9.0, 6.0, 2, precision=precision)


@pytest.mark.parametrize(("precision", "close"), [("float64", 1e-12), ("float32", 1e-4)])
def test_cascade_equals_scipys(signals: Any, precision: Any, close: float) -> None:
    uv = signals.emg(4, 10.0) + signals.mains(4, 50.0, 20.0)
    uv[4000:5000] *= 0.2
    counts = signals.counts(uv)
    sos = [butter(4, [20, 450], "bandpass", fs=2000, output="sos")]
    sos += [tf2sos(*iirnotch(50 * k, 30, 2000)) for k in range(1, 10)]
    y = sosfilt(np.concatenate(sos), counts * LSB_UV, axis=0)
    rms = np.sqrt(moving_mean(y**2, 200))
    envelope = sosfilt(butter(2, 6, fs=2000, output="sos"), np.abs(y), axis=0)
    psi = np.zeros_like(y)
    psi[2:] = np.abs(y[1:-1] ** 2 - y[:-2] * y[2:])
    found = cascade(precision).push(counts)
    late = slice(2500, None)
    np.testing.assert_allclose(found["rms"][late], rms[late], rtol=close)
    atol = 3 * close * envelope[late].std()
    np.testing.assert_allclose(found["env"][late], envelope[late], atol=atol, rtol=0)
    np.testing.assert_allclose(found["tkeo"][late], moving_mean(psi, 100)[late], rtol=4 * close)
    share = rms / 80.0
    np.testing.assert_allclose(found["share"][late], share[late], rtol=close)
    other = share[:, [1, 0, 3, 2, 5, 4, 7, 6]]
    asymmetry = (share - other) / (share + other)
    np.testing.assert_allclose(found["asymmetry"][late], asymmetry[late], atol=2 * close)
    index = share / np.maximum(share[:, 2:3], 0.005)
    np.testing.assert_allclose(found["index"][late], index[late], rtol=3 * close)


def test_cascade_alert_holds_for_20_ms(signals: Any) -> None:
    uv = signals.emg(3, 5.0)
    uv[3000:5000, [0, 5]] += signals.emg(1, 30.0, seed=1)[:, :2]
    found = cascade("float64").push(signals.counts(uv))
    on, count = np.zeros(8, bool), np.zeros(8, int)
    for frame in range(6000):
        past = on ^ (found["index"][frame] > INDEX_LIMIT)
        count = np.where(past, count + 1, 0)
        on, count = on ^ (count >= 40), np.where(count >= 40, 0, count)
        assert found["alert"][frame] == np.packbits(on, bitorder="little")[0]
    assert found["alert"][4500] == 0b0010_0001 and found["alert"][2900] == 0


def test_cascade_first_block_may_be_empty(signals: Any) -> None:
    core = cascade("float32")
    assert core.push(np.zeros((0, 8), np.int32))["rms"].shape == (0, 8)
    counts = signals.counts(signals.emg(0.1, 10.0))
    np.testing.assert_array_equal(core.push(counts)["rms"], cascade("float32").push(counts)["rms"])


def test_cascade_thresholds_hold_for_20_ms(signals: Any) -> None:
    uv = signals.emg(3, 2.0)
    uv[3000:5000] += signals.emg(1, 30.0, seed=1)
    found = cascade("float64").push(signals.counts(uv))
    on, count, rms = np.zeros(8, bool), np.zeros(8, int), found["rms"]
    for frame in range(6000):
        past = np.where(on, rms[frame] < 6.0, rms[frame] > 9.0)
        count = np.where(past, count + 1, 0)
        on, count = on ^ (count >= 40), np.where(count >= 40, 0, count)
        assert found["on"][frame] == np.packbits(on, bitorder="little")[0]
    assert found["on"][4500] == 0xFF and found["on"][2900] == 0


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("n_channels", [1, 3, 8])
def test_cascade_any_split_gives_identical_bits(
    signals: Any, precision: Any, n_channels: int
) -> None:
    counts = signals.counts(signals.emg(1, 10.0, n_channels))
    target = min(2, n_channels - 1)

    def fresh() -> NotchCascade:
        return NotchCascade(
            2000.0, n_channels, LSB_UV, 60.0, 80.0, 9.0, 6.0, target, precision=precision
        )

    whole = {name: x.copy() for name, x in fresh().push(counts).items()}
    split = fresh()
    edges = [0, 1, 2, 20, 83, 84, 299, 300, 1301, 2000]
    for a, b in pairwise(edges):
        for name, x in split.push(counts[a:b]).items():
            assert x.tobytes() == whole[name][a:b].tobytes(), name


def test_cascade_rms_after_artefacts_has_not_drifted(signals: Any) -> None:
    """300 mV 200 times, as in hours of use: a naive 32-bit sum would end far off or negative."""
    quiet = signals.counts(signals.emg(2, 1.0))
    core, clean = cascade("float32"), cascade("float64")
    burst = np.repeat(np.array([[1], [-1]], np.int32) * 8_000_000, 20, axis=0)
    for _ in range(200):
        core.push(np.ascontiguousarray(np.tile(burst, (1, 8))))
        clean.push(np.ascontiguousarray(np.tile(burst, (1, 8))))
        core.push(quiet[:777])
        clean.push(quiet[:777])
    for _ in range(3):
        rms, exact = core.push(quiet)["rms"][-1], clean.push(quiet)["rms"][-1]
    np.testing.assert_allclose(rms, exact, rtol=2e-4)  # of the filters, not of the sums


def test_cascade_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed are 1000-16000"):
        NotchCascade(500.0, 8, LSB_UV, 50.0, 80.0, 9.0, 6.0)
    with pytest.raises(ValueError, match="target 8 of 8"):
        NotchCascade(2000.0, 8, LSB_UV, 50.0, 80.0, 9.0, 6.0, 8)
    with pytest.raises(ValueError, match="a block must be int32"):
        cascade("float32").push(np.zeros((4, 8), np.float32))  # type: ignore[arg-type]
