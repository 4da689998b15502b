"""Ctrl-C as a wish to end the session, not as an accident."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["interruption"]

# A closed terminal and a shutting-down system end a session as well as it can be ended.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# Who wants to leave at once does not wait for a thread that still writes: the next start goes on.
LEAVE_S = 2.0
_INTERRUPTED_EXIT_CODE = 130


@contextlib.contextmanager
def interruption(
    on_second: Callable[[], None], on_third: Callable[[], None]
) -> Iterator[asyncio.Event]:
    """Give an event that is set by the first Ctrl-C.

    The second one only calls ``on_second``: the end is under way. The third calls ``on_third``,
    then acts as it would without this, and ends the process if that takes more than a moment.

    Where the system or the thread cannot have such handlers the event is never set, and Ctrl-C
    cancels the main task as usual.
    """
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    former: dict[int, Any] = {}
    times = 0

    def let_go() -> None:
        for number, handler in former.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
        former.clear()

    def interrupt(number: int) -> None:
        nonlocal times
        times += 1
        if times == 1:
            event.set()
        elif times == 2:
            on_second()
        else:
            let_go()
            on_third()
            loop.call_later(LEAVE_S, os._exit, _INTERRUPTED_EXIT_CODE)
            signal.raise_signal(number)

    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is None:
            continue
        handler = signal.getsignal(number) or signal.SIG_DFL
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, interrupt, number)
            former[number] = handler
    try:
        yield event
    finally:
        let_go()
