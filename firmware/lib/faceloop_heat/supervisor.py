"""The states of the heat pad, and everything that turns heat off.

===========  ====  =========================================================================
state        heat  leaves when
===========  ====  =========================================================================
BOOT_TEST    off   passed, or no pad to test -> OFF (WAIT_BUTTON when a request came first);
                   failed -> LATCHED, LOCKED
OFF          off   request of a proven host -> BOOT_TEST
WAIT_BUTTON  off   new press within 60 s, worn, permitted, rested, dose left, cell > 3.6 V, lease
                   fresh, no fault -> WARMUP; else OFF
WARMUP       on    face within 0.5 C of the set-point -> HOLD
HOLD         on    time or dose used, stop, end -> COOL
PAUSED       off   cause gone and lease fresh within 30 s -> WARMUP; else COOL
COOL         off   every sensor < 37 C, or 5 min -> OFF
LATCHED      off   sensors < 38 C, 3 s press, self-test -> OFF. Not by radio, not by reset
LOCKED       off   bench procedure
===========  ====  =========================================================================

A fault leads from every state but BOOT_TEST, OFF, WAIT_BUTTON and COOL to LATCHED or LOCKED: a pad
that is unplugged while it is off is no fault. Current that should not flow locks in every state.
"""

from array import array

from faceloop_protocol.heat import (
    BATTERY_LOW,
    BOOT_TEST,
    BUSY,
    BUTTON_STUCK,
    CAUSE_NONE,
    CONTACT_CHANGED,
    COOL,
    DOSE_USED,
    EXCEPTION,
    FACE_HOT,
    FIRST_LATCH,
    FIRST_LOCK,
    HOLD,
    INFO_COVERED,
    INFO_PROVEN,
    INFO_SLOW_WARMUP,
    INFO_STILL_THERE,
    LATCHED,
    LATCHES,
    LATE_TICK,
    LEAD_OFF,
    LEASE_OVER,
    LEDGER,
    LOCKED,
    NO_ANSWER,
    NO_PAD,
    NOT_PERMITTED,
    NOT_PRESSED,
    NOT_PROVEN,
    NOT_RESTED,
    NOT_SETTLED,
    NOT_WORN,
    OFF,
    OFF_SKIN,
    PAUSED,
    PAUSED_TOO_LONG,
    PAUSED_TOO_OFTEN,
    PERMIT_FLAGGED,
    PERMIT_NONE,
    RESETS,
    STOPPED,
    STORAGE,
    SWITCH_SHORT,
    TIMER_EXPIRED,
    TOO_WARM,
    USB_POWER,
    WAIT_BUTTON,
    WARMUP,
    WATCHDOG,
)
from faceloop_protocol.heat_limits import (
    BUTTON_WAIT_MS,
    COOL_MAX_MS,
    COOL_MDEGC,
    DOSE_LEAST_UMIN,
    FACE_RESUME_MDEGC,
    LATCH_CLEAR_MDEGC,
    OFF_SKIN_RETRY_MS,
    ON_TIME_TICKS,
    PAUSE_MAX_MS,
    RISE_RETRY_MS,
    SETTLED_MDEGC,
    SUPPLY_START_MV,
    TICK_LATE_MS,
    TICK_MS,
    WARMUP_DONE_MDEGC,
    WARMUP_MESSAGE_MS,
)

from .checks import Checks
from .consent import Consent, add_ms
from .controller import Controller
from .hal import (
    FLAG_TIMER,
    FLAG_VBUS,
    IN_FLAGS,
    IN_SUPPLY_MV,
    N_INPUTS,
    PROBE_HEATER,
    PROBE_NONE,
    PROBE_SWITCHES,
    RESET_POWER_ON,
    RESET_WATCHDOG,
    TRIP_NONE,
)
from .ledger import DAMAGED, Ledger
from .output import Output
from .selftest import RUNNING, SelfTest
from .sensors import Sensors
from .session import Session

