"""The virtual radio: a board's Bluetooth stack, the air, and adapters for hosts.

The board's firmware reaches it through ``radio.sock`` (see ``wire``), each host through
``hci.sock`` (HCI over H4, what ``bumble`` calls ``unix:PATH``). ATT, GATT, L2CAP and SMP in
between are real; only the air (``link``) and the controllers (``controller``) are models.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from faceloop.quiet_bumble import hush
from faceloop.twin.radio.board_bridge import BoardBridge
from faceloop.twin.radio.ether import Ether
from faceloop.twin.radio.host_port import HostPort
from faceloop.twin.radio.settings import BOARD_ADDRESS, RadioSettings

__all__ = ["BOARD_ADDRESS", "HCI_SOCKET", "RADIO_SOCKET", "Radio", "RadioSettings"]

HCI_SOCKET = "hci.sock"
RADIO_SOCKET = "radio.sock"


class Radio:
    """The air around one virtual board."""

    def __init__(self) -> None:
        self._ether: Ether | None = None
        self._board: BoardBridge | None = None
        self._hosts: HostPort | None = None

    async def start(self, directory: Path, settings: RadioSettings | None = None) -> None:
        """Open ``radio.sock`` and ``hci.sock`` in ``directory``."""
        hush()
        self._ether = Ether(settings or RadioSettings())
        self._board = BoardBridge(self._ether)
        self._hosts = HostPort(self._ether)
        await self._board.start(directory / RADIO_SOCKET)
        await self._hosts.start(directory / HCI_SOCKET)

    async def stop(self) -> None:
        """Hang up on the board and on every host."""
        if self._board is not None and self._hosts is not None and self._ether is not None:
            await self._hosts.stop()
            await self._board.stop()
            for link in list(self._ether.air.links):
                link.close()
            await asyncio.sleep(0)  # lets the aborted transports call connection_lost

    @property
    def settings(self) -> RadioSettings:
        """The settings in force."""
        return self._running().air.settings

    def set(self, **changes: Any) -> None:
        """Change settings while running; see ``RadioSettings``.

        A new ``interval_ms`` moves running connections, as a central's update would. ``stack``,
        ``address`` and ``pdu_octets`` take effect for packets and connections to come.

        Raises
        ------
        UsageError
            If a name is unknown or a value is out of range; nothing has changed then.
        """
        ether = self._running()
        settings = ether.air.settings
        interval_ms = settings.interval_ms
        settings.change(**changes)
        if settings.interval_ms is not None and settings.interval_ms != interval_ms:
            ether.update_all(settings.interval_ms / 1e3)

    def begin_schedule(self, now_s: float | None = None) -> None:
        """Count the scheduled blackouts from ``now_s`` (event loop's clock; None: now)."""
        ether = self._running()
        ether.air.begin_schedule(ether.air.clock.time() if now_s is None else now_s)

    def stats(self) -> dict[str, Any]:
        """Return counters: of the air, of the board's stack, and the number of hosts."""
        ether = self._running()
        assert self._board is not None and self._hosts is not None
        return {
            "air": ether.air.stats(),
            "board": self._board.stats(),
            "hosts": self._hosts.client_count,
            "links": [
                {"interval_ms": link.interval_s * 1e3, "timeout_ms": link.timeout_s * 1e3}
                for link in ether.air.links
            ],
        }

    def _running(self) -> Ether:
        if self._ether is None:
            raise RuntimeError("The radio has not been started.")
        return self._ether
