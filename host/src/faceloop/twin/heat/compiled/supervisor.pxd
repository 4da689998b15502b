# C types for firmware/lib/faceloop_heat/supervisor.py, compiled under this name.
cimport cython

cdef long BOOT_TEST, BUSY, CAUSE_NONE, COOL, HOLD, INFO_COVERED, INFO_PROVEN, INFO_SLOW_WARMUP
cdef long INFO_STILL_THERE, LATCHED, LOCKED, NOT_PERMITTED, NOT_PROVEN, OFF, PAUSED
cdef long PERMIT_FLAGGED, PERMIT_NONE, SWITCH_SHORT, WAIT_BUTTON, WARMUP, TICK_LATE_MS, TICK_MS
cdef long WARMUP_MESSAGE_MS, FLAG_VBUS, IN_FLAGS, PROBE_HEATER, PROBE_NONE, PROBE_SWITCHES
cdef long NEVER_MS, TICKS_MASK

from faceloop.twin.heat.compiled.consent cimport add_ms
from faceloop.twin.heat.compiled.start cimport Start

cdef class Supervisor(Start):
    @cython.locals(elapsed_ms=long)
    cpdef bint tick(self, long now_ms) except? -1
    @cython.locals(inputs=cython.int[::1], probe=long)
    cdef _tick(self, long elapsed_ms)
    @cython.locals(state=long)
    cdef long _probe(self) except? -1
    @cython.locals(state=long, is_off=bint)
    cdef _step(self, long elapsed_ms)
