"""Brings a source's 2 kSPS counts to the converter's data rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceloop.twin.sources.source import Source

__all__ = ["ElectrodeFeed"]

CountArray = npt.NDArray[np.int32]


class ElectrodeFeed:
    """Reads a source at another rate than its own.

    At a lower rate, as many source frames as fit into one conversion are averaged (rounded down):
    the converter's own filter would do the same to a slow signal. At a higher rate each source
    frame is repeated: there is nothing more in a recording.

    Parameters
    ----------
    source : Source
        Counts at ``source.fs_hz``.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.is_done = False
        self._held: CountArray = np.zeros((0, source.n_channels), dtype=np.int32)

    def rewind(self) -> None:
        """Start the source from its first frame."""
        self.source.rewind()
        self.is_done = False
        self._held = self._held[:0]

    def read(self, n: int, fs_hz: float) -> CountArray:
        """Return the next ``n`` conversions' counts, shape (n, 8); fewer when the source ends."""
        ratio = self.source.fs_hz / fs_hz
        if ratio == 1.0:
            counts = self.source.read(n)
        elif ratio >= 1.0:
            step = round(ratio)
            raw = self.source.read(n * step)
            whole = len(raw) // step
            groups = raw[: whole * step].reshape(whole, step, raw.shape[1]).astype(np.int64)
            counts = (groups.sum(axis=1) // step).astype(np.int32)
        else:
            repeat = round(1 / ratio)
            missing = max(0, n - len(self._held))
            raw = self.source.read(-(-missing // repeat))
            pool = np.concatenate((self._held, np.repeat(raw, repeat, axis=0)))
            counts, self._held = pool[:n], pool[n:]
        self.is_done = len(counts) < n
        return counts
