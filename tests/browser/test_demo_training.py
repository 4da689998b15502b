"""A person's first day in ``faceloop demo``: the made-up face does what the pages ask for."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from faceloop.training.day_log import read_log
from faceloop.ui.texts import Texts

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.asyncio(loop_scope="module")]

START_MS, SETUP_MS, TRIAL_MS = 60_000, 240_000, 120_000
SHOTS = os.environ.get("FACELOOP_SHOTS", "")  # a folder: pictures of every page to look at


async def shoot(page: Page, name: str) -> None:
    """Take pictures, narrow and wide, light and dark, when somebody wants to look at them."""
    if not SHOTS:
        return
    before = page.viewport_size
    for size, (width, height) in {"wide": (1280, 800), "phone": (390, 844)}.items():
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            await page.screenshot(path=f"{SHOTS}/{name}-{size}-{scheme}.png", full_page=True)
    await page.set_viewport_size(before or {"width": 1280, "height": 800})


async def choose(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def introduce(page: Page, name: str) -> None:
    """Answer what the page asks about a person whose stage has movements."""
    await page.get_by_label("Short name").fill(name)
    await page.get_by_label("When did it begin").fill("2020-02-01")
    await page.get_by_label("Movement has come back by itself").check()
    await page.get_by_label("Muscles move together that should not").check()


def recorded(folder: Path) -> list[str]:
    """Return the sessions that hold the signal of a day, as its log has them."""
    return [record["session"] for record in read_log(folder) if record["kind"] == "recording"]


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(START_MS / 1000):
        while not is_so():
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("way_on", ["Go on with that day", "Close that day"])
async def test_app_that_is_killed_offers_the_day_again_and_its_recording_is_finished(
    start: Any, browser: Browser, tmp_path: Path, way_on: str
) -> None:
    def logs() -> list[Path]:
        return [path for path in tmp_path.rglob("training.jsonl") if read_log(path.parent)]

    process, url = await start("demo", "--json")
    page = await browser.new_page()
    await page.goto(url)
    await choose(page, "Start")
    await introduce(page, "anna")
    await choose(page, "Go on")
    await choose(page, "Short day, 5 minutes")
    await expect(page.locator(".fl-where")).to_contain_text("Settle")
    await until(lambda: any(recorded(log.parent) for log in logs()))
    await choose(page, "Next part")
    await expect(page.locator(".fl-where")).to_contain_text("Massage and stretch")
    process.kill()
    await process.communicate()
    (log,) = logs()
    before = read_log(log.parent)
    assert list(tmp_path.rglob("recording.bdf")) == []

    process, url = await start("demo", "--json")
    # The new start has finished it, beside the day.
    assert list(tmp_path.rglob("recording.bdf")) == [log.parent / "recording.bdf"]
    await page.goto("about:blank")
    await page.goto(url)
    finished = "A recording that was interrupted has been finished and is kept."
    await expect(page.get_by_text(finished)).to_be_visible()
    await choose(page, "Start")
    await expect(page.get_by_text("A day of yours was not finished.")).to_be_visible()
    await shoot(page, "9-left-day")
    await choose(page, way_on)
    if way_on == "Go on with that day":
        await expect(page.locator(".fl-where")).to_contain_text("Massage and stretch")
        await until(lambda: len(recorded(log.parent)) == 2)
        await choose(page, "End for today")
        await choose(page, "Yes, for today")
        await until(lambda: len(list(tmp_path.rglob("recording.bdf"))) == 2)
    await until(lambda: read_log(log.parent)[-1]["kind"] == "day_end")
    after = read_log(log.parent)
    assert after[: len(before)] == before
    assert logs() == [log]  # the same day, not another one
    await page.goto(url.split("/#")[0] + "/today")
    await expect(page.locator("h1")).to_have_text("Today")
    await expect(page.get_by_text("A day of yours was not finished.")).to_be_hidden()
    await page.close()


async def test_first_day_from_profile_to_results_with_a_face_that_follows(
    start: Any, browser: Browser, tmp_path: Path
) -> None:
    process, url = await start("demo", "--json")
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    await page.goto(url)
    await day_of(page)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(START_MS / 1000):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["frames_lost_silently"] == 0
    await page.close()
    (log,) = tmp_path.rglob("training.jsonl")
    check(read_log(log.parent))


async def day_of(page: Page) -> None:
    await shoot(page, "1-welcome")
    await choose(page, "Start")
    await introduce(page, "anna")
    await shoot(page, "2-profile")
    await choose(page, "Go on")
    await expect(page.locator("h1")).to_have_text("Today")
    await shoot(page, "3-today")
    await choose(page, "Set-up")
    await choose(page, "Begin the set-up")
    heading = page.locator("h1")
    await expect(heading).to_contain_text("do it now", timeout=SETUP_MS)
    await shoot(page, "4-setup")
    await expect(heading).to_have_text("The set-up is done", timeout=SETUP_MS)
    await shoot(page, "5-setup-done")
    # Every electrode has answered its own movement, and none is taken for another.
    states = page.locator(".fl-electrodes [data-state]")
    assert await states.count() == 8
    for state in await states.all():
        assert await state.get_attribute("data-state") == "good"
        assert " dB" in await state.inner_text()
    await expect(page.locator(".fl-findings li")).to_have_count(0)
    await choose(page, "To today’s programme")
    await choose(page, "Short day, 5 minutes")
    where = page.locator(".fl-where")
    for part in ("Settle", "Massage and stretch"):
        await expect(where).to_contain_text(part)
        await choose(page, "Next part")
    await expect(where).to_contain_text("Movements")
    panel = page.locator("[data-now]")
    # In its first repetitions the eye of this face joins in.
    await expect(panel).to_have_attribute("data-now", "alert", timeout=TRIAL_MS)
    await expect(heading).to_have_text("Let it soften: the eye joined in.")
    await shoot(page, "6-alert")
    for n in (2, 3):
        await expect(where).to_contain_text(f"Repetition {n} of", timeout=TRIAL_MS)
    await expect(page.locator(".fl-last")).to_contain_text("of 100", timeout=TRIAL_MS)
    await shoot(page, "7-training")
    await choose(page, "End for today")
    await choose(page, "Yes, for today")
    await choose(page, "See the results")
    await expect(page.get_by_role("row", name="Small smile, lips closed")).to_be_visible()
    await shoot(page, "8-results")


def check(records: list[dict[str, Any]]) -> None:
    trials = [record for record in records if record["kind"] == "trial"]
    assert len(trials) >= 3
    assert all(trial["reason"] == "" for trial in trials)
    for trial in trials[:2]:
        assert 1 <= trial["n_synkinesis"] <= 3  # one joining in, not one a ripple
        assert trial["synkinesis_muscle"] == "orbicularis_oculi"
    # The third one comes without the eye, and the score follows.
    assert trials[2]["n_synkinesis"] == 0 and trials[2]["guard_quiet"] > 0.9
    assert trials[2]["score"] > max(trial["score"] for trial in trials[:2])
    # The weak side is the affected one: less symmetric than one, and more than nothing.
    assert all(0.3 < trial["symmetry"] < 1.0 for trial in trials)


async def test_heat_in_the_demo_is_pressed_for_and_gets_warm(start: Any, browser: Browser) -> None:
    """Nobody can press a virtual board's button: the made-up person does."""
    text = Texts("en")
    process, url = await start("demo", "--json")
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    await page.goto(url)
    await choose(page, "Start")
    await introduce(page, "anna")
    await choose(page, "Go on")
    await page.get_by_role("link", name=text("heat.title"), exact=True).click()
    await choose(page, text("heat.test_yes"))
    await page.get_by_role("checkbox", name=text("heat.today")).click()
    await choose(page, text("heat.ask"))
    line = page.locator(".fl-heat-line")
    await expect(line).to_have_text(text("heat.state.wait_button.title"), timeout=START_MS)
    await expect(line).to_have_text(text("heat.state.warmup.title"), timeout=START_MS)
    skin = page.locator("[data-item=skin] dd")
    before = await skin.inner_text()
    async with asyncio.timeout(START_MS / 1000):
        while float((await skin.inner_text()).split()[0]) < float(before.split()[0]) + 0.5:
            await asyncio.sleep(0.2)
    await choose(page, text("heat.stop"))
    await expect(line).to_have_text(text("heat.state.off.title"), timeout=START_MS)
    await page.close()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(START_MS / 1000):
        await process.communicate()
    assert process.returncode == 0
