"""The loops that must be fast, in viper. MicroPython only.

Each has a plain twin: ``fold``, ``fit`` and ``emit`` together are ``faceloop_protocol.rice`` (with
its ``frames_that_fit``) and ``pack_header_into`` of ``faceloop_protocol.stream``, ``halve`` is
``half_rate`` of ``rice``. Tests compare those that only move bytes with plain loops.
Viper integers are 64 bit on a desktop and 32 bit on the boards, and ``ptr32`` loads are not
sign-extended on the desktop: only loads of values that cannot be negative go unmasked, and nothing
but the accumulator of ``emit`` reaches bit 31.

Viper keeps a function's first three variables in registers and the rest in memory. ``fold``,
``fit`` and ``emit`` therefore take their busiest as parameters, for which callers give 0; that is
10 to 20 % of their time on the unix port. A call costs as much there as 90 bytes copied.

A channel's row in the scratch array: its Rice parameter, its first value and the differences to
the value before (at most 40 places, all folded as in ``rice``), their sum, their bits OR-ed, and
what they cost in Rice code where that was counted, else 0.
"""

import micropython
from micropython import const

ROW = const(44)
_ROWS_END = const(8 * 44)
_SUM = const(41)
_SEEN = const(42)
_COST = const(43)
_HEADER_BYTES = const(13)


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
def add_squares(ring: ptr32, word_mask: int, word: int, n_frames: int, sums: ptr32) -> int:
    """Add up the codes of ``n_frames`` and their squares; return how many frames are lost.

    ``sums`` has five words to a channel: the codes in offset binary, then their squares, in pieces
    of 24 bits, lowest first. Lost are frames under a wrong header, and those that a mark counts.
    """
    lost = 0
    end = word + 9 * n_frames
    while word < end:
        i = int(ring[word & word_mask])
        lost += (i >> 24) & 0xFF
        if (i >> 20) & 0xF != 0xC:
            lost += 1
        at = 0
        i = word + 1
        word += 9
        while i < word:
            u = (int(ring[i & word_mask]) & 0xFFFFFF) ^ 0x800000
            i += 1
            piece = int(sums[at]) + u
            sums[at] = piece & 0xFFFFFF
            sums[at + 1] = int(sums[at + 1]) + (piece >> 24)
            u -= 0x800000
            if u < 0:
                u = 0 - u
            high = u >> 12
            u &= 0xFFF
            cross = (high * u) << 1
            piece = int(sums[at + 2]) + u * u + ((cross & 0xFFF) << 12)
            sums[at + 2] = piece & 0xFFFFFF
            piece = int(sums[at + 3]) + (piece >> 24) + (cross >> 12) + high * high
            sums[at + 3] = piece & 0xFFFFFF
            sums[at + 4] = int(sums[at + 4]) + (piece >> 24)
            at += 5
    return lost


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
def straighten(ring: ptr32, word_mask: int, word: int, n_words: int, out: ptr32):
    """Copy words that may lie across the end of the ring into one piece."""
    n = 0
    while n < n_words:
        out[n] = ring[(word + n) & word_mask]
        n += 1


@micropython.viper
def fold(
    u: int, v: int, i: int, frames: ptr32, word: int, n_frames: int, shift: int, scratch: ptr32
):
    """Take the frames from ``word`` on, in one piece, apart into the eight rows of ``scratch``."""
    row = 0
    while row < _ROWS_END:
        word += 1
        at = word
        i = row + 1
        total = 0
        seen = 0
        # offset binary: the differences are the same, and the sign costs nothing
        v = (int(frames[at]) ^ 0x800000) >> shift
        u = v - (0x800000 >> shift)
        scratch[i] = (u << 1) ^ (u >> 31)
        at += 9
        i += 1
        end = row + n_frames
        previous = v
        while i < end:  # two at a time: none is moved to be the previous one
            v = (int(frames[at]) ^ 0x800000) >> shift
            u = v - previous
            u = (u << 1) ^ (u >> 31)
            scratch[i] = u
            total += u
            seen |= u
            previous = (int(frames[at + 9]) ^ 0x800000) >> shift
            u = previous - v
            u = (u << 1) ^ (u >> 31)
            scratch[i + 1] = u
            total += u
            seen |= u
            at += 18
            i += 2
        if i <= end:
            v = (int(frames[at]) ^ 0x800000) >> shift
            u = v - previous
            u = (u << 1) ^ (u >> 31)
            scratch[i] = u
            total += u
            seen |= u
        scratch[row + _SUM] = total
        scratch[row + _SEEN] = seen
        scratch[row + _COST] = 0
        row += ROW


