# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Loops of the min/max pyramid: fill a level, and gather the pixels of a view.

A row holds the lowest values of all channels, then the highest. A NaN never replaces a number.
"""

__all__ = ["fill_base", "fill_next", "gather_bins", "gather_frames"]

cdef extern from *:
    """
    #include <math.h>
    #include <stddef.h>

    /* Lowest and highest of n rows; what has no number at all is NaN. */
    static void faceloop_span_any(const float *low, const float *high, ptrdiff_t n,
                                  ptrdiff_t stride, int n_channels, float *out) {
        for (int c = 0; c < n_channels; c++) {
            float lo = INFINITY, hi = -INFINITY;
            for (ptrdiff_t i = 0; i < n; i++) {
                float a = low[i * stride + c], b = high[i * stride + c];
                lo = a < lo ? a : lo;
                hi = b > hi ? b : hi;
            }
            out[c] = lo <= hi ? lo : NAN;
            out[n_channels + c] = lo <= hi ? hi : NAN;
        }
    }

    #if defined(__SSE2__) || defined(_M_X64)
    #include <emmintrin.h>
    /* A board's eight channels in registers. min(a, b) is "a < b ? a : b", so the accumulator
       comes second and survives a NaN. A minimum takes four cycles: two rows side by side. */
    static void faceloop_span(const float *low, const float *high, ptrdiff_t n,
                              ptrdiff_t stride, int n_channels, float *out) {
        if (n_channels != 8) {
            faceloop_span_any(low, high, n, stride, n_channels, out);
            return;
        }
        __m128 lo0 = _mm_set1_ps(INFINITY), lo1 = lo0, lo2 = lo0, lo3 = lo0;
        __m128 hi0 = _mm_set1_ps(-INFINITY), hi1 = hi0, hi2 = hi0, hi3 = hi0;
        ptrdiff_t i = 0;
        for (; i + 2 <= n; i += 2) {
            lo0 = _mm_min_ps(_mm_loadu_ps(low), lo0);
            lo1 = _mm_min_ps(_mm_loadu_ps(low + 4), lo1);
            hi0 = _mm_max_ps(_mm_loadu_ps(high), hi0);
            hi1 = _mm_max_ps(_mm_loadu_ps(high + 4), hi1);
            lo2 = _mm_min_ps(_mm_loadu_ps(low + stride), lo2);
            lo3 = _mm_min_ps(_mm_loadu_ps(low + stride + 4), lo3);
            hi2 = _mm_max_ps(_mm_loadu_ps(high + stride), hi2);
            hi3 = _mm_max_ps(_mm_loadu_ps(high + stride + 4), hi3);
            low += 2 * stride;
            high += 2 * stride;
        }
        if (i < n) {
            lo0 = _mm_min_ps(_mm_loadu_ps(low), lo0);
            lo1 = _mm_min_ps(_mm_loadu_ps(low + 4), lo1);
            hi0 = _mm_max_ps(_mm_loadu_ps(high), hi0);
            hi1 = _mm_max_ps(_mm_loadu_ps(high + 4), hi1);
        }
        lo0 = _mm_min_ps(lo0, lo2);
        lo1 = _mm_min_ps(lo1, lo3);
        hi0 = _mm_max_ps(hi0, hi2);
        hi1 = _mm_max_ps(hi1, hi3);
        /* All ones is a NaN. */
        __m128 no0 = _mm_cmpgt_ps(lo0, hi0), no1 = _mm_cmpgt_ps(lo1, hi1);
        _mm_storeu_ps(out, _mm_or_ps(lo0, no0));
        _mm_storeu_ps(out + 4, _mm_or_ps(lo1, no1));
        _mm_storeu_ps(out + 8, _mm_or_ps(hi0, no0));
        _mm_storeu_ps(out + 12, _mm_or_ps(hi1, no1));
    }
    #else
    #define faceloop_span faceloop_span_any
    #endif
    """
    void span "faceloop_span"(
        const float *low, const float *high, Py_ssize_t n, Py_ssize_t stride, int n_channels,
        float *out
    ) noexcept nogil

cdef enum:
    MAX_CHANNELS = 64


cdef struct Walk:
    # Pixel borders first + p * length // n without a division for each pixel.
    Py_ssize_t at, step, rest, carry, n


cdef inline Walk walk_begin(Py_ssize_t first, Py_ssize_t length, Py_ssize_t n) noexcept nogil:
    cdef Walk w
    w.at = first
    w.step = length // n
    w.rest = length % n
    w.carry = 0
    w.n = n
    return w


cdef inline void walk_on(Walk *w) noexcept nogil:
    w.at += w.step
    w.carry += w.rest
    if w.carry >= w.n:
        w.carry -= w.n
        w.at += 1


cdef int check(Py_ssize_t n_channels, Py_ssize_t wanted, Py_ssize_t rows) except -1:
    if n_channels != wanted or rows != 2 or not 1 <= n_channels <= MAX_CHANNELS:
        raise ValueError(f"rows of {rows} x {wanted} for {n_channels} channels")
    return 0


def fill_base(
    const float[:, ::1] samples not None, float[:, :, ::1] level not None, Py_ssize_t size
):
    """Fill a level from the samples, ``size`` frames to a bin; the last bin may have fewer."""
    cdef Py_ssize_t n = samples.shape[0]
    cdef Py_ssize_t begin, i
    cdef int c = <int>samples.shape[1]
    check(samples.shape[1], level.shape[2], level.shape[1])
    if size < 1 or level.shape[0] != (n + size - 1) // size:
        raise ValueError(f"{level.shape[0]} bins of {size} frames for {n} frames")
    with nogil:
        for i in range(level.shape[0]):
            begin = i * size
            span(&samples[begin, 0], &samples[begin, 0], min(size, n - begin), c, c,
                 &level[i, 0, 0])


def fill_next(
    const float[:, :, ::1] lower not None, float[:, :, ::1] level not None, Py_ssize_t factor
):
    """Fill a level from the one below, ``factor`` bins to a bin."""
    cdef Py_ssize_t n = lower.shape[0]
    cdef Py_ssize_t begin, i
    cdef int c = <int>lower.shape[2]
    check(lower.shape[2], level.shape[2], level.shape[1])
    if factor < 1 or lower.shape[1] != 2 or level.shape[0] != (n + factor - 1) // factor:
        raise ValueError(f"{level.shape[0]} bins of {factor} for {n} bins")
    with nogil:
        for i in range(level.shape[0]):
            begin = i * factor
            span(&lower[begin, 0, 0], &lower[begin, 1, 0], min(factor, n - begin), 2 * c, c,
                 &level[i, 0, 0])


def gather_frames(
    const float[:, ::1] samples not None, Py_ssize_t first, Py_ssize_t end,
    float[:, :, ::1] out not None
):
    """Fill ``out`` with the extremes of the frames under each pixel, at least one each."""
    cdef Py_ssize_t begin, p
    cdef int c = <int>samples.shape[1]
    cdef Walk border
    check(samples.shape[1], out.shape[2], out.shape[1])
    if not 0 <= first < end <= samples.shape[0] or out.shape[0] < 1:
        raise ValueError(f"a view of {first}-{end} in {samples.shape[0]} frames")
    with nogil:
        border = walk_begin(first, end - first, out.shape[0])
        for p in range(out.shape[0]):
            begin = border.at
            walk_on(&border)
            span(&samples[begin, 0], &samples[begin, 0], max(border.at - begin, 1), c, c,
                 &out[p, 0, 0])


def gather_bins(
    const float[:, :, ::1] level not None, int log2_size, Py_ssize_t first, Py_ssize_t end,
    float[:, :, ::1] out not None
):
    """Fill ``out`` with the extremes of the bins of ``2**log2_size`` frames each pixel touches."""
    cdef Py_ssize_t begin, stop, p
    cdef int c = <int>level.shape[2]
    cdef Walk border
    check(level.shape[2], out.shape[2], out.shape[1])
    if not 0 <= log2_size < 48 or level.shape[1] != 2 or out.shape[0] < 1:
        raise ValueError(f"bins of 2**{log2_size} frames")
    if not 0 <= first < end <= level.shape[0] << log2_size:
        raise ValueError(f"a view of {first}-{end} in {level.shape[0]} bins of 2**{log2_size}")
    with nogil:
        border = walk_begin(first, end - first, out.shape[0])
        for p in range(out.shape[0]):
            begin = border.at >> log2_size
            walk_on(&border)
            stop = (border.at + (<Py_ssize_t>1 << log2_size) - 1) >> log2_size
            span(&level[begin, 0, 0], &level[begin, 1, 0], max(stop - begin, 1), 2 * c, c,
                 &out[p, 0, 0])
