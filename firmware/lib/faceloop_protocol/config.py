"""How a board is set up now (read of ``config``).

A write to ``config`` is a command like one to ``control``: only tagged commands change anything.

======  ====  ====  ======  ==============================
offset  size  type  name    meaning
======  ====  ====  ======  ==============================
0       1     u8    mode    MODE_TRAINING, MODE_RECORDING
1       1     u8    shift   bits cut off each count
2       1     u8    gain    of every channel
3       2     u16   fs_hz   conversions per second
======  ====  ====  ======  ==============================
"""

import struct
from collections import namedtuple

from ._compat import const
from .errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import Bytes, MutableBytes

CONFIG_FORMAT = "<BBBH"
CONFIG_BYTES = const(5)

Config = namedtuple("Config", ("mode", "shift", "gain", "fs_hz"))


def pack_config_into(buf: "MutableBytes", mode: int, shift: int, gain: int, fs_hz: int) -> None:
    """Write the bytes of a ``Config``."""
    struct.pack_into(CONFIG_FORMAT, buf, 0, mode, shift, gain, fs_hz)


def decode_config(body: "Bytes") -> Config:
    """Return the ``Config`` in ``body``.

    Raises
    ------
    ProtocolError
        If its length is wrong.
    """
    if len(body) != CONFIG_BYTES:
        raise ProtocolError("config of %d bytes, 5 expected" % len(body))
    return Config(*struct.unpack(CONFIG_FORMAT, body))
