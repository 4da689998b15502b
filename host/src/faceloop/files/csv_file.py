"""Read tables of samples (CSV, optionally gzip): numeric columns, time column optional.

Rules, none of which needs a side file: lines that start with ``#`` are comments, of which
``# fs_hz=1000`` states the rate. A first line that is not numeric is a header. A column called
time, t, timestamp or seconds (any unit suffix ``_s``, ``_ms``, ``_us``) gives the rate; without
one, so does a first column that rises in equal steps other than 1 (steps of 1 are a row number).
A unit comes from the end of a column's name: ``zyg_uV``, ``zyg (mV)``, ``zyg[V]``.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faceloop.errors import SourceError
from faceloop.files.track import FloatArray, Track, Tracks

__all__ = ["csv_tracks"]

_TIME_NAME = re.compile(
    r"^(?:t|time|times|timestamps?|seconds|secs?|ms)[ _]?[\[(]?(s|sec|seconds|ms|us|µs|μs)?[\])]?$"
)
_INDEX_NAME = re.compile(r"^(?:|n|i|index|idx|samples?|sample[ _]?(?:no|number|index)|frame|row)$")
_UNIT_NAME = re.compile(r"^(.*?)[ _\-]*[\[(_ ](uV|µV|μV|mV|V)[\])]?$")
_RATE_COMMENT = re.compile(
    r"^#\s*(?:fs|fs_hz|sampling[ _]rate|sample[ _]rate)\s*[=:]\s*([-0-9.eE+]+)", re.I
)
_TIME_SCALE = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6}
_MAX_BYTES = 1 << 30
_WINDOW_ROWS = 1 << 16
_ROWS_LOOKED_AT = 50
"""Rows, spread over the file, that decide which columns hold numbers."""


def csv_tracks(path: Path, fs_hz: float | None) -> Tracks:
    """Return the numeric columns of a table as tracks, all of one rate and length.

    Parameters
    ----------
    path : Path
        Text file or gzip of one.
    fs_hz : float or None
        Rate for a file that does not state it; overrides one that does.

    Raises
    ------
    SourceError
        If this is no such table, or its rate is unknown.
    """
    lines, rate_in_comment_hz = _lines(path)
    delimiter, lines = _delimiter(lines)
    names, first_row = _header(lines, delimiter)
    if first_row >= len(lines):
        raise SourceError(f"{path.name} is empty: it has a header and no rows. Choose another.")
    first_cells = lines[first_row].split(delimiter)
    columns = _number_columns(lines[first_row:], delimiter)
    n_numbers = sum(_is_number(cell) for cell in first_cells)
    # In prose a number stands among words; a table split at blanks has numbers mostly.
    if not columns or (delimiter is None and 2 * n_numbers < len(first_cells)):
        raise SourceError(
            f"{path.name} is neither EDF, BDF nor a table of numbers:"
            " export the recording as EDF+ or CSV."
        )
    if not names:
        names = [f"column {i + 1}" for i in range(len(first_cells))]
    names += [f"column {i + 1}" for i in range(len(names), len(first_cells))]
    notes = []
    skipped = [names[i] for i in range(len(first_cells)) if i not in columns]
    if skipped:
        notes.append(f"Columns without numbers in most rows left out: {', '.join(skipped)}.")
    table = _parse(path, lines, first_row, delimiter, columns, names)
    names = [names[i] for i in columns]

    time_column, scale = _time_column(names, table)
    keep = [
        i
        for i in range(len(names))
        if i != time_column and not (i == 0 and _is_row_number(names[0], table[:, 0]))
    ]
    if not keep:
        raise SourceError(f"{path.name} holds no signal column: choose a file with EMG.")
    rate_hz = fs_hz if fs_hz is not None else rate_in_comment_hz
    if rate_hz is None:
        if time_column is None:
            raise SourceError(
                f"{path.name} does not say its sampling rate: add a column 'time_s' or a first"
                " line '# fs_hz=1000' with the rate."
            )
        rate_hz = _rate(path, table[:, time_column] * scale)
    tracks = []
    for i in keep:
        match = _UNIT_NAME.match(names[i])
        label, dimension = (match[1], match[2]) if match and match[1] else (names[i], "")
        tracks.append(Track(label, dimension, rate_hz, len(table)))
    table = table[:, keep]
    return Tracks(tuple(tracks), lambda: _windows(table), tuple(notes))


def _windows(table: FloatArray) -> Iterator[list[FloatArray]]:
    for first in range(0, len(table), _WINDOW_ROWS):
        yield list(table[first : first + _WINDOW_ROWS].T)


def _number_columns(lines: list[str], delimiter: str | None) -> list[int]:
    """Return the columns with a number in most rows of a sample: one cell may be empty."""
    width = len(lines[0].split(delimiter))
    sample = lines[:: max(1, len(lines) // _ROWS_LOOKED_AT)]
    n_numbers = [0] * width
    for line in sample:
        for i, cell in enumerate(line.split(delimiter)[:width]):
            n_numbers[i] += _is_number(cell)
    return [i for i in range(width) if 2 * n_numbers[i] > len(sample)]


def _lines(path: Path) -> tuple[list[str], float | None]:
    too_large = f"{path.name} is larger than 1 GiB of text: convert it to EDF+ first."
    if path.stat().st_size > _MAX_BYTES:
        raise SourceError(too_large)
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as file:
                raw = file.read(_MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(
                f"{path.name} is a damaged or truncated gzip file: copy it again."
            ) from error
    if len(raw) > _MAX_BYTES:
        raise SourceError(too_large)
    if b"\0" in raw[:4096]:
        raise SourceError(
            f"{path.name} is neither EDF, BDF nor text: export the recording as EDF+ or CSV."
        )
    # Latin-1 decodes any bytes; UTF-8 first so that the micro sign survives.
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    rate_hz = None
    lines = []
    for line in text.splitlines():
        if line.startswith("#"):
            match = _RATE_COMMENT.match(line)
            if match and _is_number(match[1]):
                rate_hz = float(match[1])
        elif line.strip():
            lines.append(line)
    if not lines:
        raise SourceError(f"{path.name} is empty: choose a file with samples.")
    return lines, rate_hz


def _delimiter(lines: list[str]) -> tuple[str | None, list[str]]:
    sample = lines[-1]
    if ";" in sample:
        # Decimal commas go with semicolons: the European export of spreadsheets.
        if "," in sample and "." not in sample:
            lines = [line.replace(",", ".") for line in lines]
        return ";", lines
    if "," in sample:
        return ",", lines
    if "\t" in sample:
        return "\t", lines
    return None, lines


def _header(lines: list[str], delimiter: str | None) -> tuple[list[str], int]:
    cells = lines[0].split(delimiter)
    if any(_is_number(cell) for cell in cells):
        return [], 0
    return [cell.strip().strip("\"'") for cell in cells], 1


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parse(
    path: Path,
    lines: list[str],
    first_row: int,
    delimiter: str | None,
    columns: list[int],
    names: list[str],
) -> FloatArray:
    try:
        table = np.loadtxt(
            lines[first_row:], delimiter=delimiter, usecols=columns, ndmin=2, comments=None
        )
    except ValueError as error:
        raise SourceError(
            _worst_cell(path, lines, first_row, delimiter, columns, names)
        ) from error
    return np.asarray(table, dtype=np.float64)


def _worst_cell(
    path: Path,
    lines: list[str],
    first_row: int,
    delimiter: str | None,
    columns: list[int],
    names: list[str],
) -> str:
    readable = sum(_is_row(line.split(delimiter), columns) for line in lines[first_row:][:100])
    if 2 * readable < min(len(lines) - first_row, 100):
        return (
            f"{path.name} is neither EDF, BDF nor a table of numbers:"
            " export the recording as EDF+ or CSV."
        )
    for row, line in enumerate(lines[first_row:], start=1):
        cells = line.split(delimiter)
        for i in columns:
            cell = cells[i].strip() if i < len(cells) else None
            if cell is None or not _is_number(cell):
                found = "is missing" if not cell else f"reads {cell!r}"
                return (
                    f"{path.name}: row {row}, column {names[i]!r} {found} where a number must be:"
                    " mend or cut that row."
                )
    return f"{path.name} is not a table of numbers: export the recording as EDF+ or CSV."


def _is_row(cells: list[str], columns: list[int]) -> bool:
    return all(i < len(cells) and _is_number(cells[i]) for i in columns)


def _time_column(names: list[str], table: FloatArray) -> tuple[int | None, float]:
    for i, name in enumerate(names):
        match = _TIME_NAME.match(name.lower())
        if match:
            unit = match[1] or ("ms" if name.lower() == "ms" else "s")
            return i, _TIME_SCALE.get(unit, 1.0)
    if names[0].startswith("column ") and len(names) > 1 and len(table) > 2:
        steps = np.diff(table[:, 0])
        if np.all(np.isfinite(steps)) and steps.min() > 0:
            step = float(steps.mean())
            is_uniform = float(np.abs(steps - step).max()) <= 0.01 * step
            if is_uniform and abs(step - 1) > 1e-9:
                return 0, 1.0
    return None, 1.0


def _is_row_number(name: str, column: FloatArray) -> bool:
    is_named = _INDEX_NAME.match(name.lower()) is not None or name == "column 1"
    return is_named and len(column) > 2 and bool(np.all(np.diff(column) == 1))


def _rate(path: Path, time_s: FloatArray) -> float:
    if len(time_s) < 3:
        raise SourceError(f"{path.name} is too short: it has {len(time_s)} rows. Choose another.")
    if not np.all(np.isfinite(time_s)):
        bad = np.flatnonzero(~np.isfinite(time_s))
        raise SourceError(
            f"{path.name} has {len(bad)} times that are no numbers, the first in row"
            f" {bad[0] + 1}: mend the time column, or delete it and"
            " write a first line '# fs_hz=1000' with the rate."
        )
    steps_s = np.diff(time_s)
    step_s = float((time_s[-1] - time_s[0]) / (len(time_s) - 1))
    off = np.abs(time_s - time_s[0] - step_s * np.arange(len(time_s)))
    # Rounded stamps are fine; a lost or doubled row shifts everything by a whole step.
    if step_s <= 0 or steps_s.min() < 0 or off.max() > 0.75 * step_s:
        row = int(np.argmax(np.abs(steps_s - np.median(steps_s)))) + 2
        raise SourceError(
            f"{path.name} has an odd sampling rate: its times do not rise in equal steps (look at"
            f" row {row}). Resample it; if the times are only approximate, delete their column and"
            " write a first line '# fs_hz=1000' with the rate."
        )
    rate_hz = 1 / step_s
    # 13.2 s of stamps rounded to 0.1 ms give 999.996 Hz where 1000 was meant.
    whole = round(rate_hz)
    return float(whole) if whole and abs(rate_hz - whole) < 1e-4 * whole else rate_hz
