/* The whole chain: counts in; residual rows, features of each hop and events out.
 *
 * The stream is cut at the ends of hops (frame number divisible by the hop), and all that is slow
 * or changes a parameter happens there, so nothing depends on how the caller cut it. A channel is
 * *settled* once its filters have forgotten how they were started; muted and railed channels never
 * are.
 */

#ifndef FACELOOP_CHAIN_ONCE
#define FACELOOP_CHAIN_ONCE
#define MAX_LOST_S 1         /* across a longer gap the phase of the line is not trusted */
#define CHUNK_FRAMES 2000    /* events are handed over at least this often */

enum { RUNNING, AFTER_GAP, FROM_NOTHING }; /* after a gap the line's template is still good */
enum { FROM_COUNTS, FROM_BYTES24 };

struct fl_setup {
    double fs_hz, mains_hz; /* 0: no canceller, negative: find out */
    int n_channels, hop, group;
    double scale_measure, scale_quick;
    double a1[5], a2[5]; /* measurement, then alert path */
    double energy_a1, energy_a2, energy_gain;
    double envelope_g; /* tan(pi corner / rate of the groups) */
    int has_droop;
    double droop[3];
};

struct fl_output {
    void *trace, *quick; /* (n_frames, n_channels), NULL when not wanted */
    void *hops;          /* (n_hops, N_OUT, LANES) */
};
#endif

struct FL(chain) {
    struct FL(bands) bands;
    struct FL(line) line;
    struct FL(features) features;
    struct FL(alert) alert;
    struct FL(sums) sums;
    ROW half[MAX_HOP][LANES];     /* of the hop under way: the measurement with its line, */
    ROW rows[MAX_HOP][2 * LANES]; /* without it, and the alert path */
    int32_t ALIGNED x[MAX_HOP][LANES];
    int n_channels;
    int hop, group;
    int pos;        /* frames of the hop so far */
    int from;       /* where in the hop a gap ended */
    int hop_parity; /* limits of the canceller are set every second hop */
    int settle_gap; /* 50 ms: 20 Hz high-pass, 4th order */
    int settle_start; /* 400 ms: cold start of the mains canceller */
    int64_t frame;  /* next frame */
    int64_t lost;   /* frames of the gap that has just been */
    int muted, railed, holed; /* bit masks; holed: no extremes in this hop */
    int is_odd;     /* some lane is railed or has to begin */
    int begin[LANES];
    int64_t settled_from[LANES];
    int64_t next_settled; /* least of settled_from that is still to come */
    int64_t last_settled; /* greatest of settled_from */
    double fs_hz, quick_uv;
    int has_alert; /* bit mask of the lanes with a reference of the wearer's rest */
    struct FL(hunt) hunt;
    struct fl_events events;
};

static void FL(chain_next_settled)(struct FL(chain) * s) {
    s->next_settled = INT64_MAX;
    for (int c = 0; c < s->n_channels; c++)
        if (s->frame < s->settled_from[c] && s->settled_from[c] < s->next_settled)
            s->next_settled = s->settled_from[c];
    s->last_settled = 0;
    for (int c = 0; c < s->n_channels; c++)
        if (s->settled_from[c] > s->last_settled) s->last_settled = s->settled_from[c];
}

/* Distrust a lane for a while, or until further notice if it is muted or railed. */
static void FL(chain_settling)(struct FL(chain) * s, int lane, int64_t frames) {
    const int is_bad = (s->muted | s->railed) >> lane & 1;
    s->settled_from[lane] = is_bad || frames == INT64_MAX ? INT64_MAX : s->frame + frames;
    s->line.is_used[lane] = !is_bad && lane < s->n_channels;
    FL(alert_see)(&s->alert, lane, 0);
    FL(chain_next_settled)(s);
}

/* Let the alert detector see the lanes that have settled by now. */
static void FL(chain_settled)(struct FL(chain) * s) {
    for (int c = 0; c < s->n_channels; c++)
        if (s->settled_from[c] <= s->frame)
            FL(alert_see)(&s->alert, c, s->has_alert >> c & 1);
    FL(chain_next_settled)(s);
}

/* Make a lane start from its next usable count. */
static void FL(chain_begin)(struct FL(chain) * s, int lane, int how) {
    if (s->begin[lane] < how) s->begin[lane] = how;
    s->is_odd = 1;
    FL(chain_settling)(s, lane, INT64_MAX);
}

