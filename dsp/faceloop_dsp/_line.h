/* Mains canceller: one cycle of the line is learnt per lane and subtracted.
 *
 * The phase of the line is shared by all lanes: a 32-bit integer, so it is exact over any number
 * of frames and any gap. It is planned a hop (10 ms) ahead, and all that learns does so at the end
 * of a hop: a template of some forty points per cycle, read by cubic interpolation; what remains
 * is clipped and added to the nearest point, so a contraction hardly moves it. A
 * frequency-locked loop turns the phase: over whole cycles the signal before the cancelling is
 * correlated with harmonics 1-3 (on sums over a group of frames), and the rotation against the
 * smoothed correlations is the error of the frequency.
 */

#ifndef FACELOOP_LINE_ONCE
#define FACELOOP_LINE_ONCE
#define MAX_BINS 40
#define PLAN (MAX_HOP + 8)
#define PHASES 6                /* real and imaginary part of harmonics 1-3 */
#define MAINS_MU 0.06           /* learning rate: 1/0.06 = 17 cycles of memory */
#define MAINS_CLIP 2.0          /* times the residual that 30 % of the steps lie below */
#define MAINS_TRACK_DOWN 0.965
#define MAINS_TRACK_UP 1.015
#define MAINS_MIN_TRACK_UV 0.05 /* below the noise of any input: a dead lane stays alive */
#define MAINS_RINGING_S 0.05
#define RINGING_HOPS 5
#define MAINS_WARM_S 0.3        /* cold start takes 0.15-0.28 s: no clip until then */
#define MAINS_OLD 4e6           /* frames: an age beyond it tells nothing more */
/* Frequency-locked loop: a Kalman filter of frequency and its rate of change. */
#define MAINS_LOOP_START_S 0.4
#define MAINS_LOOP_RETURN 0.05    /* per second */
#define MAINS_SPREAD_HZ 0.3       /* of the frequency before anything is known */
#define MAINS_SPREAD_HZ_S 0.01    /* of its rate */
#define MAINS_WANDER 3e-4         /* Hz^2/s^3: variance of the rate gained per second */
#define MAINS_SHARED 8.0          /* neighbouring errors share their past: fewer than they seem */
#define MAINS_LEAST_HZ 0.005      /* no error of a step is known better */
#define MAINS_LEAST_TRUST 0.02    /* of a contracting lane: what it was is not kept for ever */
#define MAINS_SMOOTH_HZ 1.0
#define MAINS_MAX_ERROR_HZ 2.0    /* a larger one is noise */
#define MAINS_MAX_RATE_HZ_S 0.5
#define MAINS_MAX_OFFSET_HZ 1.5
/* Power of the smoothed correlations in units of what noise of the same power gives; EMG is up to
 * three times denser near the line than on average. */
#define MAINS_PRESENT 8.0
#define MAINS_DENSE_HZ 2000.0 /* up to this rate that holds */
/* Share of the residual that may be locked to the line before a lane learns anew. */
#define MAINS_LOCKED_SHARE 0.5
#define MAINS_LOCKED_STEPS 5
#define FL_PI 3.14159265358979323846

static double fl_clamp(double x, double low, double high) {
    return x < low ? low : x > high ? high : x;
}
#endif

#undef ROW_BYTES
#define ROW_BYTES (2 * LANES * (int)sizeof(REAL)) /* of bins */

