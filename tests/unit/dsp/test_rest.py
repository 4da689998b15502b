"""Rest reference, alert threshold, and the onsets that rest on them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt, welch

from faceloop_dsp import RestReference, StreamCore
from faceloop_dsp._stream import cusum_block_maxima
from faceloop_dsp.rest import MIN_THRESHOLD, Tail, alert_threshold, shrunk, tail, whitening_taps

Floats = NDArray[np.float64]


def rested(signals: Any, seconds: float, x: Floats | None = None) -> tuple[StreamCore, Any]:
    core = StreamCore(mains_hz=None)
    core.push(signals.counts(signals.white(1, 2.0, seed=5)))
    core.begin_rest()
    assert core.is_resting
    core.push(signals.counts(signals.white(seconds, 2.0) if x is None else x))
    return core, core.end_rest()


def in_band_uv(sd_uv: float) -> float:
    """RMS of white noise behind the measurement filter."""
    y = sosfilt(
        butter(4, [20, 450], "bandpass", fs=2000, output="sos"),
        np.random.default_rng(3).normal(0, sd_uv, 400_000),
    )
    return float(y.std())


@pytest.mark.parametrize("seconds", [3.0, 10.0, 60.0])
def test_rest_of_any_allowed_length_gives_the_level(signals: Any, seconds: float) -> None:
    core, rest = rested(signals, seconds)
    assert rest.seconds == pytest.approx(seconds)
    assert rest.is_short == (seconds < 60)
    np.testing.assert_allclose(rest.rms_mean_uv, in_band_uv(2.0), rtol=0.06)
    assert np.all((rest.rms_sd_uv > 0.01 * rest.rms_mean_uv) & (rest.rms_sd_uv < rest.rms_mean_uv))
    np.testing.assert_allclose(rest.active_above_uv(3.0), rest.rms_mean_uv + 3 * rest.rms_sd_uv)
    assert np.all((rest.alert_threshold >= MIN_THRESHOLD) & (rest.alert_threshold < 60))
    assert core.rest is rest
    assert not core.is_resting


def test_rest_shorter_than_3_s_is_refused_and_goes_on(signals: Any) -> None:
    core = StreamCore(mains_hz=None)
    core.push(signals.counts(signals.white(1, 2.0)))
    core.begin_rest()
    core.push(signals.counts(signals.white(2.99, 2.0)))
    assert core.rest_seconds == 0.0
    with pytest.raises(ValueError, match=r"3\.0 s that can be used, at least 3 s"):
        core.end_rest()
    core.push(signals.counts(signals.white(0.02, 2.0)))
    assert core.rest_seconds == pytest.approx(3.01)
    assert core.end_rest().seconds == pytest.approx(3.01)


def test_end_rest_without_begin_is_refused() -> None:
    with pytest.raises(RuntimeError, match="begin_rest"):
        StreamCore().end_rest()


def test_begin_rest_again_forgets_the_first(signals: Any) -> None:
    core = StreamCore(mains_hz=None)
    core.begin_rest()
    core.push(signals.counts(signals.emg(5, 100.0)))
    core.begin_rest()
    core.push(signals.counts(signals.white(5, 2.0)))
    np.testing.assert_allclose(core.end_rest().rms_mean_uv, in_band_uv(2.0), rtol=0.1)


def test_blinks_during_rest_change_the_reference_little(signals: Any) -> None:
    quiet = signals.white(20, 2.0)
    blinking = quiet.copy()
    for second in range(2, 20, 4):
        at = second * 2000 + 300
        blinking[at : at + 200] += signals.emg(0.1, 40.0, seed=second)
    _, clean = rested(signals, 20, quiet)
    _, rest = rested(signals, 20, blinking)
    np.testing.assert_allclose(rest.rms_mean_uv, clean.rms_mean_uv, rtol=0.03)
    np.testing.assert_allclose(rest.rms_sd_uv, clean.rms_sd_uv, rtol=0.5)
    np.testing.assert_allclose(rest.alert_sd_uv, clean.alert_sd_uv, rtol=0.08)
    np.testing.assert_allclose(rest.alert_threshold, clean.alert_threshold, rtol=0.5)


def test_rest_of_a_muted_channel_is_unknown_and_the_others_count(signals: Any) -> None:
    core = StreamCore(mains_hz=None)
    core.set_muted(0b10)
    core.push(signals.counts(signals.white(1, 2.0)))
    core.begin_rest()
    core.push(signals.counts(signals.white(5, 2.0)))
    rest = core.end_rest()
    assert rest.seconds == pytest.approx(5)
    for values in (rest.rms_mean_uv, rest.rms_sd_uv, rest.alert_sd_uv, rest.alert_threshold):
        assert np.flatnonzero(np.isnan(values)).tolist() == [1]
    core.set_muted(0)
    core.push(signals.counts(signals.white(1, 2.0)))
    onsets = core.push(signals.counts(signals.emg(0.5, 60.0))).onsets
    assert {onset.channel for onset in onsets} == {0, 2, 3, 4, 5, 6, 7}


def test_rest_of_a_dead_channel_gives_no_threshold(signals: Any) -> None:
    x = signals.white(5, 2.0)
    x[:, 4] = 0.0
    core, rest = rested(signals, 5, x)
    assert np.isnan(rest.alert_threshold[4])
    core.push(signals.counts(signals.emg(0.5, 60.0)))
    assert core.active == 0xEF


def test_gap_during_rest_is_left_out(signals: Any) -> None:
    core = StreamCore(mains_hz=None)
    core.push(signals.counts(signals.white(1, 2.0)))
    core.begin_rest()
    core.push(signals.counts(signals.white(3, 2.0)))
    core.gap(1000)
    core.push(signals.counts(signals.white(3, 2.0, seed=1)))
    rest = core.end_rest()
    assert rest.seconds == pytest.approx(5.95)  # less 50 ms of settling
    np.testing.assert_allclose(rest.rms_mean_uv, in_band_uv(2.0), rtol=0.06)


@pytest.mark.parametrize("gap_frames", [0, 17])
def test_rest_that_never_ends_keeps_its_newest_part_however_it_came(
    monkeypatch: pytest.MonkeyPatch, gap_frames: int
) -> None:
    monkeypatch.setattr("faceloop_dsp.rest.MAX_REST_S", 4.0)
    counts = np.random.default_rng(3).normal(0, 200, (14_000, 8)).astype(np.int32)
    references = []
    for sizes in ([2000], [20], [7, 33, 1, 40], [14_000]):
        core = StreamCore(mains_hz=None)
        core.begin_rest()
        at = i = 0
        while at < len(counts):
            n = min(sizes[i % len(sizes)], (9_003 if at < 9_003 else len(counts)) - at)
            core.push(counts[at : at + n])
            at += n
            i += 1
            if at == 9_003:
                core.gap(gap_frames)
        references.append(core.end_rest().as_dict())
    assert references[0]["seconds"] <= 4.0
    assert all(reference == references[0] for reference in references)


def test_reference_survives_json(signals: Any) -> None:
    x = signals.white(4, 2.0)
    x[:, 4] = 0.0
    _, rest = rested(signals, 4, x)
    again = RestReference.from_dict(json.loads(json.dumps(rest.as_dict(), allow_nan=False)))
    assert again.seconds == rest.seconds
    for name in ("rms_mean_uv", "rms_sd_uv", "alert_whitening", "alert_sd_uv", "alert_threshold"):
        np.testing.assert_array_equal(getattr(again, name), getattr(rest, name))


@pytest.mark.parametrize("damage", ["missing", "text", "shape"])
def test_reference_from_damaged_json_is_refused(signals: Any, damage: str) -> None:
    stored = rested(signals, 4)[1].as_dict()
    if damage == "missing":
        del stored["alert_sd_uv"]
    elif damage == "text":
        stored["rms_mean_uv"][2] = "much"
    else:
        stored["alert_whitening"] = stored["alert_whitening"][:3]
    with pytest.raises(ValueError, match="not a stored rest reference"):
        RestReference.from_dict(stored)


def test_cusum_equals_its_slow_twin() -> None:
    rng = np.random.default_rng(11)
    y = rng.normal(0, 1.0, (3000, 2))
    y[1000:1200] *= 3.0
    y[2000, 1] = np.nan
    maxima = cusum_block_maxima(y, np.array([1.0, 0.8]), 250, 300.0)
    for c, sd in enumerate((1.0, 0.8)):
        g, path = 0.0, []
        for value in y[:, c]:
            q = min((value / sd) ** 2, 20.0)
            g = 0.0 if np.isnan(value) else max(0.0, g + 0.5 * (q * (1 - 1 / 3) - np.log(3)))
            path.append(np.nan if np.isnan(value) else g)
            g = 0.0 if g >= 300.0 else g
        expected = np.array(path).reshape(12, 250).max(axis=1)
        np.testing.assert_allclose(maxima[:, c], expected, rtol=1e-9, atol=1e-12)


def test_cusum_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="blocks of 0"):
        cusum_block_maxima(np.zeros((10, 2)), np.ones(2), 0, 150.0)
    with pytest.raises(ValueError, match="3 scales for 2"):
        cusum_block_maxima(np.zeros((10, 2)), np.ones(3), 5, 150.0)
    assert np.isnan(cusum_block_maxima(np.zeros((10, 1)), np.zeros(1), 5, 150.0)).all()


def test_whitening_makes_coloured_rest_white(signals: Any) -> None:
    x = signals.emg(20, 3.0, 1)[:, 0] + signals.white(20, 0.5, 1)[:, 0]
    y = sosfilt(butter(1, [30, 300], "bandpass", fs=2000, output="sos"), x)

    def flatness(z: Floats) -> float:
        """Geometric over arithmetic mean of the spectrum from 30 to 400 Hz, 1 is white."""
        f, power = welch(z, 2000, nperseg=256)
        band = power[(f > 30) & (f < 400)]
        return float(np.exp(np.mean(np.log(band))) / band.mean())

    assert flatness(y) < 0.6
    assert flatness(lfilter([1.0, *whitening_taps(y)], 1.0, y)) > 0.85
    np.testing.assert_array_equal(whitening_taps(np.zeros(100)), np.zeros(4))


@pytest.mark.parametrize("beta", [2.0, 4.0, 8.0])
def test_threshold_extrapolates_an_exponential_tail(beta: float) -> None:
    """Gumbel maxima of known rate: 0.1 alerts an hour lie where the law says, within 15 %."""
    rng = np.random.default_rng(1)
    per_block = 5.0
    truth = beta * np.log(per_block / 0.1 * 3600 / 0.1)
    levels = [
        alert_threshold(beta * (np.log(per_block) + rng.gumbel(size=600)), 60.0) for _ in range(50)
    ]
    assert np.median(levels) == pytest.approx(np.clip(truth, MIN_THRESHOLD, 150.0), rel=0.15)


def test_tails_of_like_channels_come_together() -> None:
    rng = np.random.default_rng(4)
    apart, together = [], []
    for _ in range(100):
        tails = [tail(3.0 * rng.gumbel(size=600)) for _ in range(8)]
        apart.append([one.beta for one in tails if one])
        together.append([one.beta for one in shrunk(tails) if one])
    assert np.std(together) < 0.6 * np.std(apart)
    assert np.mean(together) == pytest.approx(np.mean(apart), rel=0.02)


def test_tails_of_unlike_channels_stay_as_they_are() -> None:
    like = [Tail(5.0, 3.0 + 0.1 * i, 3.6, 180) for i in range(7)]
    long = Tail(5.0, 6.0, 3.6, 180)
    assert shrunk([*like, long])[-1] == long
    assert shrunk([*like, None])[-1] is None
    unlike = [Tail(5.0, 2.0**i, 3.6, 180) for i in range(4)]
    assert [one.beta for one in shrunk([*unlike]) if one] == [1.0, 2.0, 4.0, 8.0]
    two = [Tail(5.0, 3.0, 3.6, 180), Tail(5.0, 3.3, 3.6, 180)]
    assert shrunk([*two]) == two
    assert shrunk([]) == []


def test_threshold_ignores_blinks_and_has_limits() -> None:
    rng = np.random.default_rng(2)
    maxima = 5.0 + 3.0 * rng.gumbel(size=200)
    clean = alert_threshold(maxima, 60.0)
    maxima[::8] = 400.0
    assert alert_threshold(maxima, 60.0) == pytest.approx(clean, rel=0.35)
    assert alert_threshold(maxima, 3.0) > alert_threshold(maxima, 60.0)
    assert alert_threshold(np.zeros(50), 60.0) == MIN_THRESHOLD
    assert alert_threshold(100 * rng.gumbel(size=200) + 500, 60.0) == 150.0
    assert np.isnan(alert_threshold(np.full(5, np.nan), 60.0))


def test_no_onsets_without_a_reference(signals: Any) -> None:
    core = StreamCore(mains_hz=None)
    assert core.rest is None
    assert core.push(signals.counts(signals.emg(3, 100.0))).onsets == ()
    core, rest = rested(signals, 5)
    core.set_rest(None)
    assert core.push(signals.counts(signals.emg(3, 100.0))).onsets == ()
    core.set_rest(rest)
    assert core.push(signals.counts(signals.emg(1, 100.0, seed=1))).onsets


def test_wrong_number_of_channels_in_a_reference_is_refused(signals: Any) -> None:
    _, rest = rested(signals, 4)
    with pytest.raises(ValueError, match="must have 4 channels"):
        StreamCore(n_channels=4).set_rest(rest)


def latencies_ms(signals: Any, step_db: float) -> Floats:
    """Latency of onsets at steps of EMG over rest of the same spectrum; each must be found."""
    core = StreamCore(mains_hz=None)
    core.push(signals.counts(signals.emg(1, 2.0)))
    core.begin_rest()
    core.push(signals.counts(signals.emg(60, 2.0, seed=1)))
    core.end_rest()
    x = signals.emg(60, 2.0, seed=2)
    starts = range(2000, 118_000, 4000)
    for start in starts:
        x[start : start + 2000] *= 10 ** (step_db / 20)
    first = core.frame
    features = core.push(signals.counts(x))
    found = []
    for start in starts:
        for channel in range(8):
            frames = [o.frame - first - start for o in features.onsets if o.channel == channel]
            hits = [f for f in frames if 0 <= f < 2000]
            assert len(hits) == 1, (start, channel, hits)
            found.append(hits[0] / 2)
            ends = [
                o.frame - first - start
                for o in features.offsets
                if o.channel == channel and o.frame - first > start
            ]
            assert 2000 < ends[0] < 2800  # off at most 0.4 s after the muscle
    assert len(features.onsets) == len(found)  # and none at rest
    return np.array(found)


def test_onset_at_10_db_is_fast_complete_and_alone(signals: Any) -> None:
    latency = latencies_ms(signals, 10.0)
    assert np.median(latency) < 15.0
    assert np.quantile(latency, 0.95) < 30.0


def test_onset_at_6_db_is_fast_complete_and_alone(signals: Any) -> None:
    latency = latencies_ms(signals, 6.0)
    assert np.median(latency) < 35.0
    assert np.quantile(latency, 0.95) < 65.0


def test_rest_itself_raises_no_alert(signals: Any) -> None:
    """0.1 an hour and channel: in 5 minutes of 8 channels 0.07 are expected."""
    core = StreamCore(mains_hz=None)
    core.push(signals.counts(signals.emg(1, 2.0)))
    core.begin_rest()
    core.push(signals.counts(signals.emg(60, 2.0, seed=1)))
    core.end_rest()
    onsets = [
        onset
        for minute in range(5)
        for onset in core.push(signals.counts(signals.emg(60, 2.0, seed=10 + minute))).onsets
    ]
    assert onsets == []
