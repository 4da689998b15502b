"""Turns frames in the capture ring into stream packets."""

from array import array

from faceloop_device.core import kernels
from faceloop_protocol.limits import (
    HEADER_BYTES,
    MAX_PACKET_BYTES,
    MAX_PAYLOAD_BYTES,
    N_CHANNELS,
)
from faceloop_protocol.stream import FLAG_HALF_RATE, KIND

_PAIR_WORDS = 512  # a power of two that holds the means of MAX_FRAMES pairs, nine words each


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
        self.packet[0] = KIND
        self.length = 0
        self._scratch = array("i", [0] * (N_CHANNELS * kernels.ROW))
        self._pairs = array("I", [0] * _PAIR_WORDS)

    def encode(self, word, n_frames, flags, seq, first_frame, dropped):
        """Encode as many of ``n_frames`` (1-40) frames from ``word`` on as one packet holds.

        Returns
        -------
        int
            Frames in the packet; it is ``packet[:length]``.
        """
        return self._encode(
            self._words, self._word_mask, word, n_frames, flags, seq, first_frame, dropped
        )

    def encode_pairs(self, word, n_pairs, flags, seq, first_frame, dropped):
        """Encode the means of pairs of frames; otherwise like ``encode``.

        Returns
        -------
        int
            Pairs in the packet.
        """
        kernels.halve(self._words, self._word_mask, word, n_pairs, self._pairs)
        flags |= FLAG_HALF_RATE
        return self._encode(
            self._pairs, _PAIR_WORDS - 1, 0, n_pairs, flags, seq, first_frame, dropped
        )

    def _encode(self, words, word_mask, word, n_frames, flags, seq, first_frame, dropped):
        width = 24 - self.shift
        scratch = self._scratch
        kernels.fold(word, 0, 0, words, word_mask, n_frames, self.shift, scratch)
        folded = n_frames
        while True:
            bits = kernels.cost(0, 0, 0, scratch, folded, n_frames, width)
            if bits <= MAX_PAYLOAD_BYTES * 8:
                break
            folded = n_frames
            fewer = n_frames * (MAX_PAYLOAD_BYTES * 8) // bits
            n_frames = fewer if fewer < n_frames else n_frames - 1
        packet = self.packet
        flags |= self.shift
        kernels.head(
            word, 0, 0, words, word_mask, n_frames, packet, flags, seq, first_frame, dropped
        )
        self.length = kernels.emit(0, 0, 0, scratch, n_frames, width, packet, HEADER_BYTES)
        return n_frames
