"""The program: runs the board until something ends it, and leaves everything off.

Whatever ends it, ``finally`` opens the heater's switches and stops the converter. After an
exception everything is switched off and the program starts again; the state then says why.
"""

import asyncio
import time

from faceloop_device.board import Board
from faceloop_device.core.crash import Crash
from faceloop_device.hal import outputs, processor


def _fail(loop, context):
    raise context["exception"]


async def _run(board):
    # A task that nobody waits for, such as a self-test, ends the program as well when it fails.
    asyncio.get_event_loop().set_exception_handler(_fail)
    await asyncio.gather(board.pump(), board.status(), board.supervise(), board.attend())


def _shut_down(board):
    try:
        board.shut_down()
    except Exception:
        pass  # the outputs are off already, and the cause to be kept is the first one


def main():
    """Run until something stops it; then leave everything off. Start again after an exception."""
    crash = Crash()
    restarts = crash.take(processor.is_watchdog_reset())
    if not crash.may_run():
        print("The program failed again and again: not started. The cause is in /faceloop.crash.")
        return
    started_ms = time.ticks_ms()
    board = None
    try:
        board = Board(crash, restarts)
        asyncio.run(_run(board))
    except Exception as error:
        outputs.all_off()  # before anything that could fail as well
        ran_ms = time.ticks_diff(time.ticks_ms(), started_ms)
        if board is not None:
            _shut_down(board)
        crash.disarm()
        if crash.keep(error, ran_ms, board is not None):
            processor.restart()
        if board is not None and board.has_watchdog:
            crash.give_up()  # as the watchdog will reset the board
        raise
    finally:
        outputs.all_off()
        if board is not None:
            _shut_down(board)
            crash.disarm()
            if board.has_watchdog:
                processor.reset()  # nobody feeds it any more; without it the cable is free
