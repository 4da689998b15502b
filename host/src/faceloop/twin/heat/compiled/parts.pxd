# C types for firmware/lib/faceloop_heat/parts.py, compiled under this name.
cimport cython

cdef long BOOT_TEST, CAUSE_NONE, COOL, FIRST_LOCK, HOLD, LATCHED, LATCHES, LOCKED, WARMUP
cdef long IN_RAIL_MV, RAIL, N_INPUTS, TRIP_NONE, SAVE_RETRY_TICKS

from faceloop.twin.heat.compiled.checks cimport Checks
from faceloop.twin.heat.compiled.consent cimport Consent
from faceloop.twin.heat.compiled.controller cimport Controller
from faceloop.twin.heat.compiled.leadtest cimport LeadTest
from faceloop.twin.heat.compiled.ledger cimport Ledger
from faceloop.twin.heat.compiled.output cimport Output
from faceloop.twin.heat.compiled.selftest cimport SelfTest
from faceloop.twin.heat.compiled.sensors cimport Sensors
from faceloop.twin.heat.compiled.session cimport Session

cdef class Parts:
    cdef object _hal
    cdef public Output output
    cdef public int[::1] inputs
    cdef public Sensors sensors
    cdef public Checks checks
    cdef public Controller controller
    cdef public Consent consent
    cdef public Session session
    cdef public Ledger ledger
    cdef SelfTest _selftest
    cdef LeadTest _leadtest
    cdef public long state, cause
    cdef public bint is_dead
    cdef long _last_ms, _n_on_time, _state_ms, _up_ms, _sensor_cause, _save_wait, _latch_due
    cdef long _control_phase, _before_mw
    cdef bint _is_proven, _is_first_scan, _is_stop_wanted, _is_saving, _was_tripped
    cdef bint _is_testing, _is_leading, _is_pulse, _is_measured
    cpdef bint is_heating(self)
    cdef bint _has_passed_test(self) except? -2
    cdef bint _has_to_judge_rail(self) except? -2
    cdef _enter(self, long state, long cause)
