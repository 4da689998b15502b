/* The alert detector: whitened by taps fitted to the wearer's rest, then a clipped CUSUM.
 *
 * An onset is found in the frame in which it happens, an offset at the end of a hop. Frames without
 * an onset take a short loop, in which the sums of those who are active run on without meaning.
 * When it meets a threshold its stretch is done again by the long one; both compute the same
 * numbers in the same order.
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
#define ALERT_OFF_HOPS 5    /* below it at the end of so many hops in a row: 50 ms */
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
    REAL keep;             /* of the 40 ms mean, over a hop */
    REAL weights[MAX_HOP]; /* of each frame of a hop in it */
    /* Whitening, its first tap too, in units of the rest behind it: a square is ALERT_SLOPE q. */
    ROW taps[WHITENING + 1][LANES];
    ROW past[WHITENING][LANES]; /* transposed form of the whitening filter */
    ROW clip[LANES]; /* of slope q - drift; at the drift while a channel is not to be seen */
    ROW threshold[LANES];
    ROW sum[LANES], level[LANES]; /* level: the 40 ms mean of slope q - drift */
    ROW gained[LANES];            /* by the level in the hop under way */
    ROW below[LANES];             /* hops below the level */
    MASK on[GROUPS];
};

static void FL(alert_clear)(struct FL(alert) * a) {
    a->on_mask = 0;
    memset(a->past, 0, sizeof a->past);
    memset(a->sum, 0, sizeof a->sum);
    memset(a->gained, 0, sizeof a->gained);
    for (int c = 0; c < LANES; c++) a->level[c] = (REAL)-ALERT_DRIFT; /* stands for 0 */
    memset(a->below, 0, sizeof a->below);
    memset(a->on, 0, sizeof a->on);
}

/* Whether a lane is to be seen. */
static void FL(alert_see)(struct FL(alert) * a, int lane, int is_seen) {
    a->clip[lane] = (REAL)(is_seen ? ALERT_CLIP * ALERT_SLOPE - ALERT_DRIFT : -ALERT_DRIFT);
}

struct FL(alert_state) {
    VEC p0, p1, p2, p3, sum, gained;
};

/* Frame ``i`` of the hop: the whitened sample's share goes into the sums. */
FL_INLINE void FL(alert_step)(const struct FL(alert) * a, int i, int g, VEC y, VEC clip,
                              struct FL(alert_state) * s) {
    const VEC drift = FL(all)((REAL)-ALERT_DRIFT), zero = FL(all)(0);
    const VEC white = FL(fma)(AT(a->taps[0], g), y, s->p0);
    const VEC q = FL(min)(FL(fma)(white, white, drift), clip); /* slope q - drift */
    s->p0 = FL(fma)(AT(a->taps[1], g), y, s->p1);
    s->p1 = FL(fma)(AT(a->taps[2], g), y, s->p2);
    s->p2 = FL(fma)(AT(a->taps[3], g), y, s->p3);
    s->p3 = AT(a->taps[4], g) * y;
    s->sum = FL(max)(s->sum + q, zero);
    s->gained = FL(fma)(FL(all)(a->weights[i]), q, s->gained);
}

FL_INLINE struct FL(alert_state) FL(alert_load)(const struct FL(alert) * a, int g) {
    const struct FL(alert_state) s = {AT(a->past[0], g), AT(a->past[1], g), AT(a->past[2], g),
                                      AT(a->past[3], g), AT(a->sum, g),     AT(a->gained, g)};
    return s;
}

FL_INLINE void FL(alert_store)(struct FL(alert) * a, int g, const struct FL(alert_state) * s) {
    AT(a->past[0], g) = s->p0, AT(a->past[1], g) = s->p1;
    AT(a->past[2], g) = s->p2, AT(a->past[3], g) = s->p3;
    AT(a->sum, g) = FL(select)(a->on[g], FL(all)(0), s->sum);
    AT(a->gained, g) = s->gained;
}

/* The long loop. */
FL_OUTLINE void FL(alert_busy)(struct FL(alert) * a, REAL (*rows)[2 * LANES], int pos, int n, int g,
                               int64_t frame, struct fl_events *events) {
    const VEC zero = FL(all)(0), clip = AT(a->clip, g), threshold = AT(a->threshold, g);
    struct FL(alert_state) s = FL(alert_load)(a, g);
    for (int i = pos; i < pos + n; i++) {
        MASK begins;
        FL(alert_step)(a, i, g, AT(rows[i] + LANES, g), clip, &s);
        begins = FL_MASK(FL(select)(a->on[g], zero, s.sum) >= threshold);
        if (FL(bits)(begins)) {
            const int mask = FL(bits)(begins) << (g * WIDTH);
            a->on[g] |= begins;
            a->on_mask |= mask;
            fl_log(events, frame + i - pos, mask, 1);
        }
    }
    FL(alert_store)(a, g, &s);
}

/* Frames pos.. of the hop, of which the first is ``frame`` of the stream. */
FL_INLINE void FL(alert_frames)(struct FL(alert) * a, REAL (*rows)[2 * LANES], int pos, int n,
                                int g, int64_t frame, struct fl_events *events) {
    const VEC clip = AT(a->clip, g);
    struct FL(alert_state) s = FL(alert_load)(a, g);
    VEC highest = FL(all)(0);
    FL_UNROLL
    for (int i = pos; i < pos + n; i++) {
        FL(alert_step)(a, i, g, AT(rows[i] + LANES, g), clip, &s);
        highest = FL(max)(highest, s.sum);
    }
    if (FL_LIKELY(!FL(bits)(~a->on[g] & FL_MASK(highest >= AT(a->threshold, g)))))
        FL(alert_store)(a, g, &s);
    else
        FL(alert_busy)(a, rows, pos, n, g, frame, events);
}

/* The end of a hop, whose last frame is ``frame``. */
FL_INLINE void FL(alert_hop)(struct FL(alert) * a, int64_t frame, struct fl_events *events) {
    const VEC zero = FL(all)(0), one = FL(all)(1), hold = FL(all)(ALERT_OFF_HOPS);
    const VEC off = FL(all)((REAL)(ALERT_OFF_LEVEL * ALERT_SLOPE - ALERT_DRIFT));
    for (int g = 0; g < GROUPS; g++) {
        const VEC level = FL(fma)(FL(all)(a->keep), AT(a->level, g), AT(a->gained, g));
        const MASK on = a->on[g];
        const VEC below = FL(select)(on & FL_MASK(level < off), AT(a->below, g) + one, zero);
        const MASK ends = FL_MASK(below >= hold);
        AT(a->level, g) = level;
        AT(a->gained, g) = zero;
        AT(a->below, g) = FL(select)(ends, zero, below);
        if (!FL_LIKELY(!FL(bits)(ends))) {
            const int mask = FL(bits)(ends) << (g * WIDTH);
            a->on[g] = on & ~ends;
            a->on_mask &= ~mask;
            fl_log(events, frame, mask, 0);
        }
    }
}
