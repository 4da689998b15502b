"""The first Ctrl-C is a wish, the second gets an answer, the third is what it always was."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from faceloop.tasks import interruption as module
from faceloop.tasks.interruption import interruption


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Exit codes with which the process would have been left."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(module, "LEAVE_S", 0.0)
    yield codes


def never() -> None:
    pytest.fail("too early")


async def ctrl_c() -> None:
    """Let the loop see one; the loop's own handlers run in a later turn."""
    signal.raise_signal(signal.SIGINT)
    for _ in range(3):
        await asyncio.sleep(0)


async def test_first_signal_only_sets_the_event():
    with interruption(never, never) as interrupted:
        signal.raise_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            await interrupted.wait()


async def test_second_signal_is_answered_and_changes_nothing():
    said: list[str] = []
    with interruption(lambda: said.append("patience"), never) as interrupted:
        await ctrl_c()
        assert said == []
        await ctrl_c()
        assert interrupted.is_set()
        assert said == ["patience"]


async def test_third_signal_is_the_usual_one_and_the_process_is_left_soon(left):
    said: list[str] = []
    usual: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: usual.append(number))
    try:
        with interruption(lambda: None, lambda: said.append("leaving")):
            await ctrl_c()
            await ctrl_c()
            assert usual == []
            await ctrl_c()
            assert said == ["leaving"]
            assert usual == [signal.SIGINT]
        async with asyncio.timeout(5):
            while not left:
                await asyncio.sleep(0)
        assert left == [130]
    finally:
        signal.signal(signal.SIGINT, before)


async def test_handlers_are_given_back_when_nothing_happened():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interruption(never, never) as interrupted:
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert not interrupted.is_set()
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_thread_that_may_not_have_handlers_does_without():
    seen = []

    async def session() -> None:
        with interruption(never, never) as interrupted:
            seen.append(interrupted.is_set())

    thread = threading.Thread(target=lambda: asyncio.run(session()))
    thread.start()
    thread.join()
    assert seen == [False]
