"""The BDF+ file itself: read by the letter of its specification; disks that fail under edfio."""

from __future__ import annotations

import math
import os
import runpy
from decimal import Decimal
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faceloop.errors import StorageError
from faceloop.session import bdf, bdf_file
from faceloop.session.bdf import finalise
from faceloop.session.bdf_annotations import Annotation, clean_text, pack_annotations
from faceloop.session.bdf_file import short_label
from faceloop.session.bdf_scratch import Scratch
from faceloop.session.journal_format import ChunkType, encode_end, encode_json

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
Entry = tuple[Decimal, Decimal | None, str]


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


def read_by_the_letter(data: bytes) -> tuple[dict[str, list[str]], np.ndarray, list[list[Entry]]]:
    """Read a file without edfio: header columns, samples (8, n), annotations of each record.

    https://www.edfplus.info/specs/edf.html and edfplus.html 2.2.
    """
    assert data[:8] == b"\xffBIOSEMI"
    widths = {"patient": 80, "recording": 80, "date": 8, "time": 8, "n_bytes": 8, "reserved": 44}
    widths |= {"n_records": 8, "record_s": 8, "n_signals": 4}
    columns = {"label": 16, "transducer": 80, "dimension": 8, "physical_min": 8}
    columns |= {"physical_max": 8, "digital_min": 8, "digital_max": 8, "prefiltering": 80}
    columns |= {"n_samples": 8, "signal_reserved": 32}
    at = 8
    fields: dict[str, list[str]] = {}
    for name, width in (widths | columns).items():
        n = int(fields["n_signals"][0]) if name in columns else 1
        cells = [data[at + i * width : at + (i + 1) * width].decode("ascii") for i in range(n)]
        fields[name] = [cell.rstrip(" ") for cell in cells]
        at += n * width
    assert at == int(fields["n_bytes"][0])
    n_records = int(fields["n_records"][0])
    lengths = [3 * int(n) for n in fields["n_samples"]]
    assert len(data) == at + n_records * sum(lengths)
    samples: list[list[int]] = [[] for _ in lengths[:-1]]
    notes: list[list[Entry]] = []
    for _ in range(n_records):
        for channel, length in enumerate(lengths):
            piece = data[at : at + length]
            at += length
            if channel == len(lengths) - 1:
                notes.append(parse_annotations(piece))
            else:
                samples[channel] += (
                    int.from_bytes(piece[i : i + 3], "little", signed=True)
                    for i in range(0, length, 3)
                )
    return fields, np.array(samples), notes


def parse_annotations(piece: bytes) -> list[Entry]:
    entries = []
    for item in piece.rstrip(b"\0").split(b"\0"):
        times, text, rest = item.split(b"\x14")
        assert times[:1] == b"+"
        assert rest == b""
        onset, _, duration = times.decode("ascii").partition("\x15")
        entries.append((Decimal(onset), Decimal(duration) if duration else None, text.decode()))
    return entries


@pytest.fixture
def journal(tmp_path: Path, kit: Any) -> Path:
    """2.45 s from 250.375 ms past a second, with notes at awkward times and a gap."""
    packets = [kit.packet(i * 20) for i in range(245) if i != 100]
    notes = [(ChunkType.EVENT, i * 97, encode_json({"kind": f"n{i}"})) for i in range(50)]
    path: Path = kit.write_journal(tmp_path, kit.packets_chunk(*packets), *notes)
    return path


# -- by the letter --------------------------------------------------------------------------------


def test_edf_plus_2_2_4_file_is_exact_without_edfio(journal: Path, kit: Any) -> None:
    out = journal.parent / "recording.bdf"
    finalise(journal, out)
    fields, samples, notes = read_by_the_letter(out.read_bytes())
    expected = kit.counts(0, 4900)
    expected[2000:2020] = 0
    np.testing.assert_array_equal(samples[:, :4900].T, expected)
    np.testing.assert_array_equal(samples[:, 4900:].T, np.repeat(expected[-1:], 100, axis=0))
    assert fields["reserved"] == ["BDF+C"]
    assert (fields["date"], fields["time"]) == (["03.03.24"], ["00.59.58"])
    assert (fields["n_records"], fields["record_s"]) == (["25"], ["0.1"])
    assert fields["n_samples"][:8] == ["200"] * 8
    assert fields["label"][8] == "BDF Annotations"
    assert set(fields["physical_min"][:8]) == {"-200000"}
    assert set(fields["physical_max"][:8]) == {"200000"}
    assert set(fields["digital_min"]) == {"-8388608"}
    assert set(fields["digital_max"]) == {"8388607"}
    # 2.2.4: each record begins with its own time, without a text. No digit of it may be wrong:
    # EDFlib reads the first seven decimals and refuses a file with a record 100 ns out of step.
    start = Decimal("0.250375")
    assert [record[0] for record in notes] == [
        (start + Decimal(i) / 10, None, "") for i in range(25)
    ]
    found = sorted(entry for record in notes for entry in record[1:])
    assert found == sorted(
        [(start + Decimal(i * 97) / 2000, None, f"n{i}") for i in range(50)]
        + [
            (start + 1, Decimal("0.01"), "gap n=20"),
            (start + Decimal("2.45"), Decimal("0.05"), "padding 100"),
        ]
    )


