# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""The pad on a wearer, electrically: sensors, two switches, supply; the supervisor's hardware.

Implements the interface of ``faceloop_heat.hal``. Every way in which it can break is an attribute or
a method, so that a test breaks it at a moment of its choice.
"""

from libc.math cimport exp

from faceloop.twin.heat import thermistors as _thermistors
from faceloop_heat import hal as _hal
from faceloop_protocol import heat_limits as _limits

cdef int IN_SUPPLY_MV = _hal.IN_SUPPLY_MV
cdef int IN_REFERENCE = _hal.IN_REFERENCE
cdef int IN_H = _hal.IN_H
cdef int IN_RAIL_MV = _hal.IN_RAIL_MV
cdef double RAIL_MV = _limits.RAIL_MV
cdef int IN_Q1_ONLY_MA = _hal.IN_Q1_ONLY_MA
cdef int IN_Q2_ONLY_MA = _hal.IN_Q2_ONLY_MA
cdef int IN_HEATER_MA = _hal.IN_HEATER_MA
cdef int IN_FRAMES = _hal.IN_FRAMES
cdef int IN_FLAGS = _hal.IN_FLAGS
cdef int FLAG_VBUS = _hal.FLAG_VBUS
cdef int FLAG_LEAD_OFF = _hal.FLAG_LEAD_OFF
cdef int FLAG_BUTTON = _hal.FLAG_BUTTON
cdef int FLAG_HW1 = _hal.FLAG_HW1
cdef int FLAG_HW2 = _hal.FLAG_HW2
cdef int FLAG_TIMER = _hal.FLAG_TIMER
cdef int PROBE_SWITCHES = _hal.PROBE_SWITCHES
cdef int PROBE_HEATER = _hal.PROBE_HEATER
cdef int TRIP_HW1 = _hal.TRIP_HW1
cdef int TRIP_HW2 = _hal.TRIP_HW2

cdef int IS_OPEN = _thermistors.OPEN
cdef int IS_SHORT = _thermistors.SHORT
cdef int IS_FROZEN = _thermistors.FROZEN
cdef int IS_DETACHED = _thermistors.DETACHED

cdef double REFERENCE_OHM = 5988.7   # 5.90 kohm + 88.7 ohm
cdef double FACE_LAG_S = 3.0
cdef double CORE_LAG_S = 2.0
cdef double NOISE_MDEGC = 10.0
# Share of each 250 ms in which the scan holds a switch open, and in which it closes both.
cdef double PROBE_OPEN = 0.04
cdef double PROBE_CLOSED = 0.02


cdef class Pad:
    """One pad on one wearer.

    ``reference_gain`` is wrong for the bridges and for supply and current, as where the converter's
    own reference is; ``rail_gain`` for supply, current and sensor H: bridges and converter share a
    rail (hardware/spice/circuit.lib), so its error cancels out of every other temperature, while H
    has a rail of its own. The rail is 3.3 V by ``rail_gain``; the front end measures it with
    ``begin_stream``, and what it found is taken out of H. ``rail_load`` is the share by which
    ``rail_gain`` grows from no heat to full power.

    Parameters
    ----------
    skin : Skin
    hw1_trip_degc, hw2_trip_degc, hw2_reset_degc : float
        Of this board's cut-offs.
    heater_ohm, cell_v : float
    sensor_errors_degc : sequence of 5 float
        Of A, C, Z, B, H.
    seed : int
        Of the sensors' noise.
    """

    def __init__(
        self,
        Skin skin,
        *,
        double hw1_trip_degc,
        double hw2_trip_degc,
        double hw2_reset_degc,
        double heater_ohm,
        double cell_v,
        sensor_errors_degc=(0.0, 0.0, 0.0, 0.0, 0.0),
        unsigned long long seed=1,
    ):
        cdef int i
        self.skin = skin
        self.hw1 = Comparator(hw1_trip_degc)
        self.hw2 = CoreSwitch(hw2_trip_degc, hw2_reset_degc)
        self.timer = Timer()
        self.watchdog = WindowWatchdog()
        self.vbus = VbusGate()
        self.heater_ohm = heater_ohm
        self.cell_v = cell_v
        self.cell_ohm = 0.15
        self.reference_gain = 1.0
        self.rail_gain = 1.0
        self.frames_per_s = 2000.0
        self.begin_stream()
        self.swapped_with_a = -1
        self.slots = {}
        self._noise_mdegc = NOISE_MDEGC
        self._random = seed * 0x9E3779B97F4A7C15ULL + 0x1234567
        for i in range(N_SENSORS):
            self._offset[i] = sensor_errors_degc[i]
            self._gain[i] = 1.0
            self._lagged[i] = skin.core_degc if i == 3 else skin.face_degc()

    # What the supervisor sees.

    def scan(self, int[::1] inputs, int probe):
        """Fill ``inputs``; see ``faceloop_heat.hal``."""
        cdef int i, flags = 0
        cdef bint can_close = self.gate() or self.is_q1_short
        cdef double full_ma, volts = self.full_v()
        cdef double ratio
        if self.is_scan_broken:
            raise RuntimeError("the converter does not answer")
        full_ma = 0.0 if self.is_heater_open else 1000.0 * volts / self.heater_ohm
        for i in range(N_SENSORS):
            inputs[i] = self._code(i)
        ratio = REFERENCE_OHM / (REFERENCE_OHM + 10000.0)
        ratio = ratio * self.reference_gain + 1e-7 * self.noise() * self._noise_mdegc * 100
        if not self.is_adc_frozen:
            self._codes[5] = <int>(65536.0 * ratio + 0.5)
        inputs[IN_REFERENCE] = self._codes[5]
        inputs[IN_SUPPLY_MV] = <int>(1000.0 * (volts if self.is_on else self.cell_v))
        inputs[IN_Q1_ONLY_MA] = 0
        inputs[IN_Q2_ONLY_MA] = 0
        inputs[IN_HEATER_MA] = <int>full_ma if self.power_w > 0.0 else 0
        if probe >= PROBE_SWITCHES:
            if can_close and self.is_q2_short and not self.is_q1_open:
                inputs[IN_Q1_ONLY_MA] = <int>full_ma
            if self.is_q1_short and not self.is_q2_open:
                inputs[IN_Q2_ONLY_MA] = <int>full_ma
        if probe >= PROBE_HEATER:
            inputs[IN_HEATER_MA] = 0
            if can_close and not (self.is_q1_open or self.is_q2_open):
                inputs[IN_HEATER_MA] = <int>full_ma
                inputs[IN_SUPPLY_MV] = <int>(1000.0 * volts)
                if not self.is_on:
                    self._probe_j += 0.005 * volts * volts / self.heater_ohm
        for i in range(IN_SUPPLY_MV, IN_HEATER_MA + 1):
            inputs[i] = <int>(inputs[i] * self.reference_gain * self.loaded_gain())
        inputs[IN_FRAMES] = (<long>self._frames) & 0xFFFFFF
        inputs[IN_RAIL_MV] = self._seen_rail_mv
        if self.vbus.has_vbus:
            flags |= FLAG_VBUS
        if self.is_lead_off:
            flags |= FLAG_LEAD_OFF
        if self.is_button or self._button_seen:
            flags |= FLAG_BUTTON
        self._button_seen = False
        if self.hw1.is_tripped:
            flags |= FLAG_HW1
        if self.hw2.is_open:
            flags |= FLAG_HW2
        if self.timer.is_expired:
            flags |= FLAG_TIMER
        inputs[IN_FLAGS] = flags

    def drive(self, bint is_closed, int duty_permille):
        """Set the switches."""
        self._is_closed = is_closed
        self._duty = duty_permille if is_closed else 0

    def kick(self):
        """Kick the watchdog."""
        self.watchdog.kick()

    def trip(self, int which):
        """Force a cut-off."""
        self.hw1.is_forced = which == TRIP_HW1
        self.hw2.is_forced = which == TRIP_HW2
        self._see()

    def clear_trip(self):
        """Pulse the latch's reset."""
        self.hw1.clear()

    def load(self, slot):
        """Return a kept record."""
        if self.is_storage_broken:
            raise OSError(5)
        return self.slots.get(slot)

    def save(self, slot, record):
        """Keep a record."""
        if self.is_storage_broken:
            raise OSError(5)
        self.slots[slot] = record
        self.n_saves += 1

    # What breaks.

    def spoil(self, int sensor, int trouble):
        """Give a sensor OPEN, SHORT, FROZEN or DETACHED."""
        if trouble == IS_FROZEN:
            self._stuck_code[sensor] = self._code(sensor)
        self._trouble[sensor] = trouble

    def bend(self, int sensor, double offset_degc, double gain=1.0):
        """Give a sensor an offset and a gain about 37 C."""
        self._offset[sensor] += offset_degc
        self._gain[sensor] = gain

    def begin_stream(self):
        """Set the front end up, with which it measures the rail."""
        self._seen_rail_mv = <int>(RAIL_MV / self.loaded_gain() + 0.5)

    def press(self):
        """Press the button for a moment."""
        self._button_seen = True

    def reset(self):
        """Everything that a reset of the processor does to the hardware: all outputs released."""
        self._is_closed = False
        self._duty = 0
        self.hw1.is_forced = False
        self.hw2.is_forced = False
        self.is_stuck_on = False
        self.watchdog.wants_reset = False
        self.begin_stream()

    def readings_degc(self):
        """Return the true temperatures at the five sensors, with their lag."""
        return [self._lagged[i] for i in range(N_SENSORS)]

    # Physics.

    cdef double noise(self) noexcept:
        """Return a number of variance 1, nearly normal: three uniform ones."""
        cdef unsigned long long x = self._random
        x ^= x >> 12
        x ^= x << 25
        x ^= x >> 27
        self._random = x
        x *= 2685821657736338717ULL
        return 2.0 * (
            <double>(x & 0x1FFFFF) + <double>(x >> 21 & 0x1FFFFF) + <double>(x >> 42 & 0x1FFFFF)
            - 3145726.5
        ) / 2097151.0

    cdef bint gate(self) noexcept:
        return not (
            self.hw1.is_tripped
            or self.hw2.is_open
            or self.timer.is_expired
            or self.watchdog.is_open
            or self.vbus.blocks()
        )

    cdef double loaded_gain(self) noexcept:
        return self.rail_gain * (1.0 + self.rail_load * self._load)

    cdef double full_v(self) noexcept:
        return self.cell_v * self.heater_ohm / (self.heater_ohm + self.cell_ohm)

    def is_gate_closed(self):
        """Return whether the hardware lets Q1 close."""
        return self.gate()

    def _see(self):
        self.hw1.see(self._lagged[4], self._trouble[4] == IS_OPEN or self._trouble[4] == IS_SHORT)
        self.hw2.see(self.skin.core_degc)

    cdef void advance(self, long step_ms) noexcept:
        cdef double step_s = 0.001 * step_ms
        cdef bint is_driven = self._is_closed or self.is_stuck_on or self.is_rogue
        cdef bint q1 = (is_driven and self.gate() or self.is_q1_short) and not self.is_q1_open
        cdef double duty, volts = self.full_v()
        if self.is_stuck_on or self.is_rogue or self.is_q2_short:
            duty = 1.0
        elif self._is_closed and not self.is_q2_open:
            duty = 0.001 * self._duty * (1.0 - PROBE_OPEN) + PROBE_CLOSED
        else:
            duty = 0.0
        if self.is_heater_open or self.is_q2_open or not q1:
            duty = 0.0
        self.is_on = duty > 0.0
        self._load = duty
        self.power_w = duty * volts * volts / self.heater_ohm
        self.skin.advance(self.power_w + self._probe_j / step_s, step_s)
        self._probe_j = 0.0
        self._advance_sensors(step_s)
        self._frames += step_s * self.frames_per_s
        if self._frames > 16777216.0:
            self._frames -= 16777216.0
        self.hw1.see(self._lagged[4], self._trouble[4] == IS_OPEN or self._trouble[4] == IS_SHORT)
        self.hw2.see(self.skin.core_degc)
        self.timer.advance(is_driven, step_ms)
        self.watchdog.advance(step_ms)
        self.vbus.advance(step_ms)

    cdef void _advance_sensors(self, double step_s) noexcept:
        cdef int i
        cdef double target, lag_s
        cdef double face = self.skin.spot_face_degc()
        cdef double core = self.skin.core_degc
        for i in range(N_SENSORS):
            lag_s = FACE_LAG_S
            target = face
            if i == 3:
                lag_s = CORE_LAG_S
                target = core
            elif i == 2:
                target = self.skin.zone_face_degc()
            if self.swapped_with_a == i:
                target = face
            elif self.swapped_with_a >= 0 and i == 0:
                target = core
            if self._trouble[i] == IS_DETACHED:
                target = self.skin.ambient_degc + 0.5 * (core - self.skin.ambient_degc)
            self._lagged[i] += (target - self._lagged[i]) * step_s / (lag_s + step_s)
        self._drifted_degc += self.drift_degc_per_s * step_s

    cdef int _code(self, int i) noexcept:
        cdef double degc, ohm, ratio
        if self.is_adc_frozen:
            return self._codes[i]
        if self._trouble[i] == IS_OPEN:
            ratio = 0.9999
        elif self._trouble[i] == IS_SHORT:
            ratio = 0.0001
        elif self._trouble[i] == IS_FROZEN:
            return <int>self._stuck_code[i]
        else:
            degc = self._lagged[i] + self._offset[i] + 0.001 * self._noise_mdegc * self.noise()
            degc = 37.0 + (degc - 37.0) * self._gain[i]
            if self.drifting >> i & 1:
                degc += self._drifted_degc
            ohm = 10000.0 * exp(3950.0 * (1.0 / (degc + 273.15) - 1.0 / 298.15))
            ratio = ohm / (ohm + 10000.0)
        ratio *= self.reference_gain
        if i == IN_H:
            ratio *= self.loaded_gain() * self._seen_rail_mv / RAIL_MV
        if ratio > 0.99998:
            ratio = 0.99998
        self._codes[i] = <int>(65536.0 * ratio + 0.5)
        return self._codes[i]
