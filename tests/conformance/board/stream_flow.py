"""Completeness and order of the board's stream under every kind of trouble."""

from fake_parts import FakeCapture, FakeLink

from faceloop_device.core.stream import Stream
from faceloop_protocol import control, rice
from faceloop_protocol import stream as wire


class Bench:
    """A stream with a host that acknowledges."""

    def __init__(self, ring_bytes=64 * 1024, mode=control.MODE_TRAINING):
        self.capture = FakeCapture()
        self.stream = Stream(self.capture, ring_bytes)
        self.link = FakeLink()
        self.stream.set_mode(mode)
        self.stream.start(4)
        self.acknowledged = 0
        self.is_acknowledging = True

    def step(self, n_frames=10):
        self.capture.feed(n_frames)
        self.stream.capture(self.stream.position(), n_frames * 500)
        self.send()

    def send(self):
        self.stream.send(self.link)
        if self.is_acknowledging:
            self.stream.flow.acknowledge((self.link.n - self.acknowledged) & 0xFFFF, 0)

    def finish(self):
        self.stream.stop()
        for _ in range(10000):
            if not self.stream.flow.has_more():
                return
            self.send()
        raise AssertionError("never finished sending")

    def frames(self):
        """Return the set of frames received; checks every sample."""
        seen = set()
        for packet in self.link.packets:
            header = wire.decode_header(packet)
            rows = rice.decode(packet[13:], header.n_frames, header.flags & wire.SHIFT_MASK)
            for i in range(header.n_frames):
                n = header.first_frame + i
                for c in range(8):
                    assert rows[i][c] == self.capture.sample(n, c) >> 4, (n, c)
                seen.add(n)
        return seen


def complete_in_order():
    for mode, longest in ((control.MODE_TRAINING, 20), (control.MODE_RECORDING, 40)):
        bench = Bench(mode=mode)
        for _ in range(300):
            bench.step()
        bench.step(7)
        bench.finish()
        assert bench.frames() == set(range(3007))
        headers = [wire.decode_header(packet) for packet in bench.link.packets]
        assert [h.seq for h in headers] == list(range(len(headers)))
        assert max(h.n_frames for h in headers) <= longest
        assert not any(h.flags & wire.FLAG_LATE for h in headers)
        assert bench.stream.dropped == 0


def packet_is_due_when_it_is_full():
    bench = Bench()
    assert bench.stream.due_ms() == 10
    bench.step(7)
    assert bench.stream.due_ms() == 7
    bench.step(12)
    assert bench.stream.due_ms() == 1 and not bench.link.packets
    bench.step(1)
    assert len(bench.link.packets) == 1 and bench.stream.due_ms() == 10
    assert Bench(mode=control.MODE_RECORDING).stream.due_ms() == 20


def refused_notifications_are_kept():
    bench = Bench()
    for i in range(200):
        bench.link.takes = i % 3 != 0
        bench.step()
    bench.link.takes = True
    bench.finish()
    assert bench.frames() == set(range(2000))
    assert bench.stream.send_failures > 20


def window_closes_without_acknowledgement():
    bench = Bench()
    bench.is_acknowledging = False
    for _ in range(200):
        bench.step()
    assert bench.link.n == 32


def after_a_pause_live_goes_first():
    bench = Bench()
    for _ in range(100):
        bench.step()
    bench.is_acknowledging = False
    for _ in range(400):  # two seconds of silence from the host
        bench.step()
    bench.is_acknowledging = True
    head = bench.stream.ring.head
    already = bench.link.n
    bench.send()
    bench.step()
    bench.step()
    first = wire.decode_header(bench.link.packets[already])
    assert first.seq == head - 1 and not first.flags & wire.FLAG_LATE
    for _ in range(100):
        bench.step()
    bench.finish()
    late = [p for p in bench.link.packets if wire.decode_header(p).flags & wire.FLAG_LATE]
    assert len(late) > 100
    assert bench.frames() == set(range(bench.capture.n_frames))


def reconnect_resends_what_was_on_its_way():
    bench = Bench()
    for _ in range(100):
        bench.step()
    lost = bench.link.packets[-20:]
    bench.link.packets = bench.link.packets[:-20]
    next_needed = wire.decode_header(lost[0]).seq
    bench.is_acknowledging = False
    for _ in range(300):
        bench.step()
    bench.link.packets = [p for p in bench.link.packets if wire.decode_header(p).seq < next_needed]
    bench.acknowledged = bench.link.n
    bench.stream.flow.new_link()
    bench.stream.flow.resume(bench.stream.number_of(next_needed & 0xFFFF))
    bench.is_acknowledging = True
    for _ in range(50):
        bench.step()
    bench.finish()
    assert bench.frames() == set(range(bench.capture.n_frames))


def stored_packets_make_room_and_old_ones_are_counted():
    bench = Bench(ring_bytes=8 * 1024)
    for _ in range(300):
        bench.step()
        bench.stream.ring.free_before(bench.stream.ring.head - 4)
    assert bench.stream.dropped == 0
    bench.is_acknowledging = False
    for _ in range(2000):
        bench.step()
    assert bench.stream.dropped > 0
    ring = bench.stream.ring
    held = ring.head - ring.oldest
    assert 20 < held < 300
    frames_held = bench.stream.frames.frame - ring.first_frame(ring.oldest)
    confirmed = ring.first_frame(ring.oldest) - bench.stream.dropped
    assert frames_held + bench.stream.dropped + confirmed == bench.stream.frames.frame


