"""From journal to BDF+: every sample, gap and doubt, and files that must not be trusted."""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import random
import runpy
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceloop.errors import StorageError
from faceloop.session import bdf, bdf_check
from faceloop.session.bdf import Summary, finalise
from faceloop.session.disk import SessionBusy, SessionLock
from faceloop.session.journal_format import (
    Chunk,
    ChunkType,
    encode_end,
    encode_gap,
    encode_json,
    scan,
)
from faceloop.session.journal_index import read_index
from faceloop.session.journal_signal import JournalSignal
from faceloop_protocol.stream import (
    FLAG_DEGRADED,
    FLAG_ENCRYPTED,
    FLAG_HALF_RATE,
    FLAG_LATE,
    FLAG_RESYNC,
)

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


@pytest.fixture
def fail_nth_call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    return functools.partial(FAKE["fail_nth_call"], monkeypatch)


def finish(path: Path) -> tuple[Summary, edfio.Bdf, np.ndarray]:
    """Finalise and return summary, file and its counts without padding, shape (n, 8)."""
    out = path.parent / "recording.bdf"
    summary = finalise(path, out)
    recording = edfio.read_bdf(out)
    counts = np.stack([signal.digital for signal in recording.signals], axis=1)
    assert len(counts) == summary.frames_total + summary.frames_padding
    samples = counts[: summary.frames_total]
    assert summary.samples_sha256 == hashlib.sha256(samples.astype("<i4").tobytes()).hexdigest()
    assert summary.frames_recorded + summary.frames_missing == summary.frames_total
    assert json.loads((path.parent / "session.json").read_text()) == json.loads(
        json.dumps(summary.to_json())
    )
    return summary, recording, samples


def texts(recording: edfio.Bdf) -> list[str]:
    return [entry.text for entry in recording.annotations]


# -- samples ------------------------------------------------------------------------------------


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
    assert texts(recording) == []


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


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 40), st.booleans()), max_size=25),
    st.integers(1, 150),
)
def test_signal_any_packets_and_block_size_equals_the_slow_model(
    tmp_path: Path, kit: Any, history: list[tuple[int, int, bool]], block_frames: int
) -> None:
    packets = []
    expected: dict[int, np.ndarray] = {}
    for first, n, is_half in history:
        rows = kit.rows(first, n)
        packets.append(kit.packet(first, n, rows=rows, flags=FLAG_HALF_RATE if is_half else 0))
    order = sorted(range(len(history)), key=lambda i: history[i][0])
    n_duplicate = 0
    for i in order:
        first, n, is_half = history[i]
        values = kit.counts(first, n)
        values = np.repeat(values, 2, axis=0) if is_half else values
        for at, row in enumerate(values):
            n_duplicate += first + at in expected
            expected.setdefault(first + at, row)
    path = kit.write_journal(tmp_path, kit.packets_chunk(*packets), first_frame=0)
    signal = JournalSignal(read_index(path))
    at = 0
    for begin, block in signal.blocks(block_frames):
        assert begin == at
        for row in block:
            np.testing.assert_array_equal(row, expected.get(at, np.zeros(8)))
            at += 1
    assert at == max(expected, default=-1) + 1
    assert signal.coverage.n_held == len(expected)
    assert signal.coverage.n_duplicate == n_duplicate


# -- events -------------------------------------------------------------------------------------


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
    # A loose electrode that flickers, good in between for less than a second, then for longer.
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


# -- journals that were hurt --------------------------------------------------------------------


@pytest.fixture
def small_journal(tmp_path: Path, kit: Any) -> Path:
    path: Path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(kit.packet(0, 5)),
        (ChunkType.EVENT, 3, encode_json({"kind": "note"})),
        kit.packets_chunk(kit.packet(5, 5)),
        kit.packets_chunk(kit.packet(10, 5)),
    )
    return path


@pytest.fixture
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda fd: None)


def whole_chunks(data: bytes) -> list[Chunk]:
    return [item for item in scan([data]) if isinstance(item, Chunk)]


def test_finalise_cut_at_every_byte_of_the_last_two_chunks(
    small_journal: Path, kit: Any, no_fsync: None
) -> None:
    data = small_journal.read_bytes()
    chunks = whole_chunks(data)
    for n_bytes in range(chunks[-2].offset, len(data)):
        small_journal.write_bytes(data[:n_bytes])
        summary, _, samples = finish(small_journal)
        n_frames = 5 + 5 * (n_bytes >= chunks[-2].end)
        np.testing.assert_array_equal(samples, kit.counts(0, n_frames))
        torn = n_bytes - max(c.end for c in chunks if c.end <= n_bytes)
        assert summary.damage == ([(n_bytes - torn, torn)] if torn else [])
        assert not summary.is_ended
        (small_journal.parent / "recording.bdf").unlink()


