"""Our own BDF+ files read again: exact counts, and the annotations that bear on them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import edfio
import numpy as np
from numpy.typing import NDArray

from faceloop.errors import SourceError
from faceloop.files.edf_file import EdfHeader, read_header
from faceloop.files.edf_window import bdf_windows
from faceloop.session.bdf_file import DIGITAL_RANGE, EQUIPMENT, WINDOW_RECORDS
from faceloop.session.converter import Converter, converter_behind
from faceloop.session.heat_record import HEAT_SIGNALS
from faceloop.session.journal_format import END_UNKNOWN
from faceloop.session.kept_rest import KeptRest
from faceloop.session.recorded_signal import RecordedSignal, end_unknown_note, intervals
from faceloop.session.settings import Settings
from faceloop.session.summary import SUMMARY_NAME
from faceloop_protocol.limits import N_CHANNELS

__all__ = ["is_our_bdf", "passed_converter", "read_our_bdf"]

_MARK = re.compile(r"(?:(gap|late) n=|(padding) |(begun) at frame )(\d+)")
_WITH_HEAT = (*(signal.label for signal in HEAT_SIGNALS), "BDF Annotations")
_ELECTRODE_OFF = "electrode off "
_BROKEN = (ValueError, TypeError, KeyError, IndexError, ArithmeticError, OSError, Warning)


def is_our_bdf(path: Path) -> bool:
    """Say whether faceloop recorded a BDF file and all its channels are still there.

    Raises
    ------
    SourceError
        If its header is damaged, or the file is cut off.
    """
    header, _ = read_header(path)
    words = header.identification.split()
    return (
        header.format == "BDF"
        and bool(words)
        and words[-1].startswith(EQUIPMENT)
        and not header.is_discontinuous
        and header.labels[N_CHANNELS:] in (("BDF Annotations",), _WITH_HEAT)
        and len(set(header.samples_per_record[:N_CHANNELS])) == 1
    )


def read_our_bdf(path: Path) -> RecordedSignal:
    """Return the signal of a file that ``is_our_bdf``.

    Its gaps, late ranges, padding and loose electrodes are those of its annotations; the session's
    settings are taken from ``session.json``, if that is still beside it.

    Raises
    ------
    SourceError
        If the file is damaged.
    """
    header, notes = read_header(path)
    marks = _Marks()
    with _in_plain_words(path):
        for first_record, piece in _windows(path, header):
            marks.take(piece, first_record * header.samples_per_record[0])
    n_frames = header.n_records * header.samples_per_record[0]
    if marks.padding_at is not None:
        n_frames = min(n_frames, marks.padding_at)
    summary = _summary_beside(path, n_frames)
    return RecordedSignal(
        labels=header.labels[:N_CHANNELS],
        fs_hz=header.samples_per_record[0] / header.record_s,
        lsb_uv=marks.lsb_uv,
        n_frames=n_frames,
        blocks=lambda: _blocks(path, header),
        warnings=(*notes, *marks.notes),
        missing=intervals(marks.gaps),
        late=intervals(marks.late),
        electrode_off=tuple(intervals(ranges) for ranges in marks.electrode_off),
        is_ours=True,
        first_frame=marks.first_frame,
        settings=Settings.from_header(summary["header"]) if summary is not None else None,
        rest=KeptRest.from_json(summary.get("rest")) if summary is not None else None,
        board=header.identification.split()[-1].removeprefix(EQUIPMENT),
        converter=marks.converter,
    )


def passed_converter(path: Path) -> Converter | None:
    """Return whose filter the samples of a file that ``is_our_bdf`` have passed.

    Raises
    ------
    SourceError
        If the file is damaged.
    """
    header, _ = read_header(path)
    with _in_plain_words(path):
        _, piece = next(iter(_windows(path, header)))
    return converter_behind(piece.signals[0].prefiltering)


@dataclass(slots=True)
class _Marks:
    """What the annotations say, gathered piece by piece; frames from the start of the file."""

    lsb_uv: float = 0.0
    converter: Converter | None = None
    gaps: list[tuple[int, int]] = field(default_factory=list)
    late: list[tuple[int, int]] = field(default_factory=list)
    electrode_off: list[list[tuple[int, int]]] = field(
        default_factory=lambda: [[] for _ in range(N_CHANNELS)]
    )
    padding_at: int | None = None
    first_frame: int = 0
    notes: list[str] = field(default_factory=list)

    def take(self, piece: edfio.Bdf, offset_frames: int) -> None:
        signals = piece.signals[:N_CHANNELS]
        if not self.lsb_uv:
            # Boards state whole femtovolts a count: that undoes the rounding of the header.
            lsb_uv = signals[0].physical_max / DIGITAL_RANGE[1]
            self.lsb_uv = round(lsb_uv * 1e9) * 1e-9
            self.converter = converter_behind(signals[0].prefiltering)
        fs_hz = signals[0].sampling_frequency
        for entry in piece.annotations:
            at = offset_frames + round(entry.onset * fs_hz)
            n_frames = round((entry.duration or 0) * fs_hz)
            if entry.text.startswith(_ELECTRODE_OFF):
                muscle = entry.text.removeprefix(_ELECTRODE_OFF)
                for channel, signal in enumerate(signals):
                    if signal.transducer_type.endswith(f" {muscle}"):
                        self.electrode_off[channel].append((at, n_frames))
            elif entry.text.startswith(END_UNKNOWN):
                self.notes.append(end_unknown_note(entry.text.partition(": ")[2]))
            elif found := _MARK.fullmatch(entry.text):
                self._take_mark(found[1] or found[2] or found[3], at, int(found[4]))

    def _take_mark(self, kind: str, at: int, number: int) -> None:
        if kind == "padding":
            self.padding_at = at
        elif kind == "begun":
            self.first_frame = number
        else:
            (self.gaps if kind == "gap" else self.late).append((at, number))


def _blocks(path: Path, header: EdfHeader) -> Iterator[NDArray[np.int32]]:
    with _in_plain_words(path):
        for _, piece in _windows(path, header):
            yield np.stack([signal.digital for signal in piece.signals[:N_CHANNELS]], axis=1)


def _windows(path: Path, header: EdfHeader) -> Iterator[tuple[int, edfio.Bdf]]:
    with path.open("rb") as file:
        head = file.read(header.n_bytes)
        yield from bdf_windows(file, head, header.n_records, header.record_bytes, WINDOW_RECORDS)


@contextmanager
def _in_plain_words(path: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise SourceError(
            f"{path.name} cannot be read as BDF ({error}): restore it from a backup, or analyse"
            " the journal beside it."
        ) from error


def _summary_beside(path: Path, n_frames: int) -> dict[str, Any] | None:
    """Return the summary of the journal that the file was made from, if it can be had."""
    try:
        summary = json.loads(path.with_name(SUMMARY_NAME).read_bytes())
        is_its_own = summary["frames_total"] == n_frames
        header = summary["header"]  # the journal's
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return summary if is_its_own and isinstance(header, dict) else None
