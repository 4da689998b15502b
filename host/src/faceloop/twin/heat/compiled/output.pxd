# C types for firmware/lib/faceloop_heat/output.py, compiled under this name.
cimport cython

cdef long AREAL_LIMIT_MW_PER_CM2, KICK_TICKS, TICK_MS, IN_HEATER_MA, IN_SUPPLY_MV, ANSWER_MASK

from faceloop.twin.heat.compiled.consent cimport add_ms

cdef class Output:
    cdef object _hal
    cdef long _area_cm2, _heater_mohm, _since_kick_ms, _answer
    cdef public bint is_driven
    cdef public long power_mw, challenge, duty_permille
    @cython.locals(full_mw=long, supply_mv=long)
    cpdef measure(self, int[::1] inputs)
    @cython.locals(supply_mv=long)
    cpdef long full_mw(self, int[::1] inputs) except? -1
    @cython.locals(full_mw=long, limit_mw=long)
    cpdef long most_mw(self, int[::1] inputs) except? -1
    @cython.locals(full_mw=long)
    cpdef set_power(self, long power_mw, int[::1] inputs)
    cpdef drive(self, bint is_heating)
    cpdef answer(self, long value)
    cpdef kick(self, long elapsed_ms)
