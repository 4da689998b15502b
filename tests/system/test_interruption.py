"""Ctrl-C ends a session as its time would: file finished, account printed, exit code 0."""

from __future__ import annotations

import asyncio
import signal

import numpy as np
import pytest

ABOUT_TWO_SECONDS_BYTES = 30_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
async def test_interrupted_demo_finishes_its_recording(home, rig, number):
    tap = home.folder / "tap"
    host = await home.start("demo", "--headless", "--json", "--seconds", 60, "--tap", tap)
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    host.send(number)
    done = await host.done(20)
    assert (done.code, done.err) == (0, "")
    account = done.account
    assert account["interrupted"]
    assert account["frames_recorded"] == account["frames_expected"] > 2000
    assert account["frames_lost_silently"] == 0
    counts, _ = rig.read_recording(account["recording"])
    n_frames = account["frames_recorded"]
    np.testing.assert_array_equal(counts[:n_frames], rig.read_tap(tap))


async def test_interrupted_recording_of_a_board_out_of_reach_does_not_wait_for_it(
    home, start_board
):
    board = await start_board()
    host = await home.start("record", "--seconds", 60, "--json", FACELOOP_HCI=str(board.hci_path))
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    await board.control("power", on=False)
    await asyncio.sleep(5.0)  # beyond the supervision timeout: it is looking for the board
    host.send(signal.SIGINT)
    done = await host.done(10)
    assert (done.code, done.err) == (0, "")
    assert done.account["interrupted"]
    assert done.account["frames_recorded"] > 2000
    assert done.account["recording"] is not None


async def test_second_ctrl_c_gives_up_on_the_board_and_loses_nothing(home, start_board):
    """The first one waits for what the board still holds, which never comes.

    Leaving still takes the 4 s in which a radio learns that its goodbye was not heard.
    """
    board = await start_board()
    host = await home.start("record", "--seconds", 60, FACELOOP_HCI=str(board.hci_path))
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    await board.control("radio", blackout=True)
    await asyncio.sleep(0.5)
    host.send(signal.SIGINT)
    await asyncio.sleep(0.5)
    host.send(signal.SIGINT)
    done = await host.done(10)
    assert done.code == 130
    assert "Traceback" not in done.err
    (folder,) = home.recordings()
    assert (folder / "recording.bdf").exists()


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
