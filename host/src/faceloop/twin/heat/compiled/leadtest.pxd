# C types for firmware/lib/faceloop_heat/leadtest.py, compiled under this name.
cimport cython

cdef long CAUSE_NONE, CONTACT_CHANGED, OFF_SKIN, SENSOR_SWAPPED, LEAD_AHEAD_MDEGC
cdef long LEAD_OFF_SKIN_PCT, LEAD_TEST_MS, RUNNING, LOOK_TICKS, BEGAN_TICK, PULSE_TICK, LOOK_TICK
cdef long END_TICK, NOBODY, CORE, CORE_SILENT, LEAD_JUMP_MDEGC, LEAD_SPREAD_MDEGC

from faceloop.twin.heat.compiled.sensors cimport Sensors

cdef class LeadTest:
    cdef int[::1] _before, _began, _after
    cdef long _ahead, _n_ticks, _pulse_ms
    cpdef bint is_pulse(self)
    @cython.locals(tick=long)
    cpdef long step(self, Sensors sensors, long elapsed_ms) except? -2
    cdef _look(self, int[::1] look, Sensors sensors)
    @cython.locals(began=long, due=long)
    cdef long _response(self, long i) except? -1
    @cython.locals(core=long, first=long, n_close=long, response=long, ahead=long, is_again=bint, least=long,
                   is_uneven=bint, i=long)
    cdef long _judge(self) except? -2
    @cython.locals(least=long, most=long, jump=long, i=long)
    cdef bint _is_apart(self) except? -1
