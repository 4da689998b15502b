"""The scripted face against its signal model: spectrum, levels, mains, truth, repeatability."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import pytest
from scipy import optimize, signal, stats

from faceloop.errors import UsageError
from faceloop.twin.sources import LSB_UV, Onset, make_source
from faceloop.twin.sources.emg_carrier import BLOCK, EmgCarriers, emg_psd
from faceloop.twin.sources.face import CONTAMINANTS, FaceSource
from faceloop.twin.sources.face_muscles import LABELS, MUSCLES, draw_wearer
from faceloop.twin.sources.face_script import REST_S, SCENARIOS

FS_HZ = 2000
OO_L, OO_R, ZM_L, ZM_R, MN_L, MN_R, MA_L, MA_R = range(8)


def face(**options: object) -> FaceSource:
    source = make_source({"kind": "face", **options})
    assert isinstance(source, FaceSource)
    return source


def in_band(uv: np.ndarray) -> np.ndarray:
    """Cut to 20-450 Hz without phase or edges: an ideal filter, (n, channels)."""
    f_hz = np.fft.rfftfreq(len(uv), 1 / FS_HZ)
    spectrum = np.fft.rfft(uv, axis=0)
    spectrum[(f_hz < 20) | (f_hz > 450)] = 0
    return np.fft.irfft(spectrum, len(uv), axis=0)


def played_uv(source: FaceSource) -> np.ndarray:
    return source.read(10**9) * LSB_UV


@cache
def played_once(**options: object) -> np.ndarray:
    """Return what several tests look at, microvolts; not to be written to."""
    switched = options.pop("contaminants", None)
    source = face(**options, contaminants=dict(switched) if isinstance(switched, tuple) else False)
    uv = played_uv(source)
    uv.flags.writeable = False
    return uv


def rms(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(x**2, axis=0))


@cache
def carriers(drive: float, seconds: float, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    f_low_hz = np.array([45.0, 45, 50, 40, 35, 35, 55, 45])
    f_high_hz = np.array([160.0, 150, 130, 110, 120, 140, 100, 130])
    made = EmgCarriers(seed, f_low_hz, f_high_hz, [10, 12, 14, 10, 12, 14, 6, 6])
    level = np.full((8, BLOCK), drive)
    blocks = [made.next_block(level) for _ in range(int(seconds * FS_HZ / BLOCK))]
    return np.concatenate(blocks, axis=1).T, np.stack([f_low_hz, f_high_hz], axis=1)


# --- signal model, check 1: spectrum, median frequency, kurtosis ------------------------------


def test_carrier_fitted_corners_are_within_15_percent() -> None:
    x, corners_hz = carriers(0.3, 120)
    x = x[: 60 * FS_HZ]
    f_hz, psd = signal.welch(x, FS_HZ, nperseg=1024, axis=0)
    band = (f_hz >= 20) & (f_hz <= 450)
    for channel in range(8):
        log_psd = np.log(psd[band, channel])

        def misfit(p: np.ndarray, log_psd: np.ndarray = log_psd) -> np.ndarray:
            return np.log(emg_psd(f_hz[band], p[0], p[1])) + p[2] - log_psd

        fit = optimize.least_squares(misfit, [30.0, 200.0, -5.0], bounds=([1, 20, -30], 900))
        # The model is alike under f_l <-> f_h only for other exponents: the order is kept.
        np.testing.assert_allclose(fit.x[:2], corners_hz[channel], rtol=0.15)


@pytest.mark.parametrize("scenario", ["rest", "synkinesis"])
def test_face_median_frequency_is_60_to_115_hz(scenario: str) -> None:
    # Without blinks: a few 75 ms bursts hold most of a resting eye's power, too few to measure.
    options = {"scenario": scenario, "seconds": 30, "contaminants": False, "blinks": False}
    for seed in range(6):
        uv = played_uv(face(seed=seed, **options))
        f_hz, psd = signal.welch(uv, FS_HZ, nperseg=2048, axis=0)
        band = (f_hz >= 20) & (f_hz <= 450)
        power = np.cumsum(psd[band], axis=0)
        medians = f_hz[band][np.argmax(power >= power[-1] / 2, axis=0)]
        assert medians.min() >= 60
        assert medians.max() <= 115


def test_carrier_kurtosis_rises_as_drive_falls() -> None:
    strong, weak, tonic = (
        np.mean(stats.kurtosis(in_band(carriers(drive, seconds)[0][: 60 * FS_HZ, :6]), axis=0))
        for drive, seconds in ((0.3, 120), (0.06, 60), (0.0, 120))
    )
    assert abs(strong) < 0.1
    assert strong + 0.05 < weak < tonic
    # Real resting tone: 0.2 to 1.2.
    assert 0.2 < tonic < 1.4


# --- check 2: levels --------------------------------------------------------------------------


@pytest.mark.parametrize("drive", [0.0, 0.05, 0.3])
def test_carrier_rms_is_one_within_2_percent_at_any_drive(drive: float) -> None:
    x, _ = carriers(drive, 120)
    np.testing.assert_allclose(rms(in_band(x)), 1.0, rtol=0.02)


@pytest.mark.parametrize("scenario", ["synkinesis", "jaw_clench"])
def test_face_clean_rms_follows_the_drive_law_within_2_percent(scenario: str) -> None:
    source = face(scenario=scenario, seed=5, seconds=120, contaminants=False)
    emg_uv = in_band(played_uv(source))
    expected_uv = rms(source.truth_envelope(0, 240_000))
    np.testing.assert_allclose(rms(emg_uv), expected_uv, rtol=0.02)


def test_face_true_asymmetry_is_reproduced_within_001_on_60_s() -> None:
    source = face(scenario="smile", seed=2, seconds=60, contaminants=False, blinks=False)
    measured, true = rms(in_band(played_uv(source))), rms(source.truth_envelope(0, 120_000))
    for left in range(0, 8, 2):
        pairs = [(x[left] - x[left + 1]) / (x[left] + x[left + 1]) for x in (measured, true)]
        assert abs(pairs[0] - pairs[1]) < 0.01


def test_wearers_stay_in_the_published_ranges() -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        wearer = draw_wearer(rng, None, 1.0)
        assert wearer.rest_uv.min() >= 1.0
        assert wearer.rest_uv.max() <= 5.0
        assert wearer.comfortable_uv[:6].min() >= 15
        assert wearer.comfortable_uv[:6].max() <= 65
        assert wearer.max_uv[:6].max() <= 260
        left, right = wearer.comfortable_uv[::2], wearer.comfortable_uv[1::2]
        assert np.abs(left / right - 1).max() <= 0.17
        jaw = [p.fraction for p in wearer.crosstalk if (p.source, p.target) == (MA_L, ZM_L)]
        assert 0.1 <= jaw[0] <= 0.3
        assert LABELS[2 * len(MUSCLES) - 1] == "masseter_r"


# --- check 3: mains through a wrong clock -----------------------------------------------------


def fit_mains(uv: np.ndarray, around_hz: float) -> np.ndarray:
    """Remove the line and its odd harmonics by least squares in 1 s pieces, frequency searched."""
    clean = np.empty_like(uv)
    t_s = np.arange(2000) / FS_HZ
    for first in range(0, len(uv), 2000):
        piece = uv[first : first + 2000]

        def remove(line_hz: float, piece: np.ndarray = piece) -> np.ndarray:
            angle = 2 * np.pi * line_hz * t_s[: len(piece), None] * np.array([1, 3, 5, 7, 9])
            basis = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
            return piece - basis @ np.linalg.lstsq(basis, piece, rcond=None)[0]

        found = optimize.minimize_scalar(
            lambda f, remove=remove: float(np.sum(remove(f) ** 2)),
            bounds=(around_hz - 0.3, around_hz + 0.3),
            method="bounded",
            options={"xatol": 1e-4},
        )
        clean[first : first + 2000] = remove(found.x)
    return clean


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_mains_defeats_a_fixed_notch_but_not_a_tracking_remover(mains_hz: int) -> None:
    options = {"scenario": "rest", "seconds": 16, "seed": 8, "mains_hz": mains_hz}
    options |= {"clock_error": 1e-3, "mains_uv": 200.0}
    # Of the amplifier only its noise: what a perfect remover would leave.
    others = dict.fromkeys(CONTAMINANTS, False) | {"noise": True}
    # Three channels say it all, and the search for the frequency is slow.
    clean = in_band(played_uv(face(**options, contaminants=others))[:, :3])
    dirty = in_band(played_uv(face(**options, contaminants=others | {"mains": True}))[:, :3])
    notched = dirty
    for harmonic in (1, 3, 5, 7):
        b, a = signal.iirnotch(harmonic * mains_hz, 30.0, FS_HZ)
        notched = signal.lfilter(b, a, notched, axis=0)
    tracked = np.stack([fit_mains(x, mains_hz / 1.001) for x in dirty.T], axis=1)
    later = slice(2 * FS_HZ, -2 * FS_HZ)
    assert np.all(rms(notched[later]) > 1.3 * rms(clean[later]))
    assert np.all(rms(tracked[later]) < 1.05 * rms(clean[later]))


def seen_mains_hz(clock_error: float) -> np.ndarray:
    """Return the line's frequency every 0.5 s, from the phase against 60 Hz."""
    only = dict.fromkeys(CONTAMINANTS, False) | {"mains": True}
    options = {"scenario": "rest", "seconds": 120, "mains_uv": 1000.0, "blinks": False}
    uv = played_uv(face(**options, clock_error=clock_error, contaminants=only))[:, 0]
    turned = uv * np.exp(-2j * np.pi * 60 * np.arange(len(uv)) / FS_HZ)
    angle = np.unwrap(np.angle(turned.reshape(-1, 1000).mean(axis=1)))
    return 60 + np.diff(angle) / (2 * np.pi * 0.5)


