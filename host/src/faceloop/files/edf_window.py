"""A long EDF or BDF file piece by piece: each piece a whole file of its own to edfio."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import BinaryIO

import edfio

__all__ = ["N_RECORDS_FIELD", "bdf_windows"]

N_RECORDS_FIELD = slice(236, 244)


def bdf_windows(
    file: BinaryIO, head: bytes, n_records: int, record_bytes: int, window_records: int
) -> Iterator[tuple[int, edfio.Bdf]]:
    """Yield ``(first_record, piece)``; edfio needs six times the size of what it reads at once.

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
    header = bytearray(head)
    for first_record in range(0, n_records, window_records):
        n = min(window_records, n_records - first_record)
        header[N_RECORDS_FIELD] = str(n).ljust(8).encode()
        records = file.read(n * record_bytes)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            piece = edfio.read_bdf(bytes(header) + records)
        yield first_record, piece
