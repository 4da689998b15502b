"""A board that is not there, not ours, or not there any more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import serial

from faceloop.tasks.demo import DemoOptions, demo
from faceloop.twin.launch import VirtualBoard
from faceloop_protocol.limits import MIN_MTU

# Some 2 s of eight channels.
WELL_UNDER_WAY_BYTES = 30_000
# What a board that dies may have had on its way: its link is a moment behind, on a busy machine.
UNSENT_FRAMES = 4000
NO_SYSTEM_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}


def air(board: VirtualBoard) -> dict[str, str]:
    """Give the environment in which a host has this board's air for its Bluetooth."""
    return {"FACELOOP_HCI": str(board.hci_path)}


async def absent_and_foreign(home) -> None:
    """One board for all, as starting one takes longer than asking it."""
    board = await home.start_board(source={"kind": "open"})
    command = ("record", "--seconds", 1)
    pairing = home.keys
    (device_id,) = [bytes.fromhex(text) for text in pairing._load()]
    absent = await home.start(*command, "--device", "nowhere", **air(board))

    pairing.put(device_id, bytes(16))
    done = await home.run(*command, **air(board))
    assert "key does not fit" in done.sentence(5)

    pairing.path.unlink()
    done = await home.run(*command, **air(board))
    assert f"No key for board {device_id.hex()}" in done.sentence(5)

    pairing.path.write_text("{")
    done = await home.run(*command, **air(board))
    assert str(pairing.path) in done.sentence(7)
    pairing.path.unlink()

    await home.pair(board)  # all that has not broken it
    done = await absent.done()
    assert "No board nowhere in reach" in done.sentence(4)
    assert done.seconds < 60, "it looks for ten seconds, and the computer may be busy"

    await board.control("power", on=False)
    done = await home.run(*command, **air(board))
    assert "No faceloop board in reach" in done.sentence(4)
    assert home.recordings() == []


async def cuts_messages_short(home) -> None:
    """By the Bluetooth of the computer: what is too small for a packet, down to what is usual."""
    board = await home.start_board()
    command = ("record", "--seconds", 1, "--json")
    for mtu in (23, MIN_MTU - 1):
        await board.control("radio", mtu=mtu)
        done = await home.run(*command, **air(board))
        assert f"a message has {mtu} bytes at most" in done.sentence(4)
    await board.control("radio", mtu=MIN_MTU)
    done = await home.run(*command, **air(board))
    assert (done.code, done.err) == (0, "")
    n_frames = done.account["frames_recorded"]
    assert n_frames == done.account["frames_expected"] >= 2000
    home.check_recorded(done.account["recording"], n_frames)


async def vanishes(home) -> None:
    board = await home.start_board()
    host = await home.start("record", "--seconds", 60, "--wait-s", 1, "--json", **air(board))
    await home.wait_recorded(WELL_UNDER_WAY_BYTES)
    await board.control("power", on=False)  # the converter's as well
    done = await host.done(30)
    text = done.sentence(4)
    assert "did not come back within 1 s" in text
    account = done.account
    assert account["error"] == {"message": text, "exit_code": 4}
    n_frames = account["frames_recorded"]
    assert n_frames == account["frames_expected"] > 2000
    home.check_recorded(account["recording"], n_frames, UNSENT_FRAMES)


async def restarts(home) -> None:
    board = await home.start_board()
    host = await home.start("record", "--seconds", 60, "--json", **air(board))
    await home.wait_recorded(WELL_UNDER_WAY_BYTES)
    pid = (await board.control("stats"))["vm"]["pid"]
    n_converted = home.n_converted()
    os.kill(pid, signal.SIGKILL)
    done = await host.done(30)
    assert "has restarted" in done.sentence(6)
    n_frames = done.account["frames_recorded"]
    assert n_frames == done.account["frames_expected"] > 2000
    # The converter goes on until the firmware has started again: nobody has that.
    home.check_recorded(done.account["recording"], n_frames, UNSENT_FRAMES, of=n_converted)
    assert (await board.control("stats"))["vm"]["resets"] == 1


async def comes_back(home) -> None:
    """Out of reach when the session should end: it waits, then fetches the rest."""
    board = await home.start_board()
    host = await home.start("record", "--seconds", 10, "--json", **air(board))
    await home.wait_recorded(WELL_UNDER_WAY_BYTES // 2)
    await board.control("radio", blackout=True)
    await home.wait_lost()
    await board.control("radio", blackout=False)
    done = await host.done(30)
    assert (done.code, done.err) == (0, "")
    account = done.account
    assert account["reconnects"] == 1
    assert account["gaps"] == []
    assert account["frames_recorded"] == account["frames_expected"] >= 10 * 2000
    home.check_recorded(account["recording"], account["frames_recorded"])


async def dies_in_demo(home) -> None:
    boards = []
    start = VirtualBoard.start

    async def noting(board: VirtualBoard) -> None:
        await start(board)
        boards.append(board)

    async def kill() -> None:
        await home.wait_recorded(WELL_UNDER_WAY_BYTES // 2)
        os.kill((await boards[0].control("stats"))["vm"]["pid"], signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VirtualBoard, "start", noting)
        async with asyncio.TaskGroup() as group:
            group.create_task(kill())
            account = await demo(DemoOptions(seconds=60.0, wait_s=10.0, out=home.data))
    assert account["error"]["exit_code"] == 6
    assert account["frames_lost_silently"] == 0
    assert len(account["gaps"]) == 1
    (first, n), expected = account["gaps"][0], account["frames_expected"]
    assert first == account["frames_recorded"] > 1000
    assert first + n == expected


@pytest.fixture(scope="module")
def outcome_of(rig, tmp_path_factory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("boards")
    scenarios = (
        absent_and_foreign,
        cuts_messages_short,
        vanishes,
        restarts,
        comes_back,
        dies_in_demo,
    )
    with rig.at_once(folder, *scenarios) as outcome:
        yield outcome


def test_absent_and_foreign_boards_are_told_apart(outcome_of):
    outcome_of(absent_and_foreign)


def test_bluetooth_that_takes_no_whole_packet_is_told_in_words(outcome_of):
    outcome_of(cuts_messages_short)


def test_board_that_vanishes_ends_the_session_and_keeps_the_recording(outcome_of):
    outcome_of(vanishes)


def test_board_that_restarts_ends_the_session_and_keeps_the_recording(outcome_of):
    outcome_of(restarts)


def test_board_that_is_back_in_time_costs_nothing(outcome_of):
    outcome_of(comes_back)


def test_what_a_dead_board_took_with_it_is_a_gap_and_no_silent_loss(outcome_of):
    outcome_of(dies_in_demo)


async def test_without_bluetooth_it_is_bluetooth_that_is_missed(home):
    done = await home.run("record", "--device", "nowhere", "--seconds", 1, **NO_SYSTEM_BUS)
    assert "Bluetooth is off or missing" in done.sentence(4)
    assert home.recordings() == []


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
    assert "There is no port /dev/nowhere. Connect the board's USB cable" in done.sentence(4)
