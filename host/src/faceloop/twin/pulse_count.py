"""A file that says how often data-ready fell, for the virtual board's pulse counter.

A file, not a request: a counter in hardware is read in no time. Whatever the board reads of the
converter after a pulse, it finds that pulse counted. Content: 8 bytes, little endian.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

__all__ = ["PulseCount"]


class PulseCount:
    """The twin's end of the count.

    Parameters
    ----------
    path : Path
        File to create.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._pulses = 0
        self.add(0)

    def add(self, n: int) -> None:
        """Count ``n`` pulses more."""
        self._pulses += n
        os.pwrite(self._fd, struct.pack("<Q", self._pulses), 0)

    def close(self) -> None:
        """Close the file; it stays until its directory goes."""
        os.close(self._fd)
