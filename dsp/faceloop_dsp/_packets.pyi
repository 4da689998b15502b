import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["decode_payload"]

def decode_payload(payload: Buffer, n_frames: int, shift: int) -> NDArray[np.int32]: ...
