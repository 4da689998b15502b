"""What the program of one board takes of its heap; the hardware under it does nothing.

    memory.py BOARD plain|heater FOLDER

Prints bytes: of its modules, of all that it makes of them, and of the buffers among these. The
hardware's modules are loaded before, as on a board they are no part of the heap.
"""

import gc
import sys

NAME, WHICH, FOLDER = sys.argv[1:4]


class Pin:
    IN = OUT = PULL_UP = 0
    IRQ_FALLING = 4

    def __init__(self, *args, **options):
        self.number = args[0]

    def value(self, level=0):
        return 0

    def irq(self, handler=None, trigger=0):
        pass


class ADC:
    def __init__(self, pin):
        pass

    def read_u16(self):
        return 37000  # a cell of 3.7 V


class SPI:
    """Nobody answers: every register reads 0."""

    def __init__(self, *args, **options):
        pass

    def init(self, **options):
        pass

    def write(self, data):
        pass

    def write_readinto(self, data, buf):
        for at in range(len(buf)):
            buf[at] = 0


class PWM:
    def __init__(self, pin, **options):
        pass

    def duty_u16(self, duty):
        pass


class Machine:
    PWRON_RESET, WDT_RESET = 1, 3
    Pin, ADC, SPI, PWM = Pin, ADC, SPI, PWM
    unique_id = staticmethod(lambda: bytes(8))
    reset_cause = staticmethod(lambda: 1)


class PCNT:
    INCREMENT = 1

    def __init__(self, *args, **options):
        pass


class Esp32:
    PCNT = PCNT


class PIO:
    OUT_LOW = SHIFT_LEFT = JOIN_RX = 0


class DMA:
    pass


class Rp2:
    PIO, DMA = PIO, DMA
    asm_pio = staticmethod(lambda **options: lambda program: bytes(16))


class UUID:
    def __init__(self, text):
        pass

    def __iter__(self):
        return iter(bytes(16))


class BLE:
    def irq(self, handler):
        self.handler = handler

    def active(self, is_on):
        pass

    def config(self, **options):
        pass

    def gatts_register_services(self, services):
        return tuple([tuple([0 for _ in table]) for _, table in services])

    def gatts_set_buffer(self, handle, n_bytes):
        pass

    def gatts_write(self, handle, value):
        pass


class Bluetooth:
    BLE, UUID = BLE, UUID


class Chosen:
    pass


Chosen.NAME = NAME
for name, stub in (
    ("machine", Machine),
    ("esp32", Esp32),
    ("rp2", Rp2),
    ("bluetooth", Bluetooth),
    ("boards.chosen", Chosen),
):
    sys.modules[name] = stub
# Part of the interpreter on a board, and of no heap.
import asyncio  # noqa: E402, F401
import select  # noqa: E402, F401
import struct  # noqa: E402, F401

gc.collect()
before = gc.mem_alloc()
pins = getattr(__import__("boards." + NAME), NAME)
from faceloop_device.core import settings  # noqa: E402

settings.KEY_FILE = FOLDER + settings.KEY_FILE
settings.BONDS_FILE = FOLDER + settings.BONDS_FILE
from faceloop_device import app  # noqa: E402
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
app.print_label = lambda device_id, key: None  # once in a board's life, and freed
board = app.Board(Crash(), 0)
test = SelfTest(board._capture)
gc.collect()
made = gc.mem_alloc() - before
assert (board.heat is not None) is (WHICH == "heater")
assert isinstance(board._capture.words, bytearray), "twice the memory"
ring = board.stream.ring
buffers = len(ring.buffer) + 2 * len(ring._offset) + len(ring._length) + len(board._capture.words)
print(modules, made, buffers)
