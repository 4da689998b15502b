"""The capture by soft interrupt: every frame under its own number, every lost one counted.

A converter whose clock is off, a scheduler that is late and forgets what does not fit into its
queue; real capture, stream and encoder between them.
"""

import random
import sys

PERIOD_US = 1000
QUEUE = 8  # callbacks that the scheduler holds
READ_US = 60
LEAST_US = 45  # from an edge to its handler


class Clock:
    """Microseconds that the test sets; the interface of ``time``."""

    now_us = 0

    def ticks_us(self):
        if world:
            world.advance(1)  # it takes time to look
        return int(self.now_us) & 0x3FFFFFFF

    def sleep_ms(self, ms):
        self.now_us += 1000 * ms

    def ticks_add(self, ticks, delta):
        return (ticks + delta) & 0x3FFFFFFF

    def ticks_diff(self, a, b):
        return ((a - b + 0x20000000) & 0x3FFFFFFF) - 0x20000000


clock = Clock()
world = None


class Pin:
    IN = OUT = 0
    IRQ_FALLING = 4

    def __init__(self, number, *args, **options):
        self.number = number

    def value(self, level=None):
        return world.drdy if level is None else None

    def irq(self, handler, trigger=0):
        world.handler, world.pin = handler, self


class SPI:
    def __init__(self, *args, **options):
        pass

    def init(self, **options):
        pass

    def readinto(self, buf):
        world.advance(READ_US // 2)
        world.read(buf)
        world.advance(READ_US - READ_US // 2)


class FakeMachine:
    Pin = Pin
    SPI = SPI


class Converter:
    def __init__(self, *args, **options):
        assert options == {"rate_step": 1}

    def bring_up(self):
        pass

    close_registers = start_conversions = stop_conversions = open_registers = bring_up


class Board:
    AFE_DRDY = AFE_PWDN = AFE_CS = AFE_START = AFE_RESET = AFE_SPI = 0
    AFE_SCLK = AFE_DIN = AFE_DOUT = 0


class World:
    """Edges of the converter, and a scheduler with a short queue."""

    def __init__(self, ppm):
        self.period_us = PERIOD_US * (1 + ppm * 1e-6)
        self.handler = self.pin = None
        self.drdy = 1
        self.newest = -1  # last frame converted
        self.queue = 0
        self.forgotten = 0
        self.read_frames = []

    first_us = 1 << 40

    def begin(self):
        self.first_us = clock.now_us + 4504 + 3

    def advance(self, us):
        clock.now_us += us
        while clock.now_us >= self.first_us + (self.newest + 1) * self.period_us:
            self.newest += 1
            self.edge_us = clock.now_us
            self.drdy = 0
            if self.queue < QUEUE:
                self.queue += 1
            else:
                self.forgotten += 1

    def read(self, buf):
        self.drdy = 1
        self.read_frames.append(self.newest)
        buf[0:3] = b"\xc0\x00\x00"
        for channel in range(8):
            at = 3 + 3 * channel
            value = (16 * (8 * self.newest + channel)) & 0x7FFFFF
            buf[at] = value >> 16
            buf[at + 1] = value >> 8 & 0xFF
            buf[at + 2] = value & 0xFF

    def serve(self):
        if self.queue == 1 and clock.now_us < self.edge_us + LEAST_US:
            self.advance(LEAST_US)
        while self.queue:
            self.queue -= 1
            self.handler(self.pin)
            self.advance(5)


sys.modules["machine"] = FakeMachine
from fake_parts import FakeLink  # noqa: E402  the machine has to be there first

from faceloop_device.core.stream import Stream  # noqa: E402
from faceloop_device.hal import capture_esp32  # noqa: E402
from faceloop_protocol import control, rice  # noqa: E402
from faceloop_protocol import stream as wire  # noqa: E402

capture_esp32.time = clock
capture_esp32.Ads1298 = Converter
import faceloop_device.core.arrival as arrival  # noqa: E402

arrival.time = clock


def run(name, ppm, seconds, delay_us, pump_every=5, start_us=0):
    """Stream for a while and check; ``delay_us()`` is how late the scheduler looks."""
    global world
    clock.now_us = start_us
    world = World(ppm)
    capture = capture_esp32.Capture(Board)
    stream = Stream(capture, 64 * 1024)
    link = FakeLink()
    stream.set_mode(control.MODE_TRAINING)
    world.begin()
    stream.start(4)
    looks = 0
    end_us = clock.now_us + seconds * 1000000
    last_us = clock.now_us
    while clock.now_us < end_us:
        world.advance(delay_us())
        world.serve()
        looks += 1
        if looks % pump_every == 0:
            stream.capture(stream.position(), int(clock.now_us - last_us))
            last_us = clock.now_us
            stream.send(link)
            stream.flow.acknowledge(link.n & 0xFFFF, 0)
            stream.ring.free_before(stream.ring.head - 40)
    for _ in range(30):  # calm at the end: what is owed has to come out
        world.advance(100)
        world.serve()
    stream.stop()
    while stream.flow.has_more():
        stream.send(link)
        stream.flow.acknowledge(link.n & 0xFFFF, 0)
    got = 0
    misplaced = 0
    dropped = 0
    for packet in link.packets:
        header = wire.decode_header(packet)
        assert header.flags & wire.FLAG_HALF_RATE and not header.flags & wire.FLAG_DEGRADED
        assert header.n_frames <= 10
        if header.dropped != dropped:
            assert header.flags & wire.FLAG_RESYNC
            dropped = header.dropped
        rows = rice.decode(packet[13:], header.n_frames, header.flags & wire.SHIFT_MASK)
        for i, row in enumerate(rows):
            number = header.first_frame // 2 + i
            assert row[1] - row[0] == 1
            misplaced += row[0] != (128 * number & 0x7FFFFF) >> 4
        got += header.n_frames
    lost = world.newest + 1 - len(world.read_frames)
    assert got == len(world.read_frames)
    assert stream.frames.dropped == 2 * lost, (stream.frames.dropped, lost, misplaced)
    assert stream.frames.frame == 2 * (world.newest + 1)
    assert stream.frames.resyncs == 0
    assert misplaced == 0
    print("ok %s: %d frames, %d lost, %d forgotten" % (name, got, lost, world.forgotten))
    return lost


def prompt():
    return 50 + random.getrandbits(7)


def sometimes_late():
    return 4000 + random.getrandbits(13) if random.getrandbits(9) == 0 else prompt()


def collecting():
    # a collection of the heap, or a burst of Bluetooth: more than the queue holds
    return 15000 + random.getrandbits(14) if random.getrandbits(13) == 0 else prompt()


def late_by_a_period():
    # the next edge comes just before the handler, or while it reads
    return 800 + random.getrandbits(9) if random.getrandbits(5) == 0 else prompt()


random.seed(7)
assert run("prompt", 30, 6, prompt) == 0
assert run("the clock wraps", -50, 6, prompt, start_us=0x3FFFFFFF - 3000000) == 0
assert run("sometimes late", 50, 8, sometimes_late) > 100
assert run("sometimes late, slow clock", -50, 8, sometimes_late) > 100
assert run("collections", 20, 15, collecting) > 100
assert run("late by a period", 20, 15, late_by_a_period) > 100
