"""What a second of training takes from the heap besides capture to notify. Takes a folder.

A whole board with a fake capture and a radio that takes everything, its tasks gone round by hand
at the pace of a second: 100 packets, an acknowledgement for every 8 of them, a vibration, the
report. ``pump`` comes as soon as it asks for, or up to 3 ms later, as on a board that has other
things to do. Prints its steps in a second, the least and the most milliseconds between two looks
at the button, then bytes; words have 64 bits here and 32 on a board.
"""

import gc
import struct
import sys

import fake_board
from fake_parts import FakeCapture
from naps import Loop

from faceloop_protocol import control, session
from faceloop_protocol.limits import (
    ACK_PERIOD_PACKETS,
    FS_HZ,
    KEY_BYTES,
    MIN_MTU,
    TRAINING_FRAMES,
)

fake_board.install("pico2w", sys.argv[1])
from faceloop_device import board as program  # noqa: E402
from faceloop_device.core.crash import Crash  # noqa: E402
from faceloop_device.core.frame_ring import WORDS_PER_FRAME  # noqa: E402

SECONDS = 20
LATE_MS = (0, 0, 1, 0, 3, 0, 2)  # one after the other, and again
CONN = 7
_CONNECT, _WRITE, _INDICATED, _MTU_EXCHANGED = 1, 3, 20, 21


class Converter:
    id, lsb_fv = 0x92, 23842


class Capture(FakeCapture):
    converter = Converter

    def probe(self):
        pass


class Radio(fake_board.BLE):
    """Takes all; a write is read as the C code of a board does it, into new bytes."""

    written = bytearray()
    n_packets = 0
    n_replies = 0
    replies = []

    def gatts_register_services(self, services):
        return ((1, 2, 3), (4,), (5, 6, 7, 8, 9))

    def gatts_read(self, handle):
        return bytes(Radio.written)

    def gatts_notify(self, conn, handle, packet=None):
        if handle == 5:
            Radio.n_packets += 1

    def gatts_indicate(self, conn, handle, reply):
        assert reply[5] == control.OK
        Radio.n_replies += 1
        Radio.replies.append(reply)

    def gap_disconnect(self, conn):
        raise AssertionError("cut")


class Clock:
    now_ms = 0

    @staticmethod
    def ticks_ms():
        return Clock.now_ms

    @staticmethod
    def ticks_us():
        return Clock.now_ms * 1000 & 0x3FFFFFFF

    @staticmethod
    def ticks_diff(a, b):
        return (a - b + 0x20000000 & 0x3FFFFFFF) - 0x20000000


fake_board.Bluetooth.BLE = Radio
program.make_capture = lambda pins: Capture()
program.print_label = lambda device_id, key: None
program.time = Clock
program.asyncio = Loop
board = program.Board(Crash(), 0)
board._power.bits = lambda: 0
board._has_usb = lambda: False
board.serial._has_input = lambda: False  # the standard input of a test, closed, is always ready
event = board.ble._irq
capture = board._capture
KEY = board._keys.owner
assert len(KEY) == KEY_BYTES


def write(message):
    Radio.written = bytearray(message)
    event(_WRITE, (CONN, 6))


pump, status, supervise = board.pump(), board.status(), board.supervise()


def ask(message):
    """Write a command and return the body of its reply."""
    write(message)
    pump.send(None)
    event(_INDICATED, (CONN, 6, 0))
    reply = control.decode_reply(Radio.replies.pop())
    assert reply.status == control.OK, reply
    return reply.body


event(_CONNECT, (CONN, 0, b"address"))
event(_MTU_EXCHANGED, (CONN, MIN_MTU))
nonce = bytes(16)
hello = ask(bytes([control.HELLO, 1]) + nonce)
covered = session.transcript(hello[:8], nonce, hello[8:24])
ask(bytes([control.PROVE]) + session.proof(KEY, session.LABEL_HOST, covered))
pads = session.hmac_pads(session.tag_key(KEY, covered))
counter = 0


def tagged(op, body):
    global counter
    counter += 1
    untagged = control.pack_tagged(op, counter, body)
    return untagged + session.command_tag(pads, untagged)


program.processor.start_watchdog = lambda ms: fake_board
fake_board.feed = lambda: None
ask(tagged(control.START, struct.pack(control.START_FORMAT, control.MODE_TRAINING, 4, 0)))
gc.disable()

# All that the host will send is made first: only the board may allocate below.
FRAMES_PER_MS = FS_HZ // 1000
ACK_MS = ACK_PERIOD_PACKETS * TRAINING_FRAMES // FRAMES_PER_MS
VIBRATE_AT_MS = 45  # of each second
VIBRATION = struct.pack(control.VIBRATE_FORMAT, 50, 100)
messages = [None] * (1000 * (SECONDS + 1) + 1)
for ms in range(1, len(messages)):
    if ms % ACK_MS == 0:
        n_packets = ms * FRAMES_PER_MS // TRAINING_FRAMES
        body = struct.pack(control.ACK_FORMAT, n_packets, n_packets)
        messages[ms] = bytearray(tagged(control.ACK, body))
    elif ms % 1000 == VIBRATE_AT_MS:
        messages[ms] = bytearray(tagged(control.VIBRATE, VIBRATION))
written = (CONN, 6)
confirmed = (CONN, 6, 0)


class Pace:
    ms = due_ms = steps = 0
    looked_ms = most_ms = 0
    least_ms = 1000


look = board._wearer.look


def counted_look(now_ms):
    since_ms = now_ms - Pace.looked_ms
    Pace.least_ms = min(Pace.least_ms, since_ms)
    Pace.most_ms = max(Pace.most_ms, since_ms)
    Pace.looked_ms = now_ms
    return look(now_ms)


board._wearer.look = counted_look


def second():
    """One second of training."""
    until_ms = Pace.ms + 1000
    while Pace.ms < until_ms:
        Pace.ms += 1
        Clock.now_ms += 1
        capture.word += WORDS_PER_FRAME * FRAMES_PER_MS
        if messages[Pace.ms] is not None:
            Radio.written = messages[Pace.ms]
            event(_WRITE, written)
        if Pace.ms >= Pace.due_ms:
            pump.send(None)
            Pace.due_ms = Pace.ms + Loop.asked_ms + LATE_MS[Pace.steps % len(LATE_MS)]
            Pace.steps += 1
            if Radio.replies:
                Radio.replies.clear()
                event(_INDICATED, confirmed)
        if Pace.ms % 250 == 0:
            supervise.send(None)
    status.send(None)


for n in range(len(capture.words)):
    capture.words[n] = 0xC00000 | n % 50 << 4
second()
gc.collect()
sent = Radio.n_packets
Pace.steps = Pace.most_ms = 0
Pace.least_ms = 1000
before = gc.mem_alloc()
for _ in range(SECONDS):
    second()
used = gc.mem_alloc() - before
stream = board.stream
assert abs(Radio.n_packets - sent - SECONDS * FS_HZ // TRAINING_FRAMES) <= 1
assert stream.flow.received + ACK_PERIOD_PACKETS >= stream.flow.sent
assert stream.ladder.level == stream.dropped == stream.send_failures == 0
assert board._collector.runs == 1, "counted while nothing is freed"
assert Radio.n_replies == 3 + SECONDS + 1
print("steps a second", Pace.steps // SECONDS)
print("between looks", Pace.least_ms, Pace.most_ms)
print("bytes a second", used // SECONDS)
