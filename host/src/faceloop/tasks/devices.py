"""Boards in reach: over the air, on a cable, virtual ones that run on this computer."""

from __future__ import annotations

import asyncio
from typing import Any

from faceloop.device import discovery
from faceloop.errors import LinkError
from faceloop.twin.launch import list_boards

__all__ = ["devices"]


async def devices(scan_s: float = 5.0) -> dict[str, Any]:
    """Return ``{"boards": [...], "notes": [...]}``.

    Each board has ``kind`` (``bluetooth``, ``serial``, ``virtual``), ``name``, ``address`` and, on
    the air, ``rssi_dbm``. ``notes`` say why a way was not searched.
    """
    boards: list[dict[str, Any]] = [
        {"kind": "virtual", "name": board.name, "address": str(board.tty_path)}
        for board in await asyncio.to_thread(list_boards)
    ]
    notes: list[str] = []
    for port in await asyncio.to_thread(discovery.serial_ports):
        boards.append({"kind": "serial", "name": port.description, "address": port.path})
    try:
        for found in await discovery.scan(scan_s):
            boards.append(
                {
                    "kind": "bluetooth",
                    "name": found.name,
                    "address": found.address,
                    "rssi_dbm": found.rssi_dbm,
                }
            )
    except LinkError as error:
        notes.append(str(error))
    boards.sort(key=lambda board: (board["kind"], board["name"]))
    return {"boards": boards, "notes": notes}
