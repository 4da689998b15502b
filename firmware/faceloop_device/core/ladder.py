"""What to give up, and in which order, when the link takes less than is captured."""

from faceloop_device.core.flow import LIVE_BACKLOG

NONE = 0
HALF_RATE = 3  # steps 1 and 2 cut one and two more bits off each count
STEPS = 3

_TICKS_MASK = 0x3FFFFFFF  # time.ticks_ms() wraps here on every port

# A link is judged by what it did in this time: the ring holds more than twice as much, and what a
# busy second held up is made up for in the next.
JUDGED_MS = 3000
# There is less time when the ring fills.
HURRIED_MS = 1000
# Without news from the host for this long nothing is known: it may be a blackout, and what a
# blackout holds up the ring keeps.
DEAF_MS = 300
# A blackout that is no longer than this costs nothing, however full the ring is by then.
BLACKOUT_MS = 8000
# The pile has to stay this small for a while before a step is taken back: longer each time that
# turned out to be too early, and no longer than the last of these.
CALM_PACKETS = LIVE_BACKLOG // 2
FIRST_HOLD_MS = 10000
LAST_HOLD_MS = 160000


class Ladder:
    """Watches the pile of packets that were made but not sent, and says which step to stand on.

    A link is too slow when it delivers and the pile grows all the same. It says nothing about the
    link when nothing is delivered at all; only after eight seconds of that, and with the ring
    three quarters full, does it count as well. Catching up after a blackout is no reason: the
    pile shrinks.

    Pure: the clock is given to each call. Allocates nothing.
    """

    def __init__(self):
        self.reset()

    def reset(self):
        """A new stream: everything is sent in full."""
        self.level = NONE
        self._hold_ms = FIRST_HOLD_MS
        self._received = 0
        self._heard_ms = 0
        self._is_judging = False
        self._judged_from_ms = 0
        self._pile_then = 0
        self._is_calm = False
        self._calm_from_ms = 0
        self._has_climbed = False
        self._climbed_ms = 0

    def judge(self, now_ms, received, pile, is_ring_filling):
        """Take a look; return whether the step changed.

        Parameters
        ----------
        now_ms : int
            ``time.ticks_ms``.
        received : int
            Packets that the host has confirmed; any change is news.
        pile : int
            Packets that were made and are still to be sent.
        is_ring_filling : bool
            The ring is more than three quarters full.
        """
        if received != self._received:
            self._received = received
            self._heard_ms = now_ms
        deaf_ms = _since(now_ms, self._heard_ms)
        is_waited_for = deaf_ms > DEAF_MS and (not is_ring_filling or deaf_ms <= BLACKOUT_MS)
        if pile <= CALM_PACKETS:
            self._is_judging = False
            return self._rest(now_ms)
        self._is_calm = False
        if is_waited_for:
            self._is_judging = False
        elif not self._is_judging:
            self._is_judging = True
            self._judged_from_ms = now_ms
            self._pile_then = pile
        elif _since(now_ms, self._judged_from_ms) >= (
            HURRIED_MS if is_ring_filling else JUDGED_MS
        ):
            is_too_slow = pile > LIVE_BACKLOG and pile >= self._pile_then
            self._judged_from_ms = now_ms
            self._pile_then = pile
            if is_too_slow and self.level < STEPS:
                return self._descend(now_ms)
        return False

    def _descend(self, now_ms):
        if self._has_climbed and _since(now_ms, self._climbed_ms) < self._hold_ms:
            self._hold_ms = min(2 * self._hold_ms, LAST_HOLD_MS)
        self._has_climbed = False
        self.level += 1
        return True

    def _rest(self, now_ms):
        if not self._is_calm:
            self._is_calm = True
            self._calm_from_ms = now_ms
        if _since(now_ms, self._calm_from_ms) < self._hold_ms:
            return False
        self._calm_from_ms = now_ms
        if self.level == NONE:
            self._hold_ms = FIRST_HOLD_MS  # it held: the next trouble is a new one
            return False
        self.level -= 1
        self._has_climbed = True
        self._climbed_ms = now_ms
        return True


def _since(now_ms, then_ms):
    return (now_ms - then_ms) & _TICKS_MASK
