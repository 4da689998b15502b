"""How often something may happen: a bucket of turns that fills up again with time."""

_TICKS_MASK = 0x3FFFFFFF  # time.ticks_ms() wraps here on every port
_TURN = 1000  # one turn, in thousandths, so that a millisecond counts whole


class Rate:
    """So many a second on average, and a second's worth at once after a pause.

    Pure: the clock is given to each call.

    Parameters
    ----------
    per_s : int
        1 to 1000.
    """

    def __init__(self, per_s):
        self._per_s = per_s
        self._full = self._left = per_s * _TURN
        self._last_ms = 0

    def take(self, now_ms):
        """Use one turn at ``now_ms`` (``time.ticks_ms``); return False when none is left."""
        elapsed_ms = (now_ms - self._last_ms) & _TICKS_MASK
        self._last_ms = now_ms
        # an empty bucket is full after a second; more would leave the small integers
        self._left += (elapsed_ms if elapsed_ms < 1000 else 1000) * self._per_s
        if self._left > self._full:
            self._left = self._full
        if self._left < _TURN:
            return False
        self._left -= _TURN
        return True
