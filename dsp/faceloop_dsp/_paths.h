/* The loops over the frames of a stretch: each path is filtered and freed of the line at once.
 *
 * Filters that hand their memory on are taken two frames at a time, so that nothing is copied. The
 * counts go through the alert path and the first half of the measurement, then what comes out of
 * that through the second half: so all coefficients and memories stay in registers.
 */

/* One path without the line: ``lane`` 0 is the measurement, LANES the alert path. */
FL_INLINE VEC FL(without_line)(const struct FL(line) * m, VEC y, int i, int lane, int g) {
    const REAL *row = FL(line_bin)(m, m->left[i]) + lane;
    VEC line = FL(all)(m->weight[0][i]) * AT(row, g); /* does not wait for y */
    line = FL(fma)(FL(all)(m->weight[1][i]), AT(row + 2 * LANES, g), line);
    line = FL(fma)(FL(all)(m->weight[2][i]), AT(row + 4 * LANES, g), line);
    return FL(nfma)(FL(all)(m->weight[3][i]), AT(row + 6 * LANES, g), y - line);
}

/* Frames pos.. of the hop: into ``half`` go the measurement's first sections, into ``rows`` the
 * alert path. */
FL_INLINE void FL(paths_first)(struct FL(bands) * b, const struct FL(line) * m,
                               const int32_t (*x)[LANES], REAL (*half)[LANES],
                               REAL (*rows)[2 * LANES], int pos, int n, int g, const int has_droop,
                               const int has_line) {
    const VEC scale = FL(all)(b->scale);
    const VEC t0 = FL(all)(b->droop[0]), t1 = FL(all)(b->droop[1]), t2 = FL(all)(b->droop[2]);
    const VEC a10 = FL(all)(b->a1[0]), a20 = FL(all)(b->a2[0]);
    const VEC a11 = FL(all)(b->a1[1]), a21 = FL(all)(b->a2[1]);
    const VEC a1q = FL(all)(b->a1[QUICK]), a2q = FL(all)(b->a2[QUICK]);
    FL(counts) x1 = ((FL(counts) *)b->x1)[g], x2 = ((FL(counts) *)b->x2)[g];
    VEC d1 = AT(b->d1, g), d2 = AT(b->d2, g);
    VEC p0 = AT(b->y1[0], g), p1 = AT(b->y1[1], g), pq = AT(b->y1[QUICK], g);
    VEC q0 = AT(b->y2[0], g), q1 = AT(b->y2[1], g), qq = AT(b->y2[QUICK], g);
#define FRAME(i, X1, X2, P0, P1, PQ, Q0, Q1, QQ) \
    do { \
        const FL(counts) now = ((const FL(counts) *)x[(i) - pos])[g]; \
        VEC d = FL(from_counts)(now - X2) * scale, before = Q0; \
        if (has_droop) { \
            const VEC flat = FL(fma)(t0, d, FL(fma)(t1, d1, t2 * d2)); \
            d2 = d1, d1 = d; \
            d = flat; \
        } \
        X2 = now; \
        Q0 = FL(first_section)(d, a10, a20, P0, Q0); \
        Q1 = FL(section)(Q0, before, a11, a21, P1, Q1); \
        AT(half[i], g) = Q1; \
        QQ = FL(first_section)(d, a1q, a2q, PQ, QQ); \
        AT(rows[i] + LANES, g) = has_line ? FL(without_line)(m, QQ, i, LANES, g) : QQ; \
    } while (0)
    int i = pos;
    for (; i + 2 <= pos + n; i += 2) {
        FRAME(i, x1, x2, p0, p1, pq, q0, q1, qq);
        FRAME(i + 1, x2, x1, q0, q1, qq, p0, p1, pq);
    }
    if (i < pos + n) {
        FRAME(i, x1, x2, p0, p1, pq, q0, q1, qq);
        ((FL(counts) *)b->x1)[g] = x2, ((FL(counts) *)b->x2)[g] = x1;
        AT(b->y1[0], g) = q0, AT(b->y1[1], g) = q1, AT(b->y1[QUICK], g) = qq;
        AT(b->y2[0], g) = p0, AT(b->y2[1], g) = p1, AT(b->y2[QUICK], g) = pq;
    } else {
        ((FL(counts) *)b->x1)[g] = x1, ((FL(counts) *)b->x2)[g] = x2;
        AT(b->y1[0], g) = p0, AT(b->y1[1], g) = p1, AT(b->y1[QUICK], g) = pq;
        AT(b->y2[0], g) = q0, AT(b->y2[1], g) = q1, AT(b->y2[QUICK], g) = qq;
    }
    AT(b->d1, g) = d1, AT(b->d2, g) = d2;
#undef FRAME
}

