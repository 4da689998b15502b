"""What all states of the heat pad share: its parts, the state itself, latching, the flash."""

from array import array

from faceloop_protocol.heat import (
    BOOT_TEST,
    CAUSE_NONE,
    COOL,
    FIRST_LOCK,
    HOLD,
    LATCHED,
    LATCHES,
    LOCKED,
    RAIL,
    WARMUP,
)

from .checks import Checks
from .consent import Consent
from .controller import Controller
from .hal import IN_RAIL_MV, N_INPUTS, TRIP_NONE
from .leadtest import LeadTest
from .ledger import Ledger
from .output import Output
from .selftest import RUNNING, SelfTest
from .sensors import Sensors
from .session import Session

TICKS_MASK = 0x3FFFFFFF  # of MicroPython's ticks_ms
SAVE_RETRY_TICKS = 240
NEVER_MS = -1


class Parts:
    """Parts, state and cause; which way a state is left for one without heat.

    Parameters
    ----------
    hal : object
        As described in ``hal``.
    area_cm2, heater_mohm : int
        Of the pad, from the board's profile.
    """

    def __init__(self, hal, area_cm2, heater_mohm):
        self._hal = hal
        self.output = Output(hal, area_cm2, heater_mohm)
        self.output.off()
        self.inputs = array("i", [0] * N_INPUTS)
        self.sensors = Sensors()
        self.checks = Checks(area_cm2, heater_mohm)
        self.controller = Controller(area_cm2)
        self.consent = Consent()
        self.session = Session()
        self.ledger = Ledger()
        self._selftest = SelfTest(heater_mohm)
        self._leadtest = LeadTest()
        self.state = BOOT_TEST
        self.cause = CAUSE_NONE
        self.is_dead = False
        self._last_ms = NEVER_MS
        self._n_on_time = 0
        self._is_proven = False
        self._is_first_scan = True
        self._is_testing = False  # in PAUSED, before heat comes back,
        self._is_leading = False  # and of that in the second half
        self._is_pulse = False  # power of that test, until the next tick
        self._is_measured = False  # the heater, by the last scan
        self._state_ms = 0
        self._up_ms = 0
        self._control_phase = 0
        self._before_mw = 0
        self._is_stop_wanted = False
        self._sensor_cause = CAUSE_NONE
        self._was_tripped = False
        self._latch_due = CAUSE_NONE
        self._is_saving = False
        self._save_wait = 0

    def is_heating(self):
        """Return whether this state may close the switches."""
        return self.state == WARMUP or self.state == HOLD

    def _enter(self, state, cause):
        self.state = state
        self.cause = cause
        self._state_ms = 0

    def _has_passed_test(self):
        """Do one step of the self-test; return whether it has passed. What fails latches."""
        result = self._selftest.step(self.inputs)
        is_wrong = self._has_to_judge_rail() and self.checks.is_rail_wrong(self.inputs)
        if result <= CAUSE_NONE and is_wrong:
            result = self._selftest.end(RAIL)
        self._hal.trip(self._selftest.trip)
        if self._selftest.is_clearing:
            self._hal.clear_trip()
        if result == RAIL and self.ledger.fault == RAIL:
            # The press cleared nothing: one fault that is still there, not one more of the day.
            self._enter(LATCHED, RAIL)
        elif result != RUNNING and result != CAUSE_NONE:
            self._latch(result)
        return result == CAUSE_NONE

    def _has_to_judge_rail(self):
        """Return whether heat, or the end of a latch, depends on what this self-test finds.

        Before a resume, always. The one at switch-on is nobody's who wants heat; a rail that was
        not measured yet is judged by the press that follows, where there is one.
        """
        if self.state != BOOT_TEST or self.ledger.fault == RAIL:
            return True
        is_asked = self.consent.minutes > 0 or self.ledger.fault != CAUSE_NONE
        return is_asked and self.inputs[IN_RAIL_MV] >= 0

    def _withdraw(self):
        self.consent.withdraw()
        self.consent.minutes = 0

    def _cool(self, cause):
        if self._is_testing:  # let go of a cut-off that it holds
            self._is_testing = False
            self._hal.trip(TRIP_NONE)
            self._hal.clear_trip()
        self._close_session()
        self._was_tripped = False
        self._enter(COOL, cause)

    def _close_session(self):
        """Replace what was booked by what was used, and what the skin still gets."""
        used_umin = self.session.used_umin(self.sensors.face)
        self.ledger.settle(used_umin, self.session.heated_ms)
        self._is_saving = True
        self._withdraw()

    def _latch(self, cause):
        self.output.off()  # before anything else
        self._is_testing = False
        self._hal.trip(TRIP_NONE)
        self._latch_due = cause
        self.consent.forget_press()
        self._save_wait = 0
        self._enter(LOCKED if cause >= FIRST_LOCK else LATCHED, cause)
        self._is_saving = True

    # Flash. A write takes long, so it comes after heat is off, except the booking before it is on.

    def _save_later(self):
        if self._save_wait:
            self._save_wait -= 1
            return
        if self._latch_due != CAUSE_NONE:
            cause = self._latch_due
            self._latch_due = CAUSE_NONE
            if self.ledger.is_open:
                self._close_session()
            self._withdraw()
            if self.ledger.note_latch(cause) and cause < FIRST_LOCK:
                self.ledger.fault = LATCHES
                self._enter(LOCKED, LATCHES)
        if self._save():
            self._is_saving = False
        else:
            self._save_wait = SAVE_RETRY_TICKS

    def _save(self):
        """Write the slot that is not the newest; return whether it went well."""
        record = self.ledger.pack()
        try:
            self._hal.save(self.ledger.sequence & 1, record)
        except OSError:
            return False
        return True
