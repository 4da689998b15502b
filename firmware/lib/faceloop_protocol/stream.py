"""Header of a stream packet.

======  ====  ===========  ==============  ====================================================
offset  size  type         name            meaning
======  ====  ===========  ==============  ====================================================
0       1     u8           kind            high nibble 1 = EMG stream, low nibble version 1
1       1     u8           flags           bits 0-2 shift, then the FLAG_ constants
2       2     u16          seq             packet number, wraps
4       4     u32          first_frame     index of the first frame, in conversions at 2 kSPS
8       2     u16          dropped         frames lost before they were sent, total, wraps
10      1     u8           lead_off_p      one bit per channel, 1 = electrode off
11      1     u8           lead_off_n
12      1     u8           n_frames        1-40
13      -     bits         payload         ``rice``; encrypted when FLAG_ENCRYPTED is set
======  ====  ===========  ==============  ====================================================

Little-endian. Every packet can be decoded alone.
"""

import struct
from collections import namedtuple

from ._compat import const
from .errors import ProtocolError
from .limits import HEADER_BYTES, MAX_FRAMES, MAX_PACKET_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import Bytes, MutableBytes

KIND = const(0x11)
SHIFT_MASK = const(0x07)
FLAG_HALF_RATE = const(0x08)  # frames are means of two conversions; indices step by two
FLAG_DEGRADED = const(0x10)  # the link is too slow: fewer bits or half rate
FLAG_RESYNC = const(0x20)  # the capture lost its place just before this packet
FLAG_LATE = const(0x40)  # sent again or sent late: for the journal, not for the screen
FLAG_ENCRYPTED = const(0x80)

HEADER_FORMAT = "<BBHIHBBB"

StreamHeader = namedtuple(
    "StreamHeader",
    ("flags", "seq", "first_frame", "dropped", "lead_off_p", "lead_off_n", "n_frames"),
)


def pack_header_into(
    buf: "MutableBytes",
    flags: int,
    seq: int,
    first_frame: int,
    dropped: int,
    lead_off_p: int,
    lead_off_n: int,
    n_frames: int,
) -> None:
    """Write a header to the start of ``buf``; counters are wrapped here."""
    struct.pack_into(
        HEADER_FORMAT,
        buf,
        0,
        KIND,
        flags,
        seq & 0xFFFF,
        first_frame & 0xFFFFFFFF,
        dropped & 0xFFFF,
        lead_off_p,
        lead_off_n,
        n_frames,
    )


def decode_header(packet: "Bytes") -> StreamHeader:
    """Return the ``StreamHeader`` of a packet.

    Raises
    ------
    ProtocolError
        If the length, the kind or the frame count is out of range.
    """
    if not HEADER_BYTES < len(packet) <= MAX_PACKET_BYTES:
        raise ProtocolError("stream packet of %d bytes, allowed are 14-236" % len(packet))
    kind, flags, seq, first, dropped, lead_p, lead_n, n_frames = struct.unpack(
        HEADER_FORMAT, packet[:HEADER_BYTES]
    )
    if kind != KIND:
        raise ProtocolError("stream packet of kind 0x%02x, known is 0x%02x" % (kind, KIND))
    if not 1 <= n_frames <= MAX_FRAMES:
        raise ProtocolError("stream packet with %d frames, allowed are 1-40" % n_frames)
    return StreamHeader(flags, seq, first, dropped, lead_p, lead_n, n_frames)


def seq_distance(newer: int, older: int) -> int:
    """Return how far ``newer`` lies ahead of ``older``, -32768..32767, across the wrap."""
    return ((newer - older + 0x8000) & 0xFFFF) - 0x8000


def counter_block(stream_id: int, first_frame: int) -> bytes:
    """Return the first AES-CTR counter block of a packet's payload (16 bytes).

    Stream id and first frame make it unique for a session key; the last four bytes count blocks,
    most significant byte first, from zero.
    """
    return (
        (stream_id & 0xFFFFFFFF).to_bytes(4, "little")
        + (first_frame & 0xFFFFFFFF).to_bytes(4, "little")
        + b"fl1s\x00\x00\x00\x00"
    )
