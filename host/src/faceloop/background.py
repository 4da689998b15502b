"""Tasks that go on beside their owner, and their end."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["end"]


async def end(*tasks: asyncio.Future[Any] | None) -> None:
    """End tasks, however they take it, and return when they have ended.

    None, and the task that calls, are passed over. To await an ended task alone would take the
    caller's own cancellation for the task's; here it goes on.
    """
    others = [task for task in tasks if task is not None and task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
