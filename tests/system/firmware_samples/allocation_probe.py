"""Copied into the firmware by a test: counts bytes allocated in each part of a pump step.

A part in which the radio's side was busy is not counted but left out: its events and credits are
handled between any two bytecodes of the main program, and by a thread that a board does not have.
"""

import gc

import bluetooth

FIRST_PACKET = 100
STEPS = 400

PARTS = ("path", "serve", "wait")


class Probe:
    """Bytes by part: ``path`` is capture to notify, ``wait`` the scheduler's."""

    def __init__(self):
        self.bytes = [0, 0, 0]
        self.counted = [0, 0, 0]
        self.packets = 0
        self.steps = 0
        self.is_on = False
        self.has_others = False  # the part holds work that is not of the steady state
        self._before = 0
        self._events = 0
        self._done = 0
        self._granted = 0
        self._sent = 0

    def look(self, board, part):
        """End one part of the step and begin the next."""
        now = gc.mem_alloc()
        port = bluetooth._port
        if self.is_on:
            if (
                port._written == self._events
                and port._done == self._done
                and port.granted == self._granted
                and not self.has_others
            ):
                self.bytes[part] += now - self._before
                self.counted[part] += 1
                if part == 0:
                    self.packets += board.stream.flow.sent - self._sent
            if part == 1:
                self.steps += 1
                if self.steps == STEPS:
                    self.is_on = False
                    gc.enable()
        elif part == 1 and not self.steps and board.stream.ring.head >= FIRST_PACKET:
            gc.collect()
            gc.disable()
            self.is_on = True
        self.has_others = part == 0 and board.ble.inbox._read != board.ble.inbox._write
        self._events = port._written
        self._done = port._done
        self._granted = port.granted
        self._sent = board.stream.flow.sent
        self._before = gc.mem_alloc()


probe = Probe()


def report():
    """Print what was found."""
    print("steps", probe.steps, "packets", probe.packets)
    for i in range(3):
        print(PARTS[i], probe.bytes[i], "bytes in", probe.counted[i])
