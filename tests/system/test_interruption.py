"""Ctrl-C ends a session as its time would: file finished, account printed, exit code 0."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

ABOUT_TWO_SECONDS_BYTES = 30_000


async def end_demo(home, number: signal.Signals) -> None:
    command = ("demo", "--headless", "--json", "--seconds", 60, "--tap", home.tap)
    host = await home.start(*command)
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    host.send(number)
    done = await host.done(20)
    assert (done.code, done.err) == (0, "")
    account = done.account
    assert account["interrupted"]
    assert account["frames_recorded"] == account["frames_expected"] > 2000
    assert account["frames_lost_silently"] == 0
    home.check_recorded(account["recording"], account["frames_recorded"])


async def by_ctrl_c(home) -> None:
    await end_demo(home, signal.SIGINT)


async def by_the_system(home) -> None:
    await end_demo(home, signal.SIGTERM)


async def out_of_reach(home) -> None:
    board = await home.start_board()
    air = {"FACELOOP_HCI": str(board.hci_path)}
    host = await home.start("record", "--seconds", 60, "--json", **air)
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    await board.control("power", on=False)
    await asyncio.sleep(5.0)  # beyond the supervision timeout: it is looking for the board
    host.send(signal.SIGINT)
    done = await host.done(10)
    assert (done.code, done.err) == (0, "")
    assert done.account["interrupted"]
    assert done.account["frames_recorded"] > 2000
    assert done.account["recording"] is not None


async def three_times(home) -> None:
    """The first one waits for what the board still holds, which never comes.

    The second one only gets an answer, the third leaves.
    """
    board = await home.start_board()
    host = await home.start("record", "--seconds", 60, FACELOOP_HCI=str(board.hci_path))
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    await board.control("radio", blackout=True)
    await asyncio.sleep(0.5)
    for _ in range(3):
        host.send(signal.SIGINT)
        await asyncio.sleep(0.5)
    done = await host.done(10)
    assert done.code == 130
    patience, leaving = done.err.splitlines()
    assert patience.startswith("The recording is being stored; faceloop then ends by itself.")
    assert leaving == "Leaving. What was recorded is safe."
    (folder,) = home.recordings()
    assert (folder / "recording.bdf").exists()


@pytest.fixture(scope="module")
def outcome_of(rig, face_minute, tmp_path_factory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("interrupted")
    with rig.at_once(folder, by_ctrl_c, by_the_system, out_of_reach, three_times) as outcome:
        yield outcome


def test_ctrl_c_finishes_the_recording(outcome_of):
    outcome_of(by_ctrl_c)


def test_termination_finishes_the_recording(outcome_of):
    outcome_of(by_the_system)


def test_ctrl_c_does_not_wait_for_a_board_out_of_reach(outcome_of):
    outcome_of(out_of_reach)


def test_second_ctrl_c_is_answered_and_the_third_leaves_and_loses_nothing(outcome_of):
    outcome_of(three_times)


async def test_ctrl_c_before_the_session_ends_what_was_started(home, rig):
    host = await home.start("demo", "--headless", "--seconds", 60)
    assert await asyncio.to_thread(
        rig.wait_until, lambda: any(home.tmp.glob("faceloop-*/*/hci.sock")), 20
    )
    host.send(signal.SIGINT)
    done = await host.done(10)
    assert done.code == 130
    assert "Traceback" not in done.err
    assert home.recordings() == []
