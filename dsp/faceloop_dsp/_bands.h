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

/* Filter n frames: rows get the measurement lanes (uV), then those of the alert path (uV times a
 * constant, see chain). */
FL_INLINE void FL(bands_body)(struct FL(bands) * b, const int32_t (*x)[LANES],
                              REAL (*rows)[2 * LANES], int n, int g, const int droop) {
    const VEC scale = FL(all)(b->scale);
    const VEC a10 = FL(all)(b->a1[0]), a20 = FL(all)(b->a2[0]);
    const VEC a11 = FL(all)(b->a1[1]), a21 = FL(all)(b->a2[1]);
    const VEC a12 = FL(all)(b->a1[2]), a22 = FL(all)(b->a2[2]);
    const VEC a13 = FL(all)(b->a1[3]), a23 = FL(all)(b->a2[3]);
    const VEC a1q = FL(all)(b->a1[QUICK]), a2q = FL(all)(b->a2[QUICK]);
    const VEC t0 = FL(all)(b->droop[0]), t1 = FL(all)(b->droop[1]), t2 = FL(all)(b->droop[2]);
    FL(counts) x1 = ((FL(counts) *)b->x1)[g], x2 = ((FL(counts) *)b->x2)[g];
    VEC d1 = AT(b->d1, g), d2 = AT(b->d2, g);
    VEC p0 = AT(b->y1[0], g), q0 = AT(b->y2[0], g), p1 = AT(b->y1[1], g), q1 = AT(b->y2[1], g);
    VEC p2 = AT(b->y1[2], g), q2 = AT(b->y2[2], g), p3 = AT(b->y1[3], g), q3 = AT(b->y2[3], g);
    VEC pq = AT(b->y1[QUICK], g), qq = AT(b->y2[QUICK], g);
    FL_UNROLL
    for (int i = 0; i < n; i++) {
        FL(counts) now = ((const FL(counts) *)x[i])[g];
        VEC d = FL(from_counts)(now - x2) * scale;
        VEC y0, y1, y2, y3, yq;
        x2 = x1;
        x1 = now;
        if (droop) {
            VEC flat = FL(fma)(t0, d, FL(fma)(t1, d1, t2 * d2));
            d2 = d1;
            d1 = d;
            d = flat;
        }
        yq = FL(nfma)(a1q, pq, FL(nfma)(a2q, qq, d));
        qq = pq;
        pq = yq;
        y0 = FL(nfma)(a10, p0, FL(nfma)(a20, q0, d));
        y1 = y0 + FL(nfma)(a11, p1, FL(nfms)(a21, q1, q0));
        y2 = y1 + FL(nfma)(a12, p2, FL(nfms)(a22, q2, q1));
        y3 = y2 + FL(nfma)(a13, p3, FL(nfms)(a23, q3, q2));
        q0 = p0, p0 = y0;
        q1 = p1, p1 = y1;
        q2 = p2, p2 = y2;
        q3 = p3, p3 = y3;
        AT(rows[i], g) = y3;
        AT(rows[i] + LANES, g) = yq;
    }
    ((FL(counts) *)b->x1)[g] = x1, ((FL(counts) *)b->x2)[g] = x2;
    AT(b->d1, g) = d1, AT(b->d2, g) = d2;
    AT(b->y1[0], g) = p0, AT(b->y2[0], g) = q0, AT(b->y1[1], g) = p1, AT(b->y2[1], g) = q1;
    AT(b->y1[2], g) = p2, AT(b->y2[2], g) = q2, AT(b->y1[3], g) = p3, AT(b->y2[3], g) = q3;
    AT(b->y1[QUICK], g) = pq, AT(b->y2[QUICK], g) = qq;
}

static void FL(bands_run)(struct FL(bands) * b, const int32_t (*x)[LANES],
                          REAL (*rows)[2 * LANES], int n, int g) {
    if (b->has_droop)
        FL(bands_body)(b, x, rows, n, g, 1);
    else
        FL(bands_body)(b, x, rows, n, g, 0);
}
