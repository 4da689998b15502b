"""A slow reference for the lumped model: pad and skin in 43 layers, backward Euler.

One dimension, Pennes perfusion in dermis, fat and muscle. Nominal values: fat and muscle of a
common tissue table, skin of the same family. Without lateral spread and sweat; not compared with
skin.
"""

from __future__ import annotations

import numpy as np

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
FOAM, SILICONE, FABRIC, DERMIS = 0, 1, 2, 4
AREA_M2 = 0.01
DILATION = 4.4  # 5.4 times the flow at 42 C
LAG_S = 240.0


class Layers:
    """Temperatures of one nominal wearer under a pad of 100 cm2."""

    def __init__(self, ambient_degc: float = 23.0, blood_degc: float = 36.9) -> None:
        self.ambient_degc, self.blood_degc = ambient_degc, blood_degc
        thick, conductivity, self.capacity, perfusion, metabolism = [], [], [], [], []
        self.layer = np.concatenate(
            [np.full(layer[5], index) for index, layer in enumerate(LAYERS)]
        )
        for length, k, heat, flow, made, n in LAYERS:
            thick += [length / n] * n
            conductivity += [k] * n
            self.capacity += [heat * length / n] * n
            perfusion += [flow * BLOOD * length / n] * n
            metabolism += [made * length / n] * n
        half = np.array(thick) / 2 / np.array(conductivity)
        resistance = half[:-1] + half[1:]
        self.boundary = int(np.flatnonzero(self.layer == FABRIC)[-1])
        resistance[self.boundary] += CONTACT
        self.g = 1.0 / resistance
        self.to_air = 1.0 / (1.0 / OUTER + half[0])
        self.to_deep = 1.0 / half[-1]
        self.flow = np.array(perfusion)
        self.made = np.array(metabolism)
        self.dilation = 0.0
        self.half = half
        self.degc = np.full(len(thick), 34.0)
        for _ in range(60):  # settle without heat
            self.step(0.0, 300.0)

    def step(self, power_w: float, step_s: float) -> None:
        """Advance by one implicit step."""
        n = len(self.degc)
        flow = self.flow * np.where(self.layer == DERMIS, 1.0 + self.dilation, 1.0)
        capacity = np.array(self.capacity) / step_s
        matrix = np.diag(capacity + flow)
        right = capacity * self.degc + flow * self.blood_degc + self.made
        heated = self.layer == SILICONE
        right[heated] += power_w / AREA_M2 / heated.sum()
        for i in range(n - 1):
            matrix[i, i] += self.g[i]
            matrix[i + 1, i + 1] += self.g[i]
            matrix[i, i + 1] -= self.g[i]
            matrix[i + 1, i] -= self.g[i]
        matrix[0, 0] += self.to_air
        right[0] += self.to_air * self.ambient_degc
        matrix[-1, -1] += self.to_deep
        right[-1] += self.to_deep * (self.blood_degc - 0.2)
        self.degc = np.linalg.solve(matrix, right)
        wide = DILATION * min(max((self.skin_degc() - 34.0) / 8.0, 0.0), 1.1)
        self.dilation += (wide - self.dilation) * step_s / (LAG_S + step_s)

    def skin_degc(self) -> float:
        """Return the temperature of the skin's surface."""
        at = self.boundary
        flux = self.g[at] * (self.degc[at] - self.degc[at + 1])
        return float(self.degc[at + 1] + flux * self.half[at + 1])

    def face_degc(self) -> float:
        """Return what a sensor in the contact reads: half way from fabric to skin."""
        at = self.boundary
        flux = self.g[at] * (self.degc[at] - self.degc[at + 1])
        fabric_degc = float(self.degc[at] - flux * self.half[at])
        return (fabric_degc + self.skin_degc()) / 2

    def core_degc(self) -> float:
        """Return the mean temperature of the heater."""
        return float(self.degc[self.layer == SILICONE].mean())
