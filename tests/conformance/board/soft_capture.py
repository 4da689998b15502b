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


now_us = 0
world = None


class Pin:
    IN = OUT = 0
    IRQ_FALLING = 4

    def __init__(self, number, *args, **options):
        self.number = number

    def value(self, level=None):
        pass

    def irq(self, handler, trigger=0):
        world.handler, world.pin = handler, self


class PCNT:
    """Counts edges, from zero to ``max``, which is zero again."""

    INCREMENT = 1

    def __init__(self, unit, pin, falling, max):
        assert (unit, falling) == (0, PCNT.INCREMENT)
        self.max = max

    def init(self, value):
        assert value == 0
        world.zero = world.newest + 1

    def start(self):
        pass

    def value(self):
        world.advance(1)  # it takes time to look
        return (world.newest + 1 - world.zero) % self.max


class SPI:
    def __init__(self, *args, **options):
        pass

    def init(self, **options):
        pass

    def readinto(self, buf):
        world.read(buf)


class FakeMachine:
    Pin = Pin
    SPI = SPI


class FakeEsp32:
    PCNT = PCNT


class Converter:
    def __init__(self, spi, cs, start, reset, rate_step):
        assert rate_step == 1

    def bring_up(self):
        pass

    close_registers = open_registers = bring_up

    def start_conversions(self):
        world.begin()

    def stop_conversions(self):
        world.is_over = True


class Board:
    AFE_DRDY = AFE_PWDN = AFE_CS = AFE_START = AFE_RESET = AFE_SPI = 0
    AFE_SCLK = AFE_DIN = AFE_DOUT = 0


class World:
    """Edges of the converter, and a scheduler with a short queue."""

    def __init__(self, ppm, stall_us):
        self.period_us = PERIOD_US * (1 + ppm * 1e-6)
        self.stall_us = stall_us
        self.handler = self.pin = None
        self.is_over = False
        self.newest = -1  # last frame converted
        self.zero = 0
        self.queue = 0
        self.forgotten = 0
        self.n_read = 0

    first_us = 1 << 40

    def begin(self):
        self.first_us = now_us + 4504 + 3

    def advance(self, us):
        global now_us
        now_us += us
        while not self.is_over and now_us >= self.first_us + (self.newest + 1) * self.period_us:
            self.newest += 1
            self.edge_us = now_us
            if self.queue < QUEUE:
                self.queue += 1
            else:
                self.forgotten += 1

    def read(self, buf):
        """As the shift register goes: an edge in between puts the newer frame into it."""
        self.n_read += 1
        self.advance(self.stall_us())
        for at in range(27):
            if at == 13:
                self.advance(READ_US)
            if at < 3:
                buf[at] = 0xC0 if at == 0 else 0
            else:
                channel = (at - 3) // 3
                value = (16 * (8 * self.newest + channel)) & 0x7FFFFF
                buf[at] = value >> 16 if at % 3 == 0 else value >> (8 if at % 3 == 1 else 0) & 0xFF

    def serve(self):
        if self.queue == 1 and now_us < self.edge_us + LEAST_US:
            self.advance(LEAST_US)
        while self.queue:
            self.queue -= 1
            self.handler(self.pin)
            self.advance(5)


sys.modules["machine"] = FakeMachine
sys.modules["esp32"] = FakeEsp32
from fake_parts import FakeLink  # noqa: E402  the machine has to be there first

from faceloop_device.core.stream import Stream  # noqa: E402
from faceloop_device.hal import capture_esp32, front_end  # noqa: E402
from faceloop_protocol import control, rice  # noqa: E402
from faceloop_protocol import stream as wire  # noqa: E402

front_end.Ads1298 = Converter


def none():
    return 0


def send_all(stream, link):
    while stream.flow.has_more():
        stream.send(link)
        stream.flow.acknowledge(link.n & 0xFFFF, 0)


def run(name, ppm, seconds, delay_us, stall_us=none, pump_every=5, pulses=0):
    """Stream for a while and check.

    ``delay_us()`` is how late the scheduler looks, ``stall_us()`` how long something else has the
    processor between a handler's two looks at the counter; ``pulses`` is where that stands.
    """
    global world
    world = World(ppm, stall_us)
    capture = capture_esp32.Capture(Board)
    stream = Stream(capture, 64 * 1024)
    link = FakeLink()
    stream.set_mode(control.MODE_TRAINING)
    stream.start(4)
    capture._seen = pulses
    world.zero -= pulses
    looks = 0
    end_us = now_us + seconds * 1000000
    last_us = now_us
    while now_us < end_us:
        world.advance(delay_us())
        world.serve()
        looks += 1
        if looks % pump_every == 0:
            stream.capture(stream.position(), int(now_us - last_us))
            last_us = now_us
            send_all(stream, link)
            stream.ring.free_before(stream.ring.head - 40)
    stream.stop()
    send_all(stream, link)
    got = 0
    misplaced = 0
    dropped = 0
    by_seq = {wire.decode_header(packet).seq: packet for packet in link.packets}
    for seq in range(len(by_seq)):
        packet = by_seq[seq]
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
    lost = world.newest + 1 - got
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


def stalled():
    # a task of more weight, for up to four periods
    return random.getrandbits(12) if random.getrandbits(5) == 0 else 0


random.seed(7)
assert run("prompt", 30, 6, prompt) == 0
assert run("the counter comes round", -50, 4, prompt, pulses=28000) == 0
assert run("sometimes late", 50, 6, sometimes_late) > 100
assert run("sometimes late, clock far off", -20000, 6, sometimes_late) > 100
assert run("collections", 20, 8, collecting) > 50
assert run("stalled while it reads", 20, 6, prompt, stalled) > 100
assert run("nobody looks for half a second", 20, 3, prompt, pump_every=5000) > 100
