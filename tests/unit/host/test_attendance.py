"""A session ends in order, whatever ends it, and says what it is doing."""

from __future__ import annotations

import asyncio
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from faceloop.errors import LinkError
from faceloop.tasks.attendance import (
    BEING_ENDED,
    BEING_STORED,
    ENDING,
    NOT_WAITING,
    STILL_ENDING,
    STILL_STORING,
    STORING,
    attend,
)


class Session:
    """Stands for a ``LiveSession``: it knows whether it records, and takes its time to finish."""

    def __init__(self, *, is_recording: bool = False) -> None:
        self.is_recording = is_recording
        self.ended = asyncio.Event()
        self.finishing = asyncio.Event()
        self.may_finish = asyncio.Event()
        self.may_finish.set()
        self.was_patient: bool | None = None
        self.link = "live"

    def status(self) -> Any:
        return SimpleNamespace(is_recording=self.is_recording, link=self.link)

    def hurry(self) -> None:
        self.may_finish.set()

    async def wait_ended(self) -> None:
        await self.ended.wait()

    async def finish(self, *, is_patient: bool) -> str:
        self.was_patient = is_patient
        self.is_recording = False  # as soon as the file is being made
        self.finishing.set()
        await self.may_finish.wait()
        self.ended.set()
        return "result"


class Notes:
    """A progress that is read afterwards."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.said: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def amount(self, done: float, total: float | None) -> None:
        """Not of interest."""

    def say(self, text: str) -> None:
        self.said.append(text)

    def close(self, text: str) -> None:
        self.said.append(text)


async def forever() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    """The time is over."""


async def start(session: Any, play: Any, show: Any = None) -> tuple[Any, Notes]:
    notes = Notes()
    async with asyncio.timeout(10):
        return await attend(session, play, notes, show), notes


@pytest.mark.parametrize(("is_recording", "step"), [(True, STORING), (False, ENDING)])
async def test_storing_is_said_only_where_something_is_stored(is_recording, step):
    session = Session(is_recording=is_recording)
    (result, is_interrupted), notes = await start(session, at_once)
    assert (result, is_interrupted, session.was_patient) == ("result", False, True)
    assert notes.steps == [step]


@pytest.mark.parametrize(
    ("is_recording", "sentence"), [(True, STILL_STORING), (False, STILL_ENDING)]
)
async def test_second_ctrl_c_says_what_goes_on(is_recording, sentence):
    session = Session(is_recording=is_recording)
    session.may_finish.clear()
    running = asyncio.create_task(start(session, forever))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    signal.raise_signal(signal.SIGINT)
    await session.finishing.wait()
    assert not session.was_patient
    signal.raise_signal(signal.SIGINT)
    for _ in range(3):
        await asyncio.sleep(0)
    session.may_finish.set()
    (_, is_interrupted), notes = await running
    assert is_interrupted
    assert notes.said == [sentence]


@pytest.mark.parametrize(
    ("link", "is_recording", "sentence"),
    [
        ("lost", True, NOT_WAITING + BEING_STORED),
        ("lost", False, NOT_WAITING + BEING_ENDED),
        ("live", True, BEING_STORED),
        ("live", False, BEING_ENDED),
    ],
)
async def test_first_ctrl_c_while_it_ends_by_itself_ends_the_waiting_and_is_answered(
    link, is_recording, sentence
):
    session = Session(is_recording=is_recording)
    session.link = link
    session.may_finish.clear()
    running = asyncio.create_task(start(session, at_once))
    await session.finishing.wait()
    assert session.was_patient
    signal.raise_signal(signal.SIGINT)
    (_, is_interrupted), notes = await running
    assert is_interrupted
    assert notes.said == [sentence]


async def test_page_sees_the_end_before_it_is_let_go():
    session = Session()
    seen = []

    async def show(shown: Session) -> None:
        await shown.ended.wait()
        await asyncio.sleep(0)
        seen.append("last words")

    await start(session, at_once, show)
    assert seen == ["last words"]


async def test_page_that_ends_ends_the_session():
    async def show(shown: Session) -> None:
        """The person pressed the button."""

    session = Session()
    (_, is_interrupted), _ = await start(session, forever, show)
    assert (is_interrupted, session.was_patient) == (False, True)


async def test_error_of_the_page_is_raised_after_the_session_was_finished():
    async def show(shown: Session) -> None:
        raise LinkError("No page.")

    session = Session()
    with pytest.raises(LinkError, match="No page"):
        await start(session, forever, show)
    assert session.finishing.is_set()


async def test_board_that_is_gone_for_good_ends_it():
    session = Session()
    session.ended.set()
    (result, _), _ = await start(session, forever)
    assert result == "result"
