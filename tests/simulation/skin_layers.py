"""A slow reference for the lumped model: pad and skin in 43 layers, backward Euler.

One dimension, Pennes perfusion in dermis, fat and muscle. Nominal values: fat and muscle of a
common tissue table, skin of the same family. Without lateral spread and sweat; not compared with
skin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solve_banded

# thickness m, conductivity W/mK, heat capacity J/m3K, perfusion 1/s, metabolism W/m3, nodes
LAYERS = (
    (2.0e-3, 0.052, 240e3, 0.0, 0.0, 6),  # cover foam
    (0.8e-3, 0.25, 1625e3, 0.0, 0.0, 4),  # heater silicone
    (0.7e-3, 0.08, 455e3, 0.0, 0.0, 4),  # fabric, then a contact resistance
    (0.08e-3, 0.24, 4129e3, 0.0, 0.0, 2),  # epidermis
    (1.4e-3, 0.37, 3761e3, 1.96e-3, 1830.0, 8),  # dermis
    (3.5e-3, 0.21, 2139e3, 0.50e-3, 464.0, 9),  # fat
    (8.0e-3, 0.49, 3729e3, 0.67e-3, 992.0, 10),  # muscle
)
CONTACT = 0.006  # m2K/W between fabric and epidermis
BLOOD = 3.80e6  # J/m3K
OUTER = 9.0  # W/m2K
# Where in the contact a sensor sits, 0 at the skin, 1 at the fabric: not stated. The fits of the
# analysis read 0.21 of the way from skin to core (2.3), and this is where that is.
SENSOR_AT = 0.54
FOAM, SILICONE, FABRIC, DERMIS = 0, 1, 2, 4
AREA_M2 = 0.01
DILATION = 4.4  # 5.4 times the flow at 42 C
LAG_S = 240.0

# Thickness in mm, conductivity and dermal flow, contact, outer h, dilation, lag: ranges of 2.1.
MM = ((1.0, 4.0), (0.5, 1.2), (0.4, 1.2), (0.05, 0.12), (0.9, 2.0), (1.0, 8.0), (5.0, 12.0))
W_PER_MK = {0: (0.045, 0.06), 2: (0.05, 0.12), 4: (0.32, 0.45), 5: (0.18, 0.24), 6: (0.42, 0.55)}


def random_layers(rng: np.random.Generator) -> Layers:
    """Return a wearer whose every layer is drawn on its own, log-uniform between 5 and 95 pct."""

    def between(low: float, high: float) -> float:
        return float(low * (high / low) ** rng.uniform())

    layers = []
    for at, (_, conductivity, heat, flow, made, n) in enumerate(LAYERS):
        k = between(*W_PER_MK[at]) if at in W_PER_MK else conductivity
        blood = between(1.0e-3, 4.0e-3) if at == DERMIS else flow
        layers.append((between(*MM[at]) * 1e-3, k, heat, blood, made, n))
    return Layers(
        layers,
        contact=between(0.002, 0.012),
        outer=between(6.0, 15.0),
        dilation=between(0.3, 6.0),
        lag_s=between(120.0, 400.0),
        ambient_degc=float(rng.uniform(18.0, 32.0)),
        blood_degc=float(rng.uniform(36.3, 37.4)),
    )


class Layers:
    """Temperatures of one wearer under a pad of 100 cm2, put on bare skin as cold as the room.

    Parameters
    ----------
    layers : sequence
        As ``LAYERS``; with three times the nodes in each for a finer one.
    """

    def __init__(
        self,
        layers: Sequence[tuple[float, float, float, float, float, int]] = LAYERS,
        *,
        contact: float = CONTACT,
        outer: float = OUTER,
        dilation: float = DILATION,
        lag_s: float = LAG_S,
        ambient_degc: float = 23.0,
        blood_degc: float = 36.9,
    ) -> None:
        self.ambient_degc, self.blood_degc = ambient_degc, blood_degc
        self.most_dilation, self.lag_s = dilation, lag_s
        thick, conductivity, capacity, perfusion, metabolism = [], [], [], [], []
        self.layer = np.concatenate(
            [np.full(layer[5], index) for index, layer in enumerate(layers)]
        )
        for length, k, heat, flow, made, n in layers:
            thick += [length / n] * n
            conductivity += [k] * n
            capacity += [heat * length / n] * n
            perfusion += [flow * BLOOD * length / n] * n
            metabolism += [made * length / n] * n
        half = np.array(thick) / 2 / np.array(conductivity)
        resistance = half[:-1] + half[1:]
        self.boundary = int(np.flatnonzero(self.layer == FABRIC)[-1])
        resistance[self.boundary] += contact
        self.g = 1.0 / resistance
        self.to_air = 1.0 / (1.0 / outer + half[0])
        self.to_deep = 1.0 / half[-1]
        self.capacity = np.array(capacity)
        self.flow = np.array(perfusion)
        self.made = np.array(metabolism)
        self.dilation = 0.0
        self.half = half
        self.degc = np.full(len(thick), 34.0)
        # Bare skin in the room, settled; the pad lies there too. Then it is put on.
        on, air = self.g.copy(), self.to_air
        skin = self.boundary + 1
        self.g[self.boundary] = 0.0
        self.to_skin_air = 1.0 / (1.0 / outer + half[skin])
        for _ in range(60):
            self.step(0.0, 300.0)
        self.degc[:skin] = ambient_degc
        self.g, self.to_air, self.to_skin_air = on, air, 0.0

    def step(self, power_w: float, step_s: float) -> None:
        """Advance by one implicit step."""
        flow = self.flow * np.where(self.layer == DERMIS, 1.0 + self.dilation, 1.0)
        capacity = self.capacity / step_s
        right = capacity * self.degc + flow * self.blood_degc + self.made
        heated = self.layer == SILICONE
        right[heated] += power_w / AREA_M2 / heated.sum()
        middle = capacity + flow
        middle[:-1] += self.g
        middle[1:] += self.g
        bare = self.boundary + 1
        middle[bare] += self.to_skin_air
        right[bare] += self.to_skin_air * self.ambient_degc
        middle[0] += self.to_air
        right[0] += self.to_air * self.ambient_degc
        middle[-1] += self.to_deep
        right[-1] += self.to_deep * (self.blood_degc - 0.2)
        bands = np.zeros((3, len(middle)))
        bands[0, 1:] = bands[2, :-1] = -self.g
        bands[1] = middle
        self.degc = solve_banded((1, 1), bands, right, check_finite=False)
        wide = self.most_dilation * min(max((self.skin_degc() - 34.0) / 8.0, 0.0), 1.1)
        self.dilation += (wide - self.dilation) * step_s / (self.lag_s + step_s)

    def skin_degc(self) -> float:
        """Return the temperature of the skin's surface."""
        at = self.boundary
        flux = self.g[at] * (self.degc[at] - self.degc[at + 1])
        flux += self.to_skin_air * (self.ambient_degc - self.degc[at + 1])
        return float(self.degc[at + 1] + flux * self.half[at + 1])

    def face_degc(self) -> float:
        """Return what a sensor in the contact reads."""
        at = self.boundary
        flux = self.g[at] * (self.degc[at] - self.degc[at + 1])
        fabric_degc = float(self.degc[at] - flux * self.half[at])
        skin_degc = self.skin_degc()
        return skin_degc + SENSOR_AT * (fabric_degc - skin_degc)

    def core_degc(self) -> float:
        """Return the mean temperature of the heater."""
        return float(self.degc[self.layer == SILICONE].mean())
