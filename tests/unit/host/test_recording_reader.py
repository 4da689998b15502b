"""Our recordings read again, from file, journal or folder; and the files of others."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from faceloop.errors import SourceError
from faceloop.session.bdf import finalise
from faceloop.session.journal_format import ChunkType, encode_end
from faceloop.session.recorded_signal import RecordedSignal
from faceloop.session.recording_reader import open_recording
from faceloop.session.settings import Settings
from faceloop_protocol.stream import FLAG_LATE

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
SETTINGS = {"rest_s": 7.5, "mains_hz": 50.0}


@pytest.fixture(scope="module")
def kit() -> Any:
    return FAKE["RecordingKit"]()


def write_session(folder: Path, kit: Any, first: int = 0) -> Path:
    """A journal of 2390 frames: a gap, a late range, a loose electrode; return its path."""
    frames = [first + at for at in range(0, 2390, 10)]
    gap = {first + at for at in range(300, 400, 10)}
    late = {first + at for at in range(700, 900, 10)}
    punctual = [
        kit.packet(at, 10, lead_off_n=0x04 * (first + 1000 <= at < first + 1200))
        for at in frames
        if at not in gap | late
    ]
    tardy = [kit.packet(at, 10, flags=FLAG_LATE) for at in sorted(late)]
    return kit.write_journal(
        folder,
        kit.packets_chunk(*punctual, frame=first),
        kit.packets_chunk(*tardy, frame=first),
        (ChunkType.END, first + 2390, encode_end(first + 2390)),
        first_frame=first,
        montage="guarded8",
        affected_side="right",
        extra=SETTINGS,
        lsb_uv=23841861 * 1e-9,
    )


def as_table(signal: RecordedSignal) -> list[tuple[int, int, bool, bool]]:
    return [
        (len(s.counts), s.lead_off, s.is_missing, s.is_late)
        for s in signal.stretches()
        if len(s.counts)
    ]


EXPECTED = [
    (300, 0, False, False),
    (100, 0, True, False),
    (300, 0, False, False),
    (200, 0, False, True),
    (100, 0, False, False),
    (200, 4, False, False),
    (1190, 0, False, False),
]


def check(signal: RecordedSignal, kit: Any, first: int = 0) -> None:
    assert as_table(signal) == EXPECTED
    counts = np.concatenate([stretch.counts.copy() for stretch in signal.stretches()])
    expected = kit.counts(first, 2390)
    expected[300:400] = 0
    np.testing.assert_array_equal(counts, expected)
    assert (signal.fs_hz, signal.n_frames) == (2000.0, 2390)
    # To the last bit: what the board said is what the live session multiplied with.
    assert signal.lsb_uv == 23841861 * 1e-9
    assert signal.is_ours
    assert signal.first_frame == first
    assert signal.settings == Settings("guarded8", "right", 7.5, 50.0)


def test_file_and_journal_and_folder_say_the_same(tmp_path: Path, kit: Any) -> None:
    journal = write_session(tmp_path, kit)
    check(open_recording(journal), kit)
    check(open_recording(tmp_path), kit)
    assert open_recording(tmp_path).labels == kit.labels
    finalise(journal, tmp_path / "recording.bdf")
    check(open_recording(tmp_path / "recording.bdf"), kit)
    assert open_recording(tmp_path).labels[0] == "EMG OrbicOculi L", "the finished file wins"
    check(open_recording(journal), kit)


def test_recording_begun_later_says_so(tmp_path: Path, kit: Any) -> None:
    journal = write_session(tmp_path, kit, first=5000)
    check(open_recording(journal), kit, 5000)
    finalise(journal, tmp_path / "recording.bdf")
    check(open_recording(tmp_path / "recording.bdf"), kit, 5000)


def test_settings_are_only_those_of_the_file_itself(tmp_path: Path, kit: Any) -> None:
    finalise(write_session(tmp_path, kit), tmp_path / "recording.bdf")
    summary_path = tmp_path / "session.json"
    summary = json.loads(summary_path.read_text())
    for changes in (
        {"frames_total": 2391},
        {"header": {**summary["header"], "montage": "unheard of"}},
        {"header": {**summary["header"], "extra": {"rest_s": "long"}}},
        {"header": None},
    ):
        summary_path.write_text(json.dumps({**summary, **changes}))
        assert open_recording(tmp_path).settings is None
    summary_path.unlink()
    assert open_recording(tmp_path).settings is None


def test_late_packet_with_a_loose_electrode_mutes_its_own_frames_only(
    tmp_path: Path, kit: Any
) -> None:
    late = [kit.packet(at, 20, flags=FLAG_LATE, lead_off_p=1) for at in (40, 120)]
    live = [kit.packet(at, 20) for at in range(0, 400, 20) if at not in (40, 120)]
    journal = kit.write_journal(tmp_path, kit.packets_chunk(*live, *late))
    finalise(journal, tmp_path / "recording.bdf")
    assert as_table(open_recording(tmp_path / "recording.bdf")) == [
        (40, 0, False, False),
        (20, 1, False, True),
        (60, 0, False, False),
        (20, 1, False, True),
        (260, 0, False, False),
    ]


def test_unfinished_journal_is_read_with_a_warning(tmp_path: Path, kit: Any) -> None:
    journal = kit.write_journal(
        tmp_path, kit.packets_chunk(*(kit.packet(i * 20) for i in range(9)))
    )
    journal.write_bytes(journal.read_bytes() + b"torn")
    signal = open_recording(journal)
    assert signal.n_frames == 180
    assert [w.split()[0] for w in signal.warnings] == ["The", "4"]


def test_journal_without_samples_is_refused(tmp_path: Path, kit: Any) -> None:
    with pytest.raises(SourceError, match="holds no samples"):
        open_recording(kit.write_journal(tmp_path))


def test_folder_without_a_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        open_recording(tmp_path)


def test_file_of_others_keeps_its_annotations_to_itself(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 20, 4000)
    edfio.Edf(
        [edfio.EdfSignal(noise, 1000, label="EMG", physical_dimension="uV")],
        annotations=[
            edfio.EdfAnnotation(1, 1, "gap n=1000"),
            edfio.EdfAnnotation(2, 2, "padding 9"),
        ],
    ).write(tmp_path / "theirs.edf")
    signal = open_recording(tmp_path / "theirs.edf")
    assert not signal.is_ours
    assert signal.n_frames == 8000
    assert {(s.is_missing, s.is_late, s.lead_off) for s in signal.stretches()} == {
        (False, False, 0xFE)
    }


@pytest.mark.parametrize("n_bytes", [700, 20_000])
def test_our_file_cut_short_is_refused_in_one_sentence(
    tmp_path: Path, kit: Any, n_bytes: int
) -> None:
    finalise(write_session(tmp_path, kit), tmp_path / "recording.bdf")
    whole = (tmp_path / "recording.bdf").read_bytes()
    (tmp_path / "cut.bdf").write_bytes(whole[:n_bytes])
    with pytest.raises(SourceError, match=r"cut off|truncated"):
        open_recording(tmp_path / "cut.bdf")


def test_our_file_with_broken_annotations_is_refused_in_one_sentence(
    tmp_path: Path, kit: Any
) -> None:
    finalise(write_session(tmp_path, kit), tmp_path / "recording.bdf")
    data = bytearray((tmp_path / "recording.bdf").read_bytes())
    at = data.index(b"gap n=100")
    data[at : at + 3] = b"\xff\xfe\xff"
    (tmp_path / "hurt.bdf").write_bytes(data)
    with pytest.raises(SourceError, match=r"cannot be read as BDF .*journal"):
        open_recording(tmp_path / "hurt.bdf")
