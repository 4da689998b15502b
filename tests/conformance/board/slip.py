"""A missed data-ready pulse is found, counted and flagged; nothing else is taken for one."""

import random

from fake_parts import FakeCapture, FakeLink

from faceloop_device.core.slip import SlipWatch
from faceloop_device.core.stream import Stream
from faceloop_protocol import stream as wire

random.seed(7)


def play(seconds, slips=(), ppm=0.0, block=1, late_us=0, pause=None, drift_ppm_per_s=0.0):
    """Return the (second, frames) found by a watch that looks every 5 ms or later.

    ``slips``: pairs of second and frames that the capture misses. ``block``: frames come in
    blocks of so many. ``pause``: pair of second and length in which nobody looks.
    """
    watch = SlipWatch()
    found = []
    now_us = last_us = 0.0
    seen = 0
    while now_us < seconds * 1e6:
        now_us += 5000 + random.random() * (300 if random.random() < 0.95 else 20000)
        if pause and pause[0] * 1e6 <= now_us < (pause[0] + pause[1]) * 1e6:
            continue
        at_s = now_us / 1e6
        made = at_s * 2000 * (1 + (ppm + drift_ppm_per_s * at_s / 2) * 1e-6)
        made = int(made) // block * block
        for second, n in slips:
            if at_s >= second:
                made -= n
        read_us = int(now_us + random.random() * late_us)
        n = watch.look(read_us - int(last_us), made - seen)
        seen = made
        last_us = read_us
        if n:
            found.append((at_s, n))
    return found


def quiet_clocks_give_no_alarm():
    for ppm in (-5000, -60, 0, 20, 5000):
        for block in (1, 5):
            assert play(60, ppm=ppm, block=block, late_us=200) == [], (ppm, block)
    assert play(120, drift_ppm_per_s=5.0, late_us=100) == [], "a crystal that warms up"
    assert play(40, pause=(11.3, 2.5)) == [], "a program that was away"
    assert play(40, late_us=4000) == [], "a program that is always late"


def each_slip_is_found_in_five_seconds():
    for n in (1, 2, 7):
        for ppm in (-3000, 0, 40):
            found = play(45, slips=((35.4, n),), ppm=ppm, late_us=200)
            assert len(found) == 1, (n, ppm, found)
            assert found[0][1] == n, (n, ppm, found)
            assert 35.4 < found[0][0] < 40.5, found


def a_busy_computer_hides_no_slip():
    for seed in range(20):
        random.seed(seed)
        found = play(60, slips=((35.3, 1),), ppm=20, block=5, late_us=400)
        assert [n for _, n in found] == [1], (seed, found)
        assert found[0][0] > 35.3, found
        for late_us in (1200, 3500):
            assert play(60, ppm=-20, block=5, late_us=late_us) == [], (seed, late_us)


def several_slips_are_all_counted():
    found = play(120, slips=((30.2, 1), (51.7, 2), (77.1, 1)), ppm=30, late_us=200)
    assert [n for _, n in found] == [1, 2, 1], found


def stream_counts_flags_and_puts_time_right():
    capture = FakeCapture()
    stream = Stream(capture, 64 * 1024)
    link = FakeLink()
    stream.start(4)
    missed_at = 60000
    is_missed = False
    for step in range(8000):
        n = 10
        if step * 10 >= missed_at and not is_missed:
            is_missed = True
            n = 9  # the tenth pulse was missed
            capture.n_frames += 1
        capture.feed(n)
        stream.capture(stream.position(), 5000)
        stream.send(link)
        stream.flow.acknowledge(link.n & 0xFFFF, 0)
        stream.ring.free_before(stream.ring.head - 4)
    assert stream.frames.slipped == 1 and stream.dropped == 1
    headers = [wire.decode_header(packet) for packet in link.packets]
    flagged = [header for header in headers if header.flags & wire.FLAG_RESYNC]
    assert len(flagged) == 1, "said once"
    assert missed_at < flagged[0].first_frame <= missed_at + 6 * 2000
    at = headers.index(flagged[0])
    before = headers[at - 1]
    assert before.first_frame + before.n_frames + 1 == flagged[0].first_frame, "a gap of one"
    assert flagged[0].dropped == 1 and before.dropped == 0
    assert stream.frames.frame + (stream.waiting) == capture.n_frames, "in step again"


for test in (
    quiet_clocks_give_no_alarm,
    each_slip_is_found_in_five_seconds,
    a_busy_computer_hides_no_slip,
    several_slips_are_all_counted,
    stream_counts_flags_and_puts_time_right,
):
    test()
    print("ok", test.__name__)
