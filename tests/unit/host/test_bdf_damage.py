"""Journals that were hurt: every chunk that is whole is used."""

from __future__ import annotations

import random
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.errors import StorageError
from faceloop.session.bdf import finalise
from faceloop.session.journal_format import (
    Chunk,
    ChunkType,
    encode_json,
    scan,
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
