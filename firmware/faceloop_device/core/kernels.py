"""The loops that must be fast, in viper. MicroPython only.

Each has a plain twin: ``fold``, ``cost`` and ``emit`` together are ``faceloop_protocol.rice``,
``halve`` is its ``half_rate``, ``head`` is ``pack_header_into`` of ``faceloop_protocol.stream``.
Tests compare those that only move bytes with plain loops.
Viper integers are 64 bit on a desktop and 32 bit on the boards, and ``ptr32`` loads are not
sign-extended on the desktop: only loads of values that cannot be negative go unmasked, and nothing
but the accumulator of ``emit`` reaches bit 31.

Viper keeps a function's first three variables in registers and the rest in memory. ``fold``,
``cost``, ``emit`` and ``head`` therefore take their busiest as parameters, for which callers give
0 (``fold``: the word to begin at); that is 10 to 20 % of their time on the unix port.

A channel's row in the scratch array: its Rice parameter, its first value and the differences to
the value before (at most 40 places, all folded as in ``rice``), their sum, and their bits OR-ed.
"""

import micropython
from micropython import const

ROW = const(43)
_ROWS_END = const(8 * 43)
_SUM = const(41)
_SEEN = const(42)


@micropython.viper
def count_good(ring: ptr32, word_mask: int, word: int, n_frames: int) -> int:
    """Return how many frames from ``word`` on carry the converter's 0b1100 header and no mark.

    What a capture marks above the header (``store_frame``) makes a frame none of these.
    """
    n = 0
    while n < n_frames:
        if int(ring[word & word_mask]) >> 20 != 0xC:
            return n
        word += 9
        n += 1
    return n


@micropython.viper
def store_frame(ring: ptr32, word_mask: int, word: int, frame: ptr8, lost: int):
    """Put the 27 bytes of a frame into the ring, nine words from ``word`` on.

    ``lost`` (0-255), the frames missed just before it, stands above the header.
    """
    top = lost << 24
    at = 0
    while at < 27:
        ring[word & word_mask] = (
            top | int(frame[at]) << 16 | int(frame[at + 1]) << 8 | int(frame[at + 2])
        )
        top = 0
        word += 1
        at += 3


@micropython.viper
def take_mark(ring: ptr32, word_mask: int, word: int) -> int:
    """Return how many frames were missed before the one at ``word``, and take the mark away."""
    status = int(ring[word & word_mask])
    lost = (status >> 24) & 0xFF
    if lost:
        ring[word & word_mask] = status & 0xFFFFFF
    return lost


@micropython.viper
def head(
    word: int,
    bits: int,
    n: int,
    ring: ptr32,
    word_mask: int,
    n_frames: int,
    out: ptr8,
    flags: int,
    seq: int,
    first_frame: int,
    dropped: int,
):
    """Write a header, all but its first byte; its lead-off bits are those of any frame."""
    while n < n_frames:
        bits |= int(ring[word & word_mask])
        word += 9
        n += 1
    out[1] = flags
    out[2] = seq
    out[3] = seq >> 8
    out[4] = first_frame
    out[5] = first_frame >> 8
    out[6] = first_frame >> 16
    out[7] = first_frame >> 24
    out[8] = dropped
    out[9] = dropped >> 8
    out[10] = bits >> 12
    out[11] = bits >> 4
    out[12] = n_frames


@micropython.viper
def halve(ring: ptr32, word_mask: int, word: int, n_pairs: int, out: ptr32):
    """Put the means of ``n_pairs`` pairs of frames from ``word`` on into ``out``, from word 0."""
    at = 0
    n = 0
    while n < n_pairs:
        # the lead-off bits of either, under one header
        out[at] = int(ring[word & word_mask]) | int(ring[(word + 9) & word_mask])
        channel = 1
        while channel < 9:
            i = word + channel
            # offset binary, so that the sum of both is a plain positive number
            u = (int(ring[i & word_mask]) & 0xFFFFFF) ^ 0x800000
            u += (int(ring[(i + 9) & word_mask]) & 0xFFFFFF) ^ 0x800000
            out[at + channel] = (u >> 1) ^ 0x800000
            channel += 1
        at += 9
        word += 18
        n += 1


@micropython.viper
def fold(
    at: int, i: int, u: int, ring: ptr32, word_mask: int, n_frames: int, shift: int, scratch: ptr32
):
    """Take the frames from word ``at`` on apart into the eight rows of ``scratch``."""
    channel = 0
    word = at
    row = 0
    while row < _ROWS_END:
        channel += 1
        at = word + channel
        i = row + 1
        end = i + n_frames
        total = 0
        seen = 0
        # offset binary: the differences are the same, and the sign costs nothing
        previous = ((int(ring[at & word_mask]) & 0xFFFFFF) ^ 0x800000) >> shift
        u = previous - (0x800000 >> shift)
        scratch[i] = (u << 1) ^ (u >> 31)
        at += 9
        i += 1
        while i < end:
            v = ((int(ring[at & word_mask]) & 0xFFFFFF) ^ 0x800000) >> shift
            u = v - previous
            u = (u << 1) ^ (u >> 31)
            scratch[i] = u
            total += u
            seen |= u
            previous = v
            at += 9
            i += 1
        scratch[row + _SUM] = total
        scratch[row + _SEEN] = seen
        row += ROW


