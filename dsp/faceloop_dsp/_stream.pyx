# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Streaming kernel: one fused pass over the frames of a block, state kept in between."""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.math cimport INFINITY, NAN, exp, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from faceloop_dsp._chain cimport (
    FROM_NOTHING,
    Chain,
    chain_begin,
    chain_frame,
    chain_gap,
    chain_settled,
)
from faceloop_dsp._features cimport (
    CUSUM_CLIP,
    CUSUM_DRIFT,
    CUSUM_SLOPE,
    WHITENING,
    alert_clear,
    envelope_clear,
    rms_clear,
)
from faceloop_dsp._filters cimport LANES, MAX_SECTIONS, Bandpass
from faceloop_dsp._hunt cimport hunt_start
from faceloop_dsp._mains cimport WIDE, mains_start

import numpy as np

__all__ = ["StreamKernel", "cusum_block_maxima"]

cdef extern from *:
    """
    /* Digital silence decays into denormal numbers, which are 2-4 times slower: flush them. */
    #if defined(__SSE2__) || defined(_M_X64)
    #include <xmmintrin.h>
    static inline unsigned int faceloop_flush(void) {
        unsigned int before = _mm_getcsr();
        _mm_setcsr(before | 0x8040u);
        return before;
    }
    static inline void faceloop_unflush(unsigned int before) { _mm_setcsr(before); }
    #else
    static inline unsigned int faceloop_flush(void) { return 0; }
    static inline void faceloop_unflush(unsigned int before) { (void)before; }
    #endif
    """
    unsigned int flush_denormals "faceloop_flush"() noexcept nogil
    void unflush_denormals "faceloop_unflush"(unsigned int before) noexcept nogil

cdef enum:
    # Events are handed over after so many frames: 8 channels, two events per 50 ms, fit.
    CHUNK_FRAMES = 2000


cdef struct Outputs:
    float *trace
    float *rms
    float *envelope
    float *quick          # NULL unless a rest is being recorded
    int64_t *hop_frame


cdef int fill_bandpass(Bandpass *f, double scale, sections) except -1:
    cdef int i
    f.n_sections = len(sections)
    if not 1 <= f.n_sections <= MAX_SECTIONS:
        raise ValueError(f"{f.n_sections} filter sections, allowed are 1-{MAX_SECTIONS}")
    f.scale = scale
    for i in range(f.n_sections):
        f.a1[i], f.a2[i] = sections[i]
    return 0


cdef void run(Chain *s, const int32_t *x, Py_ssize_t n_frames, Outputs *out) noexcept nogil:
    """Advance through a chunk and move the output pointers on."""
    cdef double w[WIDE]
    cdef double square
    cdef int n = s.n_channels
    cdef int c
    cdef int64_t end
    cdef Py_ssize_t i
    for i in range(n_frames):
        end = chain_frame(s, x, w)
        x += n
        for c in range(n):
            out.trace[c] = <float>w[c]
        if s.railed:
            for c in range(n):
                if s.railed & (1 << c):
                    out.trace[c] = <float>NAN
        out.trace += n
        if out.quick != NULL:
            for c in range(n):
                out.quick[c] = <float>(w[c + LANES] if end > s.settled_from[c] else NAN)
            out.quick += n
        if end % s.hop:
            continue
        for c in range(n):
            square = s.rms.total[c] / s.rms.window
            square = square if square > 0.0 else 0.0
            # A window is good when all of it lies behind the settling.
            out.rms[c] = <float>(
                sqrt(square) if end - s.rms.window >= s.settled_from[c] else NAN
            )
            out.envelope[c] = <float>(
                s.envelope.y[c] if end - 2 * s.rms.window >= s.settled_from[c] else NAN
            )
        out.rms += n
        out.envelope += n
        out.hop_frame[0] = end - 1
        out.hop_frame += 1


