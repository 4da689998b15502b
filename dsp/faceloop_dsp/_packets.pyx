# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Decoder of a stream packet's payload: the compiled twin of ``faceloop_protocol.rice.decode``."""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int32_t, int64_t

import numpy as np

__all__ = ["decode_payload"]

cdef extern from "_rice.h":
    cdef enum:
        RICE_CHANNELS
        RICE_DECODED
        RICE_TOO_SHORT
        RICE_OUT_OF_RANGE
    int rice_decode(
        const unsigned char *data, int64_t size, int64_t n_frames, int shift, int32_t *out
    ) noexcept nogil


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
    cdef int verdict
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
        counts = np.empty((n_frames, RICE_CHANNELS), np.int32)
        PyObject_GetBuffer(counts, &target, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        verdict = rice_decode(
            <const unsigned char *>source.buf, size, n_frames, shift, <int32_t *>target.buf
        )
        PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    if verdict != RICE_DECODED:
        raise ValueError(_complaint(verdict, size))
    return counts


cdef str _complaint(int verdict, Py_ssize_t size):
    if verdict == RICE_TOO_SHORT:
        return f"stream payload of {size} bytes ends too early"
    if verdict == RICE_OUT_OF_RANGE:
        return "stream payload leaves the range of the converter"
    return "stream payload has bytes left over"
