"""Do power, temperatures, supply, switches and clock fit together?

"Did not reach its target" is not among the checks: one healthy wearer in ten does not reach 40 C
on a low battery.
"""

from array import array

from faceloop_protocol.heat import (
    CAUSE_NONE,
    CLOCK,
    CONTACT_CHANGED,
    FACE_HOT,
    FACE_WARM,
    HARDWARE_TRIP,
    HEATER,
    OFF_SKIN,
    RAIL,
    RISE,
    SENSOR_CORE,
    SUPPLY_HIGH,
    SWITCH_SHORT,
)
from faceloop_protocol.heat_limits import (
    CLOCK_TOLERANCE_PERMILLE,
    CLOCK_WINDOW_TICKS,
    CORE_BELOW_MDEGC,
    CORE_BELOW_PER_W_MDEGC,
    CORE_BELOW_POWER_MW,
    CORE_BELOW_REST_MDEGC,
    CORE_FACE_ABSOLUTE_MDEGC,
    CORE_FACE_ABSOLUTE_MS,
    CORE_FACE_BASE_MDEGC,
    CORE_FACE_LEAST_MDEGC,
    CORE_FACE_MS,
    CORE_FACE_PER_W_MDEGC,
    CORE_FALL_MDEGC,
    CORE_FALL_MS,
    FACE_LATCH_MDEGC,
    FACE_LATCH_MS,
    FACE_PAUSE_MDEGC,
    FACE_PAUSE_MS,
    FRAMES_PER_S,
    HEATER_BAD_SCANS,
    HEATER_TOLERANCE_PCT,
    LEAD_REST_MS,
    LEAK_MA,
    OFF_SKIN_MDEGC_PER_W,
    OFF_SKIN_MS,
    OFF_SKIN_POWER_MW,
    POWER_AVERAGE_MS,
    RAIL_MV,
    RAIL_TOLERANCE_MV,
    RISE_FROM_MDEGC,
    RISE_MDEGC,
    RISE_MS,
    RISES_BEFORE_LATCH,
    SUPPLY_HIGH_MV,
    SUPPLY_HIGH_SCANS,
    TICK_LATE_MS,
    TICK_MS,
)

from .consent import add_ms
from .hal import (
    FLAG_HW1,
    FLAG_HW2,
    IN_FLAGS,
    IN_FRAMES,
    IN_HEATER_MA,
    IN_Q1_ONLY_MA,
    IN_Q2_ONLY_MA,
    IN_RAIL_MV,
    IN_SUPPLY_MV,
)

HISTORY = RISE_MS // TICK_MS
FALL = CORE_FALL_MS // TICK_MS


