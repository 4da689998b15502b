"""What survives a reset: sessions and their dose, faults, permission, a clock that never guesses.

A session is booked with its whole dose before heat starts, and settled with the real one when it
ends; a board that loses power in between keeps the booking. Rest and daily limits run on seconds
under power, and on the host's time where it was proven: time that nobody saw counts as none.

Record: ``RECORD_FORMAT``, then CRC-32. Two slots are written in turn, so that a power cut at any
moment leaves one of them.
"""

import binascii
import struct
from array import array

from faceloop_protocol.heat import CAUSE_NONE, PERMIT_NONE
from faceloop_protocol.heat_limits import (
    CLOCK_MAX_S,
    DAY_S,
    DOSE_DAY_UMIN,
    DOSE_SESSION_UMIN,
    LATCHES_BEFORE_LOCK,
    RESETS_BEFORE_LOCK,
    RESETS_WINDOW_S,
    REST_S,
    SESSIONS_PER_DAY,
    SHORT_SESSION_MS,
    SHORT_SESSIONS,
    UTC_FIRST_S,
    UTC_LAST_S,
)

MAGIC = b"FLH1"
# sequence, clock, UTC of the host and clock then; permission, fault, open, short sessions; loose
# dose and its clock; then clock and dose of 3 sessions, clocks of 3 faults and of 3 resets.
RECORD_FORMAT = "<4sIIIIBBBBII" + "II" * 3 + "III" + "III"
NEVER = -1
_NEVER_WIRE = 0xFFFFFFFF

FRESH = 0
GOOD = 1
DAMAGED = 2


