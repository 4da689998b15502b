"""What a board is asked before a program is copied: is one frozen in, and how much memory is it.

    frozen.py TOOLS FOLDER

Takes the file with what boards are told first, and a folder in place of the frozen modules.
"""

import gc
import sys

import faceloop_device

tools, folder = sys.argv[1:3]
faceloop_device.VERSION = (9, 9, 9)  # as left by a program that was copied, and ended
with open(tools) as file:
    exec(file.read())
path = sys.path[:]
print("frozen", end=" ")
_frozen(folder)  # noqa: F821
print("nothing", end=" ")
_frozen("/nowhere")  # noqa: F821
assert sys.path == path
print()
_heap()  # noqa: F821
print(gc.mem_free() + gc.mem_alloc())