struct FL(line) {
    int is_on;
    int hop;     /* frames of 10 ms */
    int group;   /* frames of a sum, divides the hop */
    int n_bins;
    int harmonics; /* of the loop: those below the band's upper corner */
    double fs_hz, nominal_hz, hz, rate_hz_s;
    double spread[3]; /* variances of hz and of the rate, between them their covariance */
    uint32_t phase; /* at the hop's first frame, in 2^-32 cycles */
    uint32_t turn;  /* per frame */
    int loop_hops;  /* whole cycles */
    int n_loop;
    int n_ringing; /* hops in which the band-pass still rings and would pull the frequency */
    int n_step;      /* frames since the clip limits were set */
    int64_t n_frames; /* since the last start */
    int is_present;
    int is_young; /* a lane still learns faster than MAINS_MU */
    double turns_per_hz;   /* of the phase, per frame */
    double loop_s;         /* a step of the loop */
    double loop_variance;  /* of its error, over the line's power */
    double density;        /* of noise in the band, over that of as much white noise */
    REAL loop_gain;        /* of what is smoothed */
    REAL quick_uv;     /* microvolts per unit of the alert path's lanes */
    int32_t left[PLAN], near[PLAN]; /* in bytes from the first of bins */
    REAL weight[4][PLAN];
    REAL phasor[PHASES][PLAN]; /* of the groups */
    ROW bins[MAX_BINS + 4][2 * LANES]; /* point k in row k + 1, both ends repeated */
    ROW mu[LANES];
    ROW limit[2 * LANES], track[2 * LANES], abs_sum[2 * LANES];
    ROW age[LANES];     /* frames since a lane began to learn */
    ROW is_used[LANES]; /* 1 for lanes the frequency is taken from */
    ROW before[PHASES][LANES];  /* running loop step, before cancelling */
    ROW smooth[PHASES][LANES];
    ROW smooth_noise[LANES]; /* their variance if there were no line */
    ROW lag_s[LANES];        /* from the middle of what is smoothed to the running step */
    ROW loop_square[LANES];  /* running loop step, of the residual */
    ROW after[PHASES][LANES];   /* running step, after cancelling */
    ROW locked[PHASES][LANES];
    ROW locked_power[LANES], locked_steps[LANES];
    ROW square_sum[LANES], power[LANES]; /* of the residual; 0.5 s */
};

/* The sum of a k z^k, in an order that waits less than Horner's. */
FL_INLINE REAL FL(series)(REAL z, double a0, double a1, double a2, double a3, double a4,
                          double a5) {
    const REAL z2 = z * z, low = FL(fma1)((REAL)a1, z, (REAL)a0);
    const REAL middle = FL(fma1)((REAL)a3, z, (REAL)a2), high = FL(fma1)((REAL)a5, z, (REAL)a4);
    return FL(fma1)(FL(fma1)(high, z2, middle), z2, low);
}

/* Phasors exp(-j 2 pi h phase), harmonics h = 1-3, at the phases of ``n`` groups (a multiple of the
 * vector): sine and cosine of half the angle by their series, to 1e-7, then by doubling. */
FL_INLINE void FL(phasors)(uint32_t phase, uint32_t turn, int n, REAL (*out)[PLAN]) {
    const REAL half_turn = (REAL)(FL_PI / 4294967296.0);
    FL_UNROLL
    for (int i = 0; i < n; i++) {
        const REAL x = (REAL)(int32_t)(phase + turn * (uint32_t)i) * half_turn, z = x * x;
        const REAL s1 = x * FL(series)(z, 1, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880,
                                       -1.0 / 39916800);
        const REAL c1 = FL(series)(z, 1, -0.5, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800);
        const REAL s = -2 * (s1 * c1), c = FL(fma1)(-2 * s1, s1, 1);
        const REAL c2 = FL(fma1)(-2 * s, s, 1), s2 = 2 * (s * c);
        out[0][i] = c, out[1][i] = s;
        out[2][i] = c2, out[3][i] = s2;
        out[4][i] = FL(fma1)(c, c2, -(s * s2)), out[5][i] = FL(fma1)(s, c2, c * s2);
    }
}

/* The point of the template, and those behind it, that are so many bytes from its first. */
FL_INLINE REAL *FL(line_bin)(const struct FL(line) * m, int32_t bytes) {
    FL_CHECK(bytes >= 0 && bytes % ROW_BYTES == 0 && bytes / ROW_BYTES <= m->n_bins);
    return (REAL *)((char *)m->bins + bytes);
}

/* Where each of ``n`` frames reads and writes the template, and the phasors of ``n_groups`` groups
 * (both multiples of the vector). */
