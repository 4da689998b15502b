"""What happened in a recording: annotations, lines of events, counts of alerts."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import edfio
import pytest

from faceloop.session.journal_format import (
    ChunkType,
    encode_json,
)
from faceloop_protocol.stream import (
    FLAG_DEGRADED,
    FLAG_LATE,
    FLAG_RESYNC,
)

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
finish, texts = FAKE["finish"], FAKE["texts"]


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


def test_finalise_events_are_annotated_listed_and_counted(tmp_path: Path, kit: Any) -> None:
    events = [
        (40, {"kind": "onset_cue", "channel": 1, "pair": ""}),
        (60, {"kind": "synkinesis", "pair": "smile/eye", "index": 1.9, "text": "Eye closes"}),
        (-1, {"kind": "link_lost"}),
        (999_999, {"kind": "note", "text": "after\x14 the\x00 end\n"}),
        (70, {"kind": "note", "text": "Mund öffnen " + "x" * 500}),
    ]
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(*(kit.packet(i * 20) for i in range(10))),
        *((ChunkType.EVENT, frame, encode_json(content)) for frame, content in events),
    )
    summary, recording, _ = finish(path)
    found = {a.text: a.onset for a in recording.annotations}
    assert found["onset_cue orbicularis_oculi_r"] == 0.02
    assert found["synkinesis smile/eye: Eye closes"] == 0.03
    assert found["link_lost"] == 199 / 2000  # the newest frame by then
    assert found["note: after  the  end"] == pytest.approx(499.9995)
    (long,) = [text for text in found if "öffnen" in text]
    assert len(long.encode()) <= 240
    assert summary.alerts == {"onset_cue": 1, "synkinesis": 1}
    assert summary.events == {"onset_cue": 1, "synkinesis": 1, "link_lost": 1, "note": 2}
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == [40, 60, 70, 199, 999_999]
    assert lines[1] == {
        "kind": "synkinesis",
        "pair": "smile/eye",
        "index": 1.9,
        "text": "Eye closes",
        "source": "session",
        "frame": 60,
        "time_s": 0.03,
        "utc": "2024-03-02T23:59:59.004000+00:00",
    }
    assert lines[2]["text"].endswith("x" * 500)


def test_finalise_flags_of_packets_are_annotated(tmp_path: Path, kit: Any) -> None:
    packets = [kit.packet(0), kit.packet(20, flags=FLAG_RESYNC), kit.packet(20, flags=FLAG_RESYNC)]
    packets += [kit.packet(f, flags=FLAG_DEGRADED, shift=5) for f in (40, 60)]
    packets += [kit.packet(f, flags=FLAG_DEGRADED, shift=6) for f in (80, 100)]
    # A loose electrode that flickers, good in between for a moment, then for a second.
    packets += [kit.packet(f, lead_off_p=0x04) for f in (120, 160)]
    packets += [kit.packet(f) for f in range(180, 2200, 20)] + [kit.packet(140)]
    packets += [kit.packet(2200, lead_off_n=0x04)]
    _, recording, _ = finish(kit.write_journal(tmp_path, kit.packets_chunk(*packets)))
    found = [
        (round(a.onset * 2000), round((a.duration or 0) * 2000), a.text)
        for a in recording.annotations
    ]
    assert found == [
        (20, 0, "resync"),
        (40, 40, "degraded shift=5"),
        (80, 40, "degraded shift=6"),
        (120, 60, "electrode off zygomaticus_major_l"),
        (140, 20, "late n=20"),
        (2200, 20, "electrode off zygomaticus_major_l"),
        (2220, 180, "padding 180"),
    ]


def test_finalise_board_state_is_summarised(tmp_path: Path, kit: Any) -> None:
    body = bytearray(44)
    body[3] = 87
    path = kit.write_journal(tmp_path, (ChunkType.STATE, 0, bytes(body)))
    summary, _, _ = finish(path)
    assert summary.board_state is not None
    assert summary.board_state["battery_pct"] == 87


def test_finalise_labels_that_shorten_alike_stay_different(tmp_path: Path, kit: Any) -> None:
    names = (*(f"orbicularis_oculi_part{i}_l" for i in range(7)), "Étrange\n_r")
    _, recording, _ = finish(
        kit.write_journal(tmp_path, kit.packets_chunk(kit.packet(0)), labels=names)
    )
    assert len(set(recording.labels)) == 8
    assert recording.signals[6].transducer_type.endswith("orbicularis_oculi_part6_l")


def test_finalise_late_ranges_are_what_the_live_session_did_not_see(
    tmp_path: Path, kit: Any
) -> None:
    """Late is what was sent again, and what came behind its successor; gaps are not late."""
    live = [kit.packet(i * 20) for i in (0, 1, 4, 5, 9)]
    late = [kit.packet(i * 20, flags=FLAG_LATE) for i in (2, 7)]
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(*live, *late),
        kit.packets_chunk(kit.packet(120)),  # not sent again, but overtaken
        kit.packets_chunk(kit.packet(200)),
    )
    summary, recording, _ = finish(path)
    assert summary.late == [(40, 20), (120, 40)]
    assert summary.gaps == [(60, 20), (160, 20)]
    found = [a for a in recording.annotations if a.text.startswith("late")]
    assert found == [
        edfio.EdfAnnotation(40 / 2000, 20 / 2000, "late n=20"),
        edfio.EdfAnnotation(120 / 2000, 40 / 2000, "late n=40"),
    ]
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [(r["frame"], r["n_frames"]) for r in lines if r["kind"] == "late"] == summary.late


@pytest.mark.parametrize("first", [0, 1000])
def test_finalise_recording_begun_later_is_marked_and_keeps_to_itself(
    tmp_path: Path, kit: Any, first: int
) -> None:
    events = [
        (ChunkType.EVENT, frame, encode_json({"kind": "synkinesis", "pair": "p", "channel": 2}))
        for frame in (max(first - 1, 0), first, first + 7)
    ]
    path = kit.write_journal(
        tmp_path, kit.packets_chunk(kit.packet(first), frame=first), *events, first_frame=first
    )
    summary, recording, _ = finish(path)
    n_outside = 1 if first else 0
    assert summary.events_outside == n_outside
    assert summary.alerts["synkinesis"] == 3 - n_outside
    alert = "synkinesis p zygomaticus_major_l"
    assert texts(recording).count(alert) == 3 - n_outside
    assert ("begun at frame 1000" in texts(recording)) == bool(first)
