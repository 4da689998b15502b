"""Everything the supervisor can be led to: no path heats without all that a start needs."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import pytest
from tests.fakes.fake_heater import LINK, FakeHeater, Rig

from faceloop_heat import hal
from faceloop_protocol import heat as h
from faceloop_protocol.heat_limits import LEASE_MAX_MS, SETPOINT_MIN_MDEGC, WARMUP_DONE_MDEGC

SETPOINT_MDEGC = SETPOINT_MIN_MDEGC  # below where a rise is judged: one step leads to HOLD

# One event each; what "pass" does is let time go by until the next thing of interest happens.
EVENTS = (
    "open link",
    "permit",
    "request",
    "wrong request",
    "lease",
    "wrong lease",
    "press",
    "hold button",
    "stop",
    "pass 1 s",
    "pass 6 s",
    "pass 12 s",
    "warm",
    "lead off",
    "lead on",
    "usb in",
    "usb out",
    "sensor open",
    "sensor back",
    "leak",
    "reset",
    "power cycle",
)


@dataclass
class Facts:
    """What has really happened, kept apart from the supervisor."""

    is_linked: bool = False
    has_asked: bool = False
    lease_until_ms: int = -1
    pressed_since_asked: bool = False
    faults: set[str] = field(default_factory=set)


class World:
    """A supervisor and the facts, led by events."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.rig.has_host = False
        self.rig.tick(10)
        self.facts = Facts()

    def do(self, event: str) -> None:
        rig, facts, heater = self.rig, self.facts, self.rig.heater
        supervisor = rig.supervisor
        if event == "open link":
            supervisor.open_link(LINK)
            facts.is_linked = True
        elif event == "permit":
            supervisor.permit(LINK, h.PERMIT_FULL)
        elif event == "request":
            if supervisor.request(LINK, SETPOINT_MDEGC, 10) == h.CAUSE_NONE:
                assert facts.is_linked
                facts.has_asked = True
                facts.pressed_since_asked = False
        elif event == "wrong request":
            assert supervisor.request(LINK + 1, SETPOINT_MDEGC, 10) != h.CAUSE_NONE
            assert supervisor.request(LINK, 41000, 10) != h.CAUSE_NONE
        elif event == "lease":
            if supervisor.renew(LINK, SETPOINT_MDEGC, LEASE_MAX_MS):
                assert facts.is_linked and facts.has_asked
                facts.lease_until_ms = rig.now_ms + LEASE_MAX_MS
        elif event == "wrong lease":
            assert not supervisor.renew(LINK + 1, SETPOINT_MDEGC, LEASE_MAX_MS)
            assert not supervisor.renew(LINK, 40001, LEASE_MAX_MS)
            assert not supervisor.renew(LINK, SETPOINT_MDEGC, LEASE_MAX_MS + 1)
        elif event == "press":
            heater.flags |= hal.FLAG_BUTTON
            facts.pressed_since_asked |= facts.has_asked
            self.let(1)
            heater.flags &= ~hal.FLAG_BUTTON
        elif event == "hold button":
            heater.flags |= hal.FLAG_BUTTON
            facts.pressed_since_asked |= facts.has_asked
            self.let(16)
            heater.flags &= ~hal.FLAG_BUTTON
        elif event == "stop":
            supervisor.stop()
            facts.has_asked = False
        elif event == "warm":
            heater.face(SETPOINT_MDEGC - WARMUP_DONE_MDEGC + 100)
        elif event.startswith("pass"):
            self.let(4 * int(event.split()[1]))
        elif event in ("reset", "power cycle"):
            cause = hal.RESET_WATCHDOG if event == "reset" else hal.RESET_POWER_ON
            was_latched = supervisor.state >= h.LATCHED
            self.rig = Rig(cause, heater)
            self.rig.has_host = False
            self.facts = Facts(faults=facts.faults)
            if was_latched:
                assert self.rig.supervisor.state >= h.LATCHED
        else:
            self.change(event)
        self.let(1)

    def change(self, event: str) -> None:
        heater, faults = self.rig.heater, self.facts.faults
        what, _, how = event.rpartition(" ")
        if event in ("lead on", "usb out", "sensor back"):
            faults.discard(what)
        else:
            faults.add(what or event)
        flags = {"lead": hal.FLAG_LEAD_OFF, "usb": hal.FLAG_VBUS}.get(what, 0)
        heater.flags = heater.flags | flags if how in ("off", "in") else heater.flags & ~flags
        if what == "sensor":
            heater.raw.pop("z", None)
            if how == "open":
                heater.raw["z"] = 65530
        if event == "leak":
            heater.q2_ma = heater.standing_ma = 800

    def let(self, n_ticks: int) -> None:
        for _ in range(n_ticks):
            self.rig.tick()
            self.judge()

    def judge(self) -> None:
        """Heat is on only if everything that a start needs has happened."""
        rig, facts, supervisor = self.rig, self.facts, self.rig.supervisor
        heater = rig.heater
        if not supervisor.is_heating():
            assert not heater.is_q1_closed
            assert heater.duty == 0
            return
        assert facts.has_asked, "heat without a request of a proven host"
        assert facts.pressed_since_asked, "heat without a press"
        assert rig.now_ms < facts.lease_until_ms, "heat without a lease"
        assert supervisor.ledger.permission == h.PERMIT_FULL
        assert supervisor.ledger.is_open, "heat that was not booked"
        assert "leak" not in facts.faults
        assert "usb" not in facts.faults

    def key(self) -> tuple[object, ...]:
        """What tells one situation from another; times only as far as they matter."""
        supervisor, facts = self.rig.supervisor, self.facts
        consent = supervisor.consent
        return (
            supervisor.state,
            supervisor.cause,
            facts.is_linked,
            facts.has_asked,
            facts.pressed_since_asked,
            self.rig.now_ms < facts.lease_until_ms,
            frozenset(facts.faults),
            supervisor.ledger.permission,
            supervisor.ledger.is_open,
            supervisor.ledger.fault,
            supervisor.ledger.sessions_left(),
            consent.is_worn(),
            consent.is_stuck(),
            supervisor.checks.is_settled(500),
            consent.minutes > 0,
        )

    def situation(self) -> tuple[object, ...]:
        """What decides about heat, and nothing else: of these there are few enough to see all."""
        supervisor, facts = self.rig.supervisor, self.facts
        consent, ledger = supervisor.consent, supervisor.ledger
        return (
            supervisor.state,
            facts.is_linked,
            facts.has_asked,
            facts.pressed_since_asked,
            self.rig.now_ms < facts.lease_until_ms,
            frozenset(facts.faults),
            ledger.permission,
            ledger.is_open,
            (ledger.fault != h.CAUSE_NONE) + (ledger.fault >= h.FIRST_LOCK),
            ledger.is_rested(),
            consent.is_worn(),
            consent.is_stuck(),
            supervisor.checks.is_settled(500),
            consent.minutes > 0,
        )


