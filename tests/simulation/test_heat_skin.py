"""The lumped model: its test vector, and the 43-layer model it stands for."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import least_squares

from faceloop.twin.heat._skin import Skin
from faceloop.twin.heat.board import HEATER_MOHM
from faceloop.twin.heat.wearer import (
    NOMINAL,
    RANGES,
    random_wearer,
)
from faceloop_protocol import heat_limits as limits

Array = NDArray[np.float64]

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


# What the analysis states: for the nominal wearer, and the 95th percentile of fits to 60 others.
RMSE_C, MOST_C = 0.04, 0.16
OTHERS_RMSE_C, OTHERS_MOST_C = 0.08, 0.28
# The pad comes on bare skin as cold as the room, and heat two and a half minutes later: that is
# where START, the state its vector begins with, comes from (skin 34.00 C then, 0.25 is bare skin's
# dilation). From the settled state instead the core is 0.17 C off 30 s after heat comes on.
WORN_S = 150
LENGTH_S, EVERY_S, FROM_S = 1800, 10, 30


def heated(layers: Any, power_w: float, step_s: float = 1.0) -> tuple[dict[str, float], Array]:
    """Wear, then heat; return the lumped model's state where heat begins, and what follows."""
    for _ in range(round(WORN_S / step_s)):
        layers.step(0.0, step_s)
    start = {
        "core_degc": layers.core_degc(),
        "skin_degc": layers.skin_degc(),
        "deep_degc": START["deep_degc"],
        "dilation": layers.dilation,
    }
    rows = []
    for n in range(1, round(LENGTH_S / step_s) + 1):
        layers.step(power_w, step_s)
        if n * step_s >= FROM_S and n * step_s % EVERY_S == 0:
            rows.append((layers.core_degc(), layers.face_degc(), layers.skin_degc()))
    return start, np.array(rows)


def lumped(values: dict[str, float], power_w: float) -> Array:
    """Return core, face and skin of the lumped model at the same times."""
    skin = Skin(values)
    rows = []
    for second in range(1, LENGTH_S + 1):
        skin.step(power_w, 0.5)
        skin.step(power_w, 0.5)
        if second >= FROM_S and second % EVERY_S == 0:
            rows.append((skin.core_degc, skin.face(), skin.skin_degc))
    return np.array(rows)


# Misses of what is stated, 0.04 and at most 0.16 C, at powers it may not have meant: the RMSE of
# both, the largest error of the second. What was measured there, and no more.
MISSED_C = {1.0: (0.09, MOST_C), 4.0: (0.10, 0.21)}


@pytest.mark.parametrize("finer", [1, 3])
@pytest.mark.parametrize("power_w", [2.0, 2.78])
def test_lumped_model_agrees_with_43_layers(power_w: float, finer: int) -> None:
    rmse, most = disagreement(power_w, finer)
    assert (rmse <= RMSE_C).all()
    assert (most <= MOST_C).all()


@pytest.mark.parametrize("power_w", MISSED_C)
def test_lumped_model_misses_what_is_stated_by_no_more_than_was_measured(power_w: float) -> None:
    rmse, most = disagreement(power_w)
    rmse_c, most_c = MISSED_C[power_w]
    assert RMSE_C < rmse.max() <= rmse_c
    assert most.max() <= most_c
    assert (most.max() > MOST_C) == (most_c > MOST_C)


def disagreement(power_w: float, finer: int = 1) -> tuple[Array, Array]:
    """Return RMSE and largest error of core, face and skin of the nominal wearer."""
    slow = _slow()
    layers = slow.Layers([(*layer[:5], layer[5] * finer) for layer in slow.LAYERS])
    assert len(layers.degc) == 43 * finer
    start, truth = heated(layers, power_w, 1.0 / finer)
    assert start["skin_degc"] == pytest.approx(START["skin_degc"], abs=0.05)
    error = lumped({**NOMINAL, **AIR, **start}, power_w) - truth
    rmse, most = np.sqrt((error**2).mean(axis=0)), abs(error).max(axis=0)
    print(f"\n{power_w} W, {43 * finer} nodes: RMSE {rmse.round(3)}, most {most.round(3)}")
    return rmse, most


def fit_error(layers: Any, power_w: float = 2.78) -> tuple[float, float]:
    """Fit the lumped model's row to a wearer; return RMSE and the largest error."""
    start, truth = heated(layers, power_w)
    names = [*NOMINAL, "deep_degc"]
    fixed = {"ambient_degc": layers.ambient_degc, "blood_degc": layers.blood_degc, **start}
    first = np.log([NOMINAL.get(name, start["deep_degc"]) for name in names])

    def error(logs: Array) -> Array:
        values = dict(zip(names, np.exp(logs).tolist(), strict=True))
        return np.asarray((lumped({**fixed, **values}, power_w) - truth).ravel())

    reach = np.array([math.log(6.0)] * len(NOMINAL) + [0.1])
    best = least_squares(error, first, bounds=(first - reach, first + reach), max_nfev=30)
    return math.sqrt((best.fun**2).mean()), float(abs(best.fun).max())


def others(n_wearers: int) -> Array:
    slow = _slow()
    rng = np.random.default_rng(43)
    found = np.array([fit_error(slow.random_layers(rng)) for _ in range(n_wearers)])
    share = np.percentile(found, 95, axis=0)
    print(f"\n{n_wearers} wearers, 95th percentile: RMSE {share[0]:.3f}, most {share[1]:.3f} C")
    return share


def test_lumped_model_fits_some_other_wearers() -> None:
    assert (others(2) <= (OTHERS_RMSE_C, OTHERS_MOST_C)).all()


@pytest.mark.full
def test_lumped_model_fits_sixty_other_wearers() -> None:
    assert (others(60) <= (OTHERS_RMSE_C, OTHERS_MOST_C)).all()


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


def _slow() -> Any:
    path = Path(__file__).parent / "skin_layers.py"
    spec = importlib.util.spec_from_file_location("skin_layers", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
