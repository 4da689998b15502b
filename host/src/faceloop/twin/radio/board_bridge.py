"""The board's side of the radio: accepts the board's `bluetooth` module on a unix socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from faceloop.twin.radio.board_session import BoardSession
from faceloop.twin.radio.ether import Ether

__all__ = ["BoardBridge"]


class BoardBridge:
    """Listens for the board; each power-on of the board is one session.

    A board that is killed or reset closes its socket: its radio goes silent without a word and the
    peer notices at its supervision timeout. A board that comes back before that is a new one.
    """

    def __init__(self, ether: Ether) -> None:
        self._ether = ether
        self._server: asyncio.Server | None = None
        self._session: BoardSession | None = None
        self._before: dict[str, int] = {}

    async def start(self, path: Path) -> None:
        """Listen at ``path``."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._accept, str(path))

    async def stop(self) -> None:
        """Cut the board's power and stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._session is not None:
            self._session.close()

    def stats(self) -> dict[str, Any]:
        """Return the state of the board's radio and its counters since the start."""
        session = self._session
        return {
            "is_active": session is not None and session.is_active,
            "is_advertising": session is not None and session.is_advertising,
            "is_connected": session is not None and session.is_connected,
            "queued": session.transmit.queued if session and session.transmit else 0,
        } | self._counters()

    def _counters(self) -> dict[str, int]:
        now: dict[str, int] = {"power_ons": 0, "connects": 0, "disconnects": 0}
        if (session := self._session) is not None:
            now |= {
                "power_ons": 1,
                "connects": session.connects,
                "disconnects": session.disconnects,
            }
            if session.transmit is not None:
                now |= session.transmit.counters_dict()
        joined = dict(self._before)
        for name, count in now.items():
            before = joined.get(name, 0)
            joined[name] = max(before, count) if name.startswith("max_") else before + count
        return joined

    def _accept(self) -> BoardSession:
        if self._session is not None:
            self._session.close()
            self._before = self._counters()
        self._session = BoardSession(self._ether)
        return self._session
