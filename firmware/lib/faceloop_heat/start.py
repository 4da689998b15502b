"""The way to heat: BOOT_TEST, OFF, WAIT_BUTTON, and LATCHED, which leads back to the test."""

from faceloop_protocol.heat import (
    BATTERY_LOW,
    BOOT_TEST,
    BUTTON_STUCK,
    CAUSE_NONE,
    DOSE_USED,
    EXCEPTION,
    FIRST_LATCH,
    FIRST_LOCK,
    LATCHED,
    LEASE_OVER,
    LEDGER,
    LOCKED,
    NO_PAD,
    NOT_PERMITTED,
    NOT_PRESSED,
    NOT_RESTED,
    NOT_SETTLED,
    NOT_WORN,
    OFF,
    PERMIT_NONE,
    RAIL,
    RESETS,
    STOPPED,
    STORAGE,
    TIMER_EXPIRED,
    TOO_WARM,
    USB_POWER,
    WAIT_BUTTON,
    WARMUP,
    WATCHDOG,
)
from faceloop_protocol.heat_limits import (
    BUTTON_WAIT_MS,
    DOSE_LEAST_UMIN,
    FACE_RESUME_MDEGC,
    LATCH_CLEAR_MDEGC,
    ON_TIME_TICKS,
    SETTLED_MDEGC,
    SUPPLY_START_MV,
    TICK_MS,
)

from .hal import FLAG_TIMER, FLAG_VBUS, IN_FLAGS, IN_SUPPLY_MV, RESET_POWER_ON, RESET_WATCHDOG
from .heating import Heating
from .ledger import DAMAGED


class Start(Heating):
    """One step of each state before heat, and what has to be true for it to begin."""

    def _boot(self, reset_cause):
        try:
            found = self.ledger.load((self._hal.load(0), self._hal.load(1)))
        except OSError:
            found = DAMAGED
        if found == DAMAGED:
            self.ledger.assume_used()
            self._enter(LOCKED, LEDGER)
            return
        fault = self.ledger.fault
        if reset_cause == RESET_WATCHDOG:
            if self.ledger.note_reset():
                fault = RESETS
            elif self.ledger.is_open and fault == CAUSE_NONE:
                fault = WATCHDOG
            self._is_saving = True
        elif reset_cause != RESET_POWER_ON and self.ledger.is_open and fault == CAUSE_NONE:
            fault = EXCEPTION
        if fault == CAUSE_NONE:
            self._start_test()
        elif fault == self.ledger.fault:
            self._enter(LOCKED if fault >= FIRST_LOCK else LATCHED, fault)
        else:
            self._latch(fault)
        # What was booked stays used, for nobody knows how it ended.
        self.ledger.is_open = False
        if self._is_saving:  # now: the first tick may never come to its end
            self._save_later()

    def _start_test(self):
        self._selftest.start()
        self._is_first_scan = True
        self._enter(BOOT_TEST, self.cause)

    def _step_test(self):
        if self._is_stop_wanted:
            self._withdraw()  # the test goes on, to OFF
        if self._is_first_scan:
            self._is_first_scan = False  # this scan was not yet made for the test
            if self.sensors.is_absent or self.inputs[IN_FLAGS] & FLAG_VBUS:
                self._is_proven = False
                self._end_test(NO_PAD if self.sensors.is_absent else USB_POWER)
            return
        if not self._has_passed_test():
            return
        self._is_proven = True
        self._end_test(CAUSE_NONE)

    def _end_test(self, cause):
        """Go on to where the test was asked from."""
        if self.ledger.fault != CAUSE_NONE:
            if cause != CAUSE_NONE:  # nothing was proven
                self._enter(LATCHED, self.ledger.fault)
                return
            self.ledger.fault = CAUSE_NONE
            self._is_saving = True
        if cause == CAUSE_NONE and self.consent.minutes:
            self._enter(WAIT_BUTTON, CAUSE_NONE)
        else:
            self._withdraw()
            self._enter(OFF, cause)

    def _step_off(self):
        if self.ledger.forget_resets():
            self._is_saving = True

    def _step_wait(self):
        if self._is_stop_wanted:
            self._refuse(STOPPED)
        elif self._state_ms > BUTTON_WAIT_MS:
            self._refuse(NOT_PRESSED)
        elif self.consent.is_stuck():
            self._refuse(BUTTON_STUCK)
        elif self.consent.is_new_press:
            cause = self._why_not()
            if cause == CAUSE_NONE:
                self._start()
            else:
                self._refuse(cause)

    def _why_not(self):
        """Return why heat may not start now, or ``CAUSE_NONE``."""
        inputs = self.inputs
        if not self._is_proven or not self.sensors.is_good:
            return NO_PAD
        if inputs[IN_FLAGS] & FLAG_VBUS:
            return USB_POWER
        if inputs[IN_FLAGS] & FLAG_TIMER:
            return TIMER_EXPIRED
        if self.ledger.permission == PERMIT_NONE:
            return NOT_PERMITTED
        if not self.consent.has_lease():
            return LEASE_OVER
        if not self.consent.is_worn():
            return NOT_WORN
        if self.checks.is_rail_wrong(inputs):
            return RAIL
        if inputs[IN_SUPPLY_MV] <= SUPPLY_START_MV:
            return BATTERY_LOW
        if not self.ledger.is_rested():
            return NOT_RESTED
        if self.ledger.dose_left_umin() < DOSE_LEAST_UMIN:
            return DOSE_USED
        if self.sensors.hottest() >= FACE_RESUME_MDEGC or self._is_too_warm():
            return TOO_WARM
        if self._n_on_time < ON_TIME_TICKS or not self.checks.is_settled(SETTLED_MDEGC):
            return NOT_SETTLED
        if self._sensor_cause != CAUSE_NONE:
            return self._sensor_cause
        if self.sensors.is_doubtful():
            return NOT_SETTLED
        cause = self.checks.fault(
            inputs, self.sensors.face, self.sensors.b, TICK_MS, 0, False, False
        )
        if cause == CAUSE_NONE and self.checks.is_doubtful():
            return NOT_SETTLED
        return cause

    def _refuse(self, cause):
        if cause >= FIRST_LATCH:
            self._latch(cause)
            return
        self._withdraw()
        self._enter(OFF, cause)

    def _start(self):
        budget_umin = self.ledger.dose_left_umin()
        self.ledger.book(budget_umin)
        if not self._save():
            self.ledger.unbook()
            self._refuse(STORAGE)
            return
        face = self.sensors.face
        self.session.begin(budget_umin, self.consent.minutes * 60000, face, self.sensors.b)
        self._leadtest.forget()
        self.consent.start_asking()
        self.checks.begin(face, self.sensors.b)
        self.sensors.begin()
        self._enter(WARMUP, CAUSE_NONE)
        self._before_mw = 0
        self._resume()

    def _step_latched(self):
        # Sensors that were unplugged read cold: they have to be back and good.
        if not self.sensors.is_good or self.sensors.hottest() >= LATCH_CLEAR_MDEGC:
            return
        if self.consent.is_long_press() and self._latch_due == CAUSE_NONE:
            self._withdraw()
            self.consent.forget_press()
            self._hal.clear_trip()
            self.sensors.forget()
            self.checks.forget()
            self._start_test()
