# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Moving RMS, linear envelope and the alert detector, eight channels side by side."""

from libc.math cimport fabs

from faceloop_dsp._filters cimport LANES

cdef enum:
    MAX_WINDOW = 400       # 100 ms at 4 kHz
    WHITENING = 4          # taps of the alert path's whitening filter

cdef extern from *:
    """
    /* Clipped CUSUM for activity 3 dB above the noise, i.e. a variance three times
       that of rest: 0.5 (min(q, clip) (1 - 1/3) - ln 3) per sample, q in units of the variance.
       Behind the whitening filter a clip at 4 SD beats 3 SD on soft and on tonic rest alike. */
    #define ALERT_CLIP 16.0
    #define ALERT_SLOPE (1.0 / 3.0)
    #define ALERT_DRIFT 0.54930614433405484570
    #define ALERT_OFF_LEVEL 1.3
    """
    const double CUSUM_CLIP "ALERT_CLIP"
    const double CUSUM_SLOPE "ALERT_SLOPE"
    const double CUSUM_DRIFT "ALERT_DRIFT"
    const double OFF_LEVEL "ALERT_OFF_LEVEL"

cdef struct Rms:
    int window
    int index
    double ring[MAX_WINDOW][LANES]
    double total[LANES]
    double fresh[LANES]     # squares since the ring wrapped; replaces ``total`` there: no drift

cdef struct Envelope:
    double b0, a1, a2
    double mean[LANES]      # of |y| over the group of four under way
    double s1[LANES]
    double s2[LANES]
    double y[LANES]

cdef struct Alert:
    double alpha            # of the 40 ms mean
    int hold                # frames below OFF_LEVEL that end an activity
    int on_mask
    double taps[WHITENING][LANES]
    double past[WHITENING][LANES] # transposed form of the whitening filter
    double inv_variance[LANES]    # 0 while a channel is muted, settling or not calibrated
    double threshold[LANES]
    double g[LANES]
    double level[LANES]
    int below[LANES]


cdef inline void rms_clear(Rms *r) noexcept nogil:
    cdef int i, c
    r.index = 0
    for i in range(MAX_WINDOW):
        for c in range(LANES):
            r.ring[i][c] = 0.0
    for c in range(LANES):
        r.total[c] = 0.0
        r.fresh[c] = 0.0


cdef inline void rms_frame(Rms *r, const double *y) noexcept nogil:
    cdef double *old = r.ring[r.index]
    cdef double square
    cdef int c
    for c in range(LANES):
        square = y[c] * y[c]
        r.total[c] += square - old[c]
        r.fresh[c] += square
        old[c] = square
    r.index += 1
    if r.index == r.window:
        r.index = 0
        for c in range(LANES):
            r.total[c] = r.fresh[c]
            r.fresh[c] = 0.0


cdef inline void envelope_clear(Envelope *v) noexcept nogil:
    cdef int c
    for c in range(LANES):
        v.mean[c] = 0.0
        v.s1[c] = 0.0
        v.s2[c] = 0.0
        v.y[c] = 0.0


cdef inline void envelope_frame(Envelope *v, const double *y, bint is_last) noexcept nogil:
    """Rectify; ``is_last`` closes a group of four, whose mean enters the 6 Hz low-pass."""
    cdef double x, out
    cdef int c
    for c in range(LANES):
        v.mean[c] += 0.25 * fabs(y[c])
    if not is_last:
        return
    for c in range(LANES):
        x = v.b0 * v.mean[c]
        out = x + v.s1[c]
        v.s1[c] = 2.0 * x - v.a1 * out + v.s2[c]
        v.s2[c] = x - v.a2 * out
        v.y[c] = out
        v.mean[c] = 0.0


cdef inline void alert_clear(Alert *a) noexcept nogil:
    cdef int c, k
    a.on_mask = 0
    for k in range(WHITENING):
        for c in range(LANES):
            a.past[k][c] = 0.0
    for c in range(LANES):
        a.g[c] = 0.0
        a.level[c] = 0.0
        a.below[c] = 0


cdef inline bint alert_frame(Alert *a, const double *y) noexcept nogil:
    """Advance one frame; true when ``alert_change`` has to look (someone is or became active)."""
    cdef double white[LANES]
    cdef double q, g
    cdef double over = -1.0
    cdef int c, k
    for c in range(LANES):
        white[c] = y[c] + a.past[0][c]
    for k in range(WHITENING - 1):
        for c in range(LANES):
            a.past[k][c] = a.taps[k][c] * y[c] + a.past[k + 1][c]
    for c in range(LANES):
        a.past[WHITENING - 1][c] = a.taps[WHITENING - 1][c] * y[c]
    for c in range(LANES):
        q = white[c] * white[c] * a.inv_variance[c]
        q = q if q < CUSUM_CLIP else CUSUM_CLIP
        g = a.g[c] + (CUSUM_SLOPE * q - CUSUM_DRIFT)
        g = g if g > 0.0 else 0.0
        a.g[c] = g
        a.level[c] += a.alpha * (q - a.level[c])
        g -= a.threshold[c]
        over = over if over > g else g
    return over >= 0.0 or a.on_mask != 0


cdef inline int alert_change(Alert *a) noexcept nogil:
    """Return a mask of channels that went on (bits 0-7) or off (bits 8-15) in this frame."""
    cdef int changes = 0
    cdef int c
    for c in range(LANES):
        if a.on_mask & (1 << c):
            a.g[c] = 0.0
            a.below[c] = a.below[c] + 1 if a.level[c] < OFF_LEVEL else 0
            if a.below[c] >= a.hold:
                a.on_mask &= ~(1 << c)
                changes |= 0x100 << c
        elif a.g[c] >= a.threshold[c]:
            a.on_mask |= 1 << c
            a.g[c] = 0.0
            a.below[c] = 0
            changes |= 1 << c
    return changes
