# C types for firmware/lib/faceloop_heat/controller.py, compiled under this name.
cimport cython

cdef long BACK_CALCULATION_S, CORE_DERATE_MDEGC, CORE_ZERO_MDEGC, GAIN_MW_PER_DEGC
cdef long GOVERNOR_MDEGC, INTEGRAL_S, SLEW_MDEGC_PER_S, STEP_SLEW_TENTHS, SLOPE_MW_PER_10
cdef long INTEGRAL_DIVISOR, BACK_DIVISOR

cdef class Controller:
    cdef long _area_cm2, _target_tenths, _integral_uw
    cdef public long power_mw
    cpdef long target_mdegc(self)
    @cython.locals(others_mw=long, integral_mw=long)
    cpdef resume(self, long face_mdegc, long power_mw, long most_mw)
    @cython.locals(before=long, slope_mw=long, error_mdegc=long, wanted_mw=long, limit_mw=long,
                   given_mw=long)
    cpdef long step(self, long setpoint_mdegc, long face_mdegc, long core_mdegc, long most_mw) except? -1
    @cython.locals(wanted=long, moved=long, highest=long)
    cdef _move_target(self, long setpoint_mdegc, long face_mdegc)
    @cython.locals(steady_mw=long)
    cdef long _feed_forward_mw(self) except? -1

@cython.locals(room_mdegc=long)
cpdef long derated_mw(long power_mw, long core_mdegc) except? -1
