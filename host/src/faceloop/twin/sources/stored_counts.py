"""A source whose counts are all in memory."""

from __future__ import annotations

from faceloop.twin.sources.source import CountArray

__all__ = ["StoredCounts"]


class StoredCounts:
    """Reads from ``_counts``, which the source that inherits this fills; int32, shape (n, 8)."""

    _counts: CountArray
    _next = 0

    def read(self, n: int) -> CountArray:
        """Return the next counts, int32 of shape (up to n, 8); (0, 8) after the last."""
        block = self._counts[self._next : self._next + max(n, 0)]
        self._next += len(block)
        return block.copy()

    def rewind(self) -> None:
        """Start again from the first frame."""
        self._next = 0