/* Prepare up to n staged frames in which lanes are railed, come back from the rail, or have to
 * begin; return how many could be. At the rail the last good count is held, which keeps the
 * filters finite and quiet. */
FL_OUTLINE int FL(chain_odd)(struct FL(chain) * s, int n) {
    s->is_odd = 0;
    s->lost = 0;
    for (int c = 0; c < s->n_channels; c++) {
        const int bit = 1 << c;
        int wait = s->settle_gap;
        if (fl_is_rail(s->x[0][c])) {
            if (!(s->railed & bit)) {
                s->railed |= bit;
                FL(chain_begin)(s, c, FROM_NOTHING);
            }
            s->is_odd = 1;
            s->x[0][c] = s->bands.x1[c];
            continue;
        }
        s->railed &= ~bit;
        if (s->begin[c] == RUNNING) continue;
        FL(bands_begin)(&s->bands, c, s->x[0][c]);
        FL(features_begin)(&s->features, c);
        if (s->begin[c] == FROM_NOTHING) {
            wait = s->settle_start;
            /* Of no use before the first verdict. */
            if (s->hunt.is_on && s->hunt.score[0] + s->hunt.score[1] == 0)
                wait += HUNT_HOPS * s->hop;
            FL(line_forget)(&s->line, c);
            for (int i = 0; i < s->pos; i++)
                s->half[i][c] = s->rows[i][c] = s->rows[i][c + LANES] = 0;
        }
        s->begin[c] = RUNNING;
        FL(chain_settling)(s, c, wait);
    }
    for (int i = 1; i < n; i++) {
        for (int c = 0; c < s->n_channels; c++) {
            if (fl_is_rail(s->x[i][c]) != (s->railed >> c & 1)) return i;
            if (s->railed >> c & 1) s->x[i][c] = s->bands.x1[c];
        }
    }
    return n;
}

/* Find n frames: where they lie if the filters can read them there, else in ``s->x``. */
FL_INLINE const int32_t (*FL(chain_stage)(struct FL(chain) * s, const void *source, int kind,
                                          int64_t at, int64_t n_source, int n))[LANES] {
    const int n_channels = s->n_channels;
    FL_CHECK(n <= MAX_HOP && at + n <= n_source);
    if (kind == FROM_BYTES24) {
        fl_unpack24((const unsigned char *)source, at, n_source, n, n_channels, s->x);
    } else if (n_channels == LANES) {
        return (const int32_t(*)[LANES])source + at;
    } else {
        const int32_t *from = (const int32_t *)source + at * n_channels;
        for (int i = 0; i < n; i++)
            for (int c = 0; c < n_channels; c++) s->x[i][c] = from[i * n_channels + c];
    }
    return (const int32_t(*)[LANES])s->x;
}

/* Write the residual, or the alert path, as it is wanted outside. */
FL_OUTLINE REAL *FL(chain_write)(const struct FL(chain) * s, REAL *out, int n, int is_quick) {
    const int lane = is_quick ? LANES : 0, n_channels = s->n_channels;
    const REAL scale = is_quick ? (REAL)s->quick_uv : 1;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < n_channels; c++)
            out[i * n_channels + c] = s->rows[s->pos + i][lane + c] * scale;
    for (int c = 0; c < n_channels; c++) {
        int64_t bad = s->railed >> c & 1 ? n : 0;
        if (is_quick && s->settled_from[c] > s->frame) bad = s->settled_from[c] - s->frame;
        for (int i = 0; i < n && i < bad; i++) out[i * n_channels + c] = (REAL)NAN;
    }
    return out + (int64_t)n * n_channels;
}

/* NaN instead of features whose window does not lie behind the settling. */
FL_OUTLINE void FL(chain_blank)(const struct FL(chain) * s, REAL (*out)[LANES]) {
    const int64_t window = RMS_HOPS * s->hop;
    for (int c = 0; c < s->n_channels; c++) {
        if (s->frame - window < s->settled_from[c]) out[OUT_RMS][c] = (REAL)NAN;
        if (s->frame - 2 * window < s->settled_from[c]) out[OUT_ENVELOPE][c] = (REAL)NAN;
        if (s->frame - window < s->settled_from[c]) out[OUT_ENERGY][c] = (REAL)NAN;
        if (s->holed >> c & 1) out[OUT_LOW][c] = out[OUT_HIGH][c] = (REAL)NAN;
    }
}

