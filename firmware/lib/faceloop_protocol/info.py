"""What a board says about itself ("describe"); the host believes this, not its own defaults.

======  ====  ======  =================  =======================================================
offset  size  type    name               meaning
======  ====  ======  =================  =======================================================
0       1     u8      protocol_version
1       3     3 x u8  firmware           major, minor, patch
4       1     u8      board              BOARD_ constants
5       1     u8      converter_id       ID register of the converter, 0 = does not answer
6       1     u8      n_channels
7       2     u16     fs_hz              conversions per second
9       1     u8      gain
10      4     u32     lsb_fv             femtovolt per count at the electrode
14      1     u8      shift              bits cut off in the stream
15      2     u16     ring_kib           size of the re-send ring
17      1     u8      window_packets
18      2     u16     features           FEATURE_ bits
20      8     bytes   device_id
28      4     u32     stream_id          of the stream that is on the board, 0 = none
32      -     text    interpreter        what the board's MicroPython says of itself, ASCII
======  ====  ======  =================  =======================================================
"""

import struct
from collections import namedtuple

from ._compat import const
from .errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import Bytes

BOARD_PICO2W = const(1)
BOARD_ESP32S3 = const(2)
BOARD_VIRTUAL = const(3)
BOARD_NAMES = {BOARD_PICO2W: "pico2w", BOARD_ESP32S3: "esp32s3", BOARD_VIRTUAL: "virtual"}

FEATURE_HEAT = const(0x0001)
FEATURE_VIBRATION = const(0x0002)
FEATURE_BONDING = const(0x0004)
FEATURE_SOFT_CAPTURE = const(0x0008)  # frames are read by interrupts, at half the rate

INFO_FORMAT = "<BBBBBBBHBIBHBH8sI"
INFO_BYTES = const(32)

Info = namedtuple(
    "Info",
    (
        "protocol_version",
        "firmware",
        "board",
        "converter_id",
        "n_channels",
        "fs_hz",
        "gain",
        "lsb_fv",
        "shift",
        "ring_kib",
        "window_packets",
        "features",
        "device_id",
        "stream_id",
        "interpreter",
    ),
)


def pack_info(info: Info) -> bytes:
    """Return the bytes of an ``Info``."""
    interpreter: bytes = info.interpreter.encode()
    head = struct.pack(INFO_FORMAT, info[0], info[1][0], info[1][1], info[1][2], *info[2:14])
    return head + interpreter


def decode_info(body: "Bytes") -> Info:
    """Return the ``Info`` in ``body``.

    Raises
    ------
    ProtocolError
        If it is too short or not readable.
    """
    if len(body) < INFO_BYTES:
        raise ProtocolError("info of %d bytes, at least 32 expected" % len(body))
    fields = struct.unpack(INFO_FORMAT, body[:INFO_BYTES])
    try:
        interpreter = bytes(body[INFO_BYTES:]).decode()
    except (UnicodeError, ValueError):
        raise ProtocolError("info with an unreadable interpreter name")
    values = [fields[0], fields[1:4]]
    values.extend(fields[4:])
    values.append(interpreter)
    return Info(*values)
