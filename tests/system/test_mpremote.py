"""The real mpremote works on the virtual board's serial port as on a board's."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

MAIN = """
import time
count = 0
print("main runs")
while True:
    count += 1
    time.sleep_ms(1)
"""
FILL_FLASH = """
import os
block, _, _, free = os.statvfs("/")[:4]
with open("/fill", "wb") as file:
    for _ in range(free - 6):
        file.write(bytes(block))
"""


@pytest.fixture
async def board(make_supervisor, tmp_path):
    """A board without hardware: terminal and flash only."""
    supervisor = make_supervisor(main=MAIN)
    await supervisor.ready.wait()
    return supervisor


def tty(board) -> Path:
    return board._tty_link


async def test_exec_and_eval(board, mpremote):
    assert await mpremote(tty(board), "exec", "print('from the board', 6 * 7)") == (
        0,
        "from the board 42\n",
    )
    assert await mpremote(tty(board), "eval", "2 ** 100") == (0, f"{2**100}\n")


async def test_error_on_the_board_is_an_exit_code(board, mpremote):
    code, output = await mpremote(tty(board), "exec", "raise ValueError('as told')")
    assert code == 1
    assert "ValueError: as told" in output


async def test_resume_interrupts_main_and_keeps_its_names(board, mpremote):
    code, output = await mpremote(tty(board), "resume", "exec", "print(count > 0)")
    assert (code, output) == (0, "True\n")
    assert board.resets == 0


async def test_exec_without_resume_resets_first(board, mpremote):
    code, output = await mpremote(tty(board), "exec", "print('count' in globals())")
    assert (code, output) == (0, "False\n")
    assert board.resets == 1


async def test_files_go_back_and_forth(board, mpremote, tmp_path):
    data = bytes(range(256)) * 80
    source = tmp_path / "data.bin"
    source.write_bytes(data)
    code, output = await mpremote(tty(board), "fs", "cp", source, ":data.bin")
    assert code == 0, output
    code, output = await mpremote(tty(board), "fs", "ls", ":")
    assert code == 0
    assert "20480 data.bin" in output
    assert "main.py" in output
    back = tmp_path / "back.bin"
    assert (await mpremote(tty(board), "fs", "cp", ":data.bin", back))[0] == 0
    assert back.read_bytes() == data
    code, output = await mpremote(tty(board), "fs", "cat", ":main.py")
    assert "count += 1" in output
    assert (await mpremote(tty(board), "fs", "rm", ":data.bin"))[0] == 0
    code, output = await mpremote(tty(board), "fs", "ls", ":")
    assert "data.bin" not in output


async def test_folders_are_copied_and_removed(board, mpremote, tmp_path):
    package = tmp_path / "package"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").write_text("from package.sub import answer\n")
    (package / "sub" / "__init__.py").write_text("answer = 42\n")
    code, output = await mpremote(tty(board), "fs", "cp", "-r", package, ":")
    assert code == 0, output
    code, output = await mpremote(tty(board), "exec", "import package; print(package.answer)")
    assert (code, output) == (0, "42\n")
    code, output = await mpremote(tty(board), "fs", "sha256sum", ":package/sub/__init__.py")
    assert code == 0
    assert (await mpremote(tty(board), "fs", "rm", "-r", ":package"))[0] == 0
    assert "package" not in (await mpremote(tty(board), "fs", "ls", ":"))[1]


async def test_a_full_flash_is_reported(board, mpremote, tmp_path):
    assert await mpremote(tty(board), "exec", FILL_FLASH) == (0, "")
    more = tmp_path / "more.bin"
    more.write_bytes(bytes(40_000))
    code, output = await mpremote(tty(board), "fs", "cp", more, ":more.bin")
    assert code != 0
    assert "No space left" in output or "ENOSPC" in output or "28" in output


async def test_shims_cannot_be_changed(board, mpremote):
    code, _ = await mpremote(tty(board), "fs", "rm", ":/shim/time.py")
    assert code != 0
    assert (await mpremote(tty(board), "fs", "ls", ":/shim"))[0] == 0


async def test_soft_reset_runs_nothing_and_says_so(board, mpremote):
    assert (await mpremote(tty(board), "soft-reset"))[0] == 0
    assert board.resets >= 1
    assert board.stops[-1] is False


async def test_reset_restarts_main(board, mpremote, open_console):
    assert (await mpremote(tty(board), "exec", "pass"))[0] == 0
    code, output = await mpremote(tty(board), "reset")
    assert code == 0, output
    console = open_console(tty(board))
    await console.expect(b"main runs")
    console.close()  # two readers would share the output
    code, output = await mpremote(tty(board), "resume", "exec", "print(count > 0)")
    assert (code, output) == (0, "True\n")
    assert board.stops[-1] is True


async def test_local_folder_can_be_mounted(board, mpremote, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "local.py").write_text("print('from the host')\n")
    code, output = await mpremote(tty(board), "mount", tmp_path / "here", "exec", "import local")
    assert code == 0, output
    assert "from the host" in output


async def test_run_executes_a_local_script(board, mpremote, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("print(sum(range(101)))\n")
    assert await mpremote(tty(board), "run", script) == (0, "5050\n")


def start_repl(port: Path, terminal: int) -> subprocess.Popen[bytes]:
    program = Path(sys.executable).with_name("mpremote")
    return subprocess.Popen(
        [program, "connect", str(port), "resume", "repl"],
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip


async def test_repl_can_be_entered_interrupted_and_left(board):
    """mpremote's repl wants a terminal of its own: type into one."""
    master, slave = pty.openpty()
    process = start_repl(tty(board), slave)
    os.close(slave)
    os.set_blocking(master, False)
    seen = b""

    async def until(wanted: bytes) -> None:
        nonlocal seen
        async with asyncio.timeout(10):
            while wanted not in seen:
                try:
                    seen += os.read(master, 4096)
                except (BlockingIOError, OSError):
                    await asyncio.sleep(0.01)
        seen = seen.partition(wanted)[2]

    try:
        await until(b"Use Ctrl-] or Ctrl-x to exit")
        os.write(master, b"\x03")
        await until(b">>> ")
        os.write(master, b"print(40 + 2)\r")
        await until(b"42")
        os.write(master, b"\x04")
        await until(b"soft reboot")
        os.write(master, b"\x1d")
        async with asyncio.timeout(10):
            while process.poll() is None:
                await asyncio.sleep(0.01)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)


async def test_many_sessions_in_a_row(board, mpremote):
    for number in range(5):
        assert await mpremote(tty(board), "eval", str(number)) == (0, f"{number}\n")
    assert board.state == "running"
