"""A board that is not there, not ours, or not there any more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import serial

from faceloop.device.key_store import KeyStore
from faceloop.tasks.demo import DemoOptions, demo
from faceloop.tasks.pair import pair_by_cable
from faceloop.twin.launch import VirtualBoard

# Some 2 s of eight channels.
WELL_UNDER_WAY_BYTES = 30_000
NO_SYSTEM_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}


def air(board: VirtualBoard) -> dict[str, str]:
    """Give the environment in which a host has this board's air for its Bluetooth."""
    return {"FACELOOP_HCI": str(board.hci_path)}


def check_prefix(rig, recording: str, tap: Path, missing_at_most: int) -> int:
    """Check that a file holds the first of what was converted, bit for bit; return how much."""
    counts, _ = rig.read_recording(recording)
    converted = rig.read_tap(tap)
    # the file's last record is filled up with its last sample
    n = min(len(counts), len(converted))
    while n and not np.array_equal(counts[n - 1], converted[n - 1]):
        n -= 1
    np.testing.assert_array_equal(counts[:n], converted[:n])
    assert len(counts) - n < 200
    assert len(converted) - n <= missing_at_most
    return n


async def test_without_bluetooth_it_is_bluetooth_that_is_missed(home):
    done = await home.run("record", "--device", "nowhere", "--seconds", 1, **NO_SYSTEM_BUS)
    assert "Bluetooth is off or missing" in done.sentence(4)
    assert home.recordings() == []


async def test_absent_and_foreign_boards_are_told_apart(home, start_board):
    """One board for all four, as starting one takes longer than asking it."""
    board = await start_board(source={"kind": "open"})
    name = ("record", "--seconds", 1)
    everywhere = air(board)
    pairing = KeyStore()
    (device_id,) = [bytes.fromhex(text) for text in pairing._load()]

    absent = await home.start(*name, "--device", "nowhere", **everywhere)

    pairing.put(device_id, bytes(16))
    for arguments, environment in (((), everywhere), (("--serial", board.tty_path), {})):
        done = await home.run(*name, *arguments, **environment)
        assert "key does not fit" in done.sentence(5)

    pairing.path.unlink()
    done = await home.run(*name, **everywhere)
    assert f"No key for board {device_id.hex()}" in done.sentence(5)

    done = await absent.done()
    assert "No board nowhere in reach" in done.sentence(4)
    assert done.seconds < 20

    pairing.path.write_text("{")
    done = await home.run(*name, **everywhere)
    assert str(pairing.path) in done.sentence(7)
    pairing.path.unlink()

    await board.control("power", on=False)
    done = await home.run(*name, **everywhere)
    assert "No faceloop board in reach" in done.sentence(4)

    assert home.recordings() == []
    await board.control("power", on=True)
    await pair_by_cable(str(board.tty_path))  # a refused host has not broken it


async def test_board_that_vanishes_ends_the_session_and_keeps_the_recording(
    home, start_board, rig
):
    board = await start_board()
    host = await home.start("record", "--seconds", 60, "--wait-s", 1, "--json", **air(board))
    await home.wait_recorded(WELL_UNDER_WAY_BYTES)
    await board.control("power", on=False)
    done = await host.done(30)
    text = done.sentence(4)
    assert "did not come back within 1 s" in text
    account = done.account
    assert account["error"] == {"message": text, "exit_code": 4}
    assert account["frames_recorded"] == account["frames_expected"] > 2000
    # half a second was still on its way, at the most
    check_prefix(rig, account["recording"], home.folder / "tap", 1000)


async def test_board_that_restarts_ends_the_session_and_keeps_the_recording(
    home, start_board, rig
):
    board = await start_board()
    host = await home.start("record", "--seconds", 60, "--json", **air(board))
    await home.wait_recorded(WELL_UNDER_WAY_BYTES)
    os.kill((await board.control("stats"))["vm"]["pid"], signal.SIGKILL)
    done = await host.done(30)
    assert "has restarted" in done.sentence(6)
    assert done.account["frames_recorded"] == done.account["frames_expected"] > 2000
    check_prefix(rig, done.account["recording"], home.folder / "tap", 1000)
    assert (await board.control("stats"))["vm"]["resets"] == 1


async def test_demo_counts_what_a_dead_board_took_with_it(home, monkeypatch):
    """The converter goes on for a moment: those frames are a gap, not a silent loss."""
    boards = []
    start = VirtualBoard.start

    async def noting(board: VirtualBoard) -> None:
        await start(board)
        boards.append(board)

    async def kill() -> None:
        await home.wait_recorded(WELL_UNDER_WAY_BYTES // 2)
        os.kill((await boards[0].control("stats"))["vm"]["pid"], signal.SIGKILL)

    monkeypatch.setattr(VirtualBoard, "start", noting)
    async with asyncio.TaskGroup() as group:
        group.create_task(kill())
        account = await demo(DemoOptions(seconds=60.0, wait_s=10.0))
    assert account["error"]["exit_code"] == 6
    assert account["frames_lost_silently"] == 0
    assert len(account["gaps"]) == 1
    (first, n), expected = account["gaps"][0], account["frames_expected"]
    assert first == account["frames_recorded"] > 1000
    assert first + n == expected


async def test_board_that_is_back_in_time_costs_nothing(home, start_board, rig):
    """Out of reach when the session should end: it waits, then fetches the rest."""
    board = await start_board()
    host = await home.start("record", "--seconds", 3, "--json", **air(board))
    await home.wait_recorded(WELL_UNDER_WAY_BYTES // 2)
    await board.control("radio", blackout=True)
    await asyncio.sleep(5.0)  # longer than the supervision timeout
    await board.control("radio", blackout=False)
    done = await host.done(30)
    assert (done.code, done.err) == (0, "")
    account = done.account
    assert account["reconnects"] == 1
    assert account["gaps"] == []
    assert account["frames_recorded"] == account["frames_expected"] > 6 * 2000
    assert check_prefix(rig, account["recording"], home.folder / "tap", 0) > 0


@contextlib.contextmanager
def strange_port(answer: bytes) -> Iterator[str]:
    """Give a serial port with something else behind it, which says this to all it hears."""
    ours, theirs = os.openpty()
    loop = asyncio.get_running_loop()

    def talk() -> None:
        with contextlib.suppress(OSError):
            os.read(ours, 4096)
            os.write(ours, answer)

    loop.add_reader(ours, talk)
    try:
        yield os.ttyname(theirs)
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)


async def test_port_that_is_no_faceloop_is_told_from_one_that_is(home):
    async def refuse(answer: bytes, *command: object) -> None:
        with strange_port(answer) as port:
            done = await home.run(*command, "--serial", port)
        assert "not answer as a faceloop board" in done.sentence(4)

    async with asyncio.TaskGroup() as group:
        for answer in (b"", b"\xff\x00garbage\r\n>>> "):
            group.create_task(refuse(answer, "record", "--seconds", 1))
            group.create_task(refuse(answer, "pair"))
    assert home.recordings() == []


async def test_port_that_another_program_has_open_is_not_disturbed(home):
    with strange_port(b"") as port, serial.Serial(port, exclusive=True):
        done = await home.run("record", "--serial", port, "--seconds", 1)
    assert f"{port} is in use by another program" in done.sentence(4)


async def test_port_that_is_not_there_is_named(home):
    done = await home.run("record", "--serial", "/dev/nowhere", "--seconds", 1)
    assert "/dev/nowhere cannot be opened" in done.sentence(4)