/* The measurement's second half: ``half`` becomes the trace with its line, ``rows`` without. */
FL_INLINE void FL(paths_second)(struct FL(bands) * b, const struct FL(line) * m,
                                REAL (*half)[LANES], REAL (*rows)[2 * LANES], int pos, int n,
                                int g, const int has_line) {
    const VEC a12 = FL(all)(b->a1[2]), a22 = FL(all)(b->a2[2]);
    const VEC a13 = FL(all)(b->a1[3]), a23 = FL(all)(b->a2[3]);
    VEC in1 = AT(b->half1, g), p2 = AT(b->y1[2], g), p3 = AT(b->y1[3], g);
    VEC in2 = AT(b->half2, g), q2 = AT(b->y2[2], g), q3 = AT(b->y2[3], g);
#define FRAME(i, IN1, IN2, P2, P3, Q2, Q3) \
    do { \
        const VEC now = AT(half[i], g), before = Q2; \
        Q2 = FL(section)(now, IN2, a12, a22, P2, Q2); \
        IN2 = now; \
        Q3 = FL(section)(Q2, before, a13, a23, P3, Q3); \
        AT(half[i], g) = Q3; \
        AT(rows[i], g) = has_line ? FL(without_line)(m, Q3, i, 0, g) : Q3; \
    } while (0)
    int i = pos;
    for (; i + 2 <= pos + n; i += 2) {
        FRAME(i, in1, in2, p2, p3, q2, q3);
        FRAME(i + 1, in2, in1, q2, q3, p2, p3);
    }
    if (i < pos + n) {
        FRAME(i, in1, in2, p2, p3, q2, q3);
        AT(b->half1, g) = in2, AT(b->y1[2], g) = q2, AT(b->y1[3], g) = q3;
        AT(b->half2, g) = in1, AT(b->y2[2], g) = p2, AT(b->y2[3], g) = p3;
    } else {
        AT(b->half1, g) = in1, AT(b->y1[2], g) = p2, AT(b->y1[3], g) = p3;
        AT(b->half2, g) = in2, AT(b->y2[2], g) = q2, AT(b->y2[3], g) = q3;
    }
#undef FRAME
}

/* Both paths over frames pos.. of the hop. */
static void FL(paths_run)(struct FL(bands) * b, const struct FL(line) * m,
                          const int32_t (*x)[LANES], REAL (*half)[LANES],
                          REAL (*rows)[2 * LANES], int pos, int n) {
    for (int g = 0; g < GROUPS; g++) {
        if (b->has_droop && m->is_on)
            FL(paths_first)(b, m, x, half, rows, pos, n, g, 1, 1);
        else if (b->has_droop)
            FL(paths_first)(b, m, x, half, rows, pos, n, g, 1, 0);
        else if (m->is_on)
            FL(paths_first)(b, m, x, half, rows, pos, n, g, 0, 1);
        else
            FL(paths_first)(b, m, x, half, rows, pos, n, g, 0, 0);
        if (m->is_on)
            FL(paths_second)(b, m, half, rows, pos, n, g, 1);
        else
            FL(paths_second)(b, m, half, rows, pos, n, g, 0);
    }
}
