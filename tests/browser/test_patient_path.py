"""The patient's way by keyboard alone: profile, set-up, a block with an alert, results."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from faceloop.training.profiles import Profile, Profiles
from faceloop.training.programme import RetrainingBlock
from faceloop.training.setup import SetUpTimes
from faceloop.ui.texts import Texts

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

QUICK = SetUpTimes(contact_s=0.5, rest_s=2.0, contract_s=1.0, relax_s=0.7)
WAIT_MS = 60_000


async def reach(page: Page, name: str) -> None:
    """Press Tab until what has the focus says ``name``."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        said = await page.evaluate(
            "(() => { const e = document.activeElement;"
            " return e.labels?.[0]?.textContent ?? e.textContent; })()"
        )
        if said.strip() == name:
            return
    pytest.fail(f"Tab does not lead to {name!r}")


async def press(page: Page, name: str) -> None:
    await reach(page, name)
    await page.keyboard.press("Enter")


CHECKED = "the page has been looked at"


async def look(page: Page, serious: Any, errors: list[str] | None = None) -> None:
    """Check the page in both themes; what the checker itself does is no error of the page."""
    before = len(errors) if errors is not None else 0
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert await serious(page) == [], (page.url, scheme)
    if errors is not None:
        # What the checker's own styles set off is told before this, however late.
        async with page.expect_console_message(lambda message: message.text == CHECKED):
            await page.evaluate(f"console.log({CHECKED!r})")
        del errors[before:]


async def until_moves(page: Page, live: Any) -> None:
    """Do what the coach of the set-up asks for, until it is through."""
    async with asyncio.timeout(WAIT_MS / 1000):
        while (said := await page.locator("h1").inner_text()) != "The set-up is done":
            live.hold = 1.0 if "do it now" in said else 0.0
            if "Small smile" in said:  # the eye is through, and has its number
                await expect(page.locator(".fl-electrodes li").first).to_contain_text(" dB")
            await asyncio.sleep(0.05)
    live.hold = 0.0


async def until_told_restless(finding: Locator, live: Any) -> None:
    """Move in what should be a rest, until it is said."""
    async with asyncio.timeout(WAIT_MS / 1000):
        while await finding.count() == 0:
            for live.hold, seconds in ((1.0, 0.2), (0.0, 0.1)):
                await asyncio.sleep(seconds)