@pytest.mark.parametrize("microseconds", [0, 1, 250_375, 500_000, 999_999])
def test_finalise_start_off_the_second_keeps_the_file_continuous(
    tmp_path: Path, kit: Any, microseconds: int
) -> None:
    path = kit.write_journal(
        tmp_path,
        kit.packets_chunk(*(kit.packet(i * 20) for i in range(300))),
        start_utc_ns=1_709_423_998_000_000_000 + microseconds * 1000,
    )
    finalise(path, tmp_path / "recording.bdf")
    recording = edfio.read_bdf(tmp_path / "recording.bdf")
    assert recording.is_continuous
    assert recording.starttime.microsecond == microseconds


def test_finalise_burst_of_events_does_not_inflate_every_record(tmp_path: Path, kit: Any) -> None:
    note = encode_json({"kind": "note", "text": "x" * 200})
    path = kit.write_journal(
        tmp_path,
        *(kit.packets_chunk(kit.packet(i * 20)) for i in range(1000)),
        *((ChunkType.EVENT, 5, note) for _ in range(300)),
    )
    finalise(path, tmp_path / "recording.bdf")
    # 300 notes of 220 bytes in 100 records of 4800; in the first record alone it were 7 MB more.
    assert (tmp_path / "recording.bdf").stat().st_size < 100 * 4800 + 2560 + 300 * 220 * 2


def test_finalise_board_with_an_odd_name_is_written(tmp_path: Path, kit: Any) -> None:
    path = kit.write_journal(
        tmp_path, kit.packets_chunk(kit.packet(0)), board="Größe 2\n " + "x" * 80
    )
    finalise(path, tmp_path / "recording.bdf")
    equipment = edfio.read_bdf(tmp_path / "recording.bdf").recording.equipment_code
    assert equipment == "faceloop_Gr__e_2__" + "x" * 14


# -- pieces ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 50, 3000])
def test_pack_annotations_loses_none_however_many(n: int) -> None:
    marks = [Annotation(i % 7 * 1000, 500 if i % 2 else None, f"mark {i}") for i in range(n)]
    blocks, n_bytes = pack_annotations(marks, 5, 250_375)
    assert len(blocks) == 5
    assert n_bytes % 12 == 0
    assert max(map(len, blocks)) <= n_bytes < max(map(len, blocks)) + 12
    text = b"".join(blocks)
    assert all(f"\x14mark {i}\x14\x00".encode() in text for i in range(n))
    for i, block in enumerate(blocks):
        keeper = b"+%d.%06d" % divmod(i * 100_000 + 250_375, 1_000_000)
        assert block.startswith(keeper.rstrip(b"0") + b"\x14\x14\x00")


@given(st.text(max_size=400))
def test_clean_text_fits_and_cannot_end_an_annotation(text: str) -> None:
    cleaned = clean_text(text)
    assert len(cleaned.encode()) <= 240
    assert cleaned.isprintable()
    assert clean_text(cleaned) == cleaned


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("zygomaticus_major_l", "EMG ZygomMajor L"),
        ("depressor_anguli_oris_right", "EMG DepAngOri R"),
        ("levator_labii_superioris_l", "EMG LevLabSup L"),
        ("orbicularis_oris_superior", "EMG OrbiOrisSupe"),
        ("frontalis_r", "EMG Frontalis R"),
        ("l", "EMG L"),
        ("", "EMG ?"),
        ("ñ_l", "EMG L"),
        ("_".join("abcdefghijklmnopqr") + "_l", "EMG ABCDEFGHIJ L"),
    ],
)
def test_short_label_is_clear_and_fits(name: str, label: str) -> None:
    assert short_label(name) == label
    assert len(label) <= 16


@given(st.floats(1e-6, 0.9999999))
@example(2.4 / 12 / 8388607 * 1e6)  # the boards we have
@example(2.4 / 1 / 8388607 * 1e6)  # gain 1, the widest range
@example(1.4e-4)  # 1174.4 uV: as such edfio makes -1174.41 of it
def test_physical_range_is_kept_by_edfio_and_near(lsb_uv: float) -> None:
    limit_uv = bdf_file._physical_limit_uv(lsb_uv)
    signal = edfio.BdfSignal.from_digital(
        np.zeros(1, np.int32), 10, physical_range=(-limit_uv, limit_uv)
    )
    assert signal.physical_range == (-limit_uv, limit_uv)
    # Half of the last step there is room for: 1 uV from 100 mV on, else 2 ** -decimals.
    decimals = max(6 - len(str(int(8388607 * lsb_uv))), 0)
    assert math.isclose(limit_uv, 8388607 * lsb_uv, abs_tol=0.5000001 / (1 << decimals))


