"""A running session, watched to its end; the end is in order however it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from faceloop.background import end
from faceloop.session.live_session import LiveSession
from faceloop.session.session_result import SessionResult
from faceloop.tasks.interruption import interruption
from faceloop.tasks.progress import Progress
from faceloop.training.observer import Observer

__all__ = ["Observer", "Presentation", "Show", "attend"]

Show = Callable[[LiveSession], Awaitable[None]]


class Presentation(Protocol):
    """A page for a session."""

    def __call__(
        self,
        session: LiveSession,
        observer: Observer | None = None,
        *,
        earlier: Sequence[str] = (),
        on_watched: Callable[[], None] | None = None,
    ) -> Awaitable[None]:
        """Present the session until the person ends it.

        Parameters
        ----------
        session : LiveSession
        observer : callable, optional
            Looks on.
        earlier : sequence of str
            What became of earlier recordings.
        on_watched : callable, optional
            Called once somebody looks at the signal or begins to train.
        """
        ...


STORING = "Storing the recording"
ENDING = "Ending the session"
BEING_STORED = "The recording is being stored; faceloop then ends by itself."
BEING_ENDED = "The session is ending; faceloop then ends by itself."
STILL_STORING = (
    f"{BEING_STORED} Ctrl-C once more leaves at once, and the next start stores the rest."
)
STILL_ENDING = f"{BEING_ENDED} Ctrl-C once more leaves at once."
NOT_WAITING = "The board is not waited for any longer. "
LEAVING = "Leaving. What was recorded is safe."
# A page that is open says that the session has ended and where its recording is.
LAST_WORDS_S = 5.0


async def attend(
    session: LiveSession,
    play: Callable[[], Awaitable[None]],
    progress: Progress,
    show: Show | None = None,
) -> tuple[SessionResult, bool]:
    """Play a session until it is over, then finish it; ``play`` may be what starts it.

    It is over when ``play`` or ``show`` has returned, the board is gone for good, or Ctrl-C was
    pressed. A board that is out of reach then is waited for, but not after Ctrl-C, whenever that
    comes.

    Parameters
    ----------
    session : LiveSession
    play : callable
    progress : Progress
    show : callable or None
        ``await show(session)`` presents the session, and for a moment also its end.

    Returns
    -------
    result : SessionResult
    is_interrupted : bool
        Ctrl-C ended it.

    Raises
    ------
    FaceloopError
        What ``play`` or ``show`` raises, and what goes wrong with the file.
    """
    was_recording = False

    def say_patience() -> None:
        is_recording = was_recording or session.status().is_recording
        progress.say(STILL_STORING if is_recording else STILL_ENDING)

    async def hurry() -> None:
        """Ctrl-C for the first time while the session is ending by itself."""
        await interrupted.wait()
        session.hurry()
        is_waiting = session.status().link == "lost"
        progress.say(
            (NOT_WAITING if is_waiting else "") + (BEING_STORED if was_recording else BEING_ENDED)
        )

    with interruption(say_patience, lambda: progress.close(LEAVING)) as interrupted:
        playing = asyncio.ensure_future(play())
        showing = asyncio.ensure_future(show(session)) if show is not None else None
        works = [task for task in (playing, showing) if task is not None]
        waiting: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(interrupted.wait()),
            asyncio.ensure_future(session.wait_ended()),
        ]
        is_over = False
        try:
            await asyncio.wait({*works, *waiting}, return_when=asyncio.FIRST_COMPLETED)
            _raise_from(works)
            is_over = not interrupted.is_set()
        finally:
            is_first = not interrupted.is_set()
            await end(playing, *waiting)
            was_recording = session.status().is_recording
            progress.step(STORING if was_recording else ENDING)
            hurrying = [asyncio.ensure_future(hurry())] if is_first else []
            try:
                result = await session.finish(is_patient=is_over)
                if showing is not None:
                    await asyncio.wait({showing}, timeout=LAST_WORDS_S)
            finally:
                await end(*works, *hurrying)
    return result, interrupted.is_set()


def _raise_from(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        if task.done():
            task.result()
