"""What `analyse` says of each channel with hindsight, against signals of known content."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from faceloop.errors import SourceError, UsageError
from faceloop.session.settings import Settings
from faceloop.tasks import review
from faceloop.tasks.analyse import analyse
from faceloop.tasks.analysis_table import check_table, rows, write_table
from faceloop.tasks.review import Review
from faceloop.twin.sources.face import FaceSource
from faceloop.twin.sources.source import LSB_UV
from faceloop_dsp.core import MainsStatus

FS_HZ = 2000
LINE_HZ, LINE_UV = 59.95, 40.0
BURSTS_S = [(6.0 + 2.0 * k, 7.0 + 2.0 * k) for k in range(6)]
LABELS = ("left", "right", "leak", "off")


def emg(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """EMG of Shwedyk's spectrum, corners 45 and 130 Hz, RMS 1."""
    f = np.fft.rfftfreq(n, 1 / FS_HZ)
    shape = f / np.sqrt(f**2 + 45.0**2) / (f**2 + 130.0**2)
    x = np.fft.irfft(np.fft.rfft(rng.normal(0, 1, n)) * shape, n)
    return np.asarray(x / x.std())


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair of muscles, a channel that only hears the first, an input at its rail."""
    rng = np.random.default_rng(5)
    n = 19 * FS_HZ
    t = np.arange(n) / FS_HZ
    active = np.zeros(n)
    for first, last in BURSTS_S:
        active[round(first * FS_HZ) : round(last * FS_HZ)] = 1.0
    left = 2.0 * rng.normal(0, 1, n) + 40.0 * active * emg(n, rng)
    right = 2.0 * rng.normal(0, 1, n) + 20.0 * active * emg(n, rng)
    leak = 0.5 * left + 0.3 * rng.normal(0, 1, n)
    off = np.full(n, 187_500.0)
    line = LINE_UV * np.sin(2 * np.pi * LINE_HZ * t)
    table = np.stack([left + line, leak + line, right + line, off], axis=1)
    path = tmp_path_factory.mktemp("face") / "face.csv"
    header = f"# fs_hz={FS_HZ}\n" + ",".join(f"{name}_uV" for name in LABELS)
    np.savetxt(path, table, delimiter=",", header=header, comments="", fmt="%.3f")
    return path


@pytest.fixture(scope="module")
def found(face: Path) -> dict[str, Any]:
    (file,) = analyse([face], "guarded8", "left", rest_s=3.0, mains_hz=60.0)["files"]
    json.dumps(file, allow_nan=False)
    return dict(file)


def test_bursts_are_placed_with_both_ends_and_an_interval(found: dict[str, Any]) -> None:
    channel = found["channels"][0]
    assert channel["fs_hz"] == FS_HZ
    assert len(channel["onsets_s"]) == len(BURSTS_S)
    truth = np.array(BURSTS_S)
    np.testing.assert_allclose(channel["onsets_s"], truth[:, 0], atol=0.02)
    np.testing.assert_allclose(channel["offsets_s"], truth[:, 1], atol=0.02)
    low, high = np.array(channel["onset_interval_s"]).T
    inside = (low <= truth[:, 0]) & (truth[:, 0] <= high)
    assert inside.mean() >= 0.8
    assert np.all(high - low < 0.1)


def test_line_spectrum_and_rest_are_measured(found: dict[str, Any]) -> None:
    channel = found["channels"][0]
    assert channel["mains"]["frequency_hz"] == pytest.approx(LINE_HZ, abs=0.02)
    assert channel["mains"]["peak_uv"] == pytest.approx(LINE_UV, rel=0.1)
    assert channel["rest_rms_uv"] == pytest.approx(2.0 * np.sqrt(430 / 1000), rel=0.1)
    f = np.arange(20.0, 450.0)
    psd = np.cumsum(f**2 / (f**2 + 45.0**2) / (f**2 + 130.0**2) ** 2)
    assert channel["median_frequency_hz"] == pytest.approx(
        float(np.interp(psd[-1] / 2, psd, f)), abs=5.0
    )
    assert channel["quality"] == {"usable": True, "reasons": [], "bad_s": 0.0}


def test_input_at_its_rail_is_not_usable_and_says_why(found: dict[str, Any]) -> None:
    by_name = {channel["name"]: channel for channel in found["channels"]}
    off = by_name.get("off")
    assert off is None or (not off["quality"]["usable"] and off["quality"]["reasons"])
    assert off is None or off["onsets_s"] == []


def test_leak_is_told_from_a_muscle_and_ratios_have_intervals(found: dict[str, Any]) -> None:
    first = found["pairs"][0]  # left and its leak
    assert first["crosstalk"] is True
    assert first["signal_correlation"] > 0.9
    assert first["envelope_correlation"] > 0.9
    for name in ("symmetry_ratio", "asymmetry_index", "signed_asymmetry"):
        interval = first["uncertainty"][name]
        assert interval["low"] <= first[name] <= interval["high"]
        assert 0 < interval["sd"] < 0.05
    assert first["symmetry_ratio"] == pytest.approx(0.5, abs=0.03)


def test_pieces_of_a_long_recording_give_the_same_bursts(
    face: Path, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it were longer than fits: pieces of five seconds, traces in a file."""
    monkeypatch.setattr(review, "PIECE_S", 5.0)
    monkeypatch.setattr(review, "SEEK_S", 2.0)
    monkeypatch.setattr(review, "IN_MEMORY_BYTES", 0)
    (file,) = analyse([face], "guarded8", "left", rest_s=3.0, mains_hz=60.0)["files"]
    np.testing.assert_allclose(
        file["channels"][0]["onsets_s"], found["channels"][0]["onsets_s"], atol=0.01
    )


