"""Reduce the live trace to (min, max) columns, so that a browser has little to draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLUMNS_PER_S", "ColumnReducer", "Columns"]

# A sweep of 6 s over 400 pixels shows 67 columns a second; 200 leaves room for dense screens and
# still is a tenth of the samples.
COLUMNS_PER_S = 200.0

Columns = NDArray[np.float32]


class ColumnReducer:
    """Streaming min/max reduction on a fixed grid of frames.

    Column ``k`` always covers frames ``k * column_frames`` to ``(k + 1) * column_frames - 1``,
    whatever the block sizes. A column that lacks any frame, or holds a NaN, is NaN.

    Parameters
    ----------
    fs_hz : float
    n_channels : int
    """

    def __init__(self, fs_hz: float, n_channels: int) -> None:
        self.column_frames = max(1, round(fs_hz / COLUMNS_PER_S))
        self._n_channels = n_channels
        self._tail_uv = np.empty((0, n_channels), np.float32)
        self._next_frame: int | None = None

    def push(self, first_frame: int, trace_uv: NDArray[np.float32]) -> tuple[int, Columns]:
        """Take a block, return the columns it completes.

        Parameters
        ----------
        first_frame : int
            Index of the block's first frame. A jump starts anew on the grid; the column it cuts
            is NaN.
        trace_uv : ndarray of float32, shape (n_frames, n_channels)
            Not modified.

        Returns
        -------
        first_column : int
        columns_uv : ndarray of float32, shape (n_channels, n_columns, 2)
            Minimum and maximum.
        """
        if first_frame != self._next_frame:
            lead_frames = first_frame % self.column_frames
            self._tail_uv = np.full((lead_frames, self._n_channels), np.nan, np.float32)
        self._next_frame = first_frame + len(trace_uv)
        pending_uv = np.concatenate((self._tail_uv, trace_uv)) if len(self._tail_uv) else trace_uv
        n_columns = len(pending_uv) // self.column_frames
        used = n_columns * self.column_frames
        self._tail_uv = pending_uv[used:].copy()
        first_column = (self._next_frame - len(pending_uv)) // self.column_frames
        grid_uv = pending_uv[:used].reshape(n_columns, self.column_frames, self._n_channels)
        columns_uv = np.empty((self._n_channels, n_columns, 2), np.float32)
        columns_uv[:, :, 0] = grid_uv.min(axis=1).T
        columns_uv[:, :, 1] = grid_uv.max(axis=1).T
        return first_column, columns_uv
