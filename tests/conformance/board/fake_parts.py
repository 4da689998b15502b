"""A capture and a link for running the stream without a chip and without a radio."""

import gc
from array import array

N_WORDS = 4096


class FakeCapture:
    """Ring that the test fills; channel c of frame n is ``sample(n, c)``."""

    index_step = 1
    marks_losses = False

    def __init__(self):
        self.n_words = N_WORDS
        self.words = array("I", [0xC00000] * N_WORDS)
        self.word = 0
        self.n_frames = 0
        self.broken = ()
        self.resyncs = 0

    def sample(self, n, c):
        return ((n * 7 * (c + 1)) % 97 - 48) << 4

    def feed(self, n):
        for _ in range(n):
            header = 0x300000 if self.n_frames in self.broken else 0xC00000
            self.words[self.word & (N_WORDS - 1)] = header
            for c in range(8):
                at = (self.word + 1 + c) & (N_WORDS - 1)
                self.words[at] = self.sample(self.n_frames, c) & 0xFFFFFF
            self.word += 9
            self.n_frames += 1

    def start(self):
        self.word = self.n_frames = 0

    def position(self):
        return self.word & (N_WORDS - 1)

    def halt(self):
        return 0

    def stop(self):
        pass

    def resync(self):
        self.resyncs += 1
        self.word = 0
        return 1


class FakeLink:
    """Keeps copies of what was sent, or only counts."""

    def __init__(self, keep=True):
        self.packets = []
        self.n = 0
        self.keep = keep
        self.takes = True

    def send_stream(self, packet):
        if not self.takes:
            return False
        self.n += 1
        if self.keep:
            self.packets.append(bytes(packet))
        return True


def allocated_by(run, n_steps):
    """Return the bytes that ``run(n_steps)`` takes from the heap, once it runs evenly."""
    run(100)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    empty = gc.mem_alloc() - before  # what asking costs
    before = gc.mem_alloc()
    run(n_steps)
    return gc.mem_alloc() - before - empty
