/* The usual chain at the full rate, for comparison and interchange with other software: band-pass,
 * nine notches, moving RMS, envelope, Teager-Kaiser energy, double threshold, ratios, each for
 * every frame.
 *
 * Sections as in bands: numerators begin with 1, gains are in the scale, and neighbours share their
 * memory. Moving sums never drift: a second sum of only the new values replaces the first whenever
 * the ring comes round.
 */

#ifndef FACELOOP_CASCADE_ONCE
#define FACELOOP_CASCADE_ONCE
#define MAX_NOTCHES 9
#define STRETCH 64       /* frames that go through all stages before the next */
#define MAX_WINDOW 1600  /* 100 ms at 16 kHz */
enum { FULL_RMS, FULL_ENVELOPE, FULL_ENERGY, FULL_PERCENT, FULL_ASYMMETRY, FULL_INDEX, N_FULL };

/* Up to eight equal bytes. */
FL_INLINE void fl_fill8(unsigned char *to, int byte, int n) {
    const uint64_t eight = (uint64_t)(unsigned char)byte * 0x0101010101010101u;
    if (n >= 8)
        memcpy(to, &eight, 8);
    else
        for (int i = 0; i < n; i++) to[i] = (unsigned char)byte;
}

struct fl_cascade_setup {
    int n_channels, n_notches, window, energy_window, hold, target;
    double scale, a1[4], a2[4];
    double notch_b1[MAX_NOTCHES], notch_a1[MAX_NOTCHES], notch_a2[MAX_NOTCHES];
    double envelope_g, index_limit;
    double per_reference[LANES], on_uv[LANES], off_uv[LANES];
};
#endif

struct FL(cascade) {
    int n_channels, n_notches, window, energy_window, target;
    int at, energy_at;
    REAL scale, b1[MAX_NOTCHES], a1[4 + MAX_NOTCHES], a2[4 + MAX_NOTCHES];
    REAL m11, m12, u2; /* envelope: the filter of features.h as a matrix, of halved states */
    REAL half_uv;      /* half of a microvolt in units of the rows */
    REAL energy_scale, hold;
    ROW per_reference[LANES], on_uv[LANES], off_uv[LANES], index_limit[LANES];
    int32_t ALIGNED x[STRETCH][LANES];
    int32_t x1[LANES], x2[LANES];
    ROW y1[4 + MAX_NOTCHES][LANES], y2[4 + MAX_NOTCHES][LANES];
    ROW in1[MAX_NOTCHES][LANES], in2[MAX_NOTCHES][LANES]; /* of notches that begin a pass */
    ROW rows[STRETCH][LANES]; /* microvolts over the root of the window: squares add up to a mean */
    ROW squares[MAX_WINDOW][LANES], energies[MAX_WINDOW / 2][LANES];
    ROW square[LANES], energy[LANES];
    ROW e1[LANES], e2[LANES], i1[LANES], i2[LANES];
    ROW highest[LANES], lowest[LANES], highest_index[LANES], lowest_index[LANES];
    ROW count[LANES], alert_count[LANES];
    MASK on[GROUPS], alert[GROUPS];
};

/* One frame through the band-pass; ``p`` was the last frame's, ``q`` the one before and becomes
 * this one's: the caller swaps them, so that nothing is copied. */
FL_INLINE void FL(bandpass_frame)(VEC in, const VEC *a1, const VEC *a2, const VEC *p, VEC *q) {
    VEC before = FL(all)(0); /* what went into this section two frames ago */
    for (int k = 0; k < 4; k++) {
        const VEC was = q[k];
        in += FL(nfma)(a1[k], p[k], FL(nfms)(a2[k], was, before));
        before = was;
        q[k] = in;
    }
}

