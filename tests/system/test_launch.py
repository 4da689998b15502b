"""Starting, finding and ending virtual boards; nothing of them is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from faceloop.errors import UsageError
from faceloop.twin import registry
from faceloop.twin.launch import BoardSpec, VirtualBoard, VirtualBoardError, list_boards

QUICK = BoardSpec(has_radio=False)


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def until(condition, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def private_runtime(tmp_path_factory, monkeypatch):
    """Keep these tests out of the user's own boards."""
    path = tmp_path_factory.mktemp("r")
    monkeypatch.setattr(registry.tempfile, "gettempdir", lambda: str(path))
    return path


async def test_board_is_there_inside_the_block_and_gone_after(private_runtime):
    async with VirtualBoard(QUICK) as board:
        pid, directory = board.pid, board.directory
        vm_pid = (await board.control("stats"))["vm"]["pid"]
        assert is_running(pid) and is_running(vm_pid)
        assert directory.stat().st_mode & 0o777 == 0o700
        assert board.tty_path.is_char_device()
        (found,) = list_boards()
        assert (found.name, found.directory, found.pid) == (board.name, directory, pid)
        assert found.tty_path == board.tty_path
    assert not is_running(pid)
    assert not is_running(vm_pid)
    assert not directory.exists()
    assert list_boards() == []


async def test_two_boards_do_not_meet():
    async with VirtualBoard(QUICK) as one, VirtualBoard(QUICK) as two:
        assert one.name != two.name
        assert {board.name for board in list_boards()} == {one.name, two.name}
        await one.control("world", battery_mv=3300)
        knobs = (await two.control("world"))["world"]
        assert knobs["battery_mv"] == 3900


async def test_a_name_is_used_once():
    spec = BoardSpec(name="alpha", has_radio=False)
    async with VirtualBoard(spec):
        with pytest.raises(UsageError, match="alpha is running already"):
            await VirtualBoard(spec).start()
        assert [board.name for board in list_boards()] == ["alpha"]
    async with VirtualBoard(spec):
        pass


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b"])
async def test_names_that_are_no_file_names_are_refused(name):
    with pytest.raises(UsageError):
        registry.create_directory(name)


async def test_path_too_long_for_a_socket_is_refused():
    with pytest.raises(UsageError, match="too long for a socket"):
        registry.create_directory("x" * 100)


async def test_runtime_directory_of_somebody_else_is_refused(private_runtime):
    path = private_runtime / f"faceloop-{os.getuid()}"
    path.mkdir()
    path.chmod(0o755)
    with pytest.raises(UsageError, match="not private"):
        list_boards()


async def test_a_source_that_cannot_be_played_is_told_with_its_reason(tmp_path):
    spec = BoardSpec(source={"kind": "recording", "path": str(tmp_path / "no.bdf")})
    with pytest.raises(VirtualBoardError, match=r"no\.bdf"):
        await VirtualBoard(spec).start()
    assert list_boards() == []


async def test_a_crash_while_starting_shows_the_last_line_of_the_log(tmp_path):
    spec = BoardSpec(has_radio=False, flash=tmp_path / "missing" / "flash.img")
    with pytest.raises(VirtualBoardError, match=r"FileNotFoundError.*flash\.img"):
        await VirtualBoard(spec).start()
    assert list_boards() == []


async def test_a_dead_board_is_told_from_a_refusal():
    async with VirtualBoard(QUICK) as board:
        with pytest.raises(VirtualBoardError, match=r"Unknown op 'dance'\. There are: stats"):
            await board.control("dance")
        with pytest.raises(VirtualBoardError, match="battery_mv is 9000"):
            await board.control("world", battery_mv=9000)
        pid = board.pid
        vm_pid = (await board.control("stats"))["vm"]["pid"]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not is_running(vm_pid))  # its terminal hung up
        with pytest.raises(VirtualBoardError, match="does not answer"):
            await board.control("stats")
        # The leftover is not listed, and is cleaned away.
        assert list_boards() == []
        assert not board.directory.exists()


async def test_stop_request_ends_the_board():
    async with VirtualBoard(QUICK) as board:
        await board.control("stop")
        await until(lambda: not board.directory.exists())


async def test_power_switch(open_console):
    async with VirtualBoard(QUICK) as board:
        first = (await board.control("stats"))["vm"]["pid"]
        await board.control("power", on=False)
        stats = (await board.control("stats"))["vm"]
        assert (stats["pid"], stats["state"]) == (None, "off")
        assert not is_running(first)
        await board.control("power", on=True)
        stats = (await board.control("stats"))["vm"]
        assert is_running(stats["pid"])
        assert stats["resets"] == 0