class Ledger:
    """Counters in memory; ``load`` and ``pack`` bring them from and to the flash.

    Attributes
    ----------
    clock_s : int
        Seconds that are known to have passed.
    permission : int
        PERMIT_ constant.
    fault : int
        Latched cause, kept until it is cleared on the device.
    is_open : bool
        A session was booked and not settled.
    """

    def __init__(self):
        self.sequence = 0
        self.clock_s = 0
        self._clock_ms = 0
        self._utc_s = 0
        self._utc_clock_s = 0
        self._has_host_time = False
        self.permission = PERMIT_NONE
        self.fault = CAUSE_NONE
        self.is_open = False
        self._n_short = 0
        self._loose_umin = 0
        self._loose_s = 0
        self._session_s = array("i", [NEVER] * SESSIONS_PER_DAY)
        self._session_umin = array("i", [0] * SESSIONS_PER_DAY)
        self._latch_s = array("i", [NEVER] * LATCHES_BEFORE_LOCK)
        self._reset_s = array("i", [NEVER] * RESETS_BEFORE_LOCK)
        self._replaced_s = NEVER
        self._replaced_umin = 0

    def advance(self, elapsed_ms):
        """Count time under power."""
        self._clock_ms += elapsed_ms
        if self._clock_ms >= 1000:
            self.clock_s += self._clock_ms // 1000
            self._clock_ms %= 1000

    def note_time(self, utc_s):
        """Take the time of a proven host. It may only add to what is known to have passed.

        Only the first after a start adds: what passed without power, a day at most. After it the
        board has counted itself: a host whose clock is set right meanwhile shortens no rest.
        """
        if not UTC_FIRST_S <= utc_s < UTC_LAST_S:
            return
        is_first = not self._has_host_time
        self._has_host_time = True
        if self._utc_s:
            unseen_s = utc_s - self._utc_s - (self.clock_s - self._utc_clock_s)
            if is_first and unseen_s > 0:
                self._add_unseen(min(unseen_s, DAY_S, CLOCK_MAX_S - self.clock_s))
            if utc_s <= self._utc_s:
                return
        self._utc_s = utc_s
        self._utc_clock_s = self.clock_s

    def _add_unseen(self, unseen_s):
        """Let time pass for rests and doses; faults age only under power."""
        self.clock_s += unseen_s
        for i in range(LATCHES_BEFORE_LOCK):
            if self._latch_s[i] != NEVER:
                self._latch_s[i] += unseen_s
        for i in range(RESETS_BEFORE_LOCK):
            if self._reset_s[i] != NEVER:
                self._reset_s[i] += unseen_s

    def day_dose_umin(self):
        """Return the dose of the last 24 h, booked ones included."""
        total_umin = self._loose_umin if self.clock_s - self._loose_s < DAY_S else 0
        for i in range(SESSIONS_PER_DAY):
            if self._is_of_today(self._session_s[i]):
                total_umin += self._session_umin[i]
        return total_umin

    def sessions_left(self):
        """Return how many sessions the day still has."""
        left = SESSIONS_PER_DAY
        for i in range(SESSIONS_PER_DAY):
            if self._is_of_today(self._session_s[i]):
                left -= 1
        return left

    def is_rested(self):
        """Return whether the last session is long enough ago, and the day has one left.

        A short one that does not count needs its rest as well: skin was warmed.
        """
        if self._n_short and self.clock_s - self._loose_s < REST_S:
            return False
        for i in range(SESSIONS_PER_DAY):
            ended_s = self._session_s[i]
            if ended_s != NEVER and self.clock_s - ended_s < REST_S:
                return False
        return self.sessions_left() > 0

    def dose_left_umin(self):
        """Return what the next session may use."""
        left_umin = DOSE_DAY_UMIN - self.day_dose_umin()
        if left_umin < 0:
            return 0
        return DOSE_SESSION_UMIN if left_umin > DOSE_SESSION_UMIN else left_umin

    def assume_used(self):
        """The record was lost: count the day's sessions as used just now."""
        for i in range(SESSIONS_PER_DAY):
            self._session_s[i] = self.clock_s
            self._session_umin[i] = DOSE_SESSION_UMIN

    def book(self, dose_umin):
        """Enter a session with all that it may use."""
        oldest = SESSIONS_PER_DAY - 1  # the newest is first
        self._replaced_s = self._session_s[oldest]
        self._replaced_umin = self._session_umin[oldest]
        for i in range(oldest, 0, -1):
            self._session_s[i] = self._session_s[i - 1]
            self._session_umin[i] = self._session_umin[i - 1]
        self._session_s[0] = self.clock_s
        self._session_umin[0] = dose_umin
        self.is_open = True

    def settle(self, dose_umin, heated_ms):
        """Replace the booked dose of the open session by the real one.

        One that hardly got warm does not count as a session, twice a day; dose and rest stay.
        """
        if not self.is_open:
            return
        self.is_open = False
        if self.clock_s - self._loose_s >= DAY_S:
            self._loose_umin = 0
            self._n_short = 0
        if heated_ms < SHORT_SESSION_MS and self._n_short < SHORT_SESSIONS:
            self._n_short += 1
            self._loose_umin += dose_umin
            self._loose_s = self.clock_s
            self._give_back()
            return
        self._session_s[0] = self.clock_s
        self._session_umin[0] = dose_umin

    def unbook(self):
        """Heat did not come on: all is as it was before the session was booked."""
        self.is_open = False
        self._give_back()

    def _give_back(self):
        """Strike out the newest session."""
        last = SESSIONS_PER_DAY - 1
        for i in range(last):
            self._session_s[i] = self._session_s[i + 1]
            self._session_umin[i] = self._session_umin[i + 1]
        self._session_s[last] = self._replaced_s
        self._session_umin[last] = self._replaced_umin

    def note_latch(self, cause):
        """Keep a fault; return whether it is one too many."""
        self.fault = cause
        return self._note(self._latch_s, LATCHES_BEFORE_LOCK, DAY_S)

    def note_reset(self):
        """Count a reset by the watchdog; return whether it is one too many."""
        return self._note(self._reset_s, RESETS_BEFORE_LOCK, RESETS_WINDOW_S)

    def forget_resets(self):
        """Return whether old resets had to be struck out: the board has run long enough since."""
        newest_s = self._reset_s[0]
        if newest_s == NEVER or self.clock_s - newest_s < RESETS_WINDOW_S:
            return False
        for i in range(RESETS_BEFORE_LOCK):
            self._reset_s[i] = NEVER
        return True

    def clear_faults(self):
        """Bench procedure: faults and resets are struck out, doses are not."""
        self.fault = CAUSE_NONE
        for i in range(LATCHES_BEFORE_LOCK):
            self._latch_s[i] = NEVER
        for i in range(RESETS_BEFORE_LOCK):
            self._reset_s[i] = NEVER

    def pack(self):
        """Return the record with the next sequence number."""
        self.sequence += 1
        fields = [MAGIC, self.sequence, self.clock_s, self._utc_s, self._utc_clock_s]
        fields += [self.permission, self.fault, int(self.is_open), self._n_short]
        fields += [self._loose_umin, self._loose_s]
        for i in range(SESSIONS_PER_DAY):
            fields += [self._session_s[i] & _NEVER_WIRE, self._session_umin[i]]
        for clock_s in list(self._latch_s) + list(self._reset_s):
            fields.append(clock_s & _NEVER_WIRE)
        body = struct.pack(RECORD_FORMAT, *fields)
        return body + struct.pack("<I", binascii.crc32(body) & _NEVER_WIRE)

    def load(self, slots):
        """Take the newer of two records; return FRESH, GOOD or DAMAGED.

        Parameters
        ----------
        slots : sequence of (bytes or None)
        """
        newest = None
        is_written = False
        for record in slots:
            if record is None:
                continue
            is_written = True
            fields = _unpack(record)
            if fields is not None and (newest is None or fields[1] > newest[1]):
                newest = fields
        if newest is None:
            return DAMAGED if is_written else FRESH
        self.sequence, self.clock_s, self._utc_s, self._utc_clock_s = newest[1:5]
        self.permission, self.fault, is_open, self._n_short = newest[5:9]
        self.is_open = is_open != 0
        self._loose_umin, self._loose_s = newest[9:11]
        for i in range(SESSIONS_PER_DAY):
            self._session_s[i] = _clock(newest[11 + 2 * i])
            self._session_umin[i] = newest[12 + 2 * i]
        for i in range(LATCHES_BEFORE_LOCK):
            self._latch_s[i] = _clock(newest[17 + i])
        for i in range(RESETS_BEFORE_LOCK):
            self._reset_s[i] = _clock(newest[20 + i])
        return GOOD

    def _is_of_today(self, clock_s):
        return clock_s != NEVER and self.clock_s - clock_s < DAY_S

    def _note(self, clocks_s, n_clocks, within_s):
        """Enter now at the front; return whether the last entry is still within the window."""
        for i in range(n_clocks - 1, 0, -1):
            clocks_s[i] = clocks_s[i - 1]
        clocks_s[0] = self.clock_s
        oldest_s = clocks_s[n_clocks - 1]
        return oldest_s != NEVER and self.clock_s - oldest_s < within_s


def _unpack(record):
    body = record[:-4]
    if len(record) != struct.calcsize(RECORD_FORMAT) + 4 or body[:4] != MAGIC:
        return None
    if struct.unpack("<I", record[-4:])[0] != binascii.crc32(body) & _NEVER_WIRE:
        return None
    fields = struct.unpack(RECORD_FORMAT, body)
    return fields if fields[2] <= CLOCK_MAX_S else None  # that clock never ran so far


def _clock(wire):
    return NEVER if wire == _NEVER_WIRE else wire
