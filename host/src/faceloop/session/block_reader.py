"""What one screen has yet to show."""

from __future__ import annotations

import asyncio
from collections import deque

from faceloop.session.live import LiveBlock

__all__ = ["BlockReader"]


class BlockReader:
    """Bounded queue of one screen; the oldest block goes when it is full.

    Parameters
    ----------
    max_waiting : int
    """

    def __init__(self, max_waiting: int) -> None:
        self._blocks: deque[LiveBlock] = deque(maxlen=max_waiting)
        self._has_news = asyncio.Event()
        self._is_over = False

    def put(self, block: LiveBlock) -> None:
        """Add a block."""
        self._blocks.append(block)
        self._has_news.set()

    def end(self) -> None:
        """No more blocks will come."""
        self._is_over = True
        self._has_news.set()

    async def next(self) -> LiveBlock | None:
        """Return the next block; None when there will be none."""
        while not self._blocks:
            if self._is_over:
                return None
            self._has_news.clear()
            await self._has_news.wait()
        return self._blocks.popleft()
