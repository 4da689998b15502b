"""The first Ctrl-C is a wish, the second one is what it always was."""

from __future__ import annotations

import asyncio
import signal
import threading

from faceloop.tasks.interruption import interruption


async def test_first_signal_sets_the_event_and_gives_the_handler_back():
    before = signal.getsignal(signal.SIGINT)
    with interruption() as interrupted:
        assert signal.getsignal(signal.SIGINT) is not before
        signal.raise_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            await interrupted.wait()
        assert signal.getsignal(signal.SIGINT) is before, "the second one is the usual one"


async def test_handlers_are_given_back_when_nothing_happened():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interruption() as interrupted:
        pass
    assert not interrupted.is_set()
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_thread_that_may_not_have_handlers_does_without():
    seen = []

    async def session() -> None:
        with interruption() as interrupted:
            seen.append(interrupted.is_set())

    thread = threading.Thread(target=lambda: asyncio.run(session()))
    thread.start()
    thread.join()
    assert seen == [False]
