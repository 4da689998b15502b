"""What a host reads out of the reports of a board. No board imports this.

A named tuple keeps the name of every field in memory, which a board that only packs them has no
use for. The layouts are those of ``state`` and ``heat``.
"""

import struct
from collections import namedtuple

from .errors import ProtocolError
from .heat import HEAT_STATE_BYTES, HEAT_STATE_FORMAT
from .state import STATE_BYTES, STATE_FORMAT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import Bytes

LEAST_STATE_BYTES = 44  # of the first boards and recordings: what they lack reads 0

BoardState = namedtuple(
    "BoardState",
    (
        "state",
        "fault",
        "power",
        "battery_pct",
        "battery_mv",
        "lead_off_p",
        "lead_off_n",
        "uptime_s",
        "head_frame",
        "oldest_seq",
        "head_seq",
        "ring_used_bytes",
        "sent",
        "resent",
        "dropped",
        "send_failures",
        "resyncs",
        "bad_tags",
        "disconnects",
        "heap_free_bytes",
        "degrade",
        "restarts",
        "slipped",
        "gc_longest_ms",
        "presses",
        "long_presses",
        "radio",
        "refused",
    ),
)

HeatState = namedtuple(
    "HeatState",
    (
        "state",
        "cause",
        "info",
        "sessions_left",
        "face_cdegc",
        "core_cdegc",
        "target_cdegc",
        "power_mw",
        "setpoint_cdegc",
        "lease_ms",
        "remaining_ms",
        "dose_umin",
        "day_dose_umin",
        "a_cdegc",
        "c_cdegc",
        "z_cdegc",
        "h_cdegc",
        "duty_permille",
        "permission",
    ),
)


def decode_state(body: "Bytes") -> BoardState:
    """Return the ``BoardState`` in ``body``; what a newer board adds at its end is left out.

    Raises
    ------
    ProtocolError
        If it is too short.
    """
    if len(body) < LEAST_STATE_BYTES:
        raise ProtocolError("state of %d bytes, at least 44 expected" % len(body))
    body = bytes(body[:STATE_BYTES])
    return BoardState(*struct.unpack(STATE_FORMAT, body + bytes(STATE_BYTES - len(body))))


def decode_heat_state(body: "Bytes") -> HeatState:
    """Return the ``HeatState`` in ``body``.

    Raises
    ------
    ProtocolError
        If its length is wrong.
    """
    if len(body) != HEAT_STATE_BYTES:
        raise ProtocolError("heat state of %d bytes, %d expected" % (len(body), HEAT_STATE_BYTES))
    return HeatState(*struct.unpack(HEAT_STATE_FORMAT, body))