def test_finalise_bit_flipped_anywhere_keeps_every_other_chunk(
    small_journal: Path, kit: Any, no_fsync: None
) -> None:
    data = small_journal.read_bytes()
    chunks = whole_chunks(data)
    chooser = random.Random(11)
    for offset in range(0, len(data), 5):
        hurt = bytearray(data)
        hurt[offset] ^= 1 << chooser.randrange(8)
        small_journal.write_bytes(hurt)
        hit = next(c for c in chunks if offset < c.end)
        summary, recording, samples = finish(small_journal)
        lost = {3: range(5), 4: range(5, 10), 5: range(10, 15)}
        # Chunk numbers: two headers, packets, event, packets, packets.
        hit_frames = {2: lost[3], 4: lost[4], 5: lost[5]}.get(hit.sequence, range(0))
        end = 10 if hit.sequence == 5 else 15
        first = 5 if hit.sequence == 2 else 0
        expected = kit.counts(0, 15)
        expected[list(hit_frames)] = 0
        np.testing.assert_array_equal(samples, expected[first:end])
        assert ("note" in texts(recording)) == (hit.sequence != 3)
        assert summary.damage == [(hit.offset, hit.end - hit.offset)]
        (small_journal.parent / "recording.bdf").unlink()


def test_finalise_without_any_header_is_refused(small_journal: Path) -> None:
    data = bytearray(small_journal.read_bytes())
    for chunk in whole_chunks(bytes(data))[:2]:
        data[chunk.offset + 35] ^= 1
    small_journal.write_bytes(data)
    with pytest.raises(StorageError, match="header"):
        finalise(small_journal, small_journal.parent / "recording.bdf")
    assert small_journal.read_bytes() == data


# -- files that must not be trusted -------------------------------------------------------------


def test_finalise_never_overwrites(small_journal: Path) -> None:
    out = small_journal.parent / "recording.bdf"
    out.write_bytes(b"mine")
    with pytest.raises(StorageError, match="never overwritten"):
        finalise(small_journal, out)
    assert out.read_bytes() == b"mine"


def test_finalise_while_recording_is_refused(small_journal: Path) -> None:
    with SessionLock(small_journal.parent), pytest.raises(SessionBusy):
        finalise(small_journal, small_journal.parent / "recording.bdf")


def test_finalise_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        finalise(tmp_path / "journal.fllog", tmp_path / "recording.bdf")
    assert list(tmp_path.iterdir()) == []


def test_finalise_replaces_what_a_dead_finaliser_left(small_journal: Path) -> None:
    (small_journal.parent / "recording.bdf.part").write_bytes(b"x" * 100_000)
    finish(small_journal)
    assert not (small_journal.parent / "recording.bdf.part").exists()


