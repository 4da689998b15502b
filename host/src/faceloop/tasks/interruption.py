"""Ctrl-C as a wish to end the session, not as an accident."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Any

__all__ = ["interruption"]

# A closed terminal and a shutting-down system end a session as well as it can be ended.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextlib.contextmanager
def interruption() -> Iterator[asyncio.Event]:
    """Give an event that is set by the first Ctrl-C; a second one acts as it would without this.

    Where the system or the thread cannot have such handlers the event is never set, and Ctrl-C
    cancels the main task as usual.
    """
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    former: dict[int, Any] = {}

    def let_go() -> None:
        for number, handler in former.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
        former.clear()

    def interrupt() -> None:
        let_go()
        event.set()

    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is None:
            continue
        handler = signal.getsignal(number) or signal.SIG_DFL
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, interrupt)
            former[number] = handler
    try:
        yield event
    finally:
        let_go()
