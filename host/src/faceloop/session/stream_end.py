"""The end of a stream: the board stops, and what it still holds is fetched and stored."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from faceloop.device.board_link import BoardLink
from faceloop.errors import FaceloopError, LinkError, RemoteError
from faceloop.session.assembler import Assembler
from faceloop.session.missing_packets import MissingPackets

__all__ = ["fetch_rest"]

POLL_S = 0.02
# A link that stands and yet does not carry an answer this often will not carry it later.
STOP_ATTEMPTS = 3


async def fetch_rest(
    link: BoardLink,
    assembler: Assembler,
    missing: MissingPackets,
    store_all: Callable[[], Awaitable[None]],
    status: Callable[[], str],
    is_patient: Callable[[], bool],
) -> tuple[int | None, FaceloopError | None]:
    """Stop the board and fetch what it still holds.

    Parameters
    ----------
    link : BoardLink
    assembler : Assembler
    missing : MissingPackets
    store_all : callable
        ``await store_all()`` returns when what has arrived is on disk.
    status : callable
        Gives the link's: ``live``, ``lost``, or something else when it is over.
    is_patient : callable
        Whether a board that is out of reach is waited for.

    Returns
    -------
    end_frame : int or None
        The frame after the board's last one; None when it could not be asked.
    error : FaceloopError or None
        What went wrong.
    """
    end_frame: int | None = None
    failure: FaceloopError | None = None
    attempts = 0
    while status() == "live" or (status() == "lost" and is_patient()):
        if status() == "lost":
            await asyncio.sleep(POLL_S)  # the link comes back or gives up
            continue
        try:
            end_seq, end_frame = assembler.finish(await link.stop_stream())
            await missing.fetch(end_seq, lambda: status() == "live")
            await store_all()
            break
        except RemoteError as error:
            failure = error
            break
        except LinkError as error:
            attempts += link.is_up
            if attempts >= STOP_ATTEMPTS:
                failure = error
                break
            await asyncio.sleep(POLL_S)
    if status() == "live":
        # Everything is stored: a board that does not hear this keeps it until its next START.
        with contextlib.suppress(LinkError, RemoteError):
            await link.finish_stream()
    return end_frame, failure
