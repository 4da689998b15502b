"""The hosts' side of the radio: one virtual controller for each HCI client on a unix socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from bumble.transport.common import StreamPacketSink, StreamPacketSource

from faceloop.twin.radio.controller import RadioController
from faceloop.twin.radio.ether import Ether

__all__ = ["HostPort"]


class HostPort:
    """Accepts HCI (H4) clients; each is a Bluetooth adapter of its own on the same air."""

    def __init__(self, ether: Ether) -> None:
        self._ether = ether
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()

    @property
    def client_count(self) -> int:
        """Number of hosts that have their adapter open."""
        return len(self._clients)

    async def start(self, path: Path) -> None:
        """Listen at ``path``."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            lambda: _Client(self._ether, self._clients), str(path)
        )

    async def stop(self) -> None:
        """Hang up on every host and stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for client in list(self._clients):
            client.close()


class _Client(StreamPacketSource):
    """One HCI client; when it dies its peer sees a supervision timeout."""

    def __init__(self, ether: Ether, clients: set[_Client]) -> None:
        super().__init__()
        self._ether = ether
        self._clients = clients
        self._transport: asyncio.Transport | None = None
        self._controller: RadioController | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._controller = RadioController(
            "host", self._ether, self, StreamPacketSink(self._transport)
        )
        self._clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.discard(self)
        if self._controller is not None:
            self._controller.vanish()
            self._controller = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