def test_mains_is_seen_through_the_clock_error_and_wanders() -> None:
    right, fast = seen_mains_hz(0.0), seen_mains_hz(1e-3)
    np.testing.assert_allclose(fast - right, 60 / 1.001 - 60, atol=0.003)
    assert np.abs(right - 60).max() < 0.1
    assert np.ptp(right) > 0.03


# --- check 4: repeatability and switches ------------------------------------------------------


def test_seed_repeats_bit_for_bit_and_seeds_differ() -> None:
    first = face(scenario="mixed", seed=4, seconds=30).read(60_000)
    np.testing.assert_array_equal(face(scenario="mixed", seed=4, seconds=30).read(60_000), first)
    assert not np.array_equal(face(scenario="mixed", seed=5, seconds=30).read(60_000), first)


def test_rewind_repeats_bit_for_bit() -> None:
    source = face(seed=4, contaminants=True)
    first = source.read(30_001)
    source.rewind()
    np.testing.assert_array_equal(source.read(30_001), first)


def test_counts_do_not_depend_on_reads_or_on_looking_at_the_truth() -> None:
    whole = face(seed=9, scenario="mixed", contaminants=True).read(50_000)
    source = face(seed=9, scenario="mixed", contaminants=True)
    rng = np.random.default_rng(1)
    parts, have = [], 0
    _ = source.truth_envelope(400_000, 10)
    while have < 50_000:
        n = min(int(rng.choice([0, 1, 5, 33, 499, 500, 501, 4000])), 50_000 - have)
        parts.append(source.read(n))
        have += n
        if len(parts) == 20:
            _ = source.onsets
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_longer_runs_start_with_the_shorter_one(scenario: str) -> None:
    short = face(scenario=scenario, seconds=20)
    counts = short.read(10**9)
    assert counts.shape == (40_000, 8)
    assert short.read(1).shape == (0, 8)
    np.testing.assert_array_equal(face(scenario=scenario).read(40_000), counts)
    longer = face(scenario=scenario, seconds=300)
    assert [o for o in longer.onsets if o.frame < 40_000] == list(short.onsets)


