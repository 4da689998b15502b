from collections.abc import Callable
from typing import Any

from faceloop.twin.heat._pad import Pad

class Bench:
    supervisor: Any
    pad: Pad
    is_host_silent: bool
    is_main_hung: bool
    is_hung: bool
    is_dead: bool
    is_confirming: bool
    clock_gain: float
    setpoint_mdegc: int
    link: int
    step_ms: int
    area_cm2: int
    now_ms: float
    max_skin_degc: float
    dose_cem43: float
    off_ms: float
    on_ms: float
    resume_ms: float
    resume_off_ms: float
    split_ms: float
    heated_ms: float
    trace: list[tuple[float, int, float, float, float, float]] | None
    trace_every_ms: int
    n_resets: int
    n_tests: int
    n_crashes: int
    def __init__(
        self, make: Callable[[Pad, int], Any], pad: Pad, *, step_ms: int = 50, area_cm2: int = 100
    ) -> None: ...
    def mark(self) -> None: ...
    def run(self, duration_ms: float, until_states: int = 0) -> bool: ...
    def power_cycle(self) -> None: ...
    def delay(self, ms: float) -> None: ...
