"""Which conversion a frame is that a handler has just read: told from when the handler came.

Conversions are even, handlers are late. The earliest handlers show where the edges are; a handler
that comes more than a period after the edge it should have served reads a later frame.
"""

import time

# The edges drift against the processor's clock by less than this: one microsecond in ten frames.
_DRIFT_EVERY = 8


class Arrival:
    """Follows the edges of the data-ready signal; allocates nothing.

    Parameters
    ----------
    period_us : int
        From one edge to the next.
    """

    def __init__(self, period_us):
        self._period_us = period_us
        self._soon_us = period_us // 4
        self.begin(0)

    def begin(self, first_edge_us):
        """Start afresh; the first edge comes then (``time.ticks_us``) or a little earlier."""
        self._due_us = first_edge_us
        self._calm = 0

    def take(self, now_us):
        """A frame is being read; return how many frames before it were missed."""
        late_us = time.ticks_diff(now_us, self._due_us)
        period_us = self._period_us
        lost = 0
        if late_us < 0:
            self._due_us = now_us  # nobody is early: the edges were thought too late
            self._calm = 0
        else:
            lost = late_us // period_us
            late_us -= lost * period_us
            if late_us < self._soon_us:
                self._calm += 1
                if self._calm == _DRIFT_EVERY:
                    self._calm = 0
                    self._due_us = time.ticks_add(self._due_us, 1)
        self._due_us = time.ticks_add(self._due_us, (lost + 1) * period_us)
        return lost

    def until_clear(self, now_us, margin_us):
        """Return how long to wait so that no edge falls into ``margin_us`` around the read; or 0.

        The edges are known from the handlers that served them, so they come a little before they
        are thought to.
        """
        left_us = self._period_us - time.ticks_diff(now_us, self._due_us) % self._period_us
        return left_us if left_us <= margin_us else 0

    def is_early(self, now_us):
        """Return whether no new frame is due yet, as far as is known."""
        return time.ticks_diff(now_us, self._due_us) < 0
