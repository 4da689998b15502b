"""Heat in a recording: signals beside the EMG, and what a report says."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.session.bdf_reader import is_our_bdf, read_our_bdf
from faceloop.session.heat_record import (
    HEAT_SIGNALS,
    NO_READING,
    HeatReading,
    heat_signals,
    heat_summary,
)
from faceloop.session.heat_session import HeatSession
from faceloop.session.journal_format import ChunkType, encode_end, encode_json
from faceloop_protocol import heat, reports, texts

FAKES = Path(__file__).parents[2] / "fakes"
FAKE = runpy.run_path(str(FAKES / "fake_recording.py"))
BOARD = runpy.run_path(str(FAKES / "fake_heat_board.py"))["Board"]
LABELS = [signal.label for signal in HEAT_SIGNALS]


def state(**changes: int) -> reports.HeatState:
    values = dict.fromkeys(reports.HeatState._fields, 0)
    values |= {"state": heat.HOLD, "face_cdegc": 3900, "core_cdegc": 4105, "power_mw": 1400}
    return reports.HeatState(**(values | changes))


def body(told: reports.HeatState) -> bytes:
    packed = bytearray(heat.HEAT_STATE_BYTES)
    heat.pack_heat_state_into(packed, told)
    return bytes(packed)


def test_heat_stands_in_the_file_beside_the_emg(tmp_path: Path) -> None:
    kit = FAKE["RecordingKit"]()
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(*(kit.packet(i * 20) for i in range(55))),
        (ChunkType.HEAT, 350, body(state())),
        (ChunkType.HEAT, 900, body(state(face_cdegc=4010, state=heat.LATCHED, cause=74))),
        (ChunkType.HEAT, 901, b"torn"),
        (ChunkType.END, 1100, encode_end(1100)),
    )
    summary, recording, samples = FAKE["finish"](path)
    np.testing.assert_array_equal(samples[:, :8], kit.counts(0, 1100))
    signals = {signal.label: signal for signal in recording.signals[8:]}
    assert list(signals) == LABELS
    face = signals["Temp face"]
    assert (face.sampling_frequency, face.physical_dimension) == (10, "degC")
    np.testing.assert_allclose(face.data, [-300, 39.0, 39.0, 39.0, 40.1, 40.1], atol=0.006)
    np.testing.assert_allclose(signals["Heat power"].data[1], 1400, atol=0.6)
    assert signals["Heat state"].digital.tolist()[1:] == [4, 4, 4, 7, 7]
    assert summary.packets_unreadable == 1
    told = json.loads((tmp_path / "session.json").read_text())["heat"]
    assert told["face_max_degc"] == 40.1
    words = texts.CAUSE_TEXT[heat.FACE_HOT]
    assert told["faults"] == [words]
    assert told["changes"] == [
        {"at_s": 0.175, "state": "HOLD", "cause": 0, "words": ""},
        {"at_s": 0.45, "state": "LATCHED", "cause": heat.FACE_HOT, "words": words},
    ]
    assert is_our_bdf(tmp_path / "recording.bdf")
    read = read_our_bdf(tmp_path / "recording.bdf")
    assert read.n_frames == 1100 and len(read.labels) == 8


def test_a_reading_older_than_two_seconds_is_none() -> None:
    samples = heat_signals([HeatReading(199, state())], 0, 25, 2000)
    known = samples[:, 0] != NO_READING
    assert known.tolist() == [True] * 20 + [False] * 5
    assert (heat_signals([], 0, 2, 2000) == NO_READING).all()


@pytest.mark.parametrize("n_readings", [0, 1, 5])
def test_summary_counts_heated_time_by_readings(n_readings: int) -> None:
    readings = [HeatReading(500 * i, state(dose_umin=1000 * i)) for i in range(n_readings)]
    told: dict[str, Any] | None = heat_summary(readings, 0, 2000)
    if not n_readings:
        assert told is None
        return
    assert told is not None
    assert told["heated_s"] == 0.25 * (n_readings - 1)
    assert told["dose_cem43"] == pytest.approx(0.001 * (n_readings - 1))


def test_summary_tells_every_change_of_state_or_cause_once_and_what_power_was_given() -> None:
    told = [
        state(state=heat.WARMUP, duty_permille=1000),
        state(state=heat.WARMUP, duty_permille=400),
        state(state=heat.PAUSED, cause=heat.LEASE_OVER),
        state(state=heat.PAUSED, cause=heat.LEAD_OFF),
        state(state=99, cause=250),
        state(state=99, cause=250),
    ]
    readings = [HeatReading(10_000 + 500 * n, each) for n, each in enumerate(told)]
    summary = heat_summary(readings, 9_000, 2000)
    assert summary is not None
    assert (summary["duty_mean_pct"], summary["duty_max_pct"]) == (70.0, 100.0)
    assert [(each["at_s"], each["state"], each["cause"]) for each in summary["changes"]] == [
        (0.5, "WARMUP", 0),
        (1.0, "PAUSED", heat.LEASE_OVER),
        (1.25, "PAUSED", heat.LEAD_OFF),
        (1.5, "state 99", 250),
    ]
    assert summary["changes"][1]["words"] == texts.CAUSE_TEXT[heat.LEASE_OVER]
    assert summary["changes"][-1]["words"] == "cause 250"


async def test_changes_of_heat_are_annotations_of_the_file(tmp_path: Path) -> None:
    board = BOARD()
    told: list[tuple[str, str]] = []
    session = HeatSession(board, lambda _: None, lambda kind, words: told.append((kind, words)))
    for changes in (
        {"state": heat.WARMUP},
        {"state": heat.PAUSED, "cause": heat.LEASE_OVER},
        {"state": heat.LATCHED, "cause": heat.FACE_HOT},
    ):
        board.say(**changes)
        await session.step()
    kit = FAKE["RecordingKit"]()
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(*(kit.packet(i * 20) for i in range(50))),
        *(
            (ChunkType.EVENT, 200 * n, encode_json({"kind": kind, "text": words}))
            for n, (kind, words) in enumerate(told)
        ),
        (ChunkType.END, 1000, encode_end(1000)),
    )
    _, recording, _ = FAKE["finish"](path)
    found = [text for text in FAKE["texts"](recording) if text.startswith("heat")]
    assert found == [
        "heat: WARMUP",
        f"heat: PAUSED: {texts.CAUSE_TEXT[heat.LEASE_OVER]}",
        f"heat_fault: LATCHED: {texts.CAUSE_TEXT[heat.FACE_HOT]}",
    ]
