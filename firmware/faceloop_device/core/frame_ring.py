"""Where the capture stands: absolute frame numbers from a pointer that only knows its ring."""

from faceloop_device.core import kernels
from faceloop_protocol.limits import FS_HZ

WORDS_PER_FRAME = 9
# Positions are moved back by whole rings well before they leave a small integer (2**30).
_REBASE_WORDS = 1 << 28
# The virtual board's capture may be held up on a busy computer, and then catches up. So a whole
# ring that seems to have gone by is believed only when the capture has kept its pace for this long
# and it still does,
_DOUBT_US = 50000
# and after this long a capture that does not keep its pace has simply stood still.
_STANDING_US = 1000000
_UNKNOWN, _KEPT, _STANDING = range(3)


class FrameRing:
    """Turns the DMA's position in the ring into frames to encode, and counts what was lost.

    36 bytes a frame do not divide the ring, so positions are absolute word counts and only the
    index into the ring is masked.

    Parameters
    ----------
    words : buffer of 32-bit words
    n_words : int
        A power of two.
    """

    def __init__(self, words, n_words):
        self.words = words
        self.n_words = n_words
        self.word_mask = n_words - 1
        self.capacity = n_words // WORDS_PER_FRAME
        self.reset()

    def reset(self):
        """Start at frame 0 with an empty ring."""
        self.read_word = 0
        self._write_word = 0
        self._doubted_us = -1  # elapsed when the ring first seemed to have gone round
        self._paced_us = 0  # elapsed, and position, from which the capture's pace is measured
        self._paced_word = 0
        self.frame = 0  # index of the next frame to encode
        self.dropped = 0  # frames lost in here, total
        self.resyncs = 0
        self.slipped = 0  # of them, those that the capture never saw

    def slip(self, n_frames):
        """Move the index on by conversions that never came."""
        self.frame += n_frames
        self.dropped += n_frames
        self.slipped += n_frames

    def restart(self, lost_frames):
        """After the capture lost its place: empty ring, index moved on by the lost frames."""
        self.read_word = 0
        self._write_word = 0
        self._doubted_us = -1
        self.frame += lost_frames
        self.dropped += lost_frames
        self.resyncs += 1

    def advance(self, position_word, elapsed_us):
        """Take the DMA's position (0..n_words - 1); return how many whole frames wait.

        ``elapsed_us`` since the last position taken tells how often the ring went round in
        between. Returns -1 while that is in doubt: then the position was not taken.
        """
        step = (position_word - self._write_word) & self.word_mask
        expected = elapsed_us * FS_HZ // 1000000 * WORDS_PER_FRAME
        if expected - step > self.n_words >> 1:
            pace = self._pace(position_word, elapsed_us)
            if pace == _UNKNOWN:
                return -1
            if pace == _KEPT:
                step += (expected - step + (self.n_words >> 1)) // self.n_words * self.n_words
        self._doubted_us = -1
        self._write_word += step
        if self._write_word > _REBASE_WORDS:
            whole_rings = self.read_word & ~self.word_mask
            self.read_word -= whole_rings
            self._write_word -= whole_rings
        waiting = (self._write_word - self.read_word) // WORDS_PER_FRAME
        if waiting > self.capacity - 2:
            lost = waiting - self.capacity // 2
            self.skip(lost)
            self.dropped += lost
            waiting -= lost
        return waiting

    def _pace(self, position_word, elapsed_us):
        since_us = elapsed_us - self._paced_us
        if self._doubted_us < 0:
            self._doubted_us = elapsed_us
        elif since_us < _DOUBT_US:
            return _UNKNOWN
        else:
            moved = (position_word - self._paced_word) & self.word_mask
            expected = since_us * FS_HZ // 1000000 * WORDS_PER_FRAME
            if expected * 3 <= moved * 4 <= expected * 5:
                return _KEPT
            if elapsed_us - self._doubted_us > _STANDING_US:
                return _STANDING
        self._paced_us = elapsed_us
        self._paced_word = position_word
        return _UNKNOWN

    def good(self, n_frames):
        """Return how many of the next ``n_frames`` carry the converter's header."""
        return kernels.count_good(self.words, self.word_mask, self.read_word, n_frames)

    def skip(self, n_frames):
        """Move on by ``n_frames``."""
        self.read_word += n_frames * WORDS_PER_FRAME
        self.frame += n_frames
