"""Start and end: one process, one loop, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
import webbrowser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import psutil
import pytest
from playwright.async_api import Browser, expect

from faceloop.errors import LinkError, UsageError
from faceloop.ui.app import _listen, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")
FAKE = Path(__file__).parents[1] / "fakes" / "fake_live.py"


@pytest.mark.browser
async def test_cancel_leaves_no_task_and_no_socket(
    fake_module: Any, start_app: Any, browser: Browser, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    before = asyncio.all_tasks()
    for _ in range(2):  # twice: the second start must find everything fresh
        async with start_app(fake_module.FakeLive()) as app:
            page = await browser.new_page()
            await page.goto(app.url)
            await page.get_by_role("button", name="Live signal").click()
            await expect(page.locator("canvas")).to_have_count(4)
        await page.close()
        with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
            probe.connect(("127.0.0.1", app.port))
    left = {task for task in asyncio.all_tasks() - before if "playwright" not in repr(task)}
    assert left == set()
    assert list(tmp_path.iterdir()) == []


async def test_only_loopback_is_bound(app: Any) -> None:
    bound = {
        connection.laddr
        for connection in psutil.Process().net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == app.port
    }
    assert bound == {("127.0.0.1", app.port)}


async def test_messages_leave_at_once_without_nagles_delay() -> None:
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken = writer.get_extra_info("socket")
        accepted.set_result(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(note, sock=_listen(0)) as server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await accepted != 0
        writer.close()
        await writer.wait_closed()


async def test_taken_port_is_refused_with_a_sentence(fake_module: Any, app: Any) -> None:
    app.task.cancel()
    await asyncio.gather(app.task, return_exceptions=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} cannot be used"):
            await serve(fake_module.FakeLive(), port=port, open_browser=False)


async def test_second_app_in_one_process_is_refused(fake_module: Any, app: Any) -> None:
    with pytest.raises(UsageError, match="already serves"):
        await serve(fake_module.FakeLive(), open_browser=False)


async def test_browser_is_opened_through_a_private_file(
    fake_module: Any, monkeypatch: Any
) -> None:
    opened: list[tuple[str, int, int, str]] = []

    def note(uri: str) -> bool:
        path = Path(unquote(urlparse(uri).path))
        modes = (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode))
        opened.append((uri, *modes, path.read_text()))
        return True

    monkeypatch.setattr(webbrowser, "open", note)
    monkeypatch.setenv("DISPLAY", ":0")
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(fake_module.FakeLive(), on_ready=ready.set_result))
    url = await ready
    async with asyncio.timeout(5):
        while not opened:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    uri, file_mode, folder_mode, text = opened[0]
    assert uri.startswith("file:///")
    assert (file_mode, folder_mode) == (0o600, 0o700)
    assert url.partition("#")[0] in text
    assert url.partition("#")[2] not in text  # each way in has its own token
    assert not Path(unquote(urlparse(uri).path)).exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
async def test_ctrl_c_ends_the_process_cleanly(tmp_path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(FAKE), cwd=tmp_path, stdout=pipe, stderr=pipe
    )
    assert process.stdout is not None
    url = await process.stdout.readline()
    assert url.startswith(b"http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(5):
        _, written = await process.communicate()
    errors = written.decode()
    assert errors.strip().endswith("KeyboardInterrupt")
    assert "Task was destroyed" not in errors and "Exception ignored" not in errors


@pytest.mark.browser
async def test_broken_session_is_said_in_its_own_words(
    fake_module: Any, start_app: Any, browser: Browser
) -> None:
    class Broken(fake_module.FakeLive):  # type: ignore[name-defined, misc]
        async def blocks(self, max_waiting: int = 64) -> Any:
            raise LinkError("The board did not answer. Switch it off and on again.")
            yield

    async with start_app(Broken()) as app:
        page = await browser.new_page()
        await page.goto(app.url)
        await page.get_by_role("button", name="Live signal").click()
        await expect(page.get_by_text("The board did not answer.")).to_be_visible()
        await page.close()