@micropython.viper
def cost(i: int, size: int, q: int, scratch: ptr32, folded: int, n_frames: int, width: int) -> int:
    """Choose each channel's Rice parameter for the first ``n_frames`` of ``folded`` frames.

    Returns the size of the payload in bits.
    """
    bits = 8 * (4 + width)
    n = n_frames - 1
    raw = width * n
    row = 0
    while row < _ROWS_END:
        end = row + 1 + n_frames
        total = int(scratch[row + _SUM])
        i = end
        while i < row + 1 + folded:
            total -= int(scratch[i])
            i += 1
        scratch[row + _SUM] = total
        # 11/16 of it; in two pieces, as the whole of it times 11 may not fit into 31 bits
        total = (total >> 4) * 11 + ((total & 15) * 11 >> 4)
        k = 0
        size = n
        while k < 15 and size < total:
            k += 1
            size <<= 1
        size = raw
        if k < 15:
            size = n * (k + 1)
            i = row + 2
            if int(scratch[row + _SEEN]) >> k < 15:  # no quotient can be an escape
                while i < end:
                    size += int(scratch[i]) >> k
                    i += 1
            else:
                while i < end:
                    q = int(scratch[i]) >> k
                    if q < 15:
                        size += q
                    else:
                        size += 15 + width - k
                    i += 1
            if size >= raw:
                size = raw
                k = 15
        scratch[row] = k
        bits += size
        row += ROW
    return bits


@micropython.viper
def emit(
    acc: int, held: int, q: int, scratch: ptr32, n_frames: int, width: int, out: ptr8, at: int
) -> int:
    """Write the payload to ``out`` from ``at`` on; return the index behind its last byte.

    The lowest ``held`` bits of ``acc`` are still to be written. Fewer than 8 are left over from a
    step and none adds more than 25, so that they fit into 32; what was written before is pushed
    out at the top.
    """
    mask = (1 << width) - 1
    row = 0
    while row < _ROWS_END:
        k = int(scratch[row])
        limit = 0  # until the first value is out
        value = 0
        is_second = 0
        i = row
        end = row + 1 + n_frames
        while i < end:
            u = int(scratch[i])
            i += 1
            q = (u >> k) + 1
            if q < limit:
                # ones, a zero and the k bits of u in one piece
                acc = (acc << (q + k)) + (((1 << q) - 1 - q) << k) + u
                held += q + k
            elif i == row + 1:
                acc = (acc << 4) | k
                held += 4
            elif k == 15 or i == row + 2:
                value += (u >> 1) ^ -(u & 1)
                acc = (acc << width) | (value & mask)
                held += width
                if k < 10:
                    limit = 16
            elif is_second:
                is_second = 0
                tail = width + 1
                if q < 16:
                    tail = k
                acc = (acc << tail) | (u & ((1 << tail) - 1))
                held += tail
            else:
                # an escape, or a parameter so large that one piece might not fit: come again
                is_second = 1
                i -= 1
                if q < 16:
                    acc = (acc << q) | ((1 << q) - 2)
                else:
                    q = 15
                    acc = (acc << 15) | 0x7FFF
                held += q
            while held >= 8:
                held -= 8
                out[at] = acc >> held
                at += 1
        row += ROW
    if held:
        out[at] = acc << (8 - held)
        at += 1
    return at


@micropython.viper
def copy(target: ptr8, to: int, source: ptr8, start: int, n_bytes: int):
    """Copy bytes between two buffers."""
    i = 0
    while i < n_bytes:
        target[to + i] = source[start + i]
        i += 1


@micropython.viper
def number_blocks(blocks: ptr8, stream_id: int, first_frame: int, n_blocks: int):
    """Write stream id and first frame into the first 8 bytes of each counter block."""
    i = 0
    while i < n_blocks:
        at = i << 4
        j = 0
        while j < 4:
            blocks[at + j] = stream_id >> (8 * j)
            blocks[at + 4 + j] = first_frame >> (8 * j)
            j += 1
        i += 1


@micropython.viper
def xor(target: ptr8, start: int, key: ptr8, n_bytes: int):
    """Combine ``n_bytes`` of ``target`` from ``start`` on with a keystream, in place."""
    i = 0
    while i < n_bytes:
        target[start + i] = int(target[start + i]) ^ int(key[i])
        i += 1