/* The hunt found the line: switch the canceller on, and let all lanes settle again. */
static void FL(chain_verdict)(struct FL(chain) * s, double line_hz) {
    s->hunt.is_on = 0;
    FL(line_start)(&s->line, line_hz);
    for (int c = 0; c < s->n_channels; c++) FL(chain_settling)(s, c, s->settle_start);
}

/* Close a hop; s->frame is already that after it. */
FL_INLINE void FL(chain_hop)(struct FL(chain) * s, REAL (*out)[LANES]) {
    const int from = s->from, hop = s->hop, group = s->group;
    double line_hz = -1.0;
    for (int g = 0; g < GROUPS; g++) {
        if (from == 0 && hop == 20 && group == 4) /* the converter's usual rate */
            FL(features_frames)(&s->features, s->half, s->rows, &s->sums, g, 0, 20, 4);
        else
            FL(features_frames)(&s->features, s->half, s->rows, &s->sums, g, from, hop, group);
    }
    if (s->alert.is_used) FL(alert_hop)(&s->alert, s->frame - 1, &s->events);
    if (s->line.is_on)
        FL(line_hop)(&s->line, s->rows, from, &s->sums, s->features.square, s->hop_parity);
    else if (s->hunt.is_on)
        line_hz = FL(hunt_hop)(&s->hunt, s->sums.before, s->features.square, s->line.is_used);
    FL(features_hop)(&s->features, s->sums.rectified, hop / group, out);
    if (s->frame - 2 * RMS_HOPS * s->hop < s->last_settled || s->holed) FL(chain_blank)(s, out);
    s->holed = s->railed;
    s->hop_parity ^= 1;
    s->pos = s->from = 0;
    if (line_hz > 0) FL(chain_verdict)(s, line_hz);
}

/* Advance through n frames from ``at`` on; move the output pointers on. */
static void FL(chain_run)(struct FL(chain) * s, const void *source, int kind, int64_t at,
                          int64_t n_source, int64_t n, struct fl_output *out) {
    REAL(*hops)[LANES] = (REAL(*)[LANES])out->hops;
    while (n > 0) {
        const int32_t(*x)[LANES];
        int m = s->hop - s->pos;
        if (m > n) m = (int)n;
        if (s->next_settled > s->frame && s->next_settled - s->frame < m)
            m = (int)(s->next_settled - s->frame);
        x = FL(chain_stage)(s, source, kind, at, n_source, m);
        if (!FL_LIKELY(!(fl_any_rail(x, m) | s->is_odd))) {
            if (x != (const int32_t(*)[LANES])s->x) memcpy(s->x, x, (size_t)m * sizeof s->x[0]);
            x = (const int32_t(*)[LANES])s->x;
            m = FL(chain_odd)(s, m);
        }
        if (s->frame >= s->next_settled) FL(chain_settled)(s);
        s->holed |= s->railed;
        FL(paths_run)(&s->bands, &s->line, x, s->half, s->rows, s->pos, m);
        if (s->alert.is_used)
            for (int g = 0; g < GROUPS; g++)
                FL(alert_frames)(&s->alert, s->rows, s->pos, m, g, s->frame, &s->events);
        if (out->trace) out->trace = FL(chain_write)(s, (REAL *)out->trace, m, 0);
        if (out->quick) out->quick = FL(chain_write)(s, (REAL *)out->quick, m, 1);
        s->pos += m;
        s->frame += m;
        at += m;
        n -= m;
        if (s->pos == s->hop) {
            FL(chain_hop)(s, hops);
            hops += N_OUT;
        }
    }
    out->hops = hops;
}

