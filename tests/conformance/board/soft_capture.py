"""The capture by soft interrupt: every frame under its own number, every lost one counted.

A converter whose clock is off, a scheduler that is late and forgets what does not fit into its
queue; real capture, stream and encoder between them.
"""

import random

from fake_esp32 import make_stream
from fake_parts import FakeLink

from faceloop_protocol import control, rice
from faceloop_protocol import stream as wire

PERIOD_US = 1000
QUEUE = 8  # callbacks that the scheduler holds
READ_US = 60
LEAST_US = 45  # from an edge to its handler


now_us = 0


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

    def listen(self, handler, pin):
        self.handler, self.pin = handler, pin

    def count_from_zero(self):
        self.zero = self.newest + 1

    def count(self, highest):
        self.advance(1)  # it takes time to look
        return (self.newest + 1 - self.zero) % highest

    def end(self):
        self.is_over = True

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
    world = World(ppm, stall_us)
    stream, capture = make_stream(world, 64 * 1024)
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
