"""Time that encrypting takes, beside a plain copy loop by the viper emitter in the same run."""

import gc
import time

from faceloop_device.core import kernels
from faceloop_device.core.cipher import StreamCipher

RUNS = 100
BEST_OF = 100
PACKETS = (("training", 20, 150), ("full", 24, 236))  # frames and bytes of a packet


def best_ns(action):
    """Return the time of one call in nanoseconds, when the least else went on."""
    best = 1 << 60
    for _ in range(BEST_OF):
        began = time.ticks_us()
        for _ in range(RUNS):
            action()
        best = min(best, time.ticks_diff(time.ticks_us(), began))
    return 1000 * best / RUNS


source = bytearray(4096)
target = bytearray(4096)
copied = best_ns(lambda: kernels.copy(target, 0, source, 0, 4096)) / 4096
print("copy %.2f ns a byte" % copied)
cipher = StreamCipher(bytes(range(16)))
packet = bytearray(236)
gc.collect()
for name, n_frames, length in PACKETS:
    ns = best_ns(lambda length=length: cipher.apply(packet, length, 12345, 678))
    print(name, length, "%.1f ns a sample, %.1f ns a byte" % (ns / (8 * n_frames), ns / length))
