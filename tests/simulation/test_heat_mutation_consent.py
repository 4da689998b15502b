"""Who wants heat, and when again: a control of it that is taken away is missed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.fake_heater import Rig
from tests.fakes.taken_away import NEVER, with_and_without

from faceloop.twin.heat.board import LINK, heat_up, make_bench, states
from faceloop.twin.heat.campaign import HEATING_STATES, misses, run_fault
from faceloop.twin.heat.faults import fault_named
from faceloop.twin.heat.wearer import nominal_wearer
from faceloop_heat import hal
from faceloop_heat.ledger import Ledger
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import (
    BUTTON_STUCK,
    CAUSE_NONE,
    LATCHED,
    LOCKED,
    PERMIT_FLAGGED,
    RISE,
    WARMUP,
)


@pytest.mark.mutation("RC-15")
def test_lease_taken_away_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_heat.consent import Consent

    fault = fault_named("host_silent")

    def found() -> list[str]:
        run = run_fault(fault, nominal_wearer(), HEATING_STATES["HOLD"], logic="python")
        return misses(run, fault)

    change = (Consent, "has_lease", lambda self: True)
    before, after = with_and_without(monkeypatch, found, change)
    assert before == [] and after


@pytest.mark.mutation("RC-20B")
def test_permission_taken_away_lets_anybody_heat(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> int:
        bench = make_bench(nominal_wearer(), logic="python")
        bench.supervisor.permit(LINK, PERMIT_FLAGGED)
        return int(bench.supervisor.request(LINK, 40_000, 10))

    change = ("consent.is_setpoint", lambda setpoint, permission: True)
    before, after = with_and_without(monkeypatch, asked, change)
    assert before != CAUSE_NONE
    assert after == CAUSE_NONE


@pytest.mark.parametrize("what", ["is_proven", "has_lease", "press"])
@pytest.mark.mutation("RC-22A")
def test_proof_press_or_lease_taken_away_starts_without(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceloop_heat.consent import Consent

    def heats() -> bool:
        bench = make_bench(nominal_wearer(), logic="python")
        bench.is_host_silent = True
        bench.run(12_000.0)  # worn and settled
        link = LINK + 1 if what == "is_proven" else LINK
        bench.supervisor.request(link, 39_000, 10)
        for second in range(8):
            if what != "has_lease":
                bench.supervisor.renew(link, 39_000, limits.LEASE_MAX_MS)
            if what != "press" and second == 5:
                bench.pad.press()
            if bench.run(1_000.0, states(WARMUP)):
                return True
        return False

    change: tuple[Any, ...] = (Consent, what, lambda *_: True)
    if what == "press":
        update = Consent.update

        def pressed(self: Consent, flags: int, elapsed_ms: int) -> None:
            update(self, flags, elapsed_ms)
            self.is_new_press = True

        change = (Consent, "update", pressed)
    assert with_and_without(monkeypatch, heats, change) == (False, True)


@pytest.mark.mutation("RC-22B")
def test_range_taken_away_lets_a_host_ask_for_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> int:
        bench = make_bench(nominal_wearer(), logic="python")
        return int(bench.supervisor.request(LINK, 60_000, 10))

    change = ("consent.SETPOINT_MAX_MDEGC", 70_000)
    before, after = with_and_without(monkeypatch, asked, change)
    assert before != CAUSE_NONE
    assert after == CAUSE_NONE


@pytest.mark.mutation("RC-25")
def test_rest_taken_away_lets_the_next_session_begin_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def second() -> bool:
        bench = make_bench(nominal_wearer(), logic="python", step_ms=250)
        assert heat_up(bench)
        bench.run(70_000.0)
        bench.supervisor.stop()
        bench.run(310_000.0)
        return heat_up(bench)

    assert with_and_without(monkeypatch, second, ("ledger.REST_S", 0)) == (False, True)


@pytest.mark.mutation("RC-12")
def test_count_of_resets_taken_away_never_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def locks() -> bool:
        heater = Rig().heater
        for _ in range(limits.RESETS_BEFORE_LOCK):
            rig = Rig(hal.RESET_WATCHDOG, heater)
            rig.tick(8)
        return bool(rig.supervisor.state == LOCKED)

    assert with_and_without(monkeypatch, locks, ("ledger.RESETS_WINDOW_S", 0)) == (True, False)


@pytest.mark.mutation("RC-12")
def test_count_of_faults_taken_away_never_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def locks() -> bool:
        ledger = Ledger()
        return [ledger.note_latch(RISE) for _ in range(limits.LATCHES_BEFORE_LOCK)][-1]

    assert with_and_without(monkeypatch, locks, ("ledger.DAY_S", 0)) == (True, False)


@pytest.mark.mutation("RC-12")
@pytest.mark.parametrize(
    ("constant", "value", "mdegc", "n_ticks"),
    [
        ("start.LATCH_CLEAR_MDEGC", NEVER, limits.LATCH_CLEAR_MDEGC + 20, 14),
        ("consent.BUTTON_CLEAR_MS", 0, limits.LATCH_CLEAR_MDEGC - 20, 2),
    ],
)
def test_what_a_fault_waits_for_taken_away_ends_it_too_soon(
    constant: str, value: int, mdegc: int, n_ticks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends() -> bool:
        rig = Rig().ready()
        rig.supervisor._latch(RISE)
        rig.heater.mdegc["b"] = mdegc
        rig.tick(4)
        rig.heater.flags |= hal.FLAG_BUTTON
        rig.tick(n_ticks)
        rig.heater.flags &= ~hal.FLAG_BUTTON
        rig.tick(10)
        return bool(rig.supervisor.state != LATCHED)

    assert with_and_without(monkeypatch, ends, (f"{constant}", value)) == (False, True)


@pytest.mark.mutation("RC-21B")
def test_limit_of_a_held_button_taken_away_waits_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cause() -> int:
        rig = Rig()
        rig.heater.flags = hal.FLAG_BUTTON
        rig.ready()
        rig.supervisor.request(LINK, 39_000, 10)
        rig.tick(60)
        return int(rig.supervisor.cause)

    before, after = with_and_without(monkeypatch, cause, ("consent.BUTTON_STUCK_MS", NEVER))
    assert before == BUTTON_STUCK
    assert after != BUTTON_STUCK
