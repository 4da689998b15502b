"""The app with a made-up session, and the system's Chromium to look at it with."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from playwright.async_api import TimeoutError as PageTimeout

from faceloop.ui.app import serve

FAKE = Path(__file__).parents[1] / "fakes" / "fake_live.py"
RIG = Path(__file__).parents[1] / "system" / "host_rig.py"
FACELOOP = Path(sys.executable).with_name("faceloop")
# Without one of these no browser is opened; the test brings its own.
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
START_S = 60.0
WAIT_MS = 30_000  # for what takes a moment, on a machine that has much else to do

expect.set_options(timeout=WAIT_MS)


def _load_fake() -> ModuleType:
    if "fake_live" not in sys.modules:
        spec = importlib.util.spec_from_file_location("fake_live", FAKE)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["fake_live"] = module
        spec.loader.exec_module(module)
    return sys.modules["fake_live"]


@dataclass
class Running:
    """An app being served."""

    live: Any
    url: str
    task: asyncio.Task[None]

    @property
    def origin(self) -> str:
        return self.url.split("/#")[0]

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])


async def answer_of(origin: str) -> str:
    """Return the first line that the server answers to a plain request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(origin.rpartition(":")[2]))
    try:
        host = origin.removeprefix("http://")
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(5):
            return (await reader.readline()).decode().strip()
    finally:
        writer.close()


async def open_page(page: Page, app: Running) -> None:
    """Go to the launch address; where the browser does not get there, say who did not answer.

    Once in some hundred times a new Chromium page sits before its first request for half a minute.
    """
    try:
        await page.goto(app.url)
    except PageTimeout as error:
        try:
            answer = await answer_of(app.origin)
        except (OSError, TimeoutError) as silence:
            answer = f"nothing ({type(silence).__name__})"
        stacks = io.StringIO()
        for task in asyncio.all_tasks():
            task.print_stack(limit=3, file=stacks)
        pytest.fail(
            f"{error.message}\nThe server answers a plain request: {answer}\n{stacks.getvalue()}",
            pytrace=False,
        )


@dataclass
class Seen:
    """What a page did that it should not have done."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


async def end_by_hand(page: Page) -> None:
    """End the session, as a person does who is asked once."""
    await page.get_by_role("button", name="End session").click()
    await page.get_by_role("button", name="Yes, end it").click()


async def wait_for_stat(page: Page, name: str, least: float, timeout_s: float = 30.0) -> None:
    """Wait until a number of ``window.faceloop.stats`` is large enough.

    Playwright's own waiting evaluates strings in the page, which the content policy forbids.
    """
    async with asyncio.timeout(timeout_s):
        while not await page.evaluate(f"window.faceloop?.stats?.{name} >= {least}"):
            await asyncio.sleep(0.05)


async def axe_findings(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical."""
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    await page.evaluate(axe)
    result = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']} ({found['impact']}): {[node['html'] for node in found['nodes']]}"
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="session")
def serious() -> Callable[[Page], Awaitable[list[str]]]:
    return axe_findings


@pytest.fixture(scope="session")
def end_session() -> Callable[[Page], Awaitable[None]]:
    return end_by_hand


@pytest.fixture(scope="session")
def until_stat() -> Callable[..., Awaitable[None]]:
    return wait_for_stat


@pytest.fixture(scope="session")
def fake_module() -> ModuleType:
    return _load_fake()


@contextlib.asynccontextmanager
async def running(live: Any, **options: Any) -> AsyncIterator[Running]:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(live, open_browser=False, on_ready=ready.set_result, **options)
    )
    done, _ = await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        task.result()
    try:
        yield Running(live, ready.result(), task)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(scope="session")
def start_app() -> Callable[..., contextlib.AbstractAsyncContextManager[Running]]:
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def app(fake_module: ModuleType) -> AsyncIterator[Running]:
    """An app whose session is calibrated and raises no alerts by itself."""
    async with running(fake_module.FakeLive(alerts=False)) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser(chromium: dict[str, Any]) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**chromium)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT_MS)
    yield context
    await context.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest_asyncio.fixture(loop_scope="module")
async def page(app: Running, context: BrowserContext, seen: Seen) -> AsyncIterator[Page]:
    """The first screen, opened through the launch address."""
    page = await context.new_page()
    page.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.console.append(f"page error: {error}"))
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("websocket", lambda socket: seen.requests.append(socket.url))
    await open_page(page, app)
    await page.get_by_role("button", name="Start").wait_for()
    yield page
    await page.close()


@pytest_asyncio.fixture(loop_scope="module")
async def train(page: Page) -> Page:
    """The live signal with the first traces on it."""
    await page.get_by_role("button", name="Live signal").click()
    await wait_for_stat(page, "draws", 4)
    return page


def load_rig() -> ModuleType:
    """Import ``host_rig.py`` of the system tests."""
    if "host_rig" not in sys.modules:
        spec = importlib.util.spec_from_file_location("host_rig", RIG)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["host_rig"] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    return sys.modules["host_rig"]


@pytest_asyncio.fixture(loop_scope="module")
async def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Start ``faceloop ARGUMENTS`` away from the user's files; gives process and address."""
    rig = load_rig()
    started: list[asyncio.subprocess.Process] = []
    for name in SCREENS:
        monkeypatch.delenv(name, raising=False)
    with rig.marked(monkeypatch), rig.private_tmp(monkeypatch) as tmp:
        home = rig.Home(tmp_path, tmp)

        async def begin(*arguments: object) -> tuple[asyncio.subprocess.Process, str]:
            process = await asyncio.create_subprocess_exec(
                *(str(FACELOOP), *map(str, arguments)),
                env={**os.environ, **home.environment},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            started.append(process)
            assert process.stderr is not None
            # What an earlier run left is told of first.
            async with asyncio.timeout(START_S):
                while not (line := (await process.stderr.readline()).decode()).startswith("Open"):
                    assert line, "it has ended"
            assert line.startswith("Open http://127.0.0.1:"), line
            return process, line.split()[1]

        try:
            yield begin
        finally:
            for process in started:
                if process.returncode is None:
                    process.kill()
                    await process.communicate()
