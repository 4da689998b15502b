"""The binary messages of ``/ws/live``: the only definition; ``static/wire.js`` mirrors it.

All numbers are little endian. The first byte is the type, the second the version (1).

Server to browser, LIVE (0x01)::

    offset  size  type     name              unit, range
    0       1     u8       type              0x01
    1       1     u8       version           1
    2       1     u8       n_channels        1-32
    3       1     u8       flags             bit 0: calibrated (a rest reference exists)
                                            bit 1: a guide follows the events
    4       4     u32      sequence          message counter, wraps; a jump is messages left out
    8       8     f64      first_frame       frame index of the first column's first frame
    16      8     f64      last_frame        frame index of the newest frame in this message
    24      8     f64      electrode_time_s  server clock: last_frame was at the electrode
    32      4     f32      fs_hz             frames per second
    36      4     f32      lsb_uv            microvolts per count of the columns
    40      2     u16      column_frames     frames per column
    42      2     u16      n_columns         0-65535
    44      1     u8       n_muscles         0-255
    45      1     u8       n_events          0-255
    46      2     u16      reserved          0
    48      4c    f32      envelope_uv       [n_channels], NaN: muted
    ...     4c    f32      rest_uv           [n_channels], NaN: no rest reference yet
    ...     4m    f32      symmetry          [n_muscles], 0-1, NaN: both sides rest
    ...     4cn   i16 x 2  columns           [n_channels][n_columns] (min, max); -32768: gap
    ...           events, n_events times:
    +0      1     u8       kind              index into EVENT_KINDS
    +1      1     i8       channel           -1: none
    +2      2     u16      text_bytes
    +4      4     f32      index             synkinesis index, NaN: none
    +8      8     f64      frame             -1: no place in the signal
    +16     ...   utf-8    text              already in plain words
                  guide, what a repetition asks for now:
    +0      1     u8       phase             index into GUIDE_PHASES
    +1      1     u8       flags             bit 0: shown; bit 1: a contact is bad, so
                                             nothing is judged; bit 2: a quiet muscle joined in
    +2      2     u16      reserved          0
    +4      4     f32      goal              target of this moment; like the next five: 1 is a
    +8      4     f32      hold              comfortable movement; target of the hold
    +12     4     f32      low               band of this moment
    +16     4     f32      high
    +20     4     f32      left_share        NaN: not known
    +24     4     f32      right_share
    +28     4     f32      remaining_s       of the phase
    +32     4     f32      pitch             0 at rest, 0.5 at the target, 1 above the band
    +36     4     f32      volume            0-1

Server to browser, PONG (0x02), 32 bytes::

    0 u8 type, 1 u8 version, 2 u16 reserved, 4 u32 dropped (messages this client was not sent),
    8 f64 client_ms (from PING), 16 f64 server_s (``time.monotonic()``),
    24 f32 queue_p50_ms, 28 f32 queue_p99_ms (age of what was sent, at the end of the send)

Browser to server::

    PING  (0x10) 16 bytes: u8 type, u8 version, u16 0, u32 0, f64 client_ms (``performance.now()``)
    DRAWN (0x11) 24 bytes: u8 type, u8 version, u8 is_cue, u8 0, f32 fps, f64 frame, f64 server_s
                 ``frame`` was on screen at ``server_s``; a cue names its event's own frame
    ACK   (0x12)  8 bytes: u8 type, u8 version, u16 0, u32 sequence (newest LIVE received)
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceloop.session.live import LiveEvent

__all__ = [
    "EVENT_KINDS",
    "GUIDE_PHASES",
    "Ack",
    "Drawn",
    "Guide",
    "Ping",
    "WireError",
    "decode_client",
    "pack_live",
    "pack_pong",
]

VERSION = 1
LIVE, PONG, PING, DRAWN, ACK = 0x01, 0x02, 0x10, 0x11, 0x12

EVENT_KINDS = (
    "note",
    "onset_cue",
    "synkinesis",
    "synkinesis_end",
    "gap",
    "link_lost",
    "link_back",
    "fault",
)

GUIDE_PHASES = ("none", "ready", "rise", "hold", "release", "rest")

# 0.1 uV is a tenth of the input noise in band and lets 16 bits reach +-3.2 mV, far beyond EMG.
LSB_UV = 0.1
GAP = -32768
MAX_TEXT_BYTES = 500

_LIVE_HEAD = struct.Struct("<BBBBIdddffHHBBH")
_EVENT_HEAD = struct.Struct("<BbHfd")
_GUIDE = struct.Struct("<BBHfffffffff")
_PONG = struct.Struct("<BBHIddff")
_PING = struct.Struct("<BBHId")
_DRAWN = struct.Struct("<BBBBfdd")
_ACK = struct.Struct("<BBHI")


class WireError(ValueError):
    """Bytes from a browser that are no message of this protocol."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The browser asks for the server's clock."""

    client_ms: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """The signal up to ``frame`` was on screen at server time ``server_s``."""

    frame: int
    server_s: float
    fps: float
    is_cue: bool


