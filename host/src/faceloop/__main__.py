"""Where the ``faceloop`` command starts: a Ctrl-C while it loads ends it without a word."""

from __future__ import annotations

import gc
import os
import signal
from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Load the command line and run it."""
    # Raised in the middle of an import, KeyboardInterrupt shows as a traceback or gets lost.
    # Nothing has been started yet, so nothing is left behind. A shell that had Ctrl-C ignored
    # for a job in the background is obeyed.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    # What is loaded stays: to look for garbage in it every 700 objects took a fifth of the time.
    gc.set_threshold(20_000, 20, 50)
    from faceloop import cli

    cli.main()


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(130)


if __name__ == "__main__":
    main()