class Checks:
    """Checks of one heater.

    Parameters
    ----------
    area_cm2, heater_mohm : int
        Of the pad.
    """

    def __init__(self, area_cm2, heater_mohm):
        self._area_cm2 = area_cm2
        self._least_mohm = heater_mohm * (100 - HEATER_TOLERANCE_PCT) // 100
        self._most_mohm = heater_mohm * (100 + HEATER_TOLERANCE_PCT) // 100
        self._face_history = array("i", [0] * HISTORY)
        self._core_history = array("i", [0] * HISTORY)
        self._frames = array("i", [0] * CLOCK_WINDOW_TICKS)
        self._frames_ms = array("i", [0] * CLOCK_WINDOW_TICKS)
        self._last_frames = 0
        self._average_uw = 0
        self.forget_history()
        self.forget_clock()
        self.forget()

    def begin(self, face_mdegc, core_mdegc):
        """A session starts, at these temperatures."""
        self.forget()
        self._rest_mdegc = core_mdegc - face_mdegc
        if self._rest_mdegc > 0:
            self._rest_mdegc = 0
        elif self._rest_mdegc < -CORE_BELOW_REST_MDEGC:
            self._rest_mdegc = -CORE_BELOW_REST_MDEGC

    def forget(self):
        """Start all counts anew."""
        self._rest_mdegc = 0
        self._cold_ms = 0
        self._n_rises = 0
        self._average_uw = 0
        self._n_heater = 0
        self._n_supply = 0
        self._above_ms = 0
        self._absolute_ms = 0
        self._below_ms = 0
        self._warm_ms = 0
        self._over_ms = 0
        self._hot_ms = 0
        self._off_skin_ms = 0

    def forget_history(self):
        """Forget the temperatures of the last ten seconds."""
        self._n_history = 0
        self._history_at = 0
        self._face_rise = 0
        self._core_rise = 0
        self._is_rising = False
        self._is_falling = False

    def forget_clock(self):
        """The front end was started anew."""
        self._n_clock = 0
        self._clock_at = 0

    def is_settled(self, within_mdegc):
        """Return whether the face changed less over ten seconds, and the clock is known."""
        return (
            self._n_history == HISTORY
            and self._n_clock == CLOCK_WINDOW_TICKS
            and abs(self._face_rise) <= within_mdegc
        )

    def is_cooling(self):
        """Return whether heat has been off for so long that sensors follow the skin again."""
        return self._cold_ms >= LEAD_REST_MS

    def is_doubtful(self):
        """Return whether core and face, or the supply, are counted as odd, or the face rises."""
        odd_ms = self._above_ms + self._below_ms + self._absolute_ms
        return self._is_rising or odd_ms + self._n_supply > 0

    def note(self, inputs, face_mdegc, core_mdegc, elapsed_ms):
        """Take a scan into the histories; to be called every tick in every state."""
        if elapsed_ms > TICK_LATE_MS:
            self.forget_history()
        at = self._history_at
        first = at
        if self._n_history < HISTORY:
            self._n_history += 1
            first = 0
            if at == 0:
                self._face_history[0] = face_mdegc
                self._core_history[0] = core_mdegc
        self._face_rise = face_mdegc - self._face_history[first]
        self._core_rise = core_mdegc - self._core_history[first]
        self._is_rising = face_mdegc >= RISE_FROM_MDEGC and self._face_rise > RISE_MDEGC
        before = at - FALL if at >= FALL else at - FALL + HISTORY
        self._is_falling = (
            self._n_history >= FALL
            and self._core_history[before] - core_mdegc > CORE_FALL_MDEGC
            and core_mdegc < face_mdegc
        )
        self._face_history[at] = face_mdegc
        self._core_history[at] = core_mdegc
        self._history_at = at + 1 if at + 1 < HISTORY else 0
        at = self._clock_at
        self._frames[at] = (inputs[IN_FRAMES] - self._last_frames) & 0xFFFFFF
        self._frames_ms[at] = elapsed_ms
        self._last_frames = inputs[IN_FRAMES]
        self._clock_at = at + 1 if at + 1 < CLOCK_WINDOW_TICKS else 0
        if self._n_clock < CLOCK_WINDOW_TICKS:
            self._n_clock += 1

    def is_leaking(self, inputs):
        """Return whether current flows that none of the states without heat allows."""
        return (
            inputs[IN_Q1_ONLY_MA] > LEAK_MA
            or inputs[IN_Q2_ONLY_MA] > LEAK_MA
            or inputs[IN_HEATER_MA] > LEAK_MA
        )

    def is_rail_wrong(self, inputs):
        """Return whether supply and current are measured by a wrong rail, or by one unknown."""
        return abs(inputs[IN_RAIL_MV] - RAIL_MV) > RAIL_TOLERANCE_MV

    def fault(self, inputs, face_mdegc, core_mdegc, elapsed_ms, power_mw, is_heating, is_measured):
        """Return the latching or locking cause that this tick shows, or ``CAUSE_NONE``.

        Parameters
        ----------
        power_mw : int
            Electrical power of the pad since the last tick.
        is_heating : bool
            Whether both switches were to be closed since the last tick.
        is_measured : bool
            Whether the scan closed both to measure the heater.
        """
        # All are counted before any is judged.
        power_mw = power_mw * 100 // self._area_cm2
        step_ms = elapsed_ms if elapsed_ms < POWER_AVERAGE_MS else POWER_AVERAGE_MS
        self._average_uw += (power_mw * 1000 - self._average_uw) // POWER_AVERAGE_MS * step_ms
        cause = self._core_fault(core_mdegc - face_mdegc, elapsed_ms, power_mw)
        is_odd = False
        self._cold_ms = 0 if is_heating else add_ms(self._cold_ms, elapsed_ms)
        if is_measured:
            mohm = inputs[IN_SUPPLY_MV] * 1000 // max(inputs[IN_HEATER_MA], 1)
            is_odd = mohm < self._least_mohm or mohm > self._most_mohm
        self._n_heater = self._n_heater + 1 if is_odd else 0
        is_high = inputs[IN_SUPPLY_MV] > SUPPLY_HIGH_MV
        self._n_supply = self._n_supply + 1 if is_high else 0
        self._warm_ms = self._warm_ms + elapsed_ms if face_mdegc >= FACE_PAUSE_MDEGC else 0
        self._hot_ms = self._hot_ms + elapsed_ms if face_mdegc >= FACE_LATCH_MDEGC else 0
        if inputs[IN_Q1_ONLY_MA] > LEAK_MA or inputs[IN_Q2_ONLY_MA] > LEAK_MA:
            return SWITCH_SHORT
        if inputs[IN_FLAGS] & (FLAG_HW1 | FLAG_HW2):
            return HARDWARE_TRIP
        if self._hot_ms >= FACE_LATCH_MS:
            return FACE_HOT
        if self._n_heater >= HEATER_BAD_SCANS:
            return HEATER
        if is_heating and inputs[IN_RAIL_MV] >= 0 and self.is_rail_wrong(inputs):
            return RAIL
        if self._n_supply >= SUPPLY_HIGH_SCANS:
            return SUPPLY_HIGH
        if self._is_clock_wrong():
            return CLOCK
        if (
            self._is_rising
            and self._cold_ms >= RISE_MS
            and self._is_heated(face_mdegc, core_mdegc)
        ):
            return RISE
        return cause

    def pause(self, face_mdegc, core_mdegc, elapsed_ms, power_mw, most_mdegc):
        """Return why heat should pause or latch, or ``CAUSE_NONE``; only while heating.

        Parameters
        ----------
        most_mdegc : int
            Of the face while power flows. Right after the set-point was lowered the face is
            above it, but without power.
        """
        is_over = power_mw > 0 and face_mdegc >= most_mdegc
        self._over_ms = self._over_ms + elapsed_ms if is_over else 0
        power_mw = power_mw * 100 // self._area_cm2
        lead_mdegc = core_mdegc - face_mdegc
        is_off = (
            power_mw >= OFF_SKIN_POWER_MW and lead_mdegc * 1000 < OFF_SKIN_MDEGC_PER_W * power_mw
        )
        self._off_skin_ms = self._off_skin_ms + elapsed_ms if is_off else 0
        if self._warm_ms >= FACE_PAUSE_MS or self._over_ms >= FACE_PAUSE_MS:
            return FACE_WARM
        if self._off_skin_ms >= OFF_SKIN_MS:
            self._off_skin_ms = 0
            return OFF_SKIN
        if self._is_rising:
            self._n_rises += 1
            # What power does shows in the core first; a face that gains on it has lost the skin.
            is_by_power = self._core_rise >= self._face_rise
            is_fault = is_by_power or self._n_rises >= RISES_BEFORE_LATCH
            return RISE if is_fault else CONTACT_CHANGED
        return CAUSE_NONE

    def _core_fault(self, lead_mdegc, elapsed_ms, power_mw):
        average_mw = self._average_uw // 1000
        high_mw = power_mw if power_mw > average_mw else average_mw
        low_mw = power_mw + average_mw - high_mw
        most_mdegc = CORE_FACE_BASE_MDEGC + CORE_FACE_PER_W_MDEGC * high_mw // 1000
        if most_mdegc < CORE_FACE_LEAST_MDEGC:
            most_mdegc = CORE_FACE_LEAST_MDEGC
        least_mdegc = self._rest_mdegc - CORE_BELOW_MDEGC
        if low_mw < CORE_BELOW_POWER_MW:
            least_mdegc -= CORE_BELOW_PER_W_MDEGC * (CORE_BELOW_POWER_MW - low_mw) // 1000
        self._above_ms = self._above_ms + elapsed_ms if lead_mdegc > most_mdegc else 0
        self._below_ms = self._below_ms + elapsed_ms if lead_mdegc < least_mdegc else 0
        is_far = abs(lead_mdegc) > CORE_FACE_ABSOLUTE_MDEGC
        self._absolute_ms = self._absolute_ms + elapsed_ms if is_far else 0
        if (
            self._above_ms >= CORE_FACE_MS
            or self._below_ms >= CORE_FACE_MS
            or self._absolute_ms >= CORE_FACE_ABSOLUTE_MS
            or self._is_falling
        ):
            return SENSOR_CORE
        return CAUSE_NONE

    def _is_heated(self, face_mdegc, core_mdegc):
        """Return whether the face can have its warmth from the core.

        A pad that was lifted and put back without heat also warms up fast: by the skin, and then
        the core is the colder one; in the air the core only cools.
        """
        return self._core_rise > 0 and core_mdegc > face_mdegc

    def _is_clock_wrong(self):
        if self._n_clock < CLOCK_WINDOW_TICKS:
            return False
        frames = 0
        elapsed_ms = 0
        for i in range(CLOCK_WINDOW_TICKS):
            frames += self._frames[i]
            elapsed_ms += self._frames_ms[i]
        expected = elapsed_ms * FRAMES_PER_S // 1000
        return abs(frames - expected) * 1000 > CLOCK_TOLERANCE_PERMILLE * expected
