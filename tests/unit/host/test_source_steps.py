"""Steps on a plain rest: height in band, moments, and one definition for both benches."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from faceloop.errors import UsageError
from faceloop.twin.sources import FS_HZ, LSB_UV, make_source
from faceloop.twin.sources.steps import (
    REST_UV,
    RESTS,
    STEP_FRAMES,
    StepSource,
    add_steps,
    rest_uv,
    step_starts,
)

BENCHES = Path(__file__).parents[2] / "benchmarks"
OO_L, OO_R = 0, 1
FILTER_FRAMES = 2
"""The converter's filter answers so much later, and as many frames sooner and later."""


def steps(**options: Any) -> StepSource:
    source = make_source({"kind": "steps", "seconds": 120.0, **options})
    assert isinstance(source, StepSource)
    return source


def in_band(uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut to 20-450 Hz and make the converter's roll-off good, shape (n, channels)."""
    f_hz = np.fft.rfftfreq(len(uv), 1 / FS_HZ)
    spectrum = np.fft.rfft(uv, axis=0) / (np.sinc(f_hz / FS_HZ) ** 3)[:, None]
    spectrum[(f_hz < 20) | (f_hz > 450)] = 0
    return np.fft.irfft(spectrum, len(uv), axis=0)


@cache
def played_uv(rest: str, step_db: float) -> NDArray[np.float64]:
    return steps(rest=rest, step_db=step_db).read(10**9) * LSB_UV


def stepping(source: StepSource) -> NDArray[np.bool_]:
    is_on = np.zeros(source.n_samples or 0, dtype=bool)
    for onset in source.onsets:
        is_on[onset.frame + FILTER_FRAMES : onset.end_frame + FILTER_FRAMES] = True
    return is_on


# --- level ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", RESTS)
@pytest.mark.parametrize("step_db", [6.0, 10.0])
def test_step_adds_the_power_asked_for_in_band(rest: str, step_db: float) -> None:
    emg_uv = in_band(played_uv(rest, step_db))[:, OO_L]
    source = steps(rest=rest, step_db=step_db)
    is_on = stepping(source)
    ratio = np.mean(emg_uv[is_on] ** 2) / np.mean(emg_uv[~is_on] ** 2)
    assert 10 * np.log10(ratio - 1) == pytest.approx(step_db, abs=0.2)
    whole_db = 10 * np.log10(1 + 10 ** (step_db / 10))
    assert [o.snr_db for o in source.onsets] == pytest.approx([whole_db] * len(source.onsets))


def test_gaussian_rest_has_its_level_and_no_units() -> None:
    emg_uv = in_band(played_uv("gaussian", 6.0))[:, 2:]
    assert np.sqrt(np.mean(emg_uv**2, axis=0)) == pytest.approx(REST_UV, rel=0.01)
    assert np.abs(stats.kurtosis(emg_uv, axis=0)).max() < 0.05


def test_tonic_rest_has_two_units_of_four_sd_more() -> None:
    n = round(60 * FS_HZ)
    plain, tonic = (rest_uv(kind, n, np.random.default_rng(3)) for kind in RESTS)
    units_uv = tonic - plain
    for channel in range(8):
        x = units_uv[:, channel]
        is_peak = (x[1:-1] >= x[:-2]) & (x[1:-1] > x[2:]) & (x[1:-1] > 2 * REST_UV)
        # 7 + 10 a second; some of those that meet are one peak.
        assert 16.0 < np.count_nonzero(is_peak) / 60 < 17.3
        assert np.median(x[1:-1][is_peak]) == pytest.approx(4 * REST_UV, rel=0.02)


def test_channels_are_independent() -> None:
    correlation = np.corrcoef(played_uv("tonic", 6.0)[:, 1:].T)
    assert np.abs(correlation - np.eye(7)).max() < 0.02


# --- moments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("affected", "channel"), [("left", OO_L), ("right", OO_R)])
def test_steps_are_where_the_truth_says_and_nowhere_else(affected: str, channel: int) -> None:
    low = steps(seconds=40.0, affected=affected, step_db=6.0)
    added = steps(seconds=40.0, affected=affected, step_db=20.0).read(10**9) - low.read(10**9)
    # Of one seed only the height differs; what the filter has spread by two frames is let off.
    assert not np.delete(added, channel, axis=1).any()
    is_on = np.abs(added[:, channel]) * LSB_UV > 1.0
    for onset in low.onsets:
        assert onset.channel == channel
        assert onset.frame == onset.frame_3db
        own = np.flatnonzero(is_on[onset.frame - 1000 : onset.end_frame + 1000]) - 1000
        assert own[0] in range(FILTER_FRAMES + 4)
        assert own[-1] - STEP_FRAMES in range(-4, 2 * FILTER_FRAMES)
    is_on[stepping(low)] = False
    assert np.count_nonzero(is_on) <= 4 * len(low.onsets)


def test_one_step_begins_in_every_two_seconds_after_the_first_rest() -> None:
    source = steps(seconds=60.0, first_rest_s=20.0)
    turn, after = np.divmod(np.array([o.frame for o in source.onsets]) - 20 * 2000, 4000)
    assert turn.tolist() == list(range(20))
    assert after.min() >= 1000
    assert after.max() < 2000
    assert after.max() - after.min() > 800


def test_step_that_would_not_end_is_not_begun() -> None:
    for seconds in (9.4, 9.6, 10.0):
        source = steps(seconds=seconds, first_rest_s=8.0)
        assert source.n_samples == round(seconds * 2000)
        assert all(o.end_frame <= source.n_samples for o in source.onsets)
    assert len(source.onsets) == 1


def test_added_steps_of_a_slice_leave_other_channels_alone() -> None:
    rng = np.random.default_rng(1)
    uv = rest_uv("gaussian", 8000, rng)
    before = uv.copy()
    starts = step_starts(2, rng).tolist()
    add_steps(uv, starts, 10.0, rng, slice(2, 4))
    changed = np.argwhere((uv != before).any(axis=0)).ravel().tolist()
    assert changed == [2, 3]


# --- use --------------------------------------------------------------------------------------


def test_seed_decides_and_reads_may_be_split() -> None:
    source = steps(seconds=12.0, seed=4)
    whole = source.read(10**9)
    assert len(whole) == 24_000
    assert source.read(10).shape == (0, 8)
    source.rewind()
    assert np.array_equal(np.concatenate([source.read(n) for n in (1, 77, 9922, 20_000)]), whole)
    assert np.array_equal(steps(seconds=12.0, seed=4).read(10**9), whole)
    assert not np.array_equal(steps(seconds=12.0, seed=5).read(10**9), whole)
    assert source.lead_off == (0, 0)


def test_what_was_read_may_be_written_to() -> None:
    source = steps(seconds=2.0)
    first = source.read(100)
    kept = first.copy()
    first[:] = 0
    source.rewind()
    assert np.array_equal(source.read(100), kept)


@pytest.mark.parametrize(
    "options",
    [
        {"rest": "noisy"},
        {"seconds": None},
        {"seconds": 0.5},
        {"seconds": 1801.0},
        {"seed": -1},
        {"seed": True},
        {"affected": "both"},
        {"step_db": "loud"},
        {"first_rest_s": -1.0},
        {"volume": 3},
    ],
)
def test_wrong_option_is_a_usage_error(options: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        steps(**options)
    assert str(caught.value).endswith(".")


def test_steps_without_a_length_are_refused() -> None:
    with pytest.raises(UsageError, match="give 'seconds'"):
        make_source({"kind": "steps"})


def test_detector_and_screen_are_timed_on_the_same_steps() -> None:
    detection = runpy.run_path(str(BENCHES / "detection.py"))
    assert detection["rest_uv"] is rest_uv
    assert detection["add_steps"] is add_steps
    assert detection["step_starts"] is step_starts
    conditions = runpy.run_path(str(BENCHES / "on_screen.py"))["CONDITIONS"]
    with_bar = {name: c.source for name, c in conditions.items() if c.bars_ms is not None}
    assert {name: source["kind"] for name, source in with_bar.items()} == {
        "10 dB": "steps",
        "6 dB": "steps",
        "6 dB, tonic": "steps",
    }
    assert {source["rest"] for source in with_bar.values()} == set(RESTS)
