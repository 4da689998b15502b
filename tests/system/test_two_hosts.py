"""A board belongs to one host at a time; whoever comes second is told so and disturbs nothing."""

from __future__ import annotations

import signal

import numpy as np


async def test_second_host_is_refused_and_the_first_loses_nothing(home, start_board, rig):
    board = await start_board()
    air = {"FACELOOP_HCI": str(board.hci_path)}
    first = await home.start("record", "--seconds", 60, "--json", **air)
    await home.wait_recorded(10_000)

    by_cable = await home.run("record", "--serial", board.tty_path, "--seconds", 1)
    assert "in use by another computer or program" in by_cable.sentence(4)
    by_air = await home.run("record", "--seconds", 1, **air)
    assert "make sure that no other computer uses it" in by_air.sentence(4)

    first.send(signal.SIGINT)
    done = await first.done()
    assert (done.code, done.err) == (0, "")
    account = done.account
    assert account["gaps"] == []
    assert account["reconnects"] == 0
    assert account["frames_recorded"] == account["frames_expected"] > 8 * 2000
    counts, _ = rig.read_recording(account["recording"])
    n_frames = account["frames_recorded"]
    np.testing.assert_array_equal(counts[:n_frames], rig.read_tap(home.folder / "tap"))

    # Once the first has ended its session the board is free for the other.
    done = await home.run("record", "--serial", board.tty_path, "--seconds", 1, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.account["frames_recorded"] >= 2000
