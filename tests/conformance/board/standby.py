"""A whole board that nobody wants anything of: what it does less often. Takes a folder."""

import asyncio
import sys

import fake_board

fake_board.install("pico2w", sys.argv[1])
from faceloop_device import board as program  # noqa: E402
from faceloop_device.core.crash import Crash  # noqa: E402

intervals_us = []
fake_board.BLE.gap_advertise = lambda self, us, data, resp_data: intervals_us.append(us)
program.print_label = lambda device_id, key: None
board = program.Board(Crash(), 0)
wearer = board._wearer


async def report_once():
    task = asyncio.create_task(board.status())
    await asyncio.sleep_ms(20)
    task.cancel()


sleeps = []
wearer.is_standby = lambda now_ms: sleeps[-1]
for is_standby, pump_ms in ((False, 5), (True, 25), (False, 5)):
    sleeps.append(is_standby)
    asyncio.run(report_once())
    assert board._pump_ms == pump_ms, (is_standby, board._pump_ms)
assert intervals_us == [40000, 1000000, 40000], intervals_us
assert not board.stream.is_running
print("ok")
