"""Recordings that an earlier run could not finish: killed, out of disk, out of power.

They are finished, but one whose board still has its stream: that goes on where it was left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from faceloop.device.board_link import GIVE_UP_S
from faceloop.errors import FaceloopError
from faceloop.session.left_recording import LeftRecording
from faceloop.session.live_session import LiveSession
from faceloop.session.store import Store
from faceloop.tasks.progress import Progress
from faceloop_protocol.info import Info
from faceloop_protocol.limits import FS_HZ

__all__ = ["recover", "recovered_notes", "start_or_go_on"]

GOING_ON = "This goes on with the recording that was interrupted."
FETCHED = "The end of an interrupted recording was still on the board and is stored now."

FINISHED = "A recording that was interrupted has been finished and is kept."
NOT_FINISHED = (
    "A recording that was interrupted could not be finished yet. It is kept, and the next start"
    " tries again."
)

_PASSES = 3  # the finaliser reads, writes and reads back


async def recover(
    store: Store, progress: Progress, spare: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Finish them, but those in ``spare``; return ``[{"recording", "duration_s", "error"}]``.

    One that cannot be finished now has ``error`` and stays for the next time.
    """
    progress.step("Looking for unfinished recordings")

    def tell(done: int, total: int) -> None:
        progress.amount(done / FS_HZ / _PASSES, total / FS_HZ / _PASSES)

    return [
        {
            "recording": str(store.sessions_path / found.id),
            "duration_s": found.summary.duration_s if found.summary is not None else None,
            "error": found.error or None,
        }
        for found in await asyncio.to_thread(store.recover, tell, spare)
    ]


def recovered_notes(recovered: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return what a page says of what ``recover`` returned: each sentence once."""
    said = [FINISHED if found["error"] is None else NOT_FINISHED for found in recovered]
    return tuple(dict.fromkeys(said))


async def start_or_go_on(
    new_session: Callable[[], LiveSession],
    left: list[LeftRecording],
    store: Store,
    progress: Progress,
    *,
    is_recording: bool,
) -> tuple[LiveSession, Info, list[dict[str, Any]]]:
    """Start a session; where its board still fills a recording that was left, that goes on.

    The end of one that cannot go on (the board has stopped, or it is to be judged otherwise now)
    is fetched first.

    Parameters
    ----------
    new_session : callable
    left : list of LeftRecording
        What was not finished so far because it may go on.
    store : Store
    progress : Progress
    is_recording : bool
        Whether a new session records from its first frame on.

    Returns
    -------
    session : LiveSession
    info : Info
    recovered : list of dict
        As of ``recover``: those of ``left`` that were finished instead.

    Raises
    ------
    FaceloopError
        If no session can be started. What may still go on stays as it is, for the next try.
    """
    recovered: list[dict[str, Any]] = []

    async def find_left(info: Info) -> LeftRecording | None:
        found = next((one for one in left if one.is_on(info)), None)
        spare = [found.folder.name] if found is not None else []
        if len(left) > len(spare):
            recovered.extend(await recover(store, progress, spare))
        return found

    progress.step("Connecting")
    session = new_session()
    try:
        info = await session.start(is_recording=is_recording, find_left=find_left)
    except FaceloopError:
        # The board lets go of a stream that nobody fetches for so long.
        await recover(store, progress, [one.folder.name for one in left if one.age_s < GIVE_UP_S])
        raise
    if session.left is None:
        return session, info, recovered
    if session.is_converting and session.left.settings == session.settings:
        progress.say(GOING_ON)
        return session, info, recovered
    folder = session.left.folder
    result = await session.finish()
    if result.recording is not None:
        progress.say(FETCHED)
    recovered.append(
        {
            "recording": str(folder),
            "duration_s": result.end_frame / FS_HZ if result.recording is not None else None,
            "error": str(result.error) if result.recording is None else None,
        }
    )
    session = new_session()
    return session, await session.start(is_recording=is_recording), recovered
