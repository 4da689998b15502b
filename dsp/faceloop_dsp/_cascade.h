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
    REAL m11, m12, m22, u1, u2; /* envelope: the filter of features.h as a matrix */
    REAL rms_scale, energy_scale, hold, index_limit;
    ROW per_reference[LANES], on_uv[LANES], off_uv[LANES];
    int32_t ALIGNED x[STRETCH][LANES];
    int32_t x1[LANES], x2[LANES];
    ROW y1[4 + MAX_NOTCHES][LANES], y2[4 + MAX_NOTCHES][LANES];
    ROW in1[MAX_NOTCHES][LANES], in2[MAX_NOTCHES][LANES]; /* of notches that begin a pass */
    ROW rows[STRETCH][LANES];
    ROW percent[STRETCH][LANES];
    ROW squares[MAX_WINDOW][LANES], energies[MAX_WINDOW / 2][LANES];
    ROW square[LANES], fresh_square[LANES], energy[LANES], fresh_energy[LANES];
    ROW e1[LANES], e2[LANES], i1[LANES], i2[LANES];
    ROW count[LANES], alert_count[LANES];
    MASK on[GROUPS], alert[GROUPS];
};

FL_INLINE void FL(cascade_bandpass)(struct FL(cascade) * s, int n, int g) {
    const VEC scale = FL(all)(s->scale);
    FL(counts) x1 = ((FL(counts) *)s->x1)[g], x2 = ((FL(counts) *)s->x2)[g];
    VEC p[4], q[4], a1[4], a2[4];
    for (int k = 0; k < 4; k++) {
        p[k] = AT(s->y1[k], g), q[k] = AT(s->y2[k], g);
        a1[k] = FL(all)(s->a1[k]), a2[k] = FL(all)(s->a2[k]);
    }
    FL_UNROLL
    for (int i = 0; i < n; i++) {
        const FL(counts) now = ((const FL(counts) *)s->x[i])[g];
        VEC in = FL(from_counts)(now - x2) * scale;
        VEC before = FL(all)(0); /* what went into this section two frames ago */
        x2 = x1, x1 = now;
        for (int k = 0; k < 4; k++) {
            in = FL(nfma)(a1[k], p[k], in + FL(nfms)(a2[k], q[k], before));
            before = q[k];
            q[k] = p[k], p[k] = in;
        }
        AT(s->rows[i], g) = p[3];
    }
    ((FL(counts) *)s->x1)[g] = x1, ((FL(counts) *)s->x2)[g] = x2;
    for (int k = 0; k < 4; k++) AT(s->y1[k], g) = p[k], AT(s->y2[k], g) = q[k];
}

/* Notches first.. of n_notches, in place; so many that their memory stays in registers. */
FL_INLINE void FL(cascade_notches)(struct FL(cascade) * s, int n, int g, int first,
                                   const int n_notches) {
    VEC p[4], q[4], b1[3], a1[3], a2[3]; /* p[0], q[0]: what went into the first */
    p[0] = AT(s->in1[first], g), q[0] = AT(s->in2[first], g);
    for (int k = 1; k <= n_notches; k++)
        p[k] = AT(s->y1[first + 3 + k], g), q[k] = AT(s->y2[first + 3 + k], g);
    for (int k = 0; k < n_notches; k++) {
        b1[k] = FL(all)(s->b1[first + k]);
        a1[k] = FL(all)(s->a1[first + 4 + k]), a2[k] = FL(all)(s->a2[first + 4 + k]);
    }
    FL_UNROLL
    for (int i = 0; i < n; i++) {
        VEC in = AT(s->rows[i], g);
        for (int k = 0; k < n_notches; k++) {
            const VEC known = FL(nfma)(a2[k], q[k + 1], FL(fma)(b1[k], p[k], q[k]));
            const VEC y = FL(nfma)(a1[k], p[k + 1], in + known);
            q[k] = p[k], p[k] = in;
            in = y;
        }
        q[n_notches] = p[n_notches], p[n_notches] = in;
        AT(s->rows[i], g) = in;
    }
    AT(s->in1[first], g) = p[0], AT(s->in2[first], g) = q[0];
    for (int k = 1; k <= n_notches; k++)
        AT(s->y1[first + 3 + k], g) = p[k], AT(s->y2[first + 3 + k], g) = q[k];
}

FL_INLINE VEC FL(reciprocal)(VEC a) {
#if FL_BYTES == 32 && !REAL_IS_DOUBLE
    const VEC r = (VEC)_mm256_rcp_ps((__m256)a); /* 12 bits, one step of Newton: 22 */
    return r * FL(nfma)(a, r, FL(all)(2));
#else
    return FL(all)(1) / a;
#endif
}