FL_INLINE void FL(cascade_bandpass)(struct FL(cascade) * s, const int32_t (*x)[LANES], int n,
                                    int g) {
    const VEC scale = FL(all)(s->scale);
    FL(counts) x1 = ((FL(counts) *)s->x1)[g], x2 = ((FL(counts) *)s->x2)[g];
    VEC p[4], q[4], a1[4], a2[4];
    int i = 0;
    for (int k = 0; k < 4; k++) {
        p[k] = AT(s->y1[k], g), q[k] = AT(s->y2[k], g);
        a1[k] = FL(all)(s->a1[k]), a2[k] = FL(all)(s->a2[k]);
    }
    for (; i + 2 <= n; i += 2) {
        const FL(counts) now = ((const FL(counts) *)x[i])[g];
        const FL(counts) next = ((const FL(counts) *)x[i + 1])[g];
        FL(bandpass_frame)(FL(from_counts)(now - x2) * scale, a1, a2, p, q);
        AT(s->rows[i], g) = q[3];
        FL(bandpass_frame)(FL(from_counts)(next - x1) * scale, a1, a2, q, p);
        AT(s->rows[i + 1], g) = p[3];
        x2 = now, x1 = next;
    }
    if (i < n) {
        const FL(counts) now = ((const FL(counts) *)x[i])[g];
        FL(bandpass_frame)(FL(from_counts)(now - x2) * scale, a1, a2, p, q);
        AT(s->rows[i], g) = q[3];
        x2 = x1, x1 = now;
        for (int k = 0; k < 4; k++) AT(s->y1[k], g) = q[k], AT(s->y2[k], g) = p[k];
    } else {
        for (int k = 0; k < 4; k++) AT(s->y1[k], g) = p[k], AT(s->y2[k], g) = q[k];
    }
    ((FL(counts) *)s->x1)[g] = x1, ((FL(counts) *)s->x2)[g] = x2;
}

/* One frame through notches; memory as above, [0] is what went into the first. */
FL_INLINE VEC FL(notch_frame)(VEC in, const int n_notches, const VEC *b1, const VEC *a1,
                              const VEC *a2, const VEC *p, VEC *q) {
    for (int k = 0; k < n_notches; k++) {
        const VEC known = FL(nfma)(a2[k], q[k + 1], FL(fma)(b1[k], p[k], q[k]));
        q[k] = in;
        in += FL(nfma)(a1[k], p[k + 1], known);
    }
    q[n_notches] = in;
    return in;
}

/* Notches first.. of n_notches, in place. */
FL_INLINE void FL(cascade_notches)(struct FL(cascade) * s, int n, int g, int first,
                                   const int n_notches) {
    VEC p[MAX_NOTCHES + 1], q[MAX_NOTCHES + 1];
    VEC b1[MAX_NOTCHES], a1[MAX_NOTCHES], a2[MAX_NOTCHES];
    const VEC *newer = p, *older = q;
    int i = 0;
    p[0] = AT(s->in1[first], g), q[0] = AT(s->in2[first], g);
    for (int k = 1; k <= n_notches; k++)
        p[k] = AT(s->y1[first + 3 + k], g), q[k] = AT(s->y2[first + 3 + k], g);
    for (int k = 0; k < n_notches; k++) {
        b1[k] = FL(all)(s->b1[first + k]);
        a1[k] = FL(all)(s->a1[first + 4 + k]), a2[k] = FL(all)(s->a2[first + 4 + k]);
    }
    for (; i + 2 <= n; i += 2) {
        AT(s->rows[i], g) = FL(notch_frame)(AT(s->rows[i], g), n_notches, b1, a1, a2, p, q);
        AT(s->rows[i + 1], g) = FL(notch_frame)(AT(s->rows[i + 1], g), n_notches, b1, a1, a2, q, p);
    }
    if (i < n) {
        AT(s->rows[i], g) = FL(notch_frame)(AT(s->rows[i], g), n_notches, b1, a1, a2, p, q);
        newer = q, older = p;
    }
    AT(s->in1[first], g) = newer[0], AT(s->in2[first], g) = older[0];
    for (int k = 1; k <= n_notches; k++)
        AT(s->y1[first + 3 + k], g) = newer[k], AT(s->y2[first + 3 + k], g) = older[k];
}

