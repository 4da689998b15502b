from collections.abc import Mapping

class Skin:
    c1: float
    c2: float
    c3: float
    g1a: float
    g12: float
    g23: float
    g3b: float
    gb: float
    rho: float
    vmax: float
    tv_s: float
    ambient_degc: float
    blood_degc: float
    core_degc: float
    skin_degc: float
    deep_degc: float
    dilation: float
    outside_w: float
    fold_core_degc: float
    fold_skin_degc: float
    fold_deep_degc: float
    is_folded: bool
    is_fold_sensed: bool
    is_fold_at_spot: bool
    def __init__(self, values: Mapping[str, float]) -> None: ...
    def fold(self, is_sensed: bool = True, is_at_spot: bool = False) -> None: ...
    def step(self, power_w: float, step_s: float) -> None: ...
    def face(self) -> float: ...
    def hottest(self) -> float: ...
