"""The mains canceller: a slow twin, what it must reach, and what it spares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from faceloop_dsp import StreamCore

Floats = NDArray[np.float64]


def slow_twin(y: Floats, nominal_hz: float, loop_hops: int) -> tuple[Floats, float]:
    """One lane of the canceller, hop by hop, as the texts describe it (fs 2 kHz).

    Without the watch for a residual locked to the line, which the signal must not wake.
    """
    fs, p, hop, group = 2000.0, 40, 20, 4
    bins, hz, rate, phase = np.zeros(p), nominal_hz, 0.0, 0.0
    track, limit, power, recent, loop_square = 0.0, np.inf, 0.0, 0.0, 0.0
    line, line_noise, lag = np.zeros(3, complex), 0.0, loop_hops * hop / fs / 2
    unsure = np.diag([0.3**2, 0.01**2])
    spread = unsure
    out = np.empty_like(y)
    errors: list[float] = []
    sums = np.zeros(3, complex)
    k = np.arange(1, 4)
    for n in range(0, y.size, hop):
        age = n - 100  # 50 ms of ringing
        mu = max(0.06, 1 / (1 + 0.5 * np.floor(max(0, age) * hz / fs)))
        points = (phase + hz / fs * np.arange(hop)) % 1.0 * p
        left = points.astype(int)
        t = points - left
        weights = [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ]
        read = sum(w * bins[(left + i) % p] for w, i in zip(weights, range(-1, 3), strict=True))
        e = y[n : n + hop] - read
        # All that is learnt becomes visible in the next hop.
        np.add.at(bins, (left + (t >= 0.5)) % p, mu * np.clip(e, -limit, limit))
        turn = np.exp(-2j * np.pi * points[::group, None] / p * k)
        if age >= 0:
            sums += y[n : n + hop].reshape(-1, group).sum(axis=1) @ turn
            loop_square += float(e @ e)
        out[n : n + hop] = e
        errors.extend(e)
        phase = (phase + hz / fs * hop) % 1.0
        if len(errors) == 2 * hop:
            mean = float(np.mean(np.abs(errors)))
            if age + hop < 0.3 * fs:
                track = mean
            else:
                track = max(track * (0.965 if mean < track else 1.015), 0.05)
                limit = 2 * track
            square = float(np.mean(np.square(errors)))
            power += (0.04 if power else 1.0) * (square - power)
            recent += 0.3 * (square - recent)
            errors = []
        end, loop = n + hop, loop_hops * hop
        if age >= 0 and (end - 100) % loop == 0:
            dt = loop / fs
            noise = max(loop_square / loop, recent, 0.0025)
            gain = 2 * np.pi * dt / (1 + 2 * np.pi * dt)
            gain *= np.clip(track**2 * np.pi / 2 / noise, 0.02, 1.0)
            if age + hop < 0.3 * fs:
                gain = max(gain, min(1.0, dt / 2 / lag))
            before, line = line, line + gain * (sums / loop - line)
            line_noise = (1 - gain) ** 2 * line_noise + gain**2 * noise / loop
            angle = np.sum(k * (sums / loop * before.conj()).imag) * lag
            size = np.sum(k**2 * np.abs(before) ** 2) * lag**2
            lag = (1 - gain) * lag + dt
            sums, loop_square = np.zeros(3, complex), 0.0
            is_present = np.sum(np.abs(line) ** 2) / line_noise / 3 > 8
            if not is_present:
                hz += dt * 0.05 * (nominal_hz - hz)
                rate, spread = 0.0, unsure
            if end < 0.4 * fs or not is_present:
                continue
            # A Kalman filter of frequency and rate, in matrices as the textbooks have it.
            error = float(np.clip(angle / size / (2 * np.pi), -2, 2))
            variance = max(8 * noise / (8 * np.pi**2 * loop * size), 0.005**2)
            forward = np.array([[1.0, dt], [0.0, 1.0]])
            spread = forward @ spread @ forward.T + np.diag([0.0, 3e-4 * dt])
            trust = spread[:, 0] / (spread[0, 0] + variance)
            spread = spread - np.outer(trust, spread[0])
            hz += dt * rate + trust[0] * error
            rate = float(np.clip(rate + trust[1] * error, -0.5, 0.5))
            line = line * (1 + 2j * np.pi * k * trust[0] * error * (lag - dt))
    return out, hz


@pytest.mark.parametrize(("line_hz", "nominal_hz", "loop_hops"), [(50.02, 50, 2), (59.98, 60, 5)])
def test_canceller_equals_its_slow_twin(
    signals: Any, line_hz: float, nominal_hz: float, loop_hops: int
) -> None:
    counts = signals.counts(signals.white(4, 3.0, 1) + signals.mains(4, line_hz, 10.0))
    sos = butter(4, [20, 450], "bandpass", fs=2000, output="sos")
    y = sosfilt(sos, (counts[:, 0] - counts[0, 0]) * StreamCore().lsb_uv)
    twin, hz = slow_twin(y, nominal_hz, loop_hops)
    for precision, close_uv in (("float64", 1e-4), ("float32", 0.02)):
        core = StreamCore(n_channels=1, mains_hz=nominal_hz, precision=precision)
        trace = core.push(counts).trace_uv[:, 0]
        # A phase next to the middle of two points may round to either: rarely, and by little.
        assert np.quantile(np.abs(trace - twin), 0.99) < close_uv
        assert core.mains.tracked_hz == pytest.approx(hz, abs=1e-4)


def attenuation_db(signals: Any, hz: Any, peak_uv: float, seconds: float = 16.0) -> float:
    """Return how much of the line is left at rest over the second half, in decibels."""
    rest = signals.white(seconds, 3.0)
    line = signals.mains(seconds, hz, peak_uv)
    nominal = 50.0 if np.mean(hz) < 55 else 60.0
    half = slice(round(seconds * 1000), None)

    def trace(uv: Floats, mains_hz: float | None) -> Floats:
        counts = signals.counts(uv)
        return StreamCore(mains_hz=mains_hz).push(counts).trace_uv[half].astype(np.float64)

    clean = trace(rest, None)
    before = np.mean((trace(rest + line, None) - clean) ** 2)
    after = np.mean((trace(rest + line, nominal) - clean) ** 2)
    return float(10 * np.log10(after / before))


@pytest.mark.parametrize("hz", [50.0, 49.8, 50.5, 60.0, 59.9, 60.2])
def test_line_off_nominal_is_removed_by_26_db(signals: Any, hz: float) -> None:
    assert attenuation_db(signals, hz, 20.0) < -26.0


@pytest.mark.parametrize("nominal_hz", [50.0, 60.0])
def test_drifting_line_is_removed_by_26_db(signals: Any, nominal_hz: float) -> None:
    """+-0.5 Hz over 60 s, where nine fixed notches leave 8.7 dB less."""
    t = np.arange(60 * 2000) / 2000
    hz = nominal_hz + 0.5 * np.sin(2 * np.pi * t / 60)
    assert attenuation_db(signals, hz, 20.0, 60.0) < -26.0


@pytest.mark.parametrize("nominal_hz", [50.0, 60.0])
def test_drifting_line_is_followed_through_bursts_of_all_channels(
    signals: Any, nominal_hz: float
) -> None:
    """No quiet channel is left then: the frequency has to go on as it went."""
    seconds = 60
    t = np.arange(seconds * 2000) / 2000
    line = signals.mains(seconds, nominal_hz + 0.5 * np.sin(2 * np.pi * t / 60), 20.0)
    x = signals.white(seconds, 2.0)
    is_burst = np.zeros(t.size, bool)
    for start in range(4000, x.shape[0] - 4000, 6000):
        x[start : start + 2400] += signals.emg(1.2, 50.0, seed=start)
        is_burst[start : start + 2400] = True

    def trace(uv: Floats, mains_hz: float | None) -> Floats:
        seen = StreamCore(mains_hz=mains_hz).push(signals.counts(uv)).trace_uv
        return seen[20 * 2000 :].astype(np.float64)

    clean, is_burst = trace(x, None), is_burst[20 * 2000 :]
    error = trace(x + line, nominal_hz) - clean
    before = trace(x + line, None) - clean
    left = np.mean(error[~is_burst] ** 2) / np.mean(before[~is_burst] ** 2)
    assert 10 * np.log10(left) < -25.0
    assert 10 * np.log10(np.mean(clean[is_burst] ** 2) / np.mean(error[is_burst] ** 2)) > 27.0


@pytest.mark.parametrize("off_hz", [-0.3, 0.1])
def test_line_off_nominal_is_found_within_a_second_and_a_half(signals: Any, off_hz: float) -> None:
    x = signals.white(4, 2.0) + signals.mains(4, 50.0 + off_hz, 20.0)
    core = StreamCore(mains_hz=50.0)
    core.push(signals.counts(x[:3000]))
    assert core.mains.tracked_hz == pytest.approx(50.0 + off_hz, abs=0.03)
    core.push(signals.counts(x[3000:]))
    assert core.mains.tracked_hz == pytest.approx(50.0 + off_hz, abs=0.02)


def test_strong_line_off_by_a_thousandth_leaves_rest_within_5_percent(signals: Any) -> None:
    """Clock error 0.1 %, 200 uV; a fixed notch leaves 30 % and more."""
    rest = signals.white(30, 3.0)
    line = signals.mains(30, 60.0 * 0.999, 200.0)
    clean = StreamCore(mains_hz=None).push(signals.counts(rest))
    core = StreamCore(mains_hz=60.0)
    noisy = core.push(signals.counts(rest + line))
    late = slice(1000, None)
    ratio = noisy.rms_uv[late].mean(axis=0) / clean.rms_uv[late].mean(axis=0)
    assert ratio.max() < 1.05
    assert core.mains.nominal_hz == 60.0
    assert core.mains.is_present
    assert core.mains.tracked_hz == pytest.approx(59.94, abs=0.002)


def test_emg_bursts_lose_almost_nothing(signals: Any) -> None:
    """At most 0.5 % of the power of bursts is touched when there is no line at all."""
    x = signals.white(30, 1.0)
    for start in range(3 * 2000, 28 * 2000, 3 * 2000):
        x[start : start + 2000] += signals.emg(1, 50.0, seed=start)
    counts = signals.counts(x)
    clean = StreamCore(mains_hz=None).push(counts).trace_uv[8000:].astype(np.float64)
    core = StreamCore(mains_hz=50.0)
    kept = core.push(counts).trace_uv[8000:].astype(np.float64)
    assert np.sum((kept - clean) ** 2) < 0.005 * np.sum(clean**2)
    assert not core.mains.is_present


def test_line_that_grows_threefold_is_learnt_within_half_a_second(signals: Any) -> None:
    size = np.ones((20 * 2000, 1))
    size[12 * 2000 :] = 3.0
    x = signals.white(20, 2.0) + size * signals.mains(20, 50.1, 60.0)
    rms = StreamCore(mains_hz=50.0).push(signals.counts(x)).rms_uv
    before = rms[900:1200].mean()
    assert rms[1210].mean() > 10 * before
    assert rms[1265:1290].mean() < 2 * before
    assert rms[1400:1900].mean() < 1.3 * before


@pytest.mark.parametrize("hz", [49.9, 50.1, 59.9, 60.1])
def test_auto_finds_the_line_in_two_seconds(signals: Any, hz: float) -> None:
    core = StreamCore()
    assert core.mains.nominal_hz is None
    assert np.isnan(core.mains.tracked_hz)
    core.push(signals.counts(signals.emg(2, 3.0) + signals.mains(2, hz, 5.0)))
    assert core.mains.nominal_hz == (50.0 if hz < 55 else 60.0)


def test_auto_without_a_line_stays_off_and_finds_one_later(signals: Any) -> None:
    core = StreamCore()
    core.push(signals.counts(signals.emg(10, 3.0)))
    assert core.mains.nominal_hz is None
    core.push(signals.counts(signals.emg(3, 3.0, seed=1) + signals.mains(3, 60.0, 10.0)))
    assert core.mains.nominal_hz == 60.0


def test_auto_decides_on_the_channels_that_are_connected(signals: Any) -> None:
    x = signals.emg(3, 3.0) + signals.mains(3, 50.0, 3.0)
    x[:, 0] = signals.mains(3, 60.0, 3000.0)[:, 0]
    core = StreamCore()
    core.set_muted(0x01)
    core.push(signals.counts(x))
    assert core.mains.nominal_hz == 50.0


def test_template_survives_a_short_gap(signals: Any) -> None:
    x = signals.counts(signals.white(20, 2.0) + signals.mains(20, 60.1, 100.0))
    core = StreamCore(mains_hz=60.0)
    before = core.push(x[: 16 * 2000]).rms_uv[-300:].mean()
    core.gap(1000)
    after = core.push(x[16 * 2000 + 1000 :]).rms_uv
    first = np.flatnonzero(np.isfinite(after[:, 0]))[0]
    assert after[first : first + 20].mean() < 1.15 * before


def test_long_gap_starts_the_template_anew(signals: Any) -> None:
    x = signals.counts(signals.white(20, 2.0) + signals.mains(20, 60.1, 100.0))
    core = StreamCore(mains_hz=60.0)
    before = core.push(x[: 12 * 2000]).rms_uv[-300:].mean()
    core.gap(5 * 2000 + 13)
    after = core.push(x[17 * 2000 :]).rms_uv
    first = np.flatnonzero(np.isfinite(after[:, 0]))[0]
    assert first >= 50  # 0.4 s and a window
    assert after[first + 10 : first + 60].mean() < 1.3 * before
