"""Time that encoding takes, beside a plain copy loop by the same emitter in the same run."""

import gc
import random
import time
from array import array

from faceloop_device.core import kernels
from faceloop_device.core.encoder import Encoder

N_WORDS = 4096
RUNS = 200
BEST_OF = 15


def noise(scale):
    """Return a ring of frames of noise; ``scale`` is its deviation after the shift."""
    words = array("I", [0xC00000] * N_WORDS)
    for frame in range(N_WORDS // 9):
        for channel in range(8):
            spread = sum(random.random() - 0.5 for _ in range(12))
            words[9 * frame + 1 + channel] = (int(spread * scale) << 4) & 0xFFFFFF
    return words


def best_ns(action):
    """Return the time of one call in nanoseconds, when the least else went on."""
    best = 1 << 60
    for _ in range(BEST_OF):
        began = time.ticks_us()
        for _ in range(RUNS):
            action()
        best = min(best, time.ticks_diff(time.ticks_us(), began))
    return 1000 * best / RUNS


def encoding(scale, asked):
    """Return how many of the frames asked for a packet took, and the time a sample."""
    encoder = Encoder(noise(scale), N_WORDS - 1, 4)
    gc.collect()
    n = encoder.encode(0, asked, 0, 0, 0, 0)
    ns = best_ns(lambda: encoder.encode(0, asked, 0, 0, 0, 0))
    return n, "%.1f" % (ns / (8 * n))


random.seed(1)
source = bytearray(4096)
target = bytearray(4096)
copied = best_ns(lambda: kernels.copy(target, 0, source, 0, 4096)) / 4096
print("copy %.2f ns a byte" % copied)
for name, scale, asked in (("rest", 4, 20), ("training", 60, 20), ("recording", 60, 40)):
    print(name, *encoding(scale, asked), "ns a sample")
