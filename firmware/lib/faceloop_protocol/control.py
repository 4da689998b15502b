"""Commands (host to board) and replies (board to host).

A plain command is ``op u8 | body``. A tagged command is ``op u8 | counter u32 | body | tag 8 B``:
the counter rises strictly within a session, the tag is that of ``session.command_tag``.
A reply is ``op | 0x80 u8 | counter u32 (0 for plain commands) | status u8 | body``.

===========  =========  ======  ===============================  ============================
command      op         tagged  body                             body of the reply
===========  =========  ======  ===============================  ============================
HELLO        0x01       no      version u8, host nonce 16 B      device id 8 B, nonce 16 B,
                                and, may be left out, role u8    proof 16 B
PROVE        0x02       no      proof 16 B
STOP         0x03       no                                       ``StreamEnd``
DESCRIBE     0x04       no                                       ``info``
START        0x10       yes     mode u8, shift u8, time u64 ms   stream id u32
ACK          0x11       yes     received u16, stored u16         (no reply)
RESEND       0x12       yes     first seq u16, count u16         ``StreamExtent``
RESUME       0x13       yes     stream id u32, next seq u16      ``StreamExtent``
SET_MODE     0x14       yes     mode u8
CLOSE        0x15       yes
SELF_TEST    0x16       yes                                      (begins; see SELF_REPORT)
SELF_REPORT  0x17       yes                                      ``selftest``; BUSY until then
VIBRATE      0x20       yes     strength u8 %, length u16 ms
(vibration)  0x21-0x2F  yes     reserved
(heat)       0x40-0x4F  yes     ``heat``; the reply is NOT_FITTED where no heater is fitted
===========  =========  ======  ===============================  ============================

``received`` counts the stream packets that arrived on this link since PROVE (modulo 2^16) and
opens the window. ``stored`` is the seq before which everything is on the host's disk, and frees
the board's re-send ring. STOP needs no proof: a remote party may always stop, never start.
Of more than ``COMMANDS_PER_S`` commands on a link only STOP is carried out. The rest are answered
with RATE_LIMITED, at that same rate and no oftener. ``ACK`` has a rate of its own.
A HELLO for a role that has no key is answered BAD_PROOF.
Over Bluetooth, a link whose MTU is below ``MIN_MTU`` would cut packets and replies short: of plain
commands only STOP is carried out there, the others are answered SMALL_MTU.
VIBRATE with strength 0 or length 0 stops the motor; so do STOP and the end of the link.
Times are UTC milliseconds since 1970.
"""

import struct
from collections import namedtuple

from ._compat import const
from .errors import ProtocolError
from .limits import TAG_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import Any, Bytes

HELLO = const(0x01)
PROVE = const(0x02)
STOP = const(0x03)
DESCRIBE = const(0x04)
START = const(0x10)
ACK = const(0x11)
RESEND = const(0x12)
RESUME = const(0x13)
SET_MODE = const(0x14)
CLOSE = const(0x15)
SELF_TEST = const(0x16)
SELF_REPORT = const(0x17)
VIBRATION_FIRST = const(0x20)
VIBRATE = const(0x20)
HEAT_FIRST = const(0x40)
HEAT_LAST = const(0x4F)
FIRST_TAGGED = const(0x10)
REPLY = const(0x80)

OK = const(0)
NOT_FITTED = const(1)
PROOF_NEEDED = const(2)
BAD_PROOF = const(3)
BAD_TAG = const(4)
BAD_COUNTER = const(5)
BAD_LENGTH = const(6)
OUT_OF_RANGE = const(7)
UNKNOWN_COMMAND = const(8)
BUSY = const(9)
NO_STREAM = const(10)
GONE = const(11)  # that stream is no longer on the board
CONVERTER_FAULT = const(12)
POWER_REFUSED = const(13)  # USB power without bench plug, charger, or battery too low
VERSION_MISMATCH = const(14)
RATE_LIMITED = const(15)  # more than COMMANDS_PER_S; the command was not carried out
BACK_OFF = const(16)  # too many wrong proofs or tags on this link, by whomever: BACK_OFF_MS long
SMALL_MTU = const(17)  # the Bluetooth link takes no whole packet; body: its MTU, u16
HEAT_REFUSED = const(20)  # body: the cause, u8, of ``heat``

MODE_TRAINING = const(0)  # packets close at 20 frames: 10 ms, low latency
MODE_RECORDING = const(1)  # packets close when full: fewer bytes

START_FORMAT = "<BBQ"
ACK_FORMAT = "<HH"
RESEND_FORMAT = "<HH"
RESUME_FORMAT = "<IH"
VIBRATE_FORMAT = "<BH"
MAX_VIBRATION_MS = const(2000)  # longer ones are renewed: silence means still

Reply = namedtuple("Reply", ("op", "counter", "status", "body"))

BODY_AT = const(5)  # of a tagged command
ACK_BYTES = BODY_AT + struct.calcsize(ACK_FORMAT) + TAG_BYTES

EXTENT_FORMAT = "<IHIHIB"
StreamExtent = namedtuple(
    "StreamExtent",
    ("stream_id", "oldest_seq", "oldest_frame", "head_seq", "head_frame", "is_running"),
)
"""What the board still holds: packets ``oldest_seq`` up to, not including, ``head_seq``."""

END_FORMAT = "<IHI"
StreamEnd = namedtuple("StreamEnd", ("stream_id", "end_seq", "end_frame"))
"""Where a stopped stream ended: one past its last packet and one past its last frame."""


def pack_tagged(op: int, counter: int, body: "Bytes") -> bytes:
    """Return a tagged command without its tag."""
    return struct.pack("<BI", op, counter) + body


def counter_of(message: "Bytes") -> int:
    """Return the counter of a tagged command; copies nothing.

    Raises
    ------
    ProtocolError
        If the message is shorter than op, counter and tag.
    """
    if len(message) < BODY_AT + TAG_BYTES:
        raise ProtocolError("tagged command of %d bytes" % len(message))
    return u16_at(message, 1) | u16_at(message, 3) << 16


def u16_at(message: "Bytes", at: int) -> int:
    """Return the number at a place of a message; ``struct`` would allocate, 25 times a second."""
    return message[at] | message[at + 1] << 8


def pack_reply(op: int, counter: int, status: int, body: bytes = b"") -> bytes:
    """Return a reply."""
    return struct.pack("<BIB", op | REPLY, counter, status) + body


def decode_reply(message: "Bytes") -> Reply:
    """Return a ``Reply``; its ``op`` is that of the command.

    Raises
    ------
    ProtocolError
        If this is no reply.
    """
    if len(message) < 6 or not message[0] & REPLY:
        raise ProtocolError("reply of %d bytes" % len(message))
    op, counter, status = struct.unpack("<BIB", message[:6])
    return Reply(op & ~REPLY, counter, status, bytes(message[6:]))


def decode_body(layout: str, body: "Bytes", kind: "type | None" = None) -> "Any":
    """Unpack ``body`` by a ``struct`` format, into the named tuple ``kind`` when given.

    Raises
    ------
    ProtocolError
        If the length is not that of the format.
    """
    if len(body) != struct.calcsize(layout):
        raise ProtocolError("body of %d bytes, %d expected" % (len(body), struct.calcsize(layout)))
    fields = struct.unpack(layout, body)
    return kind(*fields) if kind else fields