@pytest.mark.parametrize("name", sorted(CONTAMINANTS))
def test_each_contaminant_is_switched_alone_and_shows(name: str) -> None:
    # Pops and movements are rare; this seed has one of each in 16 s.
    options = {"scenario": "smile", "seed": 8, "seconds": 16}
    clean = played_once(**options)
    only = dict.fromkeys(CONTAMINANTS, False) | {name: True}
    added = played_uv(face(**options, contaminants=only)) - clean
    assert np.abs(added).max() > 0.1
    # It is the same addition with everything else on: streams do not disturb one another.
    if name not in ("gain_error", "droop"):
        base = dict.fromkeys(CONTAMINANTS, True) | {"gain_error": False, "droop": False}
        rest = played_uv(face(**options, contaminants=base | {name: False}))
        both = played_once(**options, contaminants=tuple(base.items())) - rest
        np.testing.assert_allclose(both, added, atol=2 * LSB_UV)


def test_default_contaminants_are_moderate() -> None:
    uv = played_uv(face(scenario="rest", seconds=60, seed=1))
    assert np.abs(uv).max() < 40e3
    only = {"mains": False, "blink": False}
    quiet = rms(in_band(played_uv(face(scenario="rest", seconds=30, contaminants=only))))
    assert 1.2 < quiet.min() < quiet.max() < 6.0
    noise = dict.fromkeys(CONTAMINANTS, False)
    difference = played_uv(face(scenario="rest", seconds=30, contaminants=noise | {"noise": True}))
    difference -= played_uv(face(scenario="rest", seconds=30, contaminants=False))
    np.testing.assert_allclose(rms(in_band(difference)), 1.07, rtol=0.02)


