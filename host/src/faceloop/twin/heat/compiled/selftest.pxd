# C types for firmware/lib/faceloop_heat/selftest.py, compiled under this name.
cimport cython

cdef long CAUSE_NONE, HEATER, SWITCH_SHORT, TRIP_TEST, HEATER_TOLERANCE_PCT, LEAK_MA, FLAG_HW1
cdef long FLAG_HW2, IN_FLAGS, IN_HEATER_MA, IN_Q1_ONLY_MA, IN_Q2_ONLY_MA, IN_SUPPLY_MV
cdef long PROBE_HEATER, PROBE_SWITCHES, TRIP_HW1, TRIP_HW2, TRIP_NONE

cdef class SelfTest:
    cdef long _least_mohm, _most_mohm, _step
    cdef public long probe, trip
    cdef public bint is_clearing
