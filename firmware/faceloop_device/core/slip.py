"""Conversions that the capture never saw: a slip of the frame count against the clock.

A missed data-ready pulse leaves no trace in the frames; every later one is just half a millisecond
late. It shows only in the long run. The converter's clock is off by an unknown, slowly changing
part in a thousand, so the count cannot be compared with the time directly: in each second the
least distance between the two is kept, and followed like a line. A step of whole frames that
stays is a slip. A program that looks late makes distances larger, never smaller.
"""

from array import array

from faceloop_protocol.limits import FS_HZ

_PERIOD_US = 1000000 // FS_HZ
_WINDOW_US = 1000000
_LEARNT_FROM = 8  # windows
_JUDGED_BY = 4  # windows that are off the line by the same step before it counts
# Beside the line is further away than this: half a frame.
_ASIDE_US = _PERIOD_US // 2
# The distances of a step scatter by no more than this (a busy virtual board: 100 us) ...
_SCATTER_US = 200
# ... and their mean is this close to whole frames.
_TOLERANCE_US = _PERIOD_US // 4
_LEARNT_US = 60  # the drift is known this well, in microseconds a second, when following begins
# On a computer so busy that windows differ by more than this on average, nothing is told apart.
_NOISE_US = 120
_MOST_NOISE_US = 300  # a single difference counts no more than this: a step is no noise
_LOST_WINDOWS = 6  # beside the line for so long, and not by a step: learn anew
_UNKNOWN = 0x3FFFFFFF


class SlipWatch:
    """Finds slips by integers that stay small; allocates nothing.

    It learns drift and noise in the first 15 to 25 seconds of a run, and finds a slip four to five
    seconds after it happened.
    """

    def __init__(self):
        self._kept = array("i", [0] * _LEARNT_FROM)
        self.reset()

    def reset(self):
        """Start afresh: a new run of the converter."""
        self._distance_us = 0
        self._drift_us = 0  # a second, taken out of the distance
        self._drift_rest = 0
        self._window_us = 0
        self._least_us = _UNKNOWN
        self._line_us = 0
        self._noise_us = 0  # sixteen times the mean difference from window to window
        self._before_us = 0
        self._is_learning = True
        self._n = -1  # the converter's start-up is in the first window

    def look(self, elapsed_us, n_frames):
        """Take ``n_frames`` that came in the last ``elapsed_us``; return how many slipped by.

        Both are counted up to the same moment; the time is read after the frames are counted.
        """
        self._drift_rest += elapsed_us * self._drift_us
        drifted_us = self._drift_rest // _WINDOW_US
        self._drift_rest -= drifted_us * _WINDOW_US
        self._distance_us += elapsed_us - drifted_us - n_frames * _PERIOD_US
        if self._distance_us < self._least_us:
            self._least_us = self._distance_us
        self._window_us += elapsed_us
        if self._window_us < _WINDOW_US:
            return 0
        self._window_us %= _WINDOW_US  # windows keep their pace: the drift in each is the same
        least_us = self._least_us
        self._least_us = _UNKNOWN
        if self._is_learning:
            self._learn(least_us)
            return 0
        return self._follow(least_us - self._line_us)

    def _learn(self, least_us):
        self._keep(least_us)
        if self._n < _LEARNT_FROM:
            return
        half = _LEARNT_FROM // 2
        rise_us = sum_us = 0
        for i in range(half):
            rise_us += self._kept[i + half] - self._kept[i]
            sum_us += self._kept[i + half]
        more_us = rise_us // (half * half)
        self._drift_us += more_us
        self._n = 0
        if abs(more_us) < _LEARNT_US:
            self._line_us = sum_us // half
            self._before_us = 0
            self._noise_us = 24 * _NOISE_US  # trusted only once it has been seen to be quiet
            self._is_learning = False

    def _follow(self, aside_us):
        noise_us = abs(aside_us - self._before_us)
        self._before_us = aside_us
        self._noise_us += min(noise_us, _MOST_NOISE_US) - self._noise_us // 16
        if abs(aside_us) <= _ASIDE_US:
            self._line_us += aside_us // 4
            self._drift_us += aside_us // 32
            self._n = 0
            return 0
        self._keep(aside_us)
        if self._n < _JUDGED_BY:
            return 0
        kept = self._kept
        mean_us = 0
        for i in range(-_JUDGED_BY, 0):
            mean_us += kept[i]
        mean_us //= _JUDGED_BY
        n_slipped = (mean_us + _PERIOD_US // 2) // _PERIOD_US
        step_us = n_slipped * _PERIOD_US
        is_step = n_slipped > 0 and abs(mean_us - step_us) <= _TOLERANCE_US
        for i in range(-_JUDGED_BY, 0):
            if abs(kept[i] - step_us) > _SCATTER_US:
                is_step = False
        if is_step and self._noise_us <= 16 * _NOISE_US:
            self._distance_us -= step_us
            self._before_us -= step_us
            self._n = 0
            return n_slipped
        if self._n >= _LOST_WINDOWS:
            self._is_learning = True
            self._n = 0
        return 0

    def _keep(self, value_us):
        # the newest stands last
        for i in range(_LEARNT_FROM - 1):
            self._kept[i] = self._kept[i + 1]
        self._kept[_LEARNT_FROM - 1] = value_us
        self._n += 1
