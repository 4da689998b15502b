"""How tasks end: all of them, whatever they do about it, and nobody else with them."""

from __future__ import annotations

import asyncio

import pytest

from faceloop.background import end


async def stubborn(ended: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        ended.append("stubborn")


async def failing() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        raise ValueError("on the way out")


async def test_all_have_ended_when_it_returns() -> None:
    ended: list[str] = []
    tasks = [asyncio.create_task(stubborn(ended)), asyncio.create_task(failing())]
    await asyncio.sleep(0)
    await end(*tasks, None)
    assert ended == ["stubborn"]
    assert all(task.done() for task in tasks)


async def test_task_that_calls_is_passed_over() -> None:
    await end(asyncio.current_task())
    await asyncio.sleep(0)  # nothing cancels it here


async def test_cancellation_of_the_caller_is_its_own() -> None:
    ended: list[str] = []
    task = asyncio.create_task(stubborn(ended))
    await asyncio.sleep(0)
    caller = asyncio.create_task(end(task))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await end(task)
    assert ended == ["stubborn"]
