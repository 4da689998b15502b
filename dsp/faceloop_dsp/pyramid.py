"""Lowest and highest values under every pixel of a view, for any stretch of an hour at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp._pyramid import fill_base, fill_next, gather_bins, gather_frames

__all__ = ["BASE_BIN_FRAMES", "FACTOR", "MinMaxPyramid", "StreamPyramid"]

BASE_BIN_FRAMES = 16
FACTOR = 4


class MinMaxPyramid:
    """Extremes of bins of 16, 64, 256 ... frames over samples that do not change.

    Parameters
    ----------
    samples : ndarray of float32, shape (n_frames, n_channels)
        C-contiguous, 1-64 channels, at least one frame; counts of 24 bits fit exactly. Kept by
        reference, not copied, so a mapped file stays in the file. NaN (not known) is passed over.

    Raises
    ------
    ValueError
        If type, shape or layout is wrong.

    Notes
    -----
    A peak is never lost: it shows in the pixel it belongs to, and in views of more than 16 frames
    to a pixel perhaps in the one beside it too, since whole bins are taken. The levels add a
    sixth to the memory of the samples (bins that start at 64 frames would add 4 %, and read 60
    frames for each pixel of a 30 s view).
    """

    def __init__(self, samples: NDArray[np.float32]) -> None:
        if samples.dtype != np.float32:
            raise ValueError(f"samples of {samples.dtype}, they must be float32")
        if samples.ndim != 2 or samples.shape[0] < 1 or not 1 <= samples.shape[1] <= 64:
            raise ValueError(f"samples of shape {samples.shape}, not (frames, 1-64 channels)")
        if not samples.flags.c_contiguous:
            raise ValueError("samples that are not C-contiguous: copy them first")
        self.n_frames, self.n_channels = samples.shape
        self._samples = samples
        self._levels: list[tuple[int, NDArray[np.float32]]] = []
        size = BASE_BIN_FRAMES
        while size < self.n_frames:
            level = np.empty((-(-self.n_frames // size), 2, self.n_channels), np.float32)
            if self._levels:
                fill_next(self._levels[-1][1], level, FACTOR)
            else:
                fill_base(samples, level, size)
            self._levels.append((size, level))
            size *= FACTOR

    def view(
        self,
        first_frame: int,
        end_frame: int,
        n_pixels: int,
        out: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Return the extremes under each pixel.

        Parameters
        ----------
        first_frame, end_frame : int
            ``0 <= first_frame < end_frame <= n_frames``. Pixel ``p`` stands for the frames from
            ``first_frame + p * (end_frame - first_frame) // n_pixels`` up to the next pixel's.
        n_pixels : int
            At least 1. With more pixels than frames, frames repeat.
        out : ndarray, shape (n_pixels, 2, n_channels), optional
            Where to put them; spares an allocation.

        Returns
        -------
        extremes : ndarray of float32, shape (n_pixels, 2, n_channels)
            ``[:, 0]`` the lowest, ``[:, 1]`` the highest; NaN where nothing is known.

        Raises
        ------
        ValueError
            If the stretch is empty or not inside, or ``out`` does not fit.
        """
        out = _room(first_frame, end_frame, self.n_frames, n_pixels, self.n_channels, out)
        chosen: tuple[int, NDArray[np.float32]] | None = None
        for level in self._levels:
            if level[0] * n_pixels > end_frame - first_frame:
                break
            chosen = level
        if chosen is None:
            gather_frames(self._samples, first_frame, end_frame, out)
        else:
            gather_bins(chosen[1], chosen[0].bit_length() - 1, first_frame, end_frame, out)
        return out


class StreamPyramid:
    """Extremes of 1, 4, 16 ... hops of a stream that goes on: push what came, view any time.

    The core finds the extremes of each hop (10 ms) in its own pass; here they are put together.

    Parameters
    ----------
    n_channels : int
        1-64.

    Raises
    ------
    ValueError
        If the number of channels is out of range.
    """

    def __init__(self, n_channels: int = 8) -> None:
        if not 1 <= n_channels <= 64:
            raise ValueError(f"{n_channels} channels, allowed are 1-64")
        self.n_channels = n_channels
        self.n_hops = 0
        self._levels: list[NDArray[np.float32]] = []

    def push(self, low_uv: NDArray[np.float32], high_uv: NDArray[np.float32]) -> None:
        """Take the next hops, ``low_uv`` and ``high_uv`` of ``StreamFeatures``, in order.

        Parameters
        ----------
        low_uv, high_uv : ndarray of float32, shape (n_hops, n_channels)
            NaN where nothing is known, as in a gap; it is passed over.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        if low_uv.shape != high_uv.shape or low_uv.shape[1:] != (self.n_channels,):
            raise ValueError(
                f"extremes of shapes {low_uv.shape} and {high_uv.shape}, not"
                f" (hops, {self.n_channels})"
            )
        first, n = self.n_hops, self.n_hops + len(low_uv)
        if n == first:
            return
        base = self._room_for(0, n)
        base[first:n, 0], base[first:n, 1] = low_uv, high_uv
        k = 0
        while n > 1:
            first, above = first // FACTOR, -(-n // FACTOR)
            lower, level = self._levels[k], self._room_for(k + 1, above)
            fill_next(lower[first * FACTOR : n], level[first:above], FACTOR)
            n, k = above, k + 1
        self.n_hops += len(low_uv)

    def view(
        self,
        first_hop: int,
        end_hop: int,
        n_pixels: int,
        out: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Return the extremes under each pixel; as ``MinMaxPyramid.view``, counted in hops.

        Raises
        ------
        ValueError
            If the stretch is empty or not inside, or ``out`` does not fit.
        """
        out = _room(first_hop, end_hop, self.n_hops, n_pixels, self.n_channels, out)
        k = 0
        while FACTOR ** (k + 1) * n_pixels <= end_hop - first_hop:
            k += 1
        n_bins = -(-self.n_hops // FACTOR**k)
        log2_size = k * (FACTOR.bit_length() - 1)
        gather_bins(self._levels[k][:n_bins], log2_size, first_hop, end_hop, out)
        return out

    def _room_for(self, k: int, n_bins: int) -> NDArray[np.float32]:
        """Return level k with room for so many bins, twice as much when it has to grow."""
        if k == len(self._levels):
            self._levels.append(np.empty((0, 2, self.n_channels), np.float32))
        level = self._levels[k]
        if len(level) < n_bins:
            self._levels[k] = np.empty((max(64, 2 * n_bins), 2, self.n_channels), np.float32)
            self._levels[k][: len(level)] = level
        return self._levels[k]


def _room(
    first: int, end: int, n: int, n_pixels: int, n_channels: int, out: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Return where a view is put, after a look at whether there can be one."""
    if n_pixels < 1:
        raise ValueError(f"a view of {n_pixels} pixels, it must be at least 1")
    if not 0 <= first < end <= n:
        raise ValueError(f"a view of {first}-{end}, there are {n}")
    if out is None:
        return np.empty((n_pixels, 2, n_channels), np.float32)
    if out.shape[0] != n_pixels:
        raise ValueError(f"out has {out.shape[0]} rows, the view {n_pixels} pixels")
    return out
