"""Time that encoding takes, beside a plain copy loop by the same emitter in the same run."""

import gc
import random
import time
from array import array

from faceloop_device.core import kernels
from faceloop_device.core.encoder import Encoder

N_WORDS = 4096
RUNS = 60
BEST_OF = 800  # of 150 the ratios of a busy computer were a fifth apart


def noise(scale):
    """Return a ring of frames of noise; ``scale`` is its deviation after the shift."""
    words = array("I", [0xC00000] * N_WORDS)
    for frame in range(N_WORDS // 9):
        for channel in range(8):
            spread = sum(random.random() - 0.5 for _ in range(12))
            words[9 * frame + 1 + channel] = (int(spread * scale) << 4) & 0xFFFFFF
    return words


def batch_ns(action):
    """Return the time of one call in nanoseconds."""
    began = time.ticks_us()
    for _ in range(RUNS):
        action()
    return 1000 * time.ticks_diff(time.ticks_us(), began) / RUNS


def encoding(scale, asked):
    """Return how many of the frames asked for a packet took, and what encodes them."""
    encoder = Encoder(noise(scale), N_WORDS - 1, 4)
    n = encoder.encode(0, asked, 0, 0, 0, 0)
    return n, lambda: encoder.encode(0, asked, 0, 0, 0, 0)


random.seed(1)
source = bytearray(4096)
target = bytearray(4096)
cases = [("rest", encoding(4, 20)), ("training", encoding(60, 20)), ("full", encoding(60, 40))]
copied = 1 << 60
best = [1 << 60] * len(cases)
gc.collect()
# One after the other, again and again: each then has had its quietest moment.
for _ in range(BEST_OF):
    copied = min(copied, batch_ns(lambda: kernels.copy(target, 0, source, 0, 4096)))
    for i, (_, (_, encode)) in enumerate(cases):
        best[i] = min(best[i], batch_ns(encode))
print("copy %.2f ns a byte" % (copied / 4096))
for i, (name, (n, _)) in enumerate(cases):
    print(name, n, "%.1f ns a sample" % (best[i] / (8 * n)))
