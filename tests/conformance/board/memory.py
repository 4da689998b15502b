"""What the program of one board takes of its heap; the hardware under it does nothing.

    memory.py BOARD plain|heater FIRMWARE FOLDER

Prints bytes: of its modules, of all that it makes of them, and of the buffers among these. The
hardware's modules are loaded before, as on a board they are no part of the heap.
"""

import gc
import os
import sys

import fake_board

NAME, WHICH, FIRMWARE, FOLDER = sys.argv[1:5]
# Part of the interpreter on a board, and of no heap.
import asyncio  # noqa: E402, F401
import select  # noqa: E402, F401
import struct  # noqa: E402, F401

# Every module keeps the path of its file: here that of a board, wherever the checkout is.
os.mount(os.VfsPosix(FIRMWARE), "/faceloop_a")
sys.path[:] = ["/faceloop_a/lib", "/faceloop_a", ".frozen"]

gc.collect()
before = gc.mem_alloc()
pins = getattr(__import__("boards." + NAME), NAME)
fake_board.install(NAME, FOLDER)
from faceloop_device import board as program  # noqa: E402
from faceloop_device.core.crash import Crash  # noqa: E402
from faceloop_device.core.self_test import SelfTest  # noqa: E402

if WHICH == "heater":
    from faceloop_device import heat  # noqa: F401

    pins.HAS_HEATER = True
if pins.CAPTURE == "pio":
    from faceloop_device.hal import capture_rp2  # noqa: F401
else:
    from faceloop_device.hal import capture_esp32  # noqa: F401
gc.collect()
modules = gc.mem_alloc() - before
program.print_label = lambda device_id, key: None  # once in a board's life, and freed
board = program.Board(Crash(), 0)
test = SelfTest(board._capture)
gc.collect()
made = gc.mem_alloc() - before
assert (board.heat is not None) is (WHICH == "heater")
assert isinstance(board._capture.words, bytearray), "twice the memory"
ring = board.stream.ring
buffers = len(ring.buffer) + 2 * len(ring._offset) + len(ring._length) + len(board._capture.words)
print(modules, made, buffers)
