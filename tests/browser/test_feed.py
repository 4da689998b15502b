"""From blocks to columns to queues: exact, bounded, and no browser slows another."""

from __future__ import annotations

import asyncio
import math
import struct
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st

from faceloop.session.live import LiveBlock, LiveEvent, MusclePair
from faceloop.ui.columns import ColumnReducer
from faceloop.ui.feed import QUEUE_LENGTH, WINDOW, ClientQueue, LiveFeed
from faceloop.ui.wire import Guide

pytestmark = pytest.mark.asyncio(loop_scope="module")


@given(st.lists(st.integers(1, 47), min_size=1, max_size=30), st.integers(0, 25))
async def test_columns_do_not_depend_on_the_split(sizes: list[int], first: int) -> None:
    trace_uv = np.random.default_rng(1).standard_normal((sum(sizes), 2), np.float32)
    whole = ColumnReducer(2000.0, 2)
    first_column, expected = whole.push(first, trace_uv)
    split = ColumnReducer(2000.0, 2)
    parts, at = [], 0
    for size in sizes:
        column, part = split.push(first + at, trace_uv[at : at + size])
        assert column == first_column + sum(part.shape[1] for part in parts)
        parts.append(part)
        at += size
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), expected)


async def test_columns_are_min_and_max_on_the_grid_and_nan_where_frames_lack() -> None:
    reducer = ColumnReducer(2000.0, 1)
    trace_uv = np.arange(35, dtype=np.float32)[:, None]
    column, first = reducer.push(5, trace_uv)  # frames 5-39
    assert column == 0
    assert np.isnan(first[0, 0]).all()  # frames 0-4 lack
    assert first[0, 1:].tolist() == [[5, 14], [15, 24], [25, 34]]
    column, after = reducer.push(1003, trace_uv)  # a jump
    assert column == 100
    assert np.isnan(after[0, 0]).all()
    assert after[0, 1].tolist() == [7, 16]
    trace_uv[12] = np.nan
    _, holed = ColumnReducer(2000.0, 1).push(0, trace_uv)
    assert np.isnan(holed[0, 1]).all() and not np.isnan(holed[0, 0]).any()


async def test_queue_drops_the_oldest_and_counts() -> None:
    queue = ClientQueue()
    for sequence in range(QUEUE_LENGTH + 5):
        queue.put(sequence, float(sequence), b"%d" % sequence)
    assert queue.dropped == 5
    assert await queue.get() == (5.0, b"5")


async def test_queue_waits_for_acknowledgements_and_ignores_strange_ones() -> None:
    queue = ClientQueue()
    for sequence in range(WINDOW):
        queue.put(sequence, 0.0, b"")
        await queue.get()
    queue.put(WINDOW, 0.0, b"late")
    queue.acknowledge(10_000)  # never sent
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.acknowledge(3)
    assert (await waiting)[1] == b"late"
    queue.acknowledge(3)  # again: nothing new


async def test_queue_age_percentiles() -> None:
    queue = ClientQueue()
    assert math.isnan(queue.age_ms(99))
    for age_ms in range(101):
        queue.note_age(age_ms / 1e3)
    assert queue.age_ms(50) == pytest.approx(50)
    assert queue.age_ms(99) == pytest.approx(99)


MUSCLE = MusclePair("mentalis", 0, 1, "train")


class OneMuscle:
    """Blocks given by the test."""

    labels = ("a_l", "a_r")
    muscles = (MUSCLE,)
    fs_hz = 2000.0
    affected_side = None

    def __init__(self, blocks: list[LiveBlock]) -> None:
        self._blocks = blocks

    async def blocks(self, max_waiting: int = 64) -> AsyncIterator[LiveBlock]:
        for block in self._blocks:
            yield block


