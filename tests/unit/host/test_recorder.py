"""One session's recordings: nothing lost at the beginning, counted again at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faceloop.errors import StorageError
from faceloop.session import recorder as module
from faceloop.session.coverage import Coverage
from faceloop.session.recorder import Recorder


class FakeRecording:
    """Remembers what it is given; its file holds ``n_recorded`` frames from frame 0 to 100."""

    def __init__(self) -> None:
        self.folder = Path("folder")
        self.path = self.folder / "recording.bdf"
        self.warning = ""
        self.stored_seq = 3
        self.acts: list[Any] = []
        self.n_recorded = 100
        self.is_left = False

    def append(self, what: Any) -> None:
        if what == "too much":
            raise StorageError("The disk is full.")
        self.acts.append(what)

    def sync(self) -> None:
        self.append("too much")

    def finish(self, end_frame: int, *, is_end_known: bool) -> Any:
        self.is_end_known = is_end_known
        return SimpleNamespace(first_frame=0, end_frame=end_frame, frames_recorded=self.n_recorded)

    def leave(self) -> None:
        self.is_left = True


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> FakeRecording:
    fake = FakeRecording()
    monkeypatch.setattr(module.Recording, "begin", lambda *arguments: fake)
    return fake


@pytest.fixture
def failures() -> list[StorageError]:
    return []


@pytest.fixture
def recorder(failures: list[StorageError]) -> Recorder:
    return Recorder(lambda: Path("folder"), failures.append)


async def begin(recorder: Recorder) -> None:
    recorder.hold(1)
    await recorder.begin(None, None, 7, 0)  # type: ignore[arg-type]


def put(recorder: Recorder, what: Any) -> None:
    recorder.keep(lambda recording: recording.append(what))  # type: ignore[call-arg]


async def test_what_comes_while_the_file_is_made_is_kept_in_order(recorder, recording):
    put(recorder, "before it was asked for")
    recorder.hold(1)
    put(recorder, 1)
    assert recorder.is_recording
    assert recorder.stored_seq(5) == 1, "the board has to keep what is only held back"
    beginning = asyncio.create_task(begin_held(recorder))
    await asyncio.sleep(0)
    put(recorder, 2)
    await beginning
    put(recorder, 3)
    assert recording.acts == [1, 2, 3]
    assert recorder.stored_seq(9) == 3, "what is on disk, not what has arrived"


async def begin_held(recorder: Recorder) -> None:
    await recorder.begin(None, None, 7, 0)  # type: ignore[arg-type]


async def test_file_that_cannot_be_made_leaves_no_recording(recorder, monkeypatch):
    def refuse(*arguments: Any) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(module.Recording, "begin", refuse)
    with pytest.raises(StorageError):
        await begin(recorder)
    assert not recorder.is_recording
    assert recorder.stored_seq(9) == 9
    assert recorder.frames_recorded is None


async def test_failing_disk_ends_the_recording_once(recorder, recording, failures):
    await begin(recorder)
    put(recorder, "too much")
    put(recorder, "too much")
    await recorder.leave()
    assert len(failures) == 1
    assert recording.is_left
    assert not recorder.is_recording
    assert recorder.frames_recorded == 0


async def test_disk_that_fails_at_the_last_flush_ends_the_recording(recorder, recording, failures):
    await begin(recorder)
    await recorder.sync()
    await recorder.leave()
    assert len(failures) == 1
    assert recording.is_left


async def test_file_is_compared_with_what_arrived(recorder, recording):
    coverage = Coverage()
    coverage.add(0, 60)
    coverage.add(80, 20)  # 20 missing, and the file admits 20 missing
    recording.n_recorded = 80
    await begin(recorder)
    await recorder.finish(100, coverage)
    assert (recorder.frames_recorded, recorder.frames_unstored) == (80, 0)
    assert recorder.finished == recording.path
    assert recording.is_end_known

    recording.n_recorded = 70  # ten frames arrived and are nowhere
    await begin(recorder)
    await recorder.finish(100, coverage, is_end_known=False)
    assert (recorder.frames_recorded, recorder.frames_unstored) == (150, 10)
    assert not recording.is_end_known


async def test_without_a_recording_there_is_nothing_to_do(recorder, failures):
    put(recorder, 1)
    await recorder.sync()
    await recorder.finish(100, Coverage())
    await recorder.leave()
    assert (recorder.finished, recorder.place, recorder.warning) == (None, "", "")
    assert recorder.frames_recorded is None
    assert not failures
