# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Mains canceller: one cycle of the line is learnt per lane and subtracted.

The phase of the line is shared by all lanes. A template of ``BINS`` points per cycle is read by
cubic interpolation; what remains is clipped and added to the nearest point, so a contraction hardly
moves it. A frequency-locked loop turns the phase: over whole cycles the signal before the
cancelling is correlated with harmonics 1-3, and the rotation of the smoothed correlations since
the step before is the error of the frequency.
"""

from libc.math cimport INFINITY, M_PI, cos, fabs, floor, sin

from faceloop_dsp._filters cimport LANES

cdef enum:
    BINS = 40
    WIDE = 16          # lanes of measurement and alert path, one after the other
    HARMONICS = 3

cdef extern from *:
    """
    /* Learning rate: 1/0.06 = 17 cycles of memory. Clip and tracker (the tracker settles
       where 30 % of the steps lie below it). */
    #define MAINS_MU 0.06
    #define MAINS_CLIP 2.0
    #define MAINS_TRACK_DOWN 0.965
    #define MAINS_TRACK_UP 1.015
    #define MAINS_MIN_TRACK_UV 0.05  /* below the noise of any input: a dead lane stays alive */
    #define MAINS_RINGING_S 0.05
    #define MAINS_WARM_S 0.2         /* cold start takes 0.15-0.28 s: no clip until then */
    /* Frequency-locked loop, per 20 ms. */
    #define MAINS_LOOP_GAIN 0.03
    #define MAINS_LOOP_RATE 3e-4
    #define MAINS_LOOP_RETURN 1e-3
    #define MAINS_LOOP_START_S 0.4
    #define MAINS_LOOP_FAST_S 2.0
    #define MAINS_LOOP_FAST_GAIN 0.1
    #define MAINS_SMOOTH_HZ 1.0
    #define MAINS_MAX_ERROR_HZ 2.0   /* a larger one is noise */
    #define MAINS_MAX_RATE_HZ 0.01
    #define MAINS_MAX_OFFSET_HZ 1.5
    /* Power of the smoothed correlations in units of what noise of the same power gives; EMG is
       up to three times denser near the line than on average. */
    #define MAINS_PRESENT 8.0
    /* Share of the residual that may be locked to the line before a lane learns anew. */
    #define MAINS_LOCKED_SHARE 0.5
    #define MAINS_LOCKED_STEPS 5
    """
    const double MU "MAINS_MU"
    const double CLIP "MAINS_CLIP"
    const double TRACK_DOWN "MAINS_TRACK_DOWN"
    const double TRACK_UP "MAINS_TRACK_UP"
    const double MIN_TRACK_UV "MAINS_MIN_TRACK_UV"
    const double RINGING_S "MAINS_RINGING_S"
    const double WARM_S "MAINS_WARM_S"
    const double LOOP_GAIN "MAINS_LOOP_GAIN"
    const double LOOP_RATE "MAINS_LOOP_RATE"
    const double LOOP_RETURN "MAINS_LOOP_RETURN"
    const double LOOP_START_S "MAINS_LOOP_START_S"
    const double LOOP_FAST_S "MAINS_LOOP_FAST_S"
    const double LOOP_FAST_GAIN "MAINS_LOOP_FAST_GAIN"
    const double SMOOTH_HZ "MAINS_SMOOTH_HZ"
    const double MAX_ERROR_HZ "MAINS_MAX_ERROR_HZ"
    const double MAX_RATE_HZ "MAINS_MAX_RATE_HZ"
    const double MAX_OFFSET_HZ "MAINS_MAX_OFFSET_HZ"
    const double PRESENT "MAINS_PRESENT"
    const double LOCKED_SHARE "MAINS_LOCKED_SHARE"
    const int LOCKED_STEPS "MAINS_LOCKED_STEPS"

cdef struct Mains:
    bint is_on
    double fs_hz
    double nominal_hz
    double hz
    double rate_hz
    double phase                          # cycles, 0-1
    double cos1, sin1                     # phasor of the phase
    double turn_cos, turn_sin             # its rotation per frame
    int step_frames                       # 20 ms: clip limits
    int n_step
    int loop_frames                       # whole cycles: frequency
    int n_loop
    long long n_frames                    # since the last start
    bint is_present
    double line_ratio                     # see PRESENT
    double bins[BINS][WIDE]
    double mu[WIDE]
    double limit[WIDE]
    double track[WIDE]
    double abs_sum[WIDE]
    long long age[LANES]                  # frames since a lane began to learn
    bint is_young                         # a lane still learns faster than MU
    bint is_used[LANES]                   # lanes the frequency is taken from
    double corr_re[HARMONICS][LANES]      # running loop step, before cancelling
    double corr_im[HARMONICS][LANES]
    double line_re[HARMONICS][LANES]      # smoothed
    double line_im[HARMONICS][LANES]
    double rest_re[HARMONICS][LANES]      # running step, after cancelling
    double rest_im[HARMONICS][LANES]
    double locked_re[HARMONICS][LANES]
    double locked_im[HARMONICS][LANES]
    double locked_power[LANES]
    int locked_steps[LANES]
    double square_sum[LANES]
    double power[LANES]                   # of the residual, 0.5 s


cdef inline void mains_turn(Mains *m) noexcept nogil:
    """Recompute phasor and rotation from phase and frequency (the rotation drifts by rounding)."""
    m.cos1 = cos(2.0 * M_PI * m.phase)
    m.sin1 = sin(2.0 * M_PI * m.phase)
    m.turn_cos = cos(2.0 * M_PI * m.hz / m.fs_hz)
    m.turn_sin = sin(2.0 * M_PI * m.hz / m.fs_hz)


cdef inline void mains_relearn(Mains *m, int lane) noexcept nogil:
    """Let a lane learn quickly, starting from the template it has."""
    m.age[lane] = 0
    m.is_young = True
    m.locked_steps[lane] = 0
    m.locked_power[lane] = 0.0


cdef inline void mains_forget(Mains *m, int lane) noexcept nogil:
    """Start a lane from nothing: its electrode was off, or its input at the rail."""
    cdef int i
    for i in range(BINS):
        m.bins[i][lane] = 0.0
        m.bins[i][lane + LANES] = 0.0
    for i in range(HARMONICS):
        m.line_re[i][lane] = 0.0
        m.line_im[i][lane] = 0.0
        m.locked_re[i][lane] = 0.0
        m.locked_im[i][lane] = 0.0
    m.power[lane] = 0.0
    mains_relearn(m, lane)
    # The band-pass rings for a few cycles: those are replaced, not averaged.
    m.age[lane] = -<long long>(RINGING_S * m.fs_hz)


cdef inline void mains_drop_step(Mains *m) noexcept nogil:
    """Forget the sums of the step under way."""
    cdef int i, c
    m.n_step = 0
    for c in range(WIDE):
        m.abs_sum[c] = 0.0
    for c in range(LANES):
        m.square_sum[c] = 0.0
        for i in range(HARMONICS):
            m.rest_re[i][c] = 0.0
            m.rest_im[i][c] = 0.0


cdef inline void mains_drop_loop(Mains *m) noexcept nogil:
    """Forget the correlations under way."""
    cdef int i, c
    m.n_loop = 0
    for i in range(HARMONICS):
        for c in range(LANES):
            m.corr_re[i][c] = 0.0
            m.corr_im[i][c] = 0.0


cdef inline void mains_start(Mains *m, double nominal_hz) noexcept nogil:
    """Begin at a nominal frequency with empty templates."""
    cdef double cycle = m.fs_hz / nominal_hz
    cdef int cycles = 1
    cdef int c
    # A part of a cycle left over would let the line's mirror image pull the frequency: 4 mHz when
    # 60 Hz is looked at for 20 ms. At 2 kHz this gives 40 frames for 50 Hz, 100 for 60.
    while cycles < 6 and fabs(cycles * cycle - floor(cycles * cycle + 0.5)) > 0.005 * cycle:
        cycles += 1
    m.loop_frames = <int>(cycles * cycle + 0.5)
    m.is_on = True
    m.nominal_hz = nominal_hz
    m.hz = nominal_hz
    m.rate_hz = 0.0
    m.phase = 0.0
    m.n_frames = 0
    m.is_present = False
    m.line_ratio = 0.0
    mains_turn(m)
    mains_drop_step(m)
    mains_drop_loop(m)
    for c in range(LANES):
        mains_forget(m, c)


cdef inline void mains_skip(Mains *m, long long n_frames) noexcept nogil:
    """Carry the phase across a gap."""
    cdef double cycles = m.hz / m.fs_hz * n_frames
    if not m.is_on:
        return
    m.phase = m.phase + cycles - floor(m.phase + cycles)
    if m.phase >= 1.0:
        m.phase = 0.0
    mains_turn(m)
    mains_drop_step(m)
    mains_drop_loop(m)


cdef inline void mains_frequency(Mains *m) noexcept nogil:
    """One step of the frequency-locked loop."""
    cdef double dt = m.loop_frames / m.fs_hz
    cdef double pace = dt / 0.020
    cdef double alpha = 2.0 * M_PI * SMOOTH_HZ * dt
    cdef double numerator = 0.0
    cdef double denominator = 0.0
    cdef double line = 0.0
    cdef double weight, re, im, error
    cdef int n_used = 0
    cdef int h, c
    alpha = alpha / (1.0 + alpha)
    for c in range(LANES):
        weight = 0.0
        if m.is_used[c] and m.power[c] > 0.0:
            weight = 1.0 / m.power[c]
            n_used += 1
        for h in range(HARMONICS):
            re = m.line_re[h][c] + alpha * (m.corr_re[h][c] / m.loop_frames - m.line_re[h][c])
            im = m.line_im[h][c] + alpha * (m.corr_im[h][c] / m.loop_frames - m.line_im[h][c])
            numerator += weight * (h + 1) * (im * m.line_re[h][c] - re * m.line_im[h][c])
            denominator += weight * (h + 1) * (h + 1) * (
                re * m.line_re[h][c] + im * m.line_im[h][c]
            )
            line += weight * (re * re + im * im)
            m.line_re[h][c] = re
            m.line_im[h][c] = im
    if n_used == 0:
        m.is_present = False
        return
    m.line_ratio = line / (n_used * HARMONICS * alpha / (2.0 - alpha) / m.loop_frames)
    m.is_present = m.line_ratio > PRESENT
    if not m.is_present:
        # Led astray by noise it must not wait at the edge when a line comes: back within 20 s.
        m.hz += pace * LOOP_RETURN * (m.nominal_hz - m.hz)
    if m.n_frames < LOOP_START_S * m.fs_hz or not m.is_present or denominator <= 0.0:
        m.rate_hz *= 0.9
        return
    error = numerator / denominator / (2.0 * M_PI * dt)
    error = min(max(error, -MAX_ERROR_HZ), MAX_ERROR_HZ)
    m.rate_hz = min(max(m.rate_hz + pace * LOOP_RATE * error, -MAX_RATE_HZ), MAX_RATE_HZ)
    if m.n_frames < LOOP_FAST_S * m.fs_hz:
        m.hz += pace * LOOP_FAST_GAIN * error
    else:
        m.hz += pace * (LOOP_GAIN * error + m.rate_hz)
    if fabs(m.hz - m.nominal_hz) > MAX_OFFSET_HZ:
        m.hz = min(max(m.hz, m.nominal_hz - MAX_OFFSET_HZ), m.nominal_hz + MAX_OFFSET_HZ)
        m.rate_hz = 0.0


cdef inline void mains_lanes(Mains *m) noexcept nogil:
    """Each lane's clip limit, and the watch for a residual that is still the line."""
    cdef double warm = WARM_S * m.fs_hz
    cdef double mean, share
    cdef int h, c
    for c in range(WIDE):
        mean = m.abs_sum[c] / m.step_frames
        if m.age[c % LANES] < warm:
            m.track[c] = mean
            m.limit[c] = INFINITY
        else:
            m.track[c] = max(m.track[c] * (TRACK_DOWN if mean < m.track[c] else TRACK_UP),
                             MIN_TRACK_UV)
            m.limit[c] = CLIP * m.track[c]
    for c in range(LANES):
        mean = m.square_sum[c] / m.step_frames
        m.power[c] += (0.04 if m.power[c] > 0.0 else 1.0) * (mean - m.power[c])
        m.locked_power[c] += 0.3 * (mean - m.locked_power[c])
        share = 0.0
        for h in range(HARMONICS):
            m.locked_re[h][c] += 0.3 * (m.rest_re[h][c] / m.step_frames - m.locked_re[h][c])
            m.locked_im[h][c] += 0.3 * (m.rest_im[h][c] / m.step_frames - m.locked_im[h][c])
            share += 2.0 * (m.locked_re[h][c] * m.locked_re[h][c]
                            + m.locked_im[h][c] * m.locked_im[h][c])
        # A line that grew (the wearer touched something) would be learnt through the clip only
        # in 2 s: muscle is never locked to the line for 100 ms, so this is the line.
        if m.age[c] >= warm and share > LOCKED_SHARE * m.locked_power[c]:
            m.locked_steps[c] += 1
            if m.locked_steps[c] >= LOCKED_STEPS:
                mains_relearn(m, c)
        else:
            m.locked_steps[c] = 0


