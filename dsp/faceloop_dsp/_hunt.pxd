# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Is the mains at 50 or at 60 Hz? Line power against each other over one second at a time."""

from libc.math cimport M_PI, cos, sin

from faceloop_dsp._filters cimport LANES

cdef enum:
    HUNT_HARMONICS = 3   # the sixth of 50 is the fifth of 60: stay below

cdef extern from *:
    """
    /* A score is a sum over lanes and harmonics of line power in units of what a bin of 1 s of
       noise holds on average: noise alone gives 24 to 70 for either line, spread about 15. */
    #define HUNT_FACTOR 2.0
    #define HUNT_MARGIN 60.0
    #define HUNT_MEMORY 0.5
    """
    const double HUNT_FACTOR
    const double HUNT_MARGIN
    const double HUNT_MEMORY

cdef struct Hunt:
    bint is_on
    double fs_hz
    int n_frames          # one second
    int n
    double cos1[2]
    double sin1[2]
    double turn_cos[2]
    double turn_sin[2]
    double re[2][HUNT_HARMONICS][LANES]
    double im[2][HUNT_HARMONICS][LANES]
    double square_sum[LANES]
    double score[2]


cdef inline void hunt_restart(Hunt *hunt) noexcept nogil:
    """Begin a new second."""
    cdef int line, h, c
    hunt.n = 0
    for line in range(2):
        hunt.cos1[line] = 1.0
        hunt.sin1[line] = 0.0
        for h in range(HUNT_HARMONICS):
            for c in range(LANES):
                hunt.re[line][h][c] = 0.0
                hunt.im[line][h][c] = 0.0
    for c in range(LANES):
        hunt.square_sum[c] = 0.0


cdef inline void hunt_start(Hunt *hunt, double fs_hz) noexcept nogil:
    """Begin to look, with nothing known."""
    cdef int line
    hunt.is_on = True
    hunt.fs_hz = fs_hz
    hunt.n_frames = <int>(fs_hz + 0.5)
    for line in range(2):
        hunt.turn_cos[line] = cos(2.0 * M_PI * (50.0 + 10.0 * line) / fs_hz)
        hunt.turn_sin[line] = sin(2.0 * M_PI * (50.0 + 10.0 * line) / fs_hz)
        hunt.score[line] = 0.0
    hunt_restart(hunt)


cdef inline double hunt_verdict(Hunt *hunt, const bint *is_used) noexcept nogil:
    """Return 50, 60 or, when neither stands out yet, 0."""
    cdef double power
    cdef int line, h, c
    for line in range(2):
        hunt.score[line] *= HUNT_MEMORY
        for c in range(LANES):
            if not is_used[c] or hunt.square_sum[c] <= 0.0:
                continue
            power = 0.0
            for h in range(HUNT_HARMONICS):
                power += (hunt.re[line][h][c] * hunt.re[line][h][c]
                          + hunt.im[line][h][c] * hunt.im[line][h][c])
            hunt.score[line] += power / hunt.square_sum[c]
    hunt_restart(hunt)
    if hunt.score[0] > HUNT_FACTOR * hunt.score[1] + HUNT_MARGIN:
        return 50.0
    if hunt.score[1] > HUNT_FACTOR * hunt.score[0] + HUNT_MARGIN:
        return 60.0
    return 0.0


cdef inline double hunt_frame(Hunt *hunt, const double *w, const bint *is_used) noexcept nogil:
    """Take in one frame; the verdict when a second is full, else -1."""
    cdef double c1, s1, ck, sk, turned
    cdef int line, h, c
    for line in range(2):
        c1 = hunt.cos1[line]
        s1 = hunt.sin1[line]
        ck = c1
        sk = s1
        for h in range(HUNT_HARMONICS):
            for c in range(LANES):
                hunt.re[line][h][c] += w[c] * ck
                hunt.im[line][h][c] -= w[c] * sk
            turned = ck * c1 - sk * s1
            sk = sk * c1 + ck * s1
            ck = turned
        hunt.cos1[line] = c1 * hunt.turn_cos[line] - s1 * hunt.turn_sin[line]
        hunt.sin1[line] = s1 * hunt.turn_cos[line] + c1 * hunt.turn_sin[line]
    for c in range(LANES):
        hunt.square_sum[c] += w[c] * w[c]
    hunt.n += 1
    if hunt.n < hunt.n_frames:
        return -1.0
    return hunt_verdict(hunt, is_used)
