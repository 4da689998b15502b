"""Signal sources for tests of the virtual board."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class CounterSource:
    """Channel c of frame n is ``16 * n + c``: any frame lost, doubled or shifted shows."""

    fs_hz = 2000.0
    n_channels = 8
    labels = tuple(f"count {i + 1}" for i in range(8))
    warnings: tuple[str, ...] = ()
    onsets: tuple[object, ...] = ()
    lead_off = (0, 0)

    def __init__(self, n_samples: int | None = None) -> None:
        self.n_samples = n_samples
        self.position = 0
        self.rewinds = 0

    def read(self, n: int) -> npt.NDArray[np.int32]:
        end = self.position + n
        if self.n_samples is not None:
            end = min(end, self.n_samples)
        frames = np.arange(self.position, end)
        self.position = end
        return (16 * frames[:, None] + np.arange(8)).astype(np.int32)

    def rewind(self) -> None:
        self.position = 0
        self.rewinds += 1


class FakeClock:
    """Seconds that pass only when told."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds
