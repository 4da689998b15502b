"""What a second of training takes from the heap besides capture to notify. Takes a folder.

A whole board with a fake capture and a radio that takes everything, its tasks gone round by hand
at the pace of a second: 100 packets, an acknowledgement for every 8 of them, a vibration, the
report. Prints bytes; words have 64 bits here and 32 on a board.
"""

import gc
import struct
import sys

import fake_board
from fake_parts import FakeCapture

from faceloop_protocol import control, session
from faceloop_protocol.limits import (
    ACK_PERIOD_PACKETS,
    FS_HZ,
    KEY_BYTES,
    MIN_MTU,
    TRAINING_FRAMES,
)

fake_board.install("pico2w", sys.argv[1])
from faceloop_device import app  # noqa: E402
from faceloop_device.core.crash import Crash  # noqa: E402
from faceloop_device.core.frame_ring import WORDS_PER_FRAME  # noqa: E402

SECONDS = 20
PUMPS_PER_S = 200
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


class Nap:
    """One round of a task ends here."""

    def __iter__(self):
        return self

    __await__ = __iter__

    def __init__(self):
        self.is_over = True
        self._end = StopIteration()

    def __next__(self):
        self.is_over = not self.is_over
        if self.is_over:
            self._end.__traceback__ = None
            raise self._end


class Loop:
    naps = {}

    @staticmethod
    def sleep_ms(ms):
        return Loop.naps[ms]


for ms in (app.PUMP_MS, 250, 1000, 100):
    Loop.naps[ms] = Nap()
fake_board.Bluetooth.BLE = Radio
app.make_capture = lambda pins: Capture()
app.print_label = lambda device_id, key: None
app.time = Clock
app.asyncio = Loop
board = app.Board(Crash(), 0)
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


app.processor.start_watchdog = lambda ms: fake_board
fake_board.feed = lambda: None
ask(tagged(control.START, struct.pack(control.START_FORMAT, control.MODE_TRAINING, 4, 0)))
gc.disable()

# All that the host will send is made first: only the board may allocate below.
FRAMES_PER_PUMP = FS_HZ // PUMPS_PER_S
PUMPS_PER_ACK = ACK_PERIOD_PACKETS * TRAINING_FRAMES // FRAMES_PER_PUMP
VIBRATION = struct.pack(control.VIBRATE_FORMAT, 50, 100)
messages = [None] * (PUMPS_PER_S * (SECONDS + 1))
for n in range(len(messages)):
    if n % PUMPS_PER_ACK == 0:
        n_packets = n * FRAMES_PER_PUMP // TRAINING_FRAMES
        body = struct.pack(control.ACK_FORMAT, n_packets, n_packets)
        messages[n] = bytearray(tagged(control.ACK, body))
    elif n % PUMPS_PER_S == 9:
        messages[n] = bytearray(tagged(control.VIBRATE, VIBRATION))
written = (CONN, 6)
confirmed = (CONN, 6, 0)
step = 0


def second():
    """One second of training."""
    global step
    for _ in range(PUMPS_PER_S):
        Clock.now_ms += app.PUMP_MS
        capture.word += WORDS_PER_FRAME * FRAMES_PER_PUMP
        if messages[step] is not None:
            Radio.written = messages[step]
            event(_WRITE, written)
        step += 1
        pump.send(None)
        if Radio.replies:
            Radio.replies.clear()
            event(_INDICATED, confirmed)
        if step % 50 == 0:
            supervise.send(None)
    status.send(None)


for n in range(len(capture.words)):
    capture.words[n] = 0xC00000 | n % 50 << 4
second()
gc.collect()
sent = Radio.n_packets
before = gc.mem_alloc()
for _ in range(SECONDS):
    second()
used = gc.mem_alloc() - before
stream = board.stream
assert Radio.n_packets - sent == SECONDS * FS_HZ // TRAINING_FRAMES
assert stream.flow.received + ACK_PERIOD_PACKETS >= stream.flow.sent
assert stream.ladder.level == stream.dropped == stream.send_failures == 0
assert board._collector.runs == 1, "counted while nothing is freed"
assert Radio.n_replies == 3 + SECONDS + 1
print("bytes a second", used // SECONDS)
