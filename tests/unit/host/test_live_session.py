"""The session around the stream: an end that is cancelled is still an end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from faceloop.session.live_session import LiveSession
from faceloop.session.montage import MONTAGES


class Air:
    """A transport that carries nothing."""

    name = "nobody"

    def __init__(self) -> None:
        self.n_closed = 0

    async def send(self, message: bytes, *, urgent: bool = False) -> None:
        """Take it."""

    async def close(self) -> None:
        self.n_closed += 1


async def test_abort_that_is_cancelled_ends_the_session_and_stays_cancelled():
    air = Air()
    session = LiveSession(
        air,  # type: ignore[arg-type]
        lambda device_id: None,
        montage=MONTAGES["guarded8"],
        affected_side=None,
        new_folder=Path,
    )
    is_ending = asyncio.Event()
    may_end = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            is_ending.set()
            await may_end.wait()

    session._care_task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    leaving = asyncio.create_task(session.abort())
    await is_ending.wait()
    leaving.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert air.n_closed == 1, "the link is closed all the same"
    assert session.status().link == "ended"
    await session.wait_ended()
