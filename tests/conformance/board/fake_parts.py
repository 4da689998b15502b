"""A capture and a link for running the stream without a chip and without a radio."""

import gc
from array import array

import micropython

N_WORDS = 4096
PERIOD = 97  # frames after which the samples are the same again
FRAME_WORDS = 9


def sample(n, c):
    """Return the sample of a channel in a frame."""
    return ((n * 7 * (c + 1)) % PERIOD - 48) << 4


FRAMES = array("I")
for n in range(PERIOD):
    FRAMES.append(0xC00000)
    for c in range(FRAME_WORDS - 1):
        FRAMES.append(sample(n, c) & 0xFFFFFF)


@micropython.viper
def copy_frames(words: ptr32, word: int, first: int, n: int):  # noqa: F821
    """Write frames from number ``first`` on into the ring, as quickly as a DMA."""
    frames = ptr32(FRAMES)  # noqa: F821
    at = (first % int(PERIOD)) * int(FRAME_WORDS)
    end = int(PERIOD) * int(FRAME_WORDS)
    mask = int(N_WORDS) - 1
    for i in range(n * int(FRAME_WORDS)):
        words[(word + i) & mask] = frames[at]
        at += 1
        if at == end:
            at = 0


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
        return sample(n, c)

    def feed(self, n):
        copy_frames(self.words, self.word, self.n_frames, n)
        for broken in self.broken:
            if self.n_frames <= broken < self.n_frames + n:
                at = self.word + FRAME_WORDS * (broken - self.n_frames)
                self.words[at & (N_WORDS - 1)] = 0x300000
        self.word += FRAME_WORDS * n
        self.n_frames += n

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
