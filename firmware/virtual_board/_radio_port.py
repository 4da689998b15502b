"""The virtual board's line to the virtual radio, used by `bluetooth`.

Frames go through a unix socket (format: `faceloop/twin/radio/wire.py`; a test compares the kinds).
A thread reads what comes back into preallocated slots and schedules the IRQ handler, which then
runs between two bytecodes of the main thread, as a soft IRQ does on a board.
"""

import _thread
import errno
import json
import socket
import struct
import sys
import time

import micropython
from micropython import const

KIND_CALL = const(1)
KIND_NOTIFY = const(2)
KIND_INDICATE = const(3)
KIND_WRITE = const(4)
KIND_CLEAR = const(5)
_KIND_DONE = const(6)
_KIND_ANSWER = const(7)
_KIND_REPLY = const(16)
_KIND_EVENT = const(17)
_KIND_ASK = const(18)
_KIND_GRANT = const(19)

_IRQ_CENTRAL_CONNECT = const(1)
_IRQ_CENTRAL_DISCONNECT = const(2)
_IRQ_GATTS_WRITE = const(3)
_IRQ_GATTS_INDICATE_DONE = const(20)
_IRQ_MTU_EXCHANGED = const(21)
_IRQ_CONNECTION_UPDATE = const(27)
_IRQ_ENCRYPTION_UPDATE = const(28)
_IRQ_GET_SECRET = const(29)
_IRQ_SET_SECRET = const(30)
_IRQ_PASSKEY_ACTION = const(31)

_EVENT_WINDOW = const(8)  # the radio never has more events under way
_SLOT_OCTETS = const(64)  # a slot grows when an event needs more
_MAX_VALUE_OCTETS = const(1024)
_HEADER_OCTETS = const(3)
_VALUE_AT = const(7)
_AF_UNIX = const(1)


