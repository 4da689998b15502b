"""One heat session: its time, dose and power, and why it ends."""

from array import array

from faceloop_protocol.heat import (
    BATTERY_LOW,
    CAUSE_NONE,
    CONTACT_CHANGED,
    CORE_SILENT,
    DOSE_USED,
    SENSOR_SWAPPED,
    SESSION_DONE,
    TIMER_EXPIRED,
    USB_POWER,
)
from faceloop_protocol.heat_limits import (
    DOSE_COOLING_MS,
    HEATER_ON_MAX_MS,
    LEAD_JUDGED_MS,
    LEAD_PULSE_MS,
    PAUSES_MAX,
    PAUSES_WINDOW_MS,
    PILLOW_PCT,
    RESUMED_OFF_SKIN_PCT,
    SUPPLY_LOW_MS,
    SUPPLY_LOW_MV,
)

from .dose import Dose
from .hal import FLAG_TIMER, FLAG_VBUS, IN_FLAGS, IN_SUPPLY_MV

NEVER_MS = -1
TICKS_MASK = 0x3FFFFFFF
DONNING_MS = 60000


class Session:
    """Counters of the session that runs, or of the last one.

    Attributes
    ----------
    dose : Dose
    heated_ms, held_ms : int
        With heat on, and of that in HOLD.
    """

    def __init__(self):
        self.dose = Dose()
        self._pause_ms = array("i", [NEVER_MS] * PAUSES_MAX)
        self.begin(0, 0, 0, 0)

    def begin(self, budget_umin, length_ms, face_mdegc, core_mdegc):
        """Start at these temperatures, with this much dose and time in HOLD to use."""
        self._budget_umin = budget_umin
        self._length_ms = length_ms
        self._face_mdegc = face_mdegc
        self._core_mdegc = core_mdegc
        self._start_ms = 0
        self._is_lead_judged = False
        self._is_resumed = False
        self._low_ms = 0
        self._donning_mw = 0
        self._donning_ms = 0
        self.heated_ms = 0
        self.held_ms = 0
        self.dose.reset()
        for i in range(PAUSES_MAX):
            self._pause_ms[i] = NEVER_MS

    def count(self, face_mdegc, elapsed_ms, is_holding):
        """Count a tick with heat on."""
        self.heated_ms += elapsed_ms
        if is_holding:
            self.held_ms += elapsed_ms
        self.dose.add(face_mdegc, elapsed_ms)

    def remaining_ms(self):
        """Return what is left of the time in HOLD."""
        left_ms = self._length_ms - self.held_ms
        return left_ms if left_ms > 0 else 0

    def is_pulse(self):
        """Return whether this is the full power of the first two seconds of heat."""
        return self._start_ms < LEAD_PULSE_MS

    def begin_again(self, face_mdegc, core_mdegc):
        """Heat comes back at these temperatures; what changed while it was tested shows now."""
        self._face_mdegc = face_mdegc
        self._core_mdegc = core_mdegc
        self._start_ms = 0
        self._is_lead_judged = False
        self._is_resumed = True

    def lead_cause(self, face_mdegc, core_mdegc, elapsed_ms):
        """Core and face may be swapped: when heat comes on the core has to lead.

        After a pause it has to lead by as much as on skin: the pad may be off it.
        """
        if self._is_lead_judged:
            return CAUSE_NONE
        self._start_ms += elapsed_ms
        if self._start_ms < LEAD_JUDGED_MS:
            return CAUSE_NONE
        self._is_lead_judged = True
        response_mdegc = core_mdegc - self._core_mdegc
        face_mdegc -= self._face_mdegc
        if self._is_resumed:  # what came with the test or after it: the next one tells which it is
            is_led = face_mdegc * 100 < response_mdegc * RESUMED_OFF_SKIN_PCT
            return CAUSE_NONE if is_led else CONTACT_CHANGED
        if response_mdegc > face_mdegc:
            return CAUSE_NONE
        return SENSOR_SWAPPED if response_mdegc > 0 else CORE_SILENT

    def end_cause(self, inputs, elapsed_ms):
        """Return why supply, dose or time end the session, or ``CAUSE_NONE``."""
        self._low_ms = self._low_ms + elapsed_ms if inputs[IN_SUPPLY_MV] < SUPPLY_LOW_MV else 0
        if inputs[IN_FLAGS] & FLAG_VBUS:
            return USB_POWER
        if inputs[IN_FLAGS] & FLAG_TIMER:
            return TIMER_EXPIRED
        if self._low_ms >= SUPPLY_LOW_MS:
            return BATTERY_LOW
        if self.dose.umin >= self._budget_umin:
            return DOSE_USED
        if self.held_ms >= self._length_ms or self.heated_ms >= HEATER_ON_MAX_MS:
            return SESSION_DONE
        return CAUSE_NONE

    def is_doubtful(self):
        """Return whether the supply is being counted as low."""
        return self._low_ms > 0

    def is_pause_too_many(self, now_ms):
        """Count a pause; return whether there were more than five in five minutes."""
        oldest_ms = self._pause_ms[PAUSES_MAX - 1]
        for i in range(PAUSES_MAX - 1, 0, -1):
            self._pause_ms[i] = self._pause_ms[i - 1]
        self._pause_ms[0] = now_ms
        return oldest_ms != NEVER_MS and (now_ms - oldest_ms) & TICKS_MASK < PAUSES_WINDOW_MS

    def note_power(self, power_mw, elapsed_ms):
        """Learn the power of the first minute in HOLD."""
        if self._donning_ms < DONNING_MS:
            self._donning_ms += elapsed_ms
            self._donning_mw += (power_mw - self._donning_mw) // 16

    def is_covered(self, power_mw):
        """Return whether much less power does now: something covers the pad."""
        return self._donning_ms >= DONNING_MS and power_mw * 100 < self._donning_mw * PILLOW_PCT

    def used_umin(self, face_mdegc):
        """Return the dose, with what the warm skin still gets while it cools."""
        return self.dose.umin + self.dose.ahead_umin(face_mdegc, DOSE_COOLING_MS)