def block(first: int, *events: LiveEvent, ratio: float = 0.5) -> LiveBlock:
    return LiveBlock(
        first_frame=first,
        trace_uv=np.ones((20, 2), np.float32),
        envelope_uv=np.array([2, 4], np.float32),
        rest_uv=np.ones(2, np.float32),
        symmetry={"mentalis": ratio},
        electrode_time_s=1.0,
        events=events,
    )


def fields(message: bytes) -> tuple[int, int, int, int]:
    """Return (sequence, first column, columns, events) of a LIVE message."""
    (sequence,) = struct.unpack_from("<I", message, 4)
    (first_frame,) = struct.unpack_from("<d", message, 8)
    column_frames, n_columns, _, n_events = struct.unpack_from("<HHBB", message, 40)
    return sequence, int(first_frame) // column_frames, n_columns, n_events


@pytest.mark.parametrize("is_led", [False, True])
async def test_every_frame_of_a_screen_has_news_only_where_a_movement_is_led(
    monkeypatch: pytest.MonkeyPatch, is_led: bool
) -> None:
    now_s = 0.0
    monkeypatch.setattr("faceloop.ui.feed.time", SimpleNamespace(monotonic=lambda: now_s))
    feed = LiveFeed(OneMuscle([]))  # type: ignore[arg-type]
    guide = Guide("hold", 0.5, 0.5, 0.375, 0.625, 0.5, 0.5, 2.5) if is_led else None
    feed.guide = lambda: guide
    queue = feed.subscribe()
    n_messages = 0
    for i in range(2000):
        now_s = i * 0.001
        feed._take(block(20 * i))
        while len(queue):
            _, message = await queue.get()
            queue.acknowledge(fields(message)[0])
            n_messages += 1
    assert n_messages == pytest.approx(2 * (83 if is_led else 30), rel=0.05)


async def test_alert_never_waits_for_the_next_message() -> None:
    cue = LiveEvent("synkinesis", 79, channel=0)
    blocks = [block(0), block(20), block(40), block(60, cue), block(80), block(100)]
    feed = LiveFeed(OneMuscle(blocks))  # type: ignore[arg-type]
    queue = feed.subscribe()
    await feed.run()
    messages = [fields((await queue.get())[1]) for _ in range(len(queue))]
    assert messages[0] == (1, 0, 2, 0)
    assert messages[1] == (2, 2, 6, 1)  # the blocks since then, and the alert, at once
    assert feed.alerts == 1


async def test_jump_inside_a_message_keeps_what_follows() -> None:
    cue = LiveEvent("gap", 1019)
    feed = LiveFeed(OneMuscle([block(0), block(20), block(1000, cue)]))  # type: ignore[arg-type]
    queue = feed.subscribe()
    await feed.run()
    await queue.get()
    assert fields((await queue.get())[1]) == (2, 100, 2, 1)


async def after(*ratios: tuple[float, float]) -> LiveFeed:
    """Return the feed after blocks of 10 ms; ``(seconds, ratio)`` each."""
    each = [ratio for seconds, ratio in ratios for _ in range(round(seconds * 100))]
    blocks = [block(20 * i, ratio=ratio) for i, ratio in enumerate(each)]
    feed = LiveFeed(OneMuscle(blocks))  # type: ignore[arg-type]
    await feed.run()
    return feed


async def test_symmetry_is_smoothed_and_shown_only_while_a_side_moves() -> None:
    rest = math.nan
    feed = await after((1.0, 0.5), (0.01, 1.0))
    assert 0.5 < feed.muscles_now()[0].ratio < 0.6
    assert feed.moved() is MUSCLE
    feed = await after((1.0, 0.5), (0.2, rest))
    assert feed.moved() is MUSCLE, "held for a moment"
    feed = await after((1.0, 0.5), (0.4, rest))
    assert feed.moved() is None
    feed = await after((1.0, rest), (0.1, 0.15), (0.5, rest))
    assert feed.moved() is None, "a flicker is no movement"


