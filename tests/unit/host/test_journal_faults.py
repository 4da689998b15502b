"""A disk that is full or fails at any single call, and a host that is killed at any time."""

from __future__ import annotations

import errno
import functools
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import StorageError
from faceloop.session.bdf import finalise
from faceloop.session.disk import SessionLock
from faceloop.session.journal import Journal
from faceloop.session.journal_format import Chunk, ChunkType, scan, split_packets
from faceloop.session.journal_index import read_index

PATIENCE_S = 20.0
N_PACKETS = 24
FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


@pytest.fixture
def fail_nth_call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    return functools.partial(FAKE["fail_nth_call"], monkeypatch)


def packets_in(path: Path) -> list[bytes]:
    return [
        packet
        for chunk in scan([path.read_bytes()])
        if isinstance(chunk, Chunk) and chunk.type == ChunkType.PACKETS
        for _, packet in split_packets(chunk.payload)
    ]


def record(directory: Path, kit: Any, state: dict[str, int]) -> None:
    """A short recording that waits for the disk three times."""
    journal = Journal.create(directory, kit.header(), min_free_bytes=0, sync_period_s=1000.0)
    try:
        for i in range(N_PACKETS):
            journal.append_packet(kit.packet(i * 20))
            if i % 8 == 7:
                journal.sync(PATIENCE_S)
                state["stored"] = journal.stored
        journal.close(end_frame=N_PACKETS * 20)
    finally:
        try:
            journal.close()
        except StorageError as error:
            assert str(error) == journal.error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", ["write", "fsync"])
def test_disk_fault_at_every_call_is_told_and_keeps_what_is_there(
    tmp_path: Path,
    kit: Any,
    fail_nth_call: Callable[..., list[int]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: int,
) -> None:
    nth = 0
    while True:
        nth += 1
        directory = tmp_path / f"{nth}"
        directory.mkdir()
        state = {"stored": 0}
        count = fail_nth_call(name, nth, code)
        failure = ""
        try:
            record(directory, kit, state)
        except StorageError as error:
            failure = str(error)
        n_calls = count[0]
        monkeypatch.undo()
        if not failure:
            # The writer groups what waits for it, so two recordings differ in their calls.
            assert n_calls < nth, "the fault was injected but not told"
            break
        assert ("full" in failure) == (code == errno.ENOSPC)
        assert ("failed" in failure) == (code == errno.EIO)
        assert n_calls == nth, "something was tried again after a failure"
        with SessionLock(directory):  # let go of
            pass
        path = directory / "journal.fllog"
        if not path.exists():
            assert state["stored"] == 0
            continue
        found = packets_in(path)
        assert found == [kit.packet(i * 20) for i in range(len(found))]
        assert len(found) >= state["stored"]
        summary = finalise(path, directory / "recording.bdf")
        assert summary.frames_recorded == 20 * len(found)
    assert nth > 5


def test_error_is_raised_by_every_later_call(
    tmp_path: Path, kit: Any, fail_nth_call: Callable[..., list[int]]
) -> None:
    journal = Journal.create(tmp_path, kit.header(), min_free_bytes=0)
    count = fail_nth_call("write", 1, errno.ENOSPC)
    journal.append_event({"kind": "note"})
    with pytest.raises(StorageError, match="full"):
        journal.sync(PATIENCE_S)
    for call in (
        lambda: journal.append_packet(kit.packet(0)),
        lambda: journal.append_event({"kind": "note"}),
        lambda: journal.append_gap(0, 1),
        journal.sync,
        lambda: journal.wait_stored(1),
        lambda: journal.close(end_frame=20),
    ):
        with pytest.raises(StorageError, match="full"):
            call()
    assert "full" in journal.error
    assert count[0] == 1


def test_failed_create_leaves_no_half_made_journal(
    tmp_path: Path, kit: Any, fail_nth_call: Callable[..., list[int]]
) -> None:
    fail_nth_call("write", 1, errno.ENOSPC)
    with pytest.raises(StorageError, match="full"):
        Journal.create(tmp_path, kit.header(), min_free_bytes=0)
    Journal.create(tmp_path, kit.header(), min_free_bytes=0).close()


def test_failed_reopen_lets_go_of_the_session(
    tmp_path: Path, kit: Any, fail_nth_call: Callable[..., list[int]]
) -> None:
    Journal.create(tmp_path, kit.header(), min_free_bytes=0).close()
    fail_nth_call("ftruncate", 1, errno.EIO)
    with pytest.raises(StorageError, match="failed"):
        Journal.reopen(tmp_path, kit.header().stream_id)
    Journal.reopen(tmp_path, kit.header().stream_id).close()


def test_disk_that_does_not_answer_is_told(
    tmp_path: Path, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    answers = threading.Event()
    journal = Journal.create(tmp_path, kit.header(), min_free_bytes=0)
    real = os.fsync

    def fsync(fd: int) -> None:
        assert answers.wait(PATIENCE_S)
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    journal.append_packet(kit.packet(0))
    with pytest.raises(StorageError, match="does not answer"):
        journal.sync(timeout_s=0.05)
    answers.set()
    journal.sync(PATIENCE_S)
    journal.close()


WRITER = """
import pathlib, sys, time
from faceloop.session.journal import Journal
from faceloop.session.journal_header import JournalHeader
from faceloop_protocol import rice, stream

header = JournalHeader(labels=("m",) * 8, fs_hz=2000, lsb_uv=0.0238, stream_id=1,
                       start_utc_ns=time.time_ns())
journal = Journal.create(pathlib.Path(sys.argv[1]), header, min_free_bytes=0)
payload = rice.encode([[0] * 8] * 20, 4)
head = bytearray(13)
i = 0
while True:
    stream.pack_header_into(head, 4, i, 20 * i, 0, 0, 0, 20)
    journal.append_packet(bytes(head) + payload)
    i += 1
    print(i, journal.stored, time.monotonic(), flush=True)
    time.sleep(0.01)  # slow enough that time, and not 4 KiB, makes the journal write
"""


@pytest.mark.parametrize("n_lines", [1, 15, 47, 120])
def test_kill_minus_nine_loses_nothing_older_than_250_ms(tmp_path: Path, n_lines: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout:
        lines = [child.stdout.readline() for _ in range(n_lines)]
        killed_s = time.monotonic()
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
        child.wait(PATIENCE_S)
    rows = [line.split() for line in lines if line.endswith("\n")]
    must = max((int(i) for i, _, at_s in rows if float(at_s) < killed_s - 0.25), default=0)
    stored = max(int(row[1]) for row in rows)
    path = tmp_path / "journal.fllog"
    index = read_index(path)
    assert index.n_packets >= max(must, stored)
    assert index.first_frame.tolist() == list(range(0, 20 * index.n_packets, 20))
    assert not index.is_ended
    if n_lines >= 120:
        assert must > 0
    # The dead writer's lock is gone, and the recording can be finished.
    summary = finalise(path, tmp_path / "recording.bdf")
    assert summary.frames_recorded == 20 * index.n_packets
    assert summary.gaps == []
