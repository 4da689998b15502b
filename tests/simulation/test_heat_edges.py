"""Both sides of the limits that the hardware keeps, and of those before and after heat."""

from __future__ import annotations

from array import array

import pytest
from tests.fakes.fake_heater import AREA_CM2, HEATER_MOHM, LINK, FakeHeater, Rig

from faceloop.twin.heat._trips import Comparator, CoreSwitch, Timer, VbusGate, WindowWatchdog
from faceloop_heat import hal
from faceloop_heat.checks import Checks
from faceloop_heat.ledger import Ledger
from faceloop_heat.sensors import Sensors
from faceloop_heat.session import Session
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits

TICK = limits.TICK_MS
MOST_MDEGC = limits.FACE_PAUSE_MDEGC


# The hardware behind the supervisor.


@pytest.mark.parametrize(("off_degc", "trips"), [(-0.01, False), (0.0, True)])
def test_hw1_trips_at_its_value_and_stays(off_degc: float, trips: bool) -> None:
    hw1 = Comparator(limits.HW1_TRIP_MDEGC / 1000)
    hw1.show(limits.HW1_TRIP_MDEGC / 1000 + off_degc)
    assert hw1.is_tripped is trips
    hw1.show(30.0)
    assert hw1.is_tripped is trips
    hw1.clear()
    assert not hw1.is_tripped


def test_hw2_opens_at_its_value_and_closes_below_another() -> None:
    trip, reset = limits.HW2_TRIP_MDEGC / 1000, limits.HW2_RESET_MDEGC / 1000
    hw2 = CoreSwitch(trip, reset)
    shown = []
    for core_degc in (trip - 0.01, trip, reset + 0.01, reset):
        hw2.show(core_degc)
        shown.append(hw2.is_open)
    assert shown == [False, True, True, False]


def test_timer_opens_after_30_min_and_starts_anew_after_a_minute_off() -> None:
    timer = Timer()
    timer.run(True, limits.HW_TIMER_MS - 1)
    assert not timer.is_expired
    timer.run(True, 1)
    assert timer.is_expired
    timer.run(False, limits.HW_TIMER_RESET_MS - 1)
    assert timer.is_expired
    timer.run(False, 1)
    assert not timer.is_expired


@pytest.mark.parametrize(
    ("after_ms", "bites"),
    [
        (limits.WATCHDOG_FIRST_MS - 1, True),
        (limits.WATCHDOG_FIRST_MS, False),
        (limits.WATCHDOG_LAST_MS - 1, False),
        (limits.WATCHDOG_LAST_MS, True),
    ],
)
def test_watchdog_opens_outside_of_its_window(after_ms: int, bites: bool) -> None:
    watchdog = WindowWatchdog()
    assert watchdog.is_open, "until the first kick"
    watchdog.kick()
    watchdog.run(after_ms)
    if after_ms < limits.WATCHDOG_LAST_MS:
        watchdog.kick()
    assert (watchdog.is_open, watchdog.wants_reset) == (bites, bites)


@pytest.mark.parametrize(("for_ms", "opens"), [(limits.VBUS_GATE_MS - 1, False), (10, True)])
def test_gate_opens_after_ten_ms_of_usb_power(for_ms: int, opens: bool) -> None:
    gate = VbusGate()
    gate.has_vbus = True
    gate.run(for_ms)
    assert gate.is_blocking() is opens


# Core and face, for a power that has been the same for long.


def lead_cause(lead_mdegc: int, power_mw: int, n_ticks: int, rest_mdegc: int = 0) -> int:
    inputs = array("i", [0] * hal.N_INPUTS)
    inputs[hal.IN_SUPPLY_MV] = 3900
    inputs[hal.IN_HEATER_MA] = 3900 * 1000 // HEATER_MOHM
    inputs[hal.IN_RAIL_MV] = limits.RAIL_MV
    checks = Checks(AREA_CM2, HEATER_MOHM)
    checks.begin(33000, 33000 + rest_mdegc)
    for _ in range(1000):
        assert checks.fault(inputs, 37000, 37500, TICK, power_mw, True, True) == h.CAUSE_NONE
    cause = h.CAUSE_NONE
    for _ in range(n_ticks):
        cause = checks.fault(inputs, 37000, 37000 + lead_mdegc, TICK, power_mw, True, True)
    return cause


