"""How often the training page is painted, and how old what it shows is, with everything running.

    .venv/bin/python tests/benchmarks/training_page.py [--seconds 60] [--json FILE]

`faceloop demo` as it is: virtual board, radio, host, its page in headless Chromium, a day in its
movements with the made-up face that follows, its sound on; with bars and with the shape, without
and with the mirror (of Chromium's own test picture), a share of the seconds each. Numbers are the
page's own, once a second: frames painted in the last second, and the age of the newest sample in
the last painted frame, from the electrode (by the session's clock fit) to the task that Chromium
runs after it painted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import runpy
import shutil
import signal
import sys
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[2]
for folder in ("host/src", "dsp", "firmware/lib"):
    sys.path.insert(0, str(ROOT / folder))

from faceloop.training.profiles import Profile, Profiles  # noqa: E402  (needs the path above)
from faceloop.training.references import References  # noqa: E402

CHROMIUM = runpy.run_path(str(ROOT / "tools" / "run.py"))["CHROMIUM"]
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)
WAYS = (("bars", "off"), ("bars", "normal"), ("shape", "off"), ("shape", "left"))
"""Picture and mirror, each by its value."""
LEAST_FRAMES = 50.0
# Of the made-up face with seed 1, as its own set-up finds them, in microvolts.
REST_UV = (3.9, 2.2, 4.7, 2.2, 3.8, 2.2, 2.3, 2.0)
COMFORTABLE_UV = (22.0, 30.0, 29.0, 41.0, 15.0, 22.0, 174.0, 153.0)


def prepare(data: Path) -> None:
    """Make a profile whose set-up is done: the movements begin at once."""
    profiles = Profiles(data)
    profiles.create(
        Profile("bench", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    spread = tuple(0.11 * level for level in REST_UV)
    profiles.set_references("bench", References(REST_UV, spread, COMFORTABLE_UV, "guarded8"))


async def look(url: str, seconds: float) -> dict[str, list[dict[str, float]]]:
    """Go to the movements of a short day; note the page's numbers every second, each way."""
    from playwright.async_api import async_playwright

    browser_path = next((path for n in CHROMIUM if (path := shutil.which(n))), None)
    if browser_path is None:
        sys.exit("Chromium is needed: apt-get install chromium-headless-shell")
    noted: dict[str, list[dict[str, float]]] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=browser_path, args=list(ARGUMENTS)
        )
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.goto(url)
        await page.get_by_role("button", name="Start").click()
        await page.get_by_role("button", name="Short day").click()
        for part in ("Settle", "Massage"):
            await page.locator(".fl-where", has_text=part).wait_for()
            await page.get_by_role("button", name="Next part").click()
        await page.locator("h1", has_text="Slowly, both sides together.").wait_for()
        await page.get_by_role("button", name="Sound on").wait_for()
        await page.locator(".fl-more summary").click()
        for form, mirror in WAYS:
            for group, value in (("form", form), ("mirror", mirror)):
                await page.locator(f'input[name="fl-{group}"][value="{value}"]').check()
            if mirror != "off":
                await page.locator("video, .fl-mirror-place canvas").first.wait_for()
            await asyncio.sleep(2.0)  # the numbers are of the second before
            noted[f"{form}, mirror {mirror}"] = own = []
            for _ in range(round(seconds / len(WAYS))):
                await asyncio.sleep(1.0)
                stats = await page.evaluate("({...window.faceloop.stats})")
                own.append({"frames": stats["fps"], "age_ms": stats["ageMs"]})
        where = await page.locator(".fl-where").inner_text()
        if "Movements" not in where:
            sys.exit(f"the movements were over before the end: {where}; take fewer --seconds")
        await browser.close()
    return noted


async def measure(seconds: float) -> dict[str, dict[str, Any]]:
    """Start the demo, look at its page, end it."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        prepare(data)
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "faceloop", "demo", "--json", "--out", str(data)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert child.stderr is not None
        try:
            while not (line := (await child.stderr.readline()).decode()).startswith("Open"):
                if not line:
                    sys.exit("faceloop demo has ended")
            noted = await look(line.split()[1], seconds)
            child.send_signal(signal.SIGINT)
            await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.communicate()
    return {way: _summary(own) for way, own in noted.items()}


def _summary(noted: list[dict[str, float]]) -> dict[str, Any]:
    frames = [one["frames"] for one in noted]
    ages = [one["age_ms"] for one in noted]
    return {
        "frames_median": median(frames),
        "frames_least": min(frames),
        "age_ms_p50": round(median(ages), 1),
        "age_ms_p95": round(quantiles(ages, n=20)[-1], 1),
        "seconds": len(noted),
    }


def main() -> int:
    """Print the numbers; fail below 50 frames a second in the median, whichever way."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seen = asyncio.run(measure(options.seconds))
    for way, own in seen.items():
        print(
            f"{way}: painted {own['frames_median']:.0f} times a second (median of"
            f" {own['seconds']} s, least {own['frames_least']:.0f}); electrode to painted frame"
            f" {own['age_ms_p50']:.1f} ms (p95 {own['age_ms_p95']:.1f})"
        )
    if options.json is not None:
        options.json.write_text(json.dumps(seen, indent=1) + "\n")
    return 0 if all(own["frames_median"] >= LEAST_FRAMES for own in seen.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
