"""Turns frames in the capture ring into stream packets."""

from array import array

from faceloop_device.core import kernels
from faceloop_protocol.limits import (
    HEADER_BYTES,
    MAX_FRAMES,
    MAX_PACKET_BYTES,
    MAX_PAYLOAD_BYTES,
    N_CHANNELS,
)
from faceloop_protocol.stream import pack_header_into


class Encoder:
    """Rice encoder with its buffers; allocates nothing after it is made.

    Parameters
    ----------
    words : buffer of 32-bit words
        Capture ring, nine words a frame: status, then eight channels, 24 bit right-aligned.
    word_mask : int
        Ring length in words, a power of two, minus one.
    shift : int
        Bits cut off each count.
    """

    def __init__(self, words, word_mask, shift):
        self._words = words
        self._word_mask = word_mask
        self.shift = shift
        self.packet = bytearray(MAX_PACKET_BYTES)
        self.length = 0
        self._scratch = array("i", [0] * (N_CHANNELS * MAX_FRAMES))
        self._ks = bytearray(N_CHANNELS)

    def encode(self, word, n_frames, flags, seq, first_frame, dropped):
        """Encode as many of ``n_frames`` (1-40) frames from ``word`` on as one packet holds.

        Returns
        -------
        int
            Frames in the packet; it is ``packet[:length]``.
        """
        width = 24 - self.shift
        scratch = self._scratch
        kernels.fold(self._words, self._word_mask, word, n_frames, self.shift, scratch)
        while True:
            bits = kernels.cost(scratch, n_frames, width, self._ks)
            if bits <= MAX_PAYLOAD_BYTES * 8:
                break
            fewer = n_frames * (MAX_PAYLOAD_BYTES * 8) // bits
            n_frames = fewer if fewer < n_frames else n_frames - 1
        off = kernels.lead_off(self._words, self._word_mask, word, n_frames)
        pack_header_into(
            self.packet,
            flags | self.shift,
            seq,
            first_frame,
            dropped,
            off >> 8,
            off & 0xFF,
            n_frames,
        )
        self.length = kernels.emit(scratch, n_frames, width, self._ks, self.packet, HEADER_BYTES)
        return n_frames
