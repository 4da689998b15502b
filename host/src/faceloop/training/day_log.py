"""What was done, stored at once: one line per thing, appended, checked, on the disk when told.

``training.jsonl`` in the session's folder. A line is a JSON object with ``crc``, the CRC-32 of the
rest of it. A kill or power cut leaves at most one torn line at the end: it goes on reopening.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from faceloop.session.disk import (
    SessionLock,
    storage_error,
    sync_directory,
    sync_file,
    write_all,
)

__all__ = ["LOG_NAME", "DayLog", "MemoryLog", "RecordSink", "read_log", "utc_text"]

LOG_NAME = "training.jsonl"
LOCK_FOLDER = ".training"
Record = dict[str, Any]


def utc_text() -> str:
    """Return the time of day for a record, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class RecordSink(Protocol):
    """Takes the records of a day in order."""

    def append(self, record: Record) -> None:
        """Store a record. Returns when it is safe.

        Raises
        ------
        StorageError
            If the disk does not take it; what was stored before is kept.
        """


class MemoryLog:
    """Keeps the records in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(json.loads(json.dumps(record)))


class DayLog:
    """The log of one day, held by one process at a time.

    Parameters
    ----------
    folder : Path
        Of the session. It may hold a recording as well, which has a lock of its own.

    Attributes
    ----------
    records : list of dict
        What was there when it was opened.

    Raises
    ------
    SessionBusy
        If another process trains into it.
    StorageError
    """

    def __init__(self, folder: Path, *, sync: Callable[[int], None] = sync_file) -> None:
        self.path = folder / LOG_NAME
        self._sync = sync
        held = folder / LOCK_FOLDER
        try:
            held.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise storage_error(error, held) from error
        self._lock = SessionLock(held)
        self._lock.acquire()
        try:
            self.records, n_bytes = _parse(self.path)
            self._fd = os.open(
                self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600
            )
            os.ftruncate(self._fd, n_bytes)
            os.lseek(self._fd, 0, os.SEEK_END)
            sync_directory(folder)
        except OSError as error:
            self._lock.release()
            raise storage_error(error, self.path) from error

    def append(self, record: Record) -> None:
        """Store a record. Returns when it is on the disk."""
        try:
            write_all(self._fd, _line(record))
            self._sync(self._fd)
        except OSError as error:
            raise storage_error(error, self.path) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._lock.release()


def read_log(folder: Path) -> list[Record]:
    """Return the whole records of a day's log, none where there is no log.

    Raises
    ------
    StorageError
        If it cannot be read.
    """
    try:
        return _parse(folder / LOG_NAME)[0]
    except OSError as error:
        raise storage_error(error, folder / LOG_NAME) from error


def _line(record: Record) -> bytes:
    body = json.dumps(record, separators=(",", ":"), allow_nan=False)
    return f'{{"crc":"{zlib.crc32(body.encode()):08x}",{body[1:]}\n'.encode()


def _parse(path: Path) -> tuple[list[Record], int]:
    """Return the whole records, and how many bytes end with the last complete line.

    A damaged line in the middle is passed over and stays in the file.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    end = data.rfind(b"\n") + 1
    records = (_record(line) for line in data[:end].split(b"\n"))
    return [record for record in records if record is not None], end


def _record(line: bytes) -> Record | None:
    head, tail = line[:17], line[17:]
    if not head.startswith(b'{"crc":"') or not head.endswith(b'"') or not tail.startswith(b","):
        return None
    body = b"{" + tail[1:]
    if f"{zlib.crc32(body):08x}".encode() != head[8:16]:
        return None
    try:
        record = json.loads(body)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
