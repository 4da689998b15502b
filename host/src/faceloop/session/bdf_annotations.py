"""Annotations laid out over the records of a BDF+ file: the one part edfio cannot write.

edfio (0.4.18) adds up the start of each record in floating point. With records of 0.1 s a third
of them read ``+0.30000000000000004``, and when the recording does not start on a whole second
some fall short (``+1.4999989999999999``): EDFlib refuses such a file, and edfio itself calls every
one of them discontinuous. edfio also makes each record as long as the fullest one, so that a
thousand events at one moment would add gigabytes to an hour. Here times are whole microseconds,
and an annotation that finds its record full goes into a later one. Give this up once edfio does
both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["RECORDS_PER_S", "Annotation", "clean_text", "pack_annotations"]

RECORDS_PER_S = 10
_RECORD_US = 1_000_000 // RECORDS_PER_S
_MAX_TEXT_BYTES = 240
# Three bytes to a sample of the file, four to a number in edfio's memory.
_UNIT_BYTES = 12


class Annotation(NamedTuple):
    """Something that happened, in microseconds from the first sample; not before it.

    ``duration_us`` is None for a moment. ``text`` has gone through ``clean_text``.
    """

    onset_us: int
    duration_us: int | None
    text: str


def clean_text(text: str) -> str:
    """Return ``text`` as a file can hold it: printable, at most 240 bytes of UTF-8.

    Control characters would end an annotation early, in our reader or in someone else's.
    """
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.encode(errors="replace")[:_MAX_TEXT_BYTES].decode(errors="ignore").strip()


def pack_annotations(
    annotations: Sequence[Annotation], n_records: int, subsecond_us: int
) -> tuple[list[bytes], int]:
    """Distribute annotations over the records of a file.

    Parameters
    ----------
    annotations : sequence of Annotation
    n_records : int
        At least 1.
    subsecond_us : int
        By how much the first sample is later than the start time in the header, 0-999,999.

    Returns
    -------
    blocks : list of bytes
        One per record, each opened by its time-keeping annotation, not yet padded.
    annotation_bytes : int
        Room that each record needs, a multiple of 12. Annotations that find their record full go
        into the next one with room: their onset stands in them, so nothing is lost.
    """
    ordered = sorted(annotations, key=lambda a: (a.onset_us, a.text))
    entries = [
        (min(a.onset_us // _RECORD_US, n_records - 1), _entry(a, subsecond_us)) for a in ordered
    ]
    keepers = [
        _seconds(i * _RECORD_US + subsecond_us, sign="+") + b"\x14\x14\x00"
        for i in range(n_records)
    ]
    longest = max((len(entry) for _, entry in entries), default=0)
    total = sum(len(entry) for _, entry in entries)
    room = max(longest, math.ceil(total / n_records))
    while True:
        blocks = _fill(keepers, entries, room)
        if blocks is not None:
            longest_block = max(map(len, blocks))
            return blocks, math.ceil(longest_block / _UNIT_BYTES) * _UNIT_BYTES
        room *= 2


def _fill(keepers: list[bytes], entries: list[tuple[int, bytes]], room: int) -> list[bytes] | None:
    """Return the blocks, or None when ``room`` bytes a record are too few."""
    blocks = list(keepers)
    record = 0
    for earliest, entry in entries:
        record = max(record, earliest)
        while len(blocks[record]) - len(keepers[record]) + len(entry) > room:
            record += 1
            if record == len(blocks):
                return None
        blocks[record] += entry
    return blocks


def _entry(annotation: Annotation, subsecond_us: int) -> bytes:
    onset = _seconds(annotation.onset_us + subsecond_us, sign="+")
    if annotation.duration_us is not None:
        onset += b"\x15" + _seconds(annotation.duration_us)
    return onset + b"\x14" + annotation.text.encode() + b"\x14\x00"


def _seconds(duration_us: int, sign: str = "") -> bytes:
    whole, part = divmod(duration_us, 1_000_000)
    text = f"{sign}{whole}"
    if part:
        text += f".{part:06}".rstrip("0")
    return text.encode()
