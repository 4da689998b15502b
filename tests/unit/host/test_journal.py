"""The journal while it is written: order, promises about the disk, refusals, going on."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import StorageError, UsageError
from faceloop.session import background_writer, journal_format
from faceloop.session.disk import SessionBusy
from faceloop.session.journal import Journal
from faceloop.session.journal_format import Chunk, ChunkType, Damage, scan
from faceloop.session.journal_index import read_index
from faceloop_protocol.state import STATE_BYTES
from faceloop_protocol.stream import FLAG_ENCRYPTED, FLAG_LATE

PATIENCE_S = 20.0
FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


@pytest.fixture
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests about content: the disk's speed is not their subject."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)


@pytest.fixture
def begin(tmp_path: Path, kit: Any) -> Callable[..., Journal]:
    def create(**options: Any) -> Journal:
        return Journal.create(tmp_path, kit.header(), **{"min_free_bytes": 0, **options})

    return create


def chunks_in(directory: Path) -> list[Chunk]:
    items = list(scan([(directory / "journal.fllog").read_bytes()]))
    assert not [item for item in items if isinstance(item, Damage)]
    return [item for item in items if isinstance(item, Chunk)]


def packets_in(directory: Path) -> list[bytes]:
    return [
        packet
        for chunk in scan([(directory / "journal.fllog").read_bytes()])
        if isinstance(chunk, Chunk) and chunk.type == ChunkType.PACKETS
        for _, packet in journal_format.split_packets(chunk.payload)
    ]


# -- content ------------------------------------------------------------------------------------


def test_journal_entries_come_back_in_order(
    tmp_path: Path, kit: Any, begin: Callable[..., Journal], no_fsync: None
) -> None:
    journal = begin(now_utc_ns=lambda: 42)
    packets = [kit.packet(i * 20) for i in range(60)]
    tickets = [journal.append_packet(packet) for packet in packets[:50]]
    tickets.append(journal.append_event({"kind": "note", "text": "smile"}, frame=990))
    tickets.append(journal.append_state(bytes(STATE_BYTES)))
    tickets.append(journal.append_gap(1000, 40))
    tickets += [journal.append_packet(packet) for packet in packets[52:]]
    assert tickets == list(range(1, 62))
    journal.close(end_frame=1200)
    chunks = chunks_in(tmp_path)
    assert [c.sequence for c in chunks] == list(range(len(chunks)))
    kinds = [c.type for c in chunks]
    assert kinds[:2] == [ChunkType.HEADER] * 2
    assert kinds[-2:] == [ChunkType.HEADER, ChunkType.END]
    middle = [c for c in chunks if c.type not in (ChunkType.PACKETS, ChunkType.HEADER)]
    assert [(c.type, c.frame) for c in middle] == [
        (ChunkType.EVENT, 990),
        (ChunkType.STATE, 0),
        (ChunkType.GAP, 1000),
        (ChunkType.END, 1200),
    ]
    assert packets_in(tmp_path) == packets[:50] + packets[52:]
    assert {c.host_time_ns for c in chunks[2:]} == {42}
    assert all(len(c.payload) <= 4096 for c in chunks)


def test_journal_file_is_private_and_never_overwritten(
    tmp_path: Path, begin: Callable[..., Journal]
) -> None:
    begin().close(end_frame=0)
    path = tmp_path / "journal.fllog"
    before = path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(StorageError, match="never overwritten"):
        begin()
    assert path.read_bytes() == before


def test_journal_frames_are_extended_across_the_wrap(
    tmp_path: Path, kit: Any, no_fsync: None
) -> None:
    start = (1 << 32) - 40
    header = kit.header(first_frame=start)
    with Journal.create(tmp_path, header, min_free_bytes=0) as journal:
        for frame in (start, start + 20, start + 40, start + 20):
            journal.append_packet(kit.packet(frame & 0xFFFF_FFFF))
            journal.append_event({"kind": "cut"})  # closes the chunk
    frames = [c.frame for c in chunks_in(tmp_path) if c.type == ChunkType.PACKETS]
    assert frames == [start, start + 20, start + 40, start + 20]


def test_journal_header_is_repeated_every_mib(
    tmp_path: Path, kit: Any, begin: Callable[..., Journal], no_fsync: None
) -> None:
    packet = kit.packet(0)
    with begin() as journal:
        for _ in range(2_300_000 // len(packet)):
            journal.append_packet(packet)
    offsets = [c.offset for c in chunks_in(tmp_path) if c.type == ChunkType.HEADER]
    assert len(offsets) == 4
    assert 1_000_000 < offsets[2] < 1_200_000
    # A bad sector over both copies at the start costs nothing but them.
    path = tmp_path / "journal.fllog"
    data = bytearray(path.read_bytes())
    data[:4096] = bytes(4096)
    path.write_bytes(data)
    assert read_index(path).header == kit.header()


@pytest.mark.parametrize("packet", [b"", b"\x11" * 13, bytes(50), b"\x11" * 300])
def test_append_packet_rubbish_is_refused(begin: Callable[..., Journal], packet: bytes) -> None:
    with begin() as journal:
        with pytest.raises(UsageError):
            journal.append_packet(packet)
        assert journal.appended == 0


def test_append_packet_encrypted_is_refused(kit: Any, begin: Callable[..., Journal]) -> None:
    with begin() as journal, pytest.raises(UsageError, match="decrypt"):
        journal.append_packet(kit.packet(0, flags=FLAG_ENCRYPTED))


@pytest.mark.parametrize(
    ("event", "frame"),
    [
        ({}, 0),
        ({"kind": ""}, 0),
        ({"kind": 3}, 0),
        ({"kind": "a", "x": object()}, 0),
        ({"kind": "a", "x": "y" * 70_000}, 0),
        ({"kind": "a"}, -2),
        ({"kind": "a"}, 1 << 63),
    ],
)
def test_append_event_that_cannot_be_read_back_is_refused(
    begin: Callable[..., Journal], event: dict[str, Any], frame: int
) -> None:
    with begin() as journal, pytest.raises(UsageError):
        journal.append_event(event, frame)


def test_append_state_or_gap_of_wrong_shape_is_refused(begin: Callable[..., Journal]) -> None:
    with begin() as journal:
        for call in (
            lambda: journal.append_state(b"short"),
            lambda: journal.append_gap(-1, 5),
            lambda: journal.append_gap(0, 0),
            lambda: journal.append_gap(0, 1 << 63),
        ):
            with pytest.raises(UsageError):
                call()


def test_append_after_close_is_refused(kit: Any, begin: Callable[..., Journal]) -> None:
    journal = begin()
    journal.close()
    journal.close()
    with pytest.raises(UsageError, match="closed"):
        journal.append_packet(kit.packet(0))
    with pytest.raises(UsageError, match="closed"):
        journal.sync()


# -- promises -----------------------------------------------------------------------------------


class Gate:
    """Stands in for ``os.fsync`` and lets it return only when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.is_open.set()
        real = os.fsync

        def fsync(fd: int) -> None:
            self.entered.release()
            assert self.is_open.wait(PATIENCE_S)
            real(fd)

        monkeypatch.setattr(os, "fsync", fsync)

    def wait_entered(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE_S)


