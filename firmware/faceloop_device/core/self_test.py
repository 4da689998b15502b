"""The front end tests itself: inputs shorted, then the converter's own test signal.

The capture runs as in a session, so that frames, channel order and headers are tested with it.
"""

import asyncio
import math

from faceloop_device.core.frame_ring import WORDS_PER_FRAME
from faceloop_protocol import selftest
from faceloop_protocol.limits import N_CHANNELS

# Two periods of the test signal (fCLK / 2**20) at 2 kSPS, so that its mean is zero.
_FRAMES = 2048
_SETTLING_FRAMES = 200
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
            selftest.judge(is_known, noise_nv, gain_ppt, order, n_lost),
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
        try:
            capture.start(prepare)
            word = taken = n_lost = 0
            sums, squares = [0] * N_CHANNELS, [0] * N_CHANNELS
            for _ in range(_TIMEOUT_LOOKS):
                await asyncio.sleep_ms(_LOOK_MS)
                waiting = ((capture.position() - word) & mask) // WORDS_PER_FRAME
                for _ in range(min(waiting, _SETTLING_FRAMES + _FRAMES - taken)):
                    if self._word(word) >> 20 != 0xC:
                        n_lost += 1
                    n_lost += capture.words[4 * word + 3]  # a mark, see kernels.store_frame
                    if taken >= _SETTLING_FRAMES:
                        for channel in range(N_CHANNELS):
                            value = self._word((word + 1 + channel) & mask)
                            value = (value ^ 0x800000) - 0x800000
                            sums[channel] += value
                            squares[channel] += value * value
                    word = (word + WORDS_PER_FRAME) & mask
                    taken += 1
                if taken == _SETTLING_FRAMES + _FRAMES:
                    break
            else:
                n_lost += _SETTLING_FRAMES + _FRAMES - taken
        finally:
            capture.halt()
            capture.stop()
        spread = []
        for channel in range(N_CHANNELS):
            mean = sums[channel] / _FRAMES
            spread.append(math.sqrt(max(0.0, squares[channel] / _FRAMES - mean * mean)))
        return spread, n_lost

    def _word(self, word):
        words = self._capture.words
        at = 4 * word
        return words[at] | words[at + 1] << 8 | words[at + 2] << 16
