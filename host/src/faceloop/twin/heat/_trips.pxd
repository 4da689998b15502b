cdef class Comparator:
    cdef public double trip_degc
    cdef public bint is_tripped, is_forced, is_dead
    cdef bint _is_over
    cdef void see(self, double sensor_degc, bint is_broken) noexcept
    cpdef clear(self)

cdef class CoreSwitch:
    cdef public double trip_degc, reset_degc
    cdef public bint is_open, is_forced, is_dead
    cdef bint _is_hot
    cdef void see(self, double core_degc) noexcept

cdef class Timer:
    cdef public bint is_expired, is_dead
    cdef long _on_ms, _off_ms
    cdef void advance(self, bint is_enabled, long step_ms) noexcept

cdef class WindowWatchdog:
    cdef public bint is_open, is_dead, wants_reset
    cdef long _since_ms
    cdef bint _is_started
    cdef void advance(self, long step_ms) noexcept
    cpdef kick(self)
    cdef void _bite(self) noexcept

cdef class VbusGate:
    cdef public bint has_vbus, is_dead
    cdef long _for_ms
    cdef void advance(self, long step_ms) noexcept
    cdef bint blocks(self) noexcept
