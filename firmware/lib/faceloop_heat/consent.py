"""Who wants heat: the proven host, by request and lease, and the person, by button and skin.

A remote party can only ask and stop. The start is a new press on the device.
"""

from faceloop_protocol.heat import PERMIT_FLAGGED, PERMIT_FULL
from faceloop_protocol.heat_limits import (
    BUTTON_CLEAR_MS,
    BUTTON_STUCK_MS,
    LEAD_OFF_MS,
    LEAD_ON_MS,
    LEASE_MAX_MS,
    SESSION_MAX_MIN,
    SETPOINT_FLAGGED_MAX_MDEGC,
    SETPOINT_MAX_MDEGC,
    SETPOINT_MIN_MDEGC,
    STILL_THERE_MS,
    STILL_THERE_WAIT_MS,
    WORN_MS,
)

from .hal import FLAG_BUTTON, FLAG_LEAD_OFF

LONG_MS = 1 << 24  # counters stop here


class Consent:
    """What host and person want now.

    Attributes
    ----------
    setpoint_mdegc, minutes : int
        Of the request; the lease may change the set-point.
    is_new_press : bool
        The button went down with this tick, after it had been up.
    lease_ms : int
        Left.
    """

    def __init__(self):
        self._link = 0
        self._is_asked = False
        self._asked_mdegc = 0
        self.setpoint_mdegc = 0
        self.minutes = 0
        self.lease_ms = 0
        self.is_new_press = False
        self._was_pressed = True  # until it has been seen up
        self._pressed_ms = 0
        self._is_press_fresh = False
        self._on_ms = 0
        self._off_ms = 0
        self._confirmed_ms = 0

    def open_link(self, link):
        """A host has proven the key; ``link`` > 0 tells this session from every other.

        After a lost link the same request goes on, if its lease is renewed in time.
        """
        self._link = link

    def close_link(self):
        """No host is proven any more. What runs lives on its lease."""
        self._link = 0

    def is_proven(self, link):
        """Return whether this is the proven session."""
        return link > 0 and link == self._link

    def request(self, link, setpoint_mdegc, minutes, permission):
        """Take a request; return False when link or values are not right."""
        if not self.is_proven(link) or not is_setpoint(setpoint_mdegc, permission):
            return False
        if not 1 <= minutes <= SESSION_MAX_MIN:
            return False
        self._is_asked = True
        self._asked_mdegc = setpoint_mdegc
        self.setpoint_mdegc = setpoint_mdegc
        self.minutes = minutes
        return True

    def renew(self, link, setpoint_mdegc, life_ms, permission):
        """Take a lease; return False, and renew nothing, when link or values are not right.

        The person pressed for the set-point of the request: a lease may lower it, and come back
        to it, but never go beyond.
        """
        if not self.is_proven(link) or not self._is_asked:
            return False
        if not is_setpoint(setpoint_mdegc, permission) or not 1 <= life_ms <= LEASE_MAX_MS:
            return False
        if setpoint_mdegc > self._asked_mdegc:
            return False
        self.setpoint_mdegc = setpoint_mdegc
        self.lease_ms = life_ms
        return True

    def confirm(self, link):
        """Take "I am still there"; return whether it counts."""
        if not self.is_proven(link):
            return False
        self._confirmed_ms = 0
        return True

    def withdraw(self):
        """Forget request and lease."""
        self._is_asked = False
        self.lease_ms = 0
        self._confirmed_ms = 0

    def update(self, flags, elapsed_ms):
        """Take the button, the electrodes and the time of one tick."""
        is_pressed = flags & FLAG_BUTTON != 0
        self.is_new_press = is_pressed and not self._was_pressed
        self._was_pressed = is_pressed
        self._is_press_fresh = is_pressed and (self._is_press_fresh or self.is_new_press)
        self._pressed_ms = add_ms(self._pressed_ms, elapsed_ms) if is_pressed else 0
        if flags & FLAG_LEAD_OFF:
            self._off_ms = add_ms(self._off_ms, elapsed_ms)
            self._on_ms = 0
        else:
            self._on_ms = add_ms(self._on_ms, elapsed_ms)
            self._off_ms = 0
        self.lease_ms = self.lease_ms - elapsed_ms if self.lease_ms > elapsed_ms else 0
        self._confirmed_ms = add_ms(self._confirmed_ms, elapsed_ms)

    def has_lease(self):
        """Return whether the lease of a request still runs."""
        return self.lease_ms > 0 and self._is_asked

    def is_lead_off(self):
        """Return whether electrodes have been off long enough to believe it."""
        return self._off_ms >= LEAD_OFF_MS

    def is_lead_on(self):
        """Return whether they are back."""
        return self._on_ms >= LEAD_ON_MS

    def is_worn(self):
        """Return whether they have been on for as long as a start needs."""
        return self._on_ms >= WORN_MS

    def is_stuck(self):
        """Return whether the button is down for longer than anybody presses."""
        return self._pressed_ms > BUTTON_STUCK_MS

    def forget_press(self):
        """What is held down now clears nothing: the button has to be let go and pressed anew."""
        self._is_press_fresh = False

    def is_long_press(self):
        """Return whether the button is held as for clearing a fault, since ``forget_press``."""
        is_long = BUTTON_CLEAR_MS <= self._pressed_ms <= BUTTON_STUCK_MS
        return is_long and self._is_press_fresh

    def is_asked(self):
        """Return whether somebody should say that they are still there."""
        return self._confirmed_ms >= STILL_THERE_MS

    def is_silent(self):
        """Return whether nobody did."""
        return self._confirmed_ms >= STILL_THERE_MS + STILL_THERE_WAIT_MS

    def start_asking(self):
        """Heat starts with a press: count from here."""
        self._confirmed_ms = 0


def is_setpoint(setpoint_mdegc, permission):
    """Return whether this set-point is allowed with this permission."""
    if permission == PERMIT_FULL:
        return SETPOINT_MIN_MDEGC <= setpoint_mdegc <= SETPOINT_MAX_MDEGC
    if permission == PERMIT_FLAGGED:
        return SETPOINT_MIN_MDEGC <= setpoint_mdegc <= SETPOINT_FLAGGED_MAX_MDEGC
    return False


def add_ms(counter_ms, elapsed_ms):
    """Return the sum, stopped before it leaves 30 bits."""
    total_ms = counter_ms + elapsed_ms
    return total_ms if total_ms < LONG_MS else LONG_MS