/* Sums, envelope and thresholds; n does not reach over the end of a ring. */
FL_INLINE void FL(cascade_features)(struct FL(cascade) * s, int n, int g, REAL *const *out,
                                    unsigned char *on_out, int stride) {
    const VEC m11 = FL(all)(s->m11), m12 = FL(all)(s->m12), m22 = FL(all)(s->m22);
    const VEC u1 = FL(all)(s->u1), u2 = FL(all)(s->u2), half = FL(all)((REAL)0.5);
    const VEC rms_scale = FL(all)(s->rms_scale), energy_scale = FL(all)(s->energy_scale);
    const VEC zero = FL(all)(0), one = FL(all)(1), hold = FL(all)(s->hold);
    const VEC on_uv = AT(s->on_uv, g), off_uv = AT(s->off_uv, g);
    const VEC per_reference = AT(s->per_reference, g);
    VEC square = AT(s->square, g), fresh_square = AT(s->fresh_square, g);
    VEC energy = AT(s->energy, g), fresh_energy = AT(s->fresh_energy, g);
    VEC e1 = AT(s->e1, g), e2 = AT(s->e2, g), i1 = AT(s->i1, g), i2 = AT(s->i2, g);
    VEC count = AT(s->count, g);
    MASK on = s->on[g];
    REAL(*squares)[LANES] = s->squares + s->at;
    REAL(*energies)[LANES] = s->energies + s->energy_at;
    FL_UNROLL
    for (int i = 0; i < n; i++) {
        const VEC e = AT(s->rows[i], g), y2 = e * e;
        const VEC psi = FL(abs)(FL(nfma)(e2, e, e1 * e1));
        VEC rms, now1, now2, level, percent;
        MASK is_past, flips;
        square += y2 - AT(squares[i], g);
        fresh_square += y2;
        AT(squares[i], g) = y2;
        energy += psi - AT(energies[i], g);
        fresh_energy += psi;
        AT(energies[i], g) = psi;
        e2 = e1, e1 = e;
        rms = FL(sqrt)(FL(max)(square * rms_scale, zero));
        level = FL(abs)(e);
        now1 = FL(fma)(m11, i1, FL(nfma)(m12, i2, u1 * level));
        now2 = FL(fma)(m22, i2, FL(fma)(m12, i1, u2 * level));
        level = half * (i2 + now2);
        i1 = now1, i2 = now2;
        is_past = (on & FL_MASK(rms < off_uv)) | (~on & FL_MASK(rms > on_uv));
        count = FL(select)(is_past, count + one, zero);
        flips = FL_MASK(count >= hold);
        on ^= flips;
        count = FL(select)(flips, zero, count);
        percent = rms * per_reference;
        AT(s->percent[i], g) = percent;
        ANY(out[FULL_RMS] + (int64_t)i * stride, g) = rms;
        ANY(out[FULL_ENVELOPE] + (int64_t)i * stride, g) = level;
        ANY(out[FULL_ENERGY] + (int64_t)i * stride, g) = energy * energy_scale;
        ANY(out[FULL_PERCENT] + (int64_t)i * stride, g) = percent;
        if (GROUPS == 1)
            on_out[i] = (unsigned char)FL(bits)(on);
        else if (g == 0)
            on_out[i] = (unsigned char)FL(bits)(on);
        else
            on_out[i] |= (unsigned char)(FL(bits)(on) << (g * WIDTH));
    }
    AT(s->square, g) = square, AT(s->fresh_square, g) = fresh_square;
    AT(s->energy, g) = energy, AT(s->fresh_energy, g) = fresh_energy;
    AT(s->e1, g) = e1, AT(s->e2, g) = e2, AT(s->i1, g) = i1, AT(s->i2, g) = i2;
    AT(s->count, g) = count;
    s->on[g] = on;
}

/* Each lane against its neighbour, (a - b) / (a + b), and against the target's lane; an alert is a
 * lane whose share of the target stays over the limit. */
