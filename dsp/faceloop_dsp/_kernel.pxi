# What _stream.pyx asks of _kernel.h; included by it.

cdef extern from "_kernel.h":
    """
    #if defined(__GNUC__) && defined(__x86_64__)
    static int faceloop_has_v3(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
            && __builtin_cpu_supports("popcnt");
    }
    #else
    static int faceloop_has_v3(void) { return 0; }
    #endif
    """
    int faceloop_has_v3() noexcept nogil
    cdef enum:
        FL_BYTES
        LANES
        N_OUT
        WHITENING
        CHUNK_FRAMES
        FROM_COUNTS
        FROM_BYTES24
        MAX_HOP
    double ALERT_CLIP
    double ALERT_SLOPE
    double ALERT_DRIFT
    cdef struct fl_setup:
        double fs_hz
        double mains_hz
        int n_channels
        int hop
        int group
        double scale_measure
        double scale_quick
        double a1[5]
        double a2[5]
        double energy_a1
        double energy_a2
        double energy_gain
        double envelope_g
        int has_droop
        double droop[3]
    cdef struct fl_output:
        void *trace
        void *quick
        void *hops
    cdef struct fl_event:
        int64_t frame
        int channel
        int is_on
    cdef struct fl_events:
        int n
        fl_event *list
    cdef struct line_f32:
        int is_on
        double nominal_hz
        double hz
        int is_present
    cdef struct line_f64:
        int is_on
        double nominal_hz
        double hz
        int is_present
    cdef struct alert_f32:
        int on_mask
    cdef struct alert_f64:
        int on_mask
    cdef struct chain_f32:
        int64_t frame
        int pos
        int muted
        line_f32 line
        alert_f32 alert
        fl_events events
    cdef struct chain_f64:
        int64_t frame
        int pos
        int muted
        line_f64 line
        alert_f64 alert
        fl_events events
    unsigned int fl_flush() noexcept nogil
    void fl_unflush(unsigned int before) noexcept nogil
    void chain_init_f32(chain_f32 *s, const fl_setup *setup) noexcept nogil
    void chain_init_f64(chain_f64 *s, const fl_setup *setup) noexcept nogil
    void chain_run_f32(
        chain_f32 *s, const void *source, int kind, int64_t at, int64_t n_source, int64_t n,
        fl_output *out,
    ) noexcept nogil
    void chain_run_f64(
        chain_f64 *s, const void *source, int kind, int64_t at, int64_t n_source, int64_t n,
        fl_output *out,
    ) noexcept nogil
    void chain_gap_f32(chain_f32 *s, int64_t n_frames) noexcept nogil
    void chain_gap_f64(chain_f64 *s, int64_t n_frames) noexcept nogil
    void chain_set_alert_f32(
        chain_f32 *s, int lane, const double *taps, double sd_uv, double threshold
    ) noexcept nogil
    void chain_set_alert_f64(
        chain_f64 *s, int lane, const double *taps, double sd_uv, double threshold
    ) noexcept nogil
    void chain_settled_f32(chain_f32 *s) noexcept nogil
    void chain_settled_f64(chain_f64 *s) noexcept nogil
    void chain_set_muted_f32(chain_f32 *s, int mask) noexcept nogil
    void chain_set_muted_f64(chain_f64 *s, int mask) noexcept nogil
