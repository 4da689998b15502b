"""What the board answers to each command: proven and unproven hosts, replays, floods, heat."""

import struct

from fake_parts import FakeCapture

from faceloop_device.core.auth import LinkSession
from faceloop_device.core.commands import CommandServer
from faceloop_device.core.stream import Stream
from faceloop_protocol import control, selftest, session
from faceloop_protocol import info as about
from faceloop_protocol.limits import (
    ACKS_PER_S,
    BAD_TAGS_BEFORE_DISCONNECT,
    COMMANDS_PER_S,
    MIN_MTU,
)

KEY = bytes(range(16))
DEVICE_ID = b"12345678"


class Link:
    def __init__(self):
        self.session = LinkSession(KEY, DEVICE_ID)
        self.is_up = True
        self.mtu = MIN_MTU


class Board:
    def __init__(self):
        self.capture = FakeCapture()
        self.stream = Stream(self.capture, 16 * 1024)
        self.stream_link = None
        self.stream_generation = 0
        self.heat = self.serial = None
        self.status = control.OK
        self.testing = False
        self.report = None
        self.now_ms = 0
        self.step_ms = 50  # between two looks at the clock: just slow enough for the rate limit

    def info(self):
        return about.Info(
            1, (0, 1, 0), 3, 0x92, 8, 2000, 12, 1, 4, 16, 32, 0, DEVICE_ID, 0, "MicroPython"
        )

    def may_start(self):
        return self.status

    def is_testing(self):
        return self.testing

    def start_self_test(self):
        self.testing = True

    def self_report(self):
        return self.report

    def vibrate(self, strength_pct, length_ms):
        self.vibration = (strength_pct, length_ms)
        return self.status

    def before_start(self, link):
        assert not self.stream.is_running

    def ticks_ms(self):
        self.now_ms = (self.now_ms + self.step_ms) & 0x3FFFFFFF
        return self.now_ms

    def on_started(self, link):
        self.stream_link = link
        self.stream_generation = link.session.generation


class Host:
    """The other side, as far as commands go."""

    def __init__(self, server, key=KEY):
        self.server = server
        self.link = Link()
        self.key = key
        self.counter = 0

    def plain(self, op, body=b""):
        return control.decode_reply(self.server.handle(bytes([op]) + body, self.link))

    def prove(self):
        nonce = bytes(16)
        reply = self.plain(control.HELLO, b"\x01" + nonce)
        covered = session.transcript(DEVICE_ID, nonce, reply.body[8:24])
        if self.key == KEY:
            assert reply.body[24:] == session.proof(KEY, session.LABEL_DEVICE, covered)
        self.pads = session.hmac_pads(session.tag_key(self.key, covered))
        mine = session.proof(self.key, session.LABEL_HOST, covered)
        return self.plain(control.PROVE, mine).status

    def message(self, op, body=b""):
        self.counter += 1
        untagged = control.pack_tagged(op, self.counter, body)
        return untagged + session.command_tag(self.pads, untagged)

    def send(self, message):
        reply = self.server.handle(message, self.link)
        return None if reply is None else control.decode_reply(reply)

    def tagged(self, op, body=b""):
        return self.send(self.message(op, body))


START_BODY = struct.pack(control.START_FORMAT, control.MODE_TRAINING, 4, 0)


def proven_host_can_start_and_stop():
    board = Board()
    host = Host(CommandServer(board))
    assert host.prove() == control.OK
    reply = host.tagged(control.START, START_BODY)
    assert reply.status == control.OK
    assert struct.unpack("<I", reply.body)[0] == board.stream.stream_id != 0
    assert board.stream.is_running and board.stream_link is host.link
    assert host.tagged(control.ACK, struct.pack(control.ACK_FORMAT, 0, 0)) is None
    assert host.tagged(control.SET_MODE, b"\x01").status == control.OK
    assert host.tagged(control.SET_MODE, b"\x07").status == control.OUT_OF_RANGE
    end = host.plain(control.STOP)
    assert end.status == control.OK and not board.stream.is_running
    assert host.tagged(control.CLOSE).status == control.OK
    assert board.stream.stream_id == 0


def unproven_host_may_only_stop():
    board = Board()
    server = CommandServer(board)
    owner = Host(server)
    owner.prove()
    owner.tagged(control.START, START_BODY)
    stranger = Host(server)
    stranger.pads = session.hmac_pads(bytes(32))
    for op in (control.START, control.RESUME, control.RESEND, control.SET_MODE, control.CLOSE):
        assert stranger.tagged(op, START_BODY).status == control.PROOF_NEEDED, op
    assert board.stream.is_running
    assert stranger.plain(control.STOP).status == control.OK
    assert not board.stream.is_running


def wrong_key_is_refused():
    host = Host(CommandServer(Board()), key=bytes(16))
    assert host.prove() == control.BAD_PROOF
    assert not host.link.session.is_open
    assert host.plain(control.PROVE, bytes(16)).status == control.PROOF_NEEDED