FL_INLINE void FL(line_plan_frames)(struct FL(line) * m, const int n, const int n_groups) {
    const int32_t n_bins = m->n_bins;
    const uint32_t phase = m->phase, turn = m->turn;
#if REAL_IS_DOUBLE
    const REAL scale = m->n_bins * (1.0 / 2147483648.0);
    const int cut = 1;
#else
    const REAL scale = (REAL)(m->n_bins * (1.0 / 16777216.0));
    const int cut = 8;
#endif
    for (int i = 0; i < n; i++) {
        const REAL point = (REAL)(int32_t)((phase + turn * (uint32_t)i) >> cut) * scale;
        const int32_t left = (int32_t)point;
        const REAL f = point - (REAL)left;
        const int32_t near = left + (f >= (REAL)0.5);
        /* Four-point Lagrange: between 40 points a straight line misses 3 % of the third
         * harmonic, 3 uV of a strong line, a cubic 0.1 %. */
        const REAL a = f * f - f, b = a - 2;
        m->left[i] = left * ROW_BYTES;
        m->near[i] = (near + 1 - (near >= n_bins ? n_bins : 0)) * ROW_BYTES;
        m->weight[0][i] = (2 - f) * a * (REAL)(1.0 / 6.0);
        m->weight[1][i] = b * (f - 1) * (REAL)0.5;
        m->weight[2][i] = b * f * (REAL)-0.5;
        m->weight[3][i] = a * (f + 1) * (REAL)(1.0 / 6.0);
    }
    FL(phasors)(phase, turn * (uint32_t)m->group, n_groups, m->phasor);
}

FL_OUTLINE void FL(line_plan)(struct FL(line) * m) {
    if (m->hop == 20 && m->group == 4) /* the converter's usual rate */
        FL(line_plan_frames)(m, 24, 8);
    else
        FL(line_plan_frames)(m, (m->hop + 7) & ~7, (m->hop / m->group + 7) & ~7);
}

static void FL(line_turn)(struct FL(line) * m) {
    m->turn = (uint32_t)(m->hz * m->turns_per_hz + 0.5);
}

/* Let a lane learn quickly, starting from the template it has. */
static void FL(line_relearn)(struct FL(line) * m, int lane) {
    m->age[lane] = 0;
    m->is_young = 1;
    m->mu[lane] = 1;
    m->limit[lane] = m->limit[lane + LANES] = (REAL)INFINITY;
    m->locked_steps[lane] = 0;
    m->locked_power[lane] = 0;
}

/* Start a lane from nothing: its electrode was off, or its input at the rail. */
static void FL(line_forget)(struct FL(line) * m, int lane) {
    for (int i = 0; i < MAX_BINS + 4; i++) m->bins[i][lane] = m->bins[i][lane + LANES] = 0;
    for (int i = 0; i < PHASES; i++) m->smooth[i][lane] = m->locked[i][lane] = 0;
    m->smooth_noise[lane] = 0;
    m->lag_s[lane] = (REAL)(0.5 * m->loop_hops * m->hop / m->fs_hz); /* nothing smoothed yet */
    m->power[lane] = 0;
    FL(line_relearn)(m, lane);
    /* The band-pass rings for a few cycles: those are replaced, not averaged. */
    m->age[lane] = (REAL)floor(-MAINS_RINGING_S * m->fs_hz);
}

/* Forget the sums under way. */
static void FL(line_drop)(struct FL(line) * m) {
    m->n_step = m->n_loop = 0;
    m->n_ringing = RINGING_HOPS;
    FL(zero)(m->abs_sum, 2);
    FL(zero)(m->square_sum, 1);
    FL(zero)(m->loop_square, 1);
    FL(zero)(m->before[0], PHASES);
    FL(zero)(m->after[0], PHASES);
}

/* Know the frequency no better than at the start. */
static void FL(line_unsure)(struct FL(line) * m) {
    m->rate_hz_s = 0;
    m->spread[0] = MAINS_SPREAD_HZ * MAINS_SPREAD_HZ;
    m->spread[1] = 0;
    m->spread[2] = MAINS_SPREAD_HZ_S * MAINS_SPREAD_HZ_S;
}

