# C types for firmware/lib/faceloop_heat/ledger.py, compiled under this name.
cimport cython

cdef long CAUSE_NONE, PERMIT_NONE, DAY_S, DOSE_DAY_UMIN, DOSE_SESSION_UMIN, LATCHES_BEFORE_LOCK
cdef long RESETS_BEFORE_LOCK, RESETS_WINDOW_S, REST_S, SESSIONS_PER_DAY, SHORT_SESSION_MS
cdef long SHORT_SESSIONS

cdef class Ledger:
    cdef public long sequence, clock_s, permission, fault
    cdef public bint is_open
    cdef bint _has_host_time
    cdef long _clock_ms, _utc_s, _utc_clock_s, _n_short, _loose_umin, _loose_s, _replaced_s
    cdef long _replaced_umin
    cdef int[::1] _session_s, _session_umin, _latch_s, _reset_s
    cpdef advance(self, long elapsed_ms)
