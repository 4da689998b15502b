/* What is measured of the cleaned trace: RMS, envelope, Teager-Kaiser energy, extremes.
 *
 * All come out once per hop (10 ms). The RMS window is ten hops, so it is the sum of ten sums:
 * nothing is ever subtracted, and an artefact of any size is forgotten to the last bit.
 */

#ifndef FACELOOP_FEATURES_ONCE
#define FACELOOP_FEATURES_ONCE
#define MAX_HOP 160    /* 10 ms at 16 kHz */
#define RMS_HOPS 10    /* 100 ms */
#define ENERGY_HOPS 5  /* 50 ms */
enum { OUT_RMS, OUT_ENVELOPE, OUT_ENERGY, OUT_LOW, OUT_HIGH, N_OUT };
#endif

/* Sums over the groups of a hop, and over all of it. */
struct FL(sums) {
    ROW before[MAX_HOP][LANES], after[MAX_HOP][LANES], rectified[MAX_HOP][LANES];
    ROW abs[2 * LANES]; /* both paths */
};

struct FL(features) {
    int slot, energy_slot;
    REAL rms_scale, energy_scale;
    ROW squares[RMS_HOPS][LANES];
    ROW energies[ENERGY_HOPS][LANES];
    ROW square[LANES], energy[LANES], low[LANES], high[LANES]; /* of the last hop */
    /* 30-250 Hz before the Teager-Kaiser operator, which squares frequency: white noise above the
     * band of the EMG would dominate it. */
    REAL a1, a2;
    ROW e1[LANES], e2[LANES], t1[LANES], t2[LANES];
    /* Envelope: 6 Hz on means of a group, as a state-variable filter (trapezoidal integrators:
     * Zavalishin, The Art of VA Filter Design, 4.4), whose memory is of the size of its output:
     * at such a low corner the usual sections lose three digits in 32 bits. Only its value at the
     * end of a hop is wanted, so the groups of a hop are taken in one matrix step. */
    REAL step[3][2];        /* state and output after a hop, by the state before */
    REAL input[3][MAX_HOP]; /* and by the sum of each group */
    ROW state[2][LANES];
};

static void FL(features_begin)(struct FL(features) * f, int lane) {
    f->e1[lane] = f->e2[lane] = f->t1[lane] = f->t2[lane] = 0;
}

static void FL(features_clear)(struct FL(features) * f) {
    f->slot = f->energy_slot = 0;
    memset(f->squares, 0, sizeof f->squares);
    memset(f->energies, 0, sizeof f->energies);
    memset(f->state, 0, sizeof f->state);
    for (int c = 0; c < LANES; c++) FL(features_begin)(f, c);
}

/* Take in the frames of a hop from ``from`` on, when it is over: ``rows`` are its residuals, ``half``
 * the trace before cancelling. */
FL_INLINE void FL(features_frames)(struct FL(features) * f, REAL (*half)[LANES],
                                   REAL (*rows)[2 * LANES], struct FL(sums) * sums, int g,
                                   const int from, const int hop, const int group) {
    const VEC a1 = FL(all)(f->a1), a2 = FL(all)(f->a2);
    VEC square = FL(all)(0), energy = square, abs_sum = square, abs_quick = square;
    VEC low = FL(all)((REAL)INFINITY), high = -low;
    VEC e1 = AT(f->e1, g), e2 = AT(f->e2, g), t1 = AT(f->t1, g), t2 = AT(f->t2, g);
    for (int k = 0; k < hop / group; k++) {
        VEC before = FL(all)(0), after = before, rectified = before;
        FL_UNROLL
        for (int j = 0; j < group; j++) {
            const int i = k * group + j;
            VEC e, t;
            if (i < from) continue;
            e = AT(rows[i], g);
            t = FL(nfma)(a1, t1, FL(nfma)(a2, t2, e - e2));
            before += AT(half[i], g);
            after += e;
            rectified += FL(abs)(e);
            abs_quick += FL(abs)(AT(rows[i] + LANES, g));
            square = FL(fma)(e, e, square);
            energy += FL(abs)(FL(nfma)(t2, t, t1 * t1));
            low = FL(min)(e, low);
            high = FL(max)(e, high);
            e2 = e1, e1 = e;
            t2 = t1, t1 = t;
        }
        AT(sums->before[k], g) = before;
        AT(sums->after[k], g) = after;
        AT(sums->rectified[k], g) = rectified;
        abs_sum += rectified;
    }
    AT(f->e1, g) = e1, AT(f->e2, g) = e2, AT(f->t1, g) = t1, AT(f->t2, g) = t2;
    AT(f->square, g) = square, AT(f->energy, g) = energy;
    AT(f->low, g) = low, AT(f->high, g) = high;
    AT(sums->abs, g) = abs_sum, AT(sums->abs + LANES, g) = abs_quick;
}

