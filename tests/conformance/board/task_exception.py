"""An exception in any task: everything is switched off, the cause is kept, the next start says it.

Takes a folder; prints the tasks.
"""

import asyncio
import sys

import fake_board

folder = sys.argv[1]
fake_board.install("pico2w", folder)
from boards import pico2w as pins  # noqa: E402

pins.HAS_HEATER = True
from faceloop_device import app, board  # noqa: E402
from faceloop_device.core.crash import CAUSE_FILE, Crash  # noqa: E402
from faceloop_device.hal import processor  # noqa: E402
from faceloop_protocol import state  # noqa: E402

OUTPUTS = (pins.HEAT_Q1, pins.HEAT_Q2, pins.MOTOR, pins.AFE_START, pins.AFE_PWDN)
levels = fake_board.Pin.levels


class Restarted(BaseException):
    pass


def restart():
    raise Restarted


async def fail(words):
    await asyncio.sleep_ms(20)
    for number in OUTPUTS:
        levels[number] = 1
    raise ValueError(words)


class Board(board.Board):
    """One of its tasks fails."""

    which = ""

    def pump(self):
        return fail("pump") if self.which == "pump" else super().pump()

    def status(self):
        return fail("status") if self.which == "status" else super().status()

    def supervise(self):
        return fail("supervise") if self.which == "supervise" else super().supervise()

    def _test(self, test):
        return fail("_test")

    async def attend(self):
        if self.which == "attend":
            await fail("attend")
        if self.which == "_test":
            self.start_self_test()
        for _ in range(20):
            await asyncio.sleep_ms(50)
        raise AssertionError("nobody noticed that %s failed" % self.which)

    def shut_down(self):
        super().shut_down()
        raise OSError("cannot be shut down")


processor.restart = restart
board.print_label = lambda device_id, key: None
board.Board._probe = lambda self: 0x92  # nobody is there to answer, which would be the fault
app.Crash = lambda: Crash(folder + "/")
app.Board = Board
for name in ("pump", "status", "supervise", "attend", "_test"):
    Board.which = name
    try:
        app.main()
        raise SystemExit("still there")
    except Restarted:
        pass
    assert [levels[number] for number in OUTPUTS] == [0] * len(OUTPUTS), (name, levels)
    with open(folder + "/" + CAUSE_FILE) as file:
        cause = file.read()
    assert "ValueError: " + name in cause, cause
    crash = Crash(folder + "/")
    restarts = crash.take()
    assert restarts == 1
    assert Board(crash, restarts).fault == state.FAULT_EXCEPTION
    print(name)