/* Begin at a nominal frequency with empty templates. */
static void FL(line_start)(struct FL(line) * m, double nominal_hz) {
    double cycles = m->hop * nominal_hz / m->fs_hz, best = 1.0;
    /* A part of a cycle left over would let the line's mirror image pull the frequency: 4 mHz when
     * 60 Hz is looked at for 20 ms. With hops of 10 ms this gives 2 for 50 Hz, 5 for 60 Hz. */
    for (int hops = 2; hops <= 12 && best > 0.005; hops++) {
        double over = fabs(hops * cycles - floor(hops * cycles + 0.5));
        if (over < best - 1e-9) {
            best = over;
            m->loop_hops = hops;
        }
    }
    {
        const double frames = m->loop_hops * m->hop;
        const double smoothing = 2.0 * FL_PI * MAINS_SMOOTH_HZ * frames / m->fs_hz;
        m->turns_per_hz = 4294967296.0 / m->fs_hz;
        m->loop_s = frames / m->fs_hz;
        /* From 2 kHz on the band is no wider, and frames tell less and less each. */
        m->density = m->fs_hz > MAINS_DENSE_HZ ? m->fs_hz / MAINS_DENSE_HZ : 1.0;
        m->loop_variance = MAINS_SHARED * m->density / (8.0 * FL_PI * FL_PI * frames);
        m->loop_gain = (REAL)(smoothing / (1.0 + smoothing));
    }
    m->n_bins = (int)fl_clamp(floor(m->fs_hz / 50.0 + 0.5), 20, MAX_BINS);
    m->harmonics = (int)fl_clamp(floor(0.45 * m->fs_hz / nominal_hz), 1, 3);
    m->is_on = 1;
    m->nominal_hz = m->hz = nominal_hz;
    FL(line_unsure)(m);
    m->phase = 0;
    m->n_frames = 0;
    m->is_present = 0;
    FL(line_turn)(m);
    FL(line_drop)(m);
    for (int c = 0; c < LANES; c++) FL(line_forget)(m, c);
    FL(line_plan)(m);
}

/* Carry the phase across ``hops`` hops of a gap. */
static void FL(line_skip)(struct FL(line) * m, int64_t hops) {
    FL(line_drop)(m);
    if (!m->is_on) return;
    m->phase += m->turn * (uint32_t)((uint64_t)hops * (uint64_t)m->hop);
    FL(line_plan)(m);
}

/* One step of the frequency-locked loop.
 *
 * Each lane's correlation is compared with what it was on average ``lag_s`` ago: the angle between
 * them is the error of the frequency. Lanes count by how little else than the line they hold, so a
 * contraction neither speaks nor is remembered; when all contract, the variance of the error is
 * large and the frequency goes on as it went. */
