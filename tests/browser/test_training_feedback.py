"""What a repetition looks and sounds like: the mirror, less movement, sounds in writing."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from faceloop.training.profiles import Profile, Profiles
from faceloop.training.programme_file import parse_programme

FAKE = runpy.run_path(str(Path(__file__).parents[1] / "fakes" / "fake_patient.py"))
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

# Nothing but one long repetition after another.
MOVES = """
format = 1
name = "moves"
stages = ["synkinesis"]
[[block]]
name = "moves"
kind = "retraining"
movements = ["closed_mouth_smile"]
repetitions = 20
rise_s = 10
hold_s = 15
relax_first_s = 0
feedback = "live"
"""
# A camera that sees red where the person's right is, and blue where their left is.
CAMERA = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [64, 32];
    const context = canvas.getContext("2d");
    setInterval(() => {
      context.fillStyle = "#ff0000";
      context.fillRect(0, 0, 32, 32);
      context.fillStyle = "#0000ff";
      context.fillRect(32, 0, 32, 32);
    }, 50);
    return canvas.captureStream(20);
  };
}"""
# What a page says to the host, all sockets together; only what is sent after they were opened.
COUNT_SENT = """() => {
  window.sentBytes = 0;
  const plain = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    window.sentBytes += data.byteLength ?? data.size ?? data.length;
    return plain.call(this, data);
  };
}"""
KEPT = """async () => [
  Object.keys(localStorage), Object.keys(sessionStorage),
  (await indexedDB.databases()).map((one) => one.name), await caches.keys(), document.cookie,
]"""
HALVES = """() => {
  const canvas = document.querySelector(".fl-mirror");
  if (!(canvas?.width > 1) || !canvas.getContext("2d")) return [];
  const context = canvas.getContext("2d");
  return [0.25, 0.75].map((at) => {
    const [red, , blue] = context.getImageData(at * canvas.width, canvas.height / 2, 1, 1).data;
    return red > blue + 60 ? "red" : blue > red + 60 ? "blue" : "";
  });
}"""
MIRRORED = f"() => {{ ({CAMERA})(); ({COUNT_SENT})(); }}"
COUNT = """() => {
  const plain = CanvasRenderingContext2D.prototype.fillRect;
  window.drawings = 0;
  CanvasRenderingContext2D.prototype.fillRect = function (...box) {
    if (this.canvas.hasAttribute("data-guide")) window.drawings += 1;
    return plain.apply(this, box);
  };
}"""


@asynccontextmanager
async def training(
    fake_module: Any, start_app: Any, browser: Browser, root: Path, script: str
) -> AsyncIterator[tuple[Page, Any]]:
    """Give a page on which a movement is asked for, and the face that does it."""
    profiles = Profiles(root)
    profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    profiles.set_references("anna", FAKE["references"]())
    profiles.pin.choose("2468")
    profiles.set_programme("anna", parse_programme(MOVES, "moves"), "2468")
    live = fake_module.FakeLive(alerts=False)
    live.hold = 0.0
    async with start_app(live, data=root) as app:
        page = await browser.new_page()
        await page.add_init_script(f"({script})()")
        await page.goto(app.url)
        await page.locator("h1").wait_for()
        await page.goto(f"{app.origin}/today")
        await page.get_by_role("button", name="Begin", exact=True).click()
        await expect(page.locator("h1")).to_have_text("Slowly, both sides together.")
        live.hold = 0.25
        yield page, live
        await page.close()


async def sent_in_a_second(page: Page) -> float:
    """Return how many bytes the page says to the host in a second, the mean of three."""
    before = await page.evaluate("window.sentBytes")
    await asyncio.sleep(3.0)
    return float(await page.evaluate("window.sentBytes") - before) / 3


async def until_halves(page: Page, expected: list[str]) -> None:
    async with asyncio.timeout(30):
        while await page.evaluate(HALVES) != expected:
            await asyncio.sleep(0.1)


async def test_mirror_shows_the_face_or_either_half_twice_and_sends_nothing(
    fake_module: Any, start_app: Any, browser: Browser, tmp_path: Path
) -> None:
    async with training(fake_module, start_app, browser, tmp_path, MIRRORED) as (page, _):
        requests: list[str] = []
        page.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
        before, usual = await page.evaluate(KEPT), await sent_in_a_second(page)
        await page.locator("summary").click()
        await expect(page.locator(".fl-mirror")).to_have_count(0)  # nobody's face unless asked for
        for mode, halves in (
            ("Whole face", ["blue", "red"]),  # as in a mirror: left is on the left
            ("Left half twice", ["blue", "blue"]),
            ("Right half twice", ["red", "red"]),
        ):
            await page.get_by_label(mode, exact=True).check()
            await until_halves(page, halves)
            # 20 small pictures a second would be 12 kB at least.
            assert await sent_in_a_second(page) < usual + 2_000, mode
        assert await page.evaluate(KEPT) == before  # and nothing is kept
        await page.get_by_label("Off", exact=True).check()
        await expect(page.locator(".fl-mirror")).to_have_count(0)
        assert [request for request in requests if not request.startswith("GET ")] == []


async def test_less_movement_draws_a_few_large_steps_and_sound_is_in_writing(
    fake_module: Any, start_app: Any, browser: Browser, tmp_path: Path
) -> None:
    async def drawings(seconds: float) -> int:
        before = await page.evaluate("window.drawings")
        await asyncio.sleep(seconds)
        return int(await page.evaluate("window.drawings")) - int(before)

    async with training(fake_module, start_app, browser, tmp_path, COUNT) as (page, _):
        await expect(page.get_by_text("Sound: a tone that rises")).to_be_visible()
        await expect(page.locator("h1")).to_have_count(1)  # one cue, in one place
        assert await drawings(1.0) > 10
        await page.emulate_media(reduced_motion="reduce")
        await asyncio.sleep(0.3)
        assert await drawings(2.0) <= 9  # four a second
