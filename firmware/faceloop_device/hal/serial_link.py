"""The USB side: the same messages as lines of text, or as binary blocks while a stream runs."""

import select
import struct
import sys
import time
from binascii import crc32

import micropython
from micropython import const

from faceloop_device.core.inbox import Inbox
from faceloop_protocol import serial_frame
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.limits import MAX_PACKET_BYTES, SERIAL_SILENCE_MS

_LINE_BYTES = const(520)
# Read at most this much per poll: one poll must not hold up the capture.
_BYTES_PER_POLL = const(96)
_CTRL_C = const(3)


class SerialLink:
    """The cable. Ctrl-C stops the program whenever no binary stream runs.

    Parameters
    ----------
    session : LinkSession
    """

    mtu = MAX_PACKET_BYTES + 3  # a cable takes whole packets

    def __init__(self, session):
        self.session = session
        self.inbox = Inbox()
        self.is_up = False
        self.connected_ms = 0
        self._stdin = sys.stdin.buffer
        self._stdout = sys.stdout.buffer
        self._poller = select.poll()
        self._poller.register(sys.stdin, select.POLLIN)
        self._line = bytearray()
        self._is_binary = False
        self._go_binary = False
        self._go_text = False
        self._last_ms = 0
        self._frame = bytearray(MAX_PACKET_BYTES + 5)
        self._frame_view = memoryview(self._frame)
        self._block = bytearray(MAX_PACKET_BYTES + 8)
        self._block_view = memoryview(self._block)

    def poll(self, now_ms):
        """Read what has come; put whole messages into the inbox."""
        for _ in range(_BYTES_PER_POLL):
            if not self._has_input():
                break
            byte = self._stdin.read(1)
            if not byte:
                break
            self._take(byte[0], now_ms)
        if self.is_up and time.ticks_diff(now_ms, self._last_ms) > SERIAL_SILENCE_MS:
            self.disconnect()

    def start_binary(self):
        """Switch to binary blocks once the next reply is out."""
        self._go_binary = True

    def start_text(self):
        """Switch back to lines once the next reply is out."""
        self._go_text = True

    def send_stream(self, packet):
        """Write a stream packet; always taken."""
        self._write(serial_frame.CHANNEL_STREAM, packet)
        return True

    def reply(self, message):
        """Write a reply, then change the encoding if that was asked for."""
        self._write(serial_frame.CHANNEL_CONTROL, message)
        if self._go_binary:
            self._go_binary = False
            self._is_binary = True
            micropython.kbd_intr(-1)
        elif self._go_text:
            self._go_text = False
            self._leave_binary()

    def send_key(self, body):
        """Answer a request for a key; ``body`` has none where it may not be given."""
        self._write(serial_frame.CHANNEL_KEY, body)

    def send_state(self, body, battery_pct):
        """Write the state while a host listens."""
        if self.is_up:
            self._write(serial_frame.CHANNEL_STATE, body)

    def disconnect(self):
        """Forget the host on the other side."""
        self.is_up = False
        self.session.new_link()
        self.inbox.clear()
        self._leave_binary()

    def _has_input(self):
        for _ in self._poller.ipoll(0):
            return True
        return False

    def _leave_binary(self):
        if self._is_binary:
            self._is_binary = False
            self._line = bytearray()  # half a block is no beginning of a line
            micropython.kbd_intr(_CTRL_C)

    def _take(self, byte, now_ms):
        if byte != (0 if self._is_binary else 10):
            if len(self._line) < _LINE_BYTES:
                self._line.append(byte)
            return
        line = bytes(self._line)
        self._line = bytearray()
        try:
            if self._is_binary:
                got = serial_frame.unframe(serial_frame.cobs_decode(line))
            else:
                got = serial_frame.decode_line(line)
        except ProtocolError:
            return  # the host repeats what is not answered
        if got is None:
            return
        if not self.is_up:
            self.is_up = True
            self.connected_ms = now_ms
        self._last_ms = now_ms
        self.inbox.put(got)

    def _write(self, channel, message):
        if not self._is_binary:
            self._stdout.write(serial_frame.encode_line(channel, message))
            return
        n = len(message)
        frame = self._frame
        frame[0] = channel
        frame[1 : 1 + n] = message
        # Cutting the view allocates a few bytes, as the checksum does; views of every length that
        # are kept would take 5 kB for ever.
        checksum = crc32(self._frame_view[: 1 + n]) & 0xFFFFFFFF
        struct.pack_into("<I", frame, 1 + n, checksum)
        length = serial_frame.cobs_encode_into(self._block, self._frame_view[: n + 5])
        self._stdout.write(self._block_view[:length])