# --- scenarios and truth ----------------------------------------------------------------------


def onsets_of(source: FaceSource, kind: str) -> list[Onset]:
    return [onset for onset in source.onsets if onset.kind == kind]


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_scenario_starts_with_8_s_of_rest_and_then_moves(scenario: str) -> None:
    source = face(scenario=scenario, seconds=60)
    first = source.truth_envelope(0, int(REST_S * FS_HZ))
    np.testing.assert_array_equal(first, np.broadcast_to(source.wearer.rest_uv, first.shape))
    assert all(onset.frame >= REST_S * FS_HZ for onset in source.onsets)
    assert bool(onsets_of(source, "voluntary")) == (scenario != "rest")
    assert bool(onsets_of(source, "blink")) == (scenario != "steps")
    assert bool(onsets_of(source, "synkinesis")) == (scenario in ("synkinesis", "mixed"))


def test_first_rest_can_be_as_long_as_a_set_up_asks_for() -> None:
    source = face(scenario="mixed", seconds=80, first_rest_s=60.0)
    assert 60 * FS_HZ <= min(onset.frame for onset in source.onsets) < 65 * FS_HZ
    with pytest.raises(UsageError, match="first_rest_s"):
        face(first_rest_s=-1.0)


@pytest.mark.parametrize("scenario", ["mixed", "steps"])
def test_truth_onsets_agree_with_the_drive(scenario: str) -> None:
    source = face(scenario=scenario, seconds=90, seed=11)
    envelope_uv = source.truth_envelope(0, 180_000)
    noise_uv = 1.07
    for onset in source.onsets:
        if onset.kind == "crosstalk":
            continue
        course = envelope_uv[:, onset.channel]
        rest_uv = source.wearer.rest_uv[onset.channel]
        assert course[onset.frame] > rest_uv == course[onset.frame - 1]
        if onset.end_frame >= 180_000:
            continue
        assert course[onset.end_frame - 1] > rest_uv == course[onset.end_frame]
        power = (course[onset.frame : onset.end_frame] ** 2 + noise_uv**2) / (
            rest_uv**2 + noise_uv**2
        )
        # The hold fluctuates by 15 %; blinks and steps do not.
        hold_db = 10 * np.log10(np.percentile(power, 60 if onset.kind != "blink" else 100))
        assert hold_db == pytest.approx(onset.snr_db, abs=2.5)
        assert abs(np.argmax(power >= 2) - (onset.frame_3db - onset.frame)) <= 12


@pytest.mark.parametrize(("affected", "eye", "cheek"), [("left", 0, 2), ("right", 1, 3)])
def test_synkinesis_joins_on_the_affected_side_within_30_ms(
    affected: str, eye: int, cheek: int
) -> None:
    source = face(seconds=120, affected=affected, seed=12)
    joined = onsets_of(source, "synkinesis")
    assert {o.channel for o in joined} == {eye, cheek}
    voluntary = onsets_of(source, "voluntary")
    for onset in joined:
        partner = cheek if onset.channel == eye else eye
        delays = [onset.frame - o.frame for o in voluntary if o.channel == partner]
        assert any(0 <= delay <= 60 for delay in delays)
        assert onset.snr_db >= 6
    healthy = 5 - cheek
    assert source.wearer.strength[cheek] < 0.9 < source.wearer.strength[healthy]
    assert source.wearer.rest_uv[cheek] > 1.2 * source.wearer.rest_uv[healthy]


def during(source: FaceSource, channel: int, kind: str) -> list[slice]:
    return [
        slice(o.frame + 300, o.end_frame - 800)
        for o in source.onsets
        if o.channel == channel and o.kind == kind and o.end_frame < source.n_samples
    ]