class RadioPort:
    """The socket to the radio, and what both threads know about it.

    The reader thread alone writes `granted`, `reply`, `written` and the slots beyond `done`; the
    main thread alone writes the rest. This VM has no GIL, so nothing is written by both.
    """

    def __init__(self, path):
        self.handler = None
        self.connections = {}
        self.indicating = {}
        self.values = {}
        self.appending = {}
        self.mac = None
        self.is_btstack = True
        self.is_alive = True
        self.granted = 0  # notifications allowed since the start, as the radio counts
        self.spent = 0
        self._reply = None
        self._written = 0
        self._done = 0
        self._depth = 0
        self._is_deferred = False
        self._is_scheduled = False
        self._lock = _thread.allocate_lock()
        self._out = bytearray(_VALUE_AT + _MAX_VALUE_OCTETS)
        self._in = bytearray(4)
        self._slots = [bytearray(_SLOT_OCTETS) for _ in range(_EVENT_WINDOW)]
        self._kinds = bytearray(_EVENT_WINDOW)
        self._lengths = [0] * _EVENT_WINDOW
        self._done_frame = bytes((_KIND_DONE, 0, 0))
        # A bound method is a new object each time it is named.
        self._drain_once = self._drain
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # This port's sockets take the raw socket address.
        self._socket.connect(struct.pack("H", _AF_UNIX) + path.encode() + b"\0")
        _thread.start_new_thread(self._read_forever, ())

    def close(self):
        """Hang up; the reader thread ends with the socket."""
        self.is_alive = False
        self._socket.close()

    # Reader thread

    def _read_forever(self):
        try:
            while True:
                self._read_frame()
        except OSError:
            self.is_alive = False

    def _fill(self, buffer, length):
        if length and self._socket.readinto(buffer, length) != length:
            raise OSError(errno.ECONNRESET)

    def _read_frame(self):
        head = self._in
        self._fill(head, _HEADER_OCTETS)
        kind = head[0]
        length = head[1] | head[2] << 8
        if kind == _KIND_GRANT:
            self._fill(head, 4)
            self.granted = head[0] | head[1] << 8 | head[2] << 16 | head[3] << 24
        elif kind == _KIND_REPLY:
            reply = bytearray(length)
            self._fill(reply, length)
            self._reply = reply
        else:
            index = self._written % _EVENT_WINDOW
            if length > len(self._slots[index]):
                self._slots[index] = bytearray(length)
            self._fill(self._slots[index], length)
            self._kinds[index] = kind
            self._lengths[index] = length
            self._lock.acquire()
            self._written += 1
            is_new = not self._is_scheduled
            self._is_scheduled = True
            self._lock.release()
            if is_new:
                self._schedule()

    def _schedule(self):
        while True:
            try:
                micropython.schedule(self._drain_once, None)
                return
            except RuntimeError:  # the scheduler's queue is full
                time.sleep_us(100)

    # Main thread: sending

    def hold(self):
        """Keep the handler away: what follows must not be interrupted by another frame."""
        if not self.is_alive:
            raise OSError(errno.ENODEV)
        self._depth += 1

    def release(self):
        """Let the handler run again, and soon if an event has come meanwhile."""
        self._depth -= 1
        if self._is_deferred and not self._depth:
            self._is_deferred = False
            self._schedule()

    def send(self, kind, payload):
        """Send one frame."""
        self.hold()
        try:
            self._socket.write(struct.pack("<BH", kind, len(payload)) + payload)
        finally:
            self.release()

    def send_value(self, kind, conn_handle, value_handle, value):
        """Send a notification or indication; allocates nothing."""
        length = len(value)
        if length > _MAX_VALUE_OCTETS:  # longer than any MTU
            value = value[:_MAX_VALUE_OCTETS]
            length = _MAX_VALUE_OCTETS
        self.hold()
        try:
            out = self._out
            struct.pack_into("<BHHH", out, 0, kind, length + 4, conn_handle, value_handle)
            out[_VALUE_AT : _VALUE_AT + length] = value
            self._socket.write(out, _VALUE_AT + length)
        finally:
            self.release()

    def call(self, op, **arguments):
        """Ask the radio and wait for its answer; no handler runs meanwhile, as in a C call."""
        arguments["op"] = op
        self.hold()
        try:
            self._reply = None
            self.send(KIND_CALL, json.dumps(arguments).encode())
            while self._reply is None:
                if not self.is_alive:
                    raise OSError(errno.ENODEV)
                time.sleep_us(100)
            reply = json.loads(self._reply)
        finally:
            self.release()
        if "errno" in reply:
            raise OSError(reply["errno"])
        return reply["ret"]

    # Main thread: events

    def _drain(self, _):
        self._lock.acquire()
        self._is_scheduled = False
        self._lock.release()
        if self._depth:
            self._is_deferred = True
            return
        while self._done != self._written:
            index = self._done % _EVENT_WINDOW
            try:
                self._dispatch(self._kinds[index], self._slots[index], self._lengths[index])
            finally:
                self._done += 1
                self._socket.write(self._done_frame)

    def _dispatch(self, kind, slot, length):
        event = slot[0]
        if kind == _KIND_ASK:
            self._answer(event, slot, length)
            return
        if event == _IRQ_GATTS_WRITE:
            data = struct.unpack_from("<HH", slot, 1)
            self._store(data[1], bytes(memoryview(slot)[5:length]))
        elif event in (_IRQ_CENTRAL_CONNECT, _IRQ_CENTRAL_DISCONNECT):
            conn_handle, address_type = struct.unpack_from("<HB", slot, 1)
            # Valid only while the handler runs, as on a board.
            data = (conn_handle, address_type, memoryview(slot)[4:10])
            if event == _IRQ_CENTRAL_CONNECT:
                self.connections[conn_handle] = True
            else:
                self.connections.pop(conn_handle, None)
            self.indicating.pop(conn_handle, None)
        elif event == _IRQ_GATTS_INDICATE_DONE:
            data = struct.unpack_from("<HHB", slot, 1)
            self.indicating.pop(data[0], None)
        elif event == _IRQ_MTU_EXCHANGED:
            data = struct.unpack_from("<HH", slot, 1)
        elif event == _IRQ_CONNECTION_UPDATE:
            data = struct.unpack_from("<HHHHB", slot, 1)
        elif event == _IRQ_ENCRYPTION_UPDATE:
            conn_handle, flags, key_size = struct.unpack_from("<HBB", slot, 1)
            data = (conn_handle, bool(flags & 1), bool(flags & 2), bool(flags & 4), key_size)
        elif event == _IRQ_PASSKEY_ACTION:
            data = struct.unpack_from("<HBI", slot, 1)
        else:
            return
        self._handle(event, data)

    def _store(self, handle, written):
        if handle in self.appending:
            written = (self.values[handle] + written)[: self.appending[handle]]
        self.values[handle] = written

    def _answer(self, event, slot, length):
        body = memoryview(slot)
        if event == _IRQ_GET_SECRET:
            sec_type, index, has_key = struct.unpack_from("<BbB", slot, 2)
            key = bytes(body[5:length]) if has_key else None
            answer = self._handle(event, (sec_type, index, key))
            answer = None if answer is None else bytes(answer)
        else:
            sec_type, key_length, has_value = struct.unpack_from("<BBB", slot, 2)
            key = bytes(body[5 : 5 + key_length])
            value = bytes(body[5 + key_length : length]) if has_value else None
            answer = b"" if self._handle(event, (sec_type, key, value)) else None
        is_there = 0 if answer is None else 1
        self.send(_KIND_ANSWER, bytes((slot[1], is_there)) + (answer or b""))

    def _handle(self, event, data):
        handler = self.handler
        if handler is None:
            return None
        try:
            return handler(event, data)
        except Exception as error:
            # The real ports do the same: the handler is never called again.
            self.handler = None
            sys.stderr.write("Unhandled exception in IRQ callback handler\n")
            sys.print_exception(error, sys.stderr)
            return None
