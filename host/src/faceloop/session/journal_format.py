"""Chunks of a journal: bytes in, intact chunks out, whatever happened to the file.

======  ====  =====  ============  ===========================================================
offset  size  type   name          meaning
======  ====  =====  ============  ===========================================================
0       4     bytes  magic         F1 46 4C 4A
4       1     u8     type          ``ChunkType``; readers skip types they do not know
5       4     u32    length        bytes of payload, at most 65536
9       4     u32    sequence      0, 1, 2 ... over the whole file
13      8     i64    frame         full frame index at 2 kSPS, -1 = no place in the signal
21      8     i64    host_time_ns  UTC of the host, nanoseconds since 1970
29      n     bytes  payload
29 + n  4     u32    crc           CRC-32 of all bytes before it, magic included
======  ====  =====  ============  ===========================================================

Little-endian. Payloads:

- HEADER: JSON of ``JournalHeader``; written twice at the start and again after every MiB.
- PACKETS: ``u8 length`` and a decrypted stream packet, repeated; late packets stand where they
  arrived. ``frame`` belongs to the first of them.
- EVENT: JSON object with at least ``kind``; ``end_unknown`` says that the board was out of reach
  at the end and may have measured more.
- STATE: body of the board's ``state`` message as it came.
- HEAT: body of the board's ``HeatState`` as it came, at the newest frame then.
- GAP: ``i64 first_frame, u64 n``, frames that will never come.
- END: ``i64 end_frame``, one past the last frame of a recording that was ended on purpose.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from faceloop.errors import StorageError

__all__ = [
    "END_UNKNOWN",
    "JOURNAL_NAME",
    "MAGIC",
    "MAX_CHUNK_PAYLOAD_BYTES",
    "NO_FRAME",
    "Chunk",
    "ChunkType",
    "Damage",
    "decode_end",
    "decode_gap",
    "decode_json",
    "encode_chunk",
    "encode_end",
    "encode_gap",
    "encode_json",
    "scan",
    "split_packets",
]

JOURNAL_NAME = "journal.fllog"
END_UNKNOWN = "end_unknown"
MAGIC = b"\xf1FLJ"
NO_FRAME = -1
MAX_CHUNK_PAYLOAD_BYTES = 65536

_HEAD = struct.Struct("<4sBIIqq")
_CRC = struct.Struct("<I")
_GAP = struct.Struct("<qQ")
_END = struct.Struct("<q")
OVERHEAD_BYTES = _HEAD.size + _CRC.size
_MAX_CHUNK_BYTES = OVERHEAD_BYTES + MAX_CHUNK_PAYLOAD_BYTES


class ChunkType(IntEnum):
    """What a chunk's payload is."""

    HEADER = 1
    PACKETS = 2
    EVENT = 3
    STATE = 4
    GAP = 5
    END = 6
    HEAT = 7


class Chunk(NamedTuple):
    """One intact chunk and where it starts in the file."""

    type: int
    sequence: int
    frame: int
    host_time_ns: int
    payload: bytes
    offset: int

    @property
    def payload_offset(self) -> int:
        """Offset of the payload's first byte in the file."""
        return self.offset + _HEAD.size

    @property
    def end(self) -> int:
        """Offset of the first byte after the chunk."""
        return self.offset + OVERHEAD_BYTES + len(self.payload)


class Damage(NamedTuple):
    """A stretch of the file that holds no intact chunk: a torn tail or flipped bits."""

    offset: int
    n_bytes: int


def encode_chunk(
    kind: ChunkType, sequence: int, frame: int, host_time_ns: int, payload: bytes | bytearray
) -> bytes:
    """Return the bytes of a chunk.

    Raises
    ------
    StorageError
        If the payload is longer than 65536 bytes.
    """
    if len(payload) > MAX_CHUNK_PAYLOAD_BYTES:
        raise StorageError(
            f"A journal entry of {len(payload)} bytes is too long, at most"
            f" {MAX_CHUNK_PAYLOAD_BYTES} are allowed: write a shorter one."
        )
    body = _HEAD.pack(
        MAGIC, kind, len(payload), sequence & 0xFFFFFFFF, frame, host_time_ns
    ) + bytes(payload)
    return body + _CRC.pack(zlib.crc32(body))