TICKS_MASK = 0x3FFFFFFF  # of MicroPython's ticks_ms
SAVE_RETRY_TICKS = 240
NEVER_MS = -1


class Supervisor:
    """Owner of the heater. ``tick`` is called at least every 250 ms and does the rest.

    Parameters
    ----------
    hal : object
        As described in ``hal``.
    area_cm2, heater_mohm : int
        Of the pad, from the board's profile.
    reset_cause : int
        RESET_ constant.

    Attributes
    ----------
    state, cause : int
        Of ``faceloop_protocol.heat``.
    output : Output
        The main loop calls ``output.answer(output.challenge ^ ANSWER_MASK)``, or the watchdog is
        not kicked.
    is_dead : bool
        A tick did not come to its end. Heat stays off and the watchdog is not kicked.
    """

    def __init__(self, hal, area_cm2, heater_mohm, reset_cause):
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
        self.state = BOOT_TEST
        self.cause = CAUSE_NONE
        self.is_dead = False
        self._last_ms = NEVER_MS
        self._n_on_time = 0
        self._is_proven = False
        self._is_first_scan = True
        self._state_ms = 0
        self._up_ms = 0
        self._control_phase = 0
        self._before_mw = 0
        self._is_stop_wanted = False
        self._sensor_cause = CAUSE_NONE
        self._latch_due = CAUSE_NONE
        self._is_saving = False
        self._save_wait = 0
        self._boot(reset_cause)

    # What the host may ask, through the command layer that has checked its tag.

    def open_link(self, link):
        """A host has proven the key; ``link`` > 0 tells its session from every other."""
        self.consent.open_link(link)

    def close_link(self):
        """The proven session is over; a running session lives on its lease."""
        self.consent.close_link()

    def request(self, link, setpoint_mdegc, minutes):
        """Ask for heat; return ``CAUSE_NONE`` when a press may now start it, else why not."""
        if self.state != OFF:
            return self.cause if self.state >= LATCHED else BUSY
        if self.ledger.permission == PERMIT_NONE:
            return NOT_PERMITTED
        if not self.consent.request(link, setpoint_mdegc, minutes, self.ledger.permission):
            return NOT_PROVEN
        self.sensors.forget()
        self.checks.forget()
        self.checks.forget_clock()
        self.cause = CAUSE_NONE
        self._start_test()
        return CAUSE_NONE

    def renew(self, link, setpoint_mdegc, life_ms):
        """Renew the lease; return whether it was."""
        return self.consent.renew(link, setpoint_mdegc, life_ms, self.ledger.permission)

    def confirm(self, link):
        """Take "I am still there"; return whether it counts."""
        return self.consent.confirm(link)

    def stop(self):
        """Stop heat: anybody may, in every state, without proof."""
        self._is_stop_wanted = True

    def permit(self, link, permission):
        """Keep the result of the skin test; only while heat is off. Return whether it was kept."""
        if not self.consent.is_proven(link) or permission > PERMIT_FLAGGED:
            return False
        if self.state != OFF:
            return False
        self.ledger.permission = permission
        return self._save()

    def note_time(self, link, utc_s):
        """Take the host's time; return whether it counts."""
        if not self.consent.is_proven(link):
            return False
        self.ledger.note_time(utc_s)
        return True

    def unlock(self):
        """End LOCKED: bench procedure, over the cable, with the pad unplugged."""
        if self.state != LOCKED or not self.sensors.is_absent:
            return False
        if not self.inputs[IN_FLAGS] & FLAG_VBUS:
            return False
        self.ledger.clear_faults()
        if not self._save():
            return False
        self._enter(OFF, CAUSE_NONE)
        self._is_proven = False
        return True

    def has_request(self):
        """Return whether a host's request stands."""
        return self.consent.minutes > 0

    def is_heating(self):
        """Return whether this state may close the switches."""
        return self.state == WARMUP or self.state == HOLD

    def info(self):
        """Return INFO_ bits."""
        bits = INFO_PROVEN if self._is_proven else 0
        if self.is_heating() and self.consent.is_asked():
            bits |= INFO_STILL_THERE
        if self.state == WARMUP and self._state_ms >= WARMUP_MESSAGE_MS:
            bits |= INFO_SLOW_WARMUP
        if self.state == HOLD and self.session.is_covered(self.output.power_mw):
            bits |= INFO_COVERED
        return bits

    def report(self):
        """Return the fields of ``HeatState``, in order."""
        return (
            self.state,
            self.cause,
            self.info(),
            self.ledger.sessions_left(),
            self.sensors.face // 10,
            self.sensors.b // 10,
            self.controller.target_mdegc() // 10,
            self.output.power_mw,
            self.consent.setpoint_mdegc // 10,
            self.consent.lease_ms,
            self.session.remaining_ms() if self.is_heating() else 0,
            self.session.dose.umin,
            self.ledger.day_dose_umin(),
            self.sensors.a // 10,
            self.sensors.c // 10,
            self.sensors.z // 10,
            self.sensors.h // 10,
            self.output.duty_permille,
            self.ledger.permission,
        )

    # Time.

    def tick(self, now_ms):
        """Do what is due; return whether anything was.

        Parameters
        ----------
        now_ms : int
            Of ``ticks_ms``, wraps at 2**30.
        """
        elapsed_ms = (
            TICK_MS if self._last_ms == NEVER_MS else (now_ms - self._last_ms) & TICKS_MASK
        )
        if self.is_dead:
            self.output.off()
            return False
        if elapsed_ms < TICK_MS:
            return False
        self._last_ms = now_ms
        self.is_dead = True  # unless this tick comes to its end
        try:
            self._tick(elapsed_ms)
            self.is_dead = False
        finally:
            if self.is_dead:
                self.output.off()
        return True

    def _tick(self, elapsed_ms):
        self._up_ms = (self._up_ms + elapsed_ms) & TICKS_MASK
        self._state_ms = add_ms(self._state_ms, elapsed_ms)
        self.ledger.advance(elapsed_ms)
        self._hal.scan(self.inputs, self._probe())
        inputs = self.inputs
        self._sensor_cause = self.sensors.update(inputs, elapsed_ms)
        self.consent.update(inputs[IN_FLAGS], elapsed_ms)
        self._n_on_time = 0 if elapsed_ms > TICK_LATE_MS else min(self._n_on_time + 1, 255)
        self.output.measure(inputs)
        self.checks.note(inputs, self.sensors.face, self.sensors.b, elapsed_ms)
        self._step(elapsed_ms)
        self._is_stop_wanted = False
        self.output.drive(self.is_heating())
        self.output.kick(elapsed_ms)
        if self._is_saving and not self.output.is_driven:
            self._save_later()

    def _probe(self):
        state = self.state
        if state == BOOT_TEST:
            return self._selftest.probe
        if state == WARMUP or state == HOLD:
            return PROBE_HEATER
        return PROBE_SWITCHES if state == PAUSED or state == COOL else PROBE_NONE

    def _step(self, elapsed_ms):
        state = self.state
        is_off = not self.is_heating() and state != BOOT_TEST and state != LOCKED
        if is_off and self.checks.is_leaking(self.inputs):
            self._latch(SWITCH_SHORT)
        elif state == BOOT_TEST:
            self._step_test()
        elif state == OFF:
            self._step_off()
        elif state == WAIT_BUTTON:
            self._step_wait()
        elif state == WARMUP or state == HOLD:
            self._step_heat(elapsed_ms)
        elif state == PAUSED:
            self._step_paused(elapsed_ms)
        elif state == COOL:
            self._step_cool(elapsed_ms)
        elif state == LATCHED:
            self._step_latched()

    # Start.

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
        result = self._selftest.step(self.inputs)
        self._hal.trip(self._selftest.trip)
        if self._selftest.is_clearing:
            self._hal.clear_trip()
        if result == RUNNING:
            return
        if result != CAUSE_NONE:
            self._latch(result)
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
        if inputs[IN_SUPPLY_MV] < SUPPLY_START_MV:
            return BATTERY_LOW
        if not self.ledger.is_rested():
            return NOT_RESTED
        if self.ledger.dose_left_umin() < DOSE_LEAST_UMIN:
            return DOSE_USED
        if self.sensors.hottest() >= FACE_RESUME_MDEGC:
            return TOO_WARM
        if self._n_on_time < ON_TIME_TICKS or not self.checks.is_settled(SETTLED_MDEGC):
            return NOT_SETTLED
        if self._sensor_cause != CAUSE_NONE:
            return self._sensor_cause
        if self.sensors.is_doubtful():
            return NOT_SETTLED
        return self.checks.fault(inputs, self.sensors.face, self.sensors.b, TICK_MS, 0, False)

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
            self.ledger.settle(0, 0)
            self._refuse(STORAGE)
            return
        face = self.sensors.face
        self.session.begin(budget_umin, self.consent.minutes * 60000, face, self.sensors.b)
        self.consent.start_asking()
        self.checks.begin(face, self.sensors.b)
        self._enter(WARMUP, CAUSE_NONE)
        self._before_mw = 0
        self._resume()

    # Heat.

    def _step_heat(self, elapsed_ms):
        face = self.sensors.face
        core = self.sensors.b
        self.session.count(face, elapsed_ms, self.state == HOLD)
        fault = self._fault(elapsed_ms)
        pause = self.checks.pause(face, core, elapsed_ms, self.output.power_mw)
        lead = self.session.lead_cause(face, core, elapsed_ms)
        if lead != CAUSE_NONE:
            pause = lead
        if fault == CAUSE_NONE and pause >= FIRST_LATCH:
            fault = pause
        if fault != CAUSE_NONE:
            self._latch(fault)
            return
        end = self._why_end(elapsed_ms)
        if end != CAUSE_NONE:
            self._cool(end)
            return
        if elapsed_ms > TICK_LATE_MS:
            pause = LATE_TICK
        if not self.consent.has_lease():
            pause = LEASE_OVER
        if self.consent.is_lead_off():
            pause = LEAD_OFF
        if pause != CAUSE_NONE:
            self._pause(pause)
            return
        if self.state == WARMUP and face >= self.consent.setpoint_mdegc - WARMUP_DONE_MDEGC:
            self._enter(HOLD, CAUSE_NONE)
        self._control(elapsed_ms)

    def _control(self, elapsed_ms):
        output = self.output
        most_mw = output.most_mw(self.inputs)
        if self.session.is_pulse():
            output.set_power(most_mw, self.inputs)
            self._resume()  # the controller begins after the pulse
            return
        self._control_phase ^= 1
        if self._control_phase:
            power_mw = self.controller.step(
                self.consent.setpoint_mdegc, self.sensors.face, self.sensors.b, most_mw
            )
            output.set_power(power_mw, self.inputs)
        if self.state == HOLD:
            self.session.note_power(output.power_mw, elapsed_ms)

    def _resume(self):
        most_mw = self.output.most_mw(self.inputs)
        self.controller.resume(self.sensors.face, self._before_mw, most_mw)
        self._control_phase = 0

    def _fault(self, elapsed_ms):
        cause = self.checks.fault(
            self.inputs,
            self.sensors.face,
            self.sensors.b,
            elapsed_ms,
            self.output.power_mw,
            self.output.is_driven,
        )
        # A lock comes before a latch, and what is broken before what follows from it.
        if cause >= FIRST_LOCK or cause == FACE_HOT or self._sensor_cause == CAUSE_NONE:
            return cause
        return self._sensor_cause

    def _why_end(self, elapsed_ms):
        """Return why the session is over, or ``CAUSE_NONE``."""
        cause = self.session.end_cause(self.inputs, elapsed_ms)
        if self._is_stop_wanted or self.consent.is_new_press:
            return STOPPED
        if self.consent.is_stuck():
            return BUTTON_STUCK
        if cause == CAUSE_NONE and self.consent.is_silent():
            return NO_ANSWER
        return cause

    # No heat.

    def _pause(self, cause):
        if self.session.is_pause_too_many(self._up_ms):
            self._cool(PAUSED_TOO_OFTEN)
            return
        self._before_mw = self.controller.power_mw
        self._enter(PAUSED, cause)

    def _step_paused(self, elapsed_ms):
        self.session.dose.add(self.sensors.face, elapsed_ms)
        fault = self._fault(elapsed_ms)
        if fault != CAUSE_NONE:
            self._latch(fault)
            return
        end = self._why_end(elapsed_ms)
        if end != CAUSE_NONE:
            self._cool(end)
        elif self._is_cause_gone():
            checks = self.checks
            self.session.test_lead(
                self.sensors.face, self.sensors.b, checks.face_trend(), checks.core_trend()
            )
            self._enter(WARMUP, CAUSE_NONE)
            self._resume()
        elif self._state_ms >= PAUSE_MAX_MS:
            self._cool(PAUSED_TOO_LONG)

    def _is_cause_gone(self):
        """Return whether nothing speaks against heat, not only what paused it."""
        if not self.consent.has_lease() or not self.consent.is_lead_on():
            return False
        if self.sensors.face >= FACE_RESUME_MDEGC or self._n_on_time < ON_TIME_TICKS:
            return False
        if not self.checks.has_trend():
            return False
        if self.sensors.is_doubtful() or self.checks.is_doubtful():
            return False  # rather wait for the verdict
        if self.cause == OFF_SKIN:
            return self._state_ms >= OFF_SKIN_RETRY_MS
        if self.cause == CONTACT_CHANGED:
            return self._state_ms >= RISE_RETRY_MS
        return True

    def _cool(self, cause):
        self._close_session()
        self._enter(COOL, cause)

    def _close_session(self):
        """Replace what was booked by what was used, and what the skin still gets."""
        used_umin = self.session.used_umin(self.sensors.face)
        self.ledger.settle(used_umin, self.session.heated_ms)
        self._is_saving = True
        self._withdraw()

    def _step_cool(self, elapsed_ms):
        inputs = self.inputs
        face = self.sensors.face
        # A pad that is unplugged now is no fault; one that is still this hot is.
        if self.checks.fault(inputs, face, self.sensors.b, elapsed_ms, 0, False) == FACE_HOT:
            self._latch(FACE_HOT)
        elif self._state_ms >= COOL_MAX_MS or self.sensors.hottest() < COOL_MDEGC:
            self._enter(OFF, self.cause)

    # Faults.

    def _latch(self, cause):
        self.output.off()  # before anything else
        self._hal.trip(TRIP_NONE)
        self._latch_due = cause
        self._save_wait = 0
        self._enter(LOCKED if cause >= FIRST_LOCK else LATCHED, cause)
        self._is_saving = True

    def _step_latched(self):
        # Sensors that were unplugged read cold: they have to be back and good.
        if not self.sensors.is_good or self.sensors.hottest() >= LATCH_CLEAR_MDEGC:
            return
        if self.consent.is_long_press() and self._latch_due == CAUSE_NONE:
            self._withdraw()
            self._hal.clear_trip()
            self.sensors.forget()
            self.checks.forget()
            self._start_test()

    def _withdraw(self):
        self.consent.withdraw()
        self.consent.minutes = 0

    def _enter(self, state, cause):
        self.state = state
        self.cause = cause
        self._state_ms = 0

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