async def test_from_first_start_to_results_by_keyboard(
    fake_module: Any, start_app: Any, serious: Any, browser: Browser, tmp_path: Path
) -> None:
    live = fake_module.FakeLive(alerts=False)
    live.hold = 0.0
    async with start_app(live, data=tmp_path, times=QUICK) as app:
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(WAIT_MS)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text))
        await page.goto(app.url)
        await page.get_by_role("button", name="Start").wait_for()  # the launch address leads on
        await press(page, "Start")
        await expect(page.locator("h1")).to_have_text("Who is training?")
        await reach(page, "Short name")
        await page.keyboard.type("anna")
        await look(page, serious, errors)
        await reach(page, "No movement yet")
        for _ in range(2):
            await page.keyboard.press("ArrowDown")
        await press(page, "Go on")
        # A stage with movements needs the answers for it, or a therapist.
        await expect(page.locator("h1")).to_have_text("Who is training?")
        await expect(page.get_by_role("alert").last).to_contain_text("at least three months ago")
        await reach(page, "When did it begin, about? You may leave this empty.")
        await page.keyboard.type("01022020")
        await reach(page, "Movement has come back by itself, even a little")
        await page.keyboard.press("Space")
        await press(page, "Go on")
        await expect(page.locator("h1")).to_have_text("Today")
        await look(page, serious, errors)

        await press(page, "Set-up")
        await expect(page.get_by_role("button", name="Begin the set-up")).to_be_visible()
        await expect(page.locator(".fl-electrodes li")).to_have_count(8)
        live.set_status(lead_off=(True,) + (False,) * 7)
        first = page.locator(".fl-electrodes li").first
        await expect(first).to_contain_text("Left eyeloose")
        await look(page, serious, errors)
        live.set_status(lead_off=(False,) * 8)
        snr = page.get_by_text(Texts("en")("setup.snr_before"))
        await expect(snr).to_be_visible()
        await press(page, "Begin the set-up")
        finding = page.locator(".fl-findings li")
        await until_told_restless(finding, live)
        await expect(finding).to_have_text(Texts("en")("train.setup.rest_restless"))
        await look(page, serious, errors)
        await until_moves(page, live)
        await expect(page.locator(".fl-electrodes li").nth(2)).to_contain_text(" dB")
        await expect(snr).to_be_hidden()
        await press(page, "To today’s programme")

        await press(page, "Short day, 5 minutes")
        where = page.locator(".fl-where")
        await expect(where).to_contain_text("Settle")
        for _ in range(2):  # settle, massage
            await press(page, "Next part")
        await expect(where).to_contain_text("Movements")
        cue = page.get_by_role("heading", level=1)
        await expect(cue).to_have_text("Slowly, both sides together.", timeout=WAIT_MS)
        live.effort_uv[0] = 40.0  # the left eye joins in
        live.hold = 0.3
        panel = page.locator("[data-now]")
        await expect(panel).to_have_attribute("data-now", "alert", timeout=10_000)
        await expect(cue).to_have_text("Let it soften: the eye joined in.")
        await expect(page.get_by_text("Sound: two soft falling tones.")).to_be_visible()
        await look(page, serious, errors)
        live.set_status(lead_off=(False, False, True) + (False,) * 5)
        await expect(cue).to_have_text(
            "Left smile muscle: an electrode has come off. Press it on, or put a new one on."
        )
        live.set_status(lead_off=(False,) * 8)
        live.hold = 0.0
        await expect(page.locator(".fl-last")).not_to_have_text("", timeout=WAIT_MS)
        await press(page, "Pause")
        await expect(cue).to_have_text("Paused")
        await press(page, "Go on")
        await expect(cue).not_to_have_text("Paused")
        await press(page, "End for today")
        await expect(page.get_by_role("button", name="Not yet")).to_be_focused()
        await look(page, serious, errors)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="End for today")).to_be_focused()
        await page.keyboard.press("Enter")
        await press(page, "Yes, for today")
        await press(page, "See the results")
        await expect(page.locator("h1")).to_have_text("Results")
        await expect(page.get_by_role("row", name="Small smile, lips closed")).to_be_visible()
        await reach(page, "Total, -15 to 100")
        await page.keyboard.type("64")
        await press(page, "Keep")
        await expect(page.get_by_role("row", name="Sunnybrook")).to_contain_text("64")
        await look(page, serious, errors)
        # Chromium may tell of the checker's own styles later still. Whether the page has any of
        # that kind is seen in test_pages.py, where nothing is checked.
        assert [error for error in errors if "inline style" not in error] == []
        await page.close()
    days = [path for path in (tmp_path / "sessions").iterdir()]
    assert len(days) == 1 and (days[0] / "training.jsonl").stat().st_size > 500


@pytest.mark.full  # without a browser: tests/unit/host
async def test_movement_that_has_returned_is_asked_about_and_unlocks(
    fake_module: Any, start_app: Any, serious: Any, browser: Browser, tmp_path: Path
) -> None:
    profiles = Profiles(tmp_path)
    profiles.create(Profile("anna", "left", "flaccid"))
    async with start_app(fake_module.FakeLive(alerts=False), data=tmp_path) as app:
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        await page.goto(app.url)
        await page.get_by_role("button", name="Start").click()
        question = page.get_by_role("heading", name="Has movement come back?")
        await expect(question).to_be_visible()
        await look(page, serious)
        await press(page, "Yes, movement has returned")
        await expect(question).to_be_hidden()
        assert profiles.profile("anna").lock.allows_targets
        await page.close()


