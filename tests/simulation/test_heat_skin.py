"""The lumped model: its test vector, and the 43-layer model it stands for."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.twin.heat._skin import Skin
from faceloop.twin.heat.board import HEATER_MOHM
from faceloop.twin.heat.wearer import (
    NOMINAL,
    RANGES,
    make_skin,
    nominal_wearer,
    random_wearer,
)
from faceloop_protocol import heat_limits as limits

START = {"core_degc": 32.57, "skin_degc": 34.02, "deep_degc": 35.67, "dilation": 0.25}
AIR = {"ambient_degc": 23.0, "blood_degc": 36.9}
VECTOR = {
    4.0: {
        60: (39.00, 36.53, 35.87),
        120: (41.12, 38.31, 37.57),
        300: (43.67, 40.65, 39.85),
        600: (44.55, 41.47, 40.65),
    },
    2.78: {1800: (41.69, 39.83, 39.33)},
}


@pytest.mark.parametrize("power_w", VECTOR)
@pytest.mark.parametrize("step_s", [0.05, 0.1, 0.5])
def test_lumped_model_passes_its_vector(power_w: float, step_s: float) -> None:
    skin = Skin({**NOMINAL, **AIR, **START})
    at_s = 0.0
    for second, expected in VECTOR[power_w].items():
        for _ in range(round((second - at_s) / step_s)):
            skin.step(power_w, step_s)
        at_s = second
        found = (skin.core_degc, skin.face(), skin.skin_degc)
        assert found == pytest.approx(expected, abs=0.05)


# What the analysis states for the nominal wearer: RMSE 0.03-0.04 C, at most 0.16 C.
STATED_RMSE_C, STATED_MOST_C = 0.04, 0.16
# Where that does not hold, as measured (benchmarks/RESULTS.md). Face: the layers' sensor is in the
# middle of the contact, 0.19 of the way to the core; the stated row says 0.21. Core: at 30 s.
WORSE_RMSE_C = {(2.78, "face"): 0.056}
WORSE_MOST_C = {(2.0, "core"): 0.172}


@pytest.mark.parametrize("power_w", [2.0, 2.78])
def test_lumped_model_agrees_with_43_layers(power_w: float) -> None:
    layers = _layers()
    assert len(layers.degc) == 43
    skin = make_skin(nominal_wearer(), 100)
    errors = []
    for second in range(1, 1801):
        for _ in range(2):
            layers.step(power_w, 0.5)
        for _ in range(4):
            skin.step(power_w, 0.25)
        if second >= 30 and second % 10 == 0:
            errors.append(
                (
                    skin.core_degc - layers.core_degc(),
                    skin.face() - layers.face_degc(),
                    skin.skin_degc - layers.skin_degc(),
                )
            )
    error = np.array(errors)
    rmse = np.sqrt((error**2).mean(axis=0))
    print(f"\n{power_w} W: RMSE {rmse.round(3)}, most {abs(error).max(axis=0).round(3)}")
    for n, place in enumerate(("core", "face", "skin")):
        assert rmse[n] <= WORSE_RMSE_C.get((power_w, place), STATED_RMSE_C), place
        most = WORSE_MOST_C.get((power_w, place), STATED_MOST_C)
        assert abs(error[:, n]).max() <= most, place


def test_random_wearers_stay_in_their_ranges_and_go_together() -> None:
    rng = np.random.default_rng(3)
    wearers = [random_wearer(rng) for _ in range(2000)]
    for name, (low, high) in RANGES.items():
        values = [wearer.skin[name] for wearer in wearers]
        assert low <= min(values) < low * 1.2
        assert high / 1.2 < max(values) <= high
    logs = {name: [math.log(w.skin[name]) for w in wearers] for name in RANGES}
    for a, b, expected in (("g3b", "c3", 0.9), ("g3b", "g23", 0.8), ("g23", "c2", -0.7)):
        assert np.corrcoef(logs[a], logs[b])[0, 1] == pytest.approx(expected, abs=0.08)


@pytest.mark.risk("RC-23")
@pytest.mark.parametrize("area_cm2", HEATER_MOHM)
def test_pad_takes_at_most_400_w_per_m2_at_the_highest_voltage(area_cm2: int) -> None:
    power_mw = 4200 * 4200 / HEATER_MOHM[area_cm2]
    assert power_mw <= area_cm2 * limits.AREAL_LIMIT_MW_PER_CM2
    assert area_cm2 <= limits.PAD_AREA_MAX_CM2


def _layers() -> Any:
    path = Path(__file__).parent / "skin_layers.py"
    spec = importlib.util.spec_from_file_location("skin_layers", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Layers()
