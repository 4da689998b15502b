"""Rows of the fault list that are no broken part, in every heating state; none is left out."""

from __future__ import annotations

import pytest
from tests.fakes.fake_heater import LINK, TEST_TICKS, Rig

from faceloop.twin.heat.faults import FAULTS
from faceloop_heat import hal
from faceloop_heat.ledger import GOOD, Ledger
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits

TICK = limits.TICK_MS
STATES = pytest.mark.parametrize(
    "state", [h.WARMUP, h.HOLD, h.PAUSED], ids=["WARMUP", "HOLD", "PAUSED"]
)
HERE = (12, 20, 22, 23, 24, 25)


def test_every_row_of_the_fault_list_is_tested_in_every_state() -> None:
    assert {fault.row for fault in FAULTS} | set(HERE) == set(range(1, 27))


@pytest.mark.risk("RC-12")
@STATES
def test_row_12_third_reset_in_ten_minutes_locks(state: int) -> None:
    rig = Rig().brought_to(state)
    for n in range(1, limits.RESETS_BEFORE_LOCK + 1):
        rig = Rig(hal.RESET_WATCHDOG, rig.heater)
        assert not rig.heater.is_q1_closed
        is_third = n == limits.RESETS_BEFORE_LOCK
        assert rig.supervisor.state == (h.LOCKED if is_third else h.LATCHED)
        rig.tick(8)
        assert not rig.heater.is_q1_closed
    assert rig.supervisor.cause == h.RESETS


@STATES
def test_row_20_flagged_wearer_gets_at_most_38_5_and_none_more_on_the_way(state: int) -> None:
    rig = Rig()
    rig.setpoint_mdegc = limits.SETPOINT_FLAGGED_MAX_MDEGC
    rig.ready()
    assert rig.supervisor.permit(LINK, h.PERMIT_FLAGGED)
    rig.ready = lambda: rig  # type: ignore[method-assign]
    rig.brought_to(state, 37500)
    supervisor = rig.supervisor
    for permission in (h.PERMIT_FULL, h.PERMIT_FLAGGED):
        assert not supervisor.permit(LINK, permission), "no more while heat is on"
    before_ms = supervisor.consent.lease_ms
    assert not supervisor.renew(LINK, limits.SETPOINT_FLAGGED_MAX_MDEGC + 1, 5000)
    assert supervisor.consent.lease_ms == before_ms
    assert supervisor.consent.setpoint_mdegc <= limits.SETPOINT_FLAGGED_MAX_MDEGC
    assert supervisor.renew(LINK, limits.SETPOINT_FLAGGED_MAX_MDEGC, 5000)


@STATES
@pytest.mark.parametrize("permission", [h.PERMIT_FLAGGED, h.PERMIT_NONE])
@pytest.mark.parametrize("is_storage_broken", [False, True])
def test_row_20_less_permission_ends_heat_at_once(
    state: int, permission: int, is_storage_broken: bool
) -> None:
    rig = Rig().brought_to(state)
    supervisor = rig.supervisor
    rig.heater.is_save_broken = is_storage_broken
    assert supervisor.permit(LINK, permission) is not is_storage_broken
    assert not rig.heater.is_q1_closed
    assert (supervisor.state, supervisor.cause) == (h.COOL, h.STOPPED)
    assert supervisor.ledger.permission == permission
    rig.heater.is_save_broken = False
    rig.tick(242)
    kept = Ledger()
    assert kept.load([rig.heater.slots.get(0), rig.heater.slots.get(1)]) == GOOD
    assert (kept.permission, kept.is_open) == (permission, False)


@pytest.mark.parametrize("n_ticks", [1, 48])
def test_row_20_less_permission_withdraws_what_was_asked_for(n_ticks: int) -> None:
    rig = Rig().ready()
    assert rig.supervisor.request(LINK, 40000, 15) == h.CAUSE_NONE
    rig.tick(n_ticks)
    assert rig.supervisor.state == (h.BOOT_TEST if n_ticks == 1 else h.WAIT_BUTTON)
    assert rig.supervisor.permit(LINK, h.PERMIT_FLAGGED)
    rig.press().tick(12)
    assert rig.supervisor.state == h.OFF


def test_row_20_more_that_cannot_be_kept_is_not_granted() -> None:
    rig = Rig().ready()
    assert rig.supervisor.permit(LINK, h.PERMIT_FLAGGED)
    rig.heater.is_save_broken = True
    assert not rig.supervisor.permit(LINK, h.PERMIT_FULL)
    assert rig.supervisor.ledger.permission == h.PERMIT_FLAGGED
    rig.supervisor._latch(h.RISE)
    assert not rig.supervisor.permit(LINK, h.PERMIT_FULL)
    rig.heater.is_save_broken = False
    assert rig.supervisor.permit(LINK, h.PERMIT_NONE), "less, in every state"


@STATES
def test_row_22_lease_may_lower_what_was_pressed_for_and_never_exceed_it(state: int) -> None:
    rig = Rig()
    rig.setpoint_mdegc = 38000
    supervisor = rig.brought_to(state, 37000).supervisor
    assert not supervisor.renew(LINK, 38001, 5000)
    assert supervisor.renew(LINK, 36000, 5000)
    assert not supervisor.renew(LINK, 38001, 5000)
    assert supervisor.renew(LINK, 38000, 5000)


