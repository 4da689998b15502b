"""Proves that each switch opens and each cut-off opens them: before heat, and after a pause.

One step a tick: leakage of each switch alone, resistance of the heater, then a forced trip of HW1
and of HW2, during which no current may flow, and the way back.
"""

from faceloop_protocol.heat import CAUSE_NONE, HEATER, SWITCH_SHORT, TRIP_TEST
from faceloop_protocol.heat_limits import HEATER_TOLERANCE_PCT, LEAK_MA

from .hal import (
    FLAG_HW1,
    FLAG_HW2,
    IN_FLAGS,
    IN_HEATER_MA,
    IN_Q1_ONLY_MA,
    IN_Q2_ONLY_MA,
    IN_SUPPLY_MV,
    PROBE_HEATER,
    PROBE_SWITCHES,
    TRIP_HW1,
    TRIP_HW2,
    TRIP_NONE,
)

RUNNING = -1

SWITCHES = 0
RESISTANCE = 1
HW1_TRIPS = 2
HW1_RELEASES = 3
HW2_TRIPS = 4
HW2_RELEASES = 5
DONE = 6


class SelfTest:
    """Steps of the test; the supervisor applies ``probe``, ``trip`` and ``is_clearing``.

    Parameters
    ----------
    heater_mohm : int
    """

    def __init__(self, heater_mohm):
        self._least_mohm = heater_mohm * (100 - HEATER_TOLERANCE_PCT) // 100
        self._most_mohm = heater_mohm * (100 + HEATER_TOLERANCE_PCT) // 100
        self.start()

    def start(self):
        """Begin; the first scan to be judged is the next one with ``probe``."""
        self._step = SWITCHES
        self.probe = PROBE_SWITCHES
        self.trip = TRIP_NONE
        self.is_clearing = False

    def step(self, inputs):
        """Judge a scan; return ``RUNNING``, ``CAUSE_NONE`` when passed, or the fault."""
        self.is_clearing = False
        flags = inputs[IN_FLAGS] & (FLAG_HW1 | FLAG_HW2)
        if inputs[IN_Q1_ONLY_MA] > LEAK_MA or inputs[IN_Q2_ONLY_MA] > LEAK_MA:
            return self.end(SWITCH_SHORT)
        step = self._step
        self._step = step + 1
        if step == SWITCHES:
            if flags:
                return self.end(TRIP_TEST)
            self.probe = PROBE_HEATER
        elif step == RESISTANCE:
            if not self._is_heater_right(inputs):
                return self.end(HEATER)
            self.trip = TRIP_HW1
        elif step == HW1_TRIPS:
            if flags != FLAG_HW1 or inputs[IN_HEATER_MA] > LEAK_MA:
                return self.end(TRIP_TEST)
            self.trip = TRIP_NONE
            self.is_clearing = True
        elif step == HW1_RELEASES:
            if flags or not self._is_heater_right(inputs):
                return self.end(TRIP_TEST)
            self.trip = TRIP_HW2
        elif step == HW2_TRIPS:
            if flags != FLAG_HW2 or inputs[IN_HEATER_MA] > LEAK_MA:
                return self.end(TRIP_TEST)
            self.trip = TRIP_NONE
        else:
            if flags or not self._is_heater_right(inputs):
                return self.end(TRIP_TEST)
            return self.end(CAUSE_NONE)
        return RUNNING

    def _is_heater_right(self, inputs):
        mohm = inputs[IN_SUPPLY_MV] * 1000 // max(inputs[IN_HEATER_MA], 1)
        return self._least_mohm <= mohm <= self._most_mohm

    def end(self, cause):
        """Let go of the cut-offs and return ``cause``."""
        self._step = DONE
        self.trip = TRIP_NONE
        return cause
