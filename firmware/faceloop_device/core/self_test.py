"""The front end tests itself: inputs shorted, then the converter's own test signal.

The capture runs as in a session, so that frames, channel order and headers are tested with it.
"""

import asyncio
import math
from array import array

from faceloop_device.core.frame_ring import WORDS_PER_FRAME
from faceloop_device.core.kernels import add_squares
from faceloop_protocol import selftest
from faceloop_protocol.limits import N_CHANNELS
from faceloop_protocol.selftest import MEASURED_FRAMES, SETTLING_FRAMES

_FRAMES = SETTLING_FRAMES + MEASURED_FRAMES
_AT_ONCE = 40  # frames, so that interrupts are served in between
_TIMEOUT_LOOKS = 400
_LOOK_MS = 10


class SelfTest:
    """One test; ``report`` is there when it is over.

    Parameters
    ----------
    capture : object
        As for ``Stream``, and its ``converter``.
    """

    def __init__(self, capture):
        self._capture = capture
        self._sums = array("i", [0] * (5 * N_CHANNELS))
        self.report = None

    async def run(self):
        """Test and return the report; leaves the front end without power."""
        part = self._capture.converter
        noise_nv, gain_ppt, order = [0] * N_CHANNELS, [0] * N_CHANNELS, [0] * N_CHANNELS
        is_known = False
        n_lost = 0
        try:
            spread, n = await self._measure(part.short_inputs)
            is_known = True
            n_lost += n
            noise_nv = [int(counts * part.lsb_fv / 1000000) for counts in spread]
            spread, n = await self._measure(part.connect_test_signal)
            n_lost += n
            expected = part.test_signal_counts(part.gain)
            gain_ppt = [int(1000 * counts / expected + 0.5) for counts in spread]
            spread, n = await self._measure(part.mark_channels)
            n_lost += n
            order = [part.channel_marked_by(counts) for counts in spread]
        except OSError:
            n_lost += 1
        self.report = report = selftest.SelfTestReport(
            part.id,
            selftest.judge(
                is_known, noise_nv, gain_ppt, order, n_lost, self._capture.marks_losses
            ),
            tuple(noise_nv),
            tuple(gain_ppt),
            tuple(order),
            n_lost,
        )
        return report

    async def _measure(self, prepare):
        """Return each channel's deviation in counts, and how many frames were lost."""
        capture = self._capture
        mask = capture.n_words - 1
        sums = self._sums
        try:
            capture.start(prepare)
            word = taken = n_lost = 0
            for _ in range(_TIMEOUT_LOOKS):
                await asyncio.sleep_ms(_LOOK_MS)
                waiting = ((capture.position() - word) & mask) // WORDS_PER_FRAME
                while waiting and taken < _FRAMES:
                    end = SETTLING_FRAMES if taken < SETTLING_FRAMES else _FRAMES
                    n = min(waiting, end - taken, _AT_ONCE)
                    n_lost += add_squares(capture.words, mask, word, n, sums)
                    word = (word + n * WORDS_PER_FRAME) & mask
                    waiting -= n
                    taken += n
                    if taken == SETTLING_FRAMES:
                        for at in range(len(sums)):
                            sums[at] = 0
                if taken == _FRAMES:
                    break
            else:
                n_lost += _FRAMES - taken
        finally:
            capture.halt()
            capture.stop()
        return [_deviation(sums, 5 * channel) for channel in range(N_CHANNELS)], n_lost


def _deviation(sums, at):
    # In whole numbers: a board's floats have 24 bits, and the squares of an offset need more.
    n = MEASURED_FRAMES
    total = (sums[at + 1] << 24) + sums[at] - (n << 23)
    squares = (sums[at + 4] << 48) + (sums[at + 3] << 24) + sums[at + 2]
    return math.sqrt(n * squares - total * total) / n