async def open_socket(app: Any, cookie: str) -> Any:
    return await websockets.connect(
        f"ws://127.0.0.1:{app.port}/ws/live",
        additional_headers={"origin": app.origin, "cookie": cookie},
        proxy=None,
        compression=None,
    )


async def cookie_of(app: Any) -> str:
    async with httpx.AsyncClient(base_url=app.origin) as client:
        answer = await client.post(
            "/session",
            json={"token": app.url.partition("#")[2]},
            headers={"origin": app.origin, "x-faceloop": "1"},
        )
    return str(answer.headers["set-cookie"].partition(";")[0])


@pytest.mark.benchmark
async def test_stalled_browser_delays_nobody_and_gets_fresh_signal_afterwards(app: Any) -> None:
    cookie = await cookie_of(app)
    stalled, lively = await open_socket(app, cookie), await open_socket(app, cookie)
    sequences, end_s = [], time.monotonic() + 4.0
    pong = b""
    while time.monotonic() < end_s:
        message = await lively.recv()
        if message[0] == 1:
            sequences.append(fields(message)[0])
            await lively.send(struct.pack("<BBHI", 0x12, 1, 0, sequences[-1]))
        if len(sequences) == 60:
            await lively.send(struct.pack("<BBHId", 0x10, 1, 0, 0, 0.0))
        if message[0] == 2:
            pong = message
    assert len(sequences) > 70
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    dropped, _, _, p50_ms, p99_ms = struct.unpack_from("<Iddff", pong, 4)
    print(f"\nqueue of the lively browser: p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms")
    assert dropped == 0
    assert p99_ms < 50
    # The stalled one holds a window of old messages and then, once it acknowledges, the newest.
    got = [fields(await stalled.recv())[0] for _ in range(WINDOW)]
    await stalled.send(struct.pack("<BBHI", 0x12, 1, 0, got[-1]))
    fresh = fields(await stalled.recv())[0]
    assert fresh > got[-1] + 5
    assert sequences[-1] - fresh <= QUEUE_LENGTH
    await stalled.send(struct.pack("<BBHId", 0x10, 1, 0, 0, 0.0))
    while (answer := await stalled.recv())[0] != 2:
        pass
    assert struct.unpack_from("<I", answer, 4)[0] >= fresh - got[-1] - 1
    await stalled.close()
    await lively.close()


@pytest.mark.parametrize("wrong", [b"", b"\x10\x01", b"x" * 100, "text"])
async def test_wrong_message_closes_only_this_socket(app: Any, wrong: bytes | str) -> None:
    cookie = await cookie_of(app)
    good, bad = await open_socket(app, cookie), await open_socket(app, cookie)
    await bad.send(wrong)
    with pytest.raises(websockets.ConnectionClosedError) as closed:
        while True:
            await bad.recv()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
    assert (await good.recv())[0] == 1
    await good.close()


async def test_too_long_a_message_closes_the_socket(app: Any) -> None:
    socket = await open_socket(app, await cookie_of(app))
    with pytest.raises(websockets.ConnectionClosedError):
        await socket.send(b"x" * (64 * 1024 + 1))
        while True:
            await socket.recv()


async def test_reports_from_the_future_or_long_ago_are_not_believed(app: Any) -> None:
    socket = await open_socket(app, await cookie_of(app))
    now_s = time.monotonic()
    for frame, server_s in ((1, now_s - 60), (2, now_s - 0.01), (3, now_s + 60)):
        await socket.send(struct.pack("<BBBBfdd", 0x11, 1, 0, 0, 40.0, frame, server_s))
    async with asyncio.timeout(2):
        while len(app.live.drawn) < 2:
            await socket.recv()
    (first, first_s, _), (second, second_s, arrived_s) = app.live.drawn
    assert (first, second) == (2, 3)
    assert first_s == pytest.approx(now_s - 0.01)
    assert second_s <= arrived_s
    await socket.close()
