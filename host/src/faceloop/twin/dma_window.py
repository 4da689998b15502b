"""A file through which captured frames reach the virtual board, with the manners of DMA.

The board's `rp2.DMA` copies what is new into its ring memory when the firmware looks at the write
pointer. A file, not a socket: it takes any number of frames without blocking, the newest overwrite
the oldest as they would in the ring, and the pointer is always right however late the board looks.

Layout, little endian:

    ======  ====  =====================================================================
    offset  size  field
    ======  ====  =====================================================================
    0       8     frames written since the state machine was started; the twin writes
    8       8     frames the board has taken; the board writes
    16      36*n  frame ``i`` at ``16 + 36 * (i % n)``: nine words, 24 bits right-aligned
    ======  ====  =====================================================================
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["CAPACITY_FRAMES", "FRAME_WORDS", "DmaWindow"]

FRAME_WORDS = 9
FRAME_WINDOW_BYTES = 4 * FRAME_WORDS
HEADER_BYTES = 16
CAPACITY_FRAMES = 1024
"""More than the largest ring a DMA channel can have: 32 KiB are 910 frames."""


class DmaWindow:
    """The twin's end of the window.

    Parameters
    ----------
    path : Path
        File to create.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.ftruncate(self._fd, HEADER_BYTES + CAPACITY_FRAMES * FRAME_WINDOW_BYTES)
        self.set_ring(CAPACITY_FRAMES)
        self.restart()

    def restart(self) -> None:
        """Forget everything."""
        self.written = 0
        self.overrun = 0
        self._lost_up_to = 0
        os.pwrite(self._fd, bytes(HEADER_BYTES), 0)

    def set_ring(self, ring_frames: int) -> None:
        """Set how many whole frames the board's ring holds."""
        self._ring_frames = min(ring_frames, CAPACITY_FRAMES)

    def push(self, words: npt.NDArray[np.uint32]) -> None:
        """Append frames, shape (n, 9); count those that the board can no longer read whole."""
        n = len(words)
        kept = words[-CAPACITY_FRAMES:].astype("<u4", copy=False)
        slot = (self.written + n - len(kept)) % CAPACITY_FRAMES
        first = min(len(kept), CAPACITY_FRAMES - slot)
        os.pwrite(self._fd, kept[:first].tobytes(), HEADER_BYTES + slot * FRAME_WINDOW_BYTES)
        if first < len(kept):
            os.pwrite(self._fd, kept[first:].tobytes(), HEADER_BYTES)
        self.written += n
        # The count goes last: whoever reads it finds the frames in place.
        os.pwrite(self._fd, struct.pack("<Q", self.written), 0)
        oldest_kept = self.written - self._ring_frames
        first_wanted = max(self._lost_up_to, self.taken)
        if oldest_kept > first_wanted:
            self.overrun += oldest_kept - first_wanted
            self._lost_up_to = oldest_kept

    @property
    def taken(self) -> int:
        """Frames that the board has copied into its ring."""
        (taken,) = struct.unpack("<Q", os.pread(self._fd, 8, 8))
        return int(taken)

    def room(self, part: float) -> int:
        """Return how many frames the board may get until so large a part of its ring is new."""
        return max(0, int(part * self._ring_frames) - (self.written - self.taken))

    def close(self) -> None:
        """Close the file; it stays until its directory goes."""
        os.close(self._fd)