/* Work out the envelope's matrix step; ``g`` is tan(pi corner / rate of the groups). */
static void FL(features_envelope)(struct FL(features) * f, double g, int group, int n_groups) {
    const double g1 = 1.0 / (1.0 + g * (g + sqrt(2.0))), g2 = g * g1, g3 = g * g2;
    for (int from = -2; from < n_groups; from++) { /* a state of one, or an input of one */
        double i1 = from == -2, i2 = from == -1, low = 0;
        for (int k = from < 0 ? 0 : from; k < n_groups; k++) {
            const double v3 = (k == from) - i2, v1 = g1 * i1 + g2 * v3;
            low = i2 + g2 * i1 + g3 * v3;
            i1 = 2 * v1 - i1;
            i2 = 2 * low - i2;
        }
        if (from < 0) {
            f->step[0][from + 2] = (REAL)i1;
            f->step[1][from + 2] = (REAL)i2;
            f->step[2][from + 2] = (REAL)low;
        } else {
            f->input[0][from] = (REAL)(i1 / group);
            f->input[1][from] = (REAL)(i2 / group);
            f->input[2][from] = (REAL)(low / group);
        }
    }
}

/* Close a hop; ``rectified`` are its groups' sums of |y|. */
static void FL(features_hop)(struct FL(features) * f, REAL (*rectified)[LANES], int n_groups,
                             REAL (*out)[LANES]) {
    for (int g = 0; g < GROUPS; g++) {
        const VEC was1 = AT(f->state[0], g), was2 = AT(f->state[1], g);
        VEC i1 = FL(all)(f->step[0][0]) * was1, i2 = FL(all)(f->step[1][0]) * was1;
        VEC low = FL(all)(f->step[2][0]) * was1, sum, other;
        i1 = FL(fma)(FL(all)(f->step[0][1]), was2, i1);
        i2 = FL(fma)(FL(all)(f->step[1][1]), was2, i2);
        low = FL(fma)(FL(all)(f->step[2][1]), was2, low);
        for (int k = 0; k < n_groups; k++) {
            const VEC mean = AT(rectified[k], g);
            i1 = FL(fma)(FL(all)(f->input[0][k]), mean, i1);
            i2 = FL(fma)(FL(all)(f->input[1][k]), mean, i2);
            low = FL(fma)(FL(all)(f->input[2][k]), mean, low);
        }
        AT(f->state[0], g) = i1, AT(f->state[1], g) = i2;

        AT(f->squares[f->slot], g) = AT(f->square, g);
        sum = AT(f->squares[0], g), other = AT(f->squares[1], g);
        for (int k = 2; k < RMS_HOPS; k += 2) {
            sum += AT(f->squares[k], g);
            other += AT(f->squares[k + 1], g);
        }
        ANY(out[OUT_RMS], g) = FL(sqrt)((sum + other) * f->rms_scale);
        ANY(out[OUT_ENVELOPE], g) = low;

        AT(f->energies[f->energy_slot], g) = AT(f->energy, g);
        sum = AT(f->energies[0], g);
        for (int k = 1; k < ENERGY_HOPS; k++) sum += AT(f->energies[k], g);
        ANY(out[OUT_ENERGY], g) = sum * f->energy_scale;
        ANY(out[OUT_LOW], g) = AT(f->low, g);
        ANY(out[OUT_HIGH], g) = AT(f->high, g);
    }
    f->slot = f->slot + 1 < RMS_HOPS ? f->slot + 1 : 0;
    f->energy_slot = f->energy_slot + 1 < ENERGY_HOPS ? f->energy_slot + 1 : 0;
}
