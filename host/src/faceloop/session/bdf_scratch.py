"""Samples of a whole recording, outside memory until they are written."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from faceloop.session.disk import write_all
from faceloop_protocol.limits import N_CHANNELS

__all__ = ["SAMPLE_BYTES", "Scratch"]

SAMPLE_BYTES = 4


class Scratch:
    """A file without a name: whatever happens, nothing of it stays behind.

    Everything raises ``OSError`` when the disk is full or fails.

    Parameters
    ----------
    directory : Path
        On the disk that has room for it; only this user can read it there.
    n_frames : int
        At least 1.
    """

    def __init__(self, directory: Path, n_frames: int) -> None:
        self._n_frames = n_frames
        self._n_written = 0
        self._last = np.zeros((1, N_CHANNELS), np.int32)
        # SIM115: it lives as long as this object, whose __exit__ closes it
        self._file = tempfile.TemporaryFile(dir=directory, buffering=0)  # noqa: SIM115

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def append(self, counts: NDArray[np.int32]) -> None:
        """Add frames, shape (n, 8), after those that are there."""
        samples = np.ascontiguousarray(counts, np.int32)
        write_all(self._file.fileno(), samples.data.cast("B"))
        self._n_written += len(counts)
        self._last = counts[-1:].copy()

    def fill_up(self) -> None:
        """Repeat the last frame, or zeros if there is none, until there are ``n_frames``."""
        n_missing = self._n_frames - self._n_written
        if n_missing:
            self.append(np.repeat(self._last, n_missing, axis=0))

    def windows(self, window_frames: int) -> Iterator[NDArray[np.int32]]:
        """Yield all samples in order, shape (n, 8), ``window_frames`` in each but the last."""
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        n_left = self._n_frames
        while n_left:
            n = min(window_frames, n_left)
            yield self._read(n)
            n_left -= n

    def _read(self, n_frames: int) -> NDArray[np.int32]:
        counts = np.empty((n_frames, N_CHANNELS), np.int32)
        view = counts.data.cast("B")
        while view:
            n_bytes = self._file.readinto(view)
            if not n_bytes:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            view = view[n_bytes:]
        return counts
