"""What is given up on a slow link, in which order, and when it is taken back. Time is played.

degrade.py [TEST ...]
"""

import sys

from fake_parts import FakeCapture

from boards import pico2w
from faceloop_device.core.ladder import FIRST_HOLD_MS, JUDGED_MS, LAST_HOLD_MS, STEPS, Ladder
from faceloop_device.core.stream import Stream
from faceloop_protocol import control, rice
from faceloop_protocol import stream as wire

STEP_MS = 5
FRAMES = 10
RTT_MS = 30
HOST_WRITES_EVERY_S = 2  # host/src/faceloop/session/background_writer.py, SYNC_PERIOD_S


def pauses(times):
    """Return the times from one to the next."""
    return [times[i + 1] - times[i] for i in range(len(times) - 1)]


class SlowLink:
    """Carries so many bytes a second; the host confirms what has arrived a round trip later."""

    def __init__(self, bytes_per_s):
        self.bytes_per_s = bytes_per_s
        self.packets = []
        self.waiting = []
        self.confirmed = []
        self.credit = 0
        self.arrived = 0

    def send_stream(self, packet):
        self.waiting.append(bytes(packet))
        return True

    def step(self, now_ms):
        """Let time pass; return how many packets the board knows to have arrived."""
        self.credit = min(self.credit + self.bytes_per_s * STEP_MS / 1000, 2000)
        while self.waiting and self.credit >= len(self.waiting[0]):
            self.credit -= len(self.waiting[0])
            self.packets.append((now_ms, self.waiting.pop(0)))
            self.arrived += 1
            if self.arrived % 8 == 0:
                self.confirmed.append((now_ms + RTT_MS, self.arrived))
        while len(self.confirmed) > 1 and self.confirmed[1][0] <= now_ms:
            self.confirmed.pop(0)
        if self.confirmed and self.confirmed[0][0] <= now_ms:
            return self.confirmed[0][1]
        return 0


class Bench:
    def __init__(self, bytes_per_s, ring_bytes=256 * 1024, unstored_s=0):
        self.capture = FakeCapture()
        self.stream = Stream(self.capture, ring_bytes)
        self.link = SlowLink(bytes_per_s)
        self.stream.set_mode(control.MODE_TRAINING)
        self.stream.start(4)
        self.now_ms = 0x3FFFFFFF - 3000  # the clock wraps three seconds from here
        self.levels = [0]
        self.level_ms = []
        self.heard = 0
        self.unstored_s = unstored_s  # the host's disk has nothing younger than this
        self.received = []  # (time, number before which everything had arrived)

    def run(self, seconds):
        stream = self.stream
        for _ in range(int(seconds * 1000 / STEP_MS)):
            self.now_ms += STEP_MS
            self.capture.feed(FRAMES)
            stream.capture(stream.position(), STEP_MS * 1000)
            if self.now_ms % 100 < STEP_MS:
                stream.adapt(self.now_ms & 0x3FFFFFFF)
            if stream.ladder.level != self.levels[-1]:
                self.levels.append(stream.ladder.level)
                self.level_ms.append(self.now_ms)
            stream.send(self.link)
            arrived = self.link.step(self.now_ms)
            if arrived != self.heard:
                self.heard = arrived
                stream.flow.acknowledge(arrived & 0xFFFF, self.now_ms & 0x3FFFFFFF)
                oldest = stream.flow.live
                for i in range(stream.flow._n_ranges):
                    oldest = min(oldest, stream.flow._first[i])
                self.received.append((self.now_ms, oldest))
            stored_ms = self.now_ms - 1000 * self.unstored_s
            while self.link.bytes_per_s and self.received and self.received[0][0] <= stored_ms:
                stream.ring.free_before(self.received.pop(0)[1])

    def check_packets(self):
        """Check every sample and flag of what arrived; return the steps in order of frames."""
        steps = {}
        for _, packet in self.link.packets:
            header = wire.decode_header(packet)
            shift = header.flags & wire.SHIFT_MASK
            is_half = bool(header.flags & wire.FLAG_HALF_RATE)
            assert bool(header.flags & wire.FLAG_DEGRADED) == (shift > 4)
            assert not is_half or shift == 6
            rows = rice.decode(packet[13:], header.n_frames, shift)
            for i in range(0, header.n_frames, 5):
                n = header.first_frame + (2 * i if is_half else i)
                for c in range(8):
                    value = self.capture.sample(n, c)
                    if is_half:
                        value = (value + self.capture.sample(n + 1, c)) >> 1
                    assert rows[i][c] == value >> shift, (n, c)
            steps[header.first_frame] = 3 if is_half else shift - 4
        order = []
        for frame in sorted(steps):
            if not order or order[-1] != steps[frame]:
                order.append(steps[frame])
        return order


def rate_of(level):
    """Return the bytes a second that are made on a step of the ladder."""
    bench = Bench(1000000)
    bench.stream.ladder.level = level
    bench.stream._take_step()
    bench.run(2)
    return sum(len(packet) for _, packet in bench.link.packets) / 2


RATES = [rate_of(level) for level in range(STEPS + 1)]


def steps_cost_less_and_less():
    assert all(less < 0 for less in pauses(RATES)), RATES
    assert RATES[3] < 0.62 * RATES[2], RATES


def fast_link_gives_up_nothing():
    bench = Bench(1.15 * RATES[0])
    bench.run(30)
    assert bench.levels == [0]
    assert bench.check_packets() == [0]


