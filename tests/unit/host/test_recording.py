"""One recording: which packets are safe, and which events belong to it."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import edfio
import pytest

from faceloop.session.journal import Journal
from faceloop.session.live import LiveEvent
from faceloop.session.recording import Recording
from faceloop.session.recording_reader import open_recording

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))


@pytest.fixture(scope="module")
def kit() -> Any:
    return FAKE["RecordingKit"]()


@pytest.mark.parametrize("head", [0, 32_768, 40_000, 65_530, 70_000])
def test_nothing_before_a_recording_is_called_stored_nor_kept_for_it(
    tmp_path: Path, kit: Any, head: int
) -> None:
    """Told of packet 0 while its head is at 32768 or more, a board would forget all it holds."""
    journal = Journal.create(tmp_path, kit.header(first_frame=20 * head), min_free_bytes=0)
    recording = Recording(tmp_path, journal, head)
    assert recording.stored_seq == head, "not a packet less: the board need keep nothing older"
    for seq in range(head, head + 20):
        recording.append(kit.packet(20 * seq % (1 << 32), seq=seq), seq + 1)
    assert head <= recording.stored_seq <= head + 20
    recording.sync()
    assert recording.stored_seq == head + 20
    recording.leave()


def test_events_of_before_the_recording_stay_out_of_it(tmp_path: Path, kit: Any) -> None:
    journal = Journal.create(tmp_path, kit.header(first_frame=1000), min_free_bytes=0)
    recording = Recording(tmp_path, journal, 50)
    recording.append(kit.packet(1000), 51)
    for frame in (980, 999, 1000, 1010, -1):
        recording.append_event(LiveEvent("note", frame, text=str(frame)))
    recording.append_event(LiveEvent("synkinesis", 1019, "", 2, "mouth_to_eye", 1.75))
    summary = recording.finish(1020)
    assert summary.events == {"note": 3, "synkinesis": 1}
    assert summary.events_outside == 0
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    notes = [line for line in lines if line["kind"] == "note"]
    assert [(line["frame"], line["text"]) for line in notes] == [
        (1000, "1000"),
        (1010, "1010"),
        (1019, "-1"),
    ]
    (alert,) = [line for line in lines if line["kind"] == "synkinesis"]
    assert (alert["channel"], alert["pair"], alert["index"]) == (2, "mouth_to_eye", 1.75)


@pytest.mark.parametrize("is_end_known", [True, False])
def test_end_that_the_board_did_not_tell_is_admitted_wherever_the_recording_is_read(
    tmp_path: Path, kit: Any, is_end_known: bool
) -> None:
    journal = Journal.create(tmp_path, kit.header(first_frame=0), min_free_bytes=0)
    recording = Recording(tmp_path, journal)
    for first in range(0, 1000, 20):
        recording.append(kit.packet(first), first // 20 + 1)
    summary = recording.finish(1000, is_end_known=is_end_known)
    assert (summary.is_ended, summary.is_end_known) == (True, is_end_known)
    assert (summary.end_frame, summary.frames_missing) == (1000, 0)
    entries = edfio.read_bdf(recording.path).annotations
    ends = [(entry.onset, entry.text) for entry in entries if "end_unknown" in entry.text]
    text = "the board was out of reach, what it still held is not here"
    assert ends == ([] if is_end_known else [(0.5, f"end_unknown: {text}")])
    for path in (recording.path, tmp_path / "journal.fllog"):
        read = open_recording(path)
        assert read.n_frames == 1000
        note = f"Where the signal ended is not known: {text}."
        assert read.warnings == (() if is_end_known else (note,))
