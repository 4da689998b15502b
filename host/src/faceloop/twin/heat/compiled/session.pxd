# C types for firmware/lib/faceloop_heat/session.py, compiled under this name.
cimport cython

cdef long BATTERY_LOW, CAUSE_NONE, CONTACT_CHANGED, CORE_SILENT, DOSE_USED, SENSOR_SWAPPED, SESSION_DONE
cdef long TIMER_EXPIRED, USB_POWER, DOSE_COOLING_MS, HEATER_ON_MAX_MS, LEAD_JUDGED_MS
cdef long LEAD_PULSE_MS, PAUSES_MAX, PAUSES_WINDOW_MS, PILLOW_PCT, RESUMED_OFF_SKIN_PCT
cdef long SUPPLY_LOW_MS
cdef long SUPPLY_LOW_MV
cdef long FLAG_TIMER, FLAG_VBUS, IN_FLAGS, IN_SUPPLY_MV, NEVER_MS, TICKS_MASK, DONNING_MS

from faceloop.twin.heat.compiled.dose cimport Dose

cdef class Session:
    cdef public Dose dose
    cdef public long heated_ms, held_ms
    cdef int[::1] _pause_ms
    cdef long _budget_umin, _length_ms, _face_mdegc, _core_mdegc, _start_ms, _low_ms, _donning_mw
    cdef long _donning_ms
    cdef bint _is_lead_judged, _is_resumed
    cpdef count(self, long face_mdegc, long elapsed_ms, bint is_holding)
    cpdef bint is_pulse(self)
    @cython.locals(response_mdegc=long, is_led=bint)
    cpdef long lead_cause(self, long face_mdegc, long core_mdegc, long elapsed_ms) except? -1
    cpdef long end_cause(self, int[::1] inputs, long elapsed_ms) except? -1
    cpdef note_power(self, long power_mw, long elapsed_ms)
