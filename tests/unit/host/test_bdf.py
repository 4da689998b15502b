"""From journal to BDF+: every sample, every gap, whatever order packets came in."""

from __future__ import annotations

import random
import runpy
from datetime import datetime
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from faceloop.session import bdf, bdf_check
from faceloop.session.journal_format import (
    ChunkType,
    encode_end,
    encode_gap,
    encode_json,
)
from faceloop_protocol.stream import (
    FLAG_DEGRADED,
    FLAG_ENCRYPTED,
    FLAG_HALF_RATE,
    FLAG_LATE,
)

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
finish, texts = FAKE["finish"], FAKE["texts"]


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


def test_finalise_plain_recording_is_exact(tmp_path: Path, kit: Any) -> None:
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(*(kit.packet(i * 20) for i in range(55))),
        (ChunkType.END, 1100, encode_end(1100)),
    )
    journal = path.read_bytes()
    summary, recording, samples = finish(path)
    np.testing.assert_array_equal(samples, kit.counts(0, 1100))
    assert (summary.frames_recorded, summary.gaps, summary.frames_duplicate) == (1100, [], 0)
    assert summary.is_ended
    assert summary.completeness == 1.0
    assert path.read_bytes() == journal
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".lock",
        "events.jsonl",
        "journal.fllog",
        "recording.bdf",
        "session.json",
    ]
    # 1100 frames are five and a half records.
    assert summary.frames_padding == 100
    assert recording.annotations == (edfio.EdfAnnotation(0.55, 0.05, "padding 100"),)
    for channel, signal in enumerate(recording.signals):
        assert set(signal.digital[1100:]) == {kit.counts(1099, 1)[0, channel]}


def test_finalise_header_says_what_it_should(tmp_path: Path, kit: Any) -> None:
    path = kit.write_journal(tmp_path, kit.packets_chunk(kit.packet(0, 20)), board="virtual")
    summary, recording, _ = finish(path)
    assert recording.reserved == "BDF+C"
    assert recording.is_continuous
    assert recording.data_record_duration == 0.1
    assert recording.labels == (
        "EMG OrbicOculi L",
        "EMG OrbicOculi R",
        "EMG ZygomMajor L",
        "EMG ZygomMajor R",
        "EMG Mentalis L",
        "EMG Mentalis R",
        "EMG Masseter L",
        "EMG Masseter R",
    )
    for signal, name in zip(recording.signals, kit.labels, strict=True):
        assert name in signal.transducer_type
        assert signal.physical_dimension == "uV"
        assert signal.digital_range == (-8388608, 8388607)
        assert signal.physical_range == (-200000, 200000)
        assert signal.sampling_frequency == 2000
        assert signal.prefiltering.startswith("none; sinc3")
    # Local wall clock: an hour and a day after the journal's UTC, to the microsecond.
    assert recording.startdatetime == datetime(2024, 3, 3, 0, 59, 58, 250375)
    assert summary.start_utc == "2024-03-02T23:59:58.250375+00:00"
    assert summary.start_local == "2024-03-03T00:59:58.250375+01:00"
    assert recording.local_patient_identification == "P-07 X X X"
    assert recording.local_recording_identification == (
        "Startdate 03-MAR-2024 X X faceloop_virtual"
    )
    # A count is worth what the board said; only the zero is half a count off.
    microvolts = recording.signals[3].data[:20]
    expected = kit.counts(0, 20)[:, 3] * 0.023841861
    np.testing.assert_allclose(microvolts, expected, atol=0.0121)


def test_finalise_late_duplicate_and_out_of_order_packets_is_exact(
    tmp_path: Path, kit: Any
) -> None:
    frames = [i * 20 for i in range(200)]
    packets = [kit.packet(frame) for frame in frames]
    shuffled = packets[:100] + [
        kit.packet(f, flags=FLAG_LATE) for f in random.Random(3).sample(frames[:100], 30)
    ]
    rest = packets[100:]
    random.Random(4).shuffle(rest)
    path = kit.write_journal(
        tmp_path, *(kit.packets_chunk(p) for p in shuffled), kit.packets_chunk(*rest)
    )
    summary, recording, samples = finish(path)
    np.testing.assert_array_equal(samples, kit.counts(0, 4000))
    assert summary.frames_duplicate == 600
    assert summary.conflicts == []
    assert summary.gaps == []
    assert all(text.startswith("late n=") for text in texts(recording))


