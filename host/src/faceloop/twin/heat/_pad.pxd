from faceloop.twin.heat._skin cimport Skin
from faceloop.twin.heat._trips cimport Comparator, CoreSwitch, Timer, VbusGate, WindowWatchdog

cdef enum:
    N_SENSORS = 5

cdef class Pad:
    cdef public Skin skin
    cdef public Comparator hw1
    cdef public CoreSwitch hw2
    cdef public Timer timer
    cdef public WindowWatchdog watchdog
    cdef public VbusGate vbus
    cdef public double heater_ohm, cell_v, cell_ohm
    cdef public bint is_q1_short, is_q2_short, is_q1_open, is_q2_open, is_heater_open
    cdef public bint is_stuck_on, is_rogue
    cdef public bint is_lead_off, is_button, is_adc_frozen, is_storage_broken, is_scan_broken
    cdef public double reference_gain, rail_gain, rail_load, frames_per_s, drift_degc_per_s
    cdef public int swapped_with_a, drifting
    cdef public dict slots
    cdef public long n_saves
    cdef double[N_SENSORS] _lagged, _offset, _gain, _stuck_code
    cdef int[N_SENSORS] _trouble
    cdef int[6] _codes
    cdef int _seen_rail_mv
    cdef double _drifted_degc, _frames, _noise_mdegc, _probe_j, _load
    cdef long _duty
    cdef bint _is_closed, _button_seen
    cdef public bint is_on
    cdef public double power_w
    cdef unsigned long long _random
    cdef double noise(self) noexcept
    cdef bint gate(self) noexcept
    cdef double loaded_gain(self) noexcept
    cdef double full_v(self) noexcept
    cdef void advance(self, long step_ms) noexcept
    cdef void _advance_sensors(self, double step_s) noexcept
    cdef int _code(self, int sensor) noexcept
