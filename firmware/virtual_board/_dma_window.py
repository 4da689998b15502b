"""The board's end of the file through which captured frames come (faceloop/twin/dma_window.py)."""

import os
import struct

import vfs
from _words import low_and_high
from micropython import const

FRAME_BYTES = const(36)
CAPACITY_FRAMES = const(1024)
_HEADER_BYTES = const(16)
_STAGE_FRAMES = const(128)


class DmaWindow:
    """Frames written by the capture hardware since the state machine was started."""

    def __init__(self):
        path = os.getenv("FACELOOP_DMA_WINDOW")
        if not path:
            raise OSError("the virtual board has no hardware: FACELOOP_DMA_WINDOW is not set")
        folder, _, name = path.rpartition("/")
        # Not mounted: the file is none of the board's business.
        self._file = vfs.VfsPosix(folder).open("/" + name, "r+b")
        self._count = bytearray(8)
        self.stage = bytearray(_STAGE_FRAMES * FRAME_BYTES)
        self.taken = 0

    def restart(self):
        """Begin with the first frame after a start of the state machine."""
        self.taken = 0

    def written(self):
        """Return how many frames have been written."""
        self._file.seek(0)
        self._file.readinto(self._count)
        return low_and_high(self._count)

    def fetch(self, limit):
        """Read up to ``limit`` of the next frames into ``stage``; return how many."""
        slot = self.taken % CAPACITY_FRAMES
        n = min(limit, CAPACITY_FRAMES - slot, _STAGE_FRAMES)
        self._file.seek(_HEADER_BYTES + slot * FRAME_BYTES)
        self._file.readinto(self.stage, n * FRAME_BYTES)
        return n

    def take(self, n):
        """Count ``n`` frames as taken and say so."""
        self.taken += n
        struct.pack_into("<Q", self._count, 0, self.taken)
        self._file.seek(8)
        self._file.write(self._count)


_window = None


def get_window():
    """Return the one window, opened at first use."""
    global _window
    if _window is None:
        _window = DmaWindow()
    return _window
