# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Streaming kernel: one fused pass over the frames of a block, state kept in between.

Built twice from this file: ``_stream`` runs anywhere, ``_stream_v3`` on x86-64-v3 processors.
``kernel`` chooses.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.string cimport memcpy

import numpy as np

__all__ = ["CascadeKernel", "StreamKernel", "cpu_has_v3", "cusum_block_maxima", "vector_bytes"]

cdef extern from "_rice.h":
    cdef enum:
        RICE_DECODED
        RICE_TOO_SHORT
        RICE_OUT_OF_RANGE
    int rice_decode(
        const unsigned char *data, int64_t size, int64_t n_frames, int shift, int32_t *out
    ) noexcept nogil

include "_kernel.pxi"

cdef enum:
    ALIGNMENT = 64
    # Longer blocks run without the GIL: letting go of it takes as long as thirty frames.
    LONG_BLOCK = 2000
    MAX_PACKET_FRAMES = 40

cdef struct Packet:
    int32_t counts[40][8]


def cpu_has_v3():
    """Whether this processor runs what was built for x86-64-v3."""
    return bool(faceloop_has_v3())


def vector_bytes():
    """Bytes of a vector in this build."""
    return FL_BYTES


include "_blocks.pxi"

cdef object EMPTY = np.empty
cdef object F32 = np.dtype(np.float32)


