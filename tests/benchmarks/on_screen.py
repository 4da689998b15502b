"""From the muscle at the electrode to the picture in Chromium that shows it, over the whole loop.

    .venv/bin/python tests/benchmarks/on_screen.py [--only "6 dB"]... [--steps 200] [--json FILE]

A virtual board plays an eye muscle that steps up from rest; the firmware, the virtual radio (15 ms
interval), the host and the page are those of `faceloop demo`. A step begins with its first
conversion in the simulator and ends with the task that Chromium runs after it painted the frame
with the cue. The height of a step is the power that it adds over that of rest.

What the bars are stated for are the steps of tests/benchmarks/detection.py, on Gaussian and on
tonic rest (`faceloop.twin.sources.steps`). The rows that begin with *face* have no bar: their
steps are those of the scripted face, whose rest is coloured and made of motor units, with mains
and electrodes; *tonic* is then three times its resting tone. Rest is learnt from the first minute,
as a set-up asks for it; --rest 5 is what the demo has. About eight minutes for a condition, six
for one of the face.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import runpy
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[2]
for folder in ("host/src", "dsp", "firmware/lib"):
    sys.path.insert(0, str(ROOT / folder))

from faceloop.session.live import LiveView  # noqa: E402  (needs the path above)
from faceloop.tasks.attendance import Observer  # noqa: E402
from faceloop.tasks.demo import DemoOptions, demo  # noqa: E402
from faceloop.twin.sources.steps import STEP_EVERY_S  # noqa: E402
from faceloop.ui.app import serve  # noqa: E402

FACE_STEP_EVERY_S = 1.3
AFTER_REST_S = 9.0  # by then the rest is known, and a browser has come up


@dataclass(frozen=True, slots=True)
class Condition:
    """What is played: added power over rest, settings of the source; bars for p50 and p95."""

    added_db: float
    source: dict[str, Any]
    bars_ms: tuple[float, float] | None = None

    @property
    def whole_db(self) -> float:
        """Power of a step over rest, which is in it."""
        return 10 * math.log10(1 + 10 ** (self.added_db / 10))

    @property
    def step_every_s(self) -> float:
        """Mean time from one step to the next."""
        return STEP_EVERY_S if "kind" in self.source else FACE_STEP_EVERY_S


GAUSSIAN = {"kind": "steps", "rest": "gaussian"}
TONIC = {"kind": "steps", "rest": "tonic"}
CONDITIONS = {
    "10 dB": Condition(10.0, GAUSSIAN, (45.0, 60.0)),
    "6 dB": Condition(6.0, GAUSSIAN, (55.0, 80.0)),
    "6 dB, tonic": Condition(6.0, TONIC, (75.0, 110.0)),
    "face, 10 dB": Condition(10.0, {"tone_factor": 1.0}),
    "face, 6 dB": Condition(6.0, {"tone_factor": 1.0}),
    "face, 6 dB, tonic": Condition(6.0, {"tone_factor": 3.0}),
}
CHROMIUM = runpy.run_path(str(ROOT / "tools" / "run.py"))["CHROMIUM"]
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")


async def play(name: str, n_steps: int, seed: int, rest_s: float) -> dict[str, Any]:
    """Run the demo of one condition with its page served; the parent opens it."""
    condition = CONDITIONS[name]
    extra_source = {**condition.source, "first_rest_s": rest_s + AFTER_REST_S}
    if "kind" in extra_source:
        extra_source["step_db"] = condition.added_db
    else:
        extra_source |= {"step_db": condition.whole_db, "step_every_s": condition.step_every_s}

    async def show(session: LiveView, observer: Observer | None = None, **_: object) -> None:
        await serve(session, open_browser=False, on_ready=lambda url: print(url, flush=True))

    with TemporaryDirectory() as folder:
        account = await demo(
            DemoOptions(
                scenario="steps",
                seconds=rest_s + AFTER_REST_S + n_steps * condition.step_every_s,
                seed=seed,
                rest_s=rest_s,
                out=Path(folder) / "data",
                is_headless=False,
                extra_source=extra_source,
                least_snr_db=condition.whole_db - 0.1,
            ),
            show=show,
        )
    return {**account["latency_ms"], "error": account["error"]}


async def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Start ``play`` in a process of its own and look at its page until it ends."""
    from playwright.async_api import async_playwright

    browser_path = next((path for n in CHROMIUM if (path := shutil.which(n))), None)
    if browser_path is None:
        sys.exit("Chromium is needed: apt-get install chromium-headless-shell")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).resolve()), "--play", name),
        *("--steps", str(options.steps), "--seed", str(options.seed)),
        *("--rest", str(options.rest)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    try:
        url = (await child.stdout.readline()).decode().strip()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=browser_path, args=list(ARGUMENTS)
            )
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            await page.goto(url)
            await page.get_by_role("button", name="Live signal").click()
            answer = await child.stdout.readline()
            await browser.close()
        await child.wait()
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()
    return dict(json.loads(answer))


def main() -> None:
    """Print a row for each condition; write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=list(CONDITIONS), action="append")
    parser.add_argument("--steps", type=int, default=210)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rest", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--play", choices=list(CONDITIONS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.play:
        seen = asyncio.run(play(options.play, options.steps, options.seed, options.rest))
        print(json.dumps(seen), flush=True)
        return
    rows = {}
    for name in options.only or CONDITIONS:
        rows[name] = seen = asyncio.run(measure(name, options))
        bars_ms = CONDITIONS[name].bars_ms
        bar = "no bar" if bars_ms is None else "bar {:g} and {:g}".format(*bars_ms)
        print(
            f"{name:18s} p50 {seen['p50']} ms, p95 {seen['p95']} ms ({bar}),"
            f" {seen['n']} steps seen, {seen['missed']} missed, {seen['kind']}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
