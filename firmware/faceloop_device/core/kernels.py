"""The loops that must be fast, in viper. MicroPython only.

Each has a plain twin: ``fold``, ``cost`` and ``emit`` together are ``faceloop_protocol.rice``.
Viper integers are 64 bit on a desktop and 32 bit on the boards, and ``ptr32`` loads are not
sign-extended on the desktop: every load is masked and every value stays below 2**30.

A channel's row in the scratch array has 40 places: its first value, then folded differences.
"""

import micropython

ROW = 40


@micropython.viper
def count_good(ring: ptr32, word_mask: int, word: int, n_frames: int) -> int:
    """Return how many frames from ``word`` on carry the converter's 0b1100 header."""
    n = 0
    while n < n_frames:
        if (int(ring[word & word_mask]) >> 20) & 0xF != 0xC:
            return n
        word += 9
        n += 1
    return n


@micropython.viper
def lead_off(ring: ptr32, word_mask: int, word: int, n_frames: int) -> int:
    """Return the lead-off bits (P << 8 | N) that were set in any of the frames."""
    bits = 0
    n = 0
    while n < n_frames:
        bits |= int(ring[word & word_mask]) >> 4
        word += 9
        n += 1
    return bits & 0xFFFF


@micropython.viper
def fold(ring: ptr32, word_mask: int, word: int, n_frames: int, shift: int, scratch: ptr32):
    """Take the frames from ``word`` on apart into eight rows of first value and differences."""
    channel = 0
    while channel < 8:
        at = word + 1 + channel
        row = channel * 40
        previous = 0
        i = 0
        while i < n_frames:
            v = int(ring[at & word_mask]) & 0xFFFFFF
            v = ((v ^ 0x800000) - 0x800000) >> shift
            if i == 0:
                scratch[row] = v
            else:
                d = v - previous
                if d >= 0:
                    scratch[row + i] = d << 1
                else:
                    scratch[row + i] = -(d << 1) - 1
            previous = v
            at += 9
            i += 1
        channel += 1


@micropython.viper
def cost(scratch: ptr32, n_frames: int, width: int, ks: ptr8) -> int:
    """Choose each channel's Rice parameter into ``ks``; return the size of the payload in bits."""
    bits = 0
    raw = width * (n_frames - 1)
    channel = 0
    while channel < 8:
        row = channel * 40
        total = 0
        i = 1
        while i < n_frames:
            total += int(scratch[row + i])
            i += 1
        bound = (total * 11) >> 4
        k = 0
        while k < 15 and ((n_frames - 1) << k) < bound:
            k += 1
        size = raw
        if k < 15:
            size = (n_frames - 1) * (k + 1)
            i = 1
            while i < n_frames:
                q = int(scratch[row + i]) >> k
                if q < 15:
                    size += q
                else:
                    size += 15 + width - k
                i += 1
            if size >= raw:
                size = raw
                k = 15
        ks[channel] = k
        bits += 4 + width + size
        channel += 1
    return bits


@micropython.viper
def emit(scratch: ptr32, n_frames: int, width: int, ks: ptr8, out: ptr8, at: int) -> int:
    """Write the payload to ``out`` from ``at`` on; return the index behind its last byte."""
    acc = 0  # bits not yet written, fewer than 8 between steps
    held = 0
    mask = (1 << width) - 1
    channel = 0
    while channel < 8:
        row = channel * 40
        k = int(ks[channel])
        value = int(scratch[row]) & mask
        previous = value
        acc = (acc << 4) | k
        held += 4
        i = 0
        while True:
            # the value in two pieces, so that nothing reaches bit 30
            high = width - 12
            acc = (acc << high) | (value >> 12)
            held += high
            while held >= 8:
                held -= 8
                out[at] = acc >> held
                at += 1
                acc &= (1 << held) - 1
            acc = (acc << 12) | (value & 0xFFF)
            held += 12
            while held >= 8:
                held -= 8
                out[at] = acc >> held
                at += 1
                acc &= (1 << held) - 1
            i += 1
            if k != 15 or i >= n_frames:
                break
            u = int(scratch[row + i]) & 0x3FFFFFF
            if u & 1:
                previous = previous - ((u + 1) >> 1)
            else:
                previous = previous + (u >> 1)
            previous &= mask
            value = previous
        if k != 15:
            while i < n_frames:
                u = int(scratch[row + i]) & 0x3FFFFFF
                q = u >> k
                if q < 15:
                    acc = (acc << (q + 1)) | (((1 << q) - 1) << 1)
                    held += q + 1
                    tail = k
                    u &= (1 << k) - 1
                else:
                    acc = (acc << 15) | 0x7FFF
                    held += 15
                    tail = width + 1
                while held >= 8:
                    held -= 8
                    out[at] = acc >> held
                    at += 1
                    acc &= (1 << held) - 1
                if tail > 12:
                    tail -= 12
                    acc = (acc << tail) | (u >> 12)
                    held += tail
                    while held >= 8:
                        held -= 8
                        out[at] = acc >> held
                        at += 1
                        acc &= (1 << held) - 1
                    tail = 12
                    u &= 0xFFF
                acc = (acc << tail) | u
                held += tail
                while held >= 8:
                    held -= 8
                    out[at] = acc >> held
                    at += 1
                    acc &= (1 << held) - 1
                i += 1
        channel += 1
    if held:
        out[at] = (acc << (8 - held)) & 0xFF
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