@pytest.mark.parametrize("start", [(1 << 31) - 100, (1 << 32) - 100, (1 << 33) + 7])
def test_finalise_index_and_sequence_wrap_is_exact(tmp_path: Path, kit: Any, start: int) -> None:
    frames = [start + i * 20 for i in range(30)]
    packets = [
        kit.packet(f & 0xFFFF_FFFF, seq=65_530 + i, rows=kit.rows(f, 20))
        for i, f in enumerate(frames)
    ]
    late = packets.pop(3)
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(*packets[:20], frame=start),
        kit.packets_chunk(*packets[20:], late, frame=frames[21]),
        first_frame=start,
    )
    summary, _, samples = finish(path)
    np.testing.assert_array_equal(samples, kit.counts(start, 600))
    assert (summary.first_frame, summary.end_frame) == (start, start + 600)
    assert summary.gaps == []


def test_finalise_seq_number_plays_no_part(tmp_path: Path, kit: Any) -> None:
    packets = [kit.packet(i * 20, seq=random.Random(i).randrange(65536)) for i in range(20)]
    _, _, samples = finish(kit.write_journal(tmp_path, kit.packets_chunk(*packets)))
    np.testing.assert_array_equal(samples, kit.counts(0, 400))


def test_finalise_gaps_are_zeros_and_annotations(tmp_path: Path, kit: Any) -> None:
    packets = [kit.packet(i * 20) for i in range(40) if i not in (0, 5, 6, 20)]
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(*packets),
        (ChunkType.GAP, 400, encode_gap(400, 20)),
        (ChunkType.END, 880, encode_end(880)),
        first_frame=0,
    )
    summary, recording, samples = finish(path)
    gaps = [(0, 20), (100, 40), (400, 20), (800, 80)]
    assert summary.gaps == gaps
    assert summary.frames_missing == 160
    expected = kit.counts(0, 880)
    for first, n in gaps:
        expected[first : first + n] = 0
    np.testing.assert_array_equal(samples, expected)
    assert [a for a in recording.annotations if a.text.startswith("gap")] == [
        edfio.EdfAnnotation(first / 2000, n / 2000, f"gap n={n}") for first, n in gaps
    ]


def test_finalise_declared_gap_that_came_after_all_is_no_gap(tmp_path: Path, kit: Any) -> None:
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(kit.packet(0), kit.packet(40)),
        (ChunkType.GAP, 20, encode_gap(20, 20)),
        kit.packets_chunk(kit.packet(20, flags=FLAG_LATE)),
    )
    summary, _, samples = finish(path)
    assert summary.gaps == []
    np.testing.assert_array_equal(samples, kit.counts(0, 60))


def test_finalise_conflicting_duplicate_is_marked_and_the_first_one_kept(
    tmp_path: Path, kit: Any
) -> None:
    other = kit.rows(20, 20)
    other[5:8, 2] += 1
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(kit.packet(0), kit.packet(20), kit.packet(40)),
        kit.packets_chunk(kit.packet(20, flags=FLAG_LATE, rows=other)),
    )
    summary, recording, samples = finish(path)
    np.testing.assert_array_equal(samples, kit.counts(0, 60))
    assert summary.conflicts == [(25, 3)]
    assert edfio.EdfAnnotation(0.0125, 0.0015, "conflict n=3") in recording.annotations


def test_finalise_of_many_conflicts_the_first_recorded_is_always_kept(
    tmp_path: Path, kit: Any
) -> None:
    frames = [i * 20 for i in range(300)]
    others = [kit.packet(frame, rows=kit.rows(frame, 20) + 1) for frame in frames]
    path = kit.write_journal(
        tmp_path, kit.packets_chunk(*map(kit.packet, frames)), kit.packets_chunk(*others)
    )
    summary, _, samples = finish(path)
    np.testing.assert_array_equal(samples, kit.counts(0, 6000))
    assert summary.conflicts == [(frame, 20) for frame in frames]


def test_finalise_overlapping_packets_are_joined(tmp_path: Path, kit: Any) -> None:
    path = kit.write_journal(
        tmp_path, kit.packets_chunk(kit.packet(0, 40), kit.packet(30, 25), kit.packet(10, 5))
    )
    summary, _, samples = finish(path)
    np.testing.assert_array_equal(samples, kit.counts(0, 55))
    assert summary.frames_duplicate == 15
    assert summary.conflicts == []