@dataclass(frozen=True, slots=True)
class Guide:
    """What a repetition asks for at this moment; shares of a comfortable movement.

    Parameters
    ----------
    phase : str
        One of ``GUIDE_PHASES``.
    goal, hold : float
        Target of this moment, and of the hold.
    low, high : float
        Band of this moment.
    left_share, right_share : float
        Where the sides are, NaN when not known.
    remaining_s : float
        Of the phase.
    pitch, volume : float
        Of the tone that follows, 0 to 1.
    is_shown : bool
        Whether this repetition has feedback.
    is_muted : bool
        A contact is bad: nothing is judged or shown.
    is_joined : bool
        A quiet muscle joined in.
    """

    phase: str
    goal: float
    hold: float
    low: float
    high: float
    left_share: float
    right_share: float
    remaining_s: float
    pitch: float = 0.0
    volume: float = 0.0
    is_shown: bool = True
    is_muted: bool = False
    is_joined: bool = False


@dataclass(frozen=True, slots=True)
class Ack:
    """The newest LIVE message that arrived."""

    sequence: int


def pack_live(
    *,
    sequence: int,
    fs_hz: float,
    column_frames: int,
    first_column: int,
    last_frame: int,
    electrode_time_s: float,
    columns_uv: NDArray[np.float32],
    envelope_uv: NDArray[np.float32],
    rest_uv: NDArray[np.float32],
    symmetry: NDArray[np.float32],
    events: tuple[LiveEvent, ...] = (),
    is_calibrated: bool = False,
    guide: Guide | None = None,
) -> bytes:
    """Return one LIVE message.

    Parameters
    ----------
    sequence, column_frames, first_column, last_frame : int
    fs_hz, electrode_time_s : float
    columns_uv : ndarray of float32, shape (n_channels, n_columns, 2)
        Minimum and maximum; NaN in a gap.
    envelope_uv, rest_uv : ndarray of float32, shape (n_channels,)
    symmetry : ndarray of float32, shape (n_muscles,)
    events : tuple of LiveEvent
        With their text filled in; beyond 255 the oldest are left out.
    is_calibrated : bool
    guide : Guide or None
    """
    n_channels, n_columns, _ = columns_uv.shape
    events = events[-255:]
    head = _LIVE_HEAD.pack(
        LIVE,
        VERSION,
        n_channels,
        (1 if is_calibrated else 0) | (2 if guide is not None else 0),
        sequence & 0xFFFFFFFF,
        float(first_column * column_frames),
        float(last_frame),
        electrode_time_s,
        fs_hz,
        LSB_UV,
        column_frames,
        n_columns,
        len(symmetry),
        len(events),
        0,
    )
    counts = np.rint(columns_uv * np.float32(1.0 / LSB_UV))
    counts = np.where(np.isnan(counts), GAP, np.clip(counts, GAP + 1, -GAP - 1))
    parts = [
        head,
        np.asarray(envelope_uv, "<f4").tobytes(),
        np.asarray(rest_uv, "<f4").tobytes(),
        np.asarray(symmetry, "<f4").tobytes(),
        counts.astype("<i2").tobytes(),
    ]
    parts += [_pack_event(event) for event in events]
    if guide is not None:
        parts.append(_pack_guide(guide))
    return b"".join(parts)


def _pack_guide(guide: Guide) -> bytes:
    flags = guide.is_shown | guide.is_muted << 1 | guide.is_joined << 2
    return _GUIDE.pack(
        GUIDE_PHASES.index(guide.phase),
        flags,
        0,
        guide.goal,
        guide.hold,
        guide.low,
        guide.high,
        guide.left_share,
        guide.right_share,
        guide.remaining_s,
        guide.pitch,
        guide.volume,
    )


def _pack_event(event: LiveEvent) -> bytes:
    # "ignore" drops the half of a character that the cut may leave behind.
    text = event.text.encode()[:MAX_TEXT_BYTES].decode(errors="ignore").encode()
    kind = EVENT_KINDS.index(event.kind) if event.kind in EVENT_KINDS else 0
    channel = event.channel if 0 <= event.channel <= 127 else -1
    return _EVENT_HEAD.pack(kind, channel, len(text), event.index, float(event.frame)) + text


def pack_pong(
    ping: Ping, server_s: float, dropped: int, queue_p50_ms: float, queue_p99_ms: float
) -> bytes:
    """Return the answer to a PING."""
    times = (ping.client_ms, server_s, queue_p50_ms, queue_p99_ms)
    return _PONG.pack(PONG, VERSION, 0, dropped & 0xFFFFFFFF, *times)


def decode_client(message: bytes) -> Ping | Drawn | Ack:
    """Return what a browser sent.

    Raises
    ------
    WireError
        For any bytes that are not exactly one message with finite numbers in range.
    """
    kind = message[0] if message else -1
    layout = {PING: _PING, DRAWN: _DRAWN, ACK: _ACK}.get(kind)
    if layout is None or len(message) != layout.size or message[1] != VERSION:
        raise WireError(f"no message of version {VERSION}: type {kind}, {len(message)} bytes")
    fields = layout.unpack(message)
    if not all(math.isfinite(value) for value in fields):
        raise WireError(f"a number of message type {kind} is not finite")
    if kind == PING:
        return Ping(client_ms=fields[4])
    if kind == ACK:
        return Ack(sequence=fields[3])
    _, _, is_cue, _, fps, frame, server_s = fields
    if not 0 <= frame < 2**53 or is_cue not in (0, 1):
        raise WireError(f"frame {frame} or cue flag {is_cue} out of range")
    return Drawn(frame=int(frame), server_s=server_s, fps=fps, is_cue=bool(is_cue))
