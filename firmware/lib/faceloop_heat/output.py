"""The two switches and the watchdog: power to duty, and the kick."""

from faceloop_protocol.heat_limits import AREAL_LIMIT_MW_PER_CM2, KICK_TICKS, TICK_MS

from .consent import add_ms
from .hal import IN_HEATER_MA, IN_SUPPLY_MV

ANSWER_MASK = 0x5A5A


class Output:
    """What goes to the hardware.

    Parameters
    ----------
    hal : object
        As described in ``hal``.
    area_cm2, heater_mohm : int
        Of the pad.

    Attributes
    ----------
    is_driven : bool
        Q1 was told to close by the last tick.
    duty_permille : int
        Of Q2.
    power_mw : int
        Electrical power since the last tick.
    challenge : int
        To be answered by the main loop before each tick.
    """

    def __init__(self, hal, area_cm2, heater_mohm):
        self._hal = hal
        self._area_cm2 = area_cm2
        self._heater_mohm = heater_mohm
        self.duty_permille = 0
        self._since_kick_ms = 0
        self._answer = 0
        self.is_driven = False
        self.power_mw = 0
        self.challenge = 1

    def measure(self, inputs):
        """Work out the power from a scan."""
        self.power_mw = 0
        if self.is_driven:
            supply_mv = inputs[IN_SUPPLY_MV]
            full_mw = supply_mv * inputs[IN_HEATER_MA] // 1000
            self.power_mw = full_mw * self.duty_permille // 1000

    def full_mw(self, inputs):
        """Return what the pad takes at this supply with full duty."""
        supply_mv = inputs[IN_SUPPLY_MV]
        return supply_mv * supply_mv // self._heater_mohm

    def most_mw(self, inputs):
        """Return what the pad may take: what the supply gives, at most 400 W/m2."""
        full_mw = self.full_mw(inputs)
        limit_mw = self._area_cm2 * AREAL_LIMIT_MW_PER_CM2
        return full_mw if full_mw < limit_mw else limit_mw

    def set_power(self, power_mw, inputs):
        """Choose the duty for this power."""
        full_mw = self.full_mw(inputs)
        self.duty_permille = power_mw * 1000 // full_mw if full_mw > 0 else 0
        if self.duty_permille > 1000:
            self.duty_permille = 1000

    def drive(self, is_heating):
        """Set the switches as the last ``set_power`` said, or open them."""
        if not is_heating:
            self.duty_permille = 0
        self.is_driven = is_heating
        self._hal.drive(is_heating, self.duty_permille)

    def off(self):
        """Open both switches now."""
        self.drive(False)

    def answer(self, value):
        """Take the main loop's answer."""
        self._answer = value

    def kick(self, elapsed_ms):
        """Kick the watchdog every second tick, if the main loop has answered."""
        self._since_kick_ms = add_ms(self._since_kick_ms, elapsed_ms)
        is_answered = self._answer == self.challenge ^ ANSWER_MASK
        self.challenge = (self.challenge + 1) & 0xFFFF
        # Without an answer since the last tick the loop hangs: the watchdog opens Q1 and resets.
        if is_answered and self._since_kick_ms >= KICK_TICKS * TICK_MS:
            self._since_kick_ms = 0
            self._hal.kick()
