from faceloop_dsp._stream import (
    CascadeKernel as CascadeKernel,
)
from faceloop_dsp._stream import (
    StreamKernel as StreamKernel,
)
from faceloop_dsp._stream import (
    cpu_has_v3 as cpu_has_v3,
)
from faceloop_dsp._stream import (
    cusum_block_maxima as cusum_block_maxima,
)
from faceloop_dsp._stream import (
    vector_bytes as vector_bytes,
)

__all__ = ["CascadeKernel", "StreamKernel", "cpu_has_v3", "cusum_block_maxima", "vector_bytes"]