@pytest.mark.full
async def test_placement_photo_stays_on_this_computer(
    fake_module: Any, start_app: Any, chromium: dict[str, Any], tmp_path: Path
) -> None:
    from playwright.async_api import async_playwright

    Profiles(tmp_path).create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    arguments = chromium | {"args": [*chromium["args"], *camera]}
    async with (
        async_playwright() as playwright,
        start_app(fake_module.FakeLive(alerts=False), data=tmp_path) as app,
    ):
        browser = await playwright.chromium.launch(**arguments)
        page = await browser.new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        await page.goto(app.url)
        await page.locator("h1").wait_for()
        await page.goto(f"{app.origin}/setup")
        await page.get_by_role("button", name="Open the camera").click()
        await expect(page.get_by_label("Camera picture")).to_be_visible()
        async with asyncio.timeout(30):
            while not await page.evaluate("document.querySelector('video')?.videoWidth > 0"):
                await asyncio.sleep(0.1)
        await page.get_by_role("button", name="Take the photo").click()
        await expect(page.get_by_role("img", name="Photo of last time")).to_be_visible()
        photo = tmp_path / "profiles" / "anna" / "placement.jpg"
        assert photo.read_bytes().startswith(b"\xff\xd8\xff")
        assert all(url.startswith((app.origin, "blob:")) for url in requests)
        # What is no picture is refused, and nobody without the cookie gets this one.
        bad = await page.evaluate(
            "fetch('/photo', {method: 'POST', headers: {'X-Faceloop': '1'}, body: 'no'})"
            ".then((answer) => answer.status)"
        )
        assert bad == 400
        async with httpx.AsyncClient(base_url=app.origin) as stranger:
            assert (await stranger.get("/photo")).status_code == 401
            posted = await stranger.post("/photo", content=photo.read_bytes())
            assert posted.status_code == 403
        await browser.close()


async def test_therapist_changes_a_number_behind_a_pin(
    fake_module: Any, start_app: Any, serious: Any, browser: Browser, tmp_path: Path
) -> None:
    profiles = Profiles(tmp_path)
    profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    before = next(b for b in profiles.programme("anna").block if b.kind == "retraining")
    async with start_app(fake_module.FakeLive(alerts=False), data=tmp_path) as app:
        page = await browser.new_page()
        await page.goto(app.url)
        await page.get_by_role("link", name="Settings").click()
        await page.get_by_role("button", name="For the therapist").click()
        pin = page.get_by_label("Choose a PIN")
        for typed, told in (("12", "A PIN has 4 to 12 digits"), ("2468", "")):
            await pin.fill(typed)
            await page.get_by_role("button", name="Open").click()
            if told:
                await expect(page.get_by_role("alert")).to_contain_text(told)
        hold = page.locator(f"#fl-{before.name}-hold_s")
        fold = page.locator("details", has=hold)
        await expect(hold).to_be_hidden()
        await look(page, serious)
        await page.locator("summary", has_text=re.compile("^Movements$")).click()
        await expect(hold).to_have_value(f"{before.hold_s:g}")
        await look(page, serious)
        await hold.fill("99")
        await page.get_by_role("button", name="Save the programme").click()
        await expect(
            page.get_by_text("Hold, seconds has to be a number, 1 to 15.")
        ).to_be_visible()
        back = fold.get_by_role("button", name="As usual: Hold, seconds")
        await back.click()
        await expect(hold).to_have_value(f"{before.hold_s:g}")
        await expect(back).to_be_hidden()
        await hold.fill("4")
        first = page.locator(f"#fl-{before.name}-movements-1")
        await first.select_option(label="Wrinkle the nose")
        await page.get_by_role("button", name="Save the programme").click()
        await expect(page.get_by_text("Saved. It holds from")).to_be_visible()
        await page.get_by_role("button", name="Lock again").click()
        await page.get_by_label("PIN", exact=True).fill("1357")
        await page.get_by_role("button", name="Open").click()
        await expect(page.get_by_text("That PIN does not fit.")).to_be_visible()
        await page.close()
    after = next(b for b in profiles.programme("anna").block if b.name == before.name)
    assert isinstance(after, RetrainingBlock)
    assert (after.hold_s, after.movements[0]) == (4, "wrinkle_nose")