FL_OUTLINE void FL(line_frequency)(struct FL(line) * m) {
    const double dt = m->loop_s;
    const VEC alpha = FL(all)(m->loop_gain), step = FL(all)((REAL)dt);
    const VEC share = FL(all)((REAL)(1.0 / (m->loop_hops * m->hop)));
    const VEC noise_share = FL(all)((REAL)(m->density / (m->loop_hops * m->hop)));
    const VEC zero = FL(all)(0), one = FL(all)(1);
    const VEC warm = FL(all)((REAL)(MAINS_WARM_S * m->fs_hz));
    const VEC least = FL(all)((REAL)(MAINS_MIN_TRACK_UV * MAINS_MIN_TRACK_UV));
    VEC cross = zero, along = zero, line = zero, used = zero;
    double power, n_used, per_power, error, variance, per_sum, trust;
    double *spread = m->spread;
    for (int g = 0; g < GROUPS; g++) {
        const MASK counts = FL_MASK(AT(m->power, g) > zero);
        const VEC is_used = FL(select)(counts, AT(m->is_used, g), zero);
        const VEC track = AT(m->track, g), quiet = track * track * (REAL)(FL_PI / 2);
        const VEC noise =
            FL(max)(FL(max)(AT(m->loop_square, g) * share, AT(m->locked_power, g)), least);
        const VEC lag = AT(m->lag_s, g), trusted =
            FL(max)(FL(min)(quiet / noise, one), FL(all)((REAL)MAINS_LEAST_TRUST));
        /* At first a mean of all steps, of which half the span lies behind. */
        const VEC mean = FL(select)(FL_MASK(AT(m->age, g) < warm),
                                    FL(min)(step * (REAL)0.5 / lag, one), zero);
        const VEC gain = FL(max)(alpha * trusted, mean);
        const VEC weight = is_used / noise, keep = one - gain;
        const VEC smooth_noise = FL(fma)(keep * keep, AT(m->smooth_noise, g),
                                         gain * gain * noise * noise_share);
        const VEC per_noise = is_used / FL(max)(smooth_noise, least * noise_share * (REAL)1e-3);
        used += is_used;
        for (int h = 0; h < m->harmonics; h++) {
            const VEC k = FL(all)((REAL)(h + 1)) * lag;
            const VEC re0 = AT(m->smooth[2 * h], g), im0 = AT(m->smooth[2 * h + 1], g);
            const VEC re = AT(m->before[2 * h], g) * share, im = AT(m->before[2 * h + 1], g) * share;
            const VEC re1 = FL(fma)(gain, re - re0, re0), im1 = FL(fma)(gain, im - im0, im0);
            cross = FL(fma)(weight * k, FL(nfma)(re, im0, im * re0), cross);
            along = FL(fma)(weight * k * k, FL(fma)(re0, re0, im0 * im0), along);
            line = FL(fma)(per_noise, FL(fma)(re1, re1, im1 * im1), line);
            AT(m->smooth[2 * h], g) = re1;
            AT(m->smooth[2 * h + 1], g) = im1;
        }
        AT(m->lag_s, g) = FL(fma)(keep, lag, step);
        AT(m->smooth_noise, g) = smooth_noise;
    }
    power = FL(total)(along);
    n_used = FL(total)(used);
    if (n_used == 0) {
        m->is_present = 0;
        return;
    }
    m->is_present = FL(total)(line) > MAINS_PRESENT * n_used * m->harmonics;
    if (!m->is_present) {
        /* Led astray by noise it must not wait at the edge when a line comes: back in 20 s. */
        m->hz += dt * MAINS_LOOP_RETURN * (m->nominal_hz - m->hz);
        FL(line_unsure)(m);
    }
    if (m->n_frames < MAINS_LOOP_START_S * m->fs_hz || !m->is_present || power <= 0) {
        FL(line_turn)(m);
        return;
    }
    per_power = 1.0 / power;
    error = FL(total)(cross) * per_power * (1.0 / (2.0 * FL_PI));
    error = fl_clamp(error, -MAINS_MAX_ERROR_HZ, MAINS_MAX_ERROR_HZ);
    variance = m->loop_variance * per_power;
    if (variance < MAINS_LEAST_HZ * MAINS_LEAST_HZ) variance = MAINS_LEAST_HZ * MAINS_LEAST_HZ;
    m->hz += dt * m->rate_hz_s;
    spread[0] += dt * (2.0 * spread[1] + dt * spread[2]);
    spread[1] += dt * spread[2];
    spread[2] += dt * MAINS_WANDER;
    per_sum = 1.0 / (spread[0] + variance);
    trust = spread[0] * per_sum;
    m->hz += trust * error;
    m->rate_hz_s = fl_clamp(m->rate_hz_s + spread[1] * per_sum * error, -MAINS_MAX_RATE_HZ_S,
                            MAINS_MAX_RATE_HZ_S);
    spread[2] -= spread[1] * spread[1] * per_sum;
    spread[0] *= 1.0 - trust;
    spread[1] *= 1.0 - trust;
    /* What is corrected is no longer seen as an angle. */
    for (int g = 0; g < GROUPS; g++) {
        for (int h = 0; h < m->harmonics; h++) {
            const VEC angle = (AT(m->lag_s, g) - step) *
                              FL(all)((REAL)(2.0 * FL_PI * (h + 1) * trust * error));
            const VEC re = AT(m->smooth[2 * h], g), im = AT(m->smooth[2 * h + 1], g);
            AT(m->smooth[2 * h], g) = FL(nfma)(angle, im, re);
            AT(m->smooth[2 * h + 1], g) = FL(fma)(angle, re, im);
        }
    }
    if (fabs(m->hz - m->nominal_hz) > MAINS_MAX_OFFSET_HZ) {
        m->hz = fl_clamp(m->hz, m->nominal_hz - MAINS_MAX_OFFSET_HZ,
                         m->nominal_hz + MAINS_MAX_OFFSET_HZ);
        m->rate_hz_s = 0;
    }
    FL(line_turn)(m);
}

