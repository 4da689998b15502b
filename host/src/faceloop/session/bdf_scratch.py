"""Samples of a whole recording channel by channel, outside memory, until they are written."""

from __future__ import annotations

import os
import tempfile
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

    Everything but ``channels`` raises ``OSError`` when the disk is full or fails.

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
        fd = self._file.fileno()
        # Written, not stored through a map: a full disk is then an error and not a dead process.
        for channel, samples in enumerate(np.ascontiguousarray(counts.T)):
            offset = (channel * self._n_frames + self._n_written) * SAMPLE_BYTES
            os.lseek(fd, offset, os.SEEK_SET)
            write_all(fd, samples.data.cast("B"))
        self._n_written += len(counts)
        self._last = counts[-1:].copy()

    def fill_up(self) -> None:
        """Repeat the last frame, or zeros if there is none, until there are ``n_frames``."""
        n_missing = self._n_frames - self._n_written
        if n_missing:
            self.append(np.repeat(self._last, n_missing, axis=0))

    def channels(self) -> NDArray[np.int32]:
        """Return all samples, shape (8, n_frames), read-only and mapped from the file."""
        return np.memmap(self._file, np.int32, "r", shape=(N_CHANNELS, self._n_frames))
