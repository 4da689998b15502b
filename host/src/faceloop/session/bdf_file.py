"""A recording as edfio writes it: header, samples and annotations of a BDF+ file.

BDF+ is EDF+ (Kemp & Olivan 2003, https://www.edfplus.info/specs/edfplus.html) with 24-bit samples
and BioSemi's first eight bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import edfio
import numpy as np
from numpy.typing import NDArray

from faceloop.files.edf_window import N_RECORDS_FIELD
from faceloop.session.bdf_annotations import RECORDS_PER_S
from faceloop.session.disk import write_all
from faceloop.session.heat_record import HEAT_SIGNALS
from faceloop_protocol.limits import N_CHANNELS

__all__ = [
    "DIGITAL_RANGE",
    "EQUIPMENT",
    "WINDOW_RECORDS",
    "BdfHeader",
    "encode_header",
    "short_label",
    "write_bdf",
]

DIGITAL_RANGE = (-(1 << 23), (1 << 23) - 1)
EQUIPMENT = "faceloop_"
"""How the equipment of our own recordings begins."""
# edfio holds what it writes and six times what it reads; minute by minute that is 20 MB.
WINDOW_RECORDS = 600
_RESERVED_FIELD = slice(192, 236)
_RESERVED = b"BDF+C".ljust(44)
_LABEL_CHARS = 16
_TEXT_CHARS = 80


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
        Wall clock beside the wearer. Its microseconds stand in the annotations only.
    pseudonym, equipment : str
        Without spaces.
    n_records : int
    annotation_bytes : int
        Per record, as ``pack_annotations`` says.
    has_heat : bool
        ``HEAT_SIGNALS`` stand between the EMG and the annotations, one sample in each record.
    filters : str
        What the samples have passed, up to 80 characters.
    """

    labels: tuple[str, ...]
    fs_hz: int
    lsb_uv: float
    start_local: datetime
    pseudonym: str
    equipment: str
    n_records: int
    annotation_bytes: int
    has_heat: bool = False
    filters: str = "none"

    @property
    def n_heat(self) -> int:
        """Signals beside the EMG."""
        return len(HEAT_SIGNALS) if self.has_heat else 0

    @property
    def record_frames(self) -> int:
        """Frames in each record."""
        return self.fs_hz // RECORDS_PER_S

    @property
    def record_bytes(self) -> int:
        """Bytes of each record, annotations included."""
        return (self.record_frames * N_CHANNELS + self.n_heat) * 3 + self.annotation_bytes

    @property
    def n_bytes(self) -> int:
        """Bytes of the header."""
        return 256 * (N_CHANNELS + self.n_heat + 2)


def write_bdf(
    fd: int,
    header: BdfHeader,
    windows: Iterable[NDArray[np.int32]],
    blocks: Sequence[bytes],
    heat: NDArray[np.int32] | None = None,
) -> None:
    """Write a whole file; it is not flushed to the disk.

    edfio puts all records of a file together in memory, so each window is a file of its own to it,
    of which the records are kept.

    Parameters
    ----------
    fd : int
        Open for writing, empty.
    header : BdfHeader
    windows : iterable of ndarray of int32, shape (n, 8)
        24-bit values, whole records in each.
    blocks : sequence of bytes
        Annotations of each record.
    heat : ndarray of int32, shape (n_records, n_heat), or None
        As ``heat_signals`` gives it.

    Raises
    ------
    OSError
        If the disk is full or fails.
    ValueError
        If edfio cannot express the header or a sample.
    """
    write_all(fd, encode_header(header))
    first_record = 0
    for counts in windows:
        end_record = first_record + len(counts) // header.record_frames
        channels = np.ascontiguousarray(counts.T)
        beside = _beside(header, heat, first_record, end_record)
        part = _compose(header, channels, beside, blocks[first_record:end_record]).to_bytes()
        write_all(fd, memoryview(part)[header.n_bytes :])
        first_record = end_record


