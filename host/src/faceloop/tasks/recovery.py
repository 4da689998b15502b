"""Recordings that an earlier run could not finish: killed, out of disk, out of power."""

from __future__ import annotations

import asyncio
from typing import Any

from faceloop.session.store import Store
from faceloop.tasks.progress import Progress
from faceloop_protocol.limits import FS_HZ

__all__ = ["recover"]

_PASSES = 3  # the finaliser reads, writes and reads back


async def recover(store: Store, progress: Progress) -> list[dict[str, Any]]:
    """Finish them; return ``[{"recording", "duration_s", "error"}]``.

    One that cannot be finished now has ``error`` and stays for the next time.
    """
    progress.step("Looking for unfinished recordings")

    def tell(done: int, total: int) -> None:
        progress.amount(done / FS_HZ / _PASSES, total / FS_HZ / _PASSES)

    return [
        {
            "recording": str(store.sessions_path / found.id),
            "duration_s": found.summary.duration_s if found.summary is not None else None,
            "error": found.error or None,
        }
        for found in await asyncio.to_thread(store.recover, tell)
    ]
