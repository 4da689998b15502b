"""The frame around a command's work: progress, and errors as one sentence and a code."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import typer

from faceloop import output
from faceloop.errors import OUR_MISTAKE_EXIT_CODE, FaceloopError
from faceloop.tasks.progress import Progress

__all__ = ["working"]


@contextlib.contextmanager
def working(as_json: bool) -> Iterator[Progress]:
    """Show progress while the block runs; an error in it becomes one sentence and a code."""
    # Until here Ctrl-C just left (see __main__); from here on it unwinds what was begun.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with output.progress(is_quiet=as_json) as progress:
            yield progress
    except FaceloopError as error:
        output.error(str(error))
        raise typer.Exit(error.exit_code) from None
    except Exception as bug:  # the last net: no traceback for the user, but none lost either
        log = output.keep_traceback()
        output.error(
            f"faceloop stopped by a mistake of its own ({type(bug).__name__}: {bug}). {log}"
        )
        raise typer.Exit(OUR_MISTAKE_EXIT_CODE) from None
