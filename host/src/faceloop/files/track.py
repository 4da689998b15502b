"""The channels of a file, as they are stored there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["FloatArray", "Track", "Tracks"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Track:
    """What a file says of one channel.

    Parameters
    ----------
    label, dimension : str
        As in the file; the physical dimension may be empty.
    fs_hz : float
        Sampling rate.
    n_samples : int
    """

    label: str
    dimension: str
    fs_hz: float
    n_samples: int


@dataclass(frozen=True, slots=True)
class Tracks:
    """The channels that are taken from a file.

    Parameters
    ----------
    tracks : tuple of Track
    windows : callable
        Reads the file from its start: for each stretch of time a list with the samples of every
        track, float64, in its dimension. Stretches are of any length, none needs much memory.
    notes : tuple of str
        Sentences about what was left out or assumed.
    """

    tracks: tuple[Track, ...]
    windows: Callable[[], Iterator[list[FloatArray]]] = field(repr=False)
    notes: tuple[str, ...]