def lost_place_is_counted_and_flagged():
    bench = Bench()
    bench.capture.broken = (1005,)
    for _ in range(100):
        bench.step()
    assert bench.capture.resyncs == 0
    bench.step()
    bench.step()  # frames 1000-1019 are complete, 1005 is met
    assert bench.stream.frames.resyncs == 1
    assert bench.stream.dropped == 15 + 1
    assert bench.stream.frames.frame == 1021
    for _ in range(4):
        bench.step()
    flagged = [p for p in bench.link.packets if wire.decode_header(p).flags & wire.FLAG_RESYNC]
    assert len(flagged) == 1
    before = [wire.decode_header(p) for p in bench.link.packets]
    assert before[-1].dropped == bench.stream.dropped


def late_capture_task_counts_its_loss():
    bench = Bench()
    for _ in range(50):
        bench.step()
    bench.capture.feed(1000)  # half a second: the ring went round twice
    bench.stream.capture(bench.stream.position(), 500000)
    for _ in range(50):
        bench.step()
    bench.finish()
    got = bench.frames()
    assert len(got) + bench.stream.dropped == bench.capture.n_frames == bench.stream.frames.frame


def capture_that_is_held_up_itself_loses_nothing():
    bench = Bench()
    for _ in range(50):
        bench.step()
    # 0.2 s passed, but on a busy computer the capture's own process has not run yet.
    bench.stream.capture(bench.stream.position(), 200000)
    assert not bench.stream.is_silent
    bench.capture.feed(400)
    bench.stream.capture(bench.stream.position(), 500)
    for _ in range(50):
        bench.step()
    bench.finish()
    assert bench.stream.dropped == 0
    assert bench.frames() == set(range(bench.capture.n_frames))
    assert bench.stream.frames.frame == bench.capture.n_frames


def capture_that_stands_for_long_loses_nothing():
    bench = Bench()
    for _ in range(50):
        bench.step()
    # The board itself was late for once, and finds its capture standing for another 0.4 s.
    bench.stream.capture(bench.stream.position(), 150000)
    for _ in range(80):
        bench.stream.capture(bench.stream.position(), 5000)
    for _ in range(11):  # it catches up, faster than frames come
        bench.capture.feed(113)
        bench.stream.capture(bench.stream.position(), 2500)
        bench.send()
    for _ in range(50):
        bench.step()
    bench.finish()
    assert bench.stream.dropped == 0
    assert bench.frames() == set(range(bench.capture.n_frames))
    assert bench.stream.frames.frame == bench.capture.n_frames


def stream_that_is_stopped_in_doubt_loses_nothing():
    bench = Bench()
    for _ in range(50):
        bench.step()
    bench.stream.capture(bench.stream.position(), 150000)
    bench.capture.feed(17)
    bench.stream.capture(bench.stream.position(), 5000)
    bench.finish()
    assert bench.stream.dropped == 0
    assert bench.frames() == set(range(bench.capture.n_frames))


def capture_that_never_comes_back_is_noticed():
    bench = Bench()
    for _ in range(50):
        bench.step()
    bench.stream.capture(bench.stream.position(), 250000)
    for _ in range(400):
        bench.stream.capture(bench.stream.position(), 5000)
    assert bench.stream.is_silent
    bench.finish()
    assert bench.stream.dropped == 0
    assert bench.frames() == set(range(bench.capture.n_frames))


def silent_converter_is_noticed_and_flushed():
    bench = Bench()
    bench.step(13)
    assert not bench.link.packets
    for _ in range(60):
        bench.step(0)
        bench.stream.capture(bench.stream.position(), 5000)
    assert bench.stream.is_silent
    bench.send()
    assert bench.frames() == set(range(13))


def many_ranges_never_lose_one():
    bench = Bench()
    for _ in range(400):
        bench.step()
    kept = bench.link.packets
    bench.link.packets = []
    for seq in range(0, 200, 4):
        bench.stream.flow.send_again(seq, seq + 2)
    for _ in range(100):
        bench.step()
    asked = {seq + i for seq in range(0, 200, 4) for i in range(2)}
    got = {wire.decode_header(p).seq for p in bench.link.packets}
    assert asked <= got, asked - got
    bench.link.packets += kept
    bench.finish()
    assert bench.frames() == set(range(bench.capture.n_frames))


for test in (
    complete_in_order,
    packet_is_due_when_it_is_full,
    refused_notifications_are_kept,
    window_closes_without_acknowledgement,
    after_a_pause_live_goes_first,
    reconnect_resends_what_was_on_its_way,
    stored_packets_make_room_and_old_ones_are_counted,
    lost_place_is_counted_and_flagged,
    late_capture_task_counts_its_loss,
    capture_that_is_held_up_itself_loses_nothing,
    capture_that_stands_for_long_loses_nothing,
    stream_that_is_stopped_in_doubt_loses_nothing,
    capture_that_never_comes_back_is_noticed,
    silent_converter_is_noticed_and_flushed,
    many_ranges_never_lose_one,
):
    test()
    print("ok", test.__name__)
