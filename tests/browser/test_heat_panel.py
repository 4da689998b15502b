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
from faceloop.training.profiles import Profile, Profiles
from faceloop.ui.heat_words import next_step
from faceloop.ui.texts import Texts
from faceloop_protocol import heat, texts

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
FAKE = Path(__file__).parents[1] / "fakes" / "fake_heat_board.py"
TEXT = Texts("en")
QUESTION = TEXT("heat.question.numb")


@pytest_asyncio.fixture(loop_scope="module")
async def heated(
    fake_module: ModuleType, start_app: Any, context: BrowserContext, tmp_path: Path
) -> AsyncIterator[tuple[Page, Any, list[str]]]:
    """A page with the heat panel open, its board, and the console."""
    board = runpy.run_path(str(FAKE))["Board"]()
    board.say(permission=heat.PERMIT_NONE)
    live = fake_module.FakeLive(alerts=False)
    live.heat = HeatSession(board, lambda _: None, lambda *_: None)
    running = asyncio.create_task(live.heat.run())
    console: list[str] = []
    Profiles(tmp_path).create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    try:
        async with start_app(live, data=tmp_path) as app:
            page = await context.new_page()
            page.on("console", lambda message: console.append(message.text))
            page.on("pageerror", lambda error: console.append(str(error)))
            await page.goto(app.url)
            await page.get_by_role("button", name="Live signal").click()
            await page.get_by_role("link", name=TEXT("heat.title"), exact=True).click()
            yield page, board, console
            await page.close()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.risk("RC-33")
async def test_heat_is_asked_for_answered_and_stopped(heated: Any) -> None:
    page, board, console = heated
    panel = page.get_by_role("region", name=TEXT("heat.title"))
    await expect(panel).to_contain_text("Heat is off")
    ask = panel.get_by_role("button", name=TEXT("heat.ask"))
    await expect(ask).to_be_hidden()
    await panel.get_by_role("button", name=TEXT("heat.test_yes")).click()
    await expect(ask).to_be_visible()
    async with asyncio.timeout(10):
        while ("permit", heat.PERMIT_FULL) not in board.asked:
            await asyncio.sleep(0.05)
    # Nothing is asked before today's question is answered.
    await ask.click(force=True)
    assert not any(name == "request" for name, *_ in board.asked)
    await panel.get_by_role("checkbox", name=TEXT("heat.today")).click()
    for _ in range(4):
        await panel.get_by_role("button", name="Warmth +").click()
    await ask.click()
    board.say(state=heat.WAIT_BUTTON)
    await expect(panel).to_contain_text("Press the button on the device")
    assert ("request", 40.0, 10) in board.asked, "more than 40 degrees cannot be chosen"
    board.say(state=heat.HOLD, face_cdegc=3925, remaining_ms=421_000, dose_umin=31_000)
    await expect(panel.locator("[data-item=skin] dd")).to_have_text("39.2 °C")
    await expect(panel.locator("[data-item=left] dd")).to_have_text("7:01")
    await expect(panel.locator("[data-item=dose] dd")).to_have_text(
        "1.6\N{NO-BREAK SPACE}% of what is allowed"
    )
    n_beats = sum(name == "renew" for name, *_ in board.asked)
    async with asyncio.timeout(20):  # the page is seen, so the lease goes on
        while sum(name == "renew" for name, *_ in board.asked) < n_beats + 3:
            await asyncio.sleep(0.1)
    # The question finds the person wherever they are: also where a day's heat block runs.
    await go(page, "/training")
    yes = page.get_by_role("button", name=TEXT("heat.still_there_yes"))
    await expect(yes).to_be_hidden()
    board.say(info=heat.INFO_STILL_THERE)
    await yes.click()
    async with asyncio.timeout(10):
        while not any(name == "confirm" for name, *_ in board.asked):
            await asyncio.sleep(0.05)
    board.say(info=0)
    await expect(yes).to_be_hidden()
    await go(page, "/heat")
    await panel.get_by_role("button", name=TEXT("heat.stop")).click()
    async with asyncio.timeout(10):
        while board.asked[-1][0] != "end" and not any(n == "end" for n, *_ in board.asked):
            await asyncio.sleep(0.05)
    board.say(state=heat.LATCHED, cause=heat.FACE_HOT)
    await expect(panel).to_contain_text(texts.CAUSE_TEXT[heat.FACE_HOT])
    await expect(panel).to_contain_text(next_step(heat.FACE_HOT, TEXT))
    assert console == []


