"""The data directory: ids, listing, what may be opened, and finishing what was left behind."""

from __future__ import annotations

import json
import runpy
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop.errors import StorageError, UsageError
from faceloop.session import store as store_module
from faceloop.session.journal import Journal
from faceloop.session.store import Store, data_directory

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def test_data_directory_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACELOOP_DATA", str(tmp_path / "x"))
    assert data_directory() == tmp_path / "x"
    assert Store().root == tmp_path / "x"
    monkeypatch.setenv("FACELOOP_DATA", "~/y")
    assert data_directory() == Path.home() / "y"
    monkeypatch.delenv("FACELOOP_DATA")
    assert data_directory().name == "faceloop"


def test_new_session_folders_are_private_and_sort_by_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ns = [1_700_000_000_000_000_000]
    monkeypatch.setattr(time, "time_ns", lambda: now_ns[0])
    paths = []
    for step_ms in (0, 1, 40, 86_400_000, 10**11):
        now_ns[0] += step_ms * 1_000_000
        paths.append(store.new_session())
    names = [path.name for path in paths]
    assert names == sorted(names)
    assert {len(name) for name in names} == {26}
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
    assert [entry.id for entry in store.sessions()] == names
    assert {entry.state for entry in store.sessions()} == {"empty"}
    assert store.session(names[2]) == paths[2]


def test_new_session_in_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StorageError):
        Store(tmp_path / "data").new_session()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        ".",
        "../sessions/01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "/etc/passwd",
        "01ARZ3NDEKTSV4RRFFQ69G5FA",
        "01ARZ3NDEKTSV4RRFFQ69G5FAVV",
        "01arz3ndektsv4rrffq69g5fav",
        "01ARZ3NDEKTSV4RRFFQ69G5FAI",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV\n",
        "01ARZ3NDEKTSV4RRFFQ69G5FA\0",
        "٠1ARZ3NDEKTSV4RRFFQ69G5FAV",
    ],
)
def test_session_malformed_id_is_refused(store: Store, name: str) -> None:
    with pytest.raises(UsageError, match="no session id"):
        store.session(name)


@given(st.text(max_size=60))
def test_session_random_id_never_leaves_the_folder(name: str) -> None:
    with pytest.raises(UsageError):
        Store(Path("/nonexistent")).session(name)


def test_session_that_is_not_there_or_a_link_is_refused(store: Store, tmp_path: Path) -> None:
    name = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    with pytest.raises(UsageError, match="There is no session"):
        store.session(name)
    store.new_session()
    (store.sessions_path / name).symlink_to(tmp_path)
    with pytest.raises(UsageError, match="There is no session"):
        store.session(name)
    assert len(store.sessions()) == 1


def test_sessions_of_an_empty_store_and_strangers_in_it(store: Store) -> None:
    assert store.sessions() == []
    assert store.recover() == []
    path = store.new_session()
    (store.sessions_path / "holiday photos").mkdir()
    (store.sessions_path / "01ARZ3NDEKTSV4RRFFQ69G5FAV").write_text("no folder")
    assert [entry.id for entry in store.sessions()] == [path.name]


def test_recover_finishes_what_was_left_and_nothing_else(store: Store, kit: Any) -> None:
    left, running, done, broken, empty = (store.new_session() for _ in range(5))
    for path in (left, done):
        kit.write_journal(path, kit.packets_chunk(kit.packet(0), kit.packet(20)))
    (broken / "journal.fllog").write_bytes(b"rubbish")
    from faceloop.session.bdf import finalise

    finalise(done / "journal.fllog", done / "recording.bdf")
    finished_ns = (done / "recording.bdf").stat().st_mtime_ns
    with Journal.create(running, kit.header(), min_free_bytes=0) as journal:
        states = {entry.path: entry.state for entry in store.sessions()}
        assert states == {
            left: "unfinished",
            running: "recording",
            done: "finished",
            broken: "unfinished",
            empty: "empty",
        }
        calls: list[tuple[int, int]] = []
        results = {result.id: result for result in store.recover(lambda *a: calls.append(a))}
        assert set(results) == {left.name, broken.name}
        summary = results[left.name].summary
        assert summary is not None
        assert (summary.frames_recorded, summary.session) == (40, left.name)
        assert results[broken.name].summary is None
        assert "header" in results[broken.name].error
        assert calls[-1] == (120, 120)
        journal.append_packet(kit.packet(0))
    assert (done / "recording.bdf").stat().st_mtime_ns == finished_ns
    assert (broken / "journal.fllog").read_bytes() == b"rubbish"
    # The recording that ran is left over now; the broken one is tried again, and told again.
    assert {result.id for result in store.recover()} == {running.name, broken.name}
    entry = {entry.path: entry for entry in store.sessions()}[left]
    assert entry.state == "finished"
    assert entry.summary == json.loads((left / "session.json").read_text())


def test_recover_session_taken_meanwhile_is_left_alone(
    store: Store, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.new_session()
    kit.write_journal(path, kit.packets_chunk(kit.packet(0)))
    from faceloop.session.disk import SessionLock

    real = store_module.finalise

    def finalise(*arguments: Any) -> Any:
        with SessionLock(path):
            return real(*arguments)

    monkeypatch.setattr(store_module, "finalise", finalise)
    assert store.recover() == []
    assert not (path / "recording.bdf").exists()


def test_sessions_with_a_broken_summary_are_still_listed(store: Store, kit: Any) -> None:
    path = store.new_session()
    kit.write_journal(path, kit.packets_chunk(kit.packet(0)))
    store.recover()
    for content in (b"{", b"[]", b"\xff"):
        (path / "session.json").write_bytes(content)
        (entry,) = store.sessions()
        assert (entry.state, entry.summary) == ("finished", None)
    (path / "session.json").unlink()
    assert store.sessions()[0].summary is None
