"""What a wearer touches and feels: button, light, vibration motor."""

import time

from machine import PWM, Pin

# A whole multiple of the conversion rate: it falls into a zero of the converter's filter.
_MOTOR_HZ = 20000


class Person:
    """The three of them; the motor stops by itself.

    Parameters
    ----------
    board : module
        Pin map.
    """

    def __init__(self, board):
        self._button = Pin(board.BUTTON, Pin.IN, Pin.PULL_UP)
        self._led = Pin(board.LED, Pin.OUT, value=0)
        self._motor_pin = board.MOTOR
        self._is_lit = False
        self._pwm = None
        self._until_ms = 0
        self.is_vibrating = False

    def is_pressed(self):
        """Return whether the button is down."""
        return not self._button.value()

    def light(self, is_on):
        """Switch the light."""
        if is_on != self._is_lit:
            self._is_lit = is_on
            self._led.value(1 if is_on else 0)

    def vibrate(self, strength_pct, length_ms):
        """Run the motor for ``length_ms``; a new call replaces the one before."""
        self._until_ms = time.ticks_add(time.ticks_ms(), length_ms)
        self.is_vibrating = True
        duty = 65535 * strength_pct // 100
        if self._pwm is None:
            self._pwm = PWM(Pin(self._motor_pin), freq=_MOTOR_HZ, duty_u16=duty)
        else:
            self._pwm.duty_u16(duty)

    def look(self, now_ms):
        """Stop the motor when its time is over."""
        if self.is_vibrating and time.ticks_diff(now_ms, self._until_ms) >= 0:
            self.still()

    def still(self):
        """Stop the motor now."""
        self.is_vibrating = False
        if self._pwm is not None:
            self._pwm.duty_u16(0)
            self._pwm.deinit()
            self._pwm = None
            Pin(self._motor_pin, Pin.OUT, value=0)
