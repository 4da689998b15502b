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
PAUSED       test  cause gone and lease fresh within 30 s, then the tests of BOOT_TEST once more
                   and a second of power that the core has to lead -> WARMUP; else COOL
COOL         off   every sensor < 37 C, or 5 min -> OFF
LATCHED      off   sensors < 38 C, 3 s press, self-test -> OFF. Not by radio, not by reset
LOCKED       off   bench procedure
===========  ====  =========================================================================

"test": off, but for the second of power of the lead test at its end, see ``leadtest``.
A fault leads from every state but BOOT_TEST, OFF, WAIT_BUTTON and COOL to LATCHED or LOCKED: a pad
that is unplugged while it is off is no fault. Current that should not flow locks in every state.
"""

from faceloop_protocol.heat import (
    BOOT_TEST,
    BUSY,
    CAUSE_NONE,
    COOL,
    HOLD,
    INFO_COVERED,
    INFO_PROVEN,
    INFO_SLOW_WARMUP,
    INFO_STILL_THERE,
    LATCHED,
    LOCKED,
    NOT_PERMITTED,
    NOT_PROVEN,
    OFF,
    PAUSED,
    PERMIT_FLAGGED,
    PERMIT_FULL,
    PERMIT_NONE,
    STOPPED,
    SWITCH_SHORT,
    WAIT_BUTTON,
    WARMUP,
)
from faceloop_protocol.heat_limits import TICK_LATE_MS, TICK_MS, WARMUP_MESSAGE_MS

from .consent import add_ms
from .hal import FLAG_VBUS, IN_FLAGS, PROBE_HEATER, PROBE_NONE, PROBE_SWITCHES, TRIP_NONE
from .parts import NEVER_MS, TICKS_MASK
from .start import Start


class Supervisor(Start):
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
        super().__init__(hal, area_cm2, heater_mohm)
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
        """Keep the result of the skin test; return whether it was kept.

        More than before is taken only while heat is off; less at any time, and it ends heat.
        """
        if not self.consent.is_proven(link) or permission > PERMIT_FLAGGED:
            return False
        before = self.ledger.permission
        is_less = permission != before and (permission == PERMIT_NONE or before == PERMIT_FULL)
        if self.state != OFF and not is_less:
            return False
        self.ledger.permission = permission
        if is_less:
            self._end_with_less()
        if self._save():
            return True
        if is_less:
            self._is_saving = True  # it holds already; the flash is tried again
        else:
            self.ledger.permission = before
        return False

    def _end_with_less(self):
        if self.is_heating() or self.state == PAUSED:
            self.output.off()  # a write takes long
            self._cool(STOPPED)
        elif self.state == BOOT_TEST or self.state == WAIT_BUTTON:
            self._is_stop_wanted = True

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
        probe = self._probe()
        self._is_measured = probe == PROBE_HEATER and self._selftest.trip == TRIP_NONE
        self._hal.scan(self.inputs, probe)
        inputs = self.inputs
        self._sensor_cause = self.sensors.update(inputs, elapsed_ms)
        self.consent.update(inputs[IN_FLAGS], elapsed_ms)
        self._n_on_time = 0 if elapsed_ms > TICK_LATE_MS else min(self._n_on_time + 1, 255)
        self.output.measure(inputs)
        self.checks.note(inputs, self.sensors.face, self.sensors.b, elapsed_ms)
        self._is_pulse = False  # unless this tick says so again
        self._step(elapsed_ms)
        self._is_stop_wanted = False
        self.output.drive(self.is_heating() or self._is_pulse)
        self.output.kick(elapsed_ms)
        if self._is_saving and not self.output.is_driven:
            self._save_later()

    def _probe(self):
        state = self.state
        if state == BOOT_TEST or self._is_testing:
            return self._selftest.probe
        if state == WARMUP or state == HOLD:
            return PROBE_HEATER
        return PROBE_SWITCHES if state == PAUSED or state == COOL else PROBE_NONE

    def _step(self, elapsed_ms):
        state = self.state
        is_off = not self.is_heating() and state != BOOT_TEST and state != LOCKED
        if is_off and not self._is_testing and self.checks.is_leaking(self.inputs):
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
