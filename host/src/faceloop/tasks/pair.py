"""Teaching this computer a board's key, over the cable or from the board's label."""

from __future__ import annotations

import io
from typing import Any

import segno

from faceloop.device.key_store import KeyStore, label_of, parse_label
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver
from faceloop_protocol.serial_frame import KEY_OWNER, KEY_THERAPIST

__all__ = ["pair_by_cable", "pair_by_label", "qr_code"]


async def pair_by_cable(port: str, *, is_therapist: bool = False) -> dict[str, Any]:
    """Fetch a key of the board at a serial port and keep it.

    Parameters
    ----------
    port : str
    is_therapist : bool
        Have the board make its second key, anew. It is kept here only if this computer has no key
        of the board; its label is what the therapist gets.

    Returns
    -------
    dict
        ``device_id``, ``stored_in`` (None: not kept here), ``label``: the board gives its key
        away only once, so this is the moment to print it.
    """
    cable = SerialTransport(port)
    await cable.open(Receiver(_ignore, _ignore, _ignore, lambda: None), 5.0)
    try:
        which = KEY_THERAPIST if is_therapist else KEY_OWNER
        device_id, key = await cable.request_key(which=which)
    finally:
        await cable.close()
    has_key = is_therapist and KeyStore().get(device_id) is not None
    label = label_of(device_id, key)
    if has_key:
        return {"device_id": device_id.hex(), "stored_in": None, "label": label}
    return {**_keep(device_id, key), "label": label}


def pair_by_label(text: str) -> dict[str, Any]:
    """Keep the key from the text of a board's label."""
    return _keep(*parse_label(text))


def qr_code(label: str) -> str:
    """Return the QR code of a label, in characters for a terminal."""
    drawn = io.StringIO()
    # Letters and digits only: the code is small enough for a label of 15 mm.
    segno.make(label.upper(), error="m", micro=False).terminal(drawn, compact=True, border=2)
    return drawn.getvalue()


def _keep(device_id: bytes, key: bytes) -> dict[str, Any]:
    store = KeyStore()
    store.put(device_id, key)
    return {"device_id": device_id.hex(), "stored_in": str(store.path)}


def _ignore(data: bytes) -> None:
    """Only the key is of interest."""
