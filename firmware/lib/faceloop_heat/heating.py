"""Heat on, and what turns it off: WARMUP, HOLD, PAUSED, and COOL after them."""

from faceloop_protocol.heat import (
    BUTTON_STUCK,
    CAUSE_NONE,
    CONTACT_CHANGED,
    FACE_HOT,
    FIRST_LATCH,
    FIRST_LOCK,
    HARDWARE_TRIP,
    HOLD,
    LATE_TICK,
    LEAD_OFF,
    LEASE_OVER,
    NO_ANSWER,
    OFF,
    OFF_SKIN,
    PAUSED,
    PAUSED_TOO_LONG,
    PAUSED_TOO_OFTEN,
    RAIL,
    STOPPED,
    WARMUP,
)
from faceloop_protocol.heat_limits import (
    COOL_MAX_MS,
    COOL_MDEGC,
    FACE_OVER_MDEGC,
    FACE_OVER_RESUME_MDEGC,
    FACE_RESUME_MDEGC,
    OFF_SKIN_RETRY_MS,
    ON_TIME_TICKS,
    PAUSE_MAX_MS,
    RISE_RETRY_MS,
    TICK_LATE_MS,
    WARMUP_DONE_MDEGC,
)

from .controller import derated_mw
from .hal import TRIP_NONE
from .parts import Parts
from .selftest import RUNNING


class Heating(Parts):
    """One step of each state that has heat, or had it a moment ago."""

    def _step_heat(self, elapsed_ms):
        face = self.sensors.face
        core = self.sensors.b
        self.session.count(face, elapsed_ms, self.state == HOLD)
        fault = self._fault(elapsed_ms)
        most_mdegc = self.consent.setpoint_mdegc + FACE_OVER_MDEGC
        pause = self.checks.pause(face, core, elapsed_ms, self.output.power_mw, most_mdegc)
        lead = self.session.lead_cause(face, core, elapsed_ms)
        if lead != CAUSE_NONE and pause < FIRST_LATCH:
            pause = lead
        elif pause == CAUSE_NONE and self.sensors.has_jumped():
            pause = CONTACT_CHANGED
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
            output.set_power(derated_mw(most_mw, self.sensors.b), self.inputs)
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
            self._is_measured,
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

    def _pause(self, cause):
        if self.session.is_pause_too_many(self._up_ms):
            self._cool(PAUSED_TOO_OFTEN)
            return
        self._before_mw = self.controller.power_mw
        self._enter(PAUSED, cause)

    def _step_paused(self, elapsed_ms):
        if self.output.is_driven:  # the second of a test
            self.session.count(self.sensors.face, elapsed_ms, False)
        else:
            self.session.dose.add(self.sensors.face, elapsed_ms)
        fault = self._fault(elapsed_ms)
        if fault == HARDWARE_TRIP and self._is_testing and self._selftest.trip != TRIP_NONE:
            fault = CAUSE_NONE  # this scan was made with one of them forced
        if fault != CAUSE_NONE:
            self._latch(fault)
            return
        end = self._why_end(elapsed_ms)
        if end != CAUSE_NONE:
            self._cool(end)
        elif self._is_testing:
            self._step_resume(elapsed_ms)
        elif self._is_cause_gone() and self.checks.is_cooling():
            self._is_testing = True
            self._is_leading = False
            self._selftest.start()
            self._leadtest.start()
        elif self._state_ms >= PAUSE_MAX_MS:
            self._cool(PAUSED_TOO_LONG)

    def _step_resume(self, elapsed_ms):
        """Heat comes back as it came: switches, heater and cut-offs first, then the sensors.

        The two tests begin together; the second needs seven seconds more, and power.
        """
        lead = self._leadtest.step(self.sensors, elapsed_ms)
        if not self._is_leading:
            if not self._has_passed_test():
                return
            self._is_leading = True
        if self.checks.is_rail_wrong(self.inputs):  # measured anew since the self-test
            self._latch(RAIL)
        elif not self._is_cause_gone():  # any more: all of it once more, later
            self._is_testing = False
        elif lead == RUNNING:
            self._pulse()
        else:
            self._is_testing = False
            self._end_leadtest(lead)

    def _pulse(self):
        self._is_pulse = self._leadtest.is_pulse()
        if self._is_pulse:
            most_mw = self.output.most_mw(self.inputs)
            self.output.set_power(derated_mw(most_mw, self.sensors.b), self.inputs)

    def _end_leadtest(self, lead):
        if lead >= FIRST_LATCH:
            self._latch(lead)
        elif lead != CAUSE_NONE:
            self._pause(lead)
        else:
            self.session.begin_again(self.sensors.face, self.sensors.b)
            self._enter(WARMUP, CAUSE_NONE)
            self._resume()

    def _is_too_warm(self):
        """Return whether the face is too warm for the full power that heat begins with.

        That knows no set-point of its own, neither at the start nor in the test before a resume.
        """
        face = self.sensors.face
        over = face - self.consent.setpoint_mdegc
        return face >= FACE_RESUME_MDEGC or over >= FACE_OVER_RESUME_MDEGC

    def _is_cause_gone(self):
        """Return whether nothing speaks against heat, not only what paused it."""
        if not self.consent.has_lease() or not self.consent.is_lead_on():
            return False
        if self._is_too_warm() or self._n_on_time < ON_TIME_TICKS:
            return False
        if self.sensors.is_doubtful() or self.checks.is_doubtful() or self.session.is_doubtful():
            return False  # rather wait for the verdict
        if self.cause == OFF_SKIN:
            return self._state_ms >= OFF_SKIN_RETRY_MS
        if self.cause == CONTACT_CHANGED:
            return self._state_ms >= RISE_RETRY_MS
        return True

    def _step_cool(self, elapsed_ms):
        inputs = self.inputs
        face = self.sensors.face
        fault = self.checks.fault(inputs, face, self.sensors.b, elapsed_ms, 0, False, False)
        # A pad that is unplugged now is no fault, though its sensor trips HW1, maybe a scan before
        # all of them read open; one that is still this hot is.
        is_tripped = fault == HARDWARE_TRIP and not self.sensors.is_absent
        is_hot = fault == FACE_HOT or (is_tripped and self._was_tripped)
        self._was_tripped = is_tripped
        if is_hot:
            self._latch(fault)
        elif self._state_ms >= COOL_MAX_MS or self.sensors.hottest() < COOL_MDEGC:
            self._enter(OFF, self.cause)
