"""A recording read again, frame after frame, with what is known of its frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from faceloop.session.converter import Converter
from faceloop.session.coverage import IntervalSet
from faceloop.session.kept_rest import KeptRest
from faceloop.session.settings import Settings

__all__ = ["RecordedSignal", "Stretch", "end_unknown_note", "intervals"]


class Stretch(NamedTuple):
    """Frames that are alike.

    Parameters
    ----------
    counts : ndarray of int32, shape (n_frames, 8)
    lead_off : int
        One bit per channel, 1 = an electrode was off.
    is_missing : bool
        They never arrived: ``counts`` means nothing.
    is_late : bool
        They are there, but came too late for the live session.
    """

    counts: NDArray[np.int32]
    lead_off: int
    is_missing: bool
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSignal:
    """Eight channels and what is known about them. Frames count from the start of the file.

    Parameters
    ----------
    labels : tuple of str
        Eight names, as in the file.
    fs_hz, lsb_uv : float
    n_frames : int
        Without padding.
    blocks : callable
        Gives the counts from the start, in arrays of int32, shape (n, 8), of any length.
    lead_off : int
        One bit per channel, 1 = nothing was connected there at all.
    warnings : tuple of str
        Sentences about what was assumed or left out.
    missing, late : IntervalSet
        Frames that never arrived; frames that the live session did not see.
    electrode_off : tuple of IntervalSet
        One for each channel.
    is_ours : bool
        faceloop recorded it; only then are missing and late frames known.
    first_frame : int
        Frame of the session with which the recording began.
    settings : Settings or None
        Of the live session; None when unknown.
    rest : KeptRest or None
        The rest that the live session used; its frame counts from the start of the session.
    board : str
        Kind of the board, empty when unknown.
    converter : "ads1298" or None
        Whose filter the core makes good, as the recording says; None of files of others.
    recorded_fs_hz : tuple of float
        Rates of the channels in a file of another program; empty for ours.
    n_channels : int
        Of the file, which may hold more than these eight.
    clipped : tuple of int
        Samples at exactly the highest or lowest value, of each channel of another program's file.
    """

    labels: tuple[str, ...]
    fs_hz: float
    lsb_uv: float
    n_frames: int
    blocks: Callable[[], Iterator[NDArray[np.int32]]]
    lead_off: int = 0
    warnings: tuple[str, ...] = ()
    missing: IntervalSet = field(default_factory=IntervalSet)
    late: IntervalSet = field(default_factory=IntervalSet)
    electrode_off: tuple[IntervalSet, ...] = ()
    is_ours: bool = False
    first_frame: int = 0
    settings: Settings | None = None
    rest: KeptRest | None = None
    board: str = ""
    converter: Converter | None = None
    recorded_fs_hz: tuple[float, ...] = ()
    n_channels: int = 8
    clipped: tuple[int, ...] = ()

    @property
    def played_labels(self) -> tuple[str, ...]:
        """Names of the channels of the file that a virtual board played; none for no file."""
        return self.settings.played_labels if self.settings is not None else ()

    def stretches(self) -> Iterator[Stretch]:
        """Yield all frames in order; the counts are valid until the next stretch.

        Raises
        ------
        SourceError, StorageError
            If the file can no longer be read.
        """
        edges = self._edges()
        at = 0
        for block in self.blocks():
            counts = block[: self.n_frames - at]
            end = at + len(counts)
            cuts = edges[bisect_right(edges, at) : bisect_right(edges, end - 1)]
            for begin, stop in zip([at, *cuts], [*cuts, end], strict=True):
                if begin < stop:
                    yield self._stretch(counts[begin - at : stop - at], begin)
            at = end

    def _edges(self) -> list[int]:
        sets = (self.missing, self.late, *self.electrode_off)
        return sorted({edge for ranges in sets for at, n in ranges for edge in (at, at + n)})

    def _stretch(self, counts: NDArray[np.int32], at: int) -> Stretch:
        lead_off = self.lead_off
        for channel, ranges in enumerate(self.electrode_off):
            lead_off |= (at in ranges) << channel
        return Stretch(counts, lead_off, at in self.missing, at in self.late)


def end_unknown_note(reason: str) -> str:
    """Return the warning about a recording after whose end more may have been measured."""
    return f"Where the signal ended is not known: {reason}."


def intervals(ranges: Iterable[tuple[int, int]]) -> IntervalSet:
    """Return ``(first, n)`` ranges as a set."""
    result = IntervalSet()
    for first, n in ranges:
        result.add(first, n)
    return result
