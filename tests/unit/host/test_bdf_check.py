"""Files are read back before they are trusted: every bit of them counts."""

from __future__ import annotations

import random
import runpy
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import StorageError
from faceloop.session import bdf, bdf_check
from faceloop.session.bdf import finalise
from faceloop.session.journal_format import (
    ChunkType,
    encode_json,
)

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
finish, texts = FAKE["finish"], FAKE["texts"]


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


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