/* Each lane's clip limit, and the watch for a residual that is still the line. */
FL_OUTLINE void FL(line_limits)(struct FL(line) * m) {
    const VEC per_frame = FL(all)((REAL)(1.0 / m->n_step));
    const VEC warm = FL(all)((REAL)(MAINS_WARM_S * m->fs_hz)), never = FL(all)((REAL)INFINITY);
    const VEC zero = FL(all)(0), one = FL(all)(1), pace = FL(all)((REAL)0.3);
    int stuck = 0;
    for (int g = 0; g < GROUPS; g++) {
        const MASK is_cold = FL_MASK(AT(m->age, g) < warm);
        VEC mean, share = zero, steps;
        for (int path = 0; path < 2; path++) {
            const VEC least =
                FL(all)((REAL)(MAINS_MIN_TRACK_UV / (path ? (double)m->quick_uv : 1.0)));
            VEC *track = &AT(m->track + path * LANES, g);
            VEC moved;
            mean = AT(m->abs_sum + path * LANES, g) * per_frame;
            moved = *track * FL(select)(FL_MASK(mean < *track), FL(all)((REAL)MAINS_TRACK_DOWN),
                                        FL(all)((REAL)MAINS_TRACK_UP));
            *track = FL(select)(is_cold, mean, FL(max)(moved, least));
            AT(m->limit + path * LANES, g) =
                FL(select)(is_cold, never, FL(all)((REAL)MAINS_CLIP) * *track);
        }
        mean = AT(m->square_sum, g) * per_frame;
        {
            VEC *power = &AT(m->power, g), *locked_power = &AT(m->locked_power, g);
            VEC speed = FL(select)(FL_MASK(*power > zero), FL(all)((REAL)0.04), one);
            *power = FL(fma)(speed, mean - *power, *power);
            *locked_power = FL(fma)(pace, mean - *locked_power, *locked_power);
            for (int h = 0; h < 2 * m->harmonics; h++) {
                VEC *locked = &AT(m->locked[h], g);
                *locked = FL(fma)(pace, FL(fma)(AT(m->after[h], g), per_frame, -*locked), *locked);
                share = FL(fma)(*locked, *locked, share);
            }
            /* A line that grew (the wearer touched something) would be learnt through the clip
             * only in 2 s: muscle is never locked to the line for 100 ms, so this is the line. */
            steps = FL(select)(
                FL_MASK(share > *locked_power * (REAL)(0.5 * MAINS_LOCKED_SHARE)) & ~is_cold,
                AT(m->locked_steps, g) + one, zero);
            AT(m->locked_steps, g) = steps;
            stuck |= FL(bits)(FL_MASK(steps >= (REAL)MAINS_LOCKED_STEPS)) << (g * WIDTH);
        }
    }
    for (int c = 0; stuck >> c; c++)
        if (stuck >> c & 1) FL(line_relearn)(m, c);
    FL(zero)(m->abs_sum, 2);
    FL(zero)(m->square_sum, 1);
    FL(zero)(m->after[0], PHASES);
    m->n_step = 0;
}

/* Learning rates of lanes that began a short while ago: a mean over their cycles, in which the last
 * counts double as the first were learnt beside the point; and a share of it where a point of the
 * template has several frames. */
