"""PI controller with feed-forward and reference governor, in whole numbers.

For a pad of 100 cm2, twice a second, temperatures in C, powers in W (safety analysis, model of
random wearers):

    r moves towards the set-point by 1.5 C/min and never leads the measurement by more than 1.5 C
    u = 0.7 max(0, 1.43 + 0.68 (r - 38)) + 56 r' + 2.5 (r - T) + I
    I' = 2.5 / 150 (r - T) + (u_sat - u) / 45
"""

from faceloop_protocol.heat_limits import (
    BACK_CALCULATION_S,
    CORE_DERATE_MDEGC,
    CORE_ZERO_MDEGC,
    GAIN_MW_PER_DEGC,
    GOVERNOR_MDEGC,
    INTEGRAL_S,
    SLEW_MDEGC_PER_S,
)

STEP_SLEW_TENTHS = SLEW_MDEGC_PER_S * 5  # in 0.5 s, tenths of a thousandth of a degree
# Slope feed-forward: 56 W per C/s is 11.2 mW per tenth of a thousandth of a degree in 0.5 s.
SLOPE_MW_PER_10 = 112
# I' in microwatts for half a second: from an error in thousandths of a degree times 25/3.
INTEGRAL_DIVISOR = 2 * INTEGRAL_S
BACK_DIVISOR = 2 * BACK_CALCULATION_S


class Controller:
    """Power for the pad.

    Parameters
    ----------
    area_cm2 : int
        Of the pad; the law above is for 100.

    Attributes
    ----------
    power_mw : int
        As given to the pad by the last step.
    """

    def __init__(self, area_cm2):
        self._area_cm2 = area_cm2
        self._target_tenths = 0
        self._integral_uw = 0
        self.power_mw = 0

    def target_mdegc(self):
        """Return where the controller is heading now."""
        return self._target_tenths // 10

    def resume(self, face_mdegc, power_mw, most_mw):
        """Begin at this temperature, without a step from ``power_mw`` (before a pause, or 0)."""
        self._target_tenths = face_mdegc * 10
        others_mw = self._feed_forward_mw() + STEP_SLEW_TENTHS * SLOPE_MW_PER_10 // 10
        integral_mw = power_mw * 100 // self._area_cm2 - others_mw
        most_mw = most_mw * 100 // self._area_cm2
        if integral_mw > most_mw:
            integral_mw = most_mw
        self._integral_uw = integral_mw * 1000 if integral_mw > 0 else 0
        self.power_mw = 0

    def step(self, setpoint_mdegc, face_mdegc, core_mdegc, most_mw):
        """Take half a second; return the power for the pad in mW, 0 to ``most_mw``.

        Parameters
        ----------
        setpoint_mdegc, face_mdegc, core_mdegc : int
        most_mw : int
            What the pad may take at this supply.
        """
        before = self._target_tenths
        self._move_target(setpoint_mdegc, face_mdegc)
        slope_mw = (self._target_tenths - before) * SLOPE_MW_PER_10 // 10
        if slope_mw < 0:
            slope_mw = 0
        error_mdegc = self._target_tenths // 10 - face_mdegc
        wanted_mw = (
            self._feed_forward_mw()
            + slope_mw
            + GAIN_MW_PER_DEGC * error_mdegc // 1000
            + self._integral_uw // 1000
        )
        limit_mw = derated_mw(most_mw * 100 // self._area_cm2, core_mdegc)
        given_mw = wanted_mw
        if given_mw > limit_mw:
            given_mw = limit_mw
        if given_mw < 0:
            given_mw = 0
        self._integral_uw += error_mdegc * GAIN_MW_PER_DEGC // INTEGRAL_DIVISOR
        self._integral_uw += (given_mw - wanted_mw) * 1000 // BACK_DIVISOR
        self.power_mw = given_mw * self._area_cm2 // 100
        return self.power_mw

    def _move_target(self, setpoint_mdegc, face_mdegc):
        wanted = setpoint_mdegc * 10
        if wanted < self._target_tenths:
            self._target_tenths = wanted  # cooler is always allowed at once
            return
        moved = self._target_tenths + STEP_SLEW_TENTHS
        if moved > wanted:
            moved = wanted
        highest = (face_mdegc + GOVERNOR_MDEGC) * 10
        if moved > highest:
            moved = self._target_tenths if self._target_tenths < highest else highest
        self._target_tenths = moved

    def _feed_forward_mw(self):
        """Return 0.7 of what holds the target in the steady state."""
        steady_mw = 1430 + 680 * (self._target_tenths // 10 - 38000) // 1000
        return steady_mw * 7 // 10 if steady_mw > 0 else 0


def derated_mw(power_mw, core_mdegc):
    """Return what of this power a core this warm still takes: nothing from where HW2 is near."""
    if core_mdegc >= CORE_ZERO_MDEGC:
        return 0
    if core_mdegc <= CORE_DERATE_MDEGC:
        return power_mw
    room_mdegc = CORE_ZERO_MDEGC - core_mdegc
    return power_mw * room_mdegc // (CORE_ZERO_MDEGC - CORE_DERATE_MDEGC)
