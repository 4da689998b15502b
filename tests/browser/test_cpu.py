"""What an open page costs: the server's process, and all of Chromium without a graphics card."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.async_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.benchmark,
    pytest.mark.slow,
    pytest.mark.full,  # test_soak.py measures all processes in every run
    pytest.mark.asyncio(loop_scope="module"),
]
FAKE = Path(__file__).parents[1] / "fakes" / "fake_live.py"
MEASURE_S = 15.0
# Goals on the reference machine, of one core. CPU time hardly depends on what else runs, but cores
# differ: the limits leave a third for slower ones.
SERVER_GOAL_PCT, CHROMIUM_GOAL_PCT = 12.0, 35.0
SLOWER_CORE = 4 / 3


def cpu_s() -> dict[str, float]:
    """Return the CPU seconds so far of Chromium's processes and of the served app."""
    used = {"chromium": 0.0, "server": 0.0}
    for process in psutil.Process().children(recursive=True):
        try:
            times, name, command = process.cpu_times(), process.name(), process.cmdline()
        except psutil.NoSuchProcess:
            continue
        if "chrom" in name:
            used["chromium"] += times.user + times.system
        elif str(FAKE) in command:
            used["server"] += times.user + times.system
    return used


async def test_cpu_of_an_open_page(browser: Browser, until_stat: Any) -> None:
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, str(FAKE), stdout=pipe)
    try:
        assert server.stdout is not None
        url = (await server.stdout.readline()).decode()
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.goto(url.strip())
        await page.get_by_role("button", name="Live signal").click()
        await until_stat(page, "draws", 100)
        before, start_s = cpu_s(), time.monotonic()
        rates = []
        while time.monotonic() - start_s < MEASURE_S:
            await asyncio.sleep(1)
            rates.append(await page.evaluate("window.faceloop.stats.fps"))
        after, span_s = cpu_s(), time.monotonic() - start_s
        await page.close()
    finally:
        server.terminate()
        await server.communicate()
    pct = {name: 100 * (after[name] - before[name]) / span_s for name in after}
    print(
        f"\nserver {pct['server']:.1f} %, Chromium {pct['chromium']:.1f} % of one core, "
        f"median {statistics.median(rates)} frames a second"
    )
    assert 0 < pct["server"] <= SLOWER_CORE * SERVER_GOAL_PCT
    assert 0 < pct["chromium"] <= SLOWER_CORE * CHROMIUM_GOAL_PCT
    assert statistics.median(rates) >= 50