@STATES
def test_row_22_wrong_commands_change_nothing(state: int) -> None:
    rig = Rig().brought_to(state)
    supervisor = rig.supervisor
    consent = supervisor.consent
    before = (consent.lease_ms, consent.setpoint_mdegc, consent.minutes, supervisor.state)
    stranger = LINK + 1
    assert not supervisor.renew(stranger, 39000, 5000)
    assert not supervisor.renew(LINK, 60000, 5000)
    assert not supervisor.renew(LINK, 39000, limits.LEASE_MAX_MS + 1)
    assert not supervisor.confirm(stranger)
    assert not supervisor.permit(stranger, h.PERMIT_FULL)
    assert not supervisor.note_time(stranger, 2_000_000_000)
    assert supervisor.request(LINK, 39000, 15) == h.BUSY
    assert supervisor.request(stranger, 39000, 15) == h.BUSY
    assert not supervisor.unlock()
    assert before == (consent.lease_ms, consent.setpoint_mdegc, consent.minutes, supervisor.state)


@pytest.mark.risk("RC-26")
@STATES
@pytest.mark.parametrize(("mdegc", "latches"), [(42990, False), (43010, True)])
def test_row_23_face_of_43_is_off_and_latched_after_a_second(
    state: int, mdegc: int, latches: bool
) -> None:
    rig = Rig().brought_to(state)
    rig.heater.lift(mdegc)
    n_ticks = limits.FACE_LATCH_MS // TICK
    rig.tick(n_ticks - 1)
    assert rig.supervisor.state < h.LATCHED
    rig.tick()
    assert (rig.supervisor.state == h.LATCHED) is latches
    assert not rig.heater.is_q1_closed, "so fast a rise has paused it before"
    if latches:
        assert rig.supervisor.cause == h.FACE_HOT


@pytest.mark.parametrize(("mdegc", "resumes"), [(40980, True), (41020, False)])
def test_row_23_pause_ends_below_41(mdegc: int, resumes: bool) -> None:
    rig = Rig().brought_to(h.PAUSED, 40000)
    rig.heater.face(mdegc)
    rig.tick(44)  # ten seconds, so that the way there no longer counts as a rise
    rig.has_host = True
    rig.tick(TEST_TICKS)
    assert rig.supervisor.is_heating() is resumes
    assert rig.heater.is_q1_closed is resumes


@pytest.mark.risk("RC-24")
@pytest.mark.parametrize("state", [h.WARMUP, h.HOLD], ids=["WARMUP", "HOLD"])
@pytest.mark.parametrize(("rise_mdegc", "latches"), [(980, False), (1020, True)])
def test_row_24_fast_rise_by_power_latches_at_once(
    state: int, rise_mdegc: int, latches: bool
) -> None:
    rig = Rig().brought_to(state)
    rig.tick(44)
    for n in range(1, limits.RISE_MS // TICK + 1):
        rig.heater.face(38000 + rise_mdegc * n * TICK // limits.RISE_MS)
        rig.heater.mdegc["b"] += 20  # as much as the face, and what a code may be short of
        rig.tick()
    assert (rig.supervisor.cause == h.RISE) is latches
    assert rig.heater.is_q1_closed is not latches


@pytest.mark.risk("RC-24")
@STATES
@pytest.mark.parametrize(("rise_mdegc", "is_fast"), [(980, False), (1020, True)])
def test_row_24_fast_rise_is_off_at_once_and_latches_without_heat(
    state: int, rise_mdegc: int, is_fast: bool
) -> None:
    rig = Rig().brought_to(state)
    at_mdegc = 38000
    if state != h.PAUSED:
        rig.tick(44)
        at_mdegc += rise_mdegc
        rig.heater.lift(at_mdegc)
        rig.tick()
        assert (rig.supervisor.cause == h.CONTACT_CHANGED) is is_fast
        assert rig.heater.is_q1_closed is not is_fast
    # It goes on without heat, as fast as before.
    rig.has_host = False
    step_mdegc = rise_mdegc // (limits.RISE_MS // TICK) + is_fast
    for _ in range(2 * limits.RISE_MS // TICK):
        at_mdegc += step_mdegc
        rig.heater.lift(at_mdegc)
        rig.heater.mdegc["b"] += step_mdegc
        rig.tick()
        if rig.supervisor.state == h.LATCHED:
            break
    assert (rig.supervisor.cause == h.RISE) is is_fast
    assert not (is_fast and rig.heater.is_q1_closed)


@STATES
@pytest.mark.parametrize("what", ["dose", "time"])
def test_row_25_used_up_ends_in_every_state(state: int, what: str) -> None:
    rig = Rig().brought_to(state)
    session = rig.supervisor.session
    if what == "dose":
        session._budget_umin = session.dose.umin + 10**6
        rig.tick(2)
        assert rig.supervisor.state == state
        session._budget_umin = session.dose.umin + 1
    else:
        session.heated_ms = limits.HEATER_ON_MAX_MS - (1 if state == h.PAUSED else 3 * TICK)
        rig.tick(2)
        assert rig.supervisor.state == state
        session.heated_ms = limits.HEATER_ON_MAX_MS
    rig.tick(1 if what == "time" else 4)
    expected = h.DOSE_USED if what == "dose" else h.SESSION_DONE
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.COOL, expected)
    assert not rig.heater.is_q1_closed
    assert rig.supervisor.ledger.is_open is False, "settled, and no resume"
