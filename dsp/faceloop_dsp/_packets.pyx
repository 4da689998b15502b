# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Decoder of a stream packet's payload: the compiled twin of ``faceloop_protocol.rice.decode``.

Every symbol is at most 40 bits long (fifteen ones and ``25 - shift`` bits), so one unaligned
64-bit load per symbol, which holds at least 57 bits from any bit position, is always enough.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int32_t, uint64_t

import numpy as np

__all__ = ["decode_payload"]

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(_MSC_VER)
    #include <intrin.h>
    #include <stdlib.h>
    static inline int faceloop_leading_zeros(uint64_t x) {
        unsigned long i;
        return _BitScanReverse64(&i, x) ? 63 - (int)i : 64;
    }
    #define FACELOOP_SWAP64(x) _byteswap_uint64(x)
    #else
    static inline int faceloop_leading_zeros(uint64_t x) {
        return x ? __builtin_clzll(x) : 64;
    }
    #define FACELOOP_SWAP64(x) __builtin_bswap64(x)
    #endif
    static inline uint64_t faceloop_load_be64(const unsigned char *p) {
        uint64_t x;
        memcpy(&x, p, 8);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        return x;
    #else
        return FACELOOP_SWAP64(x);
    #endif
    }
    """
    int leading_zeros "faceloop_leading_zeros"(uint64_t x) noexcept nogil
    uint64_t load_be64 "faceloop_load_be64"(const unsigned char *p) noexcept nogil

cdef enum:
    N_CHANNELS = 8
    K_BITS = 4
    K_RAW = 15
    ESCAPE = 15

cdef enum Verdict:
    DECODED = 0
    TOO_SHORT = 1
    OUT_OF_RANGE = 2
    LEFT_OVER = 3


cdef inline uint64_t window(const unsigned char *data, Py_ssize_t size, Py_ssize_t bit) noexcept nogil:
    """Return the bits from ``bit`` on, left-aligned; zeros stand behind the end of the data."""
    cdef Py_ssize_t first = bit >> 3
    cdef Py_ssize_t i
    cdef uint64_t word = 0
    if first + 8 <= size:
        word = load_be64(data + first)
    else:
        for i in range(8):
            word = (word << 8) | (data[first + i] if first + i < size else 0)
    return word << (bit & 7)


cdef Verdict decode(
    const unsigned char *data, Py_ssize_t size, Py_ssize_t n_frames, int shift, int32_t *out
) noexcept nogil:
    """Decode into ``out`` (n_frames, 8); the reference codec explains the format."""
    cdef int width = 24 - shift
    cdef int32_t half = <int32_t>1 << (width - 1)
    cdef uint64_t mask = (<uint64_t>1 << width) - 1
    cdef Py_ssize_t n_bits = size * 8
    cdef Py_ssize_t bit = 0
    cdef Py_ssize_t i
    cdef uint64_t word, u
    cdef int32_t value
    cdef int channel, k, q, left

    for channel in range(N_CHANNELS):
        word = window(data, size, bit)
        k = <int>(word >> (64 - K_BITS))
        value = <int32_t>((word >> (64 - K_BITS - width)) & mask)
        value = (value ^ half) - half
        bit += K_BITS + width
        if bit > n_bits:
            return TOO_SHORT
        out[channel] = value * (<int32_t>1 << shift)
        if k == K_RAW:
            for i in range(1, n_frames):
                word = window(data, size, bit)
                value = <int32_t>(word >> (64 - width))
                value = (value ^ half) - half
                bit += width
                if bit > n_bits:
                    return TOO_SHORT
                out[i * N_CHANNELS + channel] = value * (<int32_t>1 << shift)
            continue
        for i in range(1, n_frames):
            word = window(data, size, bit)
            q = leading_zeros(~word)
            if q < ESCAPE:
                # Two shifts: one by 64 would be undefined when k is 0.
                u = (<uint64_t>q << k) | (((word << (q + 1)) >> 1) >> (63 - k))
                bit += q + 1 + k
            else:
                u = (word << ESCAPE) >> (63 - width)
                bit += ESCAPE + width + 1
            if bit > n_bits:
                return TOO_SHORT
            # Unfolded without a branch: even u is u / 2, odd u is -(u + 1) / 2.
            value += <int32_t>(u >> 1) ^ -<int32_t>(u & 1)
            if value < -half or value >= half:
                return OUT_OF_RANGE
            out[i * N_CHANNELS + channel] = value * (<int32_t>1 << shift)

    left = <int>(n_bits - bit) if n_bits - bit < 8 else 8
    if left == 8:
        return LEFT_OVER
    if left and data[size - 1] & ((1 << left) - 1):
        return LEFT_OVER
    return DECODED


def decode_payload(payload, Py_ssize_t n_frames, int shift):
    """Return the samples of one packet's payload in converter counts.

    Parameters
    ----------
    payload : bytes-like
        Payload after decryption, without the header.
    n_frames : int
        Frames announced by the header, at least 1.
    shift : int
        Bits that the board cut off, 0-7.

    Returns
    -------
    counts : ndarray of int32, shape (n_frames, 8)
        C-contiguous and new; values are shifted back to 24-bit counts.

    Raises
    ------
    ValueError
        If the payload ends too early, a value leaves the range of the converter, bytes are left
        over, or ``n_frames`` or ``shift`` is out of range. The verdict on any bytes is that of
        ``faceloop_protocol.rice.decode``.
    """
    cdef Py_buffer source
    cdef Py_buffer target
    cdef Verdict verdict
    cdef Py_ssize_t size
    if not 0 <= shift <= 7:
        raise ValueError(f"a shift of {shift} bits, allowed are 0-7")
    if n_frames < 1:
        raise ValueError(f"a packet of {n_frames} frames, there must be at least 1")
    PyObject_GetBuffer(payload, &source, PyBUF_SIMPLE)
    try:
        size = source.len
        # A value takes at least one bit: refuse absurd frame counts before allocating for them.
        if n_frames > size:
            raise ValueError(f"stream payload of {size} bytes ends too early")
        counts = np.empty((n_frames, N_CHANNELS), np.int32)
        PyObject_GetBuffer(counts, &target, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        verdict = decode(<const unsigned char *>source.buf, size, n_frames, shift, <int32_t *>target.buf)
        PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    if verdict == DECODED:
        return counts
    if verdict == TOO_SHORT:
        raise ValueError(f"stream payload of {size} bytes ends too early")
    if verdict == OUT_OF_RANGE:
        raise ValueError("stream payload leaves the range of the converter")
    raise ValueError("stream payload has bytes left over")
