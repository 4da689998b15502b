"""The whole loop in real time, page open: nothing dropped, no backlog, smooth, under one core.

The default run is short; ``tools/run.py test --full`` runs the five minutes of the bar.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.async_api import Page, async_playwright

WINDOW_S = 15.0  # the page's queue ages cover about this long
LEAST_FPS = 25
ONE_CORE_PCT = 100.0
GROWTH = 1.2
# Noise of the scheduler, which 1.2 times a queue of a few milliseconds would not even contain:
# more in the windows of 15 s of the short form, whose p99 is that of the five slowest messages of
# 512. Where one window is over it two more are looked at, and the median of the three decides: a
# backlog does not stop there, and what a neighbour did to five messages is over.
QUEUE_NOISE_MS, SHORT_QUEUE_NOISE_MS = 1.0, 2.0
MORE_WINDOWS = 2
AGE_NOISE_MS = 10.0  # an age moves by the length of a packet
SLOW_SHARE = 0.05  # of the seconds, in which somebody else had the processor


def cpu_s(root: psutil.Process) -> dict[int, float]:
    """Return the CPU seconds of a process and all below it, by process id.

    Without Playwright's own driver: it is part of the test.
    """
    used = {}
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name() == "node":
                continue
            times = process.cpu_times()
            used[process.pid] = times.user + times.system
    return used


@contextlib.asynccontextmanager
async def demo_page(
    seconds: float, out: Path, chromium: dict[str, Any]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Page]]:
    """Run ``faceloop demo`` with its page open in Chromium; yield the process and the page."""
    program = Path(sys.executable).parent / "faceloop"
    process = await asyncio.create_subprocess_exec(
        *(program, "demo", "--json", "--seconds", str(seconds), "--out", out),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "BROWSER": "true"},
    )
    try:
        assert process.stderr is not None
        url = None
        while url is None:
            line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
            assert line, "the demo ended before its page was ready"
            url = re.search(r"http://\S+", line)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(**chromium)
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            await page.goto(url.group(0))
            await page.get_by_role("button", name="Live signal").click()
            yield process, page
            await browser.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.communicate(), 30)


async def one_window(page: Page, fps: list[float], age_ms: list[float]) -> dict[str, Any]:
    """Add what the page says every second of a window; return what it says at the end."""
    stats: dict[str, Any] = {}
    end_s = time.monotonic() + WINDOW_S
    while time.monotonic() < end_s:
        await asyncio.sleep(1)
        stats = await page.evaluate("window.faceloop.stats")
        fps.append(stats["fps"])
        age_ms.append(stats["ageMs"])
    return stats


def at_both_ends(values: list[float], n: int) -> tuple[float, float]:
    """Return the medians of the first and of the last ``n`` values."""
    return statistics.median(values[:n]), statistics.median(values[-n:])


def is_growth(first_ms: float, last_ms: float, noise_ms: float) -> bool:
    """Whether the last is more than the first and its noise allow."""
    return last_ms > max(GROWTH * first_ms, first_ms + noise_ms)


@pytest.mark.benchmark
@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(
    "minutes",
    [pytest.param(0.5, id="short"), pytest.param(5.0, id="five_minutes", marks=pytest.mark.full)],
)
async def test_page_keeps_up_on_less_than_one_core(
    minutes: float, tmp_path: Path, chromium: dict[str, Any]
) -> None:
    is_short = minutes < 2
    part_s = WINDOW_S if is_short else 60
    noise_ms = SHORT_QUEUE_NOISE_MS if is_short else QUEUE_NOISE_MS
    queue_p99_ms: list[float] = []
    fps: list[float] = []
    age_ms: list[float] = []
    async with demo_page(60 * minutes + 60, tmp_path, chromium) as (demo, page):
        await asyncio.sleep(5)
        me = psutil.Process()
        before, start_s = cpu_s(me), time.monotonic()
        for _ in range(round(60 * minutes / WINDOW_S)):
            stats = await one_window(page, fps, age_ms)
            queue_p99_ms.append(stats["queueP99Ms"])
        first_queue_ms, last_queue_ms = at_both_ends(queue_p99_ms, round(part_s / WINDOW_S))
        if is_short and is_growth(first_queue_ms, last_queue_ms, noise_ms):
            for _ in range(MORE_WINDOWS):
                stats = await one_window(page, fps, age_ms)
                queue_p99_ms.append(stats["queueP99Ms"])
            last_queue_ms = statistics.median(queue_p99_ms[-1 - MORE_WINDOWS :])
        after, span_s = cpu_s(me), time.monotonic() - start_s
        mine = after.pop(me.pid) - before.pop(me.pid)
        assert demo.pid in after
        demo.terminate()
        out, _ = await asyncio.wait_for(demo.communicate(), 30)
    account = json.loads(out)
    total_pct = 100 * sum(after[pid] - before.get(pid, 0.0) for pid in after) / span_s
    first_age_ms, last_age_ms = at_both_ends(age_ms, round(part_s))
    print(
        f"\n{span_s:.0f} s: all processes {total_pct:.0f} % of one core (the test itself "
        f"{100 * mine / span_s:.0f} %), {statistics.median(fps):.0f} frames a second, "
        f"queue p99 {first_queue_ms:.1f} ms at first, {last_queue_ms:.1f} ms at last, "
        f"electrode to screen {first_age_ms:.0f} ms at first, {last_age_ms:.0f} ms at last, "
        f"{stats['messages']} messages, {stats['dropped']} dropped"
    )
    assert total_pct < ONE_CORE_PCT
    assert sorted(fps)[int(SLOW_SHARE * len(fps))] >= LEAST_FPS
    assert not is_growth(first_queue_ms, last_queue_ms, noise_ms), queue_p99_ms
    assert not is_growth(first_age_ms, last_age_ms, AGE_NOISE_MS), age_ms
    assert stats["messages"] > LEAST_FPS * span_s
    assert stats["dropped"] == 0
    assert account["frames_lost_silently"] == 0 and account["gaps"] == []
    latency = account["latency_ms"]
    assert latency["kind"] == "to_screen" and latency["n"] >= 4
    assert 10 < latency["p50"] <= latency["p95"]  # later than the verdict