FL_INLINE void FL(cascade_ratios)(struct FL(cascade) * s, int n, int g, REAL *const *out,
                                  unsigned char *alert_out, int stride) {
    const VEC limit = FL(all)(s->index_limit), zero = FL(all)(0), one = FL(all)(1);
    const VEC hold = FL(all)(s->hold), least = FL(all)((REAL)0.005);
    VEC count = AT(s->alert_count, g);
    MASK alert = s->alert[g];
    FL_UNROLL
    for (int i = 0; i < n; i++) {
        const VEC a = AT(s->percent[i], g);
        const VEC target = FL(max)(FL(all)(s->percent[i][s->target]), least);
        VEC b, index;
        MASK is_past, flips;
#if WIDTH == 1
        b = s->percent[i][g ^ 1];
#elif defined(__clang__)
        for (int k = 0; k < WIDTH; k++) b[k] = a[k ^ 1];
#else
        static const MASK swap = {1, 0,
#if WIDTH >= 4
                                  3, 2,
#endif
#if WIDTH >= 8
                                  5, 4, 7, 6,
#endif
        };
        b = __builtin_shuffle(a, swap);
#endif
        index = a * FL(reciprocal)(target);
        ANY(out[FULL_ASYMMETRY] + (int64_t)i * stride, g) = (a - b) * FL(reciprocal)(a + b);
        ANY(out[FULL_INDEX] + (int64_t)i * stride, g) = index;
        is_past = alert ^ FL_MASK(index > limit);
        count = FL(select)(is_past, count + one, zero);
        flips = FL_MASK(count >= hold);
        alert ^= flips;
        count = FL(select)(flips, zero, count);
        if (g == 0)
            alert_out[i] = (unsigned char)FL(bits)(alert);
        else
            alert_out[i] |= (unsigned char)(FL(bits)(alert) << (g * WIDTH));
    }
    AT(s->alert_count, g) = count;
    s->alert[g] = alert;
}

static void FL(cascade_stretch)(struct FL(cascade) * s, int n, REAL *const *out,
                                unsigned char *on_out, unsigned char *alert_out, int stride) {
    for (int g = 0; g < GROUPS; g++) {
        FL(cascade_bandpass)(s, n, g);
        if (s->n_notches == 9) {
            for (int first = 0; first < 9; first += 3) FL(cascade_notches)(s, n, g, first, 3);
        } else {
            for (int k = 0; k < s->n_notches; k++) FL(cascade_notches)(s, n, g, k, 1);
        }
        FL(cascade_features)(s, n, g, out, on_out, stride);
    }
    for (int g = 0; g < GROUPS; g++) FL(cascade_ratios)(s, n, g, out, alert_out, stride);
    s->at += n;
    s->energy_at += n;
    if (s->at == s->window) {
        s->at = 0;
        memcpy(s->square, s->fresh_square, sizeof s->square);
        memset(s->fresh_square, 0, sizeof s->fresh_square);
    }
    if (s->energy_at == s->energy_window) {
        s->energy_at = 0;
        memcpy(s->energy, s->fresh_energy, sizeof s->energy);
        memset(s->fresh_energy, 0, sizeof s->fresh_energy);
    }
}

static void FL(cascade_run)(struct FL(cascade) * s, const int32_t *source, int64_t n,
                            REAL *const *outputs, unsigned char *on_out,
                            unsigned char *alert_out) {
    REAL *out[N_FULL];
    for (int k = 0; k < N_FULL; k++) out[k] = outputs[k];
    while (n > 0) {
        int m = STRETCH;
        if (m > n) m = (int)n;
        if (m > s->window - s->at) m = s->window - s->at;
        if (m > s->energy_window - s->energy_at) m = s->energy_window - s->energy_at;
        if (s->n_channels == LANES) {
            memcpy(s->x, source, (size_t)m * sizeof s->x[0]);
        } else {
            for (int i = 0; i < m; i++)
                for (int c = 0; c < s->n_channels; c++)
                    s->x[i][c] = source[i * s->n_channels + c];
        }
        FL(cascade_stretch)(s, m, out, on_out, alert_out, LANES);
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
    s->scale = (REAL)setup->scale;
    s->hold = (REAL)setup->hold;
    s->index_limit = (REAL)setup->index_limit;
    s->rms_scale = (REAL)(1.0 / setup->window);
    s->energy_scale = (REAL)(1.0 / setup->energy_window);
    s->m11 = (REAL)(2 * g1 - 1), s->m12 = s->u1 = (REAL)(2 * g * g1);
    s->m22 = (REAL)(1 - 2 * g * g * g1), s->u2 = (REAL)(2 * g * g * g1);
    for (int k = 0; k < 4; k++) s->a1[k] = (REAL)setup->a1[k], s->a2[k] = (REAL)setup->a2[k];
    for (int k = 0; k < setup->n_notches; k++) {
        s->b1[k] = (REAL)setup->notch_b1[k];
        s->a1[4 + k] = (REAL)setup->notch_a1[k], s->a2[4 + k] = (REAL)setup->notch_a2[k];
    }
    for (int c = 0; c < LANES; c++) {
        s->per_reference[c] = (REAL)setup->per_reference[c];
        s->on_uv[c] = (REAL)setup->on_uv[c], s->off_uv[c] = (REAL)setup->off_uv[c];
    }
}
