"""The virtual board's front end by itself, set up as the firmware does it."""

from __future__ import annotations

import struct

import numpy as np

from faceloop.twin.ads1298_registers import Opcode
from faceloop.twin.dma_window import CAPACITY_FRAMES, DmaWindow
from faceloop.twin.frontend import Frontend
from faceloop.twin.world import World


class Rig:
    """A front end set up as the firmware does it: 2 kSPS, gain 12, all electrodes."""

    RING_BYTES = 16384
    RING_FRAMES = RING_BYTES // 36

    def __init__(self, path, clock, source, **options):
        self.clock = clock
        self.world = World()
        self.window = DmaWindow(path / "dma")
        self.path = path / "dma"
        options.setdefault("clock_ppm", 0.0)
        self.frontend = Frontend(source, self.window, clock=clock, world=self.world, **options)
        clock.advance(0.2)
        self.set_up(0x84, 0x60)

    def spi(self, *data):
        chip = self.frontend.chip
        self.frontend.drive(chip.select, 0)
        received = self.frontend.spi(bytes(data), 2_000_000)
        self.frontend.drive(chip.select, 1)
        return received

    def set_up(self, config1, channels):
        self.spi(Opcode.SDATAC)
        self.spi(0x43, 0, 0xC0)
        self.clock.advance(0.2)
        self.spi(0x41, 0, config1)
        self.spi(0x45, 7, *[channels] * 8)
        self.spi(Opcode.RDATAC)

    def start(self, level=1):
        self.frontend.drive(self.frontend.chip.set_start, level)

    def capture(self):
        self.frontend.start_capture()
        self.frontend.set_ring(self.RING_BYTES)

    def frames(self):
        """Return (frames written, content of the window)."""
        data = self.path.read_bytes()
        (written,) = struct.unpack_from("<Q", data)
        words = np.frombuffer(data, dtype="<u4", offset=16).reshape(CAPACITY_FRAMES, 9)
        return written, words

    def take(self, count):
        """Pretend that the board has copied this many frames."""
        with self.path.open("r+b") as file:
            file.seek(8)
            file.write(struct.pack("<Q", count))
