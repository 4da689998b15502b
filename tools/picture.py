#!/usr/bin/env python3
"""Take the README's picture of the live signal, `host/docs/train.png`, from a running demo.

    .venv/bin/python tools/picture.py

Needs Chromium. The picture is taken when the page says that a quiet muscle joined in.
"""

from __future__ import annotations

import asyncio
import os
import re
import runpy
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "host" / "docs" / "train.png"
CHROMIUM = runpy.run_path(str(ROOT / "tools" / "run.py"))["CHROMIUM"]
SIZE = {"width": 1280, "height": 880}
ALERT_WITHIN_MS = 60_000
SESSION_S = 90
START_WITHIN_S = 60


async def main() -> int:
    """Run a demo, look at its page, keep one moment of it."""
    from playwright.async_api import async_playwright

    browser_path = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if browser_path is None:
        print("Chromium is needed. On Debian: sudo apt install chromium-headless-shell")
        return 1
    with TemporaryDirectory() as folder:
        demo = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).parent / "faceloop", "demo", "--out", Path(folder) / "data"),
            *("--seconds", str(SESSION_S)),
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env={**os.environ, "BROWSER": "true"},
        )
        try:
            assert demo.stderr is not None
            address = None
            while address is None:
                line = await asyncio.wait_for(demo.stderr.readline(), START_WITHIN_S)
                if not line:
                    print("The demo ended before its page was ready: start it by hand and see.")
                    return 1
                address = re.search(r"http://\S+", line.decode())
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
                )
                page = await browser.new_page(viewport=SIZE, locale="en-GB", color_scheme="light")
                await page.goto(address.group(0))
                await page.get_by_role("button", name="Live signal").click()
                alert = page.locator("[data-alert]:not(:empty)")
                await alert.wait_for(timeout=ALERT_WITHIN_MS)
                await page.wait_for_timeout(400)  # the movement is at its height
                await page.screenshot(path=PICTURE)
                await browser.close()
        finally:
            if demo.returncode is None:
                demo.terminate()
            await demo.wait()
    print(f"{PICTURE.relative_to(ROOT)} is new.")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