def test_finalise_half_rate_values_stand_twice_and_are_marked(tmp_path: Path, kit: Any) -> None:
    half = kit.rows(1000, 20)
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(
            kit.packet(0),
            kit.packet(20, flags=FLAG_HALF_RATE | FLAG_DEGRADED, rows=half),
            kit.packet(60, flags=FLAG_HALF_RATE | FLAG_DEGRADED, rows=half),
            kit.packet(100),
        ),
    )
    summary, recording, samples = finish(path)
    expected = kit.counts(0, 120)
    expected[20:60] = np.repeat(half << 4, 2, axis=0)
    expected[60:100] = expected[20:60]
    np.testing.assert_array_equal(samples, expected)
    assert summary.half_rate == [(20, 80)]
    assert edfio.EdfAnnotation(0.01, 0.04, "half rate") in recording.annotations
    assert summary.gaps == []


@pytest.mark.parametrize("shift", range(8))
def test_finalise_every_shift_at_the_ends_of_the_range(
    tmp_path: Path, kit: Any, shift: int
) -> None:
    limit = 1 << (23 - shift)
    rows = np.array([[-limit, limit - 1] * 4, [limit - 1, -limit] * 4, [0, -1] * 4])
    packet = kit.packet(0, 3, shift=shift, rows=rows)
    _, _, samples = finish(kit.write_journal(tmp_path, kit.packets_chunk(packet)))
    np.testing.assert_array_equal(samples, rows << shift)


def test_finalise_frames_before_the_recording_are_left_out(tmp_path: Path, kit: Any) -> None:
    packets = [kit.packet(f, flags=FLAG_LATE) for f in (960, 980)] + [
        kit.packet(f) for f in (990, 1010, 1030)
    ]
    path = kit.write_journal(tmp_path, kit.packets_chunk(*packets, frame=960), first_frame=1000)
    summary, _, samples = finish(path)
    np.testing.assert_array_equal(samples, kit.counts(1000, 50))
    assert summary.packets_outside == 2
    assert summary.gaps == []


def test_finalise_packet_from_nowhere_does_not_fill_the_disk(tmp_path: Path, kit: Any) -> None:
    stray = kit.packet(0x7000_0000)
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(kit.packet(0)),
        kit.packets_chunk(stray, frame=0x7000_0000),
        (ChunkType.END, 0, encode_end(1 << 50)),
        (ChunkType.GAP, 0, encode_gap(1 << 50, 1 << 50)),
    )
    summary, _, samples = finish(path)
    assert (summary.frames_total, summary.packets_outside) == (20, 1)
    np.testing.assert_array_equal(samples, kit.counts(0, 20))


def test_finalise_unreadable_packets_are_gaps_and_are_counted(tmp_path: Path, kit: Any) -> None:
    cut = kit.packet(20)[:-1]
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(
            kit.packet(0), cut, kit.packet(40, flags=FLAG_ENCRYPTED), b"\x99" * 30, kit.packet(60)
        ),
        (ChunkType.EVENT, 0, b"[]"),
        (ChunkType.PACKETS, 0, b"\xff"),
    )
    summary, _, samples = finish(path)
    assert summary.gaps == [(20, 40)]
    assert summary.packets_unreadable == 5
    np.testing.assert_array_equal(samples[60:], kit.counts(60, 20))


def test_finalise_empty_recording_is_one_record_of_padding(tmp_path: Path, kit: Any) -> None:
    summary, recording, samples = finish(kit.write_journal(tmp_path))
    assert (summary.frames_total, summary.completeness) == (0, 1.0)
    assert len(samples) == 0
    assert texts(recording) == ["padding 200"]


def test_finalise_several_blocks_and_windows_is_exact(
    tmp_path: Path, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bdf, "BLOCK_FRAMES", 250)
    monkeypatch.setattr(bdf_check, "WINDOW_RECORDS", 3)
    monkeypatch.setattr(bdf, "WINDOW_RECORDS", 4)
    # Packets of 39 frames never end where a block does.
    packets = [kit.packet(i * 39, 39) for i in range(60)]
    notes = [(ChunkType.EVENT, i * 90, encode_json({"kind": f"n{i}"})) for i in range(26)]
    path = kit.write_journal(tmp_path, kit.packets_chunk(*packets), *notes)
    _, recording, samples = finish(path)
    np.testing.assert_array_equal(samples, kit.counts(0, 2340))
    assert [a for a in recording.annotations if a.text != "padding 60"] == [
        edfio.EdfAnnotation(i * 90 / 2000, None, f"n{i}") for i in range(26)
    ]