cdef inline void mains_mature(Mains *m) noexcept nogil:
    """Learning rates of lanes that began a short while ago: a plain mean over their cycles."""
    cdef double cycles, mu
    cdef bint is_young = False
    cdef int c
    for c in range(LANES):
        cycles = m.age[c] * m.hz / m.fs_hz
        mu = max(MU, 1.0 / (1.0 + max(cycles, 0.0)))
        m.mu[c] = mu
        m.mu[c + LANES] = mu
        if m.age[c] <= 0:
            m.limit[c] = INFINITY
            m.limit[c + LANES] = INFINITY
        is_young = is_young or mu > MU
    m.is_young = is_young


cdef inline void mains_frame(Mains *m, double *w) noexcept nogil:
    """Cancel the line in one frame of ``WIDE`` lanes, in place."""
    cdef double point = m.phase * BINS
    cdef int left = <int>point
    cdef double frac
    cdef double wa, wb, wc, wd
    cdef double *near
    cdef double *a
    cdef double *b
    cdef double *cc
    cdef double *d
    cdef double cos1 = m.cos1
    cdef double sin1 = m.sin1
    cdef double cos2 = cos1 * cos1 - sin1 * sin1
    cdef double sin2 = 2.0 * cos1 * sin1
    cdef double cos3 = cos1 * cos2 - sin1 * sin2
    cdef double sin3 = sin1 * cos2 + cos1 * sin2
    cdef double learn[WIDE]
    cdef double e
    cdef int c
    if left >= BINS:
        left = BINS - 1
    frac = point - left
    # Four-point Lagrange: between 40 points a straight line misses 3 % of the third harmonic,
    # 3 uV of a strong line, a cubic 0.1 %.
    a = m.bins[left - 1 if left > 0 else BINS - 1]
    b = m.bins[left]
    cc = m.bins[left + 1 if left + 1 < BINS else 0]
    d = m.bins[left + 2 if left + 2 < BINS else left + 2 - BINS]
    wa = -frac * (frac - 1.0) * (frac - 2.0) / 6.0
    wb = (frac + 1.0) * (frac - 1.0) * (frac - 2.0) / 2.0
    wc = -(frac + 1.0) * frac * (frac - 2.0) / 2.0
    wd = (frac + 1.0) * frac * (frac - 1.0) / 6.0
    near = b if frac < 0.5 else cc

    for c in range(LANES):
        m.corr_re[0][c] += w[c] * cos1
        m.corr_im[0][c] -= w[c] * sin1
        m.corr_re[1][c] += w[c] * cos2
        m.corr_im[1][c] -= w[c] * sin2
        m.corr_re[2][c] += w[c] * cos3
        m.corr_im[2][c] -= w[c] * sin3
    if m.is_young:
        mains_mature(m)
    for c in range(WIDE):
        e = w[c] - (wa * a[c] + wb * b[c] + wc * cc[c] + wd * d[c])
        w[c] = e
        m.abs_sum[c] += fabs(e)
        e = e if e < m.limit[c] else m.limit[c]
        e = e if e > -m.limit[c] else -m.limit[c]
        learn[c] = m.mu[c] * e
    for c in range(WIDE):
        near[c] += learn[c]
    for c in range(LANES):
        m.square_sum[c] += w[c] * w[c]
        m.rest_re[0][c] += w[c] * cos1
        m.rest_im[0][c] -= w[c] * sin1
        m.rest_re[1][c] += w[c] * cos2
        m.rest_im[1][c] -= w[c] * sin2
        m.rest_re[2][c] += w[c] * cos3
        m.rest_im[2][c] -= w[c] * sin3
        m.age[c] += 1

    m.cos1 = cos1 * m.turn_cos - sin1 * m.turn_sin
    m.sin1 = sin1 * m.turn_cos + cos1 * m.turn_sin
    m.phase += m.hz / m.fs_hz
    if m.phase >= 1.0:
        m.phase -= 1.0
    m.n_frames += 1
    m.n_step += 1
    m.n_loop += 1
    if m.n_step == m.step_frames:
        mains_lanes(m)
        mains_drop_step(m)
        mains_turn(m)
    if m.n_loop == m.loop_frames:
        mains_frequency(m)
        mains_drop_loop(m)
        mains_turn(m)
