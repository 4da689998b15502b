"""Dose of warmth: cumulative equivalent minutes at 43 C (CEM43).

Sapareto and Dewey 1984: the sum of ``R ** (43 - T)`` over minutes, R = 0.5 from 43 C on and 0.25
below. Counted in whole numbers, always rounded up.
"""

from array import array

from faceloop_protocol.heat_limits import DOSE_SENSOR_ERROR_MDEGC

# Billionths of a minute that 250 ms add, at 43.0, 43.1 ... and at 42.0, 42.1 ...
ABOVE_NMIN = array(
    "i", [4166667, 4465723, 4786244, 5129769, 5497950, 5892557, 6315486, 6768770, 7254589, 7775275]
)
BELOW_NMIN = array(
    "i", [1041667, 1196561, 1374488, 1578872, 1813648, 2083334, 2393122, 2748975, 3157743, 3627295]
)
HOTTEST_MDEGC = 49000  # more would leave 30 bits; long before, heat is off


def tick_dose_nmin(hottest_mdegc):
    """Return what 250 ms add at this reading, sensor error included, in 1e-9 CEM43 minutes."""
    tenths = (hottest_mdegc + DOSE_SENSOR_ERROR_MDEGC + 99) // 100
    if tenths * 100 > HOTTEST_MDEGC:
        tenths = HOTTEST_MDEGC // 100
    if tenths >= 430:
        return ABOVE_NMIN[tenths % 10] << (tenths - 430) // 10
    degrees_below = (429 - tenths) // 10
    if degrees_below > 15:
        return 0 if tenths < 200 else 1
    return (BELOW_NMIN[tenths % 10] >> 2 * degrees_below) + 1


class Dose:
    """Sum over one session.

    Attributes
    ----------
    umin : int
        Millionths of a CEM43 minute, rounded up.
    """

    def __init__(self):
        self.reset()

    def reset(self):
        """Start at nothing."""
        self.umin = 0
        self._rest_nmin = 0

    def add(self, hottest_mdegc, elapsed_ms):
        """Count ``elapsed_ms`` at this reading; parts of 250 ms count whole."""
        quarters = (elapsed_ms + 249) // 250
        step_nmin = tick_dose_nmin(hottest_mdegc)
        if quarters > 4:
            self.umin += (step_nmin // 1000 + 1) * quarters
            return
        self._rest_nmin += step_nmin * quarters
        self.umin += self._rest_nmin // 1000
        self._rest_nmin %= 1000

    def ahead_umin(self, hottest_mdegc, ahead_ms):
        """Return what ``ahead_ms`` more at this reading would add."""
        return (tick_dose_nmin(hottest_mdegc) // 1000 + 1) * (ahead_ms // 250)
