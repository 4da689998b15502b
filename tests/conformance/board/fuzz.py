"""Random and mutated messages: parsers under either interpreter, commands where viper runs.

    fuzz.py parsers|commands|heat N SEED
    fuzz.py cable N SEED FOLDER

A parser raises ``ProtocolError`` or nothing. No command that was not made with the session's key,
and none that was seen before, changes anything but the counters of bad tags; STOP only stops.
``heat`` asks that of the supervisor while it heats, ``cable`` of a whole board: its bytes in
either form, requests for a key, and what comes by radio.
"""

import binascii
import random
import struct
import sys

from faceloop_protocol import (
    config,
    control,
    heat,
    info,
    reports,
    rice,
    selftest,
    serial_frame,
    state,
)
from faceloop_protocol import stream as wire
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.limits import BACK_OFF_MS

if sys.implementation.name == "cpython":
    from faceloop_dsp import decode_payload
else:
    decode_payload = None


def random_bytes(n):
    return bytes([random.getrandbits(8) for _ in range(n)])


def mutated(message, other):
    """Return a message with a few bits turned, cut, lengthened, or mixed with another one."""
    result = bytearray(message)
    for _ in range(random.randint(1, 3)):
        kind = random.randint(0, 6)
        at = random.randint(0, len(result)) if result else 0
        if kind <= 2 and at < len(result):
            result[at] ^= 1 << random.getrandbits(3)
        elif kind == 3 and at < len(result):
            result[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 4:
            result = result[:at]
        elif kind == 5:
            result = result[:at] + random_bytes(random.randint(1, 12)) + result[at:]
        else:
            result = result[:at] + bytes(other)[random.randint(0, len(other)) :]
    return bytes(result[:300])


def by_host(payload, n_frames, shift):
    """Return the counts of the host's compiled decoder; None: it refuses, or is not here."""
    if decode_payload is None:
        return None
    try:
        return decode_payload(payload, n_frames, shift).tolist()
    except ValueError:
        return None


def decode_packet(message):
    header = wire.decode_header(message)
    shift = header.flags & wire.SHIFT_MASK
    compiled = by_host(message[13:], header.n_frames, shift)
    try:
        rows = rice.decode(message[13:], header.n_frames, shift)
    except ProtocolError:
        assert compiled is None
        raise
    assert compiled is None or compiled == [[value << shift for value in row] for row in rows]
    assert compiled is not None or decode_payload is None
    half = 1 << (23 - (header.flags & wire.SHIFT_MASK))
    for row in rows:
        for value in row:
            assert -half <= value < half


def packet():
    """Return a stream packet as a board makes it."""
    shift = random.choice((0, 4, 4, 5, 7))
    scale = 1 << random.randint(1, 22 - shift)
    n = random.randint(1, 20)
    rows = [[random.randint(-scale, scale - 1) for _ in range(8)] for _ in range(n)]
    n = rice.frames_that_fit(rows, shift)
    buf = bytearray(13)
    wire.pack_header_into(buf, shift, random.getrandbits(16), random.getrandbits(32), 0, 0, 0, n)
    return bytes(buf) + rice.encode(rows[:n], shift)


PARSERS = (
    decode_packet,
    control.decode_reply,
    control.counter_of,
    info.decode_info,
    reports.decode_state,
    config.decode_config,
    selftest.decode_report,
    reports.decode_heat_state,
    serial_frame.unframe,
    serial_frame.decode_line,
    serial_frame.cobs_decode,
    lambda message: control.decode_body(control.EXTENT_FORMAT, message, control.StreamExtent),
)


def parsers(n):
    seeds = [
        packet(),
        control.pack_reply(control.HELLO, 0, control.OK, random_bytes(40)),
        control.pack_tagged(control.START, 7, bytes(10)) + bytes(8),
        random_bytes(info.INFO_BYTES) + b"MicroPython",
        random_bytes(state.STATE_BYTES),
        struct.pack(config.CONFIG_FORMAT, 0, 4, 12, 2000),
        serial_frame.frame(1, b"hello"),
        serial_frame.encode_line(1, b"hello"),
    ]
    refused = taken = 0
    for i in range(n):
        if i % 64 == 0:
            seeds[0] = packet()
        draw = random.randint(0, 9)
        if draw == 0:
            message = random_bytes(random.randint(0, 300))
        elif draw == 1:
            message = random.choice(seeds)
        else:
            # mostly what the parser is for, else it would refuse by length alone
            message = mutated(random.choice(seeds), random.choice(seeds))
        parser = random.choice(PARSERS) if draw < 5 else decode_packet
        if parser is decode_packet and draw >= 5:
            message = mutated(seeds[0], seeds[0])
        try:
            parser(message)
            taken += 1
        except ProtocolError:
            refused += 1
    assert taken > n // 50 and refused > n // 4, (taken, refused)
    print("ok parsers", n)


def commands(n):
    # the bench of the command tests; both ends know the key here
    import commands as bench

    board, server, owner = None, None, None
    known = [bytes([op]) for op in range(256)]
    changed = stopped = 0
    for i in range(n):
        if i % 2000 == 0:
            board = bench.Board()
            board.step_ms = 200
            server = bench.CommandServer(board)
            owner = bench.Host(server)
            assert owner.prove() == control.OK
            owner.tagged(control.START, bench.START_BODY)
            stranger = bench.Host(server)
        if not board.stream.is_running:
            assert owner.prove() == control.OK
            owner.counter = 0
            assert owner.tagged(control.START, bench.START_BODY).status == control.OK
        board.capture.feed(20)
        board.stream.capture(board.stream.position(), 10000)
        if i % 5 == 0:
            # a good one in between: what is mutated stays fresh, the counter high
            valid = owner.message(*ordinary())
            owner.send(valid)
            known[random.randint(0, 255)] = valid
        target = random.choice((owner, stranger))
        draw = random.randint(0, 9)
        unsent = owner.message(
            random.choice((control.START, control.CLOSE, control.SET_MODE, control.SELF_TEST)),
            random.choice((bench.START_BODY, b"", b"\x01")),
        )
        owner.counter -= 1
        if draw == 0:
            message = random_bytes(random.randint(0, 40))
        elif draw <= 2:
            message = random.choice(known)  # seen before, or an op alone
        elif draw <= 6:
            message = mutated(unsent, random.choice(known))
        else:
            message = mutated(random.choice(known), unsent)
        if message == unsent:
            continue  # what was cut had been put there
        if message[:1] and message[0] in (control.HELLO, control.PROVE) and target is owner:
            continue  # a session may be given up, and is then proven anew: not what is asked here
        before = snapshot(board)
        reply = server.handle(message, target.link)
        assert reply is None or control.decode_reply(reply)
        after = snapshot(board)
        if message[:1] == bytes([control.STOP]):
            stopped += not board.stream.is_running
        else:
            assert after == before, (message, before, after)
            changed += 1
        if target.link.session.is_abused():
            target.link.session.back_off(board.now_ms)
            board.now_ms = (board.now_ms + BACK_OFF_MS) & 0x3FFFFFFF
            target.link.session.new_link()
            if target is owner:
                assert owner.prove() == control.OK
                owner.counter = 0
                known[:] = [bytes([op]) for op in range(256)]
                extent = struct.pack(control.RESUME_FORMAT, board.stream.stream_id, 0)
                assert owner.tagged(control.RESUME, extent).status == control.OK
    assert changed > n // 2
    print("ok commands", n, "stopped" if stopped or n < 2000 else "never stopped")


def heat_commands(n):
    import commands as bench
    import heat_supervisor as plant

    from faceloop_device.core.heat_commands import HeatCommands

    class Heat:
        """What ``faceloop_device.heat`` does with commands; a link of another session has 9."""

        def __init__(self, supervisor):
            self.supervisor = supervisor
            self._commands = HeatCommands(supervisor)

        def serve(self, op, body, link, is_cable):
            return self._commands.serve(
                op, body, plant.LINK if link is owner.link else 9, is_cable
            )

        def stop(self):
            self.supervisor.stop()

    def state_of(heater, supervisor):
        return (
            tuple(supervisor.report()),
            supervisor.ledger.permission,
            supervisor.has_request(),
            heater.duty,
        )

    ops = tuple(sorted(heat.BODY_BYTES))
    board = bench.Board()
    board.step_ms = 200
    server = bench.CommandServer(board)
    owner, stranger = bench.Host(server), bench.Host(server)
    assert owner.prove() == control.OK
    heater = supervisor = None
    now_ms = hot = stopped = 0
    known = [bytes([op]) for op in range(256)]
    lease = struct.pack(heat.LEASE_FORMAT, 3950, 5000)
    for i in range(n):
        if supervisor is None or not supervisor.has_request():
            heater, supervisor, now_ms = plant.begin(3)
            board.heat = Heat(supervisor)
        if i % 8 == 0:
            valid = owner.message(heat.HEAT_LEASE, lease)
            assert owner.send(valid).status == control.OK
            known[random.randint(0, 255)] = valid
            now_ms = plant.step(supervisor, now_ms)
        hot += heater.duty > 0
        target = random.choice((owner, stranger))
        op = random.choice(ops)
        unsent = owner.message(op, random_bytes(heat.BODY_BYTES[op]))
        owner.counter -= 1
        draw = random.randint(0, 9)
        if draw == 0:
            message = bytes([op]) + random_bytes(random.randint(0, 40))
        elif draw <= 2:
            message = random.choice(known)
        elif draw <= 4 and target is stranger:
            message = unsent  # good, but on a link that has proven nothing
        else:
            message = mutated(unsent, random.choice(known))
        if message == unsent and target is owner:
            continue
        if message[:1] and message[0] in (control.HELLO, control.PROVE) and target is owner:
            continue
        if i % 500 == 499:
            message = bytes([control.STOP])
        before = state_of(heater, supervisor)
        reply = server.handle(message, target.link)
        assert reply is None or control.decode_reply(reply)
        if message[:1] == bytes([control.STOP]):
            now_ms = plant.step(supervisor, now_ms)
            assert heater.duty == 0 and not supervisor.is_heating()
            stopped += 1
            supervisor = None
        else:
            assert state_of(heater, supervisor) == before, (message, before)
        if target.link.session.is_abused():
            target.link.session.back_off(board.now_ms)
            board.now_ms = (board.now_ms + BACK_OFF_MS) & 0x3FFFFFFF
            if target is owner:
                assert owner.prove() == control.OK
                owner.counter = 0
                known[:] = [bytes([op]) for op in range(256)]
    assert hot > n // 2, hot
    print("ok heat", n, "stopped" if stopped or n < 2000 else "never stopped")


class Sink:
    """Where the board writes to the cable."""

    def __init__(self):
        self.last = []

    def write(self, data):
        self.last.append(bytes(data))


def cable(n, folder):
    """A whole board, claimed by its owner; nobody holds its button."""
    import fake_board

    fake_board.install("pico2w", folder)
    from boards import pico2w

    pico2w.HAS_HEATER = True
    from faceloop_device import board as program
    from faceloop_device.core.crash import Crash

    program.print_label = lambda device_id, key: None
    board = program.Board(Crash(), 0)
    board._keys.claim()
    owner, sink = board._keys.owner, Sink()
    as_text = binascii.hexlify(owner)
    supervisor = board.heat.supervisor
    at_start = supervisor.state
    board.serial._stdout = sink
    clock = [0]

    def ticks_ms():
        clock[0] = (clock[0] + 120) & 0x3FFFFFFF
        return clock[0]

    board.ticks_ms = ticks_ms
    hello = bytes([control.HELLO, 1]) + bytes(16)
    asked = answered = 0
    block = bytearray(300)
    for i in range(n):
        is_binary = random.getrandbits(1)
        channel = random.choice(
            (serial_frame.CHANNEL_CONTROL, serial_frame.CHANNEL_KEY, random.getrandbits(8))
        )
        body = random.choice(
            (
                serial_frame.KEY_OWNER,
                serial_frame.KEY_THERAPIST,
                hello,
                random_bytes(random.randint(0, 60)),
                control.pack_tagged(random.choice(TAGGED), i & 0xFFFF, random_bytes(4)) + bytes(8),
                bytes([control.PROVE]) + bytes(16),
            )
        )
        if is_binary:
            n_bytes = serial_frame.cobs_encode_into(block, serial_frame.frame(channel, body))
            whole = bytes(block[:n_bytes])
        else:
            whole = serial_frame.encode_line(channel, body)
        sent = whole if random.getrandbits(1) else mutated(whole, body)
        serial = board.serial
        serial._is_binary = bool(is_binary)
        asked += channel == serial_frame.CHANNEL_KEY and sent is whole
        for byte in sent:
            serial._take(byte, clock[0])
        if random.getrandbits(1):
            board.ble.inbox.put(mutated(body, sent))
            board._serve(board.ble)
        board._serve(serial)
        for written in sink.last:
            answered += 1
            assert owner not in written and as_text not in written, "the key has left the board"
        sink.last = []
        keys = board._keys
        assert keys.owner == owner and keys.therapist is None
        assert board.stream.stream_id == 0 and not board.is_testing()
        assert supervisor.state == at_start and not supervisor.has_request()
        assert not board._wearer._person.is_vibrating
    assert asked > n // 20 and answered > n // 20, (asked, answered)
    print("ok cable", n)


TAGGED = (
    control.START,
    control.RESUME,
    control.CLOSE,
    control.SELF_TEST,
    control.VIBRATE,
    heat.HEAT_REQUEST,
    heat.HEAT_UNLOCK,
)


def ordinary():
    """Return a command and a body that change something."""
    kind = random.randint(0, 3)
    if kind == 0:
        return control.SET_MODE, bytes([random.getrandbits(1)])
    if kind == 1:
        return control.VIBRATE, struct.pack(control.VIBRATE_FORMAT, random.randint(1, 100), 500)
    if kind == 2:
        return control.RESEND, random_bytes(4)
    return control.ACK, random_bytes(4)


def snapshot(board):
    stream = board.stream
    flow, ring = stream.flow, stream.ring
    return (
        stream.stream_id,
        stream.is_running,
        stream.mode,
        stream.shift,
        stream.cipher is None,
        flow.received,
        flow.sent,
        flow.live,
        flow.pile(),
        ring.oldest,
        ring.head,
        board.stream_link,
        board.testing,
        getattr(board, "vibration", None),
    )


what, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
if what == "parsers":
    parsers(count)
elif what == "commands":
    commands(count)
elif what == "heat":
    heat_commands(count)
else:
    cable(count, sys.argv[4])