def test_files_side_by_side_give_what_they_give_alone(face: Path, found: dict[str, Any]) -> None:
    options: dict[str, Any] = {"rest_s": 3.0, "mains_hz": 60.0}
    both = analyse([face, face], "guarded8", "left", jobs=2, **options)["files"]
    assert both == [found, found]


@pytest.mark.parametrize("jobs", [1, 2])
def test_file_that_cannot_be_read_costs_no_other(
    face: Path, found: dict[str, Any], jobs: int
) -> None:
    options: dict[str, Any] = {"rest_s": 3.0, "mains_hz": 60.0, "jobs": jobs}
    missing = face.with_name("none.csv")
    bad, good = analyse([missing, face], "guarded8", "left", **options)["files"]
    assert (bad["file"], bad["exit_code"]) == (str(missing), 3)
    assert "none.csv" in bad["error"]
    assert good == found
    with pytest.raises(SourceError, match=r"none\.csv"):
        analyse([missing], "guarded8", "left", **options)


def looked_at(source: FaceSource, n_frames: int, block: int) -> Review:
    """Review a made-up face as `analyse` does."""
    analysis = Settings("guarded8", "left", 5.0, None).analysis(FS_HZ, LSB_UV)
    room = np.full((8, n_frames), np.nan, np.float32)
    looked = Review(room, FS_HZ, None)
    source.rewind()
    for at in range(0, n_frames, block):
        taken = analysis.push(source.read(min(block, n_frames - at)), 0, math.nan)
        looked.push(taken.trace_uv, analysis.ticks, analysis.mains)
    looked.hum_until(analysis.line_frame)
    return looked


@pytest.mark.parametrize(
    ("scenario", "seed", "seconds"),
    [
        ("synkinesis", 1, 20),
        ("synkinesis", 10**23 - 1, 40),
        ("smile", 2, 40),
        ("eye_closure", 3, 40),
    ],
)
def test_a_movement_of_the_face_is_one_burst(scenario: str, seed: int, seconds: int) -> None:
    source = FaceSource(scenario, float(seconds), seed=seed)
    n_frames = seconds * FS_HZ
    looked = looked_at(source, n_frames, FS_HZ)
    n_movements = 0
    for channel in range(4):  # eyes and cheeks
        found = looked.bursts(channel)
        for earlier, later in pairwise(found):
            assert earlier.onset < earlier.offset < later.onset < later.offset <= n_frames
        truth = [b for b in source.script.bursts(0, n_frames) if b.channel == channel]
        n_torn = 0
        for movement in truth:
            inside = [b for b in found if b.onset < movement.end and b.offset > movement.start]
            if movement.kind != "blink" and movement.end <= n_frames:
                n_movements += 1
                assert inside, (channel, movement.start / FS_HZ)
                assert abs(inside[0].onset - movement.start) < 0.15 * FS_HZ
                n_torn += len(inside) > 1
            # What joins in weakly may be at rest for 0.1 s in between, and begins again.
            is_weak = movement.kind == "synkinesis"
            assert len(inside) <= 1 + is_weak, (channel, movement.start / FS_HZ)
            assert all(b.onset - a.offset > 0.1 * FS_HZ for a, b in pairwise(inside))
        assert n_torn <= 1
        # What is none of the script's: at most one in the whole recording.
        starts = np.array([b.onset for b in found])
        is_real = [any(t.start - 200 < at < t.end + 200 for t in truth) for at in starts]
        assert is_real.count(False) <= 1
        assert not any(at < 2 * FS_HZ for at in starts)  # the hum before it was taken off
    assert n_movements > 5


def test_bursts_do_not_depend_on_the_blocks() -> None:
    source = FaceSource("synkinesis", 15.0, seed=1)
    whole = looked_at(source, 15 * FS_HZ, 15 * FS_HZ)
    cut = looked_at(source, 15 * FS_HZ, 331)
    for channel in range(8):
        assert whole.bursts(channel) == cut.bursts(channel)


def test_a_contraction_longer_than_a_piece_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cut goes through it, and it lasts longer than the margins."""
    rng = np.random.default_rng(3)
    n = 30 * FS_HZ
    x = rng.normal(0, 2, n)
    x[5 * FS_HZ : 25 * FS_HZ] *= 15
    band = butter(4, [20, 450], "bandpass", fs=FS_HZ, output="sos")
    room = np.full((8, n), np.nan, np.float32)
    monkeypatch.setattr(review, "PIECE_S", 8.0)
    monkeypatch.setattr(review, "SEEK_S", 2.0)
    looked = Review(room, FS_HZ, 50.0)
    trace = np.tile(np.asarray(sosfilt(band, x), np.float32)[:, None], 8)
    looked.push(trace, (), MainsStatus(50.0, 50.0, False))
    (burst,) = looked.bursts(0)
    assert abs(burst.onset - 5 * FS_HZ) < 60
    assert abs(burst.offset - 25 * FS_HZ) < 60


def test_table_has_a_row_for_each_channel(found: dict[str, Any], tmp_path: Path) -> None:
    import pyarrow.parquet

    path = tmp_path / "face.parquet"
    check_table(path)
    write_table({"files": [found, found]}, path)
    table = pyarrow.parquet.read_table(path).to_pylist()
    assert table == rows({"files": [found, found]})
    assert len(table) == 2 * len(found["channels"])
    assert table[0]["onsets_s"] == found["channels"][0]["onsets_s"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["face.parquet"]
    with pytest.raises(UsageError, match="not written over"):
        check_table(path)
    with pytest.raises(UsageError, match="no folder"):
        check_table(tmp_path / "none" / "face.parquet")
