/* Is the mains at 50 or at 60 Hz? Line power against each other over one second at a time. */

#ifndef FACELOOP_HUNT_ONCE
#define FACELOOP_HUNT_ONCE
/* A score is a sum over lanes and harmonics of line power in units of what a bin of 1 s of noise
 * holds on average: noise alone gives 24 to 70 for either line, spread about 15. Three harmonics,
 * as the sixth of 50 is the fifth of 60. */
#define HUNT_FACTOR 2.0
#define HUNT_MARGIN 60.0
#define HUNT_MEMORY 0.5
#define HUNT_HOPS 100
#endif

struct FL(hunt) {
    int is_on;
    int n_hops;
    int hop, group, harmonics;
    uint32_t phase[2], turn[2];
    ROW sum[2][PHASES][LANES];
    ROW square_sum[LANES];
    double score[2];
    REAL phasor[PHASES][PLAN];
};

/* Begin a new second. */
static void FL(hunt_restart)(struct FL(hunt) * h) {
    h->n_hops = 0;
    h->phase[0] = h->phase[1] = 0;
    memset(h->sum, 0, sizeof h->sum);
    memset(h->square_sum, 0, sizeof h->square_sum);
}

/* Begin to look, with nothing known. */
static void FL(hunt_start)(struct FL(hunt) * h, double fs_hz, int hop, int group) {
    h->is_on = 1;
    h->hop = hop;
    h->group = group;
    h->harmonics = (int)fl_clamp(floor(0.45 * fs_hz / 60.0), 1, 3);
    for (int line = 0; line < 2; line++) {
        h->turn[line] = (uint32_t)((50.0 + 10.0 * line) / fs_hz * 4294967296.0 + 0.5);
        h->score[line] = 0;
    }
    FL(hunt_restart)(h);
}

/* Return 50, 60 or, when neither stands out yet, 0. */
static double FL(hunt_verdict)(struct FL(hunt) * h, const REAL *is_used) {
    for (int line = 0; line < 2; line++) {
        h->score[line] *= HUNT_MEMORY;
        for (int c = 0; c < LANES; c++) {
            double power = 0;
            if (!(is_used[c] > 0 && h->square_sum[c] > 0)) continue;
            for (int i = 0; i < 2 * h->harmonics; i++)
                power += (double)h->sum[line][i][c] * (double)h->sum[line][i][c];
            h->score[line] += power / (double)h->square_sum[c];
        }
    }
    FL(hunt_restart)(h);
    if (h->score[0] > HUNT_FACTOR * h->score[1] + HUNT_MARGIN) return 50.0;
    if (h->score[1] > HUNT_FACTOR * h->score[0] + HUNT_MARGIN) return 60.0;
    return 0;
}

/* Take in the sums of a hop; the verdict when a second is full, else -1. */
FL_OUTLINE double FL(hunt_hop)(struct FL(hunt) * h, REAL (*sums)[LANES], const REAL *square,
                               const REAL *is_used) {
    const int n_groups = h->hop / h->group;
    for (int line = 0; line < 2; line++) {
        FL(phasors)(h->phase[line], h->turn[line] * (uint32_t)h->group, (n_groups + 7) & ~7,
                    h->phasor);
        h->phase[line] += h->turn[line] * (uint32_t)h->hop;
        for (int g = 0; g < GROUPS; g++) {
            for (int i = 0; i < PHASES; i++) {
                VEC sum = AT(h->sum[line][i], g);
                for (int k = 0; k < n_groups; k++)
                    sum = FL(fma)(AT(sums[k], g), FL(all)(h->phasor[i][k]), sum);
                AT(h->sum[line][i], g) = sum;
            }
        }
    }
    for (int g = 0; g < GROUPS; g++) AT(h->square_sum, g) += AT(square, g);
    if (++h->n_hops < HUNT_HOPS) return -1.0;
    return FL(hunt_verdict)(h, is_used);
}
