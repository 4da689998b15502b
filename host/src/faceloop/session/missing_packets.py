"""Packets that stay away: waited for, asked for again, and in the end fetched or given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from faceloop.device.board_link import BoardLink
from faceloop.errors import LinkError
from faceloop.session.assembler import Assembler
from faceloop_protocol import control

__all__ = ["MissingPackets"]

# Missing packets that are not on their way by themselves after this are asked for.
ASK_AGAIN_S = 1.5
FETCH_S = 60.0
POLL_S = 0.02


class MissingPackets:
    """What the assembler lacks and the board may still hold.

    Parameters
    ----------
    link : BoardLink
    assembler : Assembler
    on_extent : callable
        Takes what the board says it still holds.
    """

    def __init__(
        self,
        link: BoardLink,
        assembler: Assembler,
        on_extent: Callable[[control.StreamExtent], None],
    ) -> None:
        self._link = link
        self._assembler = assembler
        self._on_extent = on_extent
        self._since_s: dict[int, float] = {}  # first packet of a run: missing, or asked for, since

    async def ask(self) -> None:
        """Ask for the first run of packets that has been missing for long; one at a call.

        The others do not wait for its answer: each has its own time.

        Raises
        ------
        FaceloopError
            If the link or the board does not take it.
        """
        await self._ask(self._assembler.missing_packets())

    async def fetch(self, end_seq: int, is_live: Callable[[], bool]) -> None:
        """Return when every packet before ``end_seq`` is here; ``ask`` sees to the holes.

        Raises
        ------
        LinkError
            If they do not come, or the link is lost.
        """
        give_up_s = time.monotonic() + FETCH_S
        while self._assembler.next_seq < end_seq:
            if time.monotonic() > give_up_s:
                raise LinkError("The board did not send the end of the recording. Move closer.")
            if not is_live():
                raise LinkError("The board is out of reach.")
            await asyncio.sleep(POLL_S)
            near_end = self._assembler.next_seq
            if near_end < end_seq and not self._assembler.missing_packets():
                await self._ask([(near_end, end_seq - near_end)])

    async def _ask(self, missing: list[tuple[int, int]]) -> None:
        now_s = time.monotonic()
        next_seq = self._assembler.next_seq
        self._since_s = {n: since_s for n, since_s in self._since_s.items() if n >= next_seq}
        for first, _ in missing:
            self._since_s.setdefault(first, now_s)
        for first, count in missing:
            if now_s - self._since_s[first] > ASK_AGAIN_S:
                self._since_s[first] = now_s
                extent = await self._link.request(first, count)
                if extent is not None:
                    self._on_extent(extent)
                return
