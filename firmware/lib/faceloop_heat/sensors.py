"""Five sensors and a fixed resistor: believed when in range, moving, and in agreement."""

from array import array

from faceloop_protocol.heat import (
    ADC_REFERENCE,
    CAUSE_NONE,
    SENSOR_FROZEN,
    SENSOR_PAIR,
    SENSOR_RANGE,
    SENSOR_TRIP,
    SENSOR_ZONE,
)
from faceloop_protocol.heat_limits import (
    FROZEN_SCANS,
    PAIR_MDEGC,
    PAIR_MS,
    REFERENCE_BAD_SCANS,
    REFERENCE_MDEGC,
    REFERENCE_TOLERANCE_MDEGC,
    SENSOR_BAD_SCANS,
    SENSOR_MAX_MDEGC,
    SENSOR_MIN_MDEGC,
    ZONE_MDEGC,
    ZONE_MS,
)

from .agreement import Agreement
from .hal import IN_A, IN_B, IN_C, IN_H, IN_REFERENCE, IN_Z
from .thermistor import temperature_mdegc

N_SENSORS = 5


class Sensors:
    """Temperatures of the last scan in thousandths of a degree, and what is wrong with them.

    A single reading out of range keeps the one before.

    Attributes
    ----------
    a, c, z, b, h : int
        Temperature of each sensor.
    face : int
        Hottest of ``a``, ``c``, ``z``.
    is_absent : bool
        All five read open: no pad is connected.
    """

    def __init__(self):
        self.a = 0
        self.c = 0
        self.z = 0
        self.b = 0
        self.h = 0
        self.face = 0
        self.reference = 0
        self.is_absent = True
        self.is_good = False
        self._now = array("i", [0] * N_SENSORS)
        self._last_code = array("i", [-1] * N_SENSORS)
        self._n_same = array("i", [0] * N_SENSORS)
        self._n_bad = array("i", [0] * N_SENSORS)
        self._agreement = Agreement()
        self.forget()

    def forget(self):
        """Start all counts anew."""
        self._n_reference = 0
        self._pair_ms = 0
        self._zone_ms = 0
        self._loose_ms = 0
        self._trip_ms = 0
        self._agreement.forget()
        for i in range(N_SENSORS):
            self._n_same[i] = 0
            self._n_bad[i] = 0

    def begin(self):
        """Heat begins: as they stand to each other now they have to stay."""
        self._agreement.begin(self.a, self.c, self.z, self.b, self.h)

    def update(self, inputs, elapsed_ms):
        """Take a scan; return the latching cause that it shows, or ``CAUSE_NONE``."""
        cause = CAUSE_NONE
        n_open = 0
        n_bad = 0
        for i in range(N_SENSORS):
            code = inputs[IN_A + i]
            mdegc = temperature_mdegc(code)
            if mdegc < SENSOR_MIN_MDEGC:
                n_open += 1
            if mdegc < SENSOR_MIN_MDEGC or mdegc > SENSOR_MAX_MDEGC:
                n_bad += 1
                self._n_bad[i] += 1
                if self._n_bad[i] >= SENSOR_BAD_SCANS:
                    cause = SENSOR_RANGE
            else:
                self._n_bad[i] = 0
                self._now[i] = mdegc
            if code == self._last_code[i]:
                self._n_same[i] += 1
                if self._n_same[i] >= FROZEN_SCANS and cause == CAUSE_NONE:
                    cause = SENSOR_FROZEN
            else:
                self._n_same[i] = 1
                self._last_code[i] = code
        self.a = self._now[IN_A]
        self.c = self._now[IN_C]
        self.z = self._now[IN_Z]
        self.b = self._now[IN_B]
        self.h = self._now[IN_H]
        self.face = self._hottest()
        self.is_absent = n_open == N_SENSORS
        self.is_good = n_bad == 0
        return self._disagreement(inputs[IN_REFERENCE], elapsed_ms, cause)

    def is_doubtful(self):
        """Return whether a disagreement is being counted that has not lasted long enough yet."""
        waiting_ms = self._pair_ms + self._zone_ms + self._trip_ms
        is_waiting = waiting_ms > 0 or self._n_reference > 0 or self._agreement.is_doubtful()
        return is_waiting or not self.is_good

    def has_jumped(self):
        """Return whether sensors of the face moved apart within a few seconds."""
        return self._agreement.has_jumped()

    def hottest(self):
        """Return the hottest reading of all five."""
        spot = self.h if self.h > self.face else self.face
        return self.b if self.b > spot else spot

    def _hottest(self):
        face = self.a if self.a > self.c else self.c
        return self.z if self.z > face else face

    def _disagreement(self, reference_code, elapsed_ms, cause):
        """Return ``cause``, or the first disagreement that has lasted too long."""
        self.reference = temperature_mdegc(reference_code)
        if abs(self.reference - REFERENCE_MDEGC) > REFERENCE_TOLERANCE_MDEGC:
            self._n_reference += 1
        else:
            self._n_reference = 0
        self._pair_ms = self._pair_ms + elapsed_ms if abs(self.a - self.c) > PAIR_MDEGC else 0
        self._zone_ms = self._zone_ms + elapsed_ms if abs(self.z - self.a) > ZONE_MDEGC else 0
        # The warmer zone may be folded; a colder one can only be a loose sensor.
        self._loose_ms = self._loose_ms + elapsed_ms if self.a - self.z > ZONE_MDEGC else 0
        # H sits where A and C are: HW1 with a loose sensor would protect nobody.
        spot = self.a if self.a > self.c else self.c
        self._trip_ms = self._trip_ms + elapsed_ms if abs(self.h - spot) > PAIR_MDEGC else 0
        changed = self._agreement.update(self.a, self.c, self.z, self.b, self.h, elapsed_ms)
        if cause != CAUSE_NONE:
            return cause
        if self._n_reference >= REFERENCE_BAD_SCANS:
            return ADC_REFERENCE
        if self._pair_ms >= PAIR_MS:
            return SENSOR_PAIR
        if self._zone_ms >= ZONE_MS or self._loose_ms >= PAIR_MS:
            return SENSOR_ZONE
        if self._trip_ms >= PAIR_MS:
            return SENSOR_TRIP
        return changed
