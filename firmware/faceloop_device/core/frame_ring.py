"""Where the capture stands: absolute frame numbers from a pointer that only knows its ring."""

from faceloop_device.core import kernels
from faceloop_protocol.limits import FS_HZ

WORDS_PER_FRAME = 9
# Positions are moved back by whole rings well before they leave a small integer (2**30).
_REBASE_WORDS = 1 << 28
_WORD_US = 1000000 // FS_HZ // WORDS_PER_FRAME  # of a capture without marks
# The virtual board's capture may be held up on a busy computer, and then catches up. So a whole
# ring that seems to have gone by is believed only when the capture has kept its pace for this long
# and it still does;
_DOUBT_US = 50000
# one that leaps by more than twice its pace and this is catching up;
_LEAP_WORDS = 40 * WORDS_PER_FRAME
# and one that did neither for this long has stood still.
_STANDING_US = 1000000
_UNKNOWN, _WENT_ROUND, _CATCHES_UP, _STANDS = range(4)


class FrameRing:
    """Turns the DMA's position in the ring into frames to encode, and counts what was lost.

    36 bytes a frame do not divide the ring, so positions are absolute word counts and only the
    index into the ring is masked.

    Parameters
    ----------
    words : buffer of 32-bit words
    n_words : int
        A power of two.
    index_step : int
        What one frame counts in the index: 2 where only every second 1/2000 s has one.
    """

    def __init__(self, words, n_words, index_step=1):
        self.words = words
        self.n_words = n_words
        self.index_step = index_step
        self.word_mask = n_words - 1
        self.capacity = n_words // WORDS_PER_FRAME
        self.reset()

    def reset(self):
        """Start at frame 0 with an empty ring."""
        self.read_word = 0
        self._write_word = 0
        self._doubted_us = -1  # since the ring first seemed to have gone round
        self._owed_us = 0  # went by without the words that belong to it
        self._paced_us = 0  # since the position from which the capture's pace is measured
        self._paced_word = 0
        self.frame = 0  # index of the next frame to encode
        self.dropped = 0  # frames lost in here, total
        self.resyncs = 0
        self.slipped = 0  # of them, those that the capture never saw

    def slip(self, n_frames):
        """Move the index on by conversions that never came."""
        n = n_frames * self.index_step
        self.frame += n
        self.dropped += n
        self.slipped += n

    def take_mark(self):
        """Return how many frames the capture says it missed before the next one."""
        return kernels.take_mark(self.words, self.word_mask, self.read_word)

    def restart(self, lost_frames):
        """After the capture lost its place: empty ring, index moved on by the lost frames."""
        self.read_word = 0
        self._write_word = 0
        self._doubted_us = -1
        self._owed_us = 0
        self.frame += lost_frames * self.index_step
        self.dropped += lost_frames * self.index_step
        self.resyncs += 1

    def advance(self, position_word, elapsed_us):
        """Take the DMA's position (0..n_words - 1); return how many whole frames wait.

        ``elapsed_us`` since the last call tells how often the ring went round in between. Returns
        -1 while that is in doubt: then the position was not taken.
        """
        step = (position_word - self._write_word) & self.word_mask
        behind = _words(self._owed_us + elapsed_us) - step
        if behind > self.n_words >> 1:
            verdict = self._doubt(position_word, elapsed_us)
            if verdict == _UNKNOWN:
                self._owed_us += elapsed_us
                return -1
            if verdict == _WENT_ROUND:
                step += (behind + (self.n_words >> 1)) // self.n_words * self.n_words
            self._owed_us = behind * _WORD_US if verdict == _CATCHES_UP else 0
        else:
            self._owed_us = 0
            self._doubted_us = -1
        self._write_word += step
        if self._write_word > _REBASE_WORDS:
            whole_rings = self.read_word & ~self.word_mask
            self.read_word -= whole_rings
            self._write_word -= whole_rings
        waiting = (self._write_word - self.read_word) // WORDS_PER_FRAME
        if waiting > self.capacity - 2:
            lost = waiting - self.capacity // 2
            self.lose(lost)
            waiting -= lost
        return waiting

    def _doubt(self, position_word, elapsed_us):
        """Judge a capture that seems more than half a ring behind by how it goes on."""
        verdict = _UNKNOWN
        if self._doubted_us < 0:
            self._doubted_us = 0
        else:
            self._doubted_us += elapsed_us
            self._paced_us += elapsed_us
            moved = (position_word - self._paced_word) & self.word_mask
            expected = _words(self._paced_us)
            if moved > 2 * expected + _LEAP_WORDS:
                verdict = _CATCHES_UP
            elif self._paced_us < _DOUBT_US:
                return _UNKNOWN
            elif expected * 3 <= moved * 4 <= expected * 5:
                verdict = _WENT_ROUND
            elif self._doubted_us > _STANDING_US:
                verdict = _STANDS
        self._paced_us = 0
        self._paced_word = position_word
        if verdict == _WENT_ROUND or verdict == _STANDS:
            self._doubted_us = -1
        return verdict

    def settle(self):
        """No time is owed any more: what the next position says is taken as it is."""
        self._owed_us = 0
        self._doubted_us = -1

    def good(self, n_frames):
        """Return how many of the next ``n_frames`` carry the converter's header and no mark."""
        return kernels.count_good(self.words, self.word_mask, self.read_word, n_frames)

    def skip(self, n_frames):
        """Move on by ``n_frames``."""
        self.read_word += n_frames * WORDS_PER_FRAME
        self.frame += n_frames * self.index_step

    def lose(self, n_frames):
        """Move on by ``n_frames`` that cannot be used."""
        self.skip(n_frames)
        self.dropped += n_frames * self.index_step


def _words(us):
    return us * FS_HZ // 1000000 * WORDS_PER_FRAME