def replay_and_forgery_change_nothing():
    board = Board()
    host = Host(CommandServer(board))
    host.prove()
    message = host.message(control.START, START_BODY)
    assert host.send(message).status == control.OK
    first = board.stream.stream_id
    assert host.send(message).status == control.BAD_COUNTER
    assert host.link.session.bad_tags == 1 and not host.link.session.is_abused()
    forged = bytearray(host.message(control.START, START_BODY))
    forged[6] ^= 1
    for _ in range(BAD_TAGS_BEFORE_DISCONNECT):
        assert not host.link.session.is_abused()
        assert host.send(bytes(forged)).status == control.BAD_TAG
    assert host.link.session.is_abused()
    assert host.link.session.bad_tags == 1 + BAD_TAGS_BEFORE_DISCONNECT
    assert board.stream.stream_id == first


def heat_and_vibration_are_not_fitted():
    host = Host(CommandServer(Board()))
    host.prove()
    for op in range(control.HEAT_FIRST, control.HEAT_LAST + 1):
        assert host.tagged(op, b"\x27").status == control.NOT_FITTED
    assert host.tagged(control.VIBRATION_FIRST + 1).status == control.NOT_FITTED
    assert host.tagged(0x7E).status == control.UNKNOWN_COMMAND
    assert host.plain(0x0F).status == control.UNKNOWN_COMMAND


def vibration_needs_proof_and_has_limits():
    board = Board()
    server = CommandServer(board)
    host, stranger = Host(server), Host(server)
    board.vibration = None
    stranger.pads = session.hmac_pads(bytes(32))
    body = struct.pack(control.VIBRATE_FORMAT, 60, 200)
    assert stranger.tagged(control.VIBRATE, body).status == control.PROOF_NEEDED
    host.prove()
    for strength, length in ((101, 200), (60, control.MAX_VIBRATION_MS + 1)):
        wrong = struct.pack(control.VIBRATE_FORMAT, strength, length)
        assert host.tagged(control.VIBRATE, wrong).status == control.OUT_OF_RANGE
    assert host.tagged(control.VIBRATE, b"\x10").status == control.BAD_LENGTH
    assert board.vibration is None
    assert host.tagged(control.VIBRATE, body).status == control.OK
    assert board.vibration == (60, 200)
    assert stranger.plain(control.STOP).status == control.OK
    assert board.vibration == (0, 0), "whoever stops stops that, too"


def self_test_goes_on_beside_and_keeps_the_stream_out():
    board = Board()
    host = Host(CommandServer(board))
    host.prove()
    assert host.tagged(control.SELF_REPORT).status == control.GONE
    board.status = control.POWER_REFUSED
    assert host.tagged(control.SELF_TEST).status == control.POWER_REFUSED
    board.status = control.OK
    assert host.tagged(control.SELF_TEST).status == control.OK and board.testing
    for op, body in (
        (control.SELF_TEST, b""),
        (control.SELF_REPORT, b""),
        (control.START, START_BODY),
    ):
        assert host.tagged(op, body).status == control.BUSY, op
    board.testing = False
    values = (900,) * 8, (1001,) * 8, tuple(range(1, 9))
    passed = selftest.judge(True, *values, 0)
    assert passed == selftest.PASS_ALL
    board.report = selftest.SelfTestReport(0x92, passed, *values, 0)
    reply = host.tagged(control.SELF_REPORT)
    assert reply.status == control.OK and selftest.decode_report(reply.body) == board.report
    assert host.tagged(control.START, START_BODY).status == control.OK
    assert host.tagged(control.SELF_TEST).status == control.BUSY


def power_and_wrong_lengths_are_refused():
    board = Board()
    host = Host(CommandServer(board))
    assert host.plain(control.HELLO, b"\x02" + bytes(16)).status == control.VERSION_MISMATCH
    assert host.plain(control.HELLO, b"\x01").status == control.BAD_LENGTH
    host.prove()
    assert host.tagged(control.START, b"").status == control.BAD_LENGTH
    board.status = control.POWER_REFUSED
    assert host.tagged(control.START, START_BODY).status == control.POWER_REFUSED
    assert not board.stream.is_running
    assert host.tagged(control.RESEND, bytes(4)).status == control.NO_STREAM
    assert host.tagged(control.RESUME, bytes(6)).status == control.GONE
    short = control.decode_reply(host.server.handle(b"\x10\x00", host.link))
    assert short.status == control.BAD_LENGTH
    assert about.decode_info(host.plain(control.DESCRIBE).body) == board.info()


