/* The alert detector: whitened by taps fitted to the wearer's rest, then a clipped CUSUM.
 *
 * Frames in which nobody becomes active or begins to be quiet take a short loop, in which the sums
 * of those who are active run on without meaning. When it meets a threshold its stretch is done
 * again by the long one, which keeps the books of onsets and offsets; both compute the same numbers
 * in the same order.
 */

#ifndef FACELOOP_ALERT_ONCE
#define FACELOOP_ALERT_ONCE
#define WHITENING 4 /* taps of the whitening filter */
/* Clipped CUSUM (Page 1954) for activity 3 dB above the noise, i.e. a variance three times that of
 * rest: 0.5 (min(q, clip) (1 - 1/3) - ln 3) per sample, q in units of the variance. Behind the
 * whitening filter a clip at 4.5 SD is 1.5 ms earlier than one at 4 SD, on soft and on tonic rest. */
#define ALERT_CLIP 20.0
#define ALERT_SLOPE (1.0 / 3.0)
#define ALERT_DRIFT 0.54930614433405484570
#define ALERT_OFF_LEVEL 1.3 /* mean of min(q, clip) over 40 ms that ends an activity */
#define MAX_EVENTS 2048     /* 2000 frames x 8 lanes, two events per 50 ms each, fit */

struct fl_event {
    int64_t frame;
    int channel;
    int is_on;
};
struct fl_events {
    int n;
    struct fl_event list[MAX_EVENTS];
};

static void fl_log(struct fl_events *events, int64_t frame, int mask, int is_on) {
    for (int c = 0; c < LANES; c++) {
        if (mask >> c & 1 && events->n < MAX_EVENTS) {
            struct fl_event *event = &events->list[events->n++];
            event->frame = frame, event->channel = c, event->is_on = is_on;
        }
    }
}
#endif

struct FL(alert) {
    int is_used; /* some lane has a rest reference */
    int on_mask;
    int ending; /* bit of a group: some lane that is on is below the level */
    REAL alpha, keep; /* of the 40 ms mean; 1 - alpha */
    REAL hold;  /* frames below the level that end an activity */
    ROW taps[WHITENING][LANES];
    ROW past[WHITENING][LANES]; /* transposed form of the whitening filter */
    ROW gain[LANES];            /* ALERT_SLOPE / variance; 0 while a channel is not to be seen */
    ROW threshold[LANES];
    ROW g[LANES], level[LANES], below[LANES];
    MASK on[GROUPS];
};

static void FL(alert_clear)(struct FL(alert) * a) {
    a->on_mask = a->ending = 0;
    memset(a->past, 0, sizeof a->past);
    memset(a->g, 0, sizeof a->g);
    for (int c = 0; c < LANES; c++) a->level[c] = (REAL)-ALERT_DRIFT; /* stands for 0 */
    memset(a->below, 0, sizeof a->below);
    memset(a->on, 0, sizeof a->on);
}

struct FL(alert_state) {
    VEC p0, p1, p2, p3, sum;
    VEC level; /* of slope q - drift */
};

/* One frame: the whitened sample's share goes into sum and level. */
FL_INLINE void FL(alert_step)(const struct FL(alert) * a, int g, VEC y, VEC gain, VEC alpha,
                              struct FL(alert_state) * s) {
    const VEC drift = FL(all)((REAL)-ALERT_DRIFT), zero = FL(all)(0);
    const VEC clip = FL(all)((REAL)(ALERT_CLIP * ALERT_SLOPE - ALERT_DRIFT));
    const VEC white = y + s->p0;
    VEC q;
    s->p0 = FL(fma)(AT(a->taps[0], g), y, s->p1);
    s->p1 = FL(fma)(AT(a->taps[1], g), y, s->p2);
    s->p2 = FL(fma)(AT(a->taps[2], g), y, s->p3);
    s->p3 = AT(a->taps[3], g) * y;
    q = FL(min)(FL(fma)(white * white, gain, drift), clip); /* slope q - drift */
    s->sum = FL(max)(s->sum + q, zero);
    s->level = FL(fma)(FL(all)(a->keep), s->level, alpha * q);
}

