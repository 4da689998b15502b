"""Connection of the virtual board's hardware modules to the simulated hardware (chip.sock).

Requests and answers are described in faceloop/twin/chip_server.py. Nothing here allocates after
the first use, so that the firmware's allocation tests measure the firmware.
"""

import os
import socket
import struct
import time

import micropython

_PATH = os.getenv("FACELOOP_CHIP_SOCKET")


class _Connection:
    def __init__(self):
        if not _PATH:
            raise OSError("the virtual board has no hardware: FACELOOP_CHIP_SOCKET is not set")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The unix port takes a raw sockaddr_un for this family.
        self.socket.connect(struct.pack("H", socket.AF_UNIX) + _PATH.encode() + b"\0")
        self.header = bytearray(2)


# One connection per nesting level: a scheduled callback (a soft interrupt) may ask while the main
# program waits for its own answer.
_connections = []
_depth = 0
changes = 0  # of pins that this board drives: what its converter measured before is old


def request(op, fmt="", *values):
    """Return a request as bytes; build it once where nothing may be allocated later."""
    payload = struct.pack("<" + fmt, *values)
    return struct.pack("<BH", ord(op), len(payload)) + payload


def _at(depth):
    while len(_connections) <= depth:
        _connections.append(None)
    connection = _connections[depth]
    if connection is None:
        connection = _connections[depth] = _Connection()
    return connection


def post(packet):
    """Send a request that has no answer."""
    _at(0).socket.write(packet)


def ask(packet, answer):
    """Send a request and read its answer into ``answer``; return the number of bytes."""
    global _depth
    depth = _depth
    connection = _at(depth)
    _depth = depth + 1
    try:
        connection.socket.write(packet)
        header = connection.header
        connection.socket.readinto(header)
        size = header[0] | header[1] << 8
        if size:
            connection.socket.readinto(answer, size)
        return size
    except BaseException:
        # A Ctrl-C between question and answer would leave the answer for the next question.
        connection.socket.close()
        _connections[depth] = None
        raise
    finally:
        _depth = depth


class Events:
    """Edges of input pins, delivered to a handler as soft interrupts."""

    def __init__(self, handler):
        import _thread
        import select

        import _wakeup

        _wakeup.install()
        self._connection = _Connection()
        self._handler = handler
        self._event = bytearray(3)
        self._poller = select.poll()
        self._poller.register(self._connection.socket, select.POLLIN)
        _wakeup.wake_on(self._connection.socket)
        self._deliver = self._take
        self._taken = _thread.allocate_lock()
        self._taken.acquire()
        _thread.start_new_thread(self._watch, ())

    def subscribe(self, pin, edges):
        """Ask for the edges of a pin, 0 for none; return when they will come."""
        self._connection.socket.write(request("I", "BB", pin, edges))
        # What is asked over another connection may be answered sooner.
        known = request("e", "B", pin)
        answer = bytearray(b"\xff")
        while answer[0] != edges:
            ask(known, answer)

    def _watch(self):
        # Runs beside the main program without a lock: it only looks and schedules. The main
        # program reads, so that its own wait ends as well.
        while True:
            for _ in self._poller.ipoll():
                pass  # allocates nothing
            while True:
                try:
                    micropython.schedule(self._deliver, None)
                    break
                except RuntimeError:  # eight callbacks are waiting already
                    time.sleep_us(200)
            self._taken.acquire()

    def _take(self, _):
        event = self._event
        if self._connection.socket.readinto(event) == 3:
            self._taken.release()
            self._handler(event[0] << 8 | event[1])