FL_INLINE VEC FL(reciprocal)(VEC a) {
#if FL_BYTES == 32 && !REAL_IS_DOUBLE
    const VEC r = (VEC)_mm256_rcp_ps((__m256)a); /* 12 bits, one step of Newton: 22 */
    return r * FL(nfma)(a, r, FL(all)(2));
#else
    return FL(all)(1) / a;
#endif
}

/* Each lane's neighbour, left for right. */
FL_INLINE VEC FL(neighbour)(const REAL *row, int g) {
#if WIDTH == 1
    return row[g ^ 1];
#elif defined(__clang__)
    VEC b;
    for (int k = 0; k < WIDTH; k++) b[k] = row[g * WIDTH + (k ^ 1)];
    return b;
#else
    static const MASK swap = {1, 0,
#if WIDTH >= 4
                              3, 2,
#endif
#if WIDTH >= 8
                              5, 4, 7, 6,
#endif
    };
    return __builtin_shuffle(ANY(row, g), swap);
#endif
}

/* Sums, envelope, and ratios: each lane against its neighbour, (a - b) / (a + b), and against the
 * target's lane. n does not reach over the end of a ring. */
FL_INLINE void FL(cascade_features)(struct FL(cascade) * s, int n, int g, REAL *const *out) {
    const VEC m11 = FL(all)(s->m11), m12 = FL(all)(s->m12), u2 = FL(all)(s->u2);
    const VEC half_uv = FL(all)(s->half_uv), energy_scale = FL(all)(s->energy_scale);
    const VEC zero = FL(all)(0), per_reference = AT(s->per_reference, g);
    VEC square = AT(s->square, g), energy = AT(s->energy, g);
    VEC e1 = AT(s->e1, g), e2 = AT(s->e2, g), i1 = AT(s->i1, g), i2 = AT(s->i2, g);
    VEC highest = zero, lowest = FL(all)((REAL)INFINITY);
    REAL(*squares)[LANES] = s->squares + s->at;
    REAL(*energies)[LANES] = s->energies + s->energy_at;
    FL_UNROLL
    for (int i = 0; i < n; i++) {
        const VEC e = AT(s->rows[i], g), y2 = e * e;
        const VEC psi = FL(abs)(FL(nfma)(e2, e, e1 * e1));
        VEC rms, half, now;
        square += y2 - AT(squares[i], g);
        AT(squares[i], g) = y2;
        energy += psi - AT(energies[i], g);
        AT(energies[i], g) = psi;
        e2 = e1, e1 = e;
        rms = FL(sqrt)(FL(max)(square, zero));
        highest = FL(max)(highest, rms);
        lowest = FL(min)(lowest, rms);
        half = FL(fma)(FL(abs)(e), half_uv, -i2);
        now = FL(fma)(u2, half, FL(fma)(m12, i1, i2));
        i1 = FL(fma)(m11, i1, m12 * half);
        ANY(out[FULL_RMS] + i * LANES, g) = rms;
        ANY(out[FULL_ENVELOPE] + i * LANES, g) = i2 + now;
        ANY(out[FULL_ENERGY] + i * LANES, g) = energy * energy_scale;
        ANY(out[FULL_PERCENT] + i * LANES, g) = rms * per_reference;
        i2 = now;
    }
    AT(s->square, g) = square, AT(s->energy, g) = energy;
    AT(s->e1, g) = e1, AT(s->e2, g) = e2, AT(s->i1, g) = i1, AT(s->i2, g) = i2;
    AT(s->highest, g) = highest, AT(s->lowest, g) = lowest;
}