def encode_header(header: BdfHeader) -> bytes:
    """Return the header record of a file."""
    one_record = np.zeros((N_CHANNELS, header.record_frames), np.int32)
    beside = _beside(header, None, 0, 1)
    head = bytearray(_compose(header, one_record, beside, [b""]).to_bytes()[: header.n_bytes])
    head[_RESERVED_FIELD] = _RESERVED
    head[N_RECORDS_FIELD] = str(header.n_records).ljust(8).encode()
    return bytes(head)


def _beside(
    header: BdfHeader, heat: NDArray[np.int32] | None, first_record: int, end_record: int
) -> NDArray[np.int32]:
    if heat is None:
        return np.zeros((end_record - first_record, header.n_heat), np.int32)
    return heat[first_record:end_record]


def _compose(
    header: BdfHeader,
    counts: NDArray[np.int32],
    heat: NDArray[np.int32],
    blocks: Sequence[bytes],
) -> edfio.Bdf:
    limit_uv = _physical_limit_uv(header.lsb_uv)
    signals = [
        edfio.BdfSignal.from_digital(
            samples,
            header.fs_hz,
            label=label,
            transducer_type=f"surface electrode pair on {_ascii(name)}"[:_TEXT_CHARS],
            physical_dimension="uV",
            physical_range=(-limit_uv, limit_uv),
            digital_range=DIGITAL_RANGE,
            prefiltering=header.filters,
        )
        for label, name, samples in zip(_labels(header.labels), header.labels, counts, strict=True)
    ]
    signals += [
        edfio.BdfSignal.from_digital(
            np.ascontiguousarray(heat[:, i]),
            RECORDS_PER_S,
            label=signal.label,
            transducer_type=signal.transducer,
            physical_dimension=signal.unit,
            physical_range=(-32768 * signal.step, 32767 * signal.step),
            digital_range=(-32768, 32767),
        )
        for i, signal in enumerate(HEAT_SIGNALS[: header.n_heat])
    ]
    start = header.start_local
    return edfio.Bdf(
        [*signals, _annotation_signal(header.annotation_bytes, blocks)],
        patient=edfio.Patient(code=header.pseudonym),
        recording=edfio.Recording(startdate=start.date(), equipment_code=header.equipment),
        starttime=start.time().replace(microsecond=0),
        data_record_duration=1 / RECORDS_PER_S,
    )


def _annotation_signal(annotation_bytes: int, blocks: Sequence[bytes]) -> edfio.BdfSignal:
    signal = edfio.BdfSignal.from_digital(
        np.zeros(len(blocks) * annotation_bytes // 4, np.int32),
        annotation_bytes // 3 * RECORDS_PER_S,
        # edfio keeps this label for itself, but only without the blank that fills its field.
        label="BDF Annotations".ljust(_LABEL_CHARS),
    )
    # Bytes of text are no samples within the range that from_digital checks: they follow later.
    text = b"".join(block.ljust(annotation_bytes, b"\x00") for block in blocks)
    signal.digital[:] = np.frombuffer(text, np.uint8)
    return signal


def _labels(names: Sequence[str]) -> list[str]:
    labels = [short_label(name) for name in names]
    return [
        label if labels.count(label) == 1 else f"EMG {i + 1} {label[4:]}"[:_LABEL_CHARS]
        for i, label in enumerate(labels)
    ]


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


def _ascii(text: str) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text)


def _physical_limit_uv(lsb_uv: float) -> float:
    """Return the end of the converter's range as near as a header can say it.

    EDF gives eight characters to a number, too few for the half count by which the range is
    lopsided: a count of zero reads as half a count (0.012 uV at gain 12). The counts are exact.
    """
    limit_uv = DIGITAL_RANGE[1] * lsb_uv
    decimals = max(8 - len("-.") - len(str(int(limit_uv))), 0)
    # edfio rounds outwards, each end by itself, what does not fit or only seems not to: -1174.4
    # becomes -1174.41. Halves, quarters, eighths are exact and stay. Our boards have whole uV.
    steps = 1 << decimals
    return max(round(limit_uv * steps), 1) / steps
