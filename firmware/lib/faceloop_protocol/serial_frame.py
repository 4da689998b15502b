"""The same messages over a USB serial port.

A frame is ``channel u8 | message | CRC-32 of both, u32``. Two encodings:

- *text*, whenever no stream runs: a line ``FL <frame in hex>`` and a newline. Ctrl-C keeps its
  meaning, so ``mpremote`` can always enter.
- *binary*, only between an authenticated START and STOP: COBS, ended by a zero byte. It is left
  after 2 s of silence, so also when the cable goes.

COBS: S. Cheshire, M. Baker, IEEE/ACM Trans. Networking 7(2), 1999.
"""

import binascii
import struct

from ._compat import const
from .errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import Bytes, MutableBytes

CHANNEL_CONTROL = const(1)
CHANNEL_STREAM = const(2)
CHANNEL_STATE = const(3)
CHANNEL_KEY = const(4)  # the board's key, only ever over the cable

# What is asked for on CHANNEL_KEY. The answer is the device id and the key, or the id alone from a
# board that wants its button held first.
KEY_OWNER = b"?"
KEY_THERAPIST = b"2"

MAX_FRAME_BYTES = const(248)  # so that one COBS block always suffices
LINE_PREFIX = b"FL "


def frame(channel: int, message: "Bytes") -> bytes:
    """Return ``channel``, message and checksum."""
    body = bytes([channel]) + bytes(message)
    return body + struct.pack("<I", binascii.crc32(body) & 0xFFFFFFFF)


def unframe(data: "Bytes") -> "tuple[int, bytes]":
    """Return ``(channel, message)``.

    Raises
    ------
    ProtocolError
        If the length or the checksum is wrong.
    """
    if not 5 <= len(data) <= MAX_FRAME_BYTES:
        raise ProtocolError("serial frame of %d bytes" % len(data))
    body = bytes(data[: len(data) - 4])
    if binascii.crc32(body) & 0xFFFFFFFF != struct.unpack("<I", data[len(data) - 4 :])[0]:
        raise ProtocolError("serial frame with a wrong checksum")
    return body[0], body[1:]


def encode_line(channel: int, message: "Bytes") -> bytes:
    """Return a frame as one line of text."""
    return LINE_PREFIX + binascii.hexlify(frame(channel, message)) + b"\n"


def decode_line(line: "Bytes") -> "tuple[int, bytes] | None":
    """Return ``(channel, message)`` of a line, or None when it is some other text.

    Raises
    ------
    ProtocolError
        If it starts like one of ours but is broken.
    """
    line = bytes(line).strip()
    if not line.startswith(LINE_PREFIX):
        return None
    try:
        data = binascii.unhexlify(line[3:])
    except ValueError:
        raise ProtocolError("serial line that is not hexadecimal")
    return unframe(data)


def cobs_encode_into(buf: "MutableBytes", data: "Bytes") -> int:
    """Write ``data`` (at most 248 bytes) COBS-encoded and ended by zero; return the length."""
    code_at = 0
    n = 1
    for byte in data:
        if byte:
            buf[n] = byte
        else:
            buf[code_at] = n - code_at
            code_at = n
        n += 1
    buf[code_at] = n - code_at
    buf[n] = 0
    return n + 1


def cobs_decode(block: "Bytes") -> bytes:
    """Return the bytes of a COBS block given without its ending zero.

    Raises
    ------
    ProtocolError
        If a code byte is zero or points past the end.
    """
    out = bytearray()
    i = 0
    while i < len(block):
        code = block[i]
        if code == 0 or i + code > len(block):
            raise ProtocolError("broken serial block")
        out += bytes(block[i + 1 : i + code])
        i += code
        if i < len(block):
            out.append(0)
    return bytes(out)
