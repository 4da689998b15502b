"""Bytes of a BDF+ file: header, data records of 0.1 s, annotations.

BDF+ is EDF+ (Kemp & Olivan 2003, https://www.edfplus.info/specs/edfplus.html) with 24-bit samples
and BioSemi's first eight bytes. It is written here, record by record in bounded memory, and read
back with edfio, so that two independent programs agree on every file that is kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from faceloop_protocol.limits import N_CHANNELS
from numpy.typing import NDArray

__all__ = [
    "RECORDS_PER_S",
    "Annotation",
    "BdfHeader",
    "clean_text",
    "encode_header",
    "encode_records",
    "pack_annotations",
    "short_label",
]

RECORDS_PER_S = 10
DIGITAL_RANGE = (-(1 << 23), (1 << 23) - 1)
_RECORD_US = 1_000_000 // RECORDS_PER_S
_MAX_TEXT_BYTES = 240
_LABEL_CHARS = 16
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BdfHeader:
    """What the header of a file says.

    Parameters
    ----------
    labels : tuple of str
        Full names, one per channel.
    fs_hz : int
    lsb_uv : float
        Microvolts per count.
    start_local : datetime
        Wall clock beside the wearer, microseconds included.
    pseudonym, equipment : str
        Without spaces.
    n_records : int
    annotation_bytes : int
        Per record, a multiple of 3.
    """

    labels: tuple[str, ...]
    fs_hz: int
    lsb_uv: float
    start_local: datetime
    pseudonym: str
    equipment: str
    n_records: int
    annotation_bytes: int

    @property
    def record_frames(self) -> int:
        """Frames in each record."""
        return self.fs_hz // RECORDS_PER_S

    @property
    def record_bytes(self) -> int:
        """Bytes of each record, annotations included."""
        return self.record_frames * N_CHANNELS * 3 + self.annotation_bytes

    @property
    def n_bytes(self) -> int:
        """Bytes of the header."""
        return 256 * (N_CHANNELS + 2)


def short_label(name: str) -> str:
    """Return a muscle's name as an EDF+ label: signal type, up to ten letters, side.

    ``zygomaticus_major_l`` becomes ``EMG ZygomMajor L``: each word is cut to its share.
    """
    words = re.findall(r"[A-Za-z0-9]+", name.encode("ascii", "ignore").decode())
    side = ""
    if len(words) > 1 and words[-1].lower() in ("l", "r", "left", "right"):
        side = " " + words.pop()[0].upper()
    room = _LABEL_CHARS - len("EMG ") - len(side)
    share = room // max(len(words), 1)
    if sum(map(len, words)) <= room:
        share = room
    # More words than letters: the first ones must do.
    body = "".join(word[: max(share, 1)].capitalize() for word in words)[:room]
    return f"EMG {body or '?'}{side}"


def encode_header(header: BdfHeader) -> bytes:
    """Return the header record.

    Physical and digital range are those of the converter, +-VREF/gain over 24 bits. EDF gives
    eight characters to a number, too few for the half count by which the range is lopsided: a
    count of zero reads as half a count (0.012 uV at gain 12). The counts themselves are exact.
    """
    start = header.start_local
    high = _eight_chars(DIGITAL_RANGE[1] * header.lsb_uv)
    labels = [short_label(name) for name in header.labels]
    labels = [
        label if labels.count(label) == 1 else f"EMG {i + 1} {label[4:]}"[:_LABEL_CHARS]
        for i, label in enumerate(labels)
    ]
    names = [_ascii(name) for name in header.labels]
    n_annotation = header.annotation_bytes // 3
    filters = f"none; sinc3 of the converter, -3 dB at {0.262 * header.fs_hz:.0f} Hz"
    date = f"{start.day:02}-{_MONTHS[start.month - 1]}-{start.year:04}"
    columns: list[tuple[int, list[str]]] = [
        (16, [*labels, "BDF Annotations"]),
        (80, [*(f"surface electrode pair on {name}" for name in names), ""]),
        (8, ["uV"] * N_CHANNELS + [""]),
        (8, ["-" + high] * N_CHANNELS + ["-1"]),
        (8, [high] * N_CHANNELS + ["1"]),
        (8, [str(DIGITAL_RANGE[0])] * (N_CHANNELS + 1)),
        (8, [str(DIGITAL_RANGE[1])] * (N_CHANNELS + 1)),
        (80, [filters] * N_CHANNELS + [""]),
        (8, [str(header.record_frames)] * N_CHANNELS + [str(n_annotation)]),
        (32, [""] * (N_CHANNELS + 1)),
    ]
    main = [
        (80, f"{header.pseudonym} X X X"),
        (80, f"Startdate {date} X X {header.equipment}"),
        (8, f"{start.day:02}.{start.month:02}.{start.year % 100:02}"),
        (8, f"{start.hour:02}.{start.minute:02}.{start.second:02}"),
        (8, str(header.n_bytes)),
        (44, "BDF+C"),
        (8, str(header.n_records)),
        (8, "0.1"),
        (4, str(N_CHANNELS + 1)),
    ]
    text = "".join(value[:width].ljust(width) for width, value in main)
    text += "".join(value[:width].ljust(width) for width, column in columns for value in column)
    return b"\xffBIOSEMI" + text.encode("ascii")


def _ascii(text: str) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text)


def _eight_chars(magnitude: float) -> str:
    """Return a number below 10 million that fits eight characters with a minus before it."""
    decimals = max(8 - len("-.") - len(str(int(magnitude))), 0)
    text = f"{magnitude:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


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
        Room that each record needs, a multiple of 3. Annotations that find their record full go
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
            return blocks, math.ceil(longest_block / 3) * 3
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


def encode_records(
    counts: NDArray[np.int32], blocks: Sequence[bytes], header: BdfHeader
) -> NDArray[np.uint8]:
    """Return whole data records.

    Parameters
    ----------
    counts : ndarray of int32, shape (n_records * record_frames, 8)
        24-bit values.
    blocks : sequence of bytes
        Annotations of these records.
    header : BdfHeader

    Returns
    -------
    records : ndarray of uint8, shape (n_records, record_bytes)
    """
    n_records = len(blocks)
    by_channel = counts.reshape(n_records, header.record_frames, N_CHANNELS).transpose(0, 2, 1)
    four = np.ascontiguousarray(by_channel, dtype="<i4").view(np.uint8)
    samples = four.reshape(n_records, -1, 4)[:, :, :3].reshape(n_records, -1)
    padded = b"".join(block.ljust(header.annotation_bytes, b"\x00") for block in blocks)
    texts = np.frombuffer(padded, np.uint8).reshape(n_records, -1)
    return np.concatenate((samples, texts), axis=1)
