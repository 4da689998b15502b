"""Leaks have the neighbour's waveform, muscles that join in have their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from faceloop_dsp.crosstalk import LeakMeter, relation

FS_HZ = 2000
HOP = 20
Floats = NDArray[np.float64]


def leaked(source: Floats, fraction: float, delay: int = 2) -> Floats:
    """Attenuated, low-passed at 200 Hz, delayed: what the signal model calls crosstalk."""
    pole = np.exp(-2 * np.pi * 200 / FS_HZ)
    return np.asarray(fraction * np.roll(lfilter([1 - pole], [1, -pole], source), delay))


def bursts(signals: Any, seconds: float, rms_uv: float, seed: int) -> Floats:
    x = signals.emg(seconds, rms_uv, 1, seed)[:, 0]
    on = (np.arange(x.size) // FS_HZ) % 2 == 1
    return np.asarray(x * on)


def test_leak_and_muscle_are_told_apart(signals: Any) -> None:
    """A made leak had correlations of 0.999 and 0.997, two devices on one muscle 0.97 and 0.07."""
    source = bursts(signals, 10, 30.0, 1)
    rest = signals.emg(10, 1.0, 2, 2)
    leak = relation(source + rest[:, 0], leaked(source, 0.2) + rest[:, 1], FS_HZ)
    assert leak.verdict == "crosstalk"
    assert leak.signal_r > 0.8
    assert 0.0 < leak.lag_s < 0.002
    joined = relation(source + rest[:, 0], bursts(signals, 10, 10.0, 5) + rest[:, 1], FS_HZ)
    assert joined.verdict == "together"
    assert abs(joined.signal_r) < 0.1
    assert joined.envelope_r > 0.9
    alone = relation(rest[:, 0], rest[:, 1], FS_HZ)
    assert alone.verdict == "separate"
    assert relation(source, -leaked(source, 0.2), FS_HZ).verdict == "crosstalk"


def test_relation_of_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.5 s"):
        relation(np.zeros(999), np.zeros(999), FS_HZ)
    with pytest.raises(ValueError, match="two alike"):
        relation(np.zeros(2000), np.zeros(2001), FS_HZ)
    assert relation(np.zeros(2000), np.zeros(2000), FS_HZ).verdict == "separate"


def shares(x: Floats) -> Floats:
    """Return the own share of channel 1 next to channel 0, hop by hop."""
    meter = LeakMeter([(1, (0,))], HOP)
    own = []
    for i in range(0, len(x), HOP):
        meter.push(x[i : i + HOP])
        own.append(meter.own_share[0])
    return np.array(own)


def active(values: Floats, first_s: int) -> Floats:
    """Return the hops of whole windows inside the bursts of odd seconds."""
    hop = np.arange(values.size)
    return np.asarray(values[(hop // 100 % 2 == 1) & (hop % 100 >= 10) & (hop >= 100 * first_s)])


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.2, 0.3])
def test_leak_is_taken_off_and_the_rest_is_left(signals: Any, fraction: float) -> None:
    source = bursts(signals, 16, 30.0, 1)
    rest = signals.emg(16, 2.0, 2, 2)
    leak = leaked(source, fraction)
    seen = active(shares(np.stack([source + rest[:, 0], leak + rest[:, 1]], axis=1)), 6)
    loud = leak.reshape(-1, FS_HZ)[1::2]
    truth = 4.0 / (4.0 + float(np.mean(loud**2)))
    assert np.median(seen) == pytest.approx(truth, abs=0.12)


def test_muscle_that_joins_in_keeps_its_power(signals: Any) -> None:
    source = bursts(signals, 16, 30.0, 1)
    own = bursts(signals, 16, 7.0, 7)
    rest = signals.emg(16, 2.0, 2, 2)
    x = np.stack([source + rest[:, 0], own + rest[:, 1]], axis=1)
    assert np.median(active(shares(x), 2)) > 0.9
    mixed = x + np.stack([np.zeros_like(source), leaked(source, 0.2)], axis=1)
    leak = float(np.mean(leaked(source, 0.2).reshape(-1, FS_HZ)[1::2] ** 2))
    assert np.median(active(shares(mixed), 6)) == pytest.approx(53 / (53 + leak), abs=0.12)


def test_target_that_leaks_back_is_not_explained_away(signals: Any) -> None:
    """While the guard itself moves, its leak in the trained muscle's electrode proves nothing."""
    guard = bursts(signals, 16, 30.0, 1)
    rest = signals.emg(16, 2.0, 2, 2)
    x = np.stack([leaked(guard, 0.2) + rest[:, 0], guard + rest[:, 1]], axis=1)
    assert np.median(active(shares(x), 2)) > 0.95


def test_gap_forgets_the_window_but_not_the_leak(signals: Any) -> None:
    source = signals.emg(8, 30.0, 1, 1)[:, 0]
    rest = signals.emg(8, 2.0, 2, 2)
    x = np.stack([source + rest[:, 0], leaked(source, 0.3) + rest[:, 1]], axis=1)
    meter = LeakMeter([(1, (0,))], HOP)
    for i in range(0, 12_000, HOP):
        meter.push(x[i : i + HOP])
    known = meter.own_share[0]
    assert known < 0.4
    meter.clear()
    assert meter.own_share[0] == 1.0
    for i in range(14_000, 14_400, HOP):
        meter.push(x[i : i + HOP])
    assert meter.own_share[0] < 0.4
    holes = x[14_400:14_420].copy()
    holes[3:9] = np.nan
    meter.push(holes)
    assert np.isfinite(meter.own_share).all()


def test_nothing_to_watch_is_no_error() -> None:
    for paths in ([], [(1, (0,))]):
        meter = LeakMeter(paths, HOP)
        meter.push(np.zeros((HOP, 8)))
        assert meter.own_share.tolist() == [1.0] * len(paths)


def test_path_with_fewer_sources_is_as_it_is_alone(signals: Any) -> None:
    x = signals.emg(8, 30.0, 4)
    x[:, 1] = 0.1 * x[:, 1] + 0.3 * x[:, 0]
    meters = [LeakMeter(paths, HOP) for paths in ([(1, (0,))], [(1, (0,)), (2, (0, 3))])]
    for i in range(0, 8000, HOP):
        for meter in meters:
            meter.push(x[i : i + HOP])
    alone, beside = (meter.own_share[0] for meter in meters)
    assert alone < 0.99 and beside == pytest.approx(alone, rel=1e-9)
