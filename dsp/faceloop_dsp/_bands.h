/* Band-pass filters: measurement (four sections) and alert path (one), side by side.
 *
 * All numerators are 1 - z^-2. That of the first sections is taken from the counts as integers, so
 * an electrode offset of any size costs no precision, even in 32-bit floats; the gains are folded
 * into one scale. In direct form I a section is two multiply-adds and an addition and shares its
 * memory with the next; what waits for the last frame is added last, so a section can begin a frame
 * four cycles after the one before. The loops are in paths.
 */

#define SECTIONS 4
#define HALF 2         /* sections that go through one loop: more do not stay in registers */
#define QUICK SECTIONS /* the alert path's section */

struct FL(bands) {
    REAL scale; /* microvolts per count, times the gain of the measurement sections */
    int has_droop;
    REAL droop[3]; /* minimum-phase correction of the converter's own low-pass */
    REAL a1[SECTIONS + 1], a2[SECTIONS + 1];
    int32_t x1[LANES], x2[LANES];
    ROW d1[LANES], d2[LANES]; /* differences, for the droop */
    ROW y1[SECTIONS + 1][LANES], y2[SECTIONS + 1][LANES];
    ROW half1[LANES], half2[LANES]; /* what went into the second half */
};

/* Bring one lane into the steady state of an input that has always been ``count``. Without this
 * an electrode offset of 40 mV would ring for a quarter of a second. */
static void FL(bands_begin)(struct FL(bands) * b, int lane, int32_t count) {
    b->x1[lane] = b->x2[lane] = count;
    b->d1[lane] = b->d2[lane] = b->half1[lane] = b->half2[lane] = 0;
    for (int k = 0; k <= SECTIONS; k++) b->y1[k][lane] = b->y2[k][lane] = 0;
}

/* A section behind another: ``in`` and what it was two frames ago, its own last two outputs. */
FL_INLINE VEC FL(section)(VEC in, VEC in2, VEC a1, VEC a2, VEC newer, VEC older) {
    return FL(nfma)(a1, newer, in + FL(nfms)(a2, older, in2));
}

/* A first section: the numerator is in ``d``. */
FL_INLINE VEC FL(first_section)(VEC d, VEC a1, VEC a2, VEC newer, VEC older) {
    return FL(nfma)(a1, newer, FL(nfma)(a2, older, d));
}