cdef class StreamKernel:
    """State of the chain and the hot calls; ``StreamCore`` is the interface for people.

    A call returns the number of hops (10 ms) that ended in it; their features are the first rows of
    ``hops``, valid until the next call.

    Parameters
    ----------
    setup : dict
        ``fs_hz``, ``n_channels`` (1-8), ``hop`` and ``group`` (frames), ``mains_hz`` (0 for no
        canceller, negative to find out), ``scale_measure`` and ``scale_quick`` (microvolts per
        count times the gain of the filter), ``a1`` and ``a2`` (four sections of the measurement
        path, then that of the alert path), ``energy`` (gain, a1, a2 of the filter before the
        Teager-Kaiser operator), ``envelope_g`` (tan(pi corner / rate of the groups)), ``droop``
        (three taps or None).
    is_double : bool
        Compute in 64 bits instead of 32.
    wants_trace : bool
        Keep the cleaned signal of each call in ``trace``.
    """

    cdef chain_f32 *f32
    cdef chain_f64 *f64
    cdef void *memory
    cdef int n_channels
    cdef int hop
    cdef bint wants_trace_
    cdef bint wants_quick_
    cdef Py_ssize_t hop_room
    cdef Py_ssize_t frame_room
    cdef void *hop_data
    cdef void *trace_data
    cdef void *quick_data
    cdef readonly object hops
    cdef readonly object trace
    cdef readonly object quick
    cdef list pending
    cdef Packet packet

    def __cinit__(self):
        self.memory = NULL

    def __dealloc__(self):
        PyMem_RawFree(self.memory)

    def __init__(self, dict setup, bint is_double=False, bint wants_trace=True):
        cdef fl_setup c
        cdef size_t size = sizeof(chain_f64) if is_double else sizeof(chain_f32)
        cdef void *at
        cdef int k
        c.fs_hz = setup["fs_hz"]
        c.n_channels = setup["n_channels"]
        c.hop = setup["hop"]
        c.group = setup["group"]
        c.mains_hz = setup["mains_hz"]
        c.scale_measure = setup["scale_measure"]
        c.scale_quick = setup["scale_quick"]
        c.envelope_g = setup["envelope_g"]
        c.energy_gain, c.energy_a1, c.energy_a2 = setup["energy"]
        c.has_droop = setup["droop"] is not None
        for k in range(3):
            c.droop[k] = setup["droop"][k] if c.has_droop else 0.0
        for k in range(5):
            c.a1[k] = setup["a1"][k]
            c.a2[k] = setup["a2"][k]
        if not 1 <= c.n_channels <= LANES:
            raise ValueError(f"{c.n_channels} channels, allowed are 1-{LANES}")
        if not 1 <= c.hop <= MAX_HOP or c.group < 1 or c.hop % c.group:
            raise ValueError(f"a hop of {c.hop} frames in groups of {c.group} is not possible")
        PyMem_RawFree(self.memory)
        self.memory = PyMem_RawMalloc(size + ALIGNMENT)
        if self.memory == NULL:
            raise MemoryError
        at = <void *>((<uintptr_t>self.memory + ALIGNMENT) & ~<uintptr_t>(ALIGNMENT - 1))
        self.f32 = NULL
        self.f64 = NULL
        if is_double:
            self.f64 = <chain_f64 *>at
            chain_init_f64(self.f64, &c)
        else:
            self.f32 = <chain_f32 *>at
            chain_init_f32(self.f32, &c)
        self.n_channels = c.n_channels
        self.hop = c.hop
        self.wants_trace_ = wants_trace
        self.wants_quick_ = False
        self.hop_room = self.frame_room = 0
        self.pending = []
        self.make_room(16, 64)

    cdef int make_room(self, Py_ssize_t n_hops, Py_ssize_t n_frames) except -1:
        """Let the outputs hold so many hops and frames."""
        cdef Py_buffer view
        kind = np.float64 if self.f64 != NULL else np.float32
        if n_hops > self.hop_room:
            self.hops = np.empty((n_hops, N_OUT, LANES), kind)
            self.hop_data = address(self.hops, &view)
            self.hop_room = n_hops
        if n_frames > self.frame_room or (self.trace is None and self.wants_trace_) or (
            self.quick is None and self.wants_quick_
        ):
            n_frames = max(n_frames, self.frame_room)
            self.trace_data = NULL
            self.trace = None
            if self.wants_trace_:
                self.trace = np.empty((n_frames, self.n_channels), kind)
                self.trace_data = address(self.trace, &view)
            self.quick_data = NULL
            self.quick = None
            if self.wants_quick_:
                self.quick = np.empty((n_frames, self.n_channels), kind)
                self.quick_data = address(self.quick, &view)
            self.frame_room = n_frames
        return 0

    cdef Py_ssize_t advance(self, const void *source, int kind, Py_ssize_t n_frames) except -1:
        cdef fl_output out
        cdef unsigned int before
        cdef Py_ssize_t n_hops, done, n
        cdef bint has_full = self.wants_trace_ or self.wants_quick_
        n_hops = (self.f64.pos if self.f64 != NULL else self.f32.pos) + n_frames
        n_hops = n_hops // self.hop
        if n_hops > self.hop_room or (has_full and n_frames > self.frame_room):
            self.make_room(n_hops, n_frames if has_full else 0)
        if self.pending:
            self.pending = []
        out.hops = self.hop_data
        out.trace = self.trace_data if self.wants_trace_ else NULL
        out.quick = self.quick_data if self.wants_quick_ else NULL
        if self.f32 != NULL and n_frames <= LONG_BLOCK:
            self.f32.events.n = 0
            before = fl_flush()
            chain_run_f32(self.f32, source, kind, 0, n_frames, n_frames, &out)
            fl_unflush(before)
            return n_hops
        done = 0
        self.clear_events()
        while done < n_frames:
            n = min(n_frames - done, <Py_ssize_t>CHUNK_FRAMES)
            if n_frames > LONG_BLOCK:
                self.keep_events()
            with nogil:
                before = fl_flush()
                if self.f64 != NULL:
                    chain_run_f64(self.f64, source, kind, done, n_frames, n, &out)
                else:
                    chain_run_f32(self.f32, source, kind, done, n_frames, n, &out)
                fl_unflush(before)
            done += n
        return n_hops

    def push(self, counts):
        """Process counts, int32 of shape (n_frames, n_channels), C-contiguous."""
        cdef Block block
        cdef Py_ssize_t n_hops
        take_counts(counts, self.n_channels, &block)
        try:
            n_hops = self.advance(block.data, FROM_COUNTS, block.n)
        finally:
            give_back(&block)
        return n_hops

    def push_frames24(self, data):
        """Process frames of big-endian 24-bit counts, as the converter sends them."""
        cdef Block block
        cdef Py_ssize_t n_hops, n_frames
        take_bytes(data, &block)
        try:
            n_frames = block.n // (3 * self.n_channels)
            if n_frames * 3 * self.n_channels != block.n:
                raise ValueError(
                    f"{block.n} bytes are not whole frames of {3 * self.n_channels} bytes"
                )
            n_hops = self.advance(block.data, FROM_BYTES24, n_frames)
        finally:
            give_back(&block)
        return n_hops

    def push_packet(self, payload, Py_ssize_t n_frames, int shift):
        """Decode a stream packet's payload (see ``decode_payload``) and process its frames."""
        cdef Block block
        cdef int verdict
        if self.n_channels != LANES:
            raise ValueError(f"packets have {LANES} channels, this stream {self.n_channels}")
        if not 0 <= shift <= 7:
            raise ValueError(f"a shift of {shift} bits, allowed are 0-7")
        if not 1 <= n_frames <= MAX_PACKET_FRAMES:
            raise ValueError(f"a packet of {n_frames} frames, allowed are 1-{MAX_PACKET_FRAMES}")
        take_bytes(payload, &block)
        verdict = rice_decode(
            <const unsigned char *>block.data, block.n, n_frames, shift, &self.packet.counts[0][0]
        )
        give_back(&block)
        if verdict == RICE_DECODED:
            return self.advance(&self.packet.counts[0][0], FROM_COUNTS, n_frames)
        if verdict == RICE_TOO_SHORT:
            raise ValueError(f"stream payload of {block.n} bytes ends too early")
        if verdict == RICE_OUT_OF_RANGE:
            raise ValueError("stream payload leaves the range of the converter")
        raise ValueError("stream payload has bytes left over")

    def copies(self, Py_ssize_t n_hops, Py_ssize_t n_frames):
        """Return what the last call left, in arrays of their own.

        A tuple of the trace, float32 of shape (n_frames, n_channels), None when it is not kept, and
        of the features in the order of ``hops``, each of shape (n_hops, n_channels).
        """
        cdef Py_buffer view
        cdef float *to
        cdef Py_ssize_t i, k, n = self.n_channels
        cdef int c
        if not 0 <= n_hops <= self.hop_room or not 0 <= n_frames:
            raise ValueError(f"{n_hops} hops and {n_frames} frames are not there")
        rows = EMPTY((<int>N_OUT, n_hops, n), F32)
        to = <float *>address(rows, &view)
        for k in range(N_OUT):
            for i in range(n_hops):
                for c in range(n):
                    if self.f64 != NULL:
                        to[c] = <float>(<double *>self.hop_data)[(i * N_OUT + k) * LANES + c]
                    else:
                        to[c] = (<float *>self.hop_data)[(i * N_OUT + k) * LANES + c]
                to += n
        trace = None
        if self.wants_trace_:
            if n_frames > self.frame_room:
                raise ValueError(f"a trace of {n_frames} frames is not there")
            trace = EMPTY((n_frames, n), F32)
            to = <float *>address(trace, &view)
            if self.f64 != NULL:
                for i in range(n_frames * n):
                    to[i] = <float>(<double *>self.trace_data)[i]
            else:
                memcpy(to, self.trace_data, n_frames * n * sizeof(float))
        return trace, rows[0], rows[1], rows[2], rows[3], rows[4]

    def gap(self, int64_t n_frames):
        """Pass over ``n_frames`` lost frames; return the number of hops that ended in them."""
        if n_frames < 0:
            raise ValueError(f"a gap of {n_frames} frames, it cannot be negative")
        cdef int64_t first = self.frame // self.hop
        self.clear_events()
        if n_frames and self.f64 != NULL:
            chain_gap_f64(self.f64, n_frames)
        elif n_frames:
            chain_gap_f32(self.f32, n_frames)
        return self.frame // self.hop - first

    def set_alert(self, taps, scale_uv, threshold):
        """Set whitening taps, rest SD behind them and CUSUM threshold of each channel.

        A channel whose SD or threshold is 0 or NaN gives no onsets.
        """
        cdef double row[4]
        cdef double sd, h
        cdef int c, k
        if not len(taps) == len(scale_uv) == len(threshold) == self.n_channels:
            raise ValueError(f"a rest reference must have {self.n_channels} channels")
        for one in taps:
            if len(one) != WHITENING:
                raise ValueError(f"{len(one)} whitening taps, there must be {WHITENING}")
        for c in range(self.n_channels):
            sd, h = scale_uv[c], threshold[c]
            for k in range(WHITENING):
                row[k] = taps[c][k]
            if self.f64 != NULL:
                chain_set_alert_f64(self.f64, c, row, sd, h)
            else:
                chain_set_alert_f32(self.f32, c, row, sd, h)
        if self.f64 != NULL:
            chain_settled_f64(self.f64)
        else:
            chain_settled_f32(self.f32)

    def set_muted(self, int mask):
        """Mute the channels whose bit is set; others that were muted begin anew."""
        if not 0 <= mask < 1 << self.n_channels:
            raise ValueError(f"a mask of {mask:#x} names channels beyond {self.n_channels}")
        if self.f64 != NULL:
            chain_set_muted_f64(self.f64, mask)
        else:
            chain_set_muted_f32(self.f32, mask)

    @property
    def wants_quick(self):
        """Whether calls also keep the alert path's signal, in ``quick``, NaN where not settled."""
        return bool(self.wants_quick_)

    @wants_quick.setter
    def wants_quick(self, bint wanted):
        self.wants_quick_ = wanted
        self.make_room(0, 1)

    @property
    def frame(self):
        """Frames so far, lost ones included."""
        return self.f64.frame if self.f64 != NULL else self.f32.frame

    @property
    def active(self):
        """Bit mask of the channels that the alert path holds active."""
        return self.f64.alert.on_mask if self.f64 != NULL else self.f32.alert.on_mask

    @property
    def mains(self):
        """Nominal and tracked line frequency in hertz (0 = off), and whether a line is seen."""
        if self.f64 != NULL:
            if not self.f64.line.is_on:
                return 0.0, 0.0, False
            return (
                self.f64.line.nominal_hz, self.f64.line.hz, bool(self.f64.line.is_present)
            )
        if not self.f32.line.is_on:
            return 0.0, 0.0, False
        return self.f32.line.nominal_hz, self.f32.line.hz, bool(self.f32.line.is_present)

    @property
    def n_events(self):
        """How many ``events`` there are."""
        cdef int n = self.f64.events.n if self.f64 != NULL else self.f32.events.n
        return n + len(self.pending)

    @property
    def events(self):
        """Onsets and offsets of the last call, sorted, as ``(frame, channel, is_on)``."""
        self.keep_events()
        return self.pending

    cdef int clear_events(self) except -1:
        self.pending = []
        if self.f64 != NULL:
            self.f64.events.n = 0
        else:
            self.f32.events.n = 0
        return 0

    cdef int keep_events(self) except -1:
        cdef fl_events *events = (
            &self.f64.events if self.f64 != NULL else &self.f32.events
        )
        cdef int i
        if events.n:
            self.pending += sorted(
                (events.list[i].frame, events.list[i].channel, bool(events.list[i].is_on))
                for i in range(events.n)
            )
            events.n = 0
        return 0