def play(path: tuple[str, ...]) -> World:
    world = World()
    for event in path:
        world.do(event)
    return world


START = ("open link", "permit", "request", "pass 12 s", "lease")


def explore(depth: int) -> tuple[set[tuple[object, ...]], set[int]]:
    """Walk breadth-first through every event in every situation that is new."""
    seen: set[tuple[object, ...]] = set()
    states: set[int] = set()
    # From cold, and from one step before heat: the depth is enough to come back to it.
    waiting: deque[tuple[str, ...]] = deque([(), START, (*START, "press")])
    limit = {0: depth, len(START): len(START) + depth, len(START) + 1: len(START) + 1 + depth}
    longest = max(limit.values())
    while waiting:
        path = waiting.popleft()
        for event in EVENTS:
            world = play((*path, event))
            states.add(world.rig.supervisor.state)
            key = world.key()
            if key in seen:
                continue
            seen.add(key)
            if len(path) + 1 < longest:
                waiting.append((*path, event))
    return seen, states


@pytest.mark.risk("RC-22A")
def test_no_path_heats_without_all_that_a_start_needs() -> None:
    seen, states = explore(2)
    print(f"\n{len(seen)} situations")
    assert len(seen) > 150
    assert states == set(range(len(h.STATE_NAMES)))


@pytest.mark.full
def test_no_situation_that_can_be_reached_leads_to_heat_without_them() -> None:
    """Every event in every situation, until none is new; some minutes on every core."""
    seen: set[tuple[object, ...]] = set()
    level: list[tuple[str, ...]] = [(), START, (*START, "press")]
    n_levels = 0
    with ProcessPoolExecutor() as pool:
        while level:
            ways = [way for ways in pool.map(ways_on, level, chunksize=4) for way in ways]
            level = []
            for path, situation in ways:
                if situation not in seen:
                    seen.add(situation)
                    level.append(path)
            n_levels += 1
    print(f"\n{len(seen)} situations, {n_levels} events deep")
    assert {situation[0] for situation in seen} == set(range(len(h.STATE_NAMES)))


def ways_on(path: tuple[str, ...]) -> list[tuple[tuple[str, ...], tuple[object, ...]]]:
    """Return every path that is one event longer, and the situation at its end."""
    return [((*path, event), play((*path, event)).situation()) for event in EVENTS]


@pytest.mark.parametrize("missing", range(len(START) + 1))
def test_leaving_out_any_step_of_a_start_leaves_heat_off(missing: int) -> None:
    steps = (*START, "press")
    world = play(steps[:missing] + steps[missing + 1 :])
    world.let(8)
    # "pass 12 s" left out: the press comes in the self-test, or before the pad has settled.
    assert not world.rig.supervisor.is_heating()


def test_all_steps_of_a_start_heat() -> None:
    assert play((*START, "press")).rig.supervisor.is_heating()


def test_explorer_finds_a_supervisor_that_needs_no_press(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_heat.supervisor import Supervisor

    def hasty(self: Supervisor) -> None:
        self._start()

    monkeypatch.setattr(Supervisor, "_step_wait", hasty)
    with pytest.raises(AssertionError, match="without a"):
        play((*START, "pass 1 s"))


def test_fake_heater_is_what_the_supervisor_needs() -> None:
    assert {"scan", "drive", "kick", "trip", "clear_trip", "load", "save"} <= set(dir(FakeHeater))
