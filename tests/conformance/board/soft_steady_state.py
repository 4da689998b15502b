"""interrupt -> ring -> encode -> notify allocates nothing; some handlers are late."""

from fake_esp32 import make_stream
from fake_parts import FakeLink, allocated_by


class Chip:
    """Pulses as many as the test says."""

    handler = None
    pulses = 0

    def listen(self, handler, pin):
        self.handler = handler

    def count(self, highest):
        return self.pulses % highest

    def read(self, buf):
        buf[0] = 0xC0
        buf[5] = self.pulses & 0x7F

    def count_from_zero(self):
        pass

    begin = end = count_from_zero


chip = Chip()
stream, _ = make_stream(chip, 64 * 1024)
link = FakeLink(keep=False)
stream.start(4)


def run(n_steps):
    flow = stream.flow
    ring = stream.ring
    on_ready = chip.handler
    for n in range(n_steps):
        for _ in range(5):
            chip.pulses += 4 if n % 50 == 0 else 1
            on_ready(None)
        stream.capture(stream.position(), 5000)
        stream.send(link)
        flow.received = flow.sent
        ring.free_before(ring.head - 100)


used = allocated_by(run, 2000)
assert link.n >= 300, link.n
assert stream.frames.slipped == 2 * 3 * 5 * 42
print("bytes allocated:", used)
