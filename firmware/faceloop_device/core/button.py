"""One button: a press, a long press, and one so long that it cannot be a mistake."""

from micropython import const

PRESS = const(1)  # let go within 2 s
LONG_PRESS = const(2)  # let go after 5 s
RESET_PRESS = const(3)  # held for 15 s; comes once, while it is still held

_TICKS_MASK = const(0x3FFFFFFF)
_SHORT_MS = const(2000)
LONG_MS = const(5000)
RESET_MS = const(15000)
_BOUNCE_MS = const(30)


class Button:
    """Turns levels into presses. Pure: level and clock are given to each call.

    A button that is down when the board starts (held, stuck or wired wrongly) counts from its
    first release on.
    """

    def __init__(self):
        self.is_held = True  # until it has been seen up
        self.held_ms = 0
        self._was_down = True
        self._changed_ms = 0
        self._down_ms = 0
        self._is_used = True  # this press has had its effect

    def look(self, is_down, now_ms):
        """Return PRESS, LONG_PRESS, RESET_PRESS or 0."""
        if is_down != self._was_down:
            self._was_down = is_down
            self._changed_ms = now_ms
        is_settled = (now_ms - self._changed_ms) & _TICKS_MASK >= _BOUNCE_MS
        if is_settled and is_down != self.is_held:
            self.is_held = is_down
            if is_down:
                self._down_ms = now_ms
                self._is_used = False
                self.held_ms = 0
                return 0
            held_ms, self.held_ms = self.held_ms, 0
            if self._is_used:
                return 0
            if held_ms < _SHORT_MS:
                return PRESS
            return LONG_PRESS if held_ms >= LONG_MS else 0
        if self.is_held and not self._is_used:
            self.held_ms = (now_ms - self._down_ms) & _TICKS_MASK
            if self.held_ms >= RESET_MS:
                self._is_used = True
                return RESET_PRESS
        return 0