/* The long loop. */
FL_OUTLINE void FL(alert_busy)(struct FL(alert) * a, REAL (*rows)[2 * LANES], int n, int g,
                               int64_t frame, struct fl_events *events) {
    const VEC zero = FL(all)(0), one = FL(all)(1), hold = FL(all)(a->hold);
    const VEC off = FL(all)((REAL)(ALERT_OFF_LEVEL * ALERT_SLOPE - ALERT_DRIFT));
    const VEC gain = AT(a->gain, g), threshold = AT(a->threshold, g), alpha = FL(all)(a->alpha);
    struct FL(alert_state) s = {AT(a->past[0], g), AT(a->past[1], g), AT(a->past[2], g),
                                AT(a->past[3], g), AT(a->g, g),       AT(a->level, g)};
    VEC below = AT(a->below, g);
    MASK on = a->on[g];
    FL_UNROLL
    for (int i = 0; i < n; i++) {
        MASK begins, ends;
        FL(alert_step)(a, g, AT(rows[i] + LANES, g), gain, alpha, &s);
        s.sum = FL(select)(on, zero, s.sum);
        begins = FL_MASK(s.sum >= threshold);
        below = FL(select)(on & FL_MASK(s.level < off), below + one, zero);
        ends = on & FL_MASK(below >= hold);
        if (FL(bits)(begins | ends)) {
            s.sum = FL(select)(begins, zero, s.sum);
            on = (on | begins) & ~ends;
            fl_log(events, frame + i, FL(bits)(begins) << (g * WIDTH), 1);
            fl_log(events, frame + i, FL(bits)(ends) << (g * WIDTH), 0);
        }
    }
    AT(a->past[0], g) = s.p0, AT(a->past[1], g) = s.p1;
    AT(a->past[2], g) = s.p2, AT(a->past[3], g) = s.p3;
    AT(a->g, g) = s.sum, AT(a->level, g) = s.level, AT(a->below, g) = below;
    a->on[g] = on;
    a->on_mask &= ~(((1 << WIDTH) - 1) << (g * WIDTH));
    a->on_mask |= FL(bits)(on) << (g * WIDTH);
    a->ending = (a->ending & ~(1 << g)) | (FL(bits)(FL_MASK(below > zero)) != 0) << g;
}

FL_INLINE void FL(alert_frames)(struct FL(alert) * a, REAL (*rows)[2 * LANES], int n, int g,
                                int64_t frame, struct fl_events *events) {
    const VEC gain = AT(a->gain, g), threshold = AT(a->threshold, g), alpha = FL(all)(a->alpha);
    const VEC off = FL(all)((REAL)(ALERT_OFF_LEVEL * ALERT_SLOPE - ALERT_DRIFT)), zero = FL(all)(0);
    if (!(a->ending >> g & 1)) {
        struct FL(alert_state) s = {AT(a->past[0], g), AT(a->past[1], g), AT(a->past[2], g),
                                    AT(a->past[3], g), AT(a->g, g),       AT(a->level, g)};
        const MASK on = a->on[g];
        VEC highest = zero, lowest = FL(all)((REAL)INFINITY);
        FL_UNROLL
        for (int i = 0; i < n; i++) {
            FL(alert_step)(a, g, AT(rows[i] + LANES, g), gain, alpha, &s);
            highest = FL(max)(highest, s.sum);
            lowest = FL(min)(lowest, s.level);
        }
        if (FL_LIKELY(!FL(bits)((~on & FL_MASK(highest >= threshold)) |
                                (on & FL_MASK(lowest < off))))) {
            AT(a->past[0], g) = s.p0, AT(a->past[1], g) = s.p1;
            AT(a->past[2], g) = s.p2, AT(a->past[3], g) = s.p3;
            AT(a->g, g) = FL(select)(on, zero, s.sum), AT(a->level, g) = s.level;
            return;
        }
    }
    FL(alert_busy)(a, rows, n, g, frame, events);
}
