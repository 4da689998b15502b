# C types for firmware/lib/faceloop_heat/supervisor.py, compiled under this name.
cimport cython

cdef long BATTERY_LOW, BOOT_TEST, BUSY, BUTTON_STUCK, CAUSE_NONE, CONTACT_CHANGED, COOL
cdef long DOSE_USED, EXCEPTION, FACE_HOT, FIRST_LATCH, FIRST_LOCK, HOLD, INFO_COVERED
cdef long INFO_PROVEN, INFO_SLOW_WARMUP, INFO_STILL_THERE, LATCHED, LATCHES, LATE_TICK
cdef long LEAD_OFF, LEASE_OVER, LEDGER, LOCKED, NO_ANSWER, NO_PAD, NOT_PERMITTED, NOT_PRESSED
cdef long NOT_PROVEN, NOT_RESTED, NOT_SETTLED, NOT_WORN, OFF, OFF_SKIN, PAUSED, PAUSED_TOO_LONG
cdef long PAUSED_TOO_OFTEN, PERMIT_FLAGGED, PERMIT_NONE, RESETS, STOPPED, STORAGE, SWITCH_SHORT
cdef long TIMER_EXPIRED, TOO_WARM, USB_POWER, WAIT_BUTTON, WARMUP, WATCHDOG, BUTTON_WAIT_MS
cdef long COOL_MAX_MS, COOL_MDEGC, DOSE_LEAST_UMIN, FACE_RESUME_MDEGC, LATCH_CLEAR_MDEGC
cdef long OFF_SKIN_RETRY_MS, ON_TIME_TICKS, PAUSE_MAX_MS, RISE_RETRY_MS, SETTLED_MDEGC
cdef long SUPPLY_START_MV, TICK_LATE_MS, TICK_MS, WARMUP_DONE_MDEGC, WARMUP_MESSAGE_MS
cdef long FLAG_TIMER, FLAG_VBUS, IN_FLAGS, IN_SUPPLY_MV, N_INPUTS, PROBE_HEATER, PROBE_NONE
cdef long PROBE_SWITCHES, RESET_POWER_ON, RESET_WATCHDOG, TRIP_NONE, DAMAGED, RUNNING
cdef long TICKS_MASK, SAVE_RETRY_TICKS, NEVER_MS

from faceloop.twin.heat.compiled.checks cimport Checks
from faceloop.twin.heat.compiled.consent cimport Consent, add_ms
from faceloop.twin.heat.compiled.controller cimport Controller
from faceloop.twin.heat.compiled.ledger cimport Ledger
from faceloop.twin.heat.compiled.output cimport Output
from faceloop.twin.heat.compiled.selftest cimport SelfTest
from faceloop.twin.heat.compiled.sensors cimport Sensors
from faceloop.twin.heat.compiled.session cimport Session

cdef class Supervisor:
    cdef object _hal
    cdef public Output output
    cdef public object inputs
    cdef public Sensors sensors
    cdef public Checks checks
    cdef public Controller controller
    cdef public Consent consent
    cdef public Session session
    cdef public Ledger ledger
    cdef SelfTest _selftest
    cdef public long state, cause
    cdef public bint is_dead
    cdef long _last_ms, _n_on_time, _state_ms, _up_ms, _sensor_cause, _save_wait, _latch_due
    cdef long _control_phase, _before_mw
    cdef bint _is_proven, _is_first_scan, _is_stop_wanted, _is_saving
    cpdef bint is_heating(self)
    @cython.locals(elapsed_ms=long)
    cpdef bint tick(self, long now_ms) except? -1
    @cython.locals(inputs=cython.int[::1])
    cdef _tick(self, long elapsed_ms)
    @cython.locals(state=long)
    cdef long _probe(self) except? -1
    @cython.locals(state=long, is_off=bint)
    cdef _step(self, long elapsed_ms)
    @cython.locals(fault=long, end=long, face=long, core=long, pause=long, lead=long)
    cdef _step_heat(self, long elapsed_ms)
    @cython.locals(most_mw=long, power_mw=long, output=Output)
    cdef _control(self, long elapsed_ms)
    @cython.locals(most_mw=long)
    cdef _resume(self)
    @cython.locals(cause=long)
    cdef long _fault(self, long elapsed_ms) except? -1
    @cython.locals(cause=long)
    cdef long _why_end(self, long elapsed_ms) except? -1
    @cython.locals(fault=long, end=long)
    cdef _step_paused(self, long elapsed_ms)
    cdef bint _is_cause_gone(self) except? -1
    @cython.locals(inputs=cython.int[::1], face=long)
    cdef _step_cool(self, long elapsed_ms)
    cdef _enter(self, long state, long cause)
