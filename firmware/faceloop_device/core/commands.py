"""What the board does with each command. Pure: it knows no radio and no pins."""

import struct

from faceloop_device.core.cipher import StreamCipher
from faceloop_protocol import PROTOCOL_VERSION, control
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.info import pack_info
from faceloop_protocol.limits import MIN_MTU, NONCE_BYTES, TAG_BYTES
from faceloop_protocol.selftest import pack_report
from faceloop_protocol.session import ROLE_OWNER


def owns_stream(board, link):
    """Return whether this very session of ``link`` started or resumed the board's stream.

    Between a reconnect and its RESUME nothing is sent: it would go out under the old key.
    """
    return (
        board.stream.stream_id != 0
        and board.stream_link is link
        and board.stream_generation == link.session.generation
        and link.session.is_open
    )


class CommandServer:
    """Answers commands of one board, whichever link they came by.

    Parameters
    ----------
    board : object
        ``stream``; ``stream_link`` and ``stream_generation``, the link that started or resumed it
        and that link's session then; ``info()`` -> ``Info``; ``ticks_ms()``;
        ``may_start()`` -> status; ``before_start(link)``, the last moment without conversions;
        ``on_started(link)``, called when the stream belongs to that link;
        ``is_testing()``, ``start_self_test()``, ``self_report()`` -> ``SelfTestReport`` or None;
        ``heat``, a ``Heat`` or None; ``serial``, the link by cable;
        ``vibrate(strength_pct, length_ms)`` -> status, 0 and 0 stop it.
    """

    def __init__(self, board):
        self._board = board
        self._plain = {
            control.HELLO: self._hello,
            control.PROVE: self._prove,
            control.STOP: self._stop,
            control.DESCRIBE: self._describe,
        }
        self._tagged = {
            control.START: self._start,
            control.RESEND: self._resend,
            control.RESUME: self._resume,
            control.SET_MODE: self._set_mode,
            control.CLOSE: self._close,
            control.SELF_TEST: self._self_test,
            control.SELF_REPORT: self._self_report,
            control.VIBRATE: self._vibrate,
        }

    def handle(self, message, link):
        """Return the reply to ``message`` from ``link`` (``session`` and ``mtu``), or None."""
        if not message:
            return None
        op = message[0]
        rates = link.session
        now_ms = self._board.ticks_ms()
        rate = rates.acknowledgements if op == control.ACK else rates.commands
        if rate.take(now_ms):
            return self._carry_out(op, message, link)
        # An acknowledgement is made good by the next one; a flood of refusals is a flood as well.
        may_answer = op != control.ACK and rates.refusals.take(now_ms)
        reply = self._carry_out(op, message, link) if op == control.STOP else _refuse(op, message)
        return reply if may_answer else None

    def _carry_out(self, op, message, link):
        if op < control.FIRST_TAGGED:
            serve = self._plain.get(op)
            if serve is None:
                return control.pack_reply(op, 0, control.UNKNOWN_COMMAND)
            if link.mtu < MIN_MTU and op != control.STOP:
                mtu = struct.pack("<H", link.mtu)
                return control.pack_reply(op, 0, control.SMALL_MTU, mtu)
            status, body = serve(message[1:], link)
            return control.pack_reply(op, 0, status, body)
        try:
            counter = control.counter_of(message)
        except ProtocolError:
            return control.pack_reply(op, 0, control.BAD_LENGTH)
        status = link.session.check(message, counter)
        if status != control.OK:
            return control.pack_reply(op, counter, status)
        if op == control.ACK:
            self._acknowledge(message, link)
            return None
        body = message[control.BODY_AT : len(message) - TAG_BYTES]
        if control.HEAT_FIRST <= op <= control.HEAT_LAST:
            heat = self._board.heat
            if heat is None:
                return control.pack_reply(op, counter, control.NOT_FITTED)
            status, reply = heat.serve(op, body, link, link is self._board.serial)
            return control.pack_reply(op, counter, status, reply)
        serve = self._tagged.get(op)
        if serve is None and control.VIBRATION_FIRST <= op < control.HEAT_FIRST:
            return control.pack_reply(op, counter, control.NOT_FITTED)
        if serve is None:
            return control.pack_reply(op, counter, control.UNKNOWN_COMMAND)
        status, reply = serve(body, link)
        return control.pack_reply(op, counter, status, reply)

    def _hello(self, body, link):
        if len(body) not in (1 + NONCE_BYTES, 2 + NONCE_BYTES):
            return control.BAD_LENGTH, b""
        if body[0] != PROTOCOL_VERSION:
            return control.VERSION_MISMATCH, bytes([PROTOCOL_VERSION])
        if link.session.is_backing_off(self._board.ticks_ms()):
            return control.BACK_OFF, b""
        role = body[1 + NONCE_BYTES] if len(body) > 1 + NONCE_BYTES else ROLE_OWNER
        reply = link.session.hello(body[1 : 1 + NONCE_BYTES], role)
        return (control.BAD_PROOF, b"") if reply is None else (control.OK, reply)

    def _prove(self, body, link):
        return link.session.prove(body), b""

    def _stop(self, body, link):
        stream = self._board.stream
        stream.stop()
        self._board.vibrate(0, 0)
        if self._board.heat is not None:
            self._board.heat.stop()
        return control.OK, struct.pack(
            control.END_FORMAT,
            stream.stream_id,
            stream.ring.head & 0xFFFF,
            stream.frames.frame & 0xFFFFFFFF,
        )

    def _describe(self, body, link):
        return control.OK, pack_info(self._board.info())

    def _start(self, body, link):
        if len(body) != struct.calcsize(control.START_FORMAT):
            return control.BAD_LENGTH, b""
        mode, shift, _host_time_ms = struct.unpack(control.START_FORMAT, body)
        if mode > control.MODE_RECORDING or shift > 7:
            return control.OUT_OF_RANGE, b""
        status = self._board.may_start()
        if status != control.OK:
            return status, b""
        stream = self._board.stream
        if self._is_anothers(link) or self._board.is_testing():
            return control.BUSY, b""
        try:
            self._board.before_start(link)
            stream.set_mode(mode)
            stream.cipher = StreamCipher(link.session.stream_key)
            stream_id = stream.start(shift)
        except OSError:
            stream.close()
            return control.CONVERTER_FAULT, b""
        self._board.on_started(link)
        return control.OK, struct.pack("<I", stream_id)

    def _resume(self, body, link):
        if len(body) != struct.calcsize(control.RESUME_FORMAT):
            return control.BAD_LENGTH, b""
        stream_id, next_seq = struct.unpack(control.RESUME_FORMAT, body)
        stream = self._board.stream
        if not stream_id or stream_id != stream.stream_id:
            return control.GONE, b""
        if self._is_anothers(link):
            return control.BUSY, b""
        stream.cipher = StreamCipher(link.session.stream_key)
        stream.flow.new_link()
        stream.flow.resume(stream.number_of(next_seq))
        self._board.on_started(link)
        return control.OK, self._extent()

    def _resend(self, body, link):
        if len(body) != struct.calcsize(control.RESEND_FORMAT):
            return control.BAD_LENGTH, b""
        stream = self._board.stream
        if not owns_stream(self._board, link):
            return control.NO_STREAM, b""
        seq, count = struct.unpack(control.RESEND_FORMAT, body)
        first = stream.number_of(seq)
        stream.flow.send_again(first, first + count)
        return control.OK, self._extent()

    def _acknowledge(self, message, link):
        if len(message) != control.ACK_BYTES:
            return
        received = control.u16_at(message, control.BODY_AT)
        stored = control.u16_at(message, control.BODY_AT + 2)
        stream = self._board.stream
        if owns_stream(self._board, link):
            stream.flow.acknowledge(received, self._board.ticks_ms())
            number = stream.number_of(stored)
            if number <= stream.ring.head:  # beyond it: a host that has nothing of this stream yet
                stream.ring.free_before(number)

    def _set_mode(self, body, link):
        if len(body) != 1:
            return control.BAD_LENGTH, b""
        if body[0] > control.MODE_RECORDING:
            return control.OUT_OF_RANGE, b""
        if not owns_stream(self._board, link):
            return control.NO_STREAM, b""
        self._board.stream.set_mode(body[0])
        return control.OK, b""

    def _close(self, body, link):
        if not owns_stream(self._board, link):
            return control.NO_STREAM, b""
        self._board.stream.close()
        return control.OK, b""

    def _vibrate(self, body, link):
        if len(body) != struct.calcsize(control.VIBRATE_FORMAT):
            return control.BAD_LENGTH, b""
        strength_pct, length_ms = struct.unpack(control.VIBRATE_FORMAT, body)
        if strength_pct > 100 or length_ms > control.MAX_VIBRATION_MS:
            return control.OUT_OF_RANGE, b""
        return self._board.vibrate(strength_pct, length_ms), b""

    def _self_test(self, body, link):
        if self._board.stream.stream_id or self._board.is_testing():
            return control.BUSY, b""
        status = self._board.may_start()
        if status == control.OK:
            self._board.start_self_test()
        return status, b""

    def _self_report(self, body, link):
        if self._board.is_testing():
            return control.BUSY, b""
        report = self._board.self_report()
        if report is None:
            return control.GONE, b""
        return control.OK, pack_report(report)

    def _is_anothers(self, link):
        # A host still has, or fetches, the stream by its own link.
        owner = self._board.stream_link
        return (
            self._board.stream.stream_id != 0
            and owner is not link
            and owner.is_up
            and owns_stream(self._board, owner)
        )

    def _extent(self):
        return struct.pack(control.EXTENT_FORMAT, *self._board.stream.extent())


def _refuse(op, message):
    counter = 0
    if op >= control.FIRST_TAGGED and len(message) >= control.BODY_AT + TAG_BYTES:
        counter = control.counter_of(message)
    return control.pack_reply(op, counter, control.RATE_LIMITED)
