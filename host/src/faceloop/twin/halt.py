"""What a process of the virtual machine is doing, looked at while it cannot go on.

A look at a running process is old before it can be acted on. Stopped, it stays what it was: a
signal sent then arrives at the very place that was seen.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["catches", "halted", "send_to_main_thread"]

HALT_TIMEOUT_S = 0.02  # less than a person or a host program at the terminal notices
LOOK_S = 0.0001


@contextlib.contextmanager
def halted(pid: int) -> Iterator[bool]:
    """Stop a child of this process for the time of the block.

    It blocks until the child stands still, which takes microseconds where there is a processor.

    Parameters
    ----------
    pid : int
        A child that has not been waited for.

    Yields
    ------
    bool
        Whether it stands still: False if it had no processor to stop on within 20 ms, or is gone.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        deadline_s = time.monotonic() + HALT_TIMEOUT_S
        while (state := _state(pid)) not in "TZX" and time.monotonic() < deadline_s:
            time.sleep(LOOK_S)
        yield state == "T"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal (proc(5), ``SigCgt``)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def send_to_main_thread(pid: int, number: signal.Signals) -> None:
    """Send a signal to the first thread of a process, whichever other could take it (tgkill(2)).

    One that is sent to a halted process goes to the thread that wakes up first.
    """
    send = getattr(ctypes.CDLL(None), "tgkill", None)
    if send is not None:
        send(pid, pid, int(number))
    else:  # glibc before 2.30
        os.kill(pid, number)


def _state(pid: int) -> str:
    try:
        about = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "X"
    return about.rpartition(")")[2].split()[0]
