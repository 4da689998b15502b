"""The streaming chain: right against SciPy, the same for any split, unharmed by bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from faceloop_dsp import Offset, Onset, RestReference, StreamCore, StreamFeatures, _stream
from faceloop_dsp._packets import decode_payload
from faceloop_dsp.core import ENERGY, ENVELOPE, HIGH, LOW, RMS
from faceloop_protocol import rice

if _stream.cpu_has_v3():
    from faceloop_dsp import _stream_v3

Counts = NDArray[np.int32]
WHITENING = np.tile([-0.9, 0.3, -0.1, 0.05], (8, 1))
REST = RestReference(
    60.0, np.full(8, 2.0), np.full(8, 0.2), WHITENING, np.full(8, 1.0), np.full(8, 30.0)
)


BUILDS = [_stream, _stream_v3] if _stream.cpu_has_v3() else [_stream]


def built(build: Any, **options: Any) -> StreamCore:
    """A core whose kernel is of the given build."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("faceloop_dsp.core.StreamKernel", build.StreamKernel)
        return StreamCore(**options)


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
        median_frequency=tuple(w for part in parts for w in part.median_frequency),
    )


def assert_identical(a: StreamFeatures, b: StreamFeatures) -> None:
    for name, one, other in zip(StreamFeatures._fields, a, b, strict=True):
        if isinstance(one, np.ndarray):
            assert isinstance(other, np.ndarray)
            assert one.dtype == other.dtype, name
            assert one.tobytes() == np.ascontiguousarray(other).tobytes(), name
        elif name == "median_frequency":
            assert [(w.frame, w.hz.tobytes()) for w in one] == [
                (w.frame, w.hz.tobytes()) for w in other
            ]
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


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("mains_hz", [None, 50.0, "auto"])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_any_split_gives_identical_bits(
    mains_hz: Any, build: Any, precision: Any, data: st.DataObject
) -> None:
    rng = np.random.default_rng(7)
    n = 7000
    uv = rng.normal(0, 2, (n, 8)) + 3 * np.sin(np.arange(n) * 2 * np.pi * 0.02501)[:, None]
    uv[4200:5000] += rng.normal(0, 30, (800, 8))
    counts = np.round(uv / 0.0238).astype(np.int32)
    counts[900:903, 3] = 2**23 - 1
    counts[3500:3600, 5] = -(2**23)
    converter = data.draw(st.sampled_from([None, "ads1298"]))
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=12)))
    gap_at, gap = 2600, data.draw(st.sampled_from([0, 1, 7, 20, 333, 2500]))
    gap_cut = data.draw(st.integers(0, gap))

    def run(edges: list[int], gaps: list[int]) -> StreamFeatures:
        core = built(build, mains_hz=mains_hz, precision=precision, converter=converter)
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


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_denormals_are_flushed_in_the_call_and_nowhere_else(
    build: Any, precision: Any, signals: Any
) -> None:
    if build.vector_bytes() == 0:
        pytest.skip("a build that computes lanes one by one has no such switch")
    core = built(build, mains_hz=None, precision=precision)
    core.push(signals.counts(signals.white(0.2, 50.0)))
    # Silence decays by a factor of ten in 0.05 s, past the least normal number of either kind.
    n = 16 * 2000
    core.kernel.push(np.zeros((n, 8), np.int32))
    assert core.kernel.trace is not None
    trace = np.abs(core.kernel.trace[:n])
    assert not trace[trace < np.finfo(trace.dtype).tiny].any()
    for kind in (np.float32, np.float64):
        least = np.finfo(kind).smallest_subnormal
        assert least * kind(3) == 3 * least > 0


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


@pytest.mark.parametrize("n_channels", [1, 5, 8])
def test_frames24_give_what_their_counts_give(signals: Any, n_channels: int) -> None:
    counts = signals.counts(signals.emg(1, 3000.0, n_channels))
    counts[500] = 2**23 - 1
    counts[501] = -(2**23)
    counts[502, 0] = -1
    data = counts.astype(">i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    for build in BUILDS:
        one, other = (built(build, n_channels=n_channels, mains_hz=50.0) for _ in range(2))
        size = 3 * n_channels
        parts = [other.push_frames24(data[i * size : (i + 7) * size]) for i in range(0, 2000, 7)]
        assert_identical(one.push(counts), joined(parts))


def test_frames24_that_are_not_whole_are_refused() -> None:
    core = StreamCore()
    with pytest.raises(ValueError, match="25 bytes are not whole frames of 24"):
        core.push_frames24(bytes(25))
    assert core.frame == 0


def test_packet_gives_what_its_counts_give(signals: Any) -> None:
    one, other = StreamCore(mains_hz=50.0), StreamCore(mains_hz=50.0)
    counts = signals.counts(signals.emg(0.2, 10.0))
    for at in range(0, 400, 20):
        payload = rice.encode((counts[at : at + 20] >> 4).tolist(), 4)
        features = other.push_packet(payload, 20, 4)
        assert_identical(one.push(decode_payload(payload, 20, 4)), features)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=240), st.integers(-1, 45), st.integers(-1, 8))
