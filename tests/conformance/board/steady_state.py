"""capture -> encode -> encrypt -> notify allocates nothing, over ten seconds of stream."""

from fake_parts import FakeCapture, FakeLink, allocated_by

from faceloop_device.core.cipher import StreamCipher
from faceloop_device.core.stream import Stream

capture = FakeCapture()
stream = Stream(capture, 64 * 1024)
link = FakeLink(keep=False)
stream.start(4)
stream.cipher = StreamCipher(bytes(16))


def run(n_steps):
    flow = stream.flow
    ring = stream.ring
    now_ms = 0
    for _ in range(n_steps):
        capture.word += 90  # ten frames, 5 ms
        stream.capture(stream.position(), 5000)
        stream.adapt(now_ms)
        now_ms += 5
        stream.send(link)
        flow.received = flow.sent
        ring.free_before(ring.head - 100)


for n in range(N := 4096):
    capture.words[n] = 0xC00000 | (n * 97 & 0xFFFF)
used = allocated_by(run, 2000)
assert link.n >= 1000, link.n
print("bytes allocated:", used)
