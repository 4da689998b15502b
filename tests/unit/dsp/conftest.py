"""Synthetic signals of known content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

FS_HZ = 2000
LSB_UV = 2.4 / 12 / (2**23 - 1) * 1e6
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Signals:
    """Generators; times in seconds, amplitudes in microvolts, arrays (n_frames, n_channels)."""

    seed: int = 0

    def white(self, seconds: float, sd_uv: float, n_channels: int = 8, seed: int = 0) -> Floats:
        rng = np.random.default_rng([self.seed, seed])
        return rng.normal(0.0, sd_uv, (round(seconds * FS_HZ), n_channels))

    def emg(self, seconds: float, rms_uv: float, n_channels: int = 8, seed: int = 0) -> Floats:
        """Gaussian noise of Shwedyk's spectrum, corners 45 and 130 Hz."""
        noise = self.white(seconds, 1.0, n_channels, seed + 1000)
        f = np.fft.rfftfreq(noise.shape[0], 1 / FS_HZ)[:, None]
        shape = f / np.sqrt(f**2 + 45.0**2) / (f**2 + 130.0**2)
        x = np.fft.irfft(np.fft.rfft(noise, axis=0) * shape, noise.shape[0], axis=0)
        return np.asarray(rms_uv * x / x.std(axis=0))

    def mains(self, seconds: float, hz: float | Floats, peak_uv: float) -> Floats:
        """A line with odd harmonics, one column; ``hz`` may change with each frame."""
        n = round(seconds * FS_HZ)
        phase = np.cumsum(np.broadcast_to(np.asarray(hz, float), n)) / FS_HZ
        parts = [(1, 1.0), (2, 0.05), (3, 0.3), (5, 0.2), (7, 0.05)]
        total = np.sum([a * np.sin(2 * np.pi * k * phase + k) for k, a in parts], axis=0)
        return np.asarray(peak_uv * total[:, None])

    def counts(self, uv: Floats) -> NDArray[np.int32]:
        return np.ascontiguousarray(np.clip(np.round(uv / LSB_UV), -(2**23), 2**23 - 1), np.int32)


@pytest.fixture
def signals() -> Signals:
    return Signals()