@pytest.mark.parametrize("where", ["sample", "annotation", "header", "tail", "more"])
def test_finalise_temp_file_that_changed_on_disk_is_caught(
    small_journal: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    real = bdf._write

    def write(temp: Path, *arguments: Any) -> None:
        real(temp, *arguments)
        data = bytearray(temp.read_bytes())
        if where == "sample":
            data[256 * 10 + 7] ^= 1
        elif where == "annotation":
            at = data.index(b"note\x14")
            data[at] ^= 1
        elif where == "header":
            data[256 + 3] ^= 1
        elif where == "tail":
            del data[-1:]
        else:
            data += b"\0"
        temp.write_bytes(data)

    monkeypatch.setattr(bdf, "_write", write)
    with pytest.raises(StorageError, match="read back"):
        finalise(small_journal, small_journal.parent / "recording.bdf")
    assert sorted(p.name for p in small_journal.parent.iterdir()) == [".lock", "journal.fllog"]
    monkeypatch.undo()
    finish(small_journal)


def test_check_every_bit_of_a_record_counts(
    small_journal: Path, monkeypatch: pytest.MonkeyPatch, no_fsync: None
) -> None:
    caught: list[Any] = []
    monkeypatch.setattr(bdf, "check_bdf", lambda *a, **k: caught.append((a[1:], k)))
    out = small_journal.parent / "recording.bdf"
    finalise(small_journal, out)
    (arguments, options) = caught[0]
    bdf_check.check_bdf(out, *arguments, **options)
    data = out.read_bytes()
    chooser = random.Random(5)
    used = [256 * 10 + c * 600 + i for c in range(8) for i in range(15 * 3)]
    for at in chooser.sample(used, 60):
        hurt = bytearray(data)
        hurt[at] ^= 1 << chooser.randrange(8)
        out.write_bytes(hurt)
        with pytest.raises(StorageError, match="samples"):
            bdf_check.check_bdf(out, *arguments, **options)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", ["write", "fsync"])
def test_finalise_disk_fault_at_every_call_leaves_the_journal_and_no_half_file(
    small_journal: Path,
    kit: Any,
    monkeypatch: pytest.MonkeyPatch,
    fail_nth_call: Callable[..., list[int]],
    name: str,
    code: int,
) -> None:
    data = small_journal.read_bytes()
    out = small_journal.parent / "recording.bdf"
    for nth in range(1, 50):
        count = fail_nth_call(name, nth, code)
        try:
            finalise(small_journal, out)
            failure = ""
        except StorageError as error:
            failure = str(error)
        n_calls = count[0]
        monkeypatch.undo()
        assert small_journal.read_bytes() == data
        assert not list(small_journal.parent.glob("*.part"))
        if not failure:
            assert n_calls == nth - 1
            break
        assert ("full" in failure) == (code == errno.ENOSPC)
        if out.exists():  # only the very last flush, of the folder, may come after the name
            assert name == "fsync"
            out.unlink()
    assert nth > 3
    np.testing.assert_array_equal(
        np.stack([s.digital for s in edfio.read_bdf(out).signals], axis=1)[:15], kit.counts(0, 15)
    )


def test_finalise_on_a_full_disk_is_refused_before_it_starts(
    small_journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = small_journal.parent / "recording.bdf.part"
    part.write_bytes(b"of a finaliser that was killed; it counts as free")
    asked = []

    def free_bytes(directory: Path) -> int:
        asked.append((directory, part.exists()))
        return 1000

    monkeypatch.setattr(bdf, "free_bytes", free_bytes)
    with pytest.raises(StorageError, match="needs 10 MB"):
        finalise(small_journal, small_journal.parent / "recording.bdf")
    assert asked == [(small_journal.parent, False)]


def test_finalise_reports_progress_and_can_be_given_up(small_journal: Path) -> None:
    calls: list[tuple[int, int]] = []
    out = small_journal.parent / "recording.bdf"

    def give_up(done: int, total: int) -> None:
        calls.append((done, total))
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finalise(small_journal, out, give_up)
    assert sorted(p.name for p in out.parent.iterdir()) == [".lock", "journal.fllog"]
    calls.clear()
    finalise(small_journal, out, lambda done, total: calls.append((done, total)))
    # decoded, written, read back; and finished
    assert calls == [(0, 45), (15, 45), (30, 45), (45, 45), (45, 45)]


def test_finalise_file_is_on_the_disk_before_it_has_its_name(
    small_journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = small_journal.parent / "recording.bdf"
    synced = {}

    def fsync(fd: int) -> None:
        status = os.fstat(fd)
        synced[status.st_ino] = (status.st_size, out.exists())

    monkeypatch.setattr("os.fsync", fsync)
    finalise(small_journal, out)
    assert synced[out.stat().st_ino] == (out.stat().st_size, False)
    assert synced[out.parent.stat().st_ino][1]


def test_finalise_several_blocks_and_windows_is_exact(
    tmp_path: Path, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bdf, "BLOCK_FRAMES", 250)
    monkeypatch.setattr(bdf_check, "_WINDOW_RECORDS", 3)
    # Packets of 39 frames never end where a block does.
    packets = [kit.packet(i * 39, 39) for i in range(60)]
    notes = [(ChunkType.EVENT, i * 90, encode_json({"kind": f"n{i}"})) for i in range(26)]
    path = kit.write_journal(tmp_path, kit.packets_chunk(*packets), *notes)
    _, recording, samples = finish(path)
    np.testing.assert_array_equal(samples, kit.counts(0, 2340))
    assert [a for a in recording.annotations if a.text != "padding 60"] == [
        edfio.EdfAnnotation(i * 90 / 2000, None, f"n{i}") for i in range(26)
    ]
