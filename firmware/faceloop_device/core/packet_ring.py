"""Packets that the host may still ask for: one byte ring, the oldest make room for new ones."""

import struct
from array import array

from faceloop_device.core.kernels import copy
from faceloop_protocol.stream import FLAG_HALF_RATE

_FLAGS_AT = 1  # places in a packet's header
_N_FRAMES_AT = 12


class PacketRing:
    """Ring of packets addressed by their running number (unwrapped seq).

    Parameters
    ----------
    n_bytes : int
        Size of the ring, allocated once.
    n_packets : int
        Most packets it can hold, a power of two.
    """

    def __init__(self, n_bytes, n_packets=2048):
        self.buffer = bytearray(n_bytes)
        self._size = n_bytes
        self._index_mask = n_packets - 1
        self._unit_bits = 0  # packets begin at multiples of so many bytes: offsets fit 16 bits
        while n_bytes >> self._unit_bits > 0xFFFF:
            self._unit_bits += 1
        self._unit_mask = (1 << self._unit_bits) - 1
        self._offset = array("H", bytes(2 * n_packets))
        self._length = bytearray(n_packets)
        self.oldest = 0
        self.head = 0
        self._write_at = 0
        self.used_bytes = 0
        self.evicted_frames = 0  # pushed out before the host had them on disk

    def clear(self):
        """Forget everything and start again at number 0."""
        self.oldest = self.head = self._write_at = self.used_bytes = self.evicted_frames = 0

    def put(self, packet, length):
        """Store ``packet[:length]`` as number ``head``; the oldest packets make room."""
        at = self._write_at
        if at + length > self._size:
            # a packet never wraps: the rest of the ring stays empty
            while self.oldest < self.head and self.offset(self.oldest) >= at:
                self._evict_oldest()
            at = 0
        while self.oldest < self.head:
            start = self.offset(self.oldest)
            if not (at <= start < at + length) and self.head - self.oldest <= self._index_mask:
                break
            self._evict_oldest()
        copy(self.buffer, at, packet, 0, length)
        slot = self.head & self._index_mask
        self._offset[slot] = at >> self._unit_bits
        self._length[slot] = length
        self._write_at = (at + length + self._unit_mask) & ~self._unit_mask
        self.used_bytes += length
        self.head += 1

    def free_before(self, number):
        """Drop every packet before ``number``; the host has them on disk."""
        while self.oldest < number and self.oldest < self.head:
            self._drop_oldest()

    def offset(self, number):
        """Return where packet ``number`` starts in ``buffer``."""
        return self._offset[number & self._index_mask] << self._unit_bits

    def length(self, number):
        """Return how long packet ``number`` is."""
        return self._length[number & self._index_mask]

    def first_frame(self, number):
        """Return the first frame of packet ``number`` (not for the hot path: allocates)."""
        return struct.unpack_from("<I", self.buffer, self.offset(number) + 4)[0]

    def _evict_oldest(self):
        at = self.offset(self.oldest)
        n_frames = self.buffer[at + _N_FRAMES_AT]
        is_half_rate = self.buffer[at + _FLAGS_AT] & FLAG_HALF_RATE
        self.evicted_frames += 2 * n_frames if is_half_rate else n_frames
        self._drop_oldest()

    def _drop_oldest(self):
        self.used_bytes -= self._length[self.oldest & self._index_mask]
        self.oldest += 1
