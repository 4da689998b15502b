"""Conversions that the capture never saw: a slip of the frame count against the clock.

A missed data-ready pulse leaves no trace in the frames; every later one is just half a millisecond
late. It shows only in the long run. The converter's crystal is off by an unknown, slowly changing
part in a thousand, so the count cannot be compared with the time directly: in each window the
least distance between the two is kept, and a step in those distances, beside their steady drift,
is a slip. A program that looks late makes distances larger, never smaller.
"""

from array import array

from faceloop_protocol.limits import FS_HZ

_PERIOD_US = 1000000 // FS_HZ
WINDOW_US = 1000000
_HALF = 4  # windows on each side of a step
_WINDOWS = 2 * _HALF
_RUNS = 2 * (_HALF - 1)
# Windows must lie this close to two parallel lines, and the lines this close to whole frames
# apart. A quarter of a frame: two such errors still do not make one frame out of none.
_TOLERANCE_US = _PERIOD_US // 4
# The drift, in microseconds a second, is taken out in small steps beside what is known, or with
# a fresh start where it is far off.
_LEAST_FOLLOWED_US = 5
_MOST_FOLLOWED_US = 50
_CROOKED_US = 200  # a slip inside one half bends its line by more than this
_UNKNOWN = 0x3FFFFFFF


class SlipWatch:
    """Finds slips by integers that stay small; allocates nothing.

    A slip is found four to five windows after it happened.
    """

    def __init__(self):
        self._least = array("i", [0] * _WINDOWS)
        self.reset()

    def reset(self):
        """Start afresh: a new run of the converter."""
        self._n = 0
        self._distance_us = 0
        self._drift_us = 0  # a second, taken out of the distance
        self._drift_rest = 0
        self._window_us = 0
        self._least_us = _UNKNOWN

    def look(self, elapsed_us, n_frames):
        """Take ``n_frames`` that came in the last ``elapsed_us``; return how many slipped by.

        Both are counted up to the same moment; the time is read after the frames are counted.
        """
        self._drift_rest += elapsed_us * self._drift_us
        drifted_us = self._drift_rest // WINDOW_US
        self._drift_rest -= drifted_us * WINDOW_US
        self._distance_us += elapsed_us - drifted_us - n_frames * _PERIOD_US
        if self._distance_us < self._least_us:
            self._least_us = self._distance_us
        self._window_us += elapsed_us
        if self._window_us < WINDOW_US:
            return 0
        self._window_us %= WINDOW_US  # windows keep their pace: the drift in each is the same
        least = self._least
        if self._n == _WINDOWS:
            for i in range(_WINDOWS - 1):
                least[i] = least[i + 1]
            self._n -= 1
        least[self._n] = self._least_us
        self._n += 1
        self._least_us = _UNKNOWN
        return self._judge() if self._n == _WINDOWS else 0

    def _judge(self):
        least = self._least
        # Both lines have one slope, taken from within each half so that the step is not in it.
        rise = least[_HALF - 1] - least[0] + least[_WINDOWS - 1] - least[_HALF]
        step = 0
        crooked_us = 0
        for i in range(_HALF):
            straight = i * rise // _RUNS
            crooked_us = max(
                crooked_us,
                abs(least[i] - least[0] - straight),
                abs(least[i + _HALF] - least[_HALF] - straight),
            )
            step += least[i + _HALF] - least[i] - _HALF * rise // _RUNS
        step //= _HALF
        n_slipped = (step + _PERIOD_US // 2) // _PERIOD_US
        if abs(step - n_slipped * _PERIOD_US) > _TOLERANCE_US:
            return 0
        if n_slipped == 0:
            self._follow_drift(rise // _RUNS, crooked_us)
            return 0
        if n_slipped < 0 or crooked_us > _TOLERANCE_US:
            return 0
        back_us = n_slipped * _PERIOD_US
        for i in range(_HALF, _WINDOWS):
            least[i] -= back_us
        self._distance_us -= back_us
        return n_slipped

    def _follow_drift(self, more_us, crooked_us):
        # While the distance runs away within a window, few looks decide over its least.
        if abs(more_us) > _MOST_FOLLOWED_US:
            if crooked_us < _CROOKED_US:
                self._drift_us += more_us
                self._n = 0
        elif abs(more_us) >= _LEAST_FOLLOWED_US and crooked_us < _TOLERANCE_US:
            self._drift_us += more_us
            for i in range(_WINDOWS):  # as if it had been known all along
                self._least[i] += more_us * (_WINDOWS - 1 - i)
