"""Sensors of the face against each other, and against how they stood when heat began.

What a sensor reads wrong from its first day cancels out, so that a change of half a degree shows
where two readings alone may differ by more. A, C and H sit on one spot. Z has a place of its own:
it may drift away as that skin warms up, but only what is loose falls at once and stays below.
"""

from array import array

from faceloop_protocol.heat import (
    CAUSE_NONE,
    SENSOR_PAIR,
    SENSOR_SWAPPED,
    SENSOR_TRIP,
    SENSOR_ZONE,
)
from faceloop_protocol.heat_limits import (
    CROSS_MDEGC,
    JUMP_MDEGC,
    JUMP_MS,
    JUMP_SCANS,
    JUMP_ZONE_MDEGC,
    PAIR_MS,
    SPOT_MDEGC,
    TICK_MS,
    ZONE_CHANGE_MDEGC,
    ZONE_FALL_MDEGC,
    ZONE_MS,
)

JUMP_TICKS = JUMP_MS // TICK_MS


class Agreement:
    """Differences within one session; before and after it nothing is judged."""

    def __init__(self):
        self._pair = array("i", [0] * JUMP_TICKS)
        self._zone = array("i", [0] * JUMP_TICKS)
        self._trip = array("i", [0] * JUMP_TICKS)
        self._lead = array("i", [0] * JUMP_TICKS)
        self.forget()

    def forget(self):
        """No session."""
        self._is_known = False
        self._pair_ms = 0
        self._trip_ms = 0
        self._zone_ms = 0
        self._fall_ms = 0
        self._n_jumped = 0
        self._n_crossed = 0
        self._is_fallen = False

    def begin(self, a, c, z, b, h):
        """Heat begins with these readings."""
        self.forget()
        self._is_known = True
        self._at = 0
        self._pair_0 = a - c
        self._zone_0 = z - (a + c) // 2
        self._trip_0 = h - (a + c) // 2
        for i in range(JUMP_TICKS):
            self._pair[i] = 0
            self._zone[i] = 0
            self._trip[i] = 0
            self._lead[i] = b - c

    def is_doubtful(self):
        """Return whether a change is counted that has not lasted long enough yet."""
        return self._pair_ms + self._trip_ms + self._zone_ms + self._fall_ms > 0

    def has_jumped(self):
        """Return whether sensors moved apart within a few seconds: the pad, or one of them."""
        return self._n_jumped >= JUMP_SCANS

    def update(self, a, c, z, b, h, elapsed_ms):
        """Take a scan; return the latching cause that it shows, or ``CAUSE_NONE``."""
        if not self._is_known:
            return CAUSE_NONE
        spot = (a + c) // 2
        pair = a - c - self._pair_0
        zone = z - spot - self._zone_0
        trip = h - spot - self._trip_0
        self._compare(pair, zone, trip, b - c)
        self._fall_ms = self._fall_ms + elapsed_ms if self._is_fallen else 0
        self._pair_ms = self._pair_ms + elapsed_ms if abs(pair) > SPOT_MDEGC else 0
        self._trip_ms = self._trip_ms + elapsed_ms if abs(trip) > SPOT_MDEGC else 0
        self._zone_ms = self._zone_ms + elapsed_ms if abs(zone) > ZONE_CHANGE_MDEGC else 0
        if self._n_crossed >= JUMP_SCANS:
            return SENSOR_SWAPPED
        if self._pair_ms >= PAIR_MS:
            return SENSOR_PAIR
        if self._zone_ms >= ZONE_MS or self._fall_ms >= PAIR_MS:
            return SENSOR_ZONE
        if self._trip_ms >= PAIR_MS:
            return SENSOR_TRIP
        return CAUSE_NONE

    def _compare(self, pair, zone, trip, lead):
        """Compare with ``JUMP_MS`` ago."""
        at = self._at
        pair_jump = pair - self._pair[at]
        zone_jump = zone - self._zone[at]
        trip_jump = trip - self._trip[at]
        lead_jump = lead - self._lead[at]
        self._pair[at] = pair
        self._zone[at] = zone
        self._trip[at] = trip
        self._lead[at] = lead
        self._at = at + 1 if at + 1 < JUMP_TICKS else 0
        is_jump = (
            abs(pair_jump) > JUMP_MDEGC
            or abs(trip_jump) > JUMP_MDEGC
            or abs(zone_jump) > JUMP_ZONE_MDEGC
        )
        self._n_jumped = self._n_jumped + 1 if is_jump else 0
        is_crossed = self._is_crossed(pair_jump, lead_jump)
        self._n_crossed = self._n_crossed + 1 if is_crossed else 0
        self._is_fallen = zone < -ZONE_FALL_MDEGC and (
            self._is_fallen or zone_jump < -ZONE_FALL_MDEGC
        )

    def _is_crossed(self, pair_jump, lead_jump):
        """Return whether A or C took the core's reading, and the core took that one's."""
        cross = abs(pair_jump + lead_jump)  # A: the core falls as much below C as A rises over it
        cross_c = abs(2 * pair_jump - lead_jump)  # C: it rises itself
        if cross_c < cross:
            cross = cross_c
        return abs(pair_jump) > CROSS_MDEGC and cross * 2 < abs(pair_jump)
