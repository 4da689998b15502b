"""What the wearer does to the board and is told by it: button, light, motor, standby, battery."""

import time

from faceloop_device.core import button, lights
from faceloop_device.hal.person import Person
from faceloop_device.hal.power import EMPTY_MV
from faceloop_protocol.limits import PAIRING_MS

_STANDBY_MS = 600000  # without a host or a press
_EMPTY_LOOKS = 3  # one a second: a radio burst is no empty battery


class Wearer:
    """Looked after by the board's tasks.

    Parameters
    ----------
    pins : module
        Pin map.
    """

    def __init__(self, pins):
        self._person = Person(pins)
        self._button = button.Button()
        self._is_heat_fault = self._is_fault = self._is_low = False
        self._is_running = self._is_linked = False
        self.presses = self.long_presses = 0
        self._paired_ms = None  # when a long press opened the minute for pairing
        self._awake_ms = time.ticks_ms()
        self._n_empty = 0
        self._was_pressed = False

    def look(self, now_ms):
        """Look at the button, serve light and motor; return whether a reset is asked for."""
        person = self._person
        person.look(now_ms)
        is_down = person.is_pressed()
        self._was_pressed = self._was_pressed or is_down
        press = self._button.look(is_down, now_ms)
        pattern = lights.choose(
            self._button.held_ms >= button.LONG_MS,
            self.is_pairing(now_ms),
            self._is_heat_fault,
            self._is_fault,
            self._is_low,
            self._is_running,
            self._is_linked,
            self.is_standby(now_ms),
        )
        person.light(lights.is_lit(pattern, now_ms))
        if press:
            self._awake_ms = now_ms
            if press == button.PRESS:
                self.presses += 1
            elif press == button.LONG_PRESS:
                self.long_presses += 1
                self._paired_ms = now_ms
        return press == button.RESET_PRESS

    def take_pressed(self):
        """Return whether the button was down at any look since the last call."""
        was_pressed, self._was_pressed = self._was_pressed, False
        return was_pressed

    def is_pairing(self, now_ms):
        """Return whether the button was held a short while ago: a key may be let out."""
        if self._paired_ms is None:
            return False
        if time.ticks_diff(now_ms, self._paired_ms) < PAIRING_MS:
            return True
        self._paired_ms = None
        return False

    def report(
        self,
        now_ms,
        is_heat_fault,
        is_fault,
        is_low,
        is_running,
        is_linked,
        is_on_a_cable,
        has_usb,
    ):
        """Take what goes on, once a second."""
        if is_linked or is_running or has_usb:
            self._awake_ms = now_ms
        if is_on_a_cable or not is_linked:
            self._person.still()  # off on a cable, and once the link that asked for it is gone
        self._is_heat_fault = is_heat_fault
        self._is_fault = is_fault
        self._is_low = is_low
        self._is_running = is_running
        self._is_linked = is_linked

    def is_empty(self, battery_mv):
        """Return whether the battery has been empty for a while; once a second."""
        self._n_empty = self._n_empty + 1 if battery_mv < EMPTY_MV else 0
        return self._n_empty >= _EMPTY_LOOKS

    def awake_for_ms(self, now_ms):
        """Return the time since a host or a press."""
        return time.ticks_diff(now_ms, self._awake_ms)

    def is_standby(self, now_ms):
        """Return whether nobody has wanted anything for long."""
        return self.awake_for_ms(now_ms) > _STANDBY_MS

    def vibrate(self, strength_pct, length_ms):
        """Run the motor for a time."""
        self._person.vibrate(strength_pct, length_ms)

    def still(self):
        """Stop the motor."""
        self._person.still()

    def off(self):
        """Motor and light off."""
        self._person.still()
        self._person.light(False)
