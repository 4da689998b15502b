"""Proves before heat comes back that the core is the core, and that skin takes the warmth.

A second of full power between two looks at the sensors, the only power in PAUSED: 4 J, which warm
the nominal wearer's skin by less than 0.1 C; a late last tick makes it 7 J.
What cannot be seen at rest shows by it: a face sensor that warms up before the core is swapped
with it, and a face that warms up with the core has lost the skin.
"""

from array import array

from faceloop_protocol.heat import (
    CAUSE_NONE,
    CONTACT_CHANGED,
    CORE_SILENT,
    OFF_SKIN,
    SENSOR_SWAPPED,
)
from faceloop_protocol.heat_limits import (
    LEAD_AHEAD_MDEGC,
    LEAD_JUMP_MDEGC,
    LEAD_OFF_SKIN_PCT,
    LEAD_SPREAD_MDEGC,
    LEAD_TEST_MS,
)

from .selftest import RUNNING

# Each look lasts four ticks. Two without heat say where each sensor goes by itself; the third ends
# four seconds after the power came on.
LOOK_TICKS = 4
BEGAN_TICK = 12
PULSE_TICK = BEGAN_TICK + LOOK_TICKS
LOOK_TICK = 28
END_TICK = LOOK_TICK + LOOK_TICKS
NOBODY = -1
CORE = 3


class LeadTest:
    """One test at each resume; what failed is kept for the session."""

    def __init__(self):
        self._before = array("i", [0] * 4)
        self._began = array("i", [0] * 4)
        self._after = array("i", [0] * 4)
        self.forget()
        self.start()

    def forget(self):
        """A session begins."""
        self._ahead = NOBODY

    def start(self):
        """Begin; heat has been off for ``LEAD_REST_MS``."""
        self._n_ticks = 0
        self._pulse_ms = 0
        for i in range(4):
            self._before[i] = 0
            self._began[i] = 0
            self._after[i] = 0

    def is_pulse(self):
        """Return whether power is to flow until the next tick."""
        return self._n_ticks >= PULSE_TICK and self._pulse_ms < LEAD_TEST_MS

    def step(self, sensors, elapsed_ms):
        """Take a scan; return ``RUNNING``, ``CAUSE_NONE`` when passed, or what it showed."""
        tick = self._n_ticks
        if self.is_pulse():
            self._pulse_ms += elapsed_ms
        self._n_ticks = tick + 1
        if tick < LOOK_TICKS:
            self._look(self._before, sensors)
        elif BEGAN_TICK <= tick < PULSE_TICK:
            self._look(self._began, sensors)
        elif tick >= LOOK_TICK:
            self._look(self._after, sensors)
        return self._judge() if self._n_ticks >= END_TICK else RUNNING

    def _look(self, look, sensors):
        look[0] += sensors.a
        look[1] += sensors.c
        look[2] += sensors.z
        look[3] += sensors.b

    def _response(self, i):
        """Return what is above the straight line through the two looks before."""
        began = self._began[i]
        due = began + (began - self._before[i]) * (LOOK_TICK - BEGAN_TICK) // BEGAN_TICK
        return (self._after[i] - due) // LOOK_TICKS

    def _judge(self):
        core = self._response(CORE)
        first = 0
        n_close = 0
        for i in range(4):
            if abs(self._began[i] - self._before[i]) > LEAD_JUMP_MDEGC * LOOK_TICKS:
                return CONTACT_CHANGED  # a line through these looks says nothing
        least = self._response(first)
        for i in range(CORE):
            response = self._response(i)
            if response > self._response(first):
                first = i
            if response < least:
                least = response
            if response * 100 > core * LEAD_OFF_SKIN_PCT:
                n_close += 1
        ahead = self._response(first) - core
        if core > 0 and n_close > 1 and ahead <= LEAD_AHEAD_MDEGC:
            self._ahead = NOBODY
            return OFF_SKIN
        if core > 0 and ahead < 0:
            self._ahead = NOBODY
            # What changed in the middle of the test shows in one sensor only: once more.
            is_uneven = ahead + core - least > LEAD_SPREAD_MDEGC or self._is_apart()
            return CONTACT_CHANGED if is_uneven else CAUSE_NONE
        if ahead <= LEAD_AHEAD_MDEGC:
            first = CORE  # power went in, and no sensor saw it
        # The pad may be moving on the skin: it is a fault when the same sensor is first twice.
        is_again = first == self._ahead
        self._ahead = first
        if not is_again:
            return CONTACT_CHANGED
        return CORE_SILENT if first == CORE else SENSOR_SWAPPED

    def _is_apart(self):
        """Return whether the face sensors went different ways before the power."""
        least = most = self._began[0] - self._before[0]
        for i in range(1, CORE):
            jump = self._began[i] - self._before[i]
            least = jump if jump < least else least
            most = jump if jump > most else most
        return most - least > LEAD_SPREAD_MDEGC * LOOK_TICKS
