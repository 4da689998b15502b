"""Wearers: the nominal one, and random ones within the ranges of the 43-layer model.

Columns of the table: fits of the lumped model to 60 random wearers of the layer model, for a pad
of 100 cm2. Samples are log-uniform between 5th and 95th percentile, correlated as the fits were;
that is slightly too hot at the top, which suits a stress test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from faceloop.twin.heat._skin import Skin

__all__ = [
    "NOMINAL",
    "RAIL_LOAD",
    "RANGES",
    "Wearer",
    "make_skin",
    "nominal_wearer",
    "random_wearer",
]

NOMINAL: Mapping[str, float] = {
    "c1": 18.0,
    "c2": 62.0,
    "c3": 250.0,
    "g1a": 0.0655,
    "g12": 0.66,
    "g23": 0.65,
    "g3b": 1.13,
    "gb": 0.058,
    "rho": 0.21,
    "vmax": 4.4,
    "tv_s": 240.0,
}
"""Capacities in J/K, conductances in W/K, for 100 cm2."""

RANGES: Mapping[str, tuple[float, float]] = {
    "c1": (13.0, 26.0),
    "c2": (47.0, 80.0),
    "c3": (103.0, 465.0),
    "g1a": (0.043, 0.099),
    "g12": (0.38, 1.20),
    "g23": (0.41, 1.10),
    "g3b": (0.22, 2.34),
    "gb": (0.012, 0.140),
    "rho": (0.11, 0.30),
    "vmax": (0.3, 6.0),
    "tv_s": (120.0, 400.0),
}

# Order of the correlated ones, and their correlations. Those not given follow by way of g3b, g23.
_CORRELATED = ("c2", "c3", "g23", "g3b")
_CORRELATIONS = np.array(
    [
        [1.0, -0.5, -0.7, -0.56],
        [-0.5, 1.0, 0.72, 0.9],
        [-0.7, 0.72, 1.0, 0.8],
        [-0.56, 0.9, 0.8, 1.0],
    ]
)
_SCALED_WITH_AREA = ("c1", "c2", "c3", "g1a", "g12", "g23", "g3b", "gb")

REFERENCE_AREA_CM2 = 100
RAIL_LOAD = 0.003
"""Most that the two rails part by from no heat to full power, as a share: a requirement of the
board (hardware/heat.md). Heat flows from the cell, past both regulators."""


@dataclass(frozen=True)
class Wearer:
    """One person with one board.

    Attributes
    ----------
    skin : mapping of str to float
        As ``NOMINAL``, for 100 cm2.
    ambient_degc, blood_degc : float
    cell_v : float
        Open-circuit voltage of the cell.
    heater_share : float
        Resistance of the heater, as a share of the nominal one.
    sensor_errors_degc : tuple of 5 float
        Of A, C, Z, B, H.
    hw1_error_degc, hw2_error_degc : float
        Of the two cut-offs.
    rail_load : float
        Share by which the 3.3 V change against the rail of sensor H, from no heat to full power.
    """

    skin: Mapping[str, float] = field(default_factory=lambda: dict(NOMINAL))
    ambient_degc: float = 23.0
    blood_degc: float = 36.9
    cell_v: float = 3.9
    heater_share: float = 1.0
    sensor_errors_degc: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    hw1_error_degc: float = 0.0
    hw2_error_degc: float = 0.0
    rail_load: float = 0.0


def nominal_wearer() -> Wearer:
    """Return the nominal wearer, with a board without errors."""
    return Wearer()


def random_wearer(rng: np.random.Generator) -> Wearer:
    """Return a wearer and a board within their ranges."""
    share: dict[str, float] = {}
    latent: NDArray[np.float64] = rng.multivariate_normal(np.zeros(4), _CORRELATIONS)
    for name, value in zip(_CORRELATED, latent, strict=True):
        # Not SciPy's: loading that would take a quarter of a board's start.
        share[name] = NormalDist().cdf(float(value))
    skin = {}
    for name, (low, high) in RANGES.items():
        where = share.get(name)
        if where is None:
            where = float(rng.uniform())
        skin[name] = float(low * (high / low) ** where)
    errors = rng.uniform(-0.3, 0.3, 5)
    return Wearer(
        skin=skin,
        ambient_degc=float(rng.uniform(18.0, 32.0)),
        blood_degc=float(rng.uniform(36.3, 37.4)),
        cell_v=float(rng.uniform(3.75, 4.2)),
        heater_share=float(rng.uniform(0.95, 1.05)),
        sensor_errors_degc=tuple(float(error) for error in errors),
        hw1_error_degc=float(rng.uniform(-0.6, 0.6)),
        hw2_error_degc=float(rng.uniform(-1.5, 1.5)),
        # From a generator of its own: all others draw what they drew before there was this one.
        rail_load=float(rng.spawn(1)[0].uniform(-RAIL_LOAD, RAIL_LOAD)),
    )


def make_skin(wearer: Wearer, area_cm2: int) -> Skin:
    """Return the wearer's skin under a pad that has been on, without heat, for a long time."""
    values = dict(wearer.skin)
    for name in _SCALED_WITH_AREA:
        values[name] *= area_cm2 / REFERENCE_AREA_CM2
    values["ambient_degc"] = wearer.ambient_degc
    values["blood_degc"] = wearer.blood_degc
    dilation = 0.0
    for _ in range(20):
        core, skin, deep = _steady(values, dilation)
        before = dilation
        dilation = values["vmax"] * min(max((skin - 34.0) / 8.0, 0.0), 1.1)
        if abs(dilation - before) < 1e-9:
            break
    values.update(core_degc=core, skin_degc=skin, deep_degc=deep, dilation=dilation)
    return Skin(values)


def _steady(v: Mapping[str, float], dilation: float) -> tuple[float, float, float]:
    """Return core, skin and deep temperature without heat."""
    blood = v["gb"] * (1.0 + dilation)
    matrix = np.array(
        [
            [v["g1a"] + v["g12"], -v["g12"], 0.0],
            [-v["g12"], v["g12"] + v["g23"] + blood, -v["g23"]],
            [0.0, -v["g23"], v["g23"] + v["g3b"]],
        ]
    )
    sources = np.array(
        [
            v["g1a"] * v["ambient_degc"],
            blood * v["blood_degc"],
            v["g3b"] * v["blood_degc"],
        ]
    )
    core, skin, deep = np.linalg.solve(matrix, sources)
    return float(core), float(skin), float(deep)
