# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The whole chain for one frame: counts in, trace and detector state out.

A channel is *settled* once its filters have forgotten how they were started; muted and railed
channels never are. Whatever needs a settled channel compares frame numbers, so nothing depends on
how the stream was cut into blocks.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t

from faceloop_dsp._features cimport (
    Alert,
    Envelope,
    Rms,
    alert_change,
    alert_clear,
    alert_frame,
    envelope_clear,
    envelope_frame,
    rms_clear,
    rms_frame,
)
from faceloop_dsp._filters cimport LANES, Bandpass, bandpass_frame, bandpass_settle
from faceloop_dsp._hunt cimport Hunt, hunt_frame, hunt_restart
from faceloop_dsp._mains cimport WIDE, Mains, mains_forget, mains_frame, mains_skip, mains_start

cdef enum:
    # 24 bits less the seven that a packet may cut off.
    RAIL_COUNTS = 0x7FFF80
    MAX_EVENTS = 1024
    MAX_LOST_S = 1      # across a longer gap the phase of the line is not trusted

cdef enum Begin:
    RUNNING = 0
    AFTER_GAP = 1       # filters start anew, the line's template is still good
    FROM_NOTHING = 2

cdef struct Event:
    int64_t frame
    int channel
    bint is_on

cdef struct Chain:
    int n_channels
    int hop                       # 10 ms
    int settle_gap                # 50 ms: 20 Hz high-pass, 4th order
    int settle_start              # 400 ms: cold start of the mains canceller
    int64_t frame                 # next frame
    int64_t lost                  # frames of the gap that has just been
    int muted                     # bit mask
    int railed                    # bit mask
    bint is_odd                   # some lane is railed or has to begin
    Begin begin[LANES]
    int64_t settled_from[LANES]
    int64_t next_settled          # least of settled_from that is still to come
    double counts[LANES]
    double inv_variance[LANES]    # of the wearer's rest, 0 without calibration
    Bandpass measure
    Bandpass quick
    Mains mains
    Hunt hunt
    Rms rms
    Envelope envelope
    Alert alert
    int n_events
    Event events[MAX_EVENTS]


cdef inline void chain_settling(Chain *s, int lane, int64_t frames) noexcept nogil:
    """Distrust a lane for a while, or until further notice if it is muted or railed."""
    cdef int c
    if (s.muted | s.railed) & (1 << lane):
        s.settled_from[lane] = INT64_MAX
        s.mains.is_used[lane] = False
    else:
        s.settled_from[lane] = s.frame + frames
        s.mains.is_used[lane] = lane < s.n_channels
    s.alert.inv_variance[lane] = 0.0
    s.next_settled = INT64_MAX
    for c in range(s.n_channels):
        if s.frame < s.settled_from[c] < s.next_settled:
            s.next_settled = s.settled_from[c]


cdef inline void chain_settled(Chain *s) noexcept nogil:
    """Let the alert detector see the lanes that have settled by now."""
    cdef int c
    s.next_settled = INT64_MAX
    for c in range(s.n_channels):
        if s.settled_from[c] <= s.frame:
            s.alert.inv_variance[c] = s.inv_variance[c]
        elif s.settled_from[c] < s.next_settled:
            s.next_settled = s.settled_from[c]


cdef inline void chain_begin(Chain *s, int lane, Begin how) noexcept nogil:
    """Make a lane start from its next usable count."""
    if s.begin[lane] < how:
        s.begin[lane] = how
    s.is_odd = True
    chain_settling(s, lane, INT64_MAX - s.frame)


cdef inline void chain_odd_frame(Chain *s, const int32_t *x) noexcept nogil:
    """Read a frame in which a lane is railed, comes back from the rail, or has to begin.

    At the rail the last good count is held, which keeps the filters finite and quiet.
    """
    cdef int wait
    cdef int c
    s.is_odd = False
    if s.lost:
        # In one step, however many calls reported the gap: rounding must not depend on them.
        mains_skip(&s.mains, s.lost)
        s.lost = 0
    for c in range(s.n_channels):
        if x[c] >= RAIL_COUNTS or x[c] <= -RAIL_COUNTS:
            if not s.railed & (1 << c):
                s.railed |= 1 << c
                chain_begin(s, c, FROM_NOTHING)
            s.is_odd = True
            continue
        s.railed &= ~(1 << c)
        s.counts[c] = x[c]
        if s.begin[c] != RUNNING:
            bandpass_settle(&s.measure, s.counts, c)
            bandpass_settle(&s.quick, s.counts, c)
            wait = s.settle_gap
            if s.begin[c] == FROM_NOTHING:
                wait = s.settle_start
                if s.hunt.is_on and s.hunt.score[0] + s.hunt.score[1] == 0.0:
                    wait += s.hunt.n_frames   # of no use before the first verdict
                mains_forget(&s.mains, c)
            s.begin[c] = RUNNING
            chain_settling(s, c, wait)


cdef inline void chain_verdict(Chain *s, double line_hz) noexcept nogil:
    """The hunt found the line: switch the canceller on, and let all lanes settle again."""
    cdef int c
    s.hunt.is_on = False
    mains_start(&s.mains, line_hz)
    for c in range(s.n_channels):
        chain_settling(s, c, s.settle_start)


cdef inline int64_t chain_frame(Chain *s, const int32_t *x, double *w) noexcept nogil:
    """Advance by one frame; ``w`` takes the measurement lanes, then those of the alert path."""
    cdef int rails = 0
    cdef int changes, c
    cdef double line_hz
    for c in range(s.n_channels):
        rails |= x[c] >= RAIL_COUNTS or x[c] <= -RAIL_COUNTS
    if rails or s.is_odd:
        chain_odd_frame(s, x)
    else:
        for c in range(s.n_channels):
            s.counts[c] = x[c]
    if s.frame >= s.next_settled:
        chain_settled(s)

    bandpass_frame(&s.measure, s.counts, w)
    bandpass_frame(&s.quick, s.counts, w + LANES)
    if s.hunt.is_on:
        line_hz = hunt_frame(&s.hunt, w, s.mains.is_used)
        if line_hz > 0.0:
            chain_verdict(s, line_hz)
    if s.mains.is_on:
        mains_frame(&s.mains, w)
    rms_frame(&s.rms, w)
    envelope_frame(&s.envelope, w, s.frame & 3 == 3)
    if alert_frame(&s.alert, w + LANES):
        changes = alert_change(&s.alert)
        if changes:
            chain_log(s, changes)
    s.frame += 1
    return s.frame


cdef inline void chain_log(Chain *s, int changes) noexcept nogil:
    """Keep the onsets and offsets of this frame until the block ends."""
    cdef int c
    for c in range(s.n_channels):
        if changes & (0x101 << c) and s.n_events < MAX_EVENTS:
            s.events[s.n_events].frame = s.frame
            s.events[s.n_events].channel = c
            s.events[s.n_events].is_on = (changes >> c) & 1
            s.n_events += 1


cdef inline void chain_gap(Chain *s, int64_t n_frames) noexcept nogil:
    """Pass over frames that never came."""
    cdef int c
    cdef Begin how = AFTER_GAP
    chain_log(s, s.alert.on_mask << 8)
    alert_clear(&s.alert)
    rms_clear(&s.rms)
    envelope_clear(&s.envelope)
    if s.hunt.is_on:
        hunt_restart(&s.hunt)
    s.frame += n_frames
    s.lost += n_frames
    if s.lost > MAX_LOST_S * s.mains.fs_hz:
        how = FROM_NOTHING
    for c in range(s.n_channels):
        chain_begin(s, c, FROM_NOTHING if s.railed & (1 << c) else how)