def test_physical_range_of_our_boards_is_off_by_less_than_a_millionth() -> None:
    for gain in (1, 2, 3, 4, 6, 8, 12):
        lsb_uv = 2.4e6 / gain / 8388607
        assert math.isclose(bdf_file._physical_limit_uv(lsb_uv), 2.4e6 / gain, rel_tol=1e-6)


@pytest.mark.parametrize("window_frames", [1, 50, 60, 110, 200])
def test_scratch_gives_back_any_pieces_and_leaves_nothing(
    tmp_path: Path, kit: Any, window_frames: int
) -> None:
    with Scratch(tmp_path, 110) as scratch:
        for first, n in ((0, 1), (1, 60), (61, 39)):
            scratch.append(kit.counts(first, n))
        scratch.fill_up()
        windows = list(scratch.windows(window_frames))
        assert {len(window) for window in windows[:-1]} <= {window_frames}
        counts = np.concatenate(windows)
        np.testing.assert_array_equal(counts[:100], kit.counts(0, 100))
        np.testing.assert_array_equal(counts[100:], np.repeat(kit.counts(99, 1), 10, axis=0))
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_file_is_the_same_however_few_records_edfio_is_given_at_once(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = journal.parent / "recording.bdf"
    finalise(journal, out)
    whole = out.read_bytes()
    for window_records in (1, 3, 7):
        out.unlink()
        monkeypatch.setattr(bdf, "WINDOW_RECORDS", window_records)
        finalise(journal, out)
        assert out.read_bytes() == whole


# -- writes that fail -----------------------------------------------------------------------------


def expect_failure(journal: Path, match: str) -> None:
    """Finalise fails as it should, once; then the same journal can be finished."""
    data = journal.read_bytes()
    with pytest.raises(StorageError, match=match):
        finalise(journal, journal.parent / "recording.bdf")
    assert sorted(p.name for p in journal.parent.iterdir()) == [".lock", "journal.fllog"]
    assert journal.read_bytes() == data


# Within the header, at its end, within a record, before the last bytes.
@pytest.mark.parametrize("limit_bytes", [0, 1000, 2560, 2561, 50_000, 123_000, 123_400])
def test_finalise_file_cut_short_by_the_system_is_noticed(
    journal: Path, monkeypatch: pytest.MonkeyPatch, limit_bytes: int
) -> None:
    resource = pytest.importorskip("resource")  # a limit on files is nothing Windows has
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    real = bdf.write_bdf

    def write_bdf(*arguments: Any) -> None:
        *first, windows, blocks = arguments
        windows = list(windows)  # from a file that the limit must not touch
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, old[1]))
        try:
            real(*first, windows, blocks)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)

    monkeypatch.setattr(bdf, "write_bdf", write_bdf)
    expect_failure(journal, "recording.bdf")
    monkeypatch.undo()
    finalise(journal, journal.parent / "recording.bdf")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk always full")
def test_finalise_disk_that_fills_up_is_called_full(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = os.open

    def open_full(path: Any, flags: int, mode: int = 0o777) -> int:
        is_file = str(path).endswith("recording.bdf.part")
        return real_open("/dev/full" if is_file else path, flags, mode)

    monkeypatch.setattr(os, "open", open_full)
    expect_failure(journal, "disk is full")


@pytest.mark.parametrize(
    ("failure", "match"),
    [
        (MemoryError(), "memory is too small .* The journal is kept"),
        (ValueError("too odd"), "does not fit a BDF\\+ file .too odd."),
        (OSError(5, "I/O error"), "disk failed"),
    ],
)
def test_finalise_edfio_that_gives_up_is_explained(
    journal: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, match: str
) -> None:
    def write(recording: edfio.Bdf, target: Any) -> None:
        raise failure

    monkeypatch.setattr(edfio.Bdf, "write", write)
    expect_failure(journal, match)


def test_finalise_disk_that_fills_up_before_edfio_writes_is_refused(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [10**9, 1000]
    monkeypatch.setattr(bdf, "free_bytes", lambda directory: free.pop(0))
    expect_failure(journal, "needs 10 MB")


def test_finalise_asks_for_the_room_of_samples_and_file_together(
    tmp_path: Path, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kit.write_journal(
        tmp_path, kit.packets_chunk(kit.packet(0)), (ChunkType.END, 40_000, encode_end(40_000))
    )
    # 40,000 frames of 8 channels, 4 bytes for edfio and 3 in the file, and 10 MB to spare.
    monkeypatch.setattr(bdf, "free_bytes", lambda directory: 12_239_999)
    with pytest.raises(StorageError, match=r"needs 12 MB"):
        finalise(path, tmp_path / "recording.bdf")
    monkeypatch.setattr(bdf, "free_bytes", lambda directory: 12_240_000)
    assert finalise(path, tmp_path / "recording.bdf").frames_total == 40_000