/* Ratios of what is in out: each lane against its neighbour and against the target's. */
FL_INLINE void FL(cascade_ratios)(struct FL(cascade) * s, int n, int g, REAL *const *out) {
    const VEC least = FL(all)((REAL)0.005);
    VEC highest = FL(all)(0), lowest = FL(all)((REAL)INFINITY);
    FL_UNROLL
    for (int i = 0; i < n; i++) {
        const REAL *row = out[FULL_PERCENT] + i * LANES;
        const VEC a = ANY(row, g), b = FL(neighbour)(row, g);
        const VEC index = a / FL(max)(FL(all)(row[s->target]), least);
        ANY(out[FULL_ASYMMETRY] + i * LANES, g) = (a - b) * FL(reciprocal)(a + b);
        ANY(out[FULL_INDEX] + i * LANES, g) = index;
        highest = FL(max)(highest, index);
        lowest = FL(min)(lowest, index);
    }
    AT(s->highest_index, g) = highest, AT(s->lowest_index, g) = lowest;
}

/* The sum of a full ring: whatever rounding has come together since the last is gone. */
FL_OUTLINE void FL(cascade_sum)(REAL (*ring)[LANES], int n, REAL *sum) {
    for (int g = 0; g < GROUPS; g++) {
        VEC part[4] = {FL(all)(0), FL(all)(0), FL(all)(0), FL(all)(0)};
        int i = 0;
        for (; i + 4 <= n; i += 4)
            for (int k = 0; k < 4; k++) part[k] += AT(ring[i + k], g);
        for (; i < n; i++) part[0] += AT(ring[i], g);
        AT(sum, g) = (part[0] + part[1]) + (part[2] + part[3]);
    }
}

/* A switch with a hold: a value above its upper limit for ``hold`` frames puts it on, one below its
 * lower limit off. ``highest`` and ``lowest`` are those of the n frames: as long as neither passes
 * a limit, nothing changes, and the frames need not be looked at. One byte of bits a frame. */
FL_INLINE void FL(cascade_switch)(MASK *on, REAL *count, const REAL *highest, const REAL *lowest,
                                  const REAL *upper, const REAL *lower, REAL hold,
                                  const REAL *values, int n, unsigned char *bits) {
    const VEC zero = FL(all)(0), one = FL(all)(1), held = FL(all)(hold);
    int past = 0, all = 0;
    for (int g = 0; g < GROUPS; g++) {
        past |= FL(bits)((on[g] & FL_MASK(AT(lowest, g) < AT(lower, g))) |
                         (~on[g] & FL_MASK(AT(highest, g) > AT(upper, g))));
        all |= FL(bits)(on[g]) << (g * WIDTH);
    }
    if (FL_LIKELY(!past)) {
        FL(zero)(count, 1);
        for (int i = 0; i < n; i += 8) fl_fill8(bits + i, all, n - i);
        return;
    }
    for (int g = 0; g < GROUPS; g++) {
        const VEC high = AT(upper, g), low = AT(lower, g);
        VEC frames = AT(count, g);
        MASK is_on = on[g];
        for (int i = 0; i < n; i++) {
            const VEC x = ANY(values + i * LANES, g);
            const MASK is_past = (is_on & FL_MASK(x < low)) | (~is_on & FL_MASK(x > high));
            MASK flips;
            frames = FL(select)(is_past, frames + one, zero);
            flips = FL_MASK(frames >= held);
            is_on ^= flips;
            frames = FL(select)(flips, zero, frames);
            if (g == 0) bits[i] = 0;
            bits[i] |= (unsigned char)(FL(bits)(is_on) << (g * WIDTH));
        }
        AT(count, g) = frames;
        on[g] = is_on;
    }
}

