"""interrupt -> ring -> encode -> notify allocates nothing; some handlers are late."""

import gc
import sys

pulses = [0]
handlers = []


class Pin:
    IN = OUT = 0
    IRQ_FALLING = 4

    def __init__(self, *args, **options):
        pass

    def value(self, level):
        pass

    def irq(self, handler, trigger=0):
        handlers.append(handler)


class SPI:
    def __init__(self, *args, **options):
        pass

    def init(self, **options):
        pass

    def readinto(self, buf):
        buf[0] = 0xC0
        buf[5] = pulses[0] & 0x7F


class PCNT:
    INCREMENT = 1

    def __init__(self, *args, **options):
        pass

    def init(self, **options):
        pass

    def start(self):
        pass

    def value(self):
        return pulses[0] % 30000


class FakeMachine:
    Pin = Pin
    SPI = SPI


class FakeEsp32:
    PCNT = PCNT


class Converter:
    def __init__(self, *args):
        pass

    def bring_up(self):
        pass

    close_registers = start_conversions = stop_conversions = bring_up


class Board:
    AFE_DRDY = AFE_PWDN = AFE_CS = AFE_START = AFE_RESET = AFE_SPI = 0
    AFE_SCLK = AFE_DIN = AFE_DOUT = 0


sys.modules["machine"] = FakeMachine
sys.modules["esp32"] = FakeEsp32
from fake_parts import FakeLink  # noqa: E402  the machine has to be there first

from faceloop_device.core.stream import Stream  # noqa: E402
from faceloop_device.hal import capture_esp32, front_end  # noqa: E402

front_end.Ads1298 = Converter
stream = Stream(capture_esp32.Capture(Board), 64 * 1024)
link = FakeLink(keep=False)
stream.start(4)
(on_ready,) = handlers


def run(n_steps):
    flow = stream.flow
    ring = stream.ring
    count = pulses
    for n in range(n_steps):
        for _ in range(5):
            count[0] += 4 if n % 50 == 0 else 1
            on_ready(None)
        stream.capture(stream.position(), 5000)
        stream.send(link)
        flow.received = flow.sent
        ring.free_before(ring.head - 100)


run(100)
gc.collect()
gc.disable()
before = gc.mem_alloc()
empty = gc.mem_alloc() - before  # what asking costs
before = gc.mem_alloc()
run(2000)
used = gc.mem_alloc() - before - empty
assert link.n >= 300, link.n
assert stream.frames.slipped == 2 * 3 * 5 * 42
print("bytes allocated:", used)
