"""The streaming chain: right against SciPy, the same for any split, unharmed by bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from faceloop_dsp import Offset, Onset, RestReference, StreamCore, StreamFeatures
from faceloop_dsp.core import ENERGY, ENVELOPE, HIGH, LOW, RMS

Counts = NDArray[np.int32]
WHITENING = np.tile([-0.9, 0.3, -0.1, 0.05], (8, 1))
REST = RestReference(
    60.0, np.full(8, 2.0), np.full(8, 0.2), WHITENING, np.full(8, 1.0), np.full(8, 30.0)
)


def joined(parts: list[StreamFeatures]) -> StreamFeatures:
    return StreamFeatures(
        parts[0].first_frame,
        np.concatenate([part.trace_uv for part in parts]),
        np.concatenate([part.hop_frame for part in parts]),
        np.concatenate([part.rms_uv for part in parts]),
        np.concatenate([part.envelope_uv for part in parts]),
        tuple(e for part in parts for e in part.onsets),
        tuple(e for part in parts for e in part.offsets),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("tkeo_uv2", "low_uv", "high_uv")
        ),
    )


def assert_identical(a: StreamFeatures, b: StreamFeatures) -> None:
    for name, one, other in zip(StreamFeatures._fields, a, b, strict=True):
        if isinstance(one, np.ndarray):
            assert isinstance(other, np.ndarray)
            assert one.dtype == other.dtype, name
            assert one.tobytes() == np.ascontiguousarray(other).tobytes(), name
        else:
            assert one == other, name


@pytest.mark.parametrize(("precision", "close"), [("float64", 1e-12), ("float32", 2e-4)])
@pytest.mark.parametrize("offset_uv", [0.0, 20e3, 190e3])
def test_trace_equals_scipys_causal_filter(
    signals: Any, offset_uv: float, precision: Any, close: float
) -> None:
    """Relative to the SD, for any electrode offset; 20 uV is 1/10000 of the largest."""
    counts = signals.counts(signals.white(5, 20.0) + offset_uv)
    core = StreamCore(mains_hz=None, precision=precision)
    trace = core.push(counts).trace_uv
    assert trace.dtype == np.float32
    sos = butter(4, [20, 450], "bandpass", fs=2000, output="sos")
    expected = sosfilt(sos, (counts - counts[0]) * core.lsb_uv, axis=0)
    assert core.kernel.trace is not None
    error = np.abs(core.kernel.trace[: expected.shape[0]] - expected)
    assert error.max() < close * expected.std()
    assert np.sqrt(np.mean(error**2)) < 0.25 * close * expected.std()


@pytest.mark.parametrize(("precision", "close"), [("float64", 1e-12), ("float32", 4e-5)])
def test_rms_envelope_and_energy_equal_scipys(signals: Any, precision: Any, close: float) -> None:
    counts = signals.counts(signals.emg(5, 10.0) + 20e3)
    core = StreamCore(mains_hz=None, precision=precision)
    core.push(counts)
    hops = core.kernel.hops[:500].astype(np.float64)
    sos = butter(4, [20, 450], "bandpass", fs=2000, output="sos")
    y = sosfilt(sos, (counts - counts[0]) * core.lsb_uv, axis=0)
    t = sosfilt(butter(1, [30, 250], "bandpass", fs=2000, output="sos"), y, axis=0)
    energy = np.abs(t[1:-1] ** 2 - t[:-2] * t[2:])
    means = np.abs(y).reshape(-1, 4, 8).mean(axis=1)
    envelope = sosfilt(butter(2, 6, fs=500, output="sos"), means, axis=0)
    for row in range(100, 500):
        end = 20 * (row + 1)
        rms = np.sqrt(np.mean(y[end - 200 : end] ** 2, axis=0))
        np.testing.assert_allclose(hops[row, RMS], rms, rtol=close)
        mean = energy[end - 102 : end - 2].mean(axis=0)
        np.testing.assert_allclose(hops[row, ENERGY], mean, rtol=10 * close)
        np.testing.assert_allclose(hops[row, ENVELOPE], envelope[end // 4 - 1], rtol=close)
        hop = y[end - 20 : end]
        np.testing.assert_allclose(hops[row, LOW], hop.min(axis=0), atol=50 * close, rtol=0)
        np.testing.assert_allclose(hops[row, HIGH], hop.max(axis=0), atol=50 * close, rtol=0)


def test_features_equal_their_definition(signals: Any) -> None:
    core = StreamCore(mains_hz=None)
    features = core.push(signals.counts(signals.emg(3, 10.0)))
    y = features.trace_uv.astype(np.float64)
    np.testing.assert_array_equal(features.hop_frame, np.arange(19, 6000, 20))
    first = np.flatnonzero(features.hop_frame >= 1000)
    for row in first:
        end = features.hop_frame[row] + 1
        rms = np.sqrt(np.mean(y[end - 200 : end] ** 2, axis=0))
        np.testing.assert_allclose(features.rms_uv[row], rms, rtol=1e-6)
    means = np.abs(y).reshape(-1, 4, 8).mean(axis=1)
    lowpass = sosfilt(butter(2, 6, fs=500, output="sos"), means, axis=0)
    envelope = lowpass[features.hop_frame // 4]
    good = slice(int(first[20]), None)
    np.testing.assert_allclose(features.envelope_uv[good], envelope[good], rtol=2e-5)


@pytest.mark.parametrize("mains_hz", [None, 50.0, "auto"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_split_gives_identical_bits(mains_hz: Any, data: st.DataObject) -> None:
    rng = np.random.default_rng(7)
    n = 7000
    uv = rng.normal(0, 2, (n, 8)) + 3 * np.sin(np.arange(n) * 2 * np.pi * 0.02501)[:, None]
    uv[4200:5000] += rng.normal(0, 30, (800, 8))
    counts = np.round(uv / 0.0238).astype(np.int32)
    counts[900:903, 3] = 2**23 - 1
    counts[3500:3600, 5] = -(2**23)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=12)))
    gap_at, gap = 2600, data.draw(st.sampled_from([0, 1, 7, 20, 333, 2500]))
    gap_cut = data.draw(st.integers(0, gap))

    def run(edges: list[int], gaps: list[int]) -> StreamFeatures:
        core = StreamCore(mains_hz=mains_hz)
        core.set_rest(REST)
        parts = []
        for a, b in zip([0, *edges], [*edges, n], strict=True):
            parts.append(core.push(counts[a:b]))
            if b == gap_at:
                parts += [core.gap(g) for g in gaps]
            if b == 5600:
                core.set_muted(0b1000_0001)
        assert core.frame == n + sum(gaps)
        return joined(parts)

    whole = run([gap_at, 5600], [gap])
    split = sorted({*cuts, gap_at, 5600})
    assert_identical(whole, run(split, [gap_cut, gap - gap_cut]))
    assert whole.onsets and whole.offsets


def test_one_frame_at_a_time_equals_one_block(signals: Any) -> None:
    counts = signals.counts(signals.emg(0.8, 8.0) + signals.mains(0.8, 60.0, 20.0))
    core = StreamCore(mains_hz=60.0)
    single = joined([core.push(counts[i : i + 1]) for i in range(counts.shape[0])])
    assert_identical(StreamCore(mains_hz=60.0).push(counts), single)


def test_gap_is_nan_and_features_resume(signals: Any) -> None:
    x = signals.emg(4, 10.0) + 5e3
    core = StreamCore(mains_hz=None)
    core.push(signals.counts(x[:4010]))
    gap = core.gap(95)
    assert gap.first_frame == 4010
    assert gap.trace_uv.shape == (95, 8)
    assert np.isnan(gap.trace_uv).all()
    assert gap.hop_frame.tolist() == [4019, 4039, 4059, 4079, 4099]
    assert np.isnan(gap.rms_uv).all() and np.isnan(gap.envelope_uv).all()
    after = core.push(signals.counts(x[4105:8000]))
    assert after.first_frame == 4105
    assert np.isfinite(after.trace_uv).all()
    resumed = np.isfinite(after.rms_uv[:, 0])
    assert np.isfinite(after.rms_uv[resumed]).all()
    assert after.hop_frame[resumed][0] + 1 == 4420  # 50 ms of settling, 100 ms of window
    assert not resumed[: np.argmax(resumed)].any()
    # The offset of 5 mV left no trace behind.
    np.testing.assert_allclose(after.rms_uv[resumed].mean(), 10.0, rtol=0.15)
    np.testing.assert_allclose(after.rms_uv[resumed][:5].mean(), 10.0, rtol=0.3)


def test_gap_of_nothing_changes_nothing_and_negative_is_refused(signals: Any) -> None:
    counts = signals.counts(signals.emg(1, 10.0))
    core = StreamCore(mains_hz=None)
    first = core.push(counts[:1000])
    assert core.gap(0).trace_uv.shape == (0, 8)
    assert_identical(
        joined([first, core.push(counts[1000:])]), StreamCore(mains_hz=None).push(counts)
    )
    with pytest.raises(ValueError, match="cannot be negative"):
        core.gap(-1)


@pytest.mark.parametrize("rail", [2**23 - 1, -(2**23), (2**23 - 1) >> 7 << 7])
def test_rail_is_nan_then_recovers_and_spares_the_others(signals: Any, rail: int) -> None:
    counts = signals.counts(signals.emg(4, 10.0))
    clean = StreamCore(mains_hz=50.0).push(counts)
    bad = counts.copy()
    bad[2000:2600, 3] = rail
    features = StreamCore(mains_hz=50.0).push(bad)
    assert np.isnan(features.trace_uv[2000:2600, 3]).all()
    assert np.isfinite(np.delete(features.trace_uv, slice(2000, 2600), axis=0)).all()
    rms = features.rms_uv[:, 3]
    at = features.hop_frame
    assert np.isnan(rms[(at >= 2000) & (at < 3599)]).all()
    assert np.isfinite(rms[at >= 3599]).all()
    np.testing.assert_allclose(rms[at >= 5000], clean.rms_uv[at >= 5000, 3], rtol=0.25)
    others = [c for c in range(8) if c != 3]
    np.testing.assert_allclose(
        features.rms_uv[at > 1000][:, others], clean.rms_uv[at > 1000][:, others], rtol=0.02
    )


@pytest.mark.parametrize("level", [0, 12345, -8_000_000])
def test_constant_input_stays_finite_and_silent(level: int) -> None:
    core = StreamCore(mains_hz=50.0)
    core.set_rest(REST)
    features = core.push(np.full((40_000, 8), level, np.int32))
    assert np.abs(features.trace_uv).max() < 1e-6
    assert np.nanmax(features.rms_uv) < 1e-6
    assert features.onsets == ()


def test_extreme_steps_stay_finite() -> None:
    counts = np.where(np.arange(4000)[:, None] // 50 % 2, 8_300_000, -8_300_000)
    core = StreamCore(mains_hz="auto")
    core.set_rest(REST)
    features = core.push(np.ascontiguousarray(np.repeat(counts, 8, axis=1), np.int32))
    assert np.isfinite(features.trace_uv).all()


def test_muted_channel_has_no_features_and_no_onsets(signals: Any) -> None:
    x = signals.white(5, 1.0)
    x[6000:8000] += signals.emg(1, 60.0)
    core = StreamCore(mains_hz=None)
    core.set_rest(REST)
    core.set_muted(0b0000_0101)
    features = core.push(signals.counts(x))
    assert np.isnan(features.rms_uv[:, [0, 2]]).all()
    assert np.isnan(features.envelope_uv[:, [0, 2]]).all()
    assert np.isfinite(features.trace_uv).all()
    assert {onset.channel for onset in features.onsets} == {1, 3, 4, 5, 6, 7}
    core.set_muted(0)
    later = core.push(signals.counts(signals.white(1, 1.0)))
    resumed = np.isfinite(later.rms_uv)
    assert later.hop_frame[resumed[:, 1]][0] == 10_019  # the others never stopped
    assert later.hop_frame[resumed[:, 0]][0] + 1 == 11_000  # 400 ms, then a window of 100 ms


def test_muting_an_active_channel_ends_its_activity(signals: Any) -> None:
    core = StreamCore(mains_hz=None)
    core.set_rest(REST)
    core.push(signals.counts(signals.white(1, 1.0)))
    assert core.push(signals.counts(signals.emg(0.5, 80.0))).onsets
    assert core.active == 0xFF
    core.set_muted(0x01)
    features = core.push(signals.counts(signals.emg(0.5, 80.0, seed=1)))
    assert [offset.channel for offset in features.offsets] == [0]
    assert core.active == 0xFE


def test_gap_ends_what_was_active(signals: Any) -> None:
    core = StreamCore(mains_hz=None)
    core.set_rest(REST)
    core.push(signals.counts(signals.white(1, 1.0)))
    core.push(signals.counts(signals.emg(0.5, 80.0)))
    assert core.gap(40).offsets == tuple(Offset(3000, c) for c in range(8))
    assert core.active == 0
    resumed = core.push(signals.counts(signals.emg(0.5, 80.0, seed=1))).onsets
    assert {onset.channel for onset in resumed} == set(range(8))
    assert min(resumed).frame >= 3040 + 100  # 50 ms of settling


def test_fewer_channels_and_other_rates_work(signals: Any) -> None:
    x = signals.emg(3, 10.0, n_channels=3)
    features = StreamCore(fs_hz=1000.0, n_channels=3, mains_hz=50.0).push(signals.counts(x))
    assert features.rms_uv.shape == (600, 3)
    assert features.hop_frame[0] == 9
    assert np.isfinite(features.rms_uv[100:]).all()


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4, 7), np.int32),
        np.zeros(8, np.int32),
        np.zeros((4, 8), np.int64),
        np.zeros((4, 8), np.float32),
        np.zeros((4, 8), np.uint32),
    ],
    ids=["channels", "1-d", "int64", "float32", "uint32"],
)
def test_push_wrong_block_is_refused(bad: Any) -> None:
    core = StreamCore()
    with pytest.raises(ValueError, match="a block must be int32"):
        core.push(bad)
    assert core.frame == 0


def test_push_not_contiguous_is_refused() -> None:
    with pytest.raises((ValueError, BufferError)):
        StreamCore().push(np.zeros((4, 16), np.int32)[:, ::2])


@pytest.mark.parametrize(
    "options",
    [
        {"fs_hz": 249.0},
        {"fs_hz": 16001.0},
        {"precision": "float16"},
        {"converter": "ads1299"},
        {"n_channels": 0},
        {"n_channels": 9},
        {"lsb_uv": 0.0},
        {"lsb_uv": float("nan")},
        {"mains_hz": 0.0},
        {"mains_hz": 70.0},
        {"mains_hz": "60"},
    ],
    ids=str,
)
def test_core_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"allowed are|must be above|does not lie"):
        StreamCore(**options)


def test_set_muted_unknown_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond 4"):
        StreamCore(n_channels=4).set_muted(0x10)


def test_empty_block_is_fine() -> None:
    features = StreamCore().push(np.zeros((0, 8), np.int32))
    assert features.trace_uv.shape == (0, 8)
    assert features.rms_uv.shape == (0, 8)


def test_onset_is_a_frame_and_a_channel() -> None:
    assert Onset(5, 2)._fields == Offset(5, 2)._fields == ("frame", "channel")
