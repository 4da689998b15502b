"""Headers of EDF, EDF+, BDF and BDF+ files, refused in plain words where they are broken.

The header is checked here before edfio sees the file, because edfio repairs or trips over a
damaged one where a person needs to hear what is wrong with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from faceloop.errors import SourceError

__all__ = ["NOT_SIGNALS", "EdfHeader", "is_edf_or_bdf", "read_header"]

_MAGIC = {b"0       ": "EDF", b"\xffBIOSEMI": "BDF"}
_BYTES_PER_SAMPLE = {"EDF": 2, "BDF": 3}
# Not electrodes: annotations of both formats and the trigger word of BioSemi amplifiers.
NOT_SIGNALS = ("EDF Annotations", "BDF Annotations", "Status")


@dataclass(frozen=True, slots=True)
class EdfHeader:
    """What the header of a file says that could be read.

    Parameters
    ----------
    format : str
        ``EDF`` or ``BDF``.
    n_bytes : int
        Of the header itself.
    n_records : int
        As many as are there.
    record_s : float
        Length of each.
    labels, dimensions : tuple of str
        One each for every signal, annotations included.
    samples_per_record : tuple of int
    is_discontinuous : bool
        EDF+D or BDF+D.
    identification : str
        Local recording identification: start date, equipment.
    """

    format: str
    n_bytes: int
    n_records: int
    record_s: float
    labels: tuple[str, ...]
    dimensions: tuple[str, ...]
    samples_per_record: tuple[int, ...]
    is_discontinuous: bool
    identification: str

    @property
    def record_bytes(self) -> int:
        """Bytes of each record."""
        return sum(self.samples_per_record) * _BYTES_PER_SAMPLE[self.format]


def is_edf_or_bdf(first_bytes: bytes) -> bool:
    """Say whether a file that starts with these bytes claims to be EDF or BDF."""
    return first_bytes[:8] in _MAGIC


def read_header(path: Path) -> tuple[EdfHeader, list[str]]:
    """Return the header of a file of at least 8 bytes that ``is_edf_or_bdf``, and notes about it.

    Raises
    ------
    SourceError
        If it is damaged, or the file is empty or cut off.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        main = file.read(256)
        if len(main) < 256:
            raise SourceError(
                f"{path.name} is cut off inside its header ({size} bytes): copy it again."
            )
        name = _MAGIC[main[:8]]
        n_bytes = _integer(path, main[184:192], "header size")
        n_signals = _integer(path, main[252:256], "number of signals")
        if n_signals < 1:
            raise SourceError(f"{path.name} holds no signal channel: choose a file with EMG.")
        if n_bytes != 256 * (n_signals + 1):
            raise SourceError(
                f"{path.name} has a damaged header: {n_bytes} bytes announced, {n_signals} signals"
                f" need {256 * (n_signals + 1)}. Export it again."
            )
        fields = file.read(256 * n_signals)
    if len(fields) < 256 * n_signals:
        raise SourceError(
            f"{path.name} is cut off inside its header ({size} of {n_bytes} bytes): copy it again."
        )
    labels = _column(fields, n_signals, 0, 16)
    dimensions = _column(fields, n_signals, 96, 8)
    # Column starts, in bytes for one signal: EDF specification, header record.
    physical = [_numbers(path, fields, n_signals, start, "physical range") for start in (104, 112)]
    digital = [_numbers(path, fields, n_signals, start, "digital range") for start in (120, 128)]
    per_record = tuple(
        _integer(path, text.encode("latin-1"), f"samples per record of {label}")
        for text, label in zip(_column(fields, n_signals, 216, 8), labels, strict=True)
    )
    for i, label in enumerate(labels):
        if label in NOT_SIGNALS:
            continue
        if physical[0][i] == physical[1][i] or digital[0][i] >= digital[1][i]:
            raise SourceError(
                f"{path.name}: channel {label!r} has no usable scale (physical {physical[0][i]:g}"
                f" to {physical[1][i]:g}, digital {digital[0][i]:g} to {digital[1][i]:g}):"
                " export it again."
            )
        if per_record[i] < 1:
            raise SourceError(f"{path.name}: channel {label!r} has no samples: export it again.")
    record_s = _number(path, main[244:252], "record duration")
    if record_s <= 0 and any(label not in NOT_SIGNALS for label in labels):
        raise SourceError(
            f"{path.name} has an unknown sampling rate (record duration {record_s:g} s):"
            " export it again."
        )
    promised = _integer(path, main[236:244], "number of records")
    n_records, notes = _count_records(
        path, size - n_bytes, sum(per_record) * _BYTES_PER_SAMPLE[name], promised
    )
    is_discontinuous = main[192:197] in (b"EDF+D", b"BDF+D")
    if is_discontinuous:
        notes.append("The recording has pauses; its parts are joined.")
    header = EdfHeader(
        format=name,
        n_bytes=n_bytes,
        n_records=n_records,
        record_s=record_s,
        labels=labels,
        dimensions=dimensions,
        samples_per_record=per_record,
        is_discontinuous=is_discontinuous,
        identification=main[88:168].decode("latin-1").strip(),
    )
    return header, notes


def _count_records(
    path: Path, data_bytes: int, record_bytes: int, promised: int
) -> tuple[int, list[str]]:
    if record_bytes <= 0:
        raise SourceError(f"{path.name} has records without samples: export it again.")
    stored, rest = divmod(data_bytes, record_bytes)
    if stored < 1:
        raise SourceError(f"{path.name} is empty: a header and no whole record. Choose another.")
    if promised > stored:
        raise SourceError(
            f"{path.name} is truncated: {stored} of {promised} records are there."
            " Copy it again from where it was recorded."
        )
    notes = []
    if promised == -1 and rest:
        raise SourceError(
            f"{path.name} is truncated: it was never closed and ends inside record {stored + 1}."
            " Repair it with the program that recorded it."
        )
    if promised < stored:
        notes.append(f"The header promises {promised} records, {stored} are there and used.")
    return stored, notes


def _column(fields: bytes, n_signals: int, start: int, width: int) -> tuple[str, ...]:
    base = start * n_signals
    cells = (fields[base + i * width : base + (i + 1) * width] for i in range(n_signals))
    return tuple(cell.decode("latin-1").strip(" \0") for cell in cells)


def _numbers(
    path: Path, fields: bytes, n_signals: int, start: int, what: str
) -> tuple[float, ...]:
    cells = _column(fields, n_signals, start, 8)
    return tuple(_number(path, cell.encode("latin-1"), what) for cell in cells)


def _number(path: Path, raw: bytes, what: str) -> float:
    try:
        number = float(raw.decode("ascii").strip(" \0").replace(",", "."))
    except (ValueError, UnicodeDecodeError):
        number = math.nan
    if not math.isfinite(number):
        text = raw.decode("latin-1").strip()
        raise SourceError(
            f"{path.name} has a damaged header: its {what} reads {text!r}. Export it again."
        )
    return number


def _integer(path: Path, raw: bytes, what: str) -> int:
    number = _number(path, raw, what)
    if number != int(number):
        raise SourceError(
            f"{path.name} has a damaged header: its {what} is {number:g}. Export it again."
        )
    return int(number)