class WriteWatch:
    """Counts the bytes that ``os.write`` has taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at_most: int = 1 << 30) -> None:
        self.changed = threading.Condition()
        self.n_bytes = 0
        real = os.write

        def write(fd: int, data: Any) -> int:
            n = real(fd, memoryview(data)[:at_most])
            with self.changed:
                self.n_bytes += n
                self.changed.notify_all()
            return n

        monkeypatch.setattr(os, "write", write)

    def wait_more_than(self, n_bytes: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.n_bytes > n_bytes, PATIENCE_S)


def test_stored_follows_fsync_and_not_write(
    kit: Any, begin: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    watch = WriteWatch(monkeypatch)
    journal = begin(sync_period_s=0.01)
    gate.is_open.clear()
    while gate.entered.acquire(blocking=False):
        pass
    first = journal.append_packet(kit.packet(0))
    gate.wait_entered()  # the disk is busy with the first packet ...
    before = watch.n_bytes
    second = journal.append_packet(kit.packet(20))
    watch.wait_more_than(before)  # ... while the second is written all the same
    assert (journal.stored, journal.appended) == (0, 2)
    gate.is_open.set()
    journal.wait_stored(first, PATIENCE_S)
    journal.wait_stored(second, PATIENCE_S)
    assert journal.stored == 2
    journal.close()


def test_stored_does_not_cover_what_was_appended_during_fsync(
    kit: Any, begin: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    journal = begin(sync_period_s=1000.0)
    while gate.entered.acquire(blocking=False):
        pass
    gate.is_open.clear()
    marker = journal.append_event({"kind": "note"})
    gate.wait_entered()
    journal.append_packet(kit.packet(0))
    gate.is_open.set()
    journal.wait_stored(marker, PATIENCE_S)
    assert journal.stored == marker
    journal.close()
    assert journal.stored == marker + 1


def test_packet_alone_is_written_without_another_one_coming(
    kit: Any, begin: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = WriteWatch(monkeypatch)
    journal = begin(sync_period_s=1000.0)
    before = watch.n_bytes
    journal.append_packet(kit.packet(0))
    watch.wait_more_than(before)
    assert journal.stored == 0
    journal.close()


def test_periods_are_those_that_were_promised() -> None:
    assert background_writer.WRITE_PERIOD_S <= 0.25
    assert background_writer.SYNC_PERIOD_S <= 2.0


@pytest.mark.parametrize("what", ["event", "gap"])
def test_marker_is_flushed_without_waiting_for_the_period(
    begin: Callable[..., Journal], what: str
) -> None:
    with begin(sync_period_s=1000.0) as journal:
        if what == "event":
            ticket = journal.append_event({"kind": "synkinesis"}, 5)
        else:
            ticket = journal.append_gap(0, 20)
        journal.wait_stored(ticket, PATIENCE_S)


def test_packets_are_flushed_by_the_period_alone(kit: Any, begin: Callable[..., Journal]) -> None:
    with begin(sync_period_s=0.05) as journal:
        journal.wait_stored(journal.append_packet(kit.packet(0)), PATIENCE_S)


def test_power_cut_after_any_fsync_keeps_all_that_was_called_stored(
    tmp_path: Path, kit: Any, begin: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    real = os.fsync

    def fsync(fd: int) -> None:
        sizes.append(os.fstat(fd).st_size)  # a power cut keeps at least this much
        real(fd)

    journal = begin(sync_period_s=0.002, write_period_s=0.001)
    monkeypatch.setattr(os, "fsync", fsync)
    claims = []
    for i in range(300):
        journal.append_packet(kit.packet(i * 20))
        if i % 30 == 29:
            journal.sync(PATIENCE_S)
        claims.append((journal.stored, sizes[-1] if sizes else 0))
    journal.close()
    data = (tmp_path / "journal.fllog").read_bytes()
    for stored, n_bytes in claims:
        (tmp_path / "journal.fllog").write_bytes(data[:n_bytes])
        assert len(packets_in(tmp_path)) >= stored
    assert claims[-1][0] == 300


def test_short_writes_lose_nothing(
    tmp_path: Path, kit: Any, begin: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    WriteWatch(monkeypatch, at_most=7)
    packets = [kit.packet(i * 20) for i in range(20)]
    with begin() as journal:
        for packet in packets:
            journal.append_packet(packet)
    assert packets_in(tmp_path) == packets
    chunks_in(tmp_path)


# -- two writers --------------------------------------------------------------------------------


def test_second_writer_in_this_process_is_refused(
    tmp_path: Path, kit: Any, begin: Callable[..., Journal]
) -> None:
    with begin():
        with pytest.raises(SessionBusy):
            begin()
        with pytest.raises(SessionBusy):
            Journal.reopen(tmp_path, kit.header().stream_id)
    Journal.reopen(tmp_path, kit.header().stream_id).close()


def test_second_writer_in_another_process_is_refused(
    tmp_path: Path, begin: Callable[..., Journal]
) -> None:
    script = (
        "import sys, pathlib\n"
        "from faceloop.session.journal import Journal\n"
        "from faceloop.session.disk import SessionBusy\n"
        "try:\n"
        "    Journal.reopen(pathlib.Path(sys.argv[1]), 0x12345678).close()\n"
        "except SessionBusy:\n"
        "    print('busy')\n"
    )

    def attempt() -> str:
        command = [sys.executable, "-c", script, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with begin():
        assert attempt() == "busy"
    assert attempt() == ""


# -- space --------------------------------------------------------------------------------------


def test_create_on_a_nearly_full_disk_is_refused(
    tmp_path: Path, begin: Callable[..., Journal]
) -> None:
    with pytest.raises(StorageError, match="MB are free"):
        begin(min_free_bytes=1 << 62)
    assert not (tmp_path / "journal.fllog").exists()


def test_create_in_a_missing_folder_is_a_storage_error(tmp_path: Path, kit: Any) -> None:
    with pytest.raises(StorageError):
        Journal.create(tmp_path / "none", kit.header())


@pytest.mark.parametrize(("minutes", "is_warned"), [(9.9, True), (10.1, False)])
def test_warning_under_ten_minutes(
    begin: Callable[..., Journal],
    monkeypatch: pytest.MonkeyPatch,
    minutes: float,
    is_warned: bool,
) -> None:
    n_bytes = int(minutes * 60 * background_writer._NOMINAL_BYTES_PER_S)
    monkeypatch.setattr(background_writer, "free_bytes", lambda directory: n_bytes)
    with begin() as journal:
        assert bool(journal.warning) == is_warned
        assert journal.minutes_left == pytest.approx(minutes, abs=0.01)
        if is_warned:
            assert "9 minutes" in journal.warning


# -- going on -----------------------------------------------------------------------------------


def test_reopen_cut_anywhere_in_the_last_two_chunks_goes_on(
    tmp_path: Path, kit: Any, begin: Callable[..., Journal], no_fsync: None
) -> None:
    stream_id = kit.header().stream_id
    with begin() as journal:
        for i in range(3):
            journal.append_packet(kit.packet(i * 20))
            journal.append_event({"kind": "cut"})
    path = tmp_path / "journal.fllog"
    data = path.read_bytes()
    chunks = chunks_in(tmp_path)
    for n_bytes in range(chunks[-2].offset, len(data) + 1, 3):
        path.write_bytes(data[:n_bytes])
        n_packets = 3 if n_bytes >= chunks[-2].end else 2
        with Journal.reopen(tmp_path, stream_id) as journal:
            assert journal.header == kit.header()
            journal.append_packet(kit.packet(1000))
        after = chunks_in(tmp_path)
        assert [c.sequence for c in after] == list(range(len(after)))
        assert len(packets_in(tmp_path)) == n_packets + 1
        index = read_index(path)
        assert [event.content["kind"] for event in index.events][-1] == "resumed"
        assert index.coverage().contiguous == 20 * n_packets


def test_reopen_keeps_what_stands_after_damage(
    tmp_path: Path, kit: Any, begin: Callable[..., Journal], no_fsync: None
) -> None:
    with begin() as journal:
        for i in range(3):
            journal.append_packet(kit.packet(i * 20))
            journal.append_event({"kind": "cut"})
    path = tmp_path / "journal.fllog"
    data = bytearray(path.read_bytes())
    data[chunks_in(tmp_path)[2].offset + 40] ^= 1
    path.write_bytes(data)
    with Journal.reopen(tmp_path, kit.header().stream_id) as journal:
        journal.append_packet(kit.packet(60))
    assert packets_in(tmp_path) == [kit.packet(i) for i in (20, 40, 60)]


def test_reopen_extends_frames_from_where_it_was(tmp_path: Path, kit: Any, no_fsync: None) -> None:
    start = (1 << 32) - 20
    with Journal.create(tmp_path, kit.header(first_frame=start), min_free_bytes=0) as journal:
        journal.append_packet(kit.packet(start))
        journal.append_event({"kind": "cut"})
        journal.append_packet(kit.packet(0, flags=FLAG_LATE))
    with Journal.reopen(tmp_path, kit.header().stream_id) as journal:
        journal.append_packet(kit.packet(20))
    frames = [c.frame for c in chunks_in(tmp_path) if c.type == ChunkType.PACKETS]
    assert frames == [start, 1 << 32, (1 << 32) + 20]


def test_reopen_of_an_ended_recording_or_another_stream_is_refused(
    tmp_path: Path, kit: Any, begin: Callable[..., Journal]
) -> None:
    begin().close()
    with pytest.raises(UsageError, match="restarted"):
        Journal.reopen(tmp_path, 1)
    Journal.reopen(tmp_path, kit.header().stream_id).close(end_frame=0)
    before = (tmp_path / "journal.fllog").read_bytes()
    with pytest.raises(UsageError, match="ended"):
        Journal.reopen(tmp_path, kit.header().stream_id)
    assert (tmp_path / "journal.fllog").read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 1000])
def test_reopen_without_a_header_is_a_storage_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "journal.fllog"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StorageError):
        Journal.reopen(tmp_path, 1)
    assert not path.exists() or path.read_bytes() == content