async def go(page: Page, place: str) -> None:
    """Go to a page of the open app, without a new launch."""
    await page.goto(page.url.rpartition("/")[0] + place)
    await page.locator("h1").wait_for()


@pytest.mark.risk("RC-20B")
async def test_therapist_s_choice_is_obeyed_and_both_pages_can_be_used_by_all(
    heated: Any, serious: Any, tmp_path: Path
) -> None:
    page, board, _ = heated
    panel = page.get_by_role("region", name=TEXT("heat.title"))
    await expect(panel.get_by_text(TEXT("heat.questions_title"))).to_be_visible()
    assert await serious(page) == []
    yes = panel.get_by_role("button", name=TEXT("heat.test_yes"))
    ask = panel.get_by_role("button", name=TEXT("heat.ask"))
    # A slip can be taken back at once; a contraindication that is confirmed cannot, and ends it.
    question = panel.get_by_role("checkbox", name=QUESTION)
    await question.click()
    await expect(panel.get_by_text(TEXT("heat.questions_check"))).to_be_visible()
    await expect(yes).to_be_hidden()
    assert await serious(page) == []
    await question.click()
    await expect(question).not_to_be_checked()
    await expect(yes).to_be_visible()
    assert Profiles(tmp_path).profile("anna").heat_test == ""
    await question.click()
    await panel.get_by_role("button", name=TEXT("heat.questions_confirm")).click()
    await expect(panel.get_by_text(TEXT("heat.questions_stop"))).to_be_visible()
    await expect(yes).to_be_hidden()
    await question.click(force=True)
    await expect(question).to_be_checked()
    await expect(yes).to_be_hidden()
    await page.reload()
    await expect(panel.get_by_text(TEXT("heat.kept_off"))).to_be_visible()
    await expect(question).to_be_hidden()
    await expect(yes).to_be_hidden()
    await expect(ask).to_be_hidden()
    assert Profiles(tmp_path).profile("anna").heat_test == "failed"
    await go(page, "/therapist")
    await page.get_by_label("Choose a PIN").fill("2468")
    await page.get_by_role("button", name="Open").click()
    # The therapist lets both be done again; the skin test is not passed either.
    await page.get_by_role("button", name=TEXT("therapist.heat.repeat")).click()
    await expect(page.get_by_text(TEXT("therapist.heat.not_done"))).to_be_visible()
    await go(page, "/heat")
    await panel.get_by_role("button", name=TEXT("heat.test_no")).click()
    await expect(panel.get_by_text(TEXT("heat.test_failed"))).to_be_visible()
    await expect(yes).to_be_hidden()
    await go(page, "/therapist")
    await page.get_by_label("PIN").fill("2468")
    await page.get_by_role("button", name="Open").click()
    await expect(page.get_by_text(TEXT("therapist.heat.failed"))).to_be_visible()
    await page.emulate_media(color_scheme="dark")
    assert await serious(page) == []
    await page.get_by_label(TEXT("therapist.heat.gentle", gentle="38.5")).check()
    async with asyncio.timeout(10):  # kept, and told to the board
        while ("permit", heat.PERMIT_FLAGGED) not in board.asked:
            await asyncio.sleep(0.05)
    assert Profiles(tmp_path).profile("anna").heat_choice == "gentle"
    await go(page, "/heat")
    await expect(panel.get_by_text("at most 38.5 °C")).to_be_visible()
    await panel.get_by_role("checkbox", name=TEXT("heat.today")).click()
    for _ in range(4):
        await panel.get_by_role("button", name="Warmth +").click()
    await expect(panel.get_by_text("38.5 °C", exact=True)).to_be_visible()
    assert await serious(page) == []
    await panel.get_by_role("button", name=TEXT("heat.ask")).click()
    async with asyncio.timeout(10):
        while ("request", 38.5, 10) not in board.asked:
            await asyncio.sleep(0.05)
    board.say(state=heat.HOLD, face_cdegc=3800, info=heat.INFO_STILL_THERE)
    await expect(page.get_by_text(TEXT("heat.still_there"))).to_be_visible()
    assert await serious(page) == []
    board.say(state=heat.LATCHED, cause=heat.FACE_HOT, info=0)
    await expect(panel).to_contain_text(next_step(heat.FACE_HOT, TEXT))
    await page.emulate_media(color_scheme="light")
    assert await serious(page) == []
    # Something new that applies ends what the therapist has allowed before it.
    board.say(state=heat.OFF, cause=heat.CAUSE_NONE)
    await panel.get_by_role("button", name=TEXT("heat.redo")).click()
    await question.click()
    await expect(ask).to_be_hidden()
    async with asyncio.timeout(10):
        while board.now.permission != heat.PERMIT_NONE:
            await asyncio.sleep(0.05)
    assert Profiles(tmp_path).profile("anna").heat_permission == heat.PERMIT_NONE