@micropython.viper
def fit(
    i: int, size: int, k: int, scratch: ptr32, n_frames: int, width: int, most_bits: int
) -> int:
    """Choose how many of ``n_frames`` go into a payload, and each channel's Rice parameter.

    Rice costs at most what it would if only the sum of the quotients were rounded down, and that
    follows from the sum of the values. Where this does not decide, they are looked at one by one;
    where some are too many, what these cost is taken off again.
    """
    folded = n_frames
    is_exact = 0
    while True:
        bits = 8 * (4 + width)
        n = n_frames - 1
        raw = width * n
        row = 0
        while row < _ROWS_END:
            end = row + 1 + n_frames
            last = row + 1 + folded
            total = int(scratch[row + _SUM])
            i = end
            while i < last:
                total -= int(scratch[i])
                i += 1
            scratch[row + _SUM] = total
            # 11/16 of it; in two pieces, as the whole of it times 11 may not fit into 31 bits
            bound = (total >> 4) * 11 + ((total & 15) * 11 >> 4)
            k = 0
            size = n
            while k < 15 and size < bound:
                k += 1
                size <<= 1
            known = int(scratch[row + _COST])
            size = raw
            if k < 15:
                can_escape = int(scratch[row + _SEEN]) >> k > 14
                size = n * (k + 1) + (total >> k)
                if is_exact or can_escape or size >= raw:
                    i = row + 2
                    size = n * (k + 1)
                    if known and int(scratch[row]) == k:
                        i = end
                        end = last
                        size = known - (folded - n_frames) * (k + 1)
                        if can_escape:
                            while i < end:
                                q = int(scratch[i]) >> k
                                if q > 14:
                                    q = 15 + width - k
                                size -= q
                                i += 1
                        else:
                            while i < end:
                                size -= int(scratch[i]) >> k
                                i += 1
                    elif can_escape:
                        while i < end:
                            q = int(scratch[i]) >> k
                            if q > 14:
                                q = 15 + width - k
                            size += q
                            i += 1
                    else:
                        if n & 1:
                            size += int(scratch[i]) >> k
                            i += 1
                        while i < end:
                            size += (int(scratch[i]) >> k) + (int(scratch[i + 1]) >> k)
                            i += 2
                    known = size
                    if size >= raw:
                        size = raw
                        k = 15
            scratch[row + _COST] = known
            scratch[row] = k
            bits += size
            row += ROW
        if bits <= most_bits:
            return n_frames
        folded = n_frames
        if is_exact:
            n = n_frames * most_bits // bits
            n_frames -= 1
            if n < n_frames:
                n_frames = n
        is_exact = 1


@micropython.viper
def emit(
    acc: int,
    held: int,
    q: int,
    scratch: ptr32,
    n_frames: int,
    width: int,
    out: ptr8,
    frames: ptr32,
    at: int,
    flags: int,
    seq: int,
    first_frame: int,
    dropped: int,
) -> int:
    """Write a packet but for its first byte; return its length.

    Its lead-off bits are those of any of the frames, which lie from ``at`` on in one piece.

    The lowest ``held`` bits of ``acc`` are still to be written: fewer than 8 before a step of up
    to 25, fewer than 16 before one of up to 17, so that they fit into 32. What was written before
    is pushed out at the top.
    """
    end = at + 9 * n_frames
    while at < end:
        q |= int(frames[at])
        at += 9
    out[1] = flags
    out[2] = seq
    out[3] = seq >> 8
    out[4] = first_frame
    out[5] = first_frame >> 8
    out[6] = first_frame >> 16
    out[7] = first_frame >> 24
    out[8] = dropped
    out[9] = dropped >> 8
    out[10] = q >> 12
    out[11] = q >> 4
    out[12] = n_frames
    at = _HEADER_BYTES
    mask = (1 << width) - 1
    row = 0
    while row < _ROWS_END:
        k = int(scratch[row])
        i = row + 2
        end = row + 1 + n_frames
        acc = (acc << 4) | k
        held += 4
        while held >= 8:
            held -= 8
            out[at] = acc >> held
            at += 1
        u = int(scratch[row + 1])
        value = (u >> 1) ^ -(u & 1)
        acc = (acc << width) | (value & mask)
        held += width
        while held >= 8:
            held -= 8
            out[at] = acc >> held
            at += 1
        most = int(scratch[row + _SEEN]) >> k  # no quotient is larger
        if k < 15 and most < 15 and most + k < 17:
            # Quotient, stop bit and the k bits of u in one piece of up to 17. As ``acc`` is one
            # more than the bits in it, its shift brings all ones but the last along.
            acc += 1
            rest = 1 - (1 << k)
            while i < end:
                u = int(scratch[i])
                i += 1
                q = (u >> k) + 1
                acc = (((acc << q) - q) << k) + u + rest
                held += q + k
                if held >= 16:
                    held -= 16
                    u = (acc - 1) >> held
                    out[at] = u >> 8
                    out[at + 1] = u
                    at += 2
            acc -= 1
        while i < end:
            u = int(scratch[i])
            i += 1
            if k == 15:
                value += (u >> 1) ^ -(u & 1)
                acc = (acc << width) | (value & mask)
                held += width
            else:
                q = (u >> k) + 1
                tail = k
                if q > 15:  # an escape
                    q = 15
                    tail = width + 1
                    acc = (acc << 15) | 0x7FFF
                else:
                    acc = (acc << q) | ((1 << q) - 2)
                held += q
                while held >= 8:
                    held -= 8
                    out[at] = acc >> held
                    at += 1
                acc = (acc << tail) | (u & ((1 << tail) - 1))
                held += tail
            while held >= 8:
                held -= 8
                out[at] = acc >> held
                at += 1
        row += ROW
    if held >= 8:
        held -= 8
        out[at] = acc >> held
        at += 1
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
