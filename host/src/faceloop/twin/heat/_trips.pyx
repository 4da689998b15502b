# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""The hardware behind the supervisor. Each of these opens Q1 by itself.

What firmware can reach is what the wires reach: a forced trip, the reset of HW1's latch, and the
kick. ``is_dead`` is for tests that ask what the others do without this one.
"""

from faceloop_protocol import heat_limits as limits

cdef long TIMER_MS = limits.HW_TIMER_MS
cdef long TIMER_RESET_MS = limits.HW_TIMER_RESET_MS
cdef long FIRST_MS = limits.WATCHDOG_FIRST_MS
cdef long LAST_MS = limits.WATCHDOG_LAST_MS
cdef long GATE_MS = limits.VBUS_GATE_MS


cdef class Comparator:
    """HW1: comparator with a sensor of its own on the face of the pad, and a latch.

    The reset of the latch is a pulse, and the comparator wins over it.

    Parameters
    ----------
    trip_degc : float
    """

    def __init__(self, double trip_degc):
        self.trip_degc = trip_degc

    cdef void see(self, double sensor_degc, bint is_broken) noexcept:
        self._is_over = (sensor_degc >= self.trip_degc or is_broken or self.is_forced)
        if self._is_over and not self.is_dead:
            self.is_tripped = True

    cpdef clear(self):
        """Take the pulse of ``clear_trip``."""
        if not self._is_over:
            self.is_tripped = False

    def show(self, double sensor_degc, bint is_broken=False):
        """Put this temperature at the sensor."""
        self.see(sensor_degc, is_broken)


cdef class CoreSwitch:
    """HW2: temperature switch on the core; closes again by itself when cool.

    Parameters
    ----------
    trip_degc, reset_degc : float
    """

    def __init__(self, double trip_degc, double reset_degc):
        self.trip_degc = trip_degc
        self.reset_degc = reset_degc

    cdef void see(self, double core_degc) noexcept:
        if self.is_dead:
            return
        if core_degc >= self.trip_degc:
            self._is_hot = True
        elif core_degc <= self.reset_degc:
            self._is_hot = False
        # The test input acts behind the hysteresis: what it opens closes with it.
        self.is_open = self._is_hot or self.is_forced

    def show(self, double core_degc):
        """Put this temperature at the switch."""
        self.see(core_degc)


cdef class Timer:
    """30 minutes of Q1 enabled; starts anew after a minute without."""

    cdef void advance(self, bint is_enabled, long step_ms) noexcept:
        if is_enabled:
            self._on_ms += step_ms
            self._off_ms = 0
        else:
            self._off_ms += step_ms
            if self._off_ms >= TIMER_RESET_MS:
                self._on_ms = 0
        self.is_expired = self._on_ms >= TIMER_MS and not self.is_dead

    def run(self, bint is_enabled, long step_ms):
        """Let time pass."""
        self.advance(is_enabled, step_ms)


cdef class WindowWatchdog:
    """Opens Q1 and resets the processor when a kick comes too soon, too late or never.

    After power-on Q1 is open until the first kick.
    """

    def __init__(self):
        self.is_open = True
        self._since_ms = 0

    cdef void advance(self, long step_ms) noexcept:
        self._since_ms += step_ms
        if self._is_started and self._since_ms >= LAST_MS and not self.is_dead:
            self._bite()

    cpdef kick(self):
        """Take a kick."""
        if self._is_started and self._since_ms < FIRST_MS and not self.is_dead:
            self._bite()
            return
        self._is_started = True
        self._since_ms = 0
        self.is_open = False

    def run(self, long step_ms):
        """Let time pass."""
        self.advance(step_ms)

    cdef void _bite(self) noexcept:
        self.is_open = True
        self.wants_reset = True
        self._is_started = False
        self._since_ms = 0


cdef class VbusGate:
    """Opens Q1 and switches the front end off while USB power is present."""

    cdef void advance(self, long step_ms) noexcept:
        self._for_ms = self._for_ms + step_ms if self.has_vbus else 0

    cdef bint blocks(self) noexcept:
        return self.has_vbus and self._for_ms >= GATE_MS and not self.is_dead

    def run(self, long step_ms):
        """Let time pass."""
        self.advance(step_ms)

    def is_blocking(self):
        """Return whether Q1 is held open."""
        return self.blocks()
