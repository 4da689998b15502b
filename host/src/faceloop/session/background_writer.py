"""Two threads that bring what was appended in memory to the system and then to the disk."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from faceloop.errors import StorageError, UsageError
from faceloop.session.disk import free_bytes, storage_error, sync_file, write_all

__all__ = ["SYNC_PERIOD_S", "WRITE_PERIOD_S", "BackgroundWriter"]

# The promise is 250 ms; the difference is for a thread that gets its turn late.
WRITE_PERIOD_S = 0.1
SYNC_PERIOD_S = 2.0
MARKER_SYNC_PERIOD_S = 0.25  # a burst of alerts must not turn into a burst of disk flushes

# Journal at full effort (26.5 kB/s) plus the finished file (8 x 3 B x 2 kHz and annotations).
_NOMINAL_BYTES_PER_S = 76_000


class BackgroundWriter:
    """Writes within ``write_period_s``, flushes to disk every ``sync_period_s``.

    Writing survives a killed process, flushing a power cut. They are two threads, because a slow
    flush must not hold up the next write.

    Parameters
    ----------
    path : Path
        The file, for messages and for measuring free space.
    fd : int
        Open for appending; closed by ``close``.
    drain : callable
        Returns the bytes that wait and forgets them; called with ``changed`` held.
    write_period_s, sync_period_s : float

    Attributes
    ----------
    changed : threading.Condition
        Guards this object and whatever ``drain`` touches. Never held during a system call.
    appended, stored : int
        Tickets: entries noted, and entries that are safe on disk.
    error : str
        First failed system call in plain words, empty while all is well. Nothing is retried,
        because after a failed fsync the system may have thrown the data away and still report
        success the next time.
    minutes_left : float
        Minutes of recording that fit on the disk, as of the last flush.
    """

    def __init__(
        self,
        path: Path,
        fd: int,
        drain: Callable[[], bytes],
        *,
        write_period_s: float = WRITE_PERIOD_S,
        sync_period_s: float = SYNC_PERIOD_S,
    ) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.appended = 0
        self.stored = 0
        self.error = ""
        self.minutes_left = float("inf")
        self._path = path
        self._fd = fd
        self._drain = drain
        self._write_period_s = write_period_s
        self._sync_period_s = sync_period_s
        self._written = 0
        self._wanted = 0  # a marker wants this much to be on disk soon,
        self._wanted_now = 0  # someone waits for this much
        self._oldest_s: float | None = None  # when the oldest unwritten entry was noted
        self._is_ready = False  # enough waits to be written at once
        self._is_closing = False
        self._file_lock = threading.Lock()  # held around write, so that order stays
        self._threads = [
            threading.Thread(target=self._write_loop, name="journal-write", daemon=True),
            threading.Thread(target=self._sync_loop, name="journal-sync", daemon=True),
        ]

    def start(self) -> None:
        """Start both threads."""
        self._measure_space()
        for thread in self._threads:
            thread.start()

    def check_usable(self) -> None:
        """Raise ``StorageError`` after a failure, ``UsageError`` after ``close``."""
        if self.error:
            raise StorageError(self.error)
        if self._is_closing:
            raise UsageError("The recording is closed. Start a new one.")

    def note(self, *, is_ready: bool = False, is_marker: bool = False) -> int:
        """Note that ``drain`` has one more entry; the caller holds ``changed``.

        Parameters
        ----------
        is_ready : bool
            Write now rather than within the period.
        is_marker : bool
            Flush to disk soon rather than within the period.

        Returns
        -------
        int
            The entry's ticket.
        """
        self.appended += 1
        is_news = self._oldest_s is None or is_ready or is_marker
        if self._oldest_s is None:
            self._oldest_s = time.monotonic()
        self._is_ready = self._is_ready or is_ready
        if is_marker:
            self._wanted = self.appended
        if is_news:
            self.changed.notify_all()
        return self.appended

    def sync(self, timeout_s: float | None = None) -> None:
        """Return when everything noted so far is on disk; raises as ``wait_stored``."""
        with self.changed:
            self.check_usable()
            ticket = self._wanted_now = self.appended
            self.changed.notify_all()
            self.wait_stored(ticket, timeout_s)

    def wait_stored(self, ticket: int, timeout_s: float | None = None) -> None:
        """Return when ``stored >= ticket``.

        Raises
        ------
        StorageError
            If the disk fails or does not answer within ``timeout_s``.
        """
        with self.changed:
            is_over = self.changed.wait_for(
                lambda: self.stored >= ticket or bool(self.error), timeout_s
            )
            if not is_over:
                raise StorageError(
                    f"The disk of {self._path} does not answer. What was written before is kept:"
                    " check the disk or choose another data folder."
                )
            if self.stored < ticket:
                raise StorageError(self.error)

    def refuse_more(self) -> None:
        """Let ``check_usable`` raise from now on and hurry what is left to the disk."""
        with self.changed:
            self._is_closing = True
            self._wanted_now = self.appended
            self.changed.notify_all()

    def close(self) -> None:
        """Write and flush what is left, stop both threads, close the file. Never raises."""
        self.refuse_more()
        for thread in self._threads:
            thread.join()
        try:
            os.close(self._fd)
        except OSError as error:
            self._fail(error)

    @property
    def is_closing(self) -> bool:
        """Whether ``close`` was called."""
        return self._is_closing

    def _fail(self, error: OSError) -> None:
        with self.changed:
            self.error = self.error or str(storage_error(error, self._path))
            self.changed.notify_all()

    def _write_loop(self) -> None:
        while True:
            with self.changed:
                while not (self.error or self._is_closing or self._is_ready):
                    wait_s = None
                    if self._oldest_s is not None:
                        wait_s = self._oldest_s + self._write_period_s - time.monotonic()
                        if wait_s <= 0:
                            break
                    self.changed.wait(wait_s)
                if self.error or (self._is_closing and self._oldest_s is None):
                    return
            self._write_pending()

    def _write_pending(self) -> None:
        with self._file_lock:
            with self.changed:
                if self.error:
                    return
                data, ticket = self._drain(), self.appended
                self._oldest_s = None
                self._is_ready = False
            try:
                write_all(self._fd, data)
            except OSError as error:
                self._fail(error)
                return
            with self.changed:
                self._written = ticket

    def _sync_loop(self) -> None:
        last_s = time.monotonic()
        while True:
            with self.changed:
                while not self.error:
                    wait_s = self._until_sync(last_s)
                    if wait_s is not None and wait_s <= 0:
                        break
                    if self._is_closing and self.stored == self.appended:
                        return
                    self.changed.wait(wait_s)
            last_s = time.monotonic()
            self._write_pending()
            with self.changed:
                if self.error:
                    return
                ticket = self._written
            try:
                sync_file(self._fd)
            except OSError as error:
                self._fail(error)
                return
            self._measure_space()
            with self.changed:
                self.stored = ticket
                self.changed.notify_all()

    def _until_sync(self, last_s: float) -> float | None:
        """Return seconds until the next flush is due, None while there is nothing to flush."""
        if self.stored < self._wanted_now:
            return 0.0
        if self.stored == self.appended:
            return None
        is_marked = self.stored < self._wanted
        period_s = MARKER_SYNC_PERIOD_S if is_marked else self._sync_period_s
        return last_s + period_s - time.monotonic()

    def _measure_space(self) -> None:
        # Not knowing how much is left is no reason to stop a recording that works.
        with contextlib.suppress(StorageError):
            self.minutes_left = free_bytes(self._path.parent) / _NOMINAL_BYTES_PER_S / 60
