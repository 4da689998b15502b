"""`faceloop demo` and `run` with their page open: from the made-up electrode to the screen."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from faceloop.ui.texts import Texts

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

WAIT_S = 60.0
N_FILE_FRAMES = 6720  # of limb_short_3s.edf at 2 kHz
EYE_JOINED_IN = "Your left eye joined in. Let it soften."
ENDED = Texts("en")("ended.title")


@pytest.mark.full  # tests/system/test_soak.py looks at the same account
async def test_demo_with_a_page_measures_to_the_screen_and_prints_its_account(
    start: Any, browser: Browser
) -> None:
    process, url = await start("demo", "--json", "--seconds", 20, "--scenario", "steps")
    page = await browser.new_page()
    await page.goto(url)
    await page.get_by_role("button", name="Live signal").click()
    await expect(page.locator("canvas")).to_have_count(4)
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    account = json.loads(out)
    latency = account["latency_ms"]
    print(latency)
    assert latency["kind"] == "to_screen"
    assert latency["n"] >= 4
    # Later than the verdict, which needs a few 10 ms of signal; how much is for a quiet machine.
    assert 10 < latency["p50"] <= latency["p95"] < 2000
    assert account["frames_lost_silently"] == 0
    # The page had its last words before its server went.
    await expect(page.locator("h1")).to_have_text(ENDED)
    await expect(page.get_by_text(Texts("en")("entry.closed"))).to_be_hidden()
    await page.close()


async def test_file_is_played_from_its_first_sample_once_somebody_looks(
    start: Any, browser: Browser
) -> None:
    data = Path(__file__).parents[1] / "data"
    process, url = await start("demo", "--json", "--source", data / "limb_short_3s.edf")
    page = await browser.new_page()
    await page.goto(url)
    begins = "It begins once you open the live signal or start training."
    await expect(page.get_by_text(begins)).to_be_visible()
    await asyncio.sleep(5.0)  # longer than the file
    assert process.returncode is None
    await page.get_by_role("button", name="Live signal").click()
    # Its rest is shorter than what is learnt from: the page asks for rest until it is over.
    await expect(page.locator("h1")).to_have_text(ENDED)
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    account = json.loads(out)
    assert account["frames_expected"] == N_FILE_FRAMES
    assert account["frames_lost_silently"] == 0
    await page.close()


async def record_until_ctrl_c(process: asyncio.subprocess.Process, page: Page) -> dict[str, Any]:
    """Record for a second, end the session, check the last words; return the account."""
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator(".fl-recording")).to_contain_text(re.compile(r"0:(0[1-9]|[1-5]\d)"))
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    account = json.loads(out)
    assert account["interrupted"]
    await expect(page.locator("h1")).to_have_text(ENDED)
    await expect(page.locator("code")).to_have_text(account["recording"])
    return account


async def test_demo_shows_its_alerts_and_ctrl_c_ends_its_page_and_stores_the_recording(
    start: Any, browser: Browser
) -> None:
    """The usual made-up face rests, then smiles: on its left side the eye joins in."""
    process, url = await start("demo", "--json")
    page = await browser.new_page()
    await page.goto(url)
    await page.get_by_role("button", name="Live signal").click()
    alert = page.locator("[data-alert]")
    await expect(alert).to_have_text(EYE_JOINED_IN, timeout=1000 * WAIT_S)
    await expect(page.locator("[data-now]")).to_have_attribute("data-now", "alert")
    await expect(page.get_by_text("Sound: two soft falling tones.")).to_be_visible()
    account = await record_until_ctrl_c(process, page)
    assert account["alerts"][0]["pair"] == "mouth_to_eye"
    await page.close()


async def test_run_with_a_virtual_board_records_on_its_page(start: Any, browser: Browser) -> None:
    process, url = await start("run", "--virtual", "--json")
    page = await browser.new_page()
    await page.goto(url)
    await page.get_by_role("button", name="Live signal").click()
    account = await record_until_ctrl_c(process, page)
    assert account["frames_recorded"] >= 2000 and account["gaps"] == []
    assert Path(account["recording"]).is_file()
    await page.close()
