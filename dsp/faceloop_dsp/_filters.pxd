# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Band-pass kernel: sections with unity numerators, eight channels side by side.

``(1 - z^-2) / (1 + a1 z^-1 + a2 z^-2)`` in transposed direct form II is one addition and two
multiply-adds; the gain of all sections is part of the scale that turns counts into microvolts.
"""

cdef enum:
    LANES = 8          # channels of a frame; unused ones are fed zeros
    MAX_SECTIONS = 4

cdef struct Bandpass:
    double scale       # microvolts per count, times the gain of the sections
    int n_sections
    double a1[MAX_SECTIONS]
    double a2[MAX_SECTIONS]
    double s1[MAX_SECTIONS][LANES]
    double s2[MAX_SECTIONS][LANES]


cdef inline void bandpass_settle(Bandpass *f, const double *counts, int lane) noexcept nogil:
    """Bring one lane into the steady state of an input that has always been ``counts[lane]``.

    All sections stop DC, so the first holds the input and the others are at rest. Without this
    an electrode offset of 40 mV would ring for a quarter of a second.
    """
    cdef int i
    for i in range(f.n_sections):
        f.s1[i][lane] = 0.0
        f.s2[i][lane] = 0.0
    f.s1[0][lane] = -f.scale * counts[lane]
    f.s2[0][lane] = -f.scale * counts[lane]


cdef inline void bandpass_frame(Bandpass *f, const double *counts, double *out) noexcept nogil:
    """Filter one frame of ``LANES`` counts into ``out``."""
    cdef double x[LANES]
    cdef double y
    cdef double a1, a2
    cdef int i, c
    for c in range(LANES):
        x[c] = f.scale * counts[c]
    for i in range(f.n_sections):
        a1 = f.a1[i]
        a2 = f.a2[i]
        for c in range(LANES):
            y = x[c] + f.s1[i][c]
            f.s1[i][c] = f.s2[i][c] - a1 * y
            f.s2[i][c] = -x[c] - a2 * y
            x[c] = y
    for c in range(LANES):
        out[c] = x[c]
