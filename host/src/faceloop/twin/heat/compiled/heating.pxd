# C types for firmware/lib/faceloop_heat/heating.py, compiled under this name.
cimport cython

cdef long BUTTON_STUCK, CAUSE_NONE, CONTACT_CHANGED, FACE_HOT, FIRST_LATCH, FIRST_LOCK, HARDWARE_TRIP, HOLD
cdef long LATE_TICK, LEAD_OFF, LEASE_OVER, NO_ANSWER, OFF, OFF_SKIN, PAUSED, PAUSED_TOO_LONG
cdef long PAUSED_TOO_OFTEN, RAIL, STOPPED, WARMUP, COOL_MAX_MS, COOL_MDEGC, FACE_RESUME_MDEGC
cdef long OFF_SKIN_RETRY_MS, ON_TIME_TICKS, PAUSE_MAX_MS, RISE_RETRY_MS, TICK_LATE_MS
cdef long RUNNING, TRIP_NONE, WARMUP_DONE_MDEGC, FACE_OVER_MDEGC, FACE_OVER_RESUME_MDEGC

from faceloop.twin.heat.compiled.controller cimport derated_mw
from faceloop.twin.heat.compiled.output cimport Output
from faceloop.twin.heat.compiled.parts cimport Parts

cdef class Heating(Parts):
    @cython.locals(fault=long, end=long, face=long, core=long, pause=long, lead=long)
    cdef _step_heat(self, long elapsed_ms)
    @cython.locals(most_mw=long, power_mw=long, output=Output)
    cdef _control(self, long elapsed_ms)
    @cython.locals(most_mw=long)
    cdef _resume(self)
    @cython.locals(cause=long)
    cdef long _fault(self, long elapsed_ms) except? -1
    @cython.locals(cause=long)
    cdef long _why_end(self, long elapsed_ms) except? -1
    @cython.locals(fault=long, end=long)
    cdef _step_paused(self, long elapsed_ms)
    @cython.locals(lead=long, result=long)
    cdef _step_resume(self, long elapsed_ms)
    @cython.locals(most_mw=long)
    cdef _pulse(self)
    cdef _end_leadtest(self, long lead)
    @cython.locals(face=long, over=long)
    cdef bint _is_too_warm(self) except? -1
    cdef bint _is_cause_gone(self) except? -1
    @cython.locals(inputs=cython.int[::1], face=long, fault=long, is_tripped=bint, is_hot=bint)
    cdef _step_cool(self, long elapsed_ms)