def slow_link_goes_down_step_by_step():
    bench = Bench(0.8 * RATES[3])
    bench.run(12)
    assert bench.levels == [0, 1, 2, 3]
    assert all(JUDGED_MS <= ms <= JUDGED_MS + 500 for ms in pauses(bench.level_ms))
    assert bench.level_ms[0] - (0x3FFFFFFF - 3000) <= JUDGED_MS + 1500
    assert bench.check_packets() == [0, 1, 2, 3]
    bench.run(40)
    stream = bench.stream
    assert bench.levels == [0, 1, 2, 3], "not enough even now: nothing is taken back"
    assert stream.dropped > 0, "the oldest had to go"
    # every frame either still waits here, went out, or was counted as dropped
    held = stream.frames.frame - stream.ring.first_frame(stream.ring.oldest)
    assert held > 0
    seen = {}
    for _, packet in bench.link.packets:
        header = wire.decode_header(packet)
        half = 2 if header.flags & wire.FLAG_HALF_RATE else 1
        seen[header.first_frame] = half * header.n_frames
    assert sum(seen.values()) + held + stream.dropped >= stream.frames.frame


def each_link_finds_its_step():
    for level in range(1, STEPS + 1):
        bench = Bench((RATES[level] + RATES[level - 1]) / 2)
        bench.run(12)
        assert max(bench.levels) == level, (level, bench.levels)


def blackout_is_no_slow_link():
    bench = Bench(2.3 * RATES[0])
    bench.run(3)
    fast = bench.link.bytes_per_s
    bench.link.bytes_per_s = 0
    bench.run(8)
    bench.link.bytes_per_s = fast
    bench.run(15)
    assert bench.levels == [0]
    assert bench.stream.dropped == 0
    assert bench.stream.flow.pile() <= 8, bench.stream.flow.pile()


def eight_seconds_without_a_link_cost_nothing():
    """At 20 kB/s, in the ring of a Pico, just before the host would have written to its disk."""
    ring_bytes = int(pico2w.RING_KIB * 1024 * RATES[0] / 20000)
    bench = Bench(2.3 * RATES[0], ring_bytes, HOST_WRITES_EVERY_S + 0.2)
    bench.run(4)
    fast = bench.link.bytes_per_s
    bench.link.bytes_per_s = 0
    bench.run(8)
    kept = bench.stream.ring.used_bytes / RATES[0]
    assert kept > 8 + HOST_WRITES_EVERY_S, "the ring was not put to the test: %f s" % kept
    bench.link.bytes_per_s = fast
    bench.run(15)
    assert bench.levels == [0], bench.levels
    assert bench.stream.dropped == 0
    frames = 0
    for _, packet in bench.link.packets:
        frames += wire.decode_header(packet).n_frames
    assert frames >= bench.stream.frames.frame - 8 * 20, "something did not come"


def a_busy_second_is_no_slow_link():
    """Catching up after a blackout, and for a second only as fast as new packets are made."""
    bench = Bench(2.3 * RATES[0])
    bench.run(3)
    fast = bench.link.bytes_per_s
    bench.link.bytes_per_s = 0
    bench.run(8)
    for _ in range(4):
        bench.link.bytes_per_s = 0.9 * RATES[0]
        bench.run(1.5)
        bench.link.bytes_per_s = fast
        bench.run(2.5)
    bench.run(15)
    assert bench.levels == [0]
    assert bench.stream.dropped == 0


def long_blackout_makes_the_ring_last_longer():
    filling_s = 0.75 * 256 * 1024 / RATES[0]
    plain, bench = Bench(1.5 * RATES[0]), Bench(1.5 * RATES[0])
    plain.stream.adapt = lambda now_ms: None
    for one in (plain, bench):
        one.run(2)
        one.link.bytes_per_s = 0
        one.run(filling_s - 1)
        assert one.levels == [0]
        one.run(4.5)
    assert bench.levels == [0, 1, 2, 3]
    assert bench.stream.dropped == 0 < plain.stream.dropped


def better_link_gets_everything_back():
    bench = Bench(0.8 * RATES[3])
    bench.run(11)
    assert bench.levels[-1] == STEPS
    bench.link.bytes_per_s = 3 * RATES[0]
    bench.run(5 + 3 * FIRST_HOLD_MS / 1000 + 1)
    assert bench.levels == [0, 1, 2, 3, 2, 1, 0]
    assert all(ms == FIRST_HOLD_MS for ms in pauses(bench.level_ms[3:])), bench.level_ms
    assert bench.check_packets() == [0, 1, 2, 3, 2, 1, 0]


def a_link_between_two_steps_is_tried_less_and_less_often():
    ladder = Ladder()
    pile = received = 0.0
    climbs = []
    for now_ms in range(0, 900000, 100):
        made = 10 * RATES[ladder.level] / RATES[0]
        sent = min(pile + made, 9.3)  # between steps 1 and 0
        pile += made - sent
        received += sent
        if ladder.judge(now_ms, int(received), int(pile), False) and ladder.level == 0:
            climbs.append(now_ms)
        assert ladder.level <= 1
    waits = pauses(climbs)
    assert 4 <= len(climbs) <= 9, climbs
    # Each is a hold, twice as long as the last, and what it takes to see that it was too early.
    assert waits[2] - waits[1] > 1.7 * (waits[1] - waits[0]) > 1.7 * FIRST_HOLD_MS, waits
    assert waits[-1] < 1.3 * LAST_HOLD_MS, waits


for test in (
    steps_cost_less_and_less,
    fast_link_gives_up_nothing,
    slow_link_goes_down_step_by_step,
    each_link_finds_its_step,
    blackout_is_no_slow_link,
    eight_seconds_without_a_link_cost_nothing,
    a_busy_second_is_no_slow_link,
    long_blackout_makes_the_ring_last_longer,
    better_link_gets_everything_back,
    a_link_between_two_steps_is_tried_less_and_less_often,
):
    if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
        continue
    test()
    print("ok", test.__name__)
