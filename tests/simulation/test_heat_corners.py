"""Corners of the supervisor that sessions seldom see; with the rules, every branch of it."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from tests.fakes.fake_heater import (
    AREA_CM2,
    HEATER_MOHM,
    REST_TICKS,
    TEST_TICKS,
    FakeHeater,
    Rig,
)

from faceloop_heat import hal
from faceloop_heat.checks import Checks
from faceloop_heat.controller import Controller
from faceloop_heat.ledger import Ledger
from faceloop_heat.output import Output
from faceloop_heat.selftest import RUNNING, SelfTest
from faceloop_heat.session import Session
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits

FULL_MA = 3900 * 1000 // HEATER_MOHM


def inputs(**values: int) -> array[int]:
    filled = array("i", [0] * hal.N_INPUTS)
    filled[hal.IN_SUPPLY_MV] = 3900
    for name, value in values.items():
        filled[getattr(hal, f"IN_{name.upper()}")] = value
    return filled


@pytest.mark.parametrize(
    ("core_mdegc", "rest_mdegc"), [(33500, 0), (31500, -1500), (20000, -2000)]
)
def test_rest_of_the_core_is_taken_within_its_limits(core_mdegc: int, rest_mdegc: int) -> None:
    checks = Checks(AREA_CM2, HEATER_MOHM)
    checks.begin(33000, core_mdegc)
    assert checks._rest_mdegc == rest_mdegc


@pytest.mark.parametrize("flag", [hal.FLAG_HW1, hal.FLAG_HW2])
def test_cut_off_latches_and_a_young_clock_is_no_fault(flag: int) -> None:
    checks = Checks(AREA_CM2, HEATER_MOHM)
    assert checks.fault(inputs(), 35000, 35500, 250, 0, False, False) == h.CAUSE_NONE
    assert checks.fault(inputs(flags=flag), 35000, 35500, 250, 0, False, False) == h.HARDWARE_TRIP


def test_controller_resumes_within_its_power_and_derates_the_core() -> None:
    controller = Controller(AREA_CM2)
    controller.resume(38000, 9000, 3000)
    assert 0 < controller.step(39000, 38000, 39000, 3000) <= 3000
    assert controller.step(39000, 38000, limits.CORE_ZERO_MDEGC, 3000) == 0
    half = (limits.CORE_DERATE_MDEGC + limits.CORE_ZERO_MDEGC) // 2
    assert controller.step(39000, 36500, half, 3000) <= 1500
    controller.step(36000, 38000, 39000, 3000)
    assert controller.target_mdegc() == 36000, "cooler at once"


def test_pulse_at_the_start_is_derated_by_the_core() -> None:
    rig = Rig().asked().press()
    rig.tick()
    full = rig.heater.duty
    half = (limits.CORE_DERATE_MDEGC + limits.CORE_ZERO_MDEGC) // 2
    duties = []
    for core_mdegc in (half, limits.CORE_ZERO_MDEGC + 10):
        rig.heater.mdegc["b"] = core_mdegc
        rig.tick()
        assert rig.supervisor.session.is_pulse() and rig.supervisor.is_heating()
        duties.append(rig.heater.duty)
    assert full > 900
    assert abs(duties[0] - full // 2) < 10
    assert duties[1] == 0


def test_face_that_was_too_warm_has_to_come_near_the_set_point_again() -> None:
    rig = Rig()
    rig.setpoint_mdegc = 38500
    rig.warm(38000)
    rig.supervisor._pause(h.FACE_WARM)
    rig.heater.responses_mdegc = {"b": 15}
    rig.heater.face(38500 + limits.FACE_OVER_RESUME_MDEGC + 20)
    rig.tick(50)
    assert rig.supervisor.state == h.PAUSED
    rig.heater.face(38500 + limits.FACE_OVER_RESUME_MDEGC - 20)
    rig.tick(TEST_TICKS)
    assert rig.supervisor.is_heating()


def test_duty_never_goes_over_the_whole() -> None:
    output = Output(FakeHeater(), AREA_CM2, HEATER_MOHM)
    output.set_power(99_000, inputs())
    assert output.duty_permille == 1000
    output.set_power(1000, inputs(supply_mv=0))
    assert output.duty_permille == 0


def test_settling_nothing_changes_nothing_and_a_new_day_forgets_short_sessions() -> None:
    ledger = Ledger()
    ledger.settle(5, 0)
    assert ledger.day_dose_umin() == 0
    ledger.book(1000)
    ledger.settle(7, 1000)
    assert ledger.day_dose_umin() == 7
    ledger.advance(1000 * limits.DAY_S)
    ledger.book(1000)
    ledger.settle(9, 1000)
    assert (ledger.day_dose_umin(), ledger.sessions_left()) == (9, limits.SESSIONS_PER_DAY)


@pytest.mark.parametrize(
    ("step", "wrong", "cause"),
    [
        (0, {"q1_only_ma": 60}, h.SWITCH_SHORT),
        (0, {"q2_only_ma": 60}, h.SWITCH_SHORT),
        (0, {"flags": hal.FLAG_HW1}, h.TRIP_TEST),
        (1, {"heater_ma": 100}, h.HEATER),
        (2, {"flags": 0}, h.TRIP_TEST),
        (2, {"flags": hal.FLAG_HW1, "heater_ma": 800}, h.TRIP_TEST),
        (3, {"flags": hal.FLAG_HW1, "heater_ma": FULL_MA}, h.TRIP_TEST),
        (3, {"heater_ma": 100}, h.TRIP_TEST),
        (4, {"flags": 0}, h.TRIP_TEST),
        (4, {"flags": hal.FLAG_HW2, "heater_ma": 800}, h.TRIP_TEST),
        (5, {"flags": hal.FLAG_HW2, "heater_ma": FULL_MA}, h.TRIP_TEST),
        (5, {"heater_ma": 100}, h.TRIP_TEST),
    ],
)
def test_self_test_fails_at_each_of_its_steps(step: int, wrong: Any, cause: int) -> None:
    right: tuple[dict[str, int], ...] = (
        {},
        {"heater_ma": FULL_MA},
        {"flags": hal.FLAG_HW1},
        {"heater_ma": FULL_MA},
        {"flags": hal.FLAG_HW2},
        {"heater_ma": FULL_MA},
    )
    test = SelfTest(HEATER_MOHM)
    for before in right[:step]:
        assert test.step(inputs(**before)) == RUNNING
    assert test.step(inputs(**wrong)) == cause
    assert test.trip == hal.TRIP_NONE
    test.start()
    results = [test.step(inputs(**each)) for each in right]
    assert results == [RUNNING] * 5 + [h.CAUSE_NONE]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"flags": hal.FLAG_VBUS}, h.USB_POWER),
        ({"flags": hal.FLAG_TIMER}, h.TIMER_EXPIRED),
        ({"supply_mv": limits.SUPPLY_LOW_MV - 1}, h.BATTERY_LOW),
        ({}, h.CAUSE_NONE),
    ],
)
def test_supply_timer_and_cable_end_a_session(changes: Any, cause: int) -> None:
    session = Session()
    session.begin(1000, 60000, 33000, 33000)
    assert session.end_cause(inputs(**changes), limits.SUPPLY_LOW_MS) == cause


def test_used_dose_and_time_end_a_session() -> None:
    session = Session()
    session.begin(0, 60000, 33000, 33000)
    assert session.end_cause(inputs(), 250) == h.DOSE_USED
    session.begin(1 << 29, 1000, 33000, 33000)
    session.count(39000, 1000, True)
    assert session.end_cause(inputs(), 250) == h.SESSION_DONE


def test_slow_warm_up_is_told_and_is_no_fault() -> None:
    rig = Rig().warm(37000)
    for _ in range(limits.WARMUP_MESSAGE_MS // 250):
        rig.supervisor.confirm(1)
        rig.tick()
        if rig.supervisor.info() & h.INFO_SLOW_WARMUP:
            break
    assert rig.supervisor.state == h.WARMUP
    assert rig.supervisor.info() & h.INFO_SLOW_WARMUP


def test_a_tick_that_is_not_due_does_nothing() -> None:
    rig = Rig().ready()
    kicks = rig.heater.kicks
    assert not rig.supervisor.tick(rig.now_ms + 249)
    assert rig.heater.kicks == kicks
    assert rig.supervisor.tick(rig.now_ms + 250)


def test_button_that_is_stuck_ends_heat() -> None:
    rig = Rig().warm()
    # Held from the press that started it: not a new press, and never let go.
    rig.supervisor.consent._was_pressed = True
    rig.heater.flags |= hal.FLAG_BUTTON
    rig.tick(limits.BUTTON_STUCK_MS // 250 + 2)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.COOL, h.BUTTON_STUCK)


def test_too_many_pauses_end_heat() -> None:
    rig = Rig().warm(38000)
    for _ in range(limits.PAUSES_MAX + 1):
        assert rig.supervisor.is_heating()
        rig.heater.flags |= hal.FLAG_LEAD_OFF
        rig.tick(limits.LEAD_OFF_MS // 250 + 1)
        rig.heater.flags &= ~hal.FLAG_LEAD_OFF
        if rig.supervisor.state == h.COOL:
            break
        rig.heater.responses_mdegc = {"b": 15}
        rig.tick(limits.LEAD_ON_MS // 250 + REST_TICKS + TEST_TICKS)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.COOL, h.PAUSED_TOO_OFTEN)


def test_three_hangs_lock() -> None:
    heater = FakeHeater()
    for _ in range(limits.RESETS_BEFORE_LOCK):
        rig = Rig(hal.RESET_WATCHDOG, heater)
        rig.tick(12)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.LOCKED, h.RESETS)


def test_pad_that_is_too_hot_while_it_cools_latches() -> None:
    rig = Rig().warm()
    rig.supervisor.stop()
    rig.tick()
    assert rig.supervisor.state == h.COOL
    rig.heater.face(limits.FACE_LATCH_MDEGC + 200)
    rig.tick(6)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.LATCHED, h.FACE_HOT)


@pytest.mark.parametrize(("n_ticks", "is_testing"), [(REST_TICKS - 1, False), (REST_TICKS, True)])
def test_resume_waits_until_heat_has_been_off_for_long_enough(
    n_ticks: int, is_testing: bool
) -> None:
    rig = Rig().warm()
    rig.heater.frames_per_tick = 2000
    rig.tick(1, elapsed_ms=1000)
    rig.heater.frames_per_tick = 500
    assert rig.supervisor.state == h.PAUSED
    rig.tick(n_ticks)
    assert rig.supervisor._is_testing is is_testing


@pytest.mark.parametrize(
    ("is_unplugged", "n_ticks", "latches"), [(False, 1, False), (False, 2, True), (True, 9, False)]
)
def test_cut_off_that_opens_while_the_pad_cools_latches_if_there_is_a_pad(
    is_unplugged: bool, n_ticks: int, latches: bool
) -> None:
    rig = Rig().warm()
    rig.supervisor.stop()
    rig.tick()
    rig.heater.face(limits.FACE_LATCH_MDEGC + 200)
    rig.heater.flags |= hal.FLAG_HW1
    if is_unplugged:
        rig.tick()  # HW1 saw it a scan sooner
        rig.heater.raw = dict.fromkeys("aczbh", 65530)
    rig.tick(n_ticks)
    expected = (h.LATCHED, h.HARDWARE_TRIP) if latches else (h.COOL, h.STOPPED)
    assert (rig.supervisor.state, rig.supervisor.cause) == expected


def test_each_cooling_counts_the_trips_of_its_own() -> None:
    rig = Rig().warm()
    rig.heater.flags |= hal.FLAG_HW2
    for _ in range(2):
        rig.supervisor._cool(h.STOPPED)
        rig.tick()
    assert rig.supervisor.state == h.COOL


@pytest.mark.parametrize("since", ["boot", "before the fault"])
def test_button_held_from_before_clears_no_fault(since: str) -> None:
    heater = FakeHeater()
    heater.flags = hal.FLAG_BUTTON
    if since == "boot":
        heater.flags = 0
        before = Rig(heater=heater).tick(10)
        before.supervisor._latch(h.RISE)
        before.tick()
        heater.flags = hal.FLAG_BUTTON
        held = Rig(heater=heater)
    else:
        heater.flags = 0
        held = Rig(heater=heater).tick(10)
        heater.flags = hal.FLAG_BUTTON
        held.tick(2)
        held.supervisor._latch(h.RISE)
    for _ in range(limits.BUTTON_STUCK_MS // 250):
        held.tick()
        assert held.supervisor.state == h.LATCHED
    heater.flags = 0
    held.tick()
    heater.flags = hal.FLAG_BUTTON
    held.tick(limits.BUTTON_CLEAR_MS // 250)
    assert held.supervisor.state == h.BOOT_TEST


def test_one_long_press_is_one_self_test() -> None:
    rig = Rig().ready()
    rig.supervisor._latch(h.RISE)
    rig.tick(2)
    rig.heater.flags |= hal.FLAG_BUTTON | hal.FLAG_VBUS  # the cable: nothing can be proven
    states = [rig.tick().supervisor.state for _ in range(limits.BUTTON_STUCK_MS // 250)]
    assert states.count(h.BOOT_TEST) == 1
    assert states[-1] == h.LATCHED
