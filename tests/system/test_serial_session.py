"""A session over the cable, and the cable for mpremote again afterwards."""

from __future__ import annotations

import asyncio
import signal

# Binary mode is left after this without a word from the host (limits.SERIAL_SILENCE_MS), and then
# mpremote has to get in.
FREE_AFTER_S = 3.0


async def test_session_over_the_cable_is_lossless_and_leaves_it_to_mpremote(home, mpremote):
    board = await home.start_board()
    done = await home.run("record", "--serial", board.tty_path, "--seconds", 4, "--json")
    assert (done.code, done.err) == (0, "")
    account = done.account
    n_frames = account["frames_recorded"]
    assert n_frames == account["frames_expected"] >= 4 * 2000
    assert account["gaps"] == []
    home.check_recorded(account["recording"], n_frames)
    assert await mpremote(board.tty_path, "resume", "eval", "6 * 7") == (0, "42\n")


async def test_cable_is_free_soon_after_the_host_was_killed(home, mpremote):
    board = await home.start_board()
    host = await home.start("record", "--serial", board.tty_path, "--seconds", 60)
    await home.wait_recorded(20_000)
    host.send(signal.SIGKILL)
    await host.done()
    await asyncio.sleep(FREE_AFTER_S)
    async with asyncio.timeout(30):  # a busy board takes its time to notice
        while True:
            code, output = await mpremote(board.tty_path, "resume", "eval", "6 * 7")
            if code == 0:
                break
    assert output == "42\n"
