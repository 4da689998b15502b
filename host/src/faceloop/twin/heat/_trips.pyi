class Comparator:
    trip_degc: float
    is_tripped: bool
    is_forced: bool
    is_dead: bool
    def __init__(self, trip_degc: float) -> None: ...
    def clear(self) -> None: ...
    def show(self, sensor_degc: float, is_broken: bool = False) -> None: ...

class CoreSwitch:
    trip_degc: float
    reset_degc: float
    is_open: bool
    is_forced: bool
    is_dead: bool
    def __init__(self, trip_degc: float, reset_degc: float) -> None: ...
    def show(self, core_degc: float) -> None: ...

class Timer:
    is_expired: bool
    is_dead: bool
    def run(self, is_enabled: bool, step_ms: int) -> None: ...

class WindowWatchdog:
    is_open: bool
    is_dead: bool
    wants_reset: bool
    def kick(self) -> None: ...
    def run(self, step_ms: int) -> None: ...

class VbusGate:
    has_vbus: bool
    is_dead: bool
    def run(self, step_ms: int) -> None: ...
    def is_blocking(self) -> bool: ...
