# C types for firmware/lib/faceloop_heat/checks.py, compiled under this name.
cimport cython

cdef long CAUSE_NONE, CLOCK, CONTACT_CHANGED, FACE_HOT, FACE_WARM, HARDWARE_TRIP, HEATER
cdef long OFF_SKIN, RAIL, RISE, SENSOR_CORE, SUPPLY_HIGH, SWITCH_SHORT, CLOCK_TOLERANCE_PERMILLE
cdef long CLOCK_WINDOW_TICKS, CORE_BELOW_MDEGC, CORE_BELOW_PER_W_MDEGC, CORE_BELOW_POWER_MW
cdef long CORE_BELOW_REST_MDEGC, CORE_FACE_ABSOLUTE_MDEGC, CORE_FACE_ABSOLUTE_MS
cdef long CORE_FACE_BASE_MDEGC, CORE_FACE_LEAST_MDEGC, CORE_FACE_MS, CORE_FACE_PER_W_MDEGC
cdef long FACE_LATCH_MDEGC, FACE_LATCH_MS, FACE_PAUSE_MDEGC, FACE_PAUSE_MS, FRAMES_PER_S
cdef long HEATER_BAD_SCANS, HEATER_TOLERANCE_PCT, LEAD_REST_MS, LEAK_MA, OFF_SKIN_MDEGC_PER_W
cdef long OFF_SKIN_MS, OFF_SKIN_POWER_MW, POWER_AVERAGE_MS, RISE_FROM_MDEGC, RISE_MDEGC
cdef long RISE_MS, RISES_BEFORE_LATCH, SUPPLY_HIGH_MV, SUPPLY_HIGH_SCANS, TICK_LATE_MS, TICK_MS
cdef long FLAG_HW1, FLAG_HW2, IN_FLAGS, IN_FRAMES, IN_HEATER_MA, IN_Q1_ONLY_MA, IN_Q2_ONLY_MA
cdef long IN_RAIL_MV, RAIL_MV, RAIL_TOLERANCE_MV
cdef long IN_SUPPLY_MV, HISTORY, FALL, CORE_FALL_MDEGC, CORE_FALL_MS

from faceloop.twin.heat.compiled.consent cimport add_ms

cdef class Checks:
    cdef long _area_cm2, _least_mohm, _most_mohm, _last_frames, _average_uw
    cdef int[::1] _face_history, _core_history, _frames, _frames_ms
    cdef long _n_heater, _n_supply, _above_ms, _absolute_ms, _below_ms, _warm_ms, _hot_ms, _over_ms
    cdef long _rest_mdegc, _cold_ms, _n_rises
    cdef long _off_skin_ms, _n_history, _history_at, _face_rise, _core_rise, _n_clock, _clock_at
    cdef bint _is_rising, _is_falling
    cpdef bint is_settled(self, long within_mdegc) except? -1
    @cython.locals(at=long, first=long, before=long)
    cpdef note(self, int[::1] inputs, long face_mdegc, long core_mdegc, long elapsed_ms)
    cpdef bint is_cooling(self)
    @cython.locals(odd_ms=long)
    cpdef bint is_doubtful(self)
    cpdef bint is_leaking(self, int[::1] inputs) except? -1
    cpdef bint is_rail_wrong(self, int[::1] inputs) except? -1
    @cython.locals(step_ms=long, cause=long, mohm=long, is_odd=bint, is_high=bint)
    cpdef long fault(self, int[::1] inputs, long face_mdegc, long core_mdegc, long elapsed_ms,
                     long power_mw, bint is_heating, bint is_measured) except? -1
    @cython.locals(lead_mdegc=long, is_off=bint, is_over=bint, is_by_power=bint, is_fault=bint)
    cpdef long pause(self, long face_mdegc, long core_mdegc, long elapsed_ms, long power_mw,
                     long most_mdegc) except? -1
    @cython.locals(average_mw=long, high_mw=long, low_mw=long, most_mdegc=long, least_mdegc=long,
                   is_far=bint)
    cdef long _core_fault(self, long lead_mdegc, long elapsed_ms, long power_mw) except? -1
    cdef bint _is_heated(self, long face_mdegc, long core_mdegc) except? -1
    @cython.locals(frames=long, elapsed_ms=long, expected=long, i=long)
    cdef bint _is_clock_wrong(self) except? -1
