"""`esp32` of the virtual board: the pulse counter, with the interface of MicroPython 1.29.

Ref: docs.micropython.org/en/v1.29.0/library/esp32.html, "PCNT". One pin is wired to a counter: the
front end's data-ready (faceloop/twin/pulse_count.py).
"""

import os

import vfs
from _words import low_and_high

_DEFAULT_MAX = 32767


class PCNT:
    """Counts falling edges; goes back to zero at ``max``."""

    IGNORE = 0
    INCREMENT = 1

    def __init__(self, id, **options):
        if not 0 <= id < 4:
            raise ValueError("invalid id")
        path = os.getenv("FACELOOP_PULSE_COUNT")
        if not path:
            raise OSError("the virtual board has no hardware: FACELOOP_PULSE_COUNT is not set")
        folder, _, name = path.rpartition("/")
        # Not mounted: the file is none of the board's business.
        self._file = vfs.VfsPosix(folder).open("/" + name, "rb")
        self._count = bytearray(8)
        self._max = _DEFAULT_MAX
        self._zero = 0
        self._held = 0  # what it shows while it does not count
        self._is_counting = False
        self.init(**options)

    def init(self, pin=None, rising=IGNORE, falling=None, max=None, value=None):
        if rising != PCNT.IGNORE or falling not in (None, PCNT.INCREMENT):
            raise NotImplementedError("only falling edges, upwards")
        if max is not None:
            self._max = max
        if max is not None or value is not None:
            self._held = 0
            self._zero = self._pulses()

    def start(self):
        self._zero = self._pulses() - self._held
        self._is_counting = True

    def stop(self):
        self._held = self.value()
        self._is_counting = False

    def value(self):
        if not self._is_counting:
            return self._held
        return (self._pulses() - self._zero) % self._max

    def _pulses(self):
        self._file.seek(0)
        self._file.readinto(self._count)
        return low_and_high(self._count)
