"""A supervisor led by events, and a judge that knows what has really happened.

The judge never asks the supervisor whether it heats or what it has found: it looks at the two
switches, and at facts of its own. What breaks may heat on for as long as the fault list of the
safety analysis allows, not a tick longer.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field

from tests.fakes.fake_heater import LINK, Rig, code

from faceloop_heat import hal
from faceloop_heat.ledger import GOOD, Ledger
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits

TICK_MS = limits.TICK_MS
SETPOINT_MDEGC = limits.SETPOINT_MIN_MDEGC  # below where a rise is judged: one step leads to HOLD

# Fault list: heat may last this long with it. One part is broken at a time.
STATED_MS = {
    "a open": 500,
    "c short": 500,
    "z open": 500,
    "b open": 500,
    "h open": 500,
    "a loose": 6000,
    "b loose": 6000,
    "z loose": 6000,
    "h loose": 6000,
    "a frozen": 5000,
    "converter frozen": 5000,
    "reference wrong": 500,
    "leak": 250,
    "heater open": 500,
    "clock wrong": 2000,
    "battery low": 2000,
    "supply high": 500,
    "rail wrong": 250,  # found by a stream that began anew
    "face hot": 1000,
    "hw1": 250,
    "hw2": 250,
    "timer": 250,
    "loop hangs": 1 << 30,  # judged by the kicks
}
SHOWN_BY_HEAT = ("heater open",)  # its time runs from where heat comes on
# What needs no broken part, one on top of the other.
STATED_MS |= {"lead off": 2000, "usb": 250, "button down": 10250}

EVENTS = (
    "open link",
    "close link",
    "permit",
    "permit flagged",
    "permit nothing",
    "wrong permit",
    "request",
    "wrong request",
    "lease",
    "wrong lease",
    "wrong unlock",
    "press",
    "hold button",
    "button down",
    "button up",
    "stop",
    "pass 1 s",
    "pass 6 s",
    "pass 12 s",
    "renewed 2 s",
    "renewed 6 s",
    "two hours",
    "late tick",
    "warm",
    "cold",
    "dose used",
    "lead off",
    "lead on",
    "usb in",
    "usb out",
    "reset",
    "power cycle",
    "mend",
    *(fault for fault in STATED_MS if fault not in ("lead off", "usb", "button down")),
)

# Power no longer than that is the test before a resume, at most with a late tick: no heat.
SECOND_OF_POWER_MS = limits.LEAD_TEST_MS + limits.TICK_LATE_MS + TICK_MS
LEADING = {"b": 60}  # what a pulse does to the core, where it leads
SENSOR_AT = {"a": 0, "c": 1, "z": 2, "b": 3, "h": 4}


@dataclass
class Facts:
    """What has really happened; none of it is read from the supervisor."""

    is_linked: bool = False
    permission: int = h.PERMIT_NONE
    has_asked: bool = False
    asked_ms: int = 0
    pressed_ms: int = -1  # newest press while a request stood
    lease_until_ms: int = -1
    since_ms: dict[str, int] = field(default_factory=dict)
    broken: str = ""
    heated_ms: int = 0  # of the session that runs
    led_ms: int = -1  # the core began to lead
    closed_ms: int = -1  # Q1, this time
    opened_ms: int = -1
    paused_ms: list[int] = field(default_factory=list)  # each end of heat in the session that runs
    rest_until_ms: int = -1
    dose_sessions: int = 0  # used up whole; two of them are a day's
    is_dose_used: bool = False
    held_ms: int = 0  # newest long press
    kicks: int = 0  # when the loop began to hang
    state: int = h.BOOT_TEST


class World:
    """A supervisor, its hardware and the facts."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.rig.has_host = False
        self.facts = Facts()
        self.skipped_ms = 0  # of time under power that nobody played
        self.let(10)

    def kept(self) -> bytes:
        """Return what ``pickle.loads`` makes another one of, in the same situation."""
        return pickle.dumps(self, pickle.HIGHEST_PROTOCOL)

    def do(self, event: str) -> None:
        """Let this happen, and a tick go by."""
        if event in STATED_MS and event not in ("lead off", "button down"):
            self.spoil(event)
        elif event in ("lead off", "lead on", "usb in", "usb out", "button down", "button up"):
            self.switch(event)
        elif not self.ask(event):
            self.pass_by(event)
        self.let(1)

    def ask(self, event: str) -> bool:
        """Do what a host may do; return whether this is of that kind."""
        rig, facts, supervisor = self.rig, self.facts, self.rig.supervisor
        permissions = {
            "permit": h.PERMIT_FULL,
            "permit flagged": h.PERMIT_FLAGGED,
            "permit nothing": h.PERMIT_NONE,
        }
        if event == "open link":
            supervisor.open_link(LINK)
            facts.is_linked = True
        elif event == "close link":
            supervisor.close_link()
            facts.is_linked = False
        elif event in permissions:
            if supervisor.permit(LINK, permissions[event]):
                assert facts.is_linked
                facts.permission = permissions[event]
        elif event == "wrong permit":
            assert not supervisor.permit(LINK + 1, h.PERMIT_FULL)
            assert not supervisor.permit(LINK, h.PERMIT_FLAGGED + 1)
        elif event == "request":
            if supervisor.request(LINK, SETPOINT_MDEGC, 10) == h.CAUSE_NONE:
                assert facts.is_linked and facts.permission != h.PERMIT_NONE
                facts.has_asked = True
                facts.asked_ms = rig.now_ms
                facts.pressed_ms = facts.led_ms = -1
        elif event == "wrong request":
            assert supervisor.request(LINK + 1, SETPOINT_MDEGC, 10) != h.CAUSE_NONE
            assert supervisor.request(LINK, limits.SETPOINT_MAX_MDEGC + 1, 10) != h.CAUSE_NONE
            if facts.permission == h.PERMIT_FLAGGED:
                assert supervisor.request(LINK, limits.SETPOINT_FLAGGED_MAX_MDEGC + 1, 10)
        elif event == "lease":
            if supervisor.renew(LINK, SETPOINT_MDEGC, limits.LEASE_MAX_MS):
                assert facts.is_linked and facts.has_asked
                facts.lease_until_ms = rig.now_ms + limits.LEASE_MAX_MS
        elif event == "wrong lease":
            assert not supervisor.renew(LINK + 1, SETPOINT_MDEGC, limits.LEASE_MAX_MS)
            assert not supervisor.renew(LINK, SETPOINT_MDEGC + 1, limits.LEASE_MAX_MS)
            assert not supervisor.renew(LINK, SETPOINT_MDEGC, limits.LEASE_MAX_MS + 1)
        elif event == "wrong unlock":
            assert not supervisor.unlock()  # the pad is never unplugged here
        elif event == "stop":
            supervisor.stop()
            facts.has_asked = False
        else:
            return False
        return True

    def pass_by(self, event: str) -> None:
        """Do what person and time do."""
        rig, facts, heater = self.rig, self.facts, self.rig.heater
        if event in ("press", "hold button"):
            self.switch("button down")
            self.let(1 if event == "press" else 16)
            self.switch("button up")
        elif event.startswith("pass"):
            self.let(4 * int(event.split()[1]))
        elif event.startswith("renewed"):  # by a host that is there: without it nothing resumes
            for _ in range(int(event.split()[1])):
                self.ask("lease")
                self.let(4)
        elif event == "late tick":
            self.let(1, limits.TICK_LATE_MS + TICK_MS)
        elif event == "two hours":
            # Under power, with heat off: all that goes on is the ledger's clock.
            if not heater.is_q1_closed and rig.now_ms - facts.opened_ms > limits.PAUSE_MAX_MS:
                rig.supervisor.ledger.clock_s += limits.REST_S
                self.skipped_ms += limits.REST_S * 1000
        elif event == "warm":
            heater.face(SETPOINT_MDEGC - limits.WARMUP_DONE_MDEGC + 100)
            if heater.is_q1_closed and facts.led_ms < 0:
                facts.led_ms = rig.now_ms
            self.spoil_again()
        elif event == "cold":
            heater.face(33000)
            self.spoil_again()
        elif event == "dose used":
            if heater.is_q1_closed:
                rig.supervisor.session.dose.umin = limits.DOSE_SESSION_UMIN
                facts.is_dose_used = True
        elif event == "mend":
            self.mend()
        else:
            self.restart(hal.RESET_WATCHDOG if event == "reset" else hal.RESET_POWER_ON)

    def restart(self, cause: int) -> None:
        facts, before = self.facts, self.rig
        if facts.heated_ms:
            facts.is_dose_used = True  # what was booked stays used
            facts.heated_ms = limits.SHORT_SESSION_MS
            self.end_session()
        was_latched = before.supervisor.state >= h.LATCHED
        self.rig = Rig(cause, before.heater)
        self.rig.has_host = False
        self.rig.has_loop = before.has_loop
        self.rig.now_ms = before.now_ms
        kept = Facts(
            permission=facts.permission,
            since_ms=facts.since_ms,
            broken=facts.broken,
            kicks=facts.kicks,
            rest_until_ms=facts.rest_until_ms,
            dose_sessions=facts.dose_sessions,
            opened_ms=self.rig.now_ms,
            state=self.rig.supervisor.state,
        )
        self.facts = kept
        if was_latched:
            assert self.rig.supervisor.state >= h.LATCHED, "a reset cleared a latch"

    def switch(self, event: str) -> None:
        """Electrodes, cable, button: on or off."""
        heater, facts = self.rig.heater, self.facts
        name, flag = {
            "lead": ("lead off", hal.FLAG_LEAD_OFF),
            "usb": ("usb", hal.FLAG_VBUS),
            "button": ("button down", hal.FLAG_BUTTON),
        }[event.split()[0]]
        is_set = event in ("lead off", "usb in", "button down")
        if is_set and name == "button down" and facts.has_asked and not heater.flags & flag:
            facts.pressed_ms = self.rig.now_ms
        heater.flags = heater.flags | flag if is_set else heater.flags & ~flag
        if is_set:
            facts.since_ms.setdefault(name, self.rig.now_ms)
        else:
            facts.since_ms.pop(name, None)

    def spoil(self, fault: str) -> None:
        """Break one part; another that was broken is whole again, but for a switch."""
        if self.facts.broken in (fault, "leak"):
            return
        self.mend()
        self.facts.broken = fault
        self.facts.since_ms[fault] = self.rig.now_ms
        heater = self.rig.heater
        sensor, _, how = fault.partition(" ")
        if sensor in SENSOR_AT:
            away = {"open": 65530, "short": 5}
            if how in away:
                heater.raw[sensor] = away[how]
            elif how == "frozen":
                heater.raw[sensor] = code(heater.mdegc[sensor])
        elif fault == "converter frozen":
            heater.is_frozen = True
        elif fault == "reference wrong":
            heater.mdegc["r"] = 38000
        elif fault == "leak":
            heater.q2_ma = heater.standing_ma = 800
        elif fault == "heater open":
            heater.heater_ma = 0
        elif fault == "clock wrong":
            heater.frames_per_tick = 475
        elif fault in ("battery low", "supply high"):
            heater.supply_mv = 3300 if fault == "battery low" else 4400
        elif fault == "rail wrong":
            heater.rail_mv = limits.RAIL_MV + limits.RAIL_TOLERANCE_MV + 1
        elif fault == "loop hangs":
            self.rig.has_loop = False
            self.facts.kicks = heater.kicks
        elif fault == "hw1":
            heater.hw1_latched = heater.is_hw1_over = True
        elif fault in ("hw2", "timer"):
            heater.flags |= hal.FLAG_HW2 if fault == "hw2" else hal.FLAG_TIMER
        self.spoil_again()

    def spoil_again(self) -> None:
        """A loose sensor stays so far from what it measures, whatever that is now."""
        heater, facts = self.rig.heater, self.facts
        sensor, _, how = facts.broken.partition(" ")
        if how == "loose":
            heater.mdegc[sensor] -= 9000 if sensor == "b" else 3000
        elif facts.broken == "face hot":
            heater.face(limits.FACE_LATCH_MDEGC + 100)

    def mend(self) -> None:
        """Make the broken part whole; a shorted switch stays."""
        heater, facts = self.rig.heater, self.facts
        if facts.broken in ("", "leak"):
            return
        sensor, _, how = facts.broken.partition(" ")
        if how == "loose":
            heater.mdegc[sensor] += 9000 if sensor == "b" else 3000
        elif facts.broken == "face hot":
            heater.face(SETPOINT_MDEGC)
        heater.raw.clear()
        heater.is_frozen = heater.is_hw1_over = False
        heater.mdegc["r"] = limits.REFERENCE_MDEGC
        heater.heater_ma = None
        heater.frames_per_tick = 500
        heater.supply_mv = 3900
        heater.rail_mv = limits.RAIL_MV
        heater.flags &= ~(hal.FLAG_HW2 | hal.FLAG_TIMER)
        self.rig.has_loop = True
        del facts.since_ms[facts.broken]
        facts.broken = ""

    def let(self, n_ticks: int, elapsed_ms: int = TICK_MS) -> None:
        """Let time go by, judging every tick."""
        heater = self.rig.heater
        for _ in range(n_ticks):
            heater.responses_mdegc = LEADING if self.facts.led_ms >= 0 else {}
            self.rig.tick(1, elapsed_ms)
            self.judge(elapsed_ms)

    def judge(self, elapsed_ms: int) -> None:
        """Heat is on only if everything that a start needs has happened, and nothing broke."""
        rig, facts = self.rig, self.facts
        heater, now_ms = rig.heater, rig.now_ms
        self.judge_latch()
        if facts.broken == "loop hangs":
            # The watchdog opens Q1 for it a second later; it is not part of this world.
            assert heater.kicks == facts.kicks, "a kick while the loop hangs"
        if not heater.is_q1_closed:
            assert heater.duty == 0
            if facts.closed_ms >= 0:
                if now_ms - facts.closed_ms > SECOND_OF_POWER_MS:
                    facts.paused_ms.append(now_ms)
                facts.closed_ms = -1
                facts.opened_ms = now_ms
            if facts.heated_ms and self.is_over():
                self.end_session()
            return
        if facts.closed_ms < 0:
            self.judge_start()
        assert facts.has_asked, "heat without a request of a proven host"
        assert facts.pressed_ms >= facts.asked_ms > 0, "heat without a press"
        assert now_ms < facts.lease_until_ms, "heat without a lease"
        assert facts.permission != h.PERMIT_NONE, "heat without a skin test"
        assert not facts.is_dose_used, "heat with the dose used up"
        assert elapsed_ms <= limits.TICK_LATE_MS, "heat after a late tick"
        for fault, since_ms in facts.since_ms.items():
            lasted_ms = now_ms - since_ms
            if fault in SHOWN_BY_HEAT and facts.closed_ms > since_ms:
                lasted_ms = now_ms - facts.closed_ms
            assert lasted_ms < STATED_MS[fault], f"heat {lasted_ms} ms after: {fault}"
        facts.heated_ms += elapsed_ms
        lead_due_ms = max(facts.closed_ms, facts.asked_ms)
        if facts.led_ms < 0:
            assert now_ms - lead_due_ms < 10_000, "heat though the core never led"

    def judge_start(self) -> None:
        """Q1 closes: for the first time since the press, or after a pause."""
        facts, now_ms = self.facts, self.rig.now_ms
        facts.closed_ms = now_ms
        assert "usb" not in facts.since_ms
        assert facts.broken != "leak"
        if facts.heated_ms:
            assert now_ms - facts.opened_ms <= limits.PAUSE_MAX_MS + 2000, "heat after its end"
            recent = [at for at in facts.paused_ms if now_ms - at < limits.PAUSES_WINDOW_MS]
            assert len(recent) <= limits.PAUSES_MAX, "heat after too many pauses"
            return
        kept = Ledger()
        slots = self.rig.heater.slots
        assert kept.load((slots.get(0), slots.get(1))) == GOOD
        assert kept.is_open, "heat that was not booked"
        assert now_ms + self.skipped_ms >= facts.rest_until_ms, "heat without rest"
        assert facts.dose_sessions < 2, "heat with the day's dose used up"

    def judge_latch(self) -> None:
        """LATCHED is left after a long press, LOCKED never here."""
        facts, state = self.facts, self.rig.supervisor.state
        button_ms = self.rig.now_ms - facts.since_ms.get("button down", self.rig.now_ms)
        if button_ms >= limits.BUTTON_CLEAR_MS - TICK_MS:
            facts.held_ms = self.rig.now_ms
        if facts.state >= h.LATCHED and state < facts.state:
            assert facts.state == h.LATCHED, "LOCKED was left"
            assert facts.held_ms >= self.rig.now_ms - TICK_MS > 0, "LATCHED was left by itself"
        facts.state = state

    def forget(self) -> None:
        """Forget what no longer decides, always so that the judge becomes stricter.

        Where no request stands, an earlier one, its press and its lease allow nothing; where heat
        cannot begin within ten seconds, what is broken may have been so for long.
        """
        facts, state = self.facts, self.rig.supervisor.state
        if state not in (h.OFF, h.COOL, h.LATCHED, h.LOCKED):
            return
        facts.has_asked = False
        facts.pressed_ms = facts.lease_until_ms = -1
        for name in facts.since_ms:
            if name != "button down":  # its time clears a latch
                facts.since_ms[name] = -(1 << 30)

    def is_over(self) -> bool:
        """Return whether heat has been off for longer than a pause."""
        return self.rig.now_ms - self.facts.opened_ms > limits.PAUSE_MAX_MS + 2000

    def end_session(self) -> None:
        """Count what was used; request and press are spent."""
        facts = self.facts
        # The session may have ended where heat went off, up to PAUSE_MAX_MS before this.
        facts.rest_until_ms = self.rig.now_ms + self.skipped_ms + limits.REST_S * 1000 - 40_000
        facts.dose_sessions += facts.is_dose_used
        facts.is_dose_used = False
        facts.heated_ms = 0
        facts.paused_ms.clear()
        facts.has_asked = False


def play(path: tuple[str, ...]) -> World:
    """Return the world after these events."""
    world = World()
    for event in path:
        world.do(event)
    return world
