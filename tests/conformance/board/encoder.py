"""The viper encoder against the reference codec, on random and adversarial blocks."""

import random
import sys
from array import array

from faceloop_device.core.encoder import Encoder
from faceloop_protocol import rice, stream

random.seed(3)
N_WORDS = 4096
words = array("I", [0] * N_WORDS)


LEAST, MOST = -(1 << 23), (1 << 23) - 1
N_POOL = 1 << 11


def spread(scale):
    return int(sum(random.random() - 0.5 for _ in range(12)) * scale)


# To draw every count anew would take longer than to compare all that is made of them.
SCALES = (0, 1, 10, 100, 2000, 30000, 4000000, 1 << 23)
BELL = [spread(1 << 24) for _ in range(N_POOL)]
NOISE = [[max(LEAST, min(MOST, bell * scale >> 24)) for bell in BELL] for scale in SCALES]
RAILS = [random.choice((LEAST, MOST)) for _ in range(N_POOL)]
STILL = [-1234567] * N_POOL

n_blocks = int(sys.argv[1])
for trial in range(n_blocks):
    shift = random.choice((0, 0, 4, 4, 4, 5, 6, 7))
    kind = random.choice(("noise", "noise", "noise", "jump", "rail", "still"))
    pool = RAILS if kind == "rail" else STILL if kind == "still" else random.choice(NOISE)
    n = random.randint(1, random.choice((10, 20, 40)))
    at = random.randrange(N_POOL - 8 * n)
    word = random.randrange(0, 1 << 20)
    rows = []
    full = []
    for i in range(n):
        counts = pool[at : at + 8]
        at += 8
        if kind == "jump" and not random.getrandbits(3):
            counts[random.getrandbits(3)] = random.choice((LEAST, MOST))
        rows.append([count >> shift for count in counts])
        full.append(counts)
        words[(word + 9 * i) & (N_WORDS - 1)] = 0xC00000 | (0x5A << 12) | (0x3C << 4)
        to = word + 9 * i
        for count in counts:
            to += 1
            words[to & (N_WORDS - 1)] = count & 0xFFFFFF
    encoder = Encoder(words, N_WORDS - 1, shift)
    got = encoder.encode(word, n, 0, trial, 1000, 0)
    expected = rice.frames_that_fit(rows, shift)
    payload = rice.encode(rows[:expected], shift)
    packet = bytes(encoder.packet[: encoder.length])
    header = stream.decode_header(packet)
    assert got == expected == header.n_frames, (trial, got, expected)
    assert packet[13:] == payload, trial
    assert rice.decode(payload, expected, shift) == rows[:expected], trial
    assert (header.lead_off_p, header.lead_off_n) == (0x5A, 0x3C)
    assert len(packet) <= 236
    raw_bits = 8 * (4 + (24 - shift) * expected)
    assert len(payload) <= (raw_bits + 7) // 8, "dearer than raw"
    # the means of pairs, counts far apart and at the rails included
    if n > 1:
        encoder = Encoder(words, N_WORDS - 1, shift)
        got = encoder.encode_pairs(word, n // 2, 0, trial, 1000, 0)
        means = [[count >> shift for count in row] for row in rice.half_rate(full)]
        packet = bytes(encoder.packet[: encoder.length])
        header = stream.decode_header(packet)
        assert header.flags == stream.FLAG_HALF_RATE | shift
        assert got == header.n_frames == rice.frames_that_fit(means, shift)
        assert rice.decode(packet[13:], got, shift) == means[:got], trial
        assert (header.lead_off_p, header.lead_off_n) == (0x5A, 0x3C)

# As in a stream: what follows a full packet is tried with a few frames more than that one held.
N_FRAMES = 900
MASK = (1 << 13) - 1
words = array("I", [0xC00000] * (MASK + 1))
quiet_from = 100
rows = [[spread(30000 if i < quiet_from else 30) >> 4 for _ in range(8)] for i in range(N_FRAMES)]
for i, row in enumerate(rows):
    for c in range(8):
        words[9 * i + 1 + c] = (row[c] << 4) & 0xFFFFFF
encoder = Encoder(words, MASK, 4)
at, held = 0, []
while at + 40 <= N_FRAMES:
    got = encoder.encode(9 * at, 40, 0, 0, at, 0)
    assert encoder.packet[13 : encoder.length] == rice.encode(rows[at : at + got], 4)
    held.append((got, rice.frames_that_fit(rows[at : at + 40], 4)))
    # a short piece, as before a bad frame, does not count
    assert encoder.encode(9 * at, 1, 0, 0, at, 0) == 1
    at += got
assert all(0 < got <= fits for got, fits in held), held
assert held[0][0] == held[0][1] < 30, held
assert held[-1] == (40, 40), held
print("ok", n_blocks)
