/* Band-pass filters: measurement (four sections) and alert path (one), side by side.
 *
 * All numerators are 1 - z^-2. That of the first sections is taken from the counts as integers, so
 * an electrode offset of any size costs no precision, even in 32-bit floats; the gains are folded
 * into one scale. In direct form I a section is two multiply-adds and an addition and shares its
 * memory with the next; all that is known before a frame comes is summed first, so a sample needs
 * only one addition to pass through a section.
 */

#define SECTIONS 4
#define QUICK SECTIONS /* the alert path's section */

struct FL(bands) {
    REAL scale; /* microvolts per count, times the gain of the measurement sections */
    int has_droop;
    REAL droop[3]; /* minimum-phase correction of the converter's own low-pass */
    REAL a1[SECTIONS + 1], a2[SECTIONS + 1];
    int32_t x1[LANES], x2[LANES];
    ROW d1[LANES], d2[LANES]; /* differences, for the droop */
    ROW y1[SECTIONS + 1][LANES], y2[SECTIONS + 1][LANES];
};

/* Bring one lane into the steady state of an input that has always been ``count``. Without this
 * an electrode offset of 40 mV would ring for a quarter of a second. */
static void FL(bands_begin)(struct FL(bands) * b, int lane, int32_t count) {
    b->x1[lane] = b->x2[lane] = count;
    b->d1[lane] = b->d2[lane] = 0;
    for (int k = 0; k <= SECTIONS; k++) b->y1[k][lane] = b->y2[k][lane] = 0;
}

/* One frame: ``d`` is the first numerator's output, ``p`` holds the last frame, ``q`` the one before
 * and becomes this one: the caller swaps them, so that nothing is copied. */
FL_INLINE void FL(bands_frame)(VEC d, const VEC *a1, const VEC *a2, const VEC *p, VEC *q,
                               REAL *row, int g) {
    const VEC q0 = q[0], q1 = q[1], q2 = q[2];
    const VEC y0 = FL(nfma)(a1[0], p[0], FL(nfma)(a2[0], q0, d));
    const VEC y1 = y0 + FL(nfma)(a1[1], p[1], FL(nfms)(a2[1], q1, q0));
    const VEC y2 = y1 + FL(nfma)(a1[2], p[2], FL(nfms)(a2[2], q2, q1));
    const VEC y3 = y2 + FL(nfma)(a1[3], p[3], FL(nfms)(a2[3], q[3], q2));
    const VEC yq = FL(nfma)(a1[QUICK], p[QUICK], FL(nfma)(a2[QUICK], q[QUICK], d));
    q[0] = y0, q[1] = y1, q[2] = y2, q[3] = y3, q[QUICK] = yq;
    AT(row, g) = y3;
    AT(row + LANES, g) = yq;
}

/* Filter n frames: rows get the measurement lanes (uV), then those of the alert path (uV times a
 * constant, see chain). */
FL_INLINE void FL(bands_body)(struct FL(bands) * b, const int32_t (*x)[LANES],
                              REAL (*rows)[2 * LANES], int n, int g, const int droop) {
    const VEC scale = FL(all)(b->scale);
    const VEC t0 = FL(all)(b->droop[0]), t1 = FL(all)(b->droop[1]), t2 = FL(all)(b->droop[2]);
    FL(counts) x1 = ((FL(counts) *)b->x1)[g], x2 = ((FL(counts) *)b->x2)[g];
    VEC d1 = AT(b->d1, g), d2 = AT(b->d2, g);
    VEC a1[SECTIONS + 1], a2[SECTIONS + 1], p[SECTIONS + 1], q[SECTIONS + 1];
    int i = 0;
    for (int k = 0; k <= SECTIONS; k++) {
        a1[k] = FL(all)(b->a1[k]), a2[k] = FL(all)(b->a2[k]);
        p[k] = AT(b->y1[k], g), q[k] = AT(b->y2[k], g);
    }
    for (; i + 2 <= n; i += 2) {
        const FL(counts) now = ((const FL(counts) *)x[i])[g];
        const FL(counts) next = ((const FL(counts) *)x[i + 1])[g];
        VEC d = FL(from_counts)(now - x2) * scale, e = FL(from_counts)(next - x1) * scale;
        if (droop) {
            const VEC flat = FL(fma)(t0, d, FL(fma)(t1, d1, t2 * d2));
            const VEC flat_next = FL(fma)(t0, e, FL(fma)(t1, d, t2 * d1));
            d2 = d, d1 = e;
            d = flat, e = flat_next;
        }
        FL(bands_frame)(d, a1, a2, p, q, rows[i], g);
        FL(bands_frame)(e, a1, a2, q, p, rows[i + 1], g);
        x2 = now, x1 = next;
    }
    if (i < n) {
        const FL(counts) now = ((const FL(counts) *)x[i])[g];
        VEC d = FL(from_counts)(now - x2) * scale;
        if (droop) {
            const VEC flat = FL(fma)(t0, d, FL(fma)(t1, d1, t2 * d2));
            d2 = d1, d1 = d;
            d = flat;
        }
        FL(bands_frame)(d, a1, a2, p, q, rows[i], g);
        x2 = x1, x1 = now;
        for (int k = 0; k <= SECTIONS; k++) AT(b->y1[k], g) = q[k], AT(b->y2[k], g) = p[k];
    } else {
        for (int k = 0; k <= SECTIONS; k++) AT(b->y1[k], g) = p[k], AT(b->y2[k], g) = q[k];
    }
    ((FL(counts) *)b->x1)[g] = x1, ((FL(counts) *)b->x2)[g] = x2;
    AT(b->d1, g) = d1, AT(b->d2, g) = d2;
}

static void FL(bands_run)(struct FL(bands) * b, const int32_t (*x)[LANES],
                          REAL (*rows)[2 * LANES], int n, int g) {
    if (b->has_droop)
        FL(bands_body)(b, x, rows, n, g, 1);
    else
        FL(bands_body)(b, x, rows, n, g, 0);
}
