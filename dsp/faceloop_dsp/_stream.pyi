from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["StreamKernel", "cusum_block_maxima"]

class StreamKernel:
    def __init__(
        self,
        fs_hz: float,
        n_channels: int,
        scale_measure: float,
        scale_quick: float,
        sections_measure: Sequence[tuple[float, float]],
        sections_quick: Sequence[tuple[float, float]],
        envelope: tuple[float, float, float],
        mains_hz: float,
    ) -> None: ...
    def push(
        self, counts: NDArray[np.int32], want_quick: bool = False
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.int64],
        NDArray[np.float32],
        NDArray[np.float32],
        list[tuple[int, int, bool]],
        NDArray[np.float32] | None,
    ]: ...
    def gap(self, n_frames: int) -> tuple[NDArray[np.int64], list[tuple[int, int, bool]]]: ...
    def set_alert(
        self,
        taps: Sequence[Sequence[float]] | NDArray[np.float64],
        scale_uv: Sequence[float] | NDArray[np.float64],
        threshold: Sequence[float] | NDArray[np.float64],
    ) -> None: ...
    def set_muted(self, mask: int) -> None: ...
    @property
    def frame(self) -> int: ...
    @property
    def active(self) -> int: ...
    @property
    def mains(self) -> tuple[float, float, bool]: ...

def cusum_block_maxima(
    white_uv: NDArray[np.float64],
    scale_uv: NDArray[np.float64],
    block: int,
    ceiling: float,
) -> NDArray[np.float64]: ...
