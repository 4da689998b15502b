# C types for firmware/lib/faceloop_heat/consent.py, compiled under this name.
cimport cython

cdef long PERMIT_FLAGGED, PERMIT_FULL, BUTTON_CLEAR_MS, BUTTON_STUCK_MS, LEAD_OFF_MS
cdef long LEAD_ON_MS, LEASE_MAX_MS, SESSION_MAX_MIN, SETPOINT_FLAGGED_MAX_MDEGC
cdef long SETPOINT_MAX_MDEGC, SETPOINT_MIN_MDEGC, STILL_THERE_MS, STILL_THERE_WAIT_MS, WORN_MS
cdef long FLAG_BUTTON, FLAG_LEAD_OFF, LONG_MS

cdef class Consent:
    cdef long _asked_mdegc, _link, _pressed_ms, _on_ms, _off_ms, _confirmed_ms
    cdef bint _is_asked, _was_pressed, _is_press_fresh
    cdef public long setpoint_mdegc, minutes, lease_ms
    cdef public bint is_new_press
    @cython.locals(is_pressed=bint)
    cpdef update(self, long flags, long elapsed_ms)
    cpdef bint has_lease(self)
    cpdef bint is_lead_off(self)
    cpdef bint is_lead_on(self)
    cpdef bint is_stuck(self)
    cpdef bint is_silent(self)

cpdef long add_ms(long counter_ms, long elapsed_ms)
