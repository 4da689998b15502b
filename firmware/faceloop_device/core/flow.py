"""Which packet goes next: live ones first, missed ones when the window leaves room."""

from array import array

from faceloop_protocol.limits import WINDOW_PACKETS

# More unsent packets than this mean the link was away: the newest goes out now, the rest later.
LIVE_BACKLOG = 16
MAX_RANGES = 16
STALL_MS = 1500


class Flow:
    """Sending order over a ``PacketRing``, limited by the host's acknowledgements.

    Numbers are running numbers (unwrapped seq).
    """

    def __init__(self, ring):
        self._ring = ring
        self._first = array("i", [0] * MAX_RANGES)
        self._end = array("i", [0] * MAX_RANGES)
        self.reset()

    def reset(self):
        """Forget everything: a new stream."""
        self.live = 0
        self._n_ranges = 0
        self.new_link()

    def new_link(self):
        """Start counting the window anew; nothing is on its way any more."""
        self.sent = 0
        self.received = 0
        self._stalled_since_ms = -1

    def acknowledge(self, received, now_ms):
        """Take the host's count of received packets (modulo 2**16)."""
        step = (received - self.received) & 0xFFFF
        if step > self.sent - self.received:
            return  # more than was ever sent: not of this link
        self.received += step
        if step or self.sent == self.received:
            self._stalled_since_ms = -1
        elif self._stalled_since_ms < 0:
            self._stalled_since_ms = now_ms
        elif (now_ms - self._stalled_since_ms) & 0x3FFFFFFF > STALL_MS:
            # The host is there but packets are gone (a damaged serial frame): stop waiting for
            # them; it asks for what it misses.
            self.received = self.sent
            self._stalled_since_ms = -1

    def send_again(self, first, end):
        """Queue packets ``first`` up to, not including, ``end``; return how many are here yet."""
        if first < self._ring.oldest:
            first = self._ring.oldest
        if end > self.live:
            end = self.live
        if first >= end:
            return 0
        if self._n_ranges == MAX_RANGES:
            last = MAX_RANGES - 1
            if first < self._first[last]:
                self._first[last] = first
            if end > self._end[last]:
                self._end[last] = end
        else:
            self._first[self._n_ranges] = first
            self._end[self._n_ranges] = end
            self._n_ranges += 1
        return end - first

    def resume(self, next_needed):
        """After a reconnect: the newest packet goes out live, the missed ones behind it."""
        self._n_ranges = 0
        self.live = self._ring.head
        self.send_again(next_needed, self.live)

    def next(self):
        """Return the number of the packet to send now, -1 for none; ``is_late`` tells its kind."""
        if self.sent - self.received >= WINDOW_PACKETS:
            return -1
        ring = self._ring
        if self.live < ring.oldest:
            self.live = ring.oldest
        if self.live < ring.head:
            if ring.head - self.live > LIVE_BACKLOG:
                missed = self.live
                self.live = ring.head - 1
                self.send_again(missed, self.live)
            return self.live
        while self._n_ranges:
            if self._first[0] < ring.oldest:
                self._first[0] = ring.oldest
            if self._first[0] < self._end[0]:
                return self._first[0]
            self._drop_range()
        return -1

    def is_late(self, number):
        """Return whether ``number``, as given by ``next``, is not the live one."""
        return number != self.live

    def done(self, number):
        """Note that ``number``, as given by ``next``, was handed to the link."""
        self.sent += 1
        if number == self.live:
            self.live += 1
        else:
            self._first[0] += 1
            if self._first[0] >= self._end[0]:
                self._drop_range()

    def pile(self):
        """Return how many packets wait to be sent, missed ones included."""
        waiting = self._ring.head - self.live
        for i in range(self._n_ranges):
            waiting += self._end[i] - self._first[i]
        return waiting

    def has_more(self):
        """Return whether anything waits to be sent."""
        return self.live < self._ring.head or self._n_ranges > 0

    def _drop_range(self):
        self._n_ranges -= 1
        for i in range(self._n_ranges):
            self._first[i] = self._first[i + 1]
            self._end[i] = self._end[i + 1]
