"""A board belongs to one host at a time; whoever comes second is told so and disturbs nothing."""

from __future__ import annotations

import asyncio
import signal


async def test_second_host_is_refused_and_the_first_loses_nothing(home):
    board = await home.start_board()
    air = {"FACELOOP_HCI": str(board.hci_path)}
    first = await home.start("record", "--seconds", 60, "--json", **air)
    await home.wait_recorded(10_000)

    by_cable, by_air = await asyncio.gather(
        home.run("record", "--serial", board.tty_path, "--seconds", 1),
        home.run("record", "--seconds", 1, **air),
    )
    assert "in use by another computer or program" in by_cable.sentence(4)
    assert "make sure that no other computer uses it" in by_air.sentence(4)

    first.send(signal.SIGINT)
    done = await first.done()
    assert (done.code, done.err) == (0, "")
    account = done.account
    assert account["gaps"] == []
    assert account["reconnects"] == 0
    assert account["frames_recorded"] == account["frames_expected"] > 8 * 2000
    home.check_recorded(account["recording"], account["frames_recorded"])

    # Once the first has ended its session the board is free for the other.
    done = await home.run("record", "--serial", board.tty_path, "--seconds", 1, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.account["frames_recorded"] >= 2000
