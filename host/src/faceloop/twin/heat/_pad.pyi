from array import array
from collections.abc import Sequence

from faceloop.twin.heat._skin import Skin
from faceloop.twin.heat._trips import Comparator, CoreSwitch, Timer, VbusGate, WindowWatchdog

class Pad:
    skin: Skin
    hw1: Comparator
    hw2: CoreSwitch
    timer: Timer
    watchdog: WindowWatchdog
    vbus: VbusGate
    heater_ohm: float
    cell_v: float
    cell_ohm: float
    is_q1_short: bool
    is_q2_short: bool
    is_q1_open: bool
    is_q2_open: bool
    is_heater_open: bool
    is_stuck_on: bool
    is_rogue: bool
    is_lead_off: bool
    is_button: bool
    is_adc_frozen: bool
    is_storage_broken: bool
    is_scan_broken: bool
    reference_gain: float
    rail_gain: float
    rail_load: float
    frames_per_s: float
    drift_degc_per_s: float
    swapped_with_a: int
    drifting: int
    slots: dict[int, bytes]
    n_saves: int
    is_on: bool
    power_w: float
    def __init__(
        self,
        skin: Skin,
        *,
        hw1_trip_degc: float,
        hw2_trip_degc: float,
        hw2_reset_degc: float,
        heater_ohm: float,
        cell_v: float,
        sensor_errors_degc: Sequence[float] = (0.0, 0.0, 0.0, 0.0, 0.0),
        seed: int = 1,
    ) -> None: ...
    def scan(self, inputs: array[int], probe: int) -> None: ...
    def drive(self, is_closed: bool, duty_permille: int) -> None: ...
    def kick(self) -> None: ...
    def trip(self, which: int) -> None: ...
    def clear_trip(self) -> None: ...
    def load(self, slot: int) -> bytes | None: ...
    def save(self, slot: int, record: bytes) -> None: ...
    def spoil(self, sensor: int, trouble: int) -> None: ...
    def bend(self, sensor: int, offset_degc: float, gain: float = 1.0) -> None: ...
    def begin_stream(self) -> None: ...
    def press(self) -> None: ...
    def reset(self) -> None: ...
    def readings_degc(self) -> list[float]: ...
    def is_gate_closed(self) -> bool: ...
