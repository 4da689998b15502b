"""A long EDF or BDF file piece by piece: each piece a whole file of its own to edfio."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import edfio

from faceloop.files.edf_file import EdfHeader

__all__ = ["N_RECORDS_FIELD", "bdf_windows", "edf_windows"]

N_RECORDS_FIELD = slice(236, 244)
# edfio needs six times the size of what it reads at once.
WINDOW_BYTES = 4 << 20
WINDOW_S = 60.0  # slow channels become many frames


def bdf_windows(
    file: BinaryIO, head: bytes, n_records: int, record_bytes: int, window_records: int
) -> Iterator[tuple[int, edfio.Bdf]]:
    """Yield ``(first_record, piece)`` of a file of ours, in which nothing is forgiven.

    Parameters
    ----------
    file : binary file
        Positioned behind the header.
    head : bytes
        The header.
    n_records, record_bytes : int
        Of the whole file.
    window_records : int
        Records in each piece but the last.

    Yields
    ------
    first_record : int
    piece : edfio.Bdf
        Onsets of its annotations count from its own first record, as do all its other times.

    Raises
    ------
    Exception
        Whatever edfio raises for a broken file; its warnings are errors here.
    """
    for first_record, piece in _pieces(file, head, n_records, record_bytes, window_records):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            window = edfio.read_bdf(piece)
        yield first_record, window


def edf_windows(path: Path, header: EdfHeader) -> Iterator[edfio.Edf | edfio.Bdf]:
    """Yield the pieces of a file of others, whose small faults ``read_header`` has told.

    Raises
    ------
    Exception
        Whatever edfio raises for a broken file.
    """
    most = min(WINDOW_BYTES / header.record_bytes, WINDOW_S / header.record_s)
    window_records = max(1, int(most))
    with path.open("rb") as file:
        head = file.read(header.n_bytes)
        pieces = _pieces(file, head, header.n_records, header.record_bytes, window_records)
        for _, piece in pieces:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if header.format == "EDF":
                    yield edfio.read_edf(piece, lazy_load_data=False, header_encoding="latin-1")
                else:
                    yield edfio.read_bdf(piece, header_encoding="latin-1")


def _pieces(
    file: BinaryIO, head: bytes, n_records: int, record_bytes: int, window_records: int
) -> Iterator[tuple[int, bytes]]:
    header = bytearray(head)
    for first_record in range(0, n_records, window_records):
        n = min(window_records, n_records - first_record)
        header[N_RECORDS_FIELD] = str(n).ljust(8).encode()
        yield first_record, bytes(header) + file.read(n * record_bytes)