def test_packet_of_any_bytes_is_decoded_or_refused_whole(
    payload: bytes, n_frames: int, shift: int
) -> None:
    """Fuzz: the verdict is that of the decoder alone, and a refused packet leaves no trace."""
    core = StreamCore(mains_hz=None)
    try:
        counts = decode_payload(payload, n_frames, shift)
    except ValueError:
        with pytest.raises(ValueError, match=r"stream payload|allowed are"):
            core.push_packet(payload, n_frames, shift)
        assert core.frame == 0
    else:
        assert core.push_packet(payload, n_frames, shift).trace_uv.shape == counts.shape


@pytest.mark.parametrize("frequency_hz", [50.0, 200.0, 350.0, 440.0])
def test_converter_correction_undoes_its_sinc3(frequency_hz: float) -> None:
    """ADS129x data sheet: third-order sinc; the gain of a sine must be that of the band-pass."""
    t = np.arange(6000) / 2000
    sent = 500.0 * np.sinc(frequency_hz / 2000) ** 3 * np.sin(2 * np.pi * frequency_hz * t)
    core = StreamCore(n_channels=1, mains_hz=None, converter="ads1298")
    counts = np.round(sent / core.lsb_uv).astype(np.int32)[:, None]
    found = core.push(counts).rms_uv[-50:].mean()
    plain = StreamCore(n_channels=1, mains_hz=None)
    whole = np.round(500.0 * np.sin(2 * np.pi * frequency_hz * t) / core.lsb_uv)
    wanted = plain.push(whole.astype(np.int32)[:, None]).rms_uv[-50:].mean()
    assert 20 * np.log10(found / wanted) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("fs_hz", [250.0, 333.0, 512.0, 1024.0, 2500.0, 4000.0, 16000.0])
def test_any_rate_filters_as_designed_and_keeps_out_the_line(fs_hz: float) -> None:
    """The band ends at 0.45 of the rate; a line off its nominal frequency loses 20 dB."""
    n = round(12 * fs_hz)
    t = np.arange(n)[:, None] / fs_hz
    rest = np.random.default_rng(5).normal(0, 2.0, (n, 2))
    line = 40 * np.sin(2 * np.pi * 50.03 * t)

    def trace(uv: NDArray[np.float64], mains_hz: float | None) -> NDArray[np.float64]:
        core = StreamCore(fs_hz, 2, mains_hz=mains_hz, precision="float64")
        core.push(np.round(uv / core.lsb_uv).astype(np.int32))
        assert core.kernel.trace is not None
        return core.kernel.trace[:n].astype(np.float64)

    clean = trace(rest, None)
    counts = np.round(rest / StreamCore().lsb_uv).astype(np.int32)
    sos = butter(4, [20, min(450.0, 0.45 * fs_hz)], "bandpass", fs=fs_hz, output="sos")
    expected = sosfilt(sos, (counts - counts[0]) * StreamCore().lsb_uv, axis=0)
    assert np.abs(clean - expected).max() < 1e-11 * expected.std()
    half = slice(n // 2, None)
    before = np.mean((trace(rest + line, None) - clean)[half] ** 2)
    after = np.mean((trace(rest + line, 50.0) - clean)[half] ** 2)
    assert 10 * np.log10(after / before) < -20.0


def test_rms_after_artefacts_of_300_mv_is_exact(signals: Any) -> None:
    """Nothing is subtracted from a sum, so hours of artefacts leave nothing behind."""
    quiet = signals.counts(signals.emg(2, 1.0))
    burst = np.repeat(np.array([[1], [-1]], np.int32) * 8_300_000, 20, axis=0)
    burst = np.ascontiguousarray(np.tile(burst, (5, 8)))
    core = StreamCore(mains_hz=None)
    for _ in range(100):
        core.push(burst)
        core.push(quiet[:555])
    features = core.push(quiet)
    y = features.trace_uv.astype(np.float64)
    for row in range(50, features.hop_frame.size):
        end = int(features.hop_frame[row]) - features.first_frame + 1
        rms = np.sqrt(np.mean(y[end - 200 : end] ** 2, axis=0))
        np.testing.assert_allclose(features.rms_uv[row], rms, rtol=1.1e-6)


def test_trace_can_be_left_out(signals: Any) -> None:
    counts = signals.counts(signals.emg(1, 10.0))
    features = StreamCore(trace=False).push(counts)
    assert features.trace_uv.shape == (0, 8)
    np.testing.assert_array_equal(features.rms_uv, StreamCore().push(counts).rms_uv)
