"""Frames between the board's `bluetooth` module and the radio (``radio.sock``).

Every frame is ``<B kind> <H length> <payload>``, little endian. The other end is
``firmware/virtual_board/bluetooth.py``; a test compares the two lists of kinds.

======== ============ ========================================================================
kind     direction    payload
======== ============ ========================================================================
CALL     board->radio JSON object with ``op``; exactly one reply follows
NOTIFY   board->radio H connection, H attribute, value
INDICATE board->radio H connection, H attribute, value
WRITE    board->radio H attribute, B tell the subscribers, value
CLEAR    board->radio H attribute: an appending buffer was read and is empty now
DONE     board->radio (nothing) one event was handled
ANSWER   board->radio B id, B is there, value: answer to an ASK
REPLY    radio->board JSON object with ``ret`` or ``errno``
EVENT    radio->board B number of the MicroPython event, its packed values
ASK      radio->board B number of the event, B id, its packed values; wants an ANSWER
GRANT    radio->board I number of notifications the board may have sent since it was switched on
======== ============ ========================================================================

At most ``EVENT_WINDOW`` EVENT and ASK frames are under way: the board has that many slots and a
reply must never wait behind an event.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum

__all__ = ["EVENT_WINDOW", "MAX_VALUE_OCTETS", "UNLIMITED", "FrameReader", "Irq", "Kind", "frame"]

EVENT_WINDOW = 8
MAX_VALUE_OCTETS = 1024
UNLIMITED = 0x3FFF_FFFF

_HEADER = struct.Struct("<BH")


class Kind(IntEnum):
    """Frame kinds."""

    CALL = 1
    NOTIFY = 2
    INDICATE = 3
    WRITE = 4
    CLEAR = 5
    DONE = 6
    ANSWER = 7
    REPLY = 16
    EVENT = 17
    ASK = 18
    GRANT = 19


class Irq(IntEnum):
    """Event numbers of MicroPython's ``bluetooth`` that a peripheral sees."""

    CENTRAL_CONNECT = 1
    CENTRAL_DISCONNECT = 2
    GATTS_WRITE = 3
    GATTS_INDICATE_DONE = 20
    MTU_EXCHANGED = 21
    CONNECTION_UPDATE = 27
    ENCRYPTION_UPDATE = 28
    GET_SECRET = 29
    SET_SECRET = 30
    PASSKEY_ACTION = 31


def frame(kind: Kind, payload: bytes = b"") -> bytes:
    """Return one packed frame."""
    return _HEADER.pack(kind, len(payload)) + payload


class FrameReader:
    """Cut a byte stream into frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield ``(kind, payload)`` of every frame that is complete by now."""
        pending = self._pending
        pending += data
        offset = 0
        while len(pending) - offset >= _HEADER.size:
            kind, length = _HEADER.unpack_from(pending, offset)
            end = offset + _HEADER.size + length
            if len(pending) < end:
                break
            payload = bytes(pending[offset + _HEADER.size : end])
            offset = end
            yield kind, payload
        del pending[:offset]
