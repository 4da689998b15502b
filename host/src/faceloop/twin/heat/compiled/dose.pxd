# C types for firmware/lib/faceloop_heat/dose.py, compiled under this name.
cimport cython

cdef long DOSE_SENSOR_ERROR_MDEGC, HOTTEST_MDEGC

cdef int[::1] ABOVE_NMIN
cdef int[::1] BELOW_NMIN

@cython.locals(tenths=long, degrees_below=long)
cpdef long tick_dose_nmin(long hottest_mdegc)


cdef class Dose:
    cdef public long umin
    cdef long _rest_nmin
    @cython.locals(quarters=long, step_nmin=long)
    cpdef add(self, long hottest_mdegc, long elapsed_ms)
    cpdef long ahead_umin(self, long hottest_mdegc, long ahead_ms)
