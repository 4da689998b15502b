# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Runs a supervisor on a pad, with a host that renews its lease and a main loop that answers."""

from faceloop.twin.heat._pad cimport Pad

from faceloop_heat import hal as _hal
from faceloop_heat import output as _output
from faceloop_protocol import heat as _heat
from faceloop_protocol import heat_limits as _limits

cdef long TICK_MS = _limits.TICK_MS
cdef long LEASE_MS = _limits.LEASE_MAX_MS
cdef long RENEW_MS = _limits.LEASE_RENEW_MS
cdef long ANSWER_MASK = _output.ANSWER_MASK
cdef long PAUSED = _heat.PAUSED
cdef long TICKS_MASK = 0x3FFFFFFF
cdef long REBOOT_MS = 300
cdef double OFF_W = 0.01
cdef double TEST_MS = _limits.LEAD_TEST_MS + 60.0   # a tick may come a step late
cdef double SPLIT_DEGC = _limits.ZONE_MDEGC / 1000.0


cdef class Bench:
    """A board with its pad, in simulated time.

    Parameters
    ----------
    make : callable
        ``make(hal, reset_cause)`` returns a supervisor.
    pad : Pad
    step_ms : int
        Of the physics; a tick of the supervisor takes 250 ms.

    Attributes
    ----------
    is_host_silent, is_main_hung, is_hung : bool
        No more leases; the main loop does not answer; nothing runs, outputs stay as they are.
    clock_gain : float
        Of the processor's clock.
    setpoint_mdegc : int
        In the lease.
    area_cm2 : int
        Of the pad.
    is_confirming : bool
        The person answers "still there?".
    max_skin_degc, dose_cem43 : float
        Of the true skin, since the last ``mark``.
    off_ms : float
        From ``mark`` to the first moment without power; -1 while there was none.
    on_ms : float
        Last moment with power after ``mark``; -1 when there was none.
    resume_ms, resume_off_ms : float
        First moment with power after ``off_ms``, and the end of that; -1 for none. In PAUSED,
        power for as long as the test before a resume takes is none.
    heated_ms : float
        Last moment with power after ``off_ms``, those tests left out; -1 for none.
    n_tests : int
        How often that was so.
    split_ms : float
        When the two zones of a folded pad first differed by 2.5 C; -1 while they did not.
    """

    cdef public object supervisor
    cdef object _make
    cdef public Pad pad
    cdef public bint is_host_silent, is_main_hung, is_hung, is_confirming, is_dead
    cdef public double clock_gain
    cdef public long setpoint_mdegc, link, step_ms, area_cm2
    cdef public double now_ms, max_skin_degc, dose_cem43, off_ms, on_ms
    cdef public double resume_ms, resume_off_ms, split_ms, heated_ms
    cdef public list trace
    cdef public long trace_every_ms, n_resets, n_crashes, n_tests
    cdef long _n_rogue
    cdef double _burst_ms, _mark_ms, _clock_ms, _tick_at, _renew_at, _reboot_at, _trace_at

    def __init__(self, make, Pad pad, *, long step_ms=50, long area_cm2=100):
        self._make = make
        self.pad = pad
        self.step_ms = step_ms
        self.area_cm2 = area_cm2
        self.clock_gain = 1.0
        self.setpoint_mdegc = 39000
        self.link = 1
        self.is_confirming = True
        self.trace = None
        self.trace_every_ms = 1000
        self._reboot_at = -1.0
        self.supervisor = make(pad, _hal.RESET_POWER_ON)
        self.mark()

    def mark(self):
        """Measure from now on."""
        self._mark_ms = self.now_ms
        self.max_skin_degc = -1.0
        self.dose_cem43 = 0.0
        self.off_ms = -1.0
        self.on_ms = -1.0
        self.resume_ms = -1.0
        self.resume_off_ms = -1.0
        self.split_ms = -1.0
        self.heated_ms = -1.0
        self.n_tests = 0
        self._burst_ms = -1.0

    def run(self, double duration_ms, long until_states=0):
        """Let time pass; return early, with True, when a state of this set of bits is reached."""
        cdef double end_ms = self.now_ms + duration_ms
        cdef object supervisor = self.supervisor
        while self.now_ms < end_ms - 0.5:
            self._advance()
            if self.pad.watchdog.wants_reset and self._reboot_at < 0.0:
                self.pad.reset()
                self.is_hung = True
                self._reboot_at = self.now_ms + REBOOT_MS
            if 0.0 <= self._reboot_at <= self.now_ms:
                self._reboot(_hal.RESET_WATCHDOG)
            if self._clock_ms + 0.001 < self._tick_at:
                continue
            self._tick_at = self._clock_ms + TICK_MS
            if self.pad.is_rogue:
                self._n_rogue += 1
                if self._n_rogue & 1:
                    self.pad.watchdog.kick()
                continue
            if self.is_hung:
                continue
            self._tick()
            if until_states >> <long>self.supervisor.state & 1:
                return True
        return False

    def power_cycle(self):
        """Take the cell out and put it back."""
        self._reboot(_hal.RESET_POWER_ON)

    def delay(self, double ms):
        """Keep the supervisor from running for this long."""
        self._tick_at += ms

    def _reboot(self, long cause):
        self.n_resets += 1
        self.pad.reset()
        self._reboot_at = -1.0
        self.is_hung = False
        self.is_main_hung = False
        self.is_dead = False
        self._tick_at = 0.0
        self._clock_ms = 0.0
        self.supervisor = self._make(self.pad, cause)

    cdef int _advance(self) except -1:
        cdef double hottest, ahead
        self.pad.advance(self.step_ms)
        self.now_ms += self.step_ms
        self._clock_ms += self.step_ms * self.clock_gain
        hottest = self.pad.skin.hottest_skin_degc()
        if hottest > self.max_skin_degc:
            self.max_skin_degc = hottest
        if hottest > 30.0:
            ahead = hottest - 43.0
            self.dose_cem43 += self.step_ms / 60000.0 * (
                2.0 ** ahead if ahead >= 0.0 else 4.0 ** ahead
            )
        self._note_power(self.now_ms - self._mark_ms)
        if self.split_ms < 0.0 and self.pad.skin.is_fold_sensed:
            ahead = self.pad.skin.fold_face_degc() - self.pad.skin.face_degc()
            if ahead > SPLIT_DEGC:
                self.split_ms = self.now_ms - self._mark_ms
        if self.trace is not None and self.now_ms >= self._trace_at:
            self._trace_at = self.now_ms + self.trace_every_ms
            self._note()
        return 0

    cdef int _note_power(self, double at_ms) except -1:
        if self.pad.power_w > OFF_W:
            if self.off_ms >= 0.0:
                if self._burst_ms < 0.0:
                    self._burst_ms = at_ms - self.step_ms
                if at_ms - self._burst_ms > TEST_MS or <long>self.supervisor.state != PAUSED:
                    self.heated_ms = at_ms
                    if self.resume_ms < 0.0:
                        self.resume_ms = self._burst_ms
            self.on_ms = at_ms
        elif self.off_ms < 0.0:
            self.off_ms = at_ms - self.step_ms
        elif self._burst_ms >= 0.0:
            if self.resume_ms < 0.0:
                self.n_tests += 1
            elif self.resume_off_ms < 0.0:
                self.resume_off_ms = at_ms - self.step_ms
            self._burst_ms = -1.0
        return 0

    def _note(self):
        skin = self.pad.skin
        self.trace.append(
            (
                self.now_ms / 1000.0,
                self.supervisor.state,
                skin.core_degc,
                self.pad.skin.face(),
                skin.hottest(),
                self.pad.power_w,
            )
        )

    cdef _tick(self):
        cdef object supervisor = self.supervisor
        if not self.is_main_hung:
            output = supervisor.output
            output.answer(<long>output.challenge ^ ANSWER_MASK)
        if not self.is_host_silent and self.now_ms >= self._renew_at:
            self._renew_at = self.now_ms + RENEW_MS
            supervisor.renew(self.link, self.setpoint_mdegc, LEASE_MS)
            if self.is_confirming and supervisor.info() & 1:
                supervisor.confirm(self.link)
        try:
            supervisor.tick((<long>self._clock_ms) & TICKS_MASK)
        except Exception:
            # As on a board: the program ends at the prompt, nothing kicks the watchdog any more.
            # Counted unless put there by a fault: a mistake that the watchdog made harmless is a
            # mistake all the same.
            self.n_crashes += not self.pad.is_scan_broken
            self.is_hung = True
            self.is_dead = True
