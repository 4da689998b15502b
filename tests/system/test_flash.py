"""``faceloop flash`` on a virtual board's serial port, as on a real one."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faceloop import errors
from faceloop.device import bluetooth
from faceloop.device.ble_transport import BleTransport
from faceloop.device.board_link import BoardLink
from faceloop.device.board_prompt import BoardPrompt
from faceloop.tasks.bench import Bench
from faceloop.tasks.flash import describe
from faceloop_protocol import control
from faceloop_protocol.limits import SHIFT

WAIT_S = 30.0


async def version_of(board: Any) -> str:
    """What the program on the board says it is, once it answers."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                about = await describe(str(board.tty_path))
            except errors.LinkError:  # not up yet
                about = None
            if about is not None:
                return ".".join(map(str, about.firmware))
            await asyncio.sleep(0.2)


async def start_watchdog(board: Any, home: Any) -> None:
    """Begin and end a session by air: its watchdog runs on, and resets a board that is stopped."""
    bluetooth.use_virtual(board.hci_path)
    link = BoardLink(BleTransport(), home.keys.get, Bench())
    try:
        await link.connect()
        await link.start_stream(control.MODE_TRAINING, SHIFT)
        await link.stop_stream()
        await link.finish_stream()
    finally:
        await link.disconnect()
        await bluetooth.close()


async def restart(board: Any) -> None:
    await board.control("power", on=False)
    await board.control("power", on=True)


async def test_update_is_whole_or_not_at_all_and_then_it_runs(
    home: Any, mutated_firmware: Callable[..., Path]
) -> None:
    """With a watchdog running; killed in the middle, then done again. The key stays."""
    board = await home.start_board()
    await start_watchdog(board, home)
    (board_id,) = json.loads(home.keys.path.read_text())
    newer = mutated_firmware("faceloop_device/__init__.py", "(0, 1, 0)", "(0, 1, 99)")
    command = ("flash", "--port", board.tty_path, "--json")
    run = await home.start(*command, FACELOOP_FIRMWARE=str(newer))
    flash = board.directory / "flash.img"
    async with asyncio.timeout(WAIT_S):
        while b"auth.mpy" not in flash.read_bytes():  # one of the first files that are copied
            await asyncio.sleep(0.02)
    run.send(signal.SIGKILL)
    await run.done()
    await restart(board)
    assert await version_of(board) == "0.1.0", "what it had"

    done = await home.run(*command, FACELOOP_FIRMWARE=str(newer), timeout_s=90)
    assert done.code == 0, done.err
    account = done.account
    assert (account["board"], account["firmware_version"]) == ("virtual", "0.1.99")
    assert (account["device_id"], account["slot"]) == (board_id, "a")
    assert 0 < account["copied"] <= account["files"], "what was there already is not copied again"
    await restart(board)
    assert await version_of(board) == "0.1.99"
    await start_watchdog(board, home)  # by the key of before


def blocks_of(port: str) -> tuple[int, int]:
    """Ask the board for the blocks of its flash and how many of them are free; then restart it."""
    prompt = BoardPrompt(port)
    prompt.enter()
    try:
        _, _, n_blocks, n_free, *_ = prompt.run("print(*os.statvfs('/'))").split()
    finally:
        prompt.reset()
    return int(n_blocks), int(n_free)


async def test_every_update_goes_into_the_other_folder_and_both_have_room(home: Any) -> None:
    """Sources at the top, as a new virtual board has them, and a program in each folder."""
    board = await home.start_board()
    for slot in "aba":
        done = await home.run("flash", "--port", board.tty_path, "--json", timeout_s=90)
        assert done.code == 0, done.err
        assert done.account["slot"] == slot
        n_blocks, n_free = await asyncio.to_thread(blocks_of, str(board.tty_path))
        # MicroPython counts a folder's two blocks twice: on a flash that is nearly full it says
        # that more than everything is used, and what is free comes out below zero.
        assert n_blocks // 8 < n_free < n_blocks
        assert await version_of(board) == "0.1.0"


async def test_wrong_board_is_refused_and_goes_on_as_before(home: Any) -> None:
    board = await home.start_board()
    done = await home.run("flash", "--port", board.tty_path, "--board", "pico2w")
    assert "no Raspberry Pi Pico 2 W but a virtual board" in done.sentence(2)
    assert await version_of(board) == "0.1.0"
    assert "There is no board pico3" in (
        await home.run("flash", "--board", "pico3", "--port", board.tty_path)
    ).sentence(2)