@pytest.mark.parametrize(
    ("power_mw", "most_mdegc"), [(0, 3000), (625, 3000), (1000, 3600), (2000, 5200)]
)
def test_core_above_face_by_more_than_its_power_explains(power_mw: int, most_mdegc: int) -> None:
    n_ticks = limits.CORE_FACE_MS // TICK
    assert lead_cause(most_mdegc, power_mw, 2 * n_ticks) == h.CAUSE_NONE
    assert lead_cause(most_mdegc + 10, power_mw, n_ticks - 1) == h.CAUSE_NONE
    assert lead_cause(most_mdegc + 10, power_mw, n_ticks) == h.SENSOR_CORE


# How far the core was below the face at rest comes on top, at most CORE_BELOW_REST_MDEGC; a core
# that was above it brings nothing.
@pytest.mark.parametrize(
    ("rest_mdegc", "least_mdegc"),
    [(0, -1000), (700, -1000), (-500, -1500), (-2000, -3000), (-2500, -3000)],
)
@pytest.mark.parametrize("power_mw", [1100, 3000])
def test_core_below_face_while_it_heats(power_mw: int, rest_mdegc: int, least_mdegc: int) -> None:
    n_ticks = limits.CORE_FACE_MS // TICK
    assert lead_cause(least_mdegc, power_mw, 2 * n_ticks, rest_mdegc) == h.CAUSE_NONE
    assert lead_cause(least_mdegc - 10, power_mw, n_ticks - 1, rest_mdegc) == h.CAUSE_NONE
    assert lead_cause(least_mdegc - 10, power_mw, n_ticks, rest_mdegc) == h.SENSOR_CORE


