"""Heat on a page: off by default, gated by questions and skin test, every stop with its reason."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from faceloop.session.heat_session import HeatSession
from faceloop.ui.heat_words import NEXT, QUESTIONS, TEXTS
from faceloop_protocol import heat

pytestmark = pytest.mark.asyncio(loop_scope="module")
FAKE = Path(__file__).parents[1] / "fakes" / "fake_heat_board.py"


@pytest_asyncio.fixture(loop_scope="module")
async def heated(
    fake_module: ModuleType, start_app: Any, context: BrowserContext
) -> AsyncIterator[tuple[Page, Any, list[str]]]:
    """A page with the heat panel open, its board, and the console."""
    board = runpy.run_path(str(FAKE))["Board"]()
    board.say(permission=heat.PERMIT_NONE)
    live = fake_module.FakeLive(alerts=False)
    live.heat = HeatSession(board, lambda _: None, lambda *_: None)
    running = asyncio.create_task(live.heat.run())
    console: list[str] = []
    try:
        async with start_app(live) as app:
            page = await context.new_page()
            page.on("console", lambda message: console.append(message.text))
            page.on("pageerror", lambda error: console.append(str(error)))
            await page.goto(app.url)
            await page.get_by_role("button", name="Live signal").click()
            await page.get_by_role("link", name=TEXTS["title"], exact=True).click()
            yield page, board, console
            await page.close()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_heat_is_asked_for_answered_and_stopped(heated: Any) -> None:
    page, board, console = heated
    panel = page.get_by_role("region", name=TEXTS["title"])
    await expect(panel).to_contain_text("Heat is off")
    ask = panel.get_by_role("button", name=TEXTS["ask"])
    await expect(ask).to_be_hidden()
    # A contraindication ends it there.
    await panel.get_by_role("checkbox", name=QUESTIONS[0]).click()
    await expect(panel.get_by_text(TEXTS["questions_stop"])).to_be_visible()
    await expect(panel.get_by_role("button", name=TEXTS["test_yes"])).to_be_hidden()
    await panel.get_by_role("checkbox", name=QUESTIONS[0]).click()
    board.say(permission=heat.PERMIT_FULL)
    await panel.get_by_role("button", name=TEXTS["test_yes"]).click()
    await expect(ask).to_be_visible()
    assert ("permit", heat.PERMIT_FULL) in board.asked
    # Nothing is asked before today's question is answered.
    await ask.click(force=True)
    assert not any(name == "request" for name, *_ in board.asked)
    await panel.get_by_role("checkbox", name=TEXTS["today"]).click()
    for _ in range(4):
        await panel.get_by_role("button", name="Warmth +").click()
    await ask.click()
    board.say(state=heat.WAIT_BUTTON)
    await expect(panel).to_contain_text("Press the button on the device")
    assert ("request", 40.0, 10) in board.asked, "more than 40 degrees cannot be chosen"
    board.say(state=heat.HOLD, face_cdegc=3925, remaining_ms=421_000, dose_umin=31_000)
    await expect(panel.locator("[data-item=skin] dd")).to_have_text("39.2 °C")
    await expect(panel.locator("[data-item=left] dd")).to_have_text("7:01")
    await expect(panel.locator("[data-item=dose] dd")).to_have_text("0.03 of 2")
    n_beats = sum(name == "renew" for name, *_ in board.asked)
    async with asyncio.timeout(20):  # the page is seen, so the lease goes on
        while sum(name == "renew" for name, *_ in board.asked) < n_beats + 3:
            await asyncio.sleep(0.1)
    board.say(info=heat.INFO_STILL_THERE)
    await panel.get_by_role("button", name=TEXTS["still_there_yes"]).click()
    board.say(info=0)
    await expect(panel.get_by_text(TEXTS["still_there"])).to_be_hidden()
    assert any(name == "confirm" for name, *_ in board.asked)
    await panel.get_by_role("button", name=TEXTS["stop"]).click()
    async with asyncio.timeout(10):
        while board.asked[-1][0] != "end" and not any(n == "end" for n, *_ in board.asked):
            await asyncio.sleep(0.05)
    board.say(state=heat.LATCHED, cause=heat.FACE_HOT)
    await expect(panel).to_contain_text(heat.CAUSE_TEXT[heat.FACE_HOT])
    await expect(panel).to_contain_text(NEXT[heat.FACE_HOT])
    assert console == []
