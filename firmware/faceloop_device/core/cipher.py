"""AES-CTR of stream payloads, built from ECB: stock boards have no CTR mode."""

import cryptolib

from faceloop_device.core import kernels
from faceloop_protocol.limits import HEADER_BYTES
from faceloop_protocol.stream import counter_block

_MODE_ECB = 1
_BLOCKS = 14  # 14 * 16 = 224 bytes cover the longest payload


class StreamCipher:
    """Encrypts a packet's payload in place; allocates nothing per packet."""

    def __init__(self, key):
        self._aes = cryptolib.aes(key, _MODE_ECB)
        self._blocks = bytearray(16 * _BLOCKS)
        self._keystream = bytearray(16 * _BLOCKS)
        for i in range(_BLOCKS):
            self._blocks[16 * i : 16 * i + 16] = counter_block(0, 0)
            self._blocks[16 * i + 15] = i
        blocks = memoryview(self._blocks)
        keystream = memoryview(self._keystream)
        self._block_views = [blocks[: 16 * n] for n in range(_BLOCKS + 1)]
        self._key_views = [keystream[: 16 * n] for n in range(_BLOCKS + 1)]

    def apply(self, packet, length, stream_id, first_frame):
        """Encrypt ``packet[13:length]`` in place."""
        n_bytes = length - HEADER_BYTES
        n_blocks = (n_bytes + 15) >> 4
        kernels.number_blocks(self._blocks, stream_id, first_frame, n_blocks)
        self._aes.encrypt(self._block_views[n_blocks], self._key_views[n_blocks])
        kernels.xor(packet, HEADER_BYTES, self._keystream, n_bytes)
