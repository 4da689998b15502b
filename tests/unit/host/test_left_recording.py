"""A recording whose host went away: found again, counted again, gone on with."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faceloop.session.journal import Journal
from faceloop.session.journal_format import JOURNAL_NAME
from faceloop.session.left_recording import LeftRecording, left_recordings
from faceloop.session.recording import FIRST_SEQ, Recording
from faceloop.session.store import Store
from faceloop_protocol import control

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
FIRST = 40_000  # more than half of the wire's numbers: what is meant must not be guessed
EXTRA = {"rest_s": 10.0, "mains_hz": None}
DEVICE = "0102030405060708"


@pytest.fixture(scope="module")
def kit() -> Any:
    return FAKE["RecordingKit"]()


def leave(kit: Any, store: Store, seqs: list[int], gaps: Any = (), **changes: Any) -> Path:
    """Make a recording that begins with packet FIRST, holds ``seqs`` and has no end."""
    folder = store.new_session()
    header = {
        "first_frame": 20 * FIRST,
        "montage": "guarded8",
        "device_id": DEVICE,
        "extra": {**EXTRA, FIRST_SEQ: FIRST},
    }
    journal = Journal.create(folder, kit.header(**{**header, **changes}), min_free_bytes=0)
    for seq in seqs:
        journal.append_packet(kit.packet(20 * seq, seq=seq & 0xFFFF))
    for first, n in gaps:
        journal.append_gap(first, n)
    journal.close()
    return folder


def board(stream_id: int = 0x12345678, device_id: str = DEVICE) -> Any:
    return SimpleNamespace(stream_id=stream_id, device_id=bytes.fromhex(device_id))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def only(store: Store) -> LeftRecording:
    (left,) = left_recordings(store)
    return left


def test_left_recording_knows_what_it_lacks_and_where_it_goes_on(kit: Any, store: Store) -> None:
    seqs = [FIRST, FIRST + 1, FIRST + 4, *range(FIRST + 6, FIRST + 30_000, 100)]
    leave(kit, store, [*seqs, *range(FIRST + 29_990, FIRST + 30_000)])
    assembler = only(store).assembler()
    assert assembler.next_seq == FIRST + 2
    assert assembler.live_frame == 20 * (FIRST + 30_000)
    assert assembler.missing_packets()[:2] == [(FIRST + 2, 2), (FIRST + 5, 1)]
    assert assembler.coverage.gaps()[:2] == [(20 * (FIRST + 2), 40), (20 * (FIRST + 5), 20)]


def test_beginning_that_was_lost_with_the_host_is_missing(kit: Any, store: Store) -> None:
    leave(kit, store, [FIRST + 3])
    assembler = only(store).assembler()
    assert assembler.next_seq == FIRST
    assert assembler.coverage.gaps() == [(20 * FIRST, 60)]
    assert assembler.missing_packets() == [(FIRST, 3)]


def test_torn_tail_is_missing_and_cut_off(kit: Any, store: Store) -> None:
    folder = leave(kit, store, [FIRST, FIRST + 1])
    path = folder / JOURNAL_NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    left = only(store)
    assert left.assembler().next_seq == FIRST, "the chunk that holds both is torn"
    recording = Recording.go_on(folder, 0x12345678, FIRST)
    for seq in (FIRST, FIRST + 1, FIRST + 2):
        recording.append(kit.packet(20 * seq, seq=seq), seq + 1)
    summary = recording.finish(20 * (FIRST + 3))
    assert (summary.frames_recorded, summary.frames_missing) == (60, 0)
    assert not summary.damage


def test_what_was_given_up_is_not_declared_again(kit: Any, store: Store) -> None:
    leave(kit, store, [FIRST, FIRST + 5], gaps=[(20 * (FIRST + 1), 80)])
    assembler = only(store).assembler()
    extent = control.StreamExtent(
        0x12345678, (FIRST + 8) & 0xFFFF, 20 * (FIRST + 8), (FIRST + 9) & 0xFFFF, 0, 1
    )
    assert assembler.settle(extent) == [(20 * (FIRST + 6), 40)]
    assert assembler.next_seq == FIRST + 8


def test_only_the_board_that_still_has_the_stream_goes_on(kit: Any, store: Store) -> None:
    leave(kit, store, [FIRST])
    left = only(store)
    assert left.is_on(board())
    assert not left.is_on(board(stream_id=0x12345679))
    assert not left.is_on(board(device_id="ff" * 8))
    leave(kit, store, [FIRST], stream_id=0)
    assert not left_recordings(store)[0].is_on(board(stream_id=0)), "a board without a stream"


def test_what_cannot_be_gone_on_with_is_not_found(kit: Any, store: Store) -> None:
    leave(kit, store, [FIRST], extra=EXTRA)  # of a version that did not note the first packet
    leave(kit, store, [FIRST], extra={FIRST_SEQ: FIRST})
    ended = leave(kit, store, [FIRST])
    Journal.reopen(ended, 0x12345678).close(end_frame=20 * (FIRST + 1))
    (store.new_session() / JOURNAL_NAME).write_bytes(b"nonsense")
    held = leave(kit, store, [FIRST])
    with Journal.reopen(held, 0x12345678):
        assert left_recordings(store) == []
    assert only(store).folder == held


def test_recovery_spares_what_may_go_on(kit: Any, store: Store) -> None:
    spared = leave(kit, store, [FIRST])
    other = leave(kit, store, [FIRST])
    assert [done.id for done in store.recover(None, [spared.name])] == [other.name]
    assert only(store).folder == spared
