# C types for firmware/lib/faceloop_heat/agreement.py, compiled under this name.
cimport cython

cdef long CAUSE_NONE, SENSOR_PAIR, SENSOR_SWAPPED, SENSOR_TRIP, SENSOR_ZONE, CROSS_MDEGC
cdef long JUMP_MDEGC, JUMP_SCANS, JUMP_TICKS, JUMP_ZONE_MDEGC, PAIR_MS, SPOT_MDEGC
cdef long ZONE_CHANGE_MDEGC, ZONE_FALL_MDEGC, ZONE_MS

cdef class Agreement:
    cdef int[::1] _pair, _zone, _trip, _lead
    cdef bint _is_known, _is_fallen
    cdef long _at, _pair_0, _zone_0, _trip_0, _pair_ms, _trip_ms, _zone_ms, _fall_ms
    cdef long _n_jumped, _n_crossed
    cpdef bint is_doubtful(self)
    cpdef bint has_jumped(self)
    @cython.locals(spot=long, pair=long, zone=long, trip=long, lead=long)
    cpdef long update(self, long a, long c, long z, long b, long h, long elapsed_ms) except? -1
    @cython.locals(at=long, pair_jump=long, zone_jump=long, trip_jump=long, lead_jump=long,
                   is_jump=bint, is_crossed=bint)
    cdef _compare(self, long pair, long zone, long trip, long lead)
    @cython.locals(cross=long, cross_c=long)
    cdef bint _is_crossed(self, long pair_jump, long lead_jump) except? -1
