"""Memory for a DMA ring, which has to begin at a multiple of its size."""

import gc

import uctypes

_TRIES = 4


def aligned(n_bytes):
    """Return a buffer of ``n_bytes``, a power of two, whose address is a multiple of that.

    What lies before such an address is filled while the buffer is made right behind it, and is
    free again afterwards. Where the heap does not go along with that, twice the memory is taken.
    """
    fillings = []
    for _ in range(_TRIES):
        gc.collect()
        buffer = bytearray(n_bytes)
        missing = -uctypes.addressof(buffer) & (n_bytes - 1)
        if not missing:
            return buffer
        del buffer
        gc.collect()
        fillings.append(bytearray(n_bytes + missing))  # too large for any hole before
    raw = bytearray(2 * n_bytes)
    missing = -uctypes.addressof(raw) & (n_bytes - 1)
    return memoryview(raw)[missing : missing + n_bytes]
