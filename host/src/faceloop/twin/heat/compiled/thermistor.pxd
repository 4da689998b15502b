# C types for firmware/lib/faceloop_heat/thermistor.py, compiled under this name.
cimport cython

cdef long FIRST_MDEGC, LAST_MDEGC

cdef int[::1] CODES

@cython.locals(low=long, high=long, middle=long)
cpdef long temperature_mdegc(long code)