cdef class StreamKernel:
    """State of the chain and the loop over it; ``StreamCore`` is the interface for people.

    Parameters
    ----------
    fs_hz : float
        Frames per second, 1000-4000.
    n_channels : int
        1-8.
    scale_measure, scale_quick : float
        Microvolts per count times the gain of the band-pass, measurement and alert path.
    sections_measure, sections_quick : sequence of (float, float)
        ``(a1, a2)`` of each band-pass section, at most 4.
    envelope : (float, float, float)
        ``gain, a1, a2`` of the envelope's low-pass at ``fs_hz / 4``.
    mains_hz : float
        Nominal line frequency, 0 for no canceller, negative to find out whether 50 or 60.
    """

    cdef Chain chain

    def __cinit__(self):
        memset(&self.chain, 0, sizeof(Chain))

    def __init__(
        self,
        double fs_hz,
        int n_channels,
        double scale_measure,
        double scale_quick,
        sections_measure,
        sections_quick,
        envelope,
        double mains_hz,
    ):
        cdef Chain *s = &self.chain
        cdef int c
        if not 1000.0 <= fs_hz <= 4000.0:
            raise ValueError(f"{fs_hz:g} frames per second, allowed are 1000-4000")
        if not 1 <= n_channels <= LANES:
            raise ValueError(f"{n_channels} channels, allowed are 1-{LANES}")
        memset(s, 0, sizeof(Chain))
        s.n_channels = n_channels
        s.hop = <int>(fs_hz / 100.0 + 0.5)
        s.settle_gap = 5 * s.hop
        s.settle_start = 40 * s.hop
        fill_bandpass(&s.measure, scale_measure, sections_measure)
        fill_bandpass(&s.quick, scale_quick, sections_quick)
        s.rms.window = 10 * s.hop
        s.envelope.b0, s.envelope.a1, s.envelope.a2 = envelope
        s.alert.alpha = 1.0 - exp(-1.0 / (0.040 * fs_hz))
        s.alert.hold = 5 * s.hop
        for c in range(LANES):
            s.alert.threshold[c] = INFINITY
        s.mains.fs_hz = fs_hz
        s.mains.step_frames = 2 * s.hop
        if mains_hz > 0.0:
            mains_start(&s.mains, mains_hz)
        elif mains_hz < 0.0:
            hunt_start(&s.hunt, fs_hz)
        rms_clear(&s.rms)
        envelope_clear(&s.envelope)
        alert_clear(&s.alert)
        for c in range(n_channels):
            chain_begin(s, c, FROM_NOTHING)

    def push(self, counts, bint want_quick=False):
        """Process a block.

        Parameters
        ----------
        counts : ndarray of int32, shape (n_frames, n_channels)
            C-contiguous converter counts.
        want_quick : bool
            Also return the alert path's signal.

        Returns
        -------
        tuple
            ``trace_uv`` float32 (n_frames, n_channels), ``hop_frame`` int64 (n_hops,), ``rms_uv``
            and ``envelope_uv`` float32 (n_hops, n_channels), list of ``(frame, channel, is_on)``,
            and the alert path in microvolts, float32 (n_frames, n_channels), or None.

        Raises
        ------
        ValueError
            If the block has another type or shape.
        """
        cdef Chain *s = &self.chain
        cdef Py_buffer source, view
        cdef Outputs out
        cdef Py_ssize_t n_frames, n_hops, done, n
        cdef unsigned int before
        cdef const int32_t *x
        cdef bint is_int32
        cdef list events = []
        PyObject_GetBuffer(counts, &source, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
        try:
            # A C long is 32 bits on Windows.
            is_int32 = source.itemsize == 4 and source.format[0] in (b"i"[0], b"l"[0])
            if source.ndim != 2 or source.shape[1] != s.n_channels or not is_int32:
                raise ValueError(
                    f"a block must be int32 of shape (n, {s.n_channels}), not "
                    f"{getattr(counts, 'dtype', '?')} of shape {getattr(counts, 'shape', '?')}"
                )
            n_frames = source.shape[0]
            n_hops = (s.frame + n_frames) // s.hop - s.frame // s.hop
            shape = (n_frames, s.n_channels)
            trace = np.empty(shape, np.float32)
            hop_frame = np.empty(n_hops, np.int64)
            rms = np.empty((n_hops, s.n_channels), np.float32)
            envelope = np.empty((n_hops, s.n_channels), np.float32)
            quick = np.empty(shape, np.float32) if want_quick else None
            # The arrays are ours and C-contiguous: their memory outlives the views.
            out.trace = <float *>address(trace, &view)
            out.rms = <float *>address(rms, &view)
            out.envelope = <float *>address(envelope, &view)
            out.hop_frame = <int64_t *>address(hop_frame, &view)
            out.quick = <float *>address(quick, &view) if want_quick else NULL
            x = <const int32_t *>source.buf
            done = 0
            while done < n_frames:
                n = min(n_frames - done, <Py_ssize_t>CHUNK_FRAMES)
                with nogil:
                    before = flush_denormals()
                    run(s, x + done * s.n_channels, n, &out)
                    unflush_denormals(before)
                done += n
                self.hand_over(events)
        finally:
            PyBuffer_Release(&source)
        return trace, hop_frame, rms, envelope, events, quick

    def gap(self, int64_t n_frames):
        """Pass over ``n_frames`` lost frames; return ``(hop_frame, events)`` of that stretch."""
        cdef Chain *s = &self.chain
        cdef list events = []
        if n_frames < 0:
            raise ValueError(f"a gap of {n_frames} frames, it cannot be negative")
        first = s.frame // s.hop
        if n_frames:
            chain_gap(s, n_frames)
            self.hand_over(events)
        return np.arange(first + 1, s.frame // s.hop + 1, dtype=np.int64) * s.hop - 1, events

    def set_alert(self, taps, scale_uv, threshold):
        """Set whitening taps, rest SD behind them and CUSUM threshold of each channel.

        A channel whose SD or threshold is 0 or NaN gives no onsets.
        """
        cdef Chain *s = &self.chain
        cdef double sd, h
        cdef int c, k
        if not len(taps) == len(scale_uv) == len(threshold) == s.n_channels:
            raise ValueError(f"a rest reference must have {s.n_channels} channels")
        for row in taps:
            if len(row) != WHITENING:
                raise ValueError(f"{len(row)} whitening taps, there must be {WHITENING}")
        for c in range(s.n_channels):
            sd, h = scale_uv[c], threshold[c]
            for k in range(WHITENING):
                s.alert.taps[k][c] = taps[c][k] if sd > 0.0 and h > 0.0 else 0.0
            s.inv_variance[c] = 1.0 / (sd * sd) if sd > 0.0 and h > 0.0 else 0.0
            s.alert.threshold[c] = h if sd > 0.0 and h > 0.0 else INFINITY
            s.alert.inv_variance[c] = 0.0
        chain_settled(s)

    def set_muted(self, int mask):
        """Mute the channels whose bit is set; others that were muted begin anew."""
        cdef Chain *s = &self.chain
        cdef int changed, c
        if not 0 <= mask < 1 << s.n_channels:
            raise ValueError(f"a mask of {mask:#x} names channels beyond {s.n_channels}")
        changed = mask ^ s.muted
        s.muted = mask
        for c in range(s.n_channels):
            if changed & (1 << c):
                chain_begin(s, c, FROM_NOTHING)

    @property
    def frame(self):
        """Frames so far, lost ones included."""
        return self.chain.frame

    @property
    def active(self):
        """Bit mask of the channels that the alert path holds active."""
        return self.chain.alert.on_mask

    @property
    def mains(self):
        """Nominal and tracked line frequency in hertz (0 = off), and whether a line is seen."""
        cdef Chain *s = &self.chain
        if not s.mains.is_on:
            return 0.0, 0.0, False
        return s.mains.nominal_hz, s.mains.hz, bool(s.mains.is_present)

    cdef int hand_over(self, list events) except -1:
        cdef Chain *s = &self.chain
        cdef int i
        for i in range(s.n_events):
            events.append((s.events[i].frame, s.events[i].channel, bool(s.events[i].is_on)))
        s.n_events = 0
        return 0


cdef void *address(array, Py_buffer *view) except? NULL:
    """Return where a new array keeps its data."""
    PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    cdef void *data = view.buf
    PyBuffer_Release(view)
    return data


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
                    q = q if q < CUSUM_CLIP else CUSUM_CLIP
                    g = g + (CUSUM_SLOPE * q - CUSUM_DRIFT)
                    g = g if g > 0.0 else 0.0
                    if g > top:
                        top = g
                    if g >= ceiling:
                        g = 0.0
                out[b, c] = top
    return maxima