/* Pass over frames that never came. */
static void FL(chain_gap)(struct FL(chain) * s, int64_t n_frames) {
    int how = AFTER_GAP;
    const int64_t hop_before = s->frame / s->hop;
    fl_log(&s->events, s->frame, s->alert.on_mask, 0);
    FL(alert_clear)(&s->alert);
    FL(features_clear)(&s->features);
    if (s->hunt.is_on) FL(hunt_restart)(&s->hunt);
    s->frame += n_frames;
    s->lost += n_frames;
    s->pos = s->from = (int)(s->frame % s->hop);
    s->hop_parity = (int)(s->frame / s->hop & 1);
    s->holed = s->pos ? 0xFF : s->railed;
    FL(line_skip)(&s->line, s->frame / s->hop - hop_before);
    if ((double)s->lost > MAX_LOST_S * s->fs_hz) how = FROM_NOTHING;
    for (int c = 0; c < s->n_channels; c++)
        FL(chain_begin)(s, c, s->railed >> c & 1 ? FROM_NOTHING : how);
}

static void FL(chain_set_alert)(struct FL(chain) * s, int lane, const double *taps, double sd_uv,
                                double threshold) {
    const int is_used = sd_uv > 0 && threshold > 0;
    const double gain = is_used ? sqrt(ALERT_SLOPE) * s->quick_uv / sd_uv : 0;
    s->alert.taps[0][lane] = (REAL)gain;
    for (int k = 0; k < WHITENING; k++)
        s->alert.taps[k + 1][lane] = is_used ? (REAL)(gain * taps[k]) : 0;
    s->alert.threshold[lane] = is_used ? (REAL)threshold : (REAL)INFINITY;
    FL(alert_see)(&s->alert, lane, 0);
    s->has_alert = (s->has_alert & ~(1 << lane)) | is_used << lane;
    s->alert.is_used = s->alert.on_mask != 0 || s->has_alert != 0;
}

static void FL(chain_set_muted)(struct FL(chain) * s, int mask) {
    const int changed = mask ^ s->muted;
    s->muted = mask;
    for (int c = 0; c < s->n_channels; c++)
        if (changed >> c & 1) FL(chain_begin)(s, c, FROM_NOTHING);
}

static void FL(chain_init)(struct FL(chain) * s, const struct fl_setup *setup) {
    memset(s, 0, sizeof *s);
    s->n_channels = setup->n_channels;
    s->fs_hz = setup->fs_hz;
    s->hop = setup->hop;
    s->group = setup->group;
    s->settle_gap = 5 * s->hop;
    s->settle_start = 40 * s->hop;
    s->quick_uv = setup->scale_quick / setup->scale_measure;
    s->bands.scale = (REAL)setup->scale_measure;
    s->bands.has_droop = setup->has_droop;
    for (int k = 0; k < 3; k++) s->bands.droop[k] = (REAL)setup->droop[k];
    for (int k = 0; k <= SECTIONS; k++) {
        s->bands.a1[k] = (REAL)setup->a1[k];
        s->bands.a2[k] = (REAL)setup->a2[k];
    }
    s->features.a1 = (REAL)setup->energy_a1;
    s->features.a2 = (REAL)setup->energy_a2;
    s->features.rms_scale = (REAL)(1.0 / (RMS_HOPS * s->hop));
    s->features.energy_scale =
        (REAL)(setup->energy_gain * setup->energy_gain / (ENERGY_HOPS * s->hop));
    FL(features_envelope)(&s->features, setup->envelope_g, s->group, s->hop / s->group);
    FL(features_clear)(&s->features);
    FL(alert_clear)(&s->alert);
    s->alert.keep = (REAL)exp(-s->hop / (0.040 * setup->fs_hz));
    for (int i = 0; i < s->hop; i++)
        s->alert.weights[i] = (REAL)((1 - exp(-1.0 / (0.040 * setup->fs_hz))) *
                                     exp((i + 1 - s->hop) / (0.040 * setup->fs_hz)));
    for (int c = 0; c < LANES; c++) {
        s->alert.threshold[c] = (REAL)INFINITY;
        FL(alert_see)(&s->alert, c, 0);
        s->settled_from[c] = INT64_MAX;
    }
    s->line.fs_hz = setup->fs_hz;
    s->line.hop = s->hop;
    s->line.group = s->group;
    s->line.quick_uv = (REAL)s->quick_uv;
    if (setup->mains_hz > 0)
        FL(line_start)(&s->line, setup->mains_hz);
    else if (setup->mains_hz < 0)
        FL(hunt_start)(&s->hunt, setup->fs_hz, s->hop, s->group);
    for (int c = 0; c < s->n_channels; c++) FL(chain_begin)(s, c, FROM_NOTHING);
}