def link_that_takes_no_whole_packet_is_told_so():
    """In what the smallest of all takes: 20 bytes."""
    board = Board()
    host = Host(CommandServer(board))
    host.link.mtu = MIN_MTU - 1
    for message in (bytes([control.DESCRIBE]), bytes([control.HELLO, 1]) + bytes(16)):
        reply = host.server.handle(message, host.link)
        assert len(reply) <= 20
        reply = control.decode_reply(reply)
        assert reply.status == control.SMALL_MTU and reply.body == b"\xee\x00"
    assert host.plain(control.STOP).status == control.OK
    host.link.mtu = MIN_MTU
    assert host.prove() == control.OK


def only_the_link_of_the_stream_may_use_it():
    board = Board()
    server = CommandServer(board)
    owner, other = Host(server), Host(server)
    owner.prove()
    other.prove()
    owner.tagged(control.START, START_BODY)
    stream_id = board.stream.stream_id
    for op, body in (
        (control.CLOSE, b""),
        (control.RESEND, struct.pack(control.RESEND_FORMAT, 0, 10)),
        (control.SET_MODE, b"\x01"),
    ):
        assert other.tagged(op, body).status == control.NO_STREAM, op
    board.stream.flow.sent = 5
    other.tagged(control.ACK, struct.pack(control.ACK_FORMAT, 5, 5))
    assert board.stream.flow.received == 0
    for op, body in (
        (control.START, START_BODY),
        (control.RESUME, struct.pack(control.RESUME_FORMAT, stream_id, 0)),
    ):
        assert other.tagged(op, body).status == control.BUSY, op
    owner.prove()  # another session of the same link: nothing before its RESUME
    assert owner.tagged(control.CLOSE).status == control.NO_STREAM
    assert board.stream.is_running and board.stream.stream_id == stream_id
    owner.counter = 0
    owner.prove()
    resume = struct.pack(control.RESUME_FORMAT, stream_id, 0)
    assert owner.tagged(control.RESUME, resume).status == control.OK
    assert owner.tagged(control.CLOSE).status == control.OK
    assert board.stream.stream_id == 0


def commands_past_the_rate_are_refused_but_stop():
    board = Board()
    server = CommandServer(board)
    host, other = Host(server), Host(server)
    host.prove()
    host.tagged(control.START, START_BODY)
    other.prove()
    board.now_ms += 2000
    board.step_ms = 0
    for _ in range(COMMANDS_PER_S):
        assert host.tagged(control.SET_MODE, b"\x01").status == control.OK
    refused = host.tagged(control.SET_MODE, b"\x00")
    assert refused.status == control.RATE_LIMITED and refused.counter == host.counter
    assert board.stream.mode == control.MODE_RECORDING
    assert host.plain(control.HELLO, b"\x01" + bytes(16)).status == control.RATE_LIMITED
    assert other.tagged(control.SET_MODE, b"\x00").status == control.NO_STREAM
    # refusals have a rate, too; STOP is carried out, heard or not
    for _ in range(COMMANDS_PER_S - 2):
        assert host.plain(control.DESCRIBE).status == control.RATE_LIMITED
    assert server.handle(bytes([control.DESCRIBE]), host.link) is None
    assert board.stream.is_running
    assert server.handle(bytes([control.STOP]), host.link) is None
    assert not board.stream.is_running
    host.link.session.new_link()  # calling again gains nothing
    assert server.handle(bytes([control.DESCRIBE]), host.link) is None
    board.now_ms += 1000 // COMMANDS_PER_S
    assert host.plain(control.DESCRIBE).status == control.OK
    assert host.plain(control.DESCRIBE).status == control.RATE_LIMITED


def acknowledgements_past_their_rate_are_left_unread():
    board = Board()
    host = Host(CommandServer(board))
    host.prove()
    host.tagged(control.START, START_BODY)
    board.now_ms += 2000
    board.step_ms = 0
    flow = board.stream.flow
    flow.sent = 1000
    for n in range(1, ACKS_PER_S + 5):
        assert host.tagged(control.ACK, struct.pack(control.ACK_FORMAT, n, 0)) is None
    assert flow.received == ACKS_PER_S
    board.now_ms += 1000 // ACKS_PER_S
    host.tagged(control.ACK, struct.pack(control.ACK_FORMAT, 900, 0))
    assert flow.received == 900
    assert host.tagged(control.SET_MODE, b"\x01").status == control.OK  # a rate of their own


if __name__ == "__main__":
    for test in (
        proven_host_can_start_and_stop,
        unproven_host_may_only_stop,
        wrong_key_is_refused,
        replay_and_forgery_change_nothing,
        heat_and_vibration_are_not_fitted,
        vibration_needs_proof_and_has_limits,
        self_test_goes_on_beside_and_keeps_the_stream_out,
        power_and_wrong_lengths_are_refused,
        link_that_takes_no_whole_packet_is_told_so,
        only_the_link_of_the_stream_may_use_it,
        commands_past_the_rate_are_refused_but_stop,
        acknowledgements_past_their_rate_are_left_unread,
    ):
        test()
        print("ok", test.__name__)