def waveform_r(a: np.ndarray, b: np.ndarray) -> float:
    """Largest correlation within 3 ms."""
    return max(
        abs(float(np.corrcoef(a[10:-10], b[10 + lag : len(b) - 10 + lag])[0, 1]))
        for lag in range(-6, 7)
    )


def test_jaw_clench_leaks_a_waveform_where_synkinesis_shares_only_an_envelope() -> None:
    options = {"seconds": 90, "seed": 13, "contaminants": {"mains": False, "baseline": False}}
    jaw = face(scenario="jaw_clench", **options)
    cheek, masseter = in_band(played_uv(jaw)[:, [ZM_L, MA_L]]).T
    holds = during(jaw, MA_L, "voluntary")
    leaked = [waveform_r(masseter[s], cheek[s]) for s in holds]
    assert min(leaked) > 0.85
    assert {o.channel for o in jaw.onsets if o.kind == "crosstalk"} >= {ZM_L, ZM_R}
    assert not onsets_of(jaw, "synkinesis")

    synkinetic = face(scenario="synkinesis", **options)
    eye, cheek = in_band(played_uv(synkinetic)[:, [OO_L, ZM_L]]).T
    holds = during(synkinetic, OO_L, "synkinesis")
    assert holds
    joined = [waveform_r(cheek[s], eye[s]) for s in holds]
    # A few per cent of neighbour crosstalk are part of a real face.
    assert max(joined) < 0.4
    truths = [synkinetic.truth_envelope(s.start, s.stop - s.start) for s in holds]
    common = [float(np.corrcoef(truth[:, ZM_L], truth[:, OO_L])[0, 1]) for truth in truths]
    assert min(common) > 0.97


def test_healthy_smile_is_symmetric_within_15_percent() -> None:
    for seed in range(5):
        source = face(scenario="smile", seed=seed, seconds=40)
        levels = rms(source.truth_envelope(0, 80_000))
        assert abs(levels[ZM_L] / levels[ZM_R] - 1) < 0.18


@pytest.mark.parametrize("step_db", [6.0, 10.0])
@pytest.mark.parametrize("tone_factor", [1.0, 3.0])
def test_steps_have_the_snr_asked_for(step_db: float, tone_factor: float) -> None:
    source = face(
        scenario="steps",
        step_db=step_db,
        tone_factor=tone_factor,
        seconds=120,
        contaminants={"mains": False, "baseline": False, "droop": False, "gain_error": False},
    )
    uv = in_band(played_uv(source)[:, [OO_L]])[:, 0]
    steps = onsets_of(source, "voluntary")
    assert len(steps) >= 30
    assert all(o.channel == OO_L and o.frame == o.frame_3db for o in steps)
    active = np.zeros(len(uv), dtype=bool)
    for onset in steps:
        assert onset.snr_db == pytest.approx(step_db, abs=0.05)
        active[onset.frame : onset.end_frame] = True
    measured_db = 10 * np.log10(np.mean(uv[active] ** 2) / np.mean(uv[~active] ** 2))
    assert measured_db == pytest.approx(step_db, abs=0.4)


def test_endless_onsets_are_those_delivered() -> None:
    source = face()
    assert source.onsets == ()
    source.read(40_000)
    assert all(onset.frame < 40_000 for onset in source.onsets)
    assert source.onsets


# --- use --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"scenario": "laugh"},
        {"seconds": 0},
        {"seconds": float("nan")},
        {"seed": -1},
        {"seed": 1.5},
        {"affected": "both"},
        {"mains_hz": 55},
        {"clock_error": 0.5},
        {"contaminants": {"rain": True}},
        {"step_db": "loud"},
        {"volume": 3},
    ],
)
def test_wrong_option_is_a_usage_error(options: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        face(**options)
    assert str(caught.value).endswith(".")


def test_generation_takes_less_than_5_percent_of_a_core() -> None:
    source = face(scenario="mixed", contaminants=True)
    source.read(2000)
    begin_s = time.process_time()
    for _ in range(20 * 200):
        # As the converter asks: 5 ms at a time.
        source.read(10)
    share = (time.process_time() - begin_s) / 20
    print(f"8 channels at real time take {100 * share:.2f} % of a core")
    assert share < 0.05