@pytest.mark.risk("RC-33")
async def test_tick_ends_what_was_passed_until_it_is_passed_again(
    heated: Any, tmp_path: Path
) -> None:
    page, board, _ = heated
    panel = page.get_by_role("region", name=TEXT("heat.title"))
    yes = panel.get_by_role("button", name=TEXT("heat.test_yes"))
    ask = panel.get_by_role("button", name=TEXT("heat.ask"))
    await yes.click()
    await expect(ask).to_be_visible()
    await permitted(board, heat.PERMIT_FULL)
    await panel.get_by_role("button", name=TEXT("heat.redo")).click()
    question = panel.get_by_role("checkbox", name=QUESTION)
    await question.click()
    await permitted(board, heat.PERMIT_NONE)
    await page.reload()  # neither confirmed nor taken back: no heat, and both once more
    await expect(yes).to_be_visible()
    await expect(ask).to_be_hidden()
    assert Profiles(tmp_path).profile("anna").heat_permission == heat.PERMIT_NONE
    await yes.click()
    await expect(ask).to_be_visible()
    await permitted(board, heat.PERMIT_FULL)


async def permitted(board: Any, permission: int) -> None:
    """Wait until the board was told."""
    async with asyncio.timeout(10):
        while board.now.permission != permission:
            await asyncio.sleep(0.05)


@pytest.mark.risk("RC-34")
async def test_test_that_somebody_else_failed_closes_heat_until_the_pin(
    heated: Any, serious: Any, tmp_path: Path
) -> None:
    page, _, _ = heated
    panel = page.get_by_role("region", name=TEXT("heat.title"))
    yes = panel.get_by_role("button", name=TEXT("heat.test_yes"))
    await expect(yes).to_be_visible()
    profiles = Profiles(tmp_path)
    profiles.create(
        Profile("bert", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    profiles.set_heat_test("bert", "failed")
    await expect(panel.get_by_text(TEXT("heat.barred"))).to_be_visible()
    await expect(yes).to_be_hidden()
    assert await serious(page) == []
    await go(page, "/therapist")
    await page.get_by_label("Choose a PIN").fill("2468")
    await page.get_by_role("button", name="Open").click()
    await expect(page.get_by_text(TEXT("therapist.heat.barred"))).to_be_visible()
    await page.get_by_role("button", name=TEXT("therapist.heat.repeat")).click()
    await go(page, "/heat")
    await yes.click()
    await expect(panel.get_by_role("button", name=TEXT("heat.ask"))).to_be_visible()
    # Whoever has passed goes through it again after another one's failure.
    profiles.set_heat_test("bert", "failed")
    await expect(panel.get_by_text(TEXT("heat.barred_again"))).to_be_visible()
    await yes.click()
    await expect(panel.get_by_role("button", name=TEXT("heat.ask"))).to_be_visible()
