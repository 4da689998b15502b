"""`faceloop analyse`: what never arrived is never judged, what came late only once."""

from __future__ import annotations

import json
import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.session.analysis import Analysis
from faceloop.session.bdf import finalise
from faceloop.session.journal_format import ChunkType, encode_end, encode_json
from faceloop.session.kept_rest import rest_event
from faceloop.session.montage import MONTAGES
from faceloop.tasks.analyse import analyse
from faceloop.twin.sources import make_source
from faceloop_dsp import RestReference
from faceloop_protocol.stream import FLAG_LATE

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
N_FRAMES = 20_110  # not a whole number of records
LSB_UV = 23841861 * 1e-9
GAP = (11_000, 1_500)
LATE = (16_600, 400)  # the first smile
MONTAGE = MONTAGES["guarded8"]
FACE = {"kind": "face", "scenario": "synkinesis", "seconds": 14, "seed": 3}
BEGUN = 16_500  # in the first smile, long after the rest
DATA = Path(__file__).parents[2] / "data"
Judged = list[tuple[float, str, float]]


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    source = make_source(FACE)
    return source.read(N_FRAMES) >> 4 << 4


@pytest.fixture(scope="module")
def session(face: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished session in which frames are missing and late."""
    kit = FAKE["RecordingKit"]()
    folder: Path = tmp_path_factory.mktemp("session")
    chunks, late = [], []
    for at in range(0, N_FRAMES, 20):
        if GAP[0] <= at < GAP[0] + GAP[1]:
            continue
        is_late = LATE[0] <= at < LATE[0] + LATE[1]
        rows = face[at : at + 20] >> 4
        packet = kit.packet(at, len(rows), rows=rows, flags=FLAG_LATE if is_late else 0)
        (late if is_late else chunks).append(kit.packets_chunk(packet, frame=at))
    end = (ChunkType.END, N_FRAMES, encode_end(N_FRAMES))
    settings = {"rest_s": 5.0, "mains_hz": None, "converter": "ads1298"}
    journal = kit.write_journal(
        folder,
        *chunks,
        *late,
        end,
        first_frame=0,
        lsb_uv=LSB_UV,
        montage="guarded8",
        affected_side="left",
        extra=settings,
    )
    finalise(journal, folder / "recording.bdf")
    return folder


def true_levels_uv() -> np.ndarray:
    """100 ms RMS of the same face without mains, by SciPy alone, at every frame; (n, 8)."""
    from scipy.signal import butter, sosfilt

    source = make_source(
        {
            **FACE,
            "contaminants": {"mains": False, "droop": False},
        }
    )
    uv = source.read(N_FRAMES) * LSB_UV
    sections = butter(4, (20.0, 450.0), "bandpass", fs=2000.0, output="sos")
    power = np.square(sosfilt(sections, uv - uv[0], axis=0))
    total = np.cumsum(np.vstack([np.zeros((200, 8)), power]), axis=0)
    return np.sqrt((total[200:] - total[:-200]) / 200)


def true_rms_uv(*gap: int) -> np.ndarray:
    """RMS over all hops but those before the line is off, in a gap and 140 ms after it."""
    levels_uv = true_levels_uv()[19::20]
    is_known = np.arange(len(levels_uv)) >= 149
    if gap:
        is_known[gap[0] // 20 : (gap[0] + gap[1]) // 20 + 14] = False
    return np.sqrt(np.mean(np.square(levels_uv[is_known]), axis=0))


def judged(face: np.ndarray, *gaps: tuple[int, int]) -> Judged:
    """What a live session says to the same frames, packet by packet."""
    analysis = Analysis(
        MONTAGE, "left", fs_hz=2000.0, lsb_uv=LSB_UV, converter="ads1298", rest_s=5.0
    )
    events = []
    at = 0
    for first, n in [*sorted(gaps), (N_FRAMES, 0)]:
        while at < first:
            end = min(at + 20, first)
            events += analysis.push(np.ascontiguousarray(face[at:end]), 0, math.nan).events
            at = end
        if n:
            events += analysis.gap(n, math.nan).events
            at += n
    return [
        (round(event.frame / 2000, 4), event.pair, round(event.index, 3))
        for event in events
        if event.kind == "synkinesis"
    ]


@pytest.fixture(scope="module")
def judged_late(face: np.ndarray) -> Judged:
    """What is said once the late frames are there."""
    return judged(face, GAP)


@pytest.fixture(scope="module")
def judged_live(face: np.ndarray) -> Judged:
    """What the session said, to which late frames were missing as well."""
    return judged(face, GAP, LATE)


def as_tuples(alerts: list[dict[str, Any]]) -> Judged:
    assert {alert["muscle"] for alert in alerts} <= {"orbicularis_oculi_l"}
    return [(alert["t_s"], alert["pair"], alert["index"]) for alert in alerts]


def one(path: Path, side: Any = "left", **options: Any) -> dict[str, Any]:
    (file,) = analyse([path], "guarded8", side, **options)["files"]
    json.dumps(file)
    return file


@pytest.mark.parametrize("name", ["", "recording.bdf", "journal.fllog"])
def test_gaps_and_padding_are_never_judged(
    session: Path, judged_late: Judged, judged_live: Judged, name: str
) -> None:
    file = one(session / name)
    assert file["duration_s"] == N_FRAMES / 2000
    assert file["gaps"] == [list(GAP)]
    assert as_tuples(file["alerts"]) == judged_late
    assert file["live"]["late"] == [list(LATE)]
    assert as_tuples(file["live"]["alerts"]) == judged_live
    assert file["alerts"] != file["live"]["alerts"], "the late range must matter here"
    # Zeros in a gap would be a step of millivolts on every channel.
    found_uv = [channel["rms_uv"] for channel in file["channels"]]
    # What is left of the hum adds up to 2.5 %; without the converter's droop made good, every
    # channel would be 0.4-2.2 % below the truth.
    ratio = np.array(found_uv) / true_rms_uv(*GAP)
    assert ((ratio > 0.998) & (ratio < 1.03)).all(), ratio


def test_live_result_keeps_the_settings_of_the_session(session: Path, judged_live: Judged) -> None:
    other = one(session, "right", rest_s=8.0, mains_hz=60.0)
    assert as_tuples(other["live"]["alerts"]) == judged_live
    settings = {name: other["live"][name] for name in ("montage", "affected_side", "rest_s")}
    assert settings == {"montage": "guarded8", "affected_side": "left", "rest_s": 5.0}
    assert other["alerts"] != one(session)["alerts"]


def test_file_on_its_own_is_judged_with_what_is_asked_for(
    session: Path, judged_live: Judged, tmp_path: Path
) -> None:
    alone = tmp_path / "mailed.bdf"
    alone.write_bytes((session / "recording.bdf").read_bytes())
    assert as_tuples(one(alone)["live"]["alerts"]) == judged_live
    assert one(alone, None)["live"]["affected_side"] is None


def test_files_of_others_have_no_live_result(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(0, 20, (3000, 2))
    path = tmp_path / "theirs.csv"
    np.savetxt(path, rows, delimiter=",", header="# fs_hz=1000\na_uV,b_uV", comments="")
    file = one(path)
    assert file["live"] is None
    assert file["gaps"] == []
    assert [channel["name"] for channel in file["channels"]] == ["a", "b"]
    assert file["board"] is None


def test_symmetry_is_that_of_the_movement_and_free_of_hum(
    tmp_path: Path, face: np.ndarray
) -> None:
    """The line is 15-80 uV until it is found: four times a resting muscle."""
    file = one(begun_at(tmp_path, face, 0))
    levels_uv = true_levels_uv()
    rest_uv = np.array([channel["rest_rms_uv"] for channel in file["channels"]])
    np.testing.assert_allclose(rest_uv, np.median(levels_uv[4000:14_000], axis=0), rtol=0.1)
    for muscle, pair in zip(MONTAGE.muscles, file["pairs"], strict=True):
        sides = [muscle.left, muscle.right]
        whole_uv = true_rms_uv()[sides]
        assert pair["whole"]["symmetry_ratio"] == pytest.approx(
            min(whole_uv) / max(whole_uv), abs=0.05
        )
        assert pair["muscle"] == muscle.muscle
        assert [pair["a"], pair["b"]] == [file["channels"][side]["name"] for side in sides]
        if muscle.muscle not in ("orbicularis_oculi", "zygomaticus_major"):
            assert pair["active_s"] < 1.0, "nothing moved there"
            continue
        moves = (levels_uv[4000:, sides] > 1.7 * rest_uv[sides]).any(axis=1)
        moving_uv = np.sqrt(np.mean(np.square(levels_uv[4000:, sides][moves]), axis=0))
        assert pair["active_s"] == pytest.approx(moves.sum() / 2000, abs=0.3)
        assert pair["symmetry_ratio"] == pytest.approx(min(moving_uv) / max(moving_uv), abs=0.05)
        signed = (moving_uv[0] - moving_uv[1]) / moving_uv.sum()
        assert pair["signed_asymmetry"] == pytest.approx(signed, abs=0.03)


def begun_at(
    folder: Path, face: np.ndarray, first: int, end: int = N_FRAMES, **header: Any
) -> Path:
    """Return the folder of a recording that began at a frame of the session."""
    kit = FAKE["RecordingKit"]()
    folder.mkdir(exist_ok=True)
    chunks = [
        kit.packets_chunk(kit.packet(at, rows=face[at : at + 20] >> 4), frame=at)
        for at in range(first // 20 * 20, end // 20 * 20, 20)
    ]
    extra = {"rest_s": 5.0, "mains_hz": None, **header.pop("extra", {})}
    journal = kit.write_journal(
        folder,
        *chunks,
        *header.pop("events", []),
        (ChunkType.END, end, encode_end(end)),
        first_frame=first,
        lsb_uv=LSB_UV,
        montage="guarded8",
        affected_side="left",
        extra=extra,
        **header,
    )
    finalise(journal, folder / "recording.bdf")
    return folder


@pytest.fixture(scope="module")
def learnt(face: np.ndarray) -> Analysis:
    """The session's analysis when the recording begins."""
    analysis = Analysis(MONTAGE, "left", fs_hz=2000.0, lsb_uv=LSB_UV, rest_s=5.0)
    analysis.push(face[:BEGUN], 0, math.nan)
    assert analysis.rest is not None
    return analysis


@pytest.mark.parametrize("name", ["", "recording.bdf", "journal.fllog"])
def test_recording_begun_in_a_movement_is_judged_by_the_rest_of_the_session(
    tmp_path: Path, face: np.ndarray, learnt: Analysis, name: str
) -> None:
    assert learnt.rest is not None
    folder = begun_at(tmp_path, face, BEGUN, extra={"rest": learnt.rest.as_dict()})
    file = one(folder / name)
    assert (file["rest_source"], file["calibrated"]) == ("session", True)
    rest_uv = [channel["rest_rms_uv"] for channel in file["channels"]]
    np.testing.assert_allclose(rest_uv, learnt.rest.rms_mean_uv, atol=5e-4)
    assert file["duration_s"] < 3.0, "too short to learn a rest from"
    assert file["live"]["exact"] is False
    assert file["live"]["alerts"] == file["alerts"]
    assert file["alerts"], "the eye closes in the smile"
    assert one(folder / name, rest_s=0.0)["calibrated"] is False


@pytest.fixture(scope="module")
def long_face() -> np.ndarray:
    source = make_source({"kind": "face", "scenario": "synkinesis", "seconds": 40, "seed": 1})
    return source.read(60_000) >> 4 << 4


def rest_of(face: np.ndarray, end: int) -> RestReference:
    analysis = Analysis(MONTAGE, "left", fs_hz=2000.0, lsb_uv=LSB_UV, rest_s=5.0)
    analysis.push(face[:end], 0, math.nan)
    assert analysis.rest is not None
    return analysis.rest


def test_recording_that_begins_in_a_movement_without_a_rest_is_doubted(
    tmp_path: Path, long_face: np.ndarray
) -> None:
    """The file alone: most of its seconds two to seven are an eye closure."""
    session = begun_at(
        tmp_path / "session",
        long_face,
        22_000,
        len(long_face),
        extra={"rest": rest_of(long_face, 22_000).as_dict()},
    )
    file = one(session)
    assert len(file["alerts"]) >= 2
    assert not any("rest" in warning for warning in file["warnings"])
    alone = tmp_path / "mail" / "mailed.bdf"
    alone.parent.mkdir()
    alone.write_bytes((session / "recording.bdf").read_bytes())
    file = one(alone)
    assert file["rest_source"] == "file"
    assert file["live"] is None
    assert any("hardly a rest" in warning for warning in file["warnings"]), file["warnings"]
    whole = one(begun_at(tmp_path / "whole", long_face, 0, len(long_face)))
    assert whole["rest_source"] == "file"
    assert not any("rest" in warning for warning in whole["warnings"])


def test_rest_learnt_while_recording_is_kept_with_its_moment(
    tmp_path: Path, long_face: np.ndarray
) -> None:
    """Nothing before that moment was judged live; offline everything is."""
    rest = rest_of(long_face, BEGUN)
    known_from = 24_000
    event = (ChunkType.EVENT, known_from - 1, encode_json(rest_event(rest)))
    folder = begun_at(tmp_path, long_face, BEGUN, len(long_face), events=[event])
    summary = json.loads((folder / "session.json").read_bytes())
    assert summary["rest"]["frame"] == known_from
    for name in ("recording.bdf", "journal.fllog"):
        file = one(folder / name)
        assert file["rest_source"] == "session"
        early = (known_from - BEGUN) / 2000
        assert [alert for alert in file["alerts"] if alert["t_s"] < early]
        assert not [alert for alert in file["live"]["alerts"] if alert["t_s"] < early]
        assert file["live"]["alerts"]


@pytest.mark.parametrize("broken", [{"rest": 1}, {"rest": {"seconds": 5}}, {"rest": None}])
def test_rest_that_cannot_be_read_is_none(
    tmp_path: Path, face: np.ndarray, broken: dict[str, Any]
) -> None:
    file = one(begun_at(tmp_path, face, BEGUN, extra=broken))
    assert (file["rest_source"], file["live"], file["alerts"]) == (None, None, None)


def test_files_of_others_say_how_their_channels_are_taken() -> None:
    file = one(DATA / "facial_biopac_corr_zyg_lev.edf")
    assert (file["fs_hz"], file["analysed_fs_hz"]) == (1000.0, 2000.0)
    assert "Resampled from 1000 to 2000 Hz." in file["warnings"]
    assert {tuple(channel["band_hz"]) for channel in file["channels"]} == {(20.0, 450.0)}
    assert any("guarded8" in warning and "--montage" in warning for warning in file["warnings"])
    assert file["calibrated"]
    assert (file["alerts"], file["judged"]) == (None, []), "three channels make no pair"


def test_slow_recording_says_how_little_of_the_band_it_holds(tmp_path: Path) -> None:
    uv = np.random.default_rng(3).normal(0.0, 5.0, 4 * 500)
    rows = "\n".join(f"{value:.3f}" for value in uv)
    (tmp_path / "slow.csv").write_text(f"# fs_hz=500\nzyg_uV\n{rows}\n")
    file = one(tmp_path / "slow.csv")
    assert any("only 20-225 Hz is there" in warning for warning in file["warnings"])
    assert file["channels"][0]["band_hz"] == [20.0, 225.0]
    # White noise up to 250 Hz, of which 20-225 Hz are kept.
    assert file["channels"][0]["rms_uv"] == pytest.approx(5.0 * np.sqrt(205 / 250), rel=0.05)


def write_table(path: Path, columns: dict[str, np.ndarray], fs_hz: int = 1000) -> Path:
    rows = [",".join(f"{value:.3f}" for value in row) for row in np.stack([*columns.values()], 1)]
    path.write_text("\n".join([f"# fs_hz={fs_hz}", ",".join(columns), *rows]) + "\n")
    return path


def test_every_channel_of_a_file_is_told_of_and_compared(tmp_path: Path) -> None:
    """Ten of them, an open one and a leak among them; a montage knows eight."""
    rng = np.random.default_rng(4)
    columns = {f"m{i}_uV": rng.normal(0.0, 5.0, 6000) for i in range(10)}
    columns["m3_uV"][:] = 7.0
    columns["m5_uV"] = 0.3 * columns["m4_uV"] + rng.normal(0.0, 0.01, 6000)
    file = one(write_table(tmp_path / "ten.csv", columns))
    assert [channel["name"] for channel in file["channels"]] == [f"m{i}" for i in range(10)]
    is_open, leak = file["channels"][3], file["channels"][5]
    assert is_open["quality"]["usable"] is False
    assert is_open["quality"]["reasons"] == ["flat"]
    assert is_open["onsets_s"] == []
    assert leak["quality"] == {"usable": False, "reasons": ["crosstalk"], "bad_s": 0.0}
    assert file["channels"][4]["quality"]["usable"] is True
    assert file["channels"][9]["muscle"] is None
    pairs = {(pair["a"], pair["b"]): pair for pair in file["pairs"]}
    assert len(pairs) == 7 * 6 / 2 + 1, "all but the open one, and the two beyond the montage"
    assert pairs["m4", "m5"]["crosstalk"] is True
    assert pairs["m0", "m1"]["muscle"] == "orbicularis_oculi"
    assert not [note for note in file["warnings"] if "first 8" in note]


def test_leak_is_named_where_channels_have_one_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    uv = rng.normal(0.0, 5.0, (6000, 3))
    uv[:, 1] = 0.3 * uv[:, 0] + rng.normal(0.0, 0.01, 6000)
    rows = "\n".join(",".join(f"{value:.3f}" for value in row) for row in uv)
    (tmp_path / "alike.csv").write_text(f"# fs_hz=1000\nm_uV,m_uV,m_uV\n{rows}\n")
    channels = one(tmp_path / "alike.csv")["channels"]
    assert [channel["quality"]["usable"] for channel in channels] == [True, False, True]


def test_rest_of_a_file_that_begins_with_work_is_its_quietest(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    sd_uv = np.full(30_000, 40.0)
    sd_uv[15_000:22_000] = 2.0
    file = one(write_table(tmp_path / "late.csv", {"a_uV": rng.normal(0.0, sd_uv)}))
    assert any("hardly a rest: 1" in note and "are taken" in note for note in file["warnings"])
    assert file["channels"][0]["rest_rms_uv"] == pytest.approx(2.0 * np.sqrt(430 / 500), rel=0.1)
    assert [round(at, 1) for at in file["channels"][0]["onsets_s"] if at > 1.0] == [22.0]


def test_samples_cut_off_at_the_same_value_are_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    uv = rng.normal(0.0, 30.0, (2, 20_000))
    columns = {"whole_uV": uv[0], "cut_uV": np.clip(uv[1], -80.0, 80.0)}
    whole, cut = one(write_table(tmp_path / "cut.csv", columns))["channels"]
    assert whole["quality"]["reasons"] == []
    assert cut["quality"]["reasons"] == ["clipped"]
    assert cut["quality"]["usable"] is True


def test_heart_is_named_and_left_out_of_the_bursts(tmp_path: Path) -> None:
    uv = np.random.default_rng(8).normal(0.0, 2.0, 30_000)
    t = np.arange(-50, 50) / 1000
    beat = 120.0 * np.exp(-0.5 * (t / 0.008) ** 2) * np.cos(2 * np.pi * 30 * t)
    for at in range(500, 29_900, 780):
        uv[at - 50 : at + 50] += beat
    (channel,) = one(write_table(tmp_path / "heart.csv", {"a_uV": uv}))["channels"]
    assert channel["quality"] == {"usable": True, "reasons": ["heart"], "bad_s": 0.0}
    assert len(channel["onsets_s"]) <= 2


def test_line_that_is_not_there_has_no_height(tmp_path: Path) -> None:
    uv = np.random.default_rng(7).normal(0.0, 20.0, 10_000)
    file = one(write_table(tmp_path / "no_line.csv", {"a_uV": uv}))
    assert file["channels"][0]["mains"] == {"frequency_hz": None, "peak_uv": None}


def test_recording_of_a_virtual_board_says_that_it_is_none_of_a_person(
    tmp_path: Path, face: np.ndarray
) -> None:
    extra = {"played": "the made-up face (synkinesis)"}
    file = one(begun_at(tmp_path / "demo", face, 0, board="virtual", extra=extra))
    assert (file["board"], file["played"]) == ("virtual", extra["played"])
    assert any("made-up face (synkinesis)" in warning for warning in file["warnings"])
    assert file["channels"][0]["name"] == "EMG OrbicOculi L"
    file = one(begun_at(tmp_path / "real", face, 0, board="pico2w"))
    assert (file["board"], file["played"], file["warnings"]) == ("pico2w", None, [])


def test_recording_of_a_played_file_has_that_files_names(tmp_path: Path, face: np.ndarray) -> None:
    """Chest and arm are no chin and jaw because a virtual board has played them."""
    extra = {"played": "the file arm.edf", "played_labels": ["biceps", "triceps", "chest"]}
    file = one(begun_at(tmp_path / "demo", face, 0, board="virtual", extra=extra))
    assert [channel["name"] for channel in file["channels"]] == extra["played_labels"]
    assert [(pair["a"], pair["b"]) for pair in file["pairs"]] == [("biceps", "triceps")]
    assert any("in the order of the montage guarded8" in said for said in file["warnings"])