static void FL(cascade_stretch)(struct FL(cascade) * s, const int32_t (*x)[LANES], int n,
                                REAL *const *out, unsigned char *on_out,
                                unsigned char *alert_out) {
    for (int g = 0; g < GROUPS; g++) {
        FL(cascade_bandpass)(s, x, n, g);
        if (s->n_notches == 9) {
            FL(cascade_notches)(s, n, g, 0, 5); /* more would not stay in registers */
            FL(cascade_notches)(s, n, g, 5, 4);
        } else {
            for (int k = 0; k < s->n_notches; k++) FL(cascade_notches)(s, n, g, k, 1);
        }
        FL(cascade_features)(s, n, g, out);
    }
    for (int g = 0; g < GROUPS; g++) FL(cascade_ratios)(s, n, g, out);
    FL(cascade_switch)(s->on, s->count, s->highest, s->lowest, s->on_uv, s->off_uv, s->hold,
                       out[FULL_RMS], n, on_out);
    FL(cascade_switch)(s->alert, s->alert_count, s->highest_index, s->lowest_index, s->index_limit,
                       s->index_limit, s->hold, out[FULL_INDEX], n, alert_out);
    s->at += n;
    s->energy_at += n;
    if (s->at == s->window) {
        s->at = 0;
        FL(cascade_sum)(s->squares, s->window, s->square);
    }
    if (s->energy_at == s->energy_window) {
        s->energy_at = 0;
        FL(cascade_sum)(s->energies, s->energy_window, s->energy);
    }
}

static void FL(cascade_run)(struct FL(cascade) * s, const int32_t *source, int64_t n,
                            REAL *const *outputs, unsigned char *on_out,
                            unsigned char *alert_out) {
    REAL *out[N_FULL];
    for (int k = 0; k < N_FULL; k++) out[k] = outputs[k];
    while (n > 0) {
        const int32_t(*x)[LANES] = (const int32_t(*)[LANES])source;
        int m = STRETCH;
        if (m > n) m = (int)n;
        if (m > s->window - s->at) m = s->window - s->at;
        if (m > s->energy_window - s->energy_at) m = s->energy_window - s->energy_at;
        if (s->n_channels != LANES) {
            for (int i = 0; i < m; i++)
                for (int c = 0; c < s->n_channels; c++)
                    s->x[i][c] = source[i * s->n_channels + c];
            x = (const int32_t(*)[LANES])s->x;
        }
        FL(cascade_stretch)(s, x, m, out, on_out, alert_out);
        source += (int64_t)m * s->n_channels;
        for (int k = 0; k < N_FULL; k++) out[k] += (int64_t)m * LANES;
        on_out += m;
        alert_out += m;
        n -= m;
    }
}

static void FL(cascade_init)(struct FL(cascade) * s, const struct fl_cascade_setup *setup) {
    const double g = setup->envelope_g, g1 = 1.0 / (1.0 + g * (g + sqrt(2.0)));
    memset(s, 0, sizeof *s);
    s->n_channels = setup->n_channels;
    s->n_notches = setup->n_notches;
    s->window = setup->window;
    s->energy_window = setup->energy_window;
    s->target = setup->target;
    s->scale = (REAL)(setup->scale / sqrt((double)setup->window));
    s->hold = (REAL)setup->hold;
    s->energy_scale = (REAL)((double)setup->window / setup->energy_window);
    s->half_uv = (REAL)(0.5 * sqrt((double)setup->window));
    s->m11 = (REAL)(2 * g1 - 1), s->m12 = (REAL)(2 * g * g1), s->u2 = (REAL)(2 * g * g * g1);
    for (int k = 0; k < 4; k++) s->a1[k] = (REAL)setup->a1[k], s->a2[k] = (REAL)setup->a2[k];
    for (int k = 0; k < setup->n_notches; k++) {
        s->b1[k] = (REAL)setup->notch_b1[k];
        s->a1[4 + k] = (REAL)setup->notch_a1[k], s->a2[4 + k] = (REAL)setup->notch_a2[k];
    }
    for (int c = 0; c < LANES; c++) {
        s->per_reference[c] = (REAL)setup->per_reference[c];
        s->index_limit[c] = (REAL)setup->index_limit;
        s->on_uv[c] = (REAL)setup->on_uv[c], s->off_uv[c] = (REAL)setup->off_uv[c];
    }
}
