# C types for firmware/lib/faceloop_heat/sensors.py, compiled under this name.
cimport cython

cdef long ADC_REFERENCE, CAUSE_NONE, SENSOR_FROZEN, SENSOR_PAIR, SENSOR_RANGE, SENSOR_TRIP
cdef long SENSOR_ZONE, FROZEN_SCANS, PAIR_MDEGC, PAIR_MS, REFERENCE_BAD_SCANS, REFERENCE_MDEGC
cdef long REFERENCE_TOLERANCE_MDEGC, SENSOR_BAD_SCANS, SENSOR_MAX_MDEGC, SENSOR_MIN_MDEGC
cdef long ZONE_MDEGC, ZONE_MS, IN_A, IN_B, IN_C, IN_H, IN_REFERENCE, IN_Z, N_SENSORS

from faceloop.twin.heat.compiled.thermistor cimport temperature_mdegc
from faceloop.twin.heat.compiled.agreement cimport Agreement

cdef class Sensors:
    cdef public long a, c, z, b, h, face, reference
    cdef public bint is_absent, is_good
    cdef int[::1] _now, _last_code, _n_same, _n_bad
    cdef Agreement _agreement
    cdef long _n_reference, _pair_ms, _zone_ms, _loose_ms, _trip_ms
    @cython.locals(cause=long, n_open=long, n_bad=long, i=long, code=long, mdegc=long)
    cpdef long update(self, int[::1] inputs, long elapsed_ms) except? -1
    cpdef long hottest(self)
    @cython.locals(waiting_ms=long, is_waiting=bint)
    cpdef bint is_doubtful(self)
    cpdef bint has_jumped(self)
    cdef long _hottest(self)
    @cython.locals(spot=long, changed=long)
    cdef long _disagreement(self, long reference_code, long elapsed_ms, long cause) except? -1
