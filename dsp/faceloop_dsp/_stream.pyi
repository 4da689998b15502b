from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

from faceloop_dsp.kernel import CascadeSetup, Setup

__all__ = ["CascadeKernel", "StreamKernel", "cpu_has_v3", "cusum_block_maxima", "vector_bytes"]

class CascadeKernel:
    def __init__(self, setup: CascadeSetup, is_double: bool = False) -> None: ...
    def push(self, counts: NDArray[np.int32]) -> dict[str, NDArray[Any]]: ...

class StreamKernel:
    hops: NDArray[np.float32] | NDArray[np.float64]
    trace: NDArray[np.float32] | NDArray[np.float64] | None
    quick: NDArray[np.float32] | NDArray[np.float64] | None
    wants_quick: bool
    def __init__(
        self, setup: Setup, is_double: bool = False, wants_trace: bool = True
    ) -> None: ...
    def push(self, counts: NDArray[np.int32]) -> int: ...
    def push_frames24(self, data: Buffer) -> int: ...
    def push_packet(self, payload: Buffer, n_frames: int, shift: int) -> int: ...
    def copies(
        self, n_hops: int, n_frames: int
    ) -> tuple[
        NDArray[np.float32] | None,
        NDArray[np.float32],
        NDArray[np.float32],
        NDArray[np.float32],
        NDArray[np.float32],
        NDArray[np.float32],
    ]: ...
    def gap(self, n_frames: int) -> int: ...
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
    @property
    def n_events(self) -> int: ...
    @property
    def events(self) -> list[tuple[int, int, bool]]: ...

def cpu_has_v3() -> bool: ...
def vector_bytes() -> int: ...
def cusum_block_maxima(
    white_uv: NDArray[np.float64],
    scale_uv: NDArray[np.float64],
    block: int,
    ceiling: float,
) -> NDArray[np.float64]: ...
