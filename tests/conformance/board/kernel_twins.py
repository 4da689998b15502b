"""Every viper kernel beside a plain twin, on random rings and buffers.

The payload that ``fold``, ``fit`` and ``emit`` make has its twin in the protocol: ``encoder.py``,
``rice_vectors.py``.
"""

import array
import random

from faceloop_device.core import kernels
from faceloop_protocol import stream
from faceloop_protocol.rice import encode
from faceloop_protocol.stream import counter_block

random.seed(4)
N_WORDS = 512
MASK = N_WORDS - 1


def ring():
    words = array.array("I", [random.getrandbits(24) for _ in range(N_WORDS)])
    for at in range(N_WORDS):
        if random.getrandbits(3):
            words[at] = words[at] & 0x0FFFFF | 0xC00000  # mostly headers
    return words


def count_good(words, word, n_frames):
    for n in range(n_frames):
        if words[(word + 9 * n) & MASK] >> 20 != 0xC:
            return n
    return n_frames


def lead_off(words, word, n_frames):
    bits = 0
    for n in range(n_frames):
        bits |= words[(word + 9 * n) & MASK] >> 4
    return bits & 0xFFFF


def signed(value):
    return (value ^ 0x800000) - 0x800000


def halve(words, word, n_pairs):
    out = []
    for n in range(n_pairs):
        one = [words[(word + 18 * n + i) & MASK] for i in range(9)]
        two = [words[(word + 18 * n + 9 + i) & MASK] for i in range(9)]
        out.append(one[0] | two[0])
        out.extend([(signed(one[i]) + signed(two[i])) // 2 & 0xFFFFFF for i in range(1, 9)])
    return out


for _ in range(300):
    words = ring()
    word, n = random.getrandbits(9), random.getrandbits(5)
    assert kernels.count_good(words, MASK, word, n) == count_good(words, word, n)
    piece = array.array("I", [0] * 9 * n)
    kernels.straighten(words, MASK, word, 9 * n, piece)
    assert list(piece) == [words[(word + i) & MASK] for i in range(9 * n)]
    n %= 21
    out = array.array("I", [0] * 9 * 21)
    kernels.halve(words, MASK, word, n, out)
    assert list(out[: 9 * n]) == halve(words, word, n) and not any(out[9 * n :])
print("ok count_good straighten halve")

for _ in range(300):
    words = ring()
    n = 1 + random.getrandbits(3)
    at = random.getrandbits(6)
    bits = lead_off(words, at, n)
    flags, seq, dropped = [random.getrandbits(16) for _ in range(3)]
    first = random.getrandbits(30)
    rows = [[signed(words[at + 9 * i + c]) >> 4 for c in range(1, 9)] for i in range(n)]
    twin = bytearray(13)
    stream.pack_header_into(twin, flags & 0xFF, seq, first, dropped, bits >> 8, bits & 0xFF, n)
    packet = bytearray(236)
    packet[0] = stream.KIND
    scratch = array.array("i", [0] * 8 * kernels.ROW)
    kernels.fold(0, 0, 0, words, at, n, 4, scratch)
    assert kernels.fit(0, 0, 0, scratch, n, 20, 8 * 223) == n
    length = kernels.emit(
        0, 0, 0, scratch, n, 20, packet, words, at, flags & 0xFF, seq, first, dropped
    )
    assert packet[:length] == twin + encode(rows, 4)
print("ok fold fit emit")

for _ in range(300):
    words = ring()
    word, lost = random.getrandbits(9), random.getrandbits(8)
    frame = bytes([random.getrandbits(8) for _ in range(27)])
    twin = array.array("I", words)
    for i in range(9):
        top = lost if i == 0 else 0
        value = top << 24 | frame[3 * i] << 16 | frame[3 * i + 1] << 8 | frame[3 * i + 2]
        twin[(word + i) & MASK] = value
    kernels.store_frame(words, MASK, word, frame, lost)
    assert words == twin
    assert kernels.take_mark(words, MASK, word) == lost
    twin[word] &= 0xFFFFFF
    assert words == twin and kernels.take_mark(words, MASK, word) == 0
print("ok store_frame take_mark")

for _ in range(100):
    words = ring()
    word, n = random.getrandbits(9), random.getrandbits(6) % 57
    if random.getrandbits(1):  # rails and floating inputs
        for at in range(N_WORDS):
            words[at] = random.choice((0, 0x7FFFFF, 0x800000, 0xFFFFFF, words[at]))
    sums = array.array("i", [0] * 40)
    lost = 0
    for times in range(1 + random.getrandbits(5)):
        words[word & MASK] = words[word & MASK] & 0xFFFFFF | times << 24
        lost += kernels.add_squares(words, MASK, word, n, sums)
    wrong = 0
    codes = [[] for _ in range(8)]
    for i in range(n):
        wrong += words[(word + 9 * i) & MASK] >> 20 & 0xF != 0xC
        for channel in range(8):
            codes[channel].append(signed(words[(word + 9 * i + 1 + channel) & MASK]))
    assert n == 0 or lost == (times + 1) * wrong + times * (times + 1) // 2
    for channel in range(8):
        parts = sums[5 * channel : 5 * channel + 5]
        assert all(0 <= part < 1 << 24 for part in parts)
        total = (parts[1] << 24) + parts[0] - (0x800000 * n) * (times + 1)
        assert total == (times + 1) * sum(codes[channel])
        squares = (parts[4] << 48) + (parts[3] << 24) + parts[2]
        assert squares == (times + 1) * sum([code * code for code in codes[channel]])
print("ok add_squares")

for _ in range(300):
    target = bytearray([random.getrandbits(8) for _ in range(64)])
    source = bytes([random.getrandbits(8) for _ in range(64)])
    to, start, n = random.getrandbits(5), random.getrandbits(5), random.getrandbits(5)
    twin = bytearray(target)
    twin[to : to + n] = source[start : start + n]
    kernels.copy(target, to, source, start, n)
    assert target == twin
    for i in range(n):
        twin[to + i] ^= source[i]
    kernels.xor(target, to, source, n)
    assert target == twin
print("ok copy xor")

for _ in range(300):
    stream_id, first = random.getrandbits(30), random.getrandbits(30)
    n = random.getrandbits(4) % 15
    blocks = bytearray(16 * 15)
    kernels.number_blocks(blocks, stream_id, first, n)
    for i in range(15):
        wanted = counter_block(stream_id, first)[:8] if i < n else bytes(8)
        assert blocks[16 * i : 16 * i + 16] == wanted + bytes(8)
print("ok number_blocks")