@pytest.mark.parametrize(
    ("power_mw", "lead_mdegc", "n_short", "is_off"),
    [
        (2000, 499, 0, True),
        (2000, 500, 0, False),
        (499, 100, 0, False),
        (500, 124, 0, True),
        (2000, 499, 1, False),
    ],
)
def test_pad_off_the_skin_by_core_per_watt(
    power_mw: int, lead_mdegc: int, n_short: int, is_off: bool
) -> None:
    checks = Checks(AREA_CM2, HEATER_MOHM)
    causes = {
        checks.pause(36000, 36000 + lead_mdegc, TICK, power_mw, MOST_MDEGC)
        for _ in range(limits.OFF_SKIN_MS // TICK - n_short)
    }
    assert (h.OFF_SKIN in causes) is is_off


@pytest.mark.parametrize(
    ("off_mdegc", "power_mw", "n_short", "pauses"),
    [(0, 1, 0, True), (0, 1, 1, False), (-1, 1, 0, False), (0, 0, 0, False)],
)
def test_power_while_the_face_is_far_above_the_set_point_pauses(
    off_mdegc: int, power_mw: int, n_short: int, pauses: bool
) -> None:
    checks = Checks(AREA_CM2, HEATER_MOHM)
    face_mdegc = 38500 + limits.FACE_OVER_MDEGC + off_mdegc
    causes = {
        checks.pause(face_mdegc, face_mdegc + 1500, TICK, power_mw, 38500 + limits.FACE_OVER_MDEGC)
        for _ in range(limits.FACE_PAUSE_MS // TICK - n_short)
    }
    assert (h.FACE_WARM in causes) is pauses
    assert limits.SETPOINT_MAX_MDEGC + limits.FACE_OVER_MDEGC == limits.FACE_PAUSE_MDEGC


def test_third_fast_rise_of_a_session_latches() -> None:
    checks = Checks(AREA_CM2, HEATER_MOHM)
    inputs = array("i", [0] * hal.N_INPUTS)
    for face_mdegc in (36500, 37600):
        checks.note(inputs, face_mdegc, 39000, TICK)
    causes = [
        checks.pause(37600, 39000, TICK, 0, MOST_MDEGC) for _ in range(limits.RISES_BEFORE_LATCH)
    ]
    assert causes == [h.CONTACT_CHANGED] * (limits.RISES_BEFORE_LATCH - 1) + [h.RISE]
    below = Checks(AREA_CM2, HEATER_MOHM)
    for face_mdegc in (35000, limits.RISE_FROM_MDEGC - 1):
        below.note(inputs, face_mdegc, face_mdegc, TICK)
    assert below.pause(limits.RISE_FROM_MDEGC - 1, 38000, TICK, 0, MOST_MDEGC) == h.CAUSE_NONE


# Before heat.


@pytest.mark.parametrize(
    ("supply_mv", "starts"), [(limits.SUPPLY_START_MV + 1, True), (limits.SUPPLY_START_MV, False)]
)
def test_more_than_3_6_v_of_the_cell_are_needed(supply_mv: int, starts: bool) -> None:
    rig = Rig().asked()
    rig.heater.supply_mv = supply_mv
    rig.press()
    assert rig.supervisor.is_heating() is starts


@pytest.mark.parametrize(("off_umin", "starts"), [(0, True), (-1, False)])
def test_dose_for_a_session_has_to_be_left(off_umin: int, starts: bool) -> None:
    rig = Rig().asked()
    left_umin = limits.DOSE_LEAST_UMIN + off_umin
    rig.supervisor.ledger._loose_umin = limits.DOSE_DAY_UMIN - left_umin
    rig.press()
    assert rig.supervisor.is_heating() is starts


@pytest.mark.parametrize(("off_umin", "cause"), [(1, h.CAUSE_NONE), (0, h.DOSE_USED)])
def test_session_ends_at_its_dose(off_umin: int, cause: int) -> None:
    inputs = array("i", [0] * hal.N_INPUTS)
    inputs[hal.IN_SUPPLY_MV] = 3900
    session = Session()
    session.begin(limits.DOSE_SESSION_UMIN, 10**6, 33000, 33000)
    session.dose.umin = limits.DOSE_SESSION_UMIN - off_umin
    assert session.end_cause(inputs, TICK) == cause


@pytest.mark.parametrize(("n_ticks", "is_worn"), [(19, False), (20, True)])
def test_electrodes_have_to_hold_for_five_seconds(n_ticks: int, is_worn: bool) -> None:
    rig = Rig().asked()
    rig.heater.flags |= hal.FLAG_LEAD_OFF
    rig.tick()
    rig.heater.flags &= ~hal.FLAG_LEAD_OFF
    rig.tick(n_ticks - 1)
    rig.press()
    assert rig.supervisor.is_heating() is is_worn


@pytest.mark.parametrize(("n_ticks", "starts"), [(239, True), (240, True), (241, False)])
def test_press_counts_for_a_minute(n_ticks: int, starts: bool) -> None:
    rig = Rig().ready()
    rig.supervisor.request(LINK, 40000, 15)
    while rig.supervisor.state != h.WAIT_BUTTON:
        rig.tick()
    rig.tick(n_ticks - 1)
    rig.press()
    assert rig.supervisor.is_heating() is starts


@pytest.mark.parametrize(("n_ticks", "is_stuck"), [(39, False), (40, False), (41, True)])
def test_button_down_for_more_than_ten_seconds_is_stuck(n_ticks: int, is_stuck: bool) -> None:
    rig = Rig().warm()
    rig.supervisor.consent._was_pressed = True  # not let go since the start
    rig.heater.flags |= hal.FLAG_BUTTON
    rig.tick(n_ticks)
    assert (rig.supervisor.cause == h.BUTTON_STUCK) is is_stuck


# After heat.


@pytest.mark.parametrize(("mdegc", "is_over"), [(37010, False), (36980, True)])
def test_pad_is_cool_below_37(mdegc: int, is_over: bool) -> None:
    rig = Rig().warm()
    rig.supervisor.stop()
    rig.tick()
    for name in rig.heater.mdegc:
        rig.heater.mdegc[name] = mdegc if name != "r" else 37000
    rig.tick()
    assert rig.supervisor.state == (h.OFF if is_over else h.COOL)
    rig.tick(limits.COOL_MAX_MS // TICK - 2)
    assert rig.supervisor.state == (h.OFF if is_over else h.COOL)
    rig.tick()
    assert rig.supervisor.state == h.OFF


@pytest.mark.parametrize(
    ("mdegc", "n_ticks", "clears"),
    [(37980, 12, True), (37980, 11, False), (38010, 20, False)],
)
def test_latch_ends_below_38_by_three_seconds_on_the_button(
    mdegc: int, n_ticks: int, clears: bool
) -> None:
    rig = Rig().ready()
    rig.supervisor._latch(h.RISE)
    for name in "aczbh":
        rig.heater.mdegc[name] = mdegc
    rig.tick(2)
    rig.heater.flags |= hal.FLAG_BUTTON
    rig.tick(n_ticks)
    rig.heater.flags &= ~hal.FLAG_BUTTON
    rig.tick(10)
    assert rig.supervisor.state == (h.OFF if clears else h.LATCHED)


@pytest.mark.parametrize(("after_s", "is_third"), [(86399, True), (86400, False)])
def test_three_faults_within_24_h_lock(after_s: int, is_third: bool) -> None:
    ledger = Ledger()
    assert not ledger.note_latch(h.RISE)
    assert not ledger.note_latch(h.RISE)
    ledger.advance(1000 * after_s)
    assert ledger.note_latch(h.RISE) is is_third


@pytest.mark.parametrize(("after_s", "is_third"), [(599, True), (600, False)])
def test_three_resets_within_ten_minutes_lock(after_s: int, is_third: bool) -> None:
    ledger = Ledger()
    assert not ledger.note_reset()
    assert not ledger.note_reset()
    ledger.advance(1000 * after_s)
    assert ledger.note_reset() is is_third


@pytest.mark.parametrize(("heated_ms", "counts"), [(59_999, False), (60_000, True)])
def test_session_of_a_minute_counts(heated_ms: int, counts: bool) -> None:
    ledger = Ledger()
    ledger.book(2_000_000)
    ledger.settle(1000, heated_ms)
    assert (ledger.sessions_left() < limits.SESSIONS_PER_DAY) is counts


@pytest.mark.parametrize(("apart_ms", "is_too_many"), [(59_999, True), (60_000, False)])
def test_sixth_pause_within_five_minutes_is_too_many(apart_ms: int, is_too_many: bool) -> None:
    session = Session()
    judged = [session.is_pause_too_many(n * apart_ms) for n in range(limits.PAUSES_MAX + 1)]
    assert judged == [False] * limits.PAUSES_MAX + [is_too_many]


def test_fake_heater_starts_without_heat() -> None:
    assert not FakeHeater().is_q1_closed


# What shows in the readings alone.


@pytest.mark.parametrize("sign", [1, -1], ids=["fold", "loose"])
@pytest.mark.parametrize(("apart_mdegc", "is_seen"), [(2490, False), (2510, True)])
def test_zone_that_is_colder_is_loose_and_said_so_sooner_than_a_fold(
    sign: int, apart_mdegc: int, is_seen: bool
) -> None:
    heater, sensors = FakeHeater(), Sensors()
    inputs = array("i", [0] * hal.N_INPUTS)
    heater.mdegc["z"] += sign * apart_mdegc
    causes = []
    for _ in range(2 * limits.ZONE_MS // TICK):
        heater.scan(inputs, hal.PROBE_NONE)
        causes.append(sensors.update(inputs, TICK))
    after = (limits.ZONE_MS if sign > 0 else limits.PAIR_MS) // TICK
    assert set(causes[: after - 1]) == {h.CAUSE_NONE}
    assert (causes[after - 1] == h.SENSOR_ZONE) is is_seen


@pytest.mark.risk("RC-02")
@pytest.mark.parametrize("start_at", range(0, 45, 7))
@pytest.mark.parametrize(
    ("fall_mdegc", "n_ticks", "face_mdegc", "is_seen"),
    [
        (limits.CORE_FALL_MDEGC + 8, 8, 38_000, True),
        (limits.CORE_FALL_MDEGC, 8, 38_000, False),
        (limits.CORE_FALL_MDEGC + 8, 9, 38_000, False),
        (limits.CORE_FALL_MDEGC + 8, 8, 36_992, False),
    ],
    ids=["fell", "too little", "too slow", "still the warmer one"],
)
def test_core_that_falls_below_the_face_in_two_seconds_is_loose(
    fall_mdegc: int, n_ticks: int, face_mdegc: int, is_seen: bool, start_at: int
) -> None:
    inputs = array("i", [0] * hal.N_INPUTS)
    checks = Checks(AREA_CM2, HEATER_MOHM)
    inputs[hal.IN_SUPPLY_MV] = 3900

    def cause(core_mdegc: int) -> int:
        inputs[hal.IN_FRAMES] += 500
        checks.note(inputs, face_mdegc, core_mdegc, TICK)
        return int(checks.fault(inputs, face_mdegc, core_mdegc, TICK, 0, False, False))

    for _ in range(45 + start_at):
        assert cause(38_000) == h.CAUSE_NONE
    causes = [cause(38_000 - fall_mdegc * tick // n_ticks) for tick in range(1, n_ticks + 1)]
    assert (causes[-1] == h.SENSOR_CORE) is is_seen
    assert set(causes[:-1]) == {h.CAUSE_NONE}


@pytest.mark.parametrize(("core_mdegc", "cause"), [(1, h.SENSOR_SWAPPED), (0, h.CORE_SILENT)])
def test_core_that_does_not_lead_at_the_start_is_swapped_or_silent(
    core_mdegc: int, cause: int
) -> None:
    session = Session()
    session.begin(0, 0, 35_000, 35_000)
    causes = [session.lead_cause(35_040, 35_000 + core_mdegc, TICK) for _ in range(16)]
    assert causes == [h.CAUSE_NONE] * 15 + [cause]