static void FL(line_mature)(struct FL(line) * m) {
    const double frames = m->fs_hz / m->hz / m->n_bins;
    const VEC share = FL(all)((REAL)(frames > 1.1 ? 1.0 / frames : 1.0)), zero = FL(all)(0);
    const VEC cycles_per_frame = FL(all)((REAL)(m->hz / m->fs_hz)), one = FL(all)(1);
    const VEC least = FL(all)((REAL)MAINS_MU), never = FL(all)((REAL)INFINITY);
    m->is_young = 0;
    for (int g = 0; g < GROUPS; g++) {
        const VEC age = AT(m->age, g);
        const VEC cycles = FL(whole)(FL(max)(age, zero) * cycles_per_frame);
        const VEC mu = one / FL(fma)(FL(all)((REAL)0.5), cycles, one);
        const MASK is_old = FL_MASK(age > zero);
        AT(m->limit, g) = FL(select)(is_old, AT(m->limit, g), never);
        AT(m->limit + LANES, g) = FL(select)(is_old, AT(m->limit + LANES, g), never);
        AT(m->mu, g) = FL(max)(mu, least) * share;
        m->is_young |= FL(bits)(FL_MASK(mu > least)) != 0;
    }
}

/* Correlate a hop's sums with the harmonics, before and after cancelling. */
FL_INLINE void FL(line_correlate)(struct FL(line) * m, const struct FL(sums) * sums,
                                  const int n_groups, int g) {
    for (int h = 0; h < 2 * m->harmonics; h++) {
        VEC was = AT(m->before[h], g), is = AT(m->after[h], g);
        for (int k = 0; k < n_groups; k++) {
            const VEC phasor = FL(all)(m->phasor[h][k]);
            was = FL(fma)(AT(sums->before[k], g), phasor, was);
            is = FL(fma)(AT(sums->after[k], g), phasor, is);
        }
        AT(m->before[h], g) = was;
        AT(m->after[h], g) = is;
    }
}

/* Add the clipped residuals of a hop to the template. */
FL_INLINE void FL(line_learn)(struct FL(line) * m, REAL (*rows)[2 * LANES], const int from,
                              const int hop, int g) {
    const VEC mu = AT(m->mu, g), high = AT(m->limit, g), high_quick = AT(m->limit + LANES, g);
    const VEC low = -high, low_quick = -high_quick;
    FL_UNROLL
    for (int i = from; i < hop; i++) {
        REAL *bin = FL(line_bin)(m, m->near[i]);
        const VEC e = FL(min)(FL(max)(AT(rows[i], g), low), high);
        const VEC q = FL(min)(FL(max)(AT(rows[i] + LANES, g), low_quick), high_quick);
        AT(bin, g) = FL(fma)(mu, e, AT(bin, g));
        AT(bin + LANES, g) = FL(fma)(mu, q, AT(bin + LANES, g));
    }
}

/* At the end of a hop: learn from frames ``from`` on, whose residuals are in rows. */
static void FL(line_hop)(struct FL(line) * m, REAL (*rows)[2 * LANES], int from,
                         const struct FL(sums) * sums, const REAL *square, int is_step) {
    const VEC passed = FL(all)((REAL)(m->hop - from)), old = FL(all)((REAL)MAINS_OLD);
    if (m->is_young) FL(line_mature)(m);
    for (int g = 0; g < GROUPS; g++) {
        FL(line_learn)(m, rows, from, m->hop, g);
        if (m->hop == 20 && m->group == 4)
            FL(line_correlate)(m, sums, 5, g);
        else
            FL(line_correlate)(m, sums, m->hop / m->group, g);
        AT(m->abs_sum, g) += AT(sums->abs, g);
        AT(m->abs_sum + LANES, g) += AT(sums->abs + LANES, g);
        AT(m->square_sum, g) += AT(square, g);
        AT(m->loop_square, g) += AT(square, g);
        AT(m->age, g) = FL(min)(AT(m->age, g) + passed, old);
    }
    FL(copy)(m->bins[0], m->bins[m->n_bins], 2);
    FL(copy)(m->bins[m->n_bins + 1], m->bins[1], 6);
    m->n_frames += m->hop - from;
    m->n_step += m->hop - from;
    if (is_step) FL(line_limits)(m);
    m->phase += m->turn * (uint32_t)m->hop;
    if (m->n_ringing) {
        m->n_ringing--;
        FL(zero)(m->before[0], PHASES);
        FL(zero)(m->loop_square, 1);
    } else if (++m->n_loop >= m->loop_hops) {
        FL(line_frequency)(m);
        FL(zero)(m->before[0], PHASES);
        FL(zero)(m->loop_square, 1);
        m->n_loop = 0;
    }
    FL(line_plan)(m);
}