def scan(blocks: Iterable[bytes]) -> Iterator[Chunk | Damage]:
    """Find every intact chunk in a file, in file order, and name what lies between them.

    Parameters
    ----------
    blocks : iterable of bytes
        The file in pieces of any size. At most one piece and one chunk are held in memory.

    Yields
    ------
    Chunk or Damage
        Together they cover each byte of the file exactly once. Never raises for any bytes.
    """
    source = iter(blocks)
    held = b""
    base = 0  # file offset of held[0]
    at = 0  # position in held
    damage_offset = -1
    is_complete = False
    while True:
        while not is_complete and len(held) - at < _MAX_CHUNK_BYTES:
            block = next(source, None)
            if block is None:
                is_complete = True
            else:
                held = held[at:] + block
                base += at
                at = 0
        if at >= len(held):
            break
        chunk = _chunk_at(held, at, base)
        if chunk is not None:
            if damage_offset >= 0:
                yield Damage(damage_offset, chunk.offset - damage_offset)
                damage_offset = -1
            yield chunk
            at = chunk.end - base
            continue
        if damage_offset < 0:
            damage_offset = base + at
        found = held.find(MAGIC, at + 1)
        # Without a match, the last bytes may still be the beginning of a magic.
        keep = len(held) if is_complete else max(at + 1, len(held) - len(MAGIC) + 1)
        at = found if found >= 0 else keep
    if damage_offset >= 0:
        yield Damage(damage_offset, base + len(held) - damage_offset)


def _chunk_at(held: bytes, at: int, base: int) -> Chunk | None:
    if len(held) - at < OVERHEAD_BYTES:
        return None
    magic, kind, length, sequence, frame, host_time_ns = _HEAD.unpack_from(held, at)
    if magic != MAGIC or length > MAX_CHUNK_PAYLOAD_BYTES:
        return None
    end = at + _HEAD.size + length
    if end + _CRC.size > len(held):
        return None
    body = held[at:end]
    if _CRC.unpack_from(held, end)[0] != zlib.crc32(body):
        return None
    return Chunk(kind, sequence, frame, host_time_ns, body[_HEAD.size :], base + at)


def split_packets(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield ``(offset, packet)`` of each packet in a PACKETS payload.

    Raises
    ------
    StorageError
        If the last packet is cut off.
    """
    at = 0
    while at < len(payload):
        n_bytes = payload[at]
        packet = payload[at + 1 : at + 1 + n_bytes]
        if len(packet) < n_bytes:
            raise StorageError(
                "A journal entry ends inside a packet: it was not written by faceloop."
            )
        yield at + 1, packet
        at += 1 + n_bytes


def encode_json(content: dict[str, Any]) -> bytes:
    """Return compact ASCII JSON; numbers that are not finite become null."""
    return json.dumps(
        _finite(content), separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def decode_json(payload: bytes) -> dict[str, Any]:
    """Return the JSON object in a HEADER or EVENT payload.

    Raises
    ------
    StorageError
        If it is not one.
    """
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise StorageError(
            "A journal entry holds unreadable text: it was not written by faceloop."
        ) from error
    if not isinstance(content, dict):
        raise StorageError("A journal entry is no JSON object: it was not written by faceloop.")
    return content


def encode_gap(first_frame: int, n_frames: int) -> bytes:
    """Return a GAP payload."""
    return _GAP.pack(first_frame, n_frames)


def decode_gap(payload: bytes) -> tuple[int, int]:
    """Return ``(first_frame, n_frames)``, or raise ``StorageError``."""
    return _unpack(_GAP, payload)  # type: ignore[return-value]


def encode_end(end_frame: int) -> bytes:
    """Return an END payload."""
    return _END.pack(end_frame)


def decode_end(payload: bytes) -> int:
    """Return ``end_frame``, or raise ``StorageError``."""
    return _unpack(_END, payload)[0]


def _unpack(layout: struct.Struct, payload: bytes) -> tuple[int, ...]:
    if len(payload) != layout.size:
        raise StorageError(
            f"A journal entry of {len(payload)} bytes should have {layout.size}: it was not"
            " written by faceloop."
        )
    return layout.unpack(payload)
