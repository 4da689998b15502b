"""Finishing a recording on a bad day: full disks, other hands, kill signals."""

from __future__ import annotations

import errno
import functools
import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from faceloop.errors import StorageError
from faceloop.session import bdf
from faceloop.session.bdf import finalise
from faceloop.session.disk import SessionBusy, SessionLock
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
def fail_nth_call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    return functools.partial(FAKE["fail_nth_call"], monkeypatch)


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