OWNER = """
import asyncio, json, sys
from faceloop.twin import registry
registry.tempfile.gettempdir = lambda: sys.argv[1]
from faceloop.twin.launch import BoardSpec, VirtualBoard
async def main():
    board = VirtualBoard(BoardSpec(has_radio=False))
    await board.start()
    vm = (await board.control("stats"))["vm"]["pid"]
    print(json.dumps([board.pid, vm, str(board.directory)]), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def start_owner(runtime: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", OWNER, str(runtime)], stdout=subprocess.PIPE)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_killed_owner_leaves_no_process_and_no_directory(private_runtime, how):
    with start_owner(private_runtime) as owner:
        try:
            assert owner.stdout is not None
            line = await asyncio.to_thread(owner.stdout.readline)
            twin_pid, vm_pid, directory = json.loads(line)
            assert is_running(twin_pid) and is_running(vm_pid)
            owner.send_signal(how)
            await until(lambda: not is_running(twin_pid) and not is_running(vm_pid))
            await until(lambda: not Path(directory).exists())
        finally:
            owner.kill()


async def test_leftovers_without_a_lock_are_removed_when_old(private_runtime):
    runtime = registry.runtime_directory()
    (runtime / "young").mkdir()
    (runtime / "old").mkdir()
    os.utime(runtime / "old", (1, 1))
    assert list_boards() == []
    assert [path.name for path in runtime.iterdir()] == ["young"]


async def test_board_started_by_hand_ends_with_ctrl_c_and_takes_its_folder_along(tmp_path):
    folder = tmp_path / "board"
    folder.mkdir(mode=0o700)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faceloop.twin", "--dir", folder, "--no-radio"),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await until((folder / "ready").exists)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # and again, impatiently
        async with asyncio.timeout(10):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, said) == (0, b"")
    assert not folder.exists()


async def test_ctrl_c_leaves_a_board_that_has_an_owner():
    async with VirtualBoard(QUICK) as board:
        os.kill(board.pid, signal.SIGINT)
        assert "vm" in await board.control("stats")


async def test_kept_flash_remembers_what_the_board_wrote(tmp_path, mpremote):
    spec = BoardSpec(has_radio=False, flash=tmp_path / "flash.img", keep_flash=True)
    async with VirtualBoard(spec) as board:
        program = "with open('/note', 'w') as file:\n    file.write('remember')"
        assert await mpremote(board.tty_path, "exec", program) == (0, "")
    async with VirtualBoard(spec) as board:
        code, output = await mpremote(board.tty_path, "exec", "print(open('/note').read())")
        assert (code, output) == (0, "remember\n")


async def test_a_flash_image_belongs_to_one_board_at_a_time(tmp_path):
    spec = BoardSpec(has_radio=False, flash=tmp_path / "flash.img", keep_flash=True)
    async with VirtualBoard(spec):
        with pytest.raises(VirtualBoardError, match="Another virtual board uses the flash image"):
            await VirtualBoard(spec).start()


async def test_recording_reaches_the_board_bit_for_bit(tmp_path, mpremote, root):
    """A real recording through source, converter and tap."""
    from faceloop.twin.sources import make_source

    recording = {"kind": "recording", "path": str(root / "tests/data/limb_short_3s.edf")}
    program = """
import time
from machine import Pin, SPI
from boards import virtual as b
Pin(b.AFE_PWDN, Pin.OUT, value=1)
cs = Pin(b.AFE_CS, Pin.OUT, value=1)
start = Pin(b.AFE_START, Pin.OUT, value=0)
spi = SPI(0, 2000000, polarity=0, phase=1)
def command(*data):
    cs(0); spi.write(bytes(data)); cs(1)
time.sleep_ms(130)
command(0x11); command(0x43, 0, 0xC0)
time.sleep_ms(160)
command(0x41, 0, 0x84); command(0x45, 7, *([0x60] * 8)); command(0x10)
start(1)
"""
    tap = tmp_path / "tap"
    spec = BoardSpec(source=recording, tap=tap, has_radio=False)
    source = make_source(recording)
    async with VirtualBoard(spec) as board:
        code, output = await mpremote(board.tty_path, "exec", program)
        assert code == 0, output
        async with asyncio.timeout(20):
            while not (stats := (await board.control("stats"))["converter"])["source_done"]:
                await asyncio.sleep(0.05)
        truth = await board.control("truth")
    assert stats["conversions"] == source.n_samples
    assert not stats["is_running"]
    frames = np.fromfile(tap, dtype="<i4").reshape(-1, 8)
    np.testing.assert_array_equal(frames, source.read(source.n_samples))
    assert truth["labels"] == list(source.labels)
    assert len(truth["onsets"]) == len(source.onsets)
