"""What each screen has yet to show."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from faceloop.session.live import LiveBlock

__all__ = ["BlockReader", "BlockReaders"]


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


class BlockReaders:
    """All screens of one session."""

    def __init__(self) -> None:
        self._readers: set[BlockReader] = set()
        self._is_over = False

    async def blocks(self, max_waiting: int) -> AsyncIterator[LiveBlock]:
        """Yield blocks as they come; a slow reader loses the oldest."""
        reader = BlockReader(max_waiting)
        self._readers.add(reader)
        try:
            while not self._is_over and (block := await reader.next()) is not None:
                yield block
        finally:
            self._readers.discard(reader)

    def put(self, block: LiveBlock) -> None:
        """Add a block for each of them."""
        for reader in self._readers:
            reader.put(block)

    def end(self) -> None:
        """No more blocks will come."""
        self._is_over = True
        for reader in self._readers:
            reader.end()
