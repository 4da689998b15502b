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
from faceloop.session.journal_format import ChunkType, encode_end
from faceloop.session.montage import MONTAGES
from faceloop.tasks.analyse import analyse
from faceloop.twin.sources import make_source
from faceloop_protocol.stream import FLAG_LATE

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
N_FRAMES = 20_110  # not a whole number of records
LSB_UV = 23841861 * 1e-9
GAP = (11_000, 1_500)
LATE = (16_600, 400)  # the first smile
MONTAGE = MONTAGES["guarded8"]


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    source = make_source({"kind": "face", "scenario": "synkinesis", "seconds": 14, "seed": 3})
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
    settings = {"rest_s": 5.0, "mains_hz": None}
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


def judged(face: np.ndarray, *gaps: tuple[int, int]) -> list[tuple[float, str, float]]:
    """What a live session says to the same frames, packet by packet."""
    analysis = Analysis(MONTAGE, "left", fs_hz=2000.0, lsb_uv=LSB_UV, rest_s=5.0)
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


def as_tuples(alerts: list[dict[str, Any]]) -> list[tuple[float, str, float]]:
    assert {alert["muscle"] for alert in alerts} <= {"orbicularis_oculi_l"}
    return [(alert["t_s"], alert["pair"], alert["index"]) for alert in alerts]


def one(path: Path, side: Any = "left", **options: Any) -> dict[str, Any]:
    (file,) = analyse([path], "guarded8", side, **options)["files"]
    json.dumps(file)
    return file


@pytest.mark.parametrize("name", ["", "recording.bdf", "journal.fllog"])
def test_gaps_and_padding_are_never_judged(session: Path, face: np.ndarray, name: str) -> None:
    file = one(session / name)
    assert file["duration_s"] == N_FRAMES / 2000
    assert file["gaps"] == [list(GAP)]
    assert as_tuples(file["alerts"]) == judged(face, GAP)
    assert file["live"]["late"] == [list(LATE)]
    assert as_tuples(file["live"]["alerts"]) == judged(face, GAP, LATE)
    assert file["alerts"] != file["live"]["alerts"], "the late range must matter here"
    # Zeros in a gap would be a step of millivolts on every channel.
    whole = Analysis(MONTAGE, "left", fs_hz=2000.0, lsb_uv=LSB_UV).push(face, 0, math.nan)
    rms_uv = np.sqrt(np.mean(np.square(whole.trace_uv, dtype=np.float64), axis=0))
    found_uv = [channel["rms_uv"] for channel in file["channels"]]
    np.testing.assert_allclose(found_uv, rms_uv, rtol=0.25)


def test_live_result_keeps_the_settings_of_the_session(session: Path, face: np.ndarray) -> None:
    other = one(session, "right", rest_s=8.0, mains_hz=60.0)
    assert as_tuples(other["live"]["alerts"]) == judged(face, GAP, LATE)
    settings = {name: other["live"][name] for name in ("montage", "affected_side", "rest_s")}
    assert settings == {"montage": "guarded8", "affected_side": "left", "rest_s": 5.0}
    assert other["alerts"] != one(session)["alerts"]


def test_file_on_its_own_is_judged_with_what_is_asked_for(
    session: Path, face: np.ndarray, tmp_path: Path
) -> None:
    alone = tmp_path / "mailed.bdf"
    alone.write_bytes((session / "recording.bdf").read_bytes())
    assert as_tuples(one(alone)["live"]["alerts"]) == judged(face, GAP, LATE)
    assert one(alone, None)["live"]["affected_side"] is None


def test_files_of_others_have_no_live_result(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(0, 20, (3000, 2))
    path = tmp_path / "theirs.csv"
    np.savetxt(path, rows, delimiter=",", header="# fs_hz=1000\na_uV,b_uV", comments="")
    file = one(path)
    assert file["live"] is None
    assert file["gaps"] == []
    assert [channel["name"] for channel in file["channels"]] == ["a", "b"]
