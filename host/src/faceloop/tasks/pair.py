"""Teaching this computer a board's key, over the cable or from the board's label."""

from __future__ import annotations

from typing import Any

from faceloop.device.key_store import KeyStore, parse_label
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver

__all__ = ["pair_by_cable", "pair_by_label"]


async def pair_by_cable(port: str) -> dict[str, Any]:
    """Fetch the key of the board at a serial port and keep it."""
    cable = SerialTransport(port)
    await cable.open(Receiver(_ignore, _ignore, _ignore, lambda: None), 5.0)
    try:
        device_id, key = await cable.request_key()
    finally:
        await cable.close()
    return _keep(device_id, key)


def pair_by_label(text: str) -> dict[str, Any]:
    """Keep the key from the text of a board's label."""
    return _keep(*parse_label(text))


def _keep(device_id: bytes, key: bytes) -> dict[str, Any]:
    store = KeyStore()
    store.put(device_id, key)
    return {"device_id": device_id.hex(), "stored_in": str(store.path)}


def _ignore(data: bytes) -> None:
    """Only the key is of interest."""
