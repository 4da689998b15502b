"""Pseudo-terminals in asyncio: raw, non-blocking, with back-pressure."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import Callable

__all__ = ["Terminal"]

READ_BYTES = 4096
PENDING_LIMIT = 64 * 1024


class Terminal:
    """The master end of a raw pseudo-terminal.

    Parameters
    ----------
    on_data : callable
        Called with what the other end wrote.
    on_room : callable
        Called when ``pending`` output has gone down to nothing.
    """

    def __init__(self, on_data: Callable[[bytes], None], on_room: Callable[[], None]) -> None:
        self._master, self.slave = pty.openpty()
        tty.setraw(self._master)
        tty.setraw(self.slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self.slave)
        self._on_data = on_data
        self._on_room = on_room
        self._pending = bytearray()
        self._loop = asyncio.get_running_loop()
        self._is_reading = False
        self._is_open = True
        self._is_slave_open = True

    @property
    def pending(self) -> int:
        """Bytes that the other end has not taken yet."""
        return len(self._pending)

    def read(self, is_wanted: bool) -> None:
        """Start or stop taking what the other end writes."""
        if not self._is_open or is_wanted == self._is_reading:
            return
        self._is_reading = is_wanted
        if is_wanted:
            self._loop.add_reader(self._master, self._readable)
        else:
            self._loop.remove_reader(self._master)

    def write(self, data: bytes) -> None:
        """Send to the other end, now or when it takes it."""
        if not self._is_open or not data:
            return
        if not self._pending:
            data = data[self._write_some(data) :]
            if data:
                self._loop.add_writer(self._master, self._writable)
        self._pending += data

    def discard(self) -> None:
        """Throw away what is pending."""
        if self._pending and self._is_open:
            self._pending.clear()
            self._loop.remove_writer(self._master)

    def drain(self) -> bytes:
        """Return what can be read at once: the last words of a process that has ended."""
        data = b""
        with contextlib.suppress(OSError):
            while part := os.read(self._master, READ_BYTES):
                data += part
        return data

    def close_slave(self) -> None:
        """Give up this process's handle on the other end."""
        if self._is_slave_open:
            self._is_slave_open = False
            os.close(self.slave)

    def close(self) -> None:
        """Close both ends; a process whose terminal it is gets a hang-up."""
        if self._is_open:
            self.read(False)
            self.discard()
            self._is_open = False
            self.close_slave()
            os.close(self._master)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # the last holder of the other end is gone
            self.read(False)
            return
        self._on_data(data)

    def _write_some(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)

    def _writable(self) -> None:
        del self._pending[: self._write_some(self._pending)]
        if not self._pending:
            self._loop.remove_writer(self._master)
            self._on_room()
