"""How many bytes a second go over the air for given counts.

    link_bytes.py FILE FRAMES_ASKED...

FILE holds int32 counts, eight channels a frame. Prints, for each number of frames asked of a
packet, bytes a second of notifications, headers included.
"""

import sys
from array import array

from faceloop_device.core.encoder import Encoder
from faceloop_protocol.limits import FS_HZ, MAX_FRAMES, SHIFT

N_WORDS = 1024
values = array("i")
with open(sys.argv[1], "rb") as file:
    while True:
        block = file.read(4096)
        if not block:
            break
        values.extend(array("i", block))
n_frames = len(values) // 8
words = array("I", [0] * N_WORDS)
for asked in map(int, sys.argv[2:]):
    encoder = Encoder(words, N_WORDS - 1, SHIFT)
    n_bytes = seq = at = filled = 0
    while at + asked <= n_frames:
        while filled < at + MAX_FRAMES and filled < n_frames:
            word = 9 * filled
            words[word & (N_WORDS - 1)] = 0xC00000
            for channel in range(8):
                count = values[8 * filled + channel] & 0xFFFFFF
                words[(word + 1 + channel) & (N_WORDS - 1)] = count
            filled += 1
        at += encoder.encode(9 * at, asked, 0, seq, at, 0)
        n_bytes += encoder.length
        seq += 1
    print(asked, n_bytes * FS_HZ // at)
