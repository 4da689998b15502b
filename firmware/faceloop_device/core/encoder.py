"""Turns frames in the capture ring into stream packets."""

from array import array

from faceloop_device.core import kernels
from faceloop_protocol.limits import (
    MAX_FRAMES,
    MAX_PACKET_BYTES,
    MAX_PAYLOAD_BYTES,
    N_CHANNELS,
)
from faceloop_protocol.stream import FLAG_HALF_RATE, KIND

_MAX_PAYLOAD_BITS = 8 * MAX_PAYLOAD_BYTES


class Encoder:
    """Rice encoder with its buffers; allocates nothing after it is made.

    After a packet that could not hold all its frames the next ones are tried with a few more than
    it held.

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
        self._most = MAX_FRAMES
        self._scratch = array("i", [0] * (N_CHANNELS * kernels.ROW))
        self._piece = array("I", [0] * (9 * MAX_FRAMES))

    def encode(self, word, n_frames, flags, seq, first_frame, dropped, words=None):
        """Encode as many of ``n_frames`` (1-40) frames from ``word`` on as one packet holds.

        Returns
        -------
        int
            Frames in the packet; it is ``packet[:length]``.
        """
        # One that is much longer than the last would not fit, and trying costs time.
        most = self._most
        if n_frames > most:
            n_frames = most
        if words is None:
            words = self._words
            mask = self._word_mask
            word &= mask
            if word + 9 * n_frames > mask:
                kernels.straighten(words, mask, word, 9 * n_frames, self._piece)
                words = self._piece
                word = 0
        shift = self.shift
        scratch = self._scratch
        kernels.fold(0, 0, 0, words, word, n_frames, shift, scratch)
        n = kernels.fit(0, 0, 0, scratch, n_frames, 24 - shift, _MAX_PAYLOAD_BITS)
        if n < n_frames or n == most:
            self._most = n + (n >> 4) + 1
        self.length = kernels.emit(
            0,
            0,
            0,
            scratch,
            n,
            24 - shift,
            self.packet,
            words,
            word,
            flags | shift,
            seq,
            first_frame,
            dropped,
        )
        return n

    def encode_pairs(self, word, n_pairs, flags, seq, first_frame, dropped):
        """Encode the means of pairs of frames; otherwise like ``encode``.

        Returns
        -------
        int
            Pairs in the packet.
        """
        kernels.halve(self._words, self._word_mask, word, n_pairs, self._piece)
        flags |= FLAG_HALF_RATE
        return self.encode(0, n_pairs, flags, seq, first_frame, dropped, self._piece)