cdef void *address(array, Py_buffer *view) except? NULL:
    """Return where a new array keeps its data, which outlives the view."""
    PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    cdef void *data = view.buf
    PyBuffer_Release(view)
    return data


include "_cascade.pxi"


def cusum_block_maxima(
    const double[:, ::1] white_uv not None,
    const double[::1] scale_uv not None,
    Py_ssize_t block,
    double ceiling,
):
    """Return the largest value of the alert path's CUSUM in each block, without any threshold.

    Parameters
    ----------
    white_uv : ndarray of float64, shape (n_frames, n_channels)
        Whitened signal of the alert path; NaN starts the CUSUM anew.
    scale_uv : ndarray of float64, shape (n_channels,)
        SD of the noise; a channel with 0 gives NaN.
    block : int
        Frames per block, at least 1; an incomplete last block is left out.
    ceiling : float
        Where the CUSUM starts again from 0, as the detector does at an onset: otherwise a blink
        would echo for seconds.

    Returns
    -------
    maxima : ndarray of float64, shape (n_frames // block, n_channels)
        NaN where a block holds a NaN.
    """
    cdef Py_ssize_t n_blocks, b, i
    cdef int c
    cdef double g, top, q, inv
    if block < 1:
        raise ValueError(f"blocks of {block} frames, it must be at least 1")
    if scale_uv.shape[0] != white_uv.shape[1]:
        raise ValueError(f"{scale_uv.shape[0]} scales for {white_uv.shape[1]} channels")
    n_blocks = white_uv.shape[0] // block
    maxima = np.empty((n_blocks, white_uv.shape[1]))
    cdef double[:, ::1] out = maxima
    with nogil:
        for c in range(<int>white_uv.shape[1]):
            inv = 1.0 / (scale_uv[c] * scale_uv[c]) if scale_uv[c] > 0.0 else NAN
            g = 0.0
            for b in range(n_blocks):
                top = 0.0
                for i in range(b * block, (b + 1) * block):
                    q = white_uv[i, c] * white_uv[i, c] * inv
                    if q != q:
                        top = NAN
                        g = 0.0
                        continue
                    q = q if q < ALERT_CLIP else ALERT_CLIP
                    g = g + (ALERT_SLOPE * q - ALERT_DRIFT)
                    g = g if g > 0.0 else 0.0
                    if g > top:
                        top = g
                    if g >= ceiling:
                        g = 0.0
                out[b, c] = top
    return maxima
