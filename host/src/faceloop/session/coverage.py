"""Which frames of a stream are there, which are missing, and which are lost for ever.

Pure bookkeeping over half-open ranges of frame indices, shared by the live assembler and by the
finaliser, so that both mean the same by *duplicate*, *gap* and *recorded*.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

__all__ = ["Coverage", "IntervalSet", "extend_frame"]

_WRAP = 1 << 32


def extend_frame(first_frame: int, near_frame: int) -> int:
    """Return the full index of a 32-bit frame index, the one nearest to ``near_frame``.

    Parameters
    ----------
    first_frame : int
        As in a packet, modulo 2**32 (24.8 days at 2 kSPS).
    near_frame : int
        Full index of a packet that was made at about the same time.

    Returns
    -------
    int
        Never negative.
    """
    ahead = (first_frame - near_frame + _WRAP // 2) % _WRAP - _WRAP // 2
    frame = near_frame + ahead
    return frame if frame >= 0 else frame + _WRAP


class IntervalSet:
    """A set of integers kept as sorted, disjoint, non-adjacent half-open ranges.

    Adding at the end is O(1); adding elsewhere is a binary search and one list splice.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield ``(first, n)`` in ascending order."""
        for start, end in zip(self._starts, self._ends, strict=True):
            yield start, end - start

    def __contains__(self, value: int) -> bool:
        i = bisect_right(self._starts, value) - 1
        return i >= 0 and value < self._ends[i]

    @property
    def end(self) -> int | None:
        """One past the highest member, None when empty."""
        return self._ends[-1] if self._ends else None

    def run_end(self, value: int) -> int:
        """Return the end of the range that holds ``value``, or ``value`` itself if none does."""
        i = bisect_right(self._starts, value) - 1
        return self._ends[i] if i >= 0 and value < self._ends[i] else value

    def add(self, first: int, n: int) -> int:
        """Add ``first .. first + n - 1`` and return how many of them were not there before."""
        if n <= 0:
            return 0
        end = first + n
        starts, ends = self._starts, self._ends
        if not ends or first > ends[-1]:
            starts.append(first)
            ends.append(end)
            self._n += n
            return n
        if first == ends[-1]:
            ends[-1] = end
            self._n += n
            return n
        low = bisect_left(ends, first)  # first range that touches or follows
        high = bisect_right(starts, end)  # one past the last range that touches
        held = sum(min(ends[i], end) - max(starts[i], first) for i in range(low, high))
        if low < high:
            first = min(first, starts[low])
            end = max(end, ends[high - 1])
        starts[low:high] = [first]
        ends[low:high] = [end]
        self._n += n - held
        return n - held

    def holes(self, first: int, end: int) -> list[tuple[int, int]]:
        """Return ``(first, n)`` of every maximal range before ``end`` that is not here."""
        holes = []
        at = first
        for i in range(bisect_right(self._ends, first), len(self._starts)):
            if self._starts[i] >= end:
                break
            if self._starts[i] > at:
                holes.append((at, self._starts[i] - at))
            at = self._ends[i]
        if at < end:
            holes.append((at, end - at))
        return holes


class Coverage:
    """Frames received since a first frame.

    Parameters
    ----------
    first_frame : int
        Where the recording begins. Frames before it are counted as ``n_outside`` and ignored.
    """

    def __init__(self, first_frame: int = 0) -> None:
        self.first_frame = first_frame
        self.n_duplicate = 0
        self.n_outside = 0
        self._held = IntervalSet()
        # Held or declared lost: what no one waits for any more.
        self._settled = IntervalSet()

    @property
    def n_held(self) -> int:
        """Number of different frames received."""
        return len(self._held)

    @property
    def head(self) -> int:
        """One past the highest frame received or declared lost."""
        return max(self.first_frame, self._settled.end or self.first_frame)

    @property
    def contiguous(self) -> int:
        """First frame that is neither here nor declared lost; everything before it is settled."""
        return self._settled.run_end(self.first_frame)

    def add(self, first: int, n: int) -> int:
        """Note that frames ``first .. first + n - 1`` arrived.

        Returns
        -------
        int
            How many of them are new: ``n`` for new ones, 0 for duplicates (or frames before the
            recording), anything between when a part was here already.
        """
        if first < self.first_frame:
            outside = min(n, self.first_frame - first)
            self.n_outside += outside
            first += outside
            n -= outside
        new = self._held.add(first, n)
        self._settled.add(first, n)
        self.n_duplicate += n - new
        return new

    def declare_lost(self, first: int, n: int) -> None:
        """Stop waiting for frames. Should they arrive after all, ``add`` takes them as new."""
        end = first + n
        first = max(first, self.first_frame)
        self._settled.add(first, end - first)

    def gaps(self, head: int | None = None) -> list[tuple[int, int]]:
        """Return ``(first, n)`` of every missing range before ``head``, lost ones included."""
        return self._held.holes(self.first_frame, self.head if head is None else head)

    def waiting(self, head: int | None = None) -> list[tuple[int, int]]:
        """Return ``(first, n)`` of every missing range before ``head`` that may still arrive."""
        return self._settled.holes(self.first_frame, self.head if head is None else head)

    def n_missing(self, head: int | None = None) -> int:
        """Return how many frames before ``head`` are missing, lost ones included."""
        return sum(n for _, n in self.gaps(head))
