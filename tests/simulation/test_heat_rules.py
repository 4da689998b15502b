"""What is not a number: starts, refusals, records, faults and how they end."""

from __future__ import annotations

import struct

import pytest
from tests.fakes.fake_heater import LINK, FakeHeater, Rig

from faceloop_heat import hal
from faceloop_heat.dose import Dose, tick_dose_nmin
from faceloop_heat.ledger import DAMAGED, FRESH, GOOD, Ledger
from faceloop_heat.thermistor import CODES, temperature_mdegc
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits
from faceloop_protocol import reports, texts
from faceloop_protocol.errors import ProtocolError


def test_dose_is_cem43_rounded_up() -> None:
    for mdegc in range(30000, 48000, 37):
        degc = (mdegc + limits.DOSE_SENSOR_ERROR_MDEGC) / 1000
        exact = 1e9 / 240 * (0.5 if degc >= 43 else 0.25) ** (43 - degc)
        counted = tick_dose_nmin(mdegc)
        assert exact <= counted <= exact * 1.16 + 2
    assert tick_dose_nmin(-20000) == 0
    assert tick_dose_nmin(25000) == 1
    assert tick_dose_nmin(60000) == tick_dose_nmin(48700)


def test_dose_of_a_minute_at_43() -> None:
    dose = Dose()
    for _ in range(240):
        dose.add(42700, 250)
    assert 1_000_000 <= dose.umin <= 1_000_001
    late = Dose()
    late.add(42700, 60_000)
    assert late.umin >= dose.umin


def test_thermistor_follows_its_curve() -> None:
    from math import exp

    for tenth in range(-140, 640):
        degc = tenth / 10
        ohm = 1e4 * exp(3950 * (1 / (degc + 273.15) - 1 / 298.15))
        read = temperature_mdegc(round(65536 * ohm / (ohm + 1e4)))
        assert abs(read - 1000 * degc) < 10
    assert temperature_mdegc(CODES[0] + 1) == -15000
    assert temperature_mdegc(0) == 65000


def refusals() -> list[tuple[str, int]]:
    return [
        ("usb", h.USB_POWER),
        ("timer", h.TIMER_EXPIRED),
        ("lease", h.LEASE_OVER),
        ("not worn", h.NOT_WORN),
        ("cell", h.BATTERY_LOW),
        ("not rested", h.NOT_RESTED),
        ("dose", h.DOSE_USED),
        ("warm", h.TOO_WARM),
        ("late", h.NOT_SETTLED),
        ("doubt", h.NOT_SETTLED),
        ("no pad", h.NO_PAD),
        ("permission", h.NOT_PERMITTED),
        ("storage", h.STORAGE),
        ("pair", h.SENSOR_PAIR),
        ("supply", h.SUPPLY_HIGH),
    ]


@pytest.mark.parametrize(("what", "cause"), refusals(), ids=[name for name, _ in refusals()])
def test_press_is_refused(what: str, cause: int) -> None:
    rig = Rig().asked()
    supervisor, heater = rig.supervisor, rig.heater
    if what == "usb":
        heater.flags |= hal.FLAG_VBUS
    elif what == "timer":
        heater.flags |= hal.FLAG_TIMER
    elif what == "lease":
        rig.has_host = False
        rig.tick(20)
    elif what == "not worn":
        heater.flags |= hal.FLAG_LEAD_OFF
    elif what == "cell":
        heater.supply_mv = limits.SUPPLY_START_MV
    elif what == "not rested":
        supervisor.ledger.book(1)
        supervisor.ledger.settle(1, 10**6)
    elif what == "dose":
        supervisor.ledger._loose_umin = limits.DOSE_DAY_UMIN + 1
    elif what == "warm":
        heater.mdegc["b"] = limits.FACE_RESUME_MDEGC + 100
    elif what == "late":
        heater.frames_per_tick = 2000
        rig.tick(1, 1000)
        heater.frames_per_tick = 500
        rig.tick(2)
    elif what == "doubt":
        heater.mdegc["c"] += 2000
        heater.face(33000)
        heater.mdegc["c"] -= 1600
    elif what == "no pad":
        for name in "aczbh":
            heater.raw[name] = 65530
    elif what == "permission":
        supervisor.ledger.permission = h.PERMIT_NONE
    elif what == "storage":
        heater.is_broken = True
    elif what == "pair":
        heater.mdegc["c"] -= 1600
        rig.tick(16)
    elif what == "supply":
        heater.supply_mv = 4400
        supervisor.checks._n_supply = 1
    rig.press()
    assert supervisor.cause == cause
    assert supervisor.state == (h.LATCHED if cause >= h.FIRST_LATCH else h.OFF)
    assert not heater.is_q1_closed


@pytest.mark.risk("RC-35")
@pytest.mark.parametrize(("over_mdegc", "heats"), [(-10, True), (10, False)])
def test_start_is_refused_at_a_degree_over_the_set_point(over_mdegc: int, heats: bool) -> None:
    # Heat begins with two seconds of full power, whatever was asked for.
    rig = Rig()
    rig.setpoint_mdegc = limits.SETPOINT_MIN_MDEGC
    rig.heater.face(limits.SETPOINT_MIN_MDEGC + limits.FACE_OVER_RESUME_MDEGC + over_mdegc)
    rig.asked().press()
    assert rig.heater.is_q1_closed is heats
    assert (rig.supervisor.cause == h.TOO_WARM) is not heats


def test_press_within_a_minute_or_not_at_all() -> None:
    rig = Rig().asked()
    rig.tick(240)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.OFF, h.NOT_PRESSED)


def test_button_that_was_down_all_the_time_starts_nothing() -> None:
    rig = Rig()
    rig.heater.flags = hal.FLAG_BUTTON
    rig.ready()
    assert rig.supervisor.request(LINK, 39000, 10) == h.CAUSE_NONE
    rig.tick(60)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.OFF, h.BUTTON_STUCK)


def test_no_pad_at_boot_is_no_fault() -> None:
    rig = Rig()
    for name in "aczbh":
        rig.heater.raw[name] = 65530
    rig.tick(3)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.OFF, h.NO_PAD)
    assert not rig.supervisor.info() & h.INFO_PROVEN


def test_stop_during_the_self_test_withdraws_the_request() -> None:
    rig = Rig().ready()
    rig.supervisor.request(LINK, 39000, 10)
    rig.supervisor.stop()
    rig.tick(12)
    assert rig.supervisor.state == h.OFF


# Ledger


@pytest.mark.risk("RC-25")
def test_session_is_booked_before_heat_and_settled_after() -> None:
    rig = Rig().warm()
    assert rig.supervisor.ledger.day_dose_umin() == limits.DOSE_SESSION_UMIN
    kept = Ledger()
    assert kept.load(list(rig.heater.slots.values())) == GOOD
    assert kept.is_open
    assert kept.day_dose_umin() == limits.DOSE_SESSION_UMIN
    rig.tick(240)
    rig.supervisor.stop()
    rig.tick(2)
    assert kept.load(list(rig.heater.slots.values())) == GOOD
    assert not kept.is_open
    assert kept.day_dose_umin() < 100_000
    assert kept.sessions_left() == 2


def test_power_cut_while_heating_keeps_the_booking_and_does_not_latch() -> None:
    rig = Rig().warm()
    again = Rig(hal.RESET_POWER_ON, rig.heater).tick(10)
    assert again.supervisor.state == h.OFF
    assert again.supervisor.ledger.day_dose_umin() == limits.DOSE_SESSION_UMIN
    other = Rig(hal.RESET_OTHER, rig.heater)
    assert (other.supervisor.state, other.supervisor.cause) == (h.LATCHED, h.EXCEPTION)


@pytest.mark.parametrize(
    ("reset", "cause"), [(hal.RESET_WATCHDOG, h.WATCHDOG), (hal.RESET_OTHER, h.EXCEPTION)]
)
def test_fault_at_boot_outlives_ticks_that_never_end_and_a_power_cycle(
    reset: int, cause: int
) -> None:
    heater = Rig().warm().heater
    heater.is_scan_broken = True
    again = Rig(reset, heater)
    with pytest.raises(RuntimeError):
        again.tick()
    heater.is_scan_broken = False
    cycled = Rig(hal.RESET_POWER_ON, heater).tick(10)
    assert (cycled.supervisor.state, cycled.supervisor.cause) == (h.LATCHED, cause)


def test_resets_whose_ticks_never_end_are_counted() -> None:
    heater = Rig().tick(10).heater
    heater.is_scan_broken = True
    for _ in range(limits.RESETS_BEFORE_LOCK):
        rig = Rig(hal.RESET_WATCHDOG, heater)
        with pytest.raises(RuntimeError):
            rig.tick()
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.LOCKED, h.RESETS)


def test_fault_at_boot_that_cannot_be_kept_is_tried_again() -> None:
    heater = Rig().warm().heater
    records = dict(heater.slots)
    heater.is_save_broken = True
    rig = Rig(hal.RESET_WATCHDOG, heater)
    assert heater.slots == records
    heater.is_save_broken = False
    rig.tick(242)
    kept = Ledger()
    assert kept.load([heater.slots.get(0), heater.slots.get(1)]) == GOOD
    assert kept.fault == h.WATCHDOG


def test_short_session_does_not_count_twice_a_day_but_its_dose_does() -> None:
    ledger = Ledger()
    for n in range(3):
        ledger.book(2_000_000)
        ledger.settle(1000, limits.SHORT_SESSION_MS - 1)
        assert ledger.sessions_left() == (3 if n < limits.SHORT_SESSIONS else 2)
        assert ledger.day_dose_umin() == 1000 * (n + 1)
    ledger.settle(5, 5)
    assert ledger.day_dose_umin() == 3000


def test_session_that_never_heated_is_as_if_it_had_not_been_booked() -> None:
    ledger = Ledger()
    for _ in range(limits.SHORT_SESSIONS + 2):
        ledger.book(2_000_000)
        ledger.unbook()
        assert (ledger.is_open, ledger.is_rested()) == (False, True)
        assert (ledger.sessions_left(), ledger.day_dose_umin()) == (limits.SESSIONS_PER_DAY, 0)


@pytest.mark.parametrize("heated_ms", [0, limits.SHORT_SESSION_MS - 1, 10**6])
@pytest.mark.parametrize(("wait_s", "is_rested"), [(7199, False), (7200, True)])
def test_two_hours_of_rest_after_every_session_however_short(
    wait_s: int, is_rested: bool, heated_ms: int
) -> None:
    ledger = Ledger()
    assert ledger.is_rested()
    ledger.advance(10_000)
    ledger.book(1)
    ledger.settle(1, heated_ms)
    ledger.advance(1000 * wait_s)
    record = ledger.pack()
    assert ledger.is_rested() is is_rested
    kept = Ledger()
    assert kept.load((record, None)) == GOOD
    assert kept.is_rested() is is_rested


@pytest.mark.parametrize(("wait_s", "left"), [(limits.DAY_S - 1, 0), (limits.DAY_S, 3)])
def test_three_sessions_a_day(wait_s: int, left: int) -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.book(1_400_000)
        ledger.settle(1_400_000, 10**6)
    assert not ledger.is_rested()
    assert ledger.dose_left_umin() == 0
    ledger.advance(1000 * wait_s)
    assert ledger.sessions_left() == left


NOON_S = 1_800_000_000


def after_a_start(ledger: Ledger) -> Ledger:
    kept = Ledger()
    assert kept.load([ledger.pack(), None]) == GOOD
    return kept


def test_time_of_the_host_never_goes_back_and_unknown_time_is_none() -> None:
    ledger = Ledger()
    ledger.note_time(NOON_S)
    assert ledger.clock_s == 0
    ledger.advance(50_000)
    kept = after_a_start(ledger)
    kept.note_time(NOON_S + 100)
    assert kept.clock_s == 100
    for utc_s in (NOON_S - 3600, NOON_S + 90):
        back = after_a_start(kept)
        back.note_time(utc_s)
        assert back.clock_s == 100
        back.note_time(NOON_S + 10_000)
        assert back.clock_s == 100, "the first time after a start only"
    later = after_a_start(kept)
    later.note_time(NOON_S + 10_030)
    assert later.clock_s == 10_030


def test_clock_of_the_host_set_right_while_the_board_runs_shortens_no_rest() -> None:
    ledger = Ledger()
    ledger.note_time(NOON_S)
    ledger.book(1)
    ledger.settle(1, 10**6)
    ledger.advance(60_000)
    ledger.note_time(NOON_S + limits.REST_S)
    assert not ledger.is_rested()
    ledger.advance(1000 * (limits.REST_S - 60))
    assert ledger.is_rested()


@pytest.mark.parametrize("utc_s", [0, limits.UTC_FIRST_S - 1, limits.UTC_LAST_S])
def test_clock_that_was_never_set_is_no_time(utc_s: int) -> None:
    ledger = Ledger()
    ledger.note_time(utc_s)
    ledger.note_time(NOON_S)
    assert after_a_start(ledger)._utc_s == NOON_S
    kept = after_a_start(ledger)
    kept.note_time(utc_s)
    assert kept.clock_s == 0
    kept.note_time(NOON_S + 60)
    assert kept.clock_s == 60


@pytest.mark.parametrize("n_starts", [1, 40])
def test_leap_counts_as_a_day_at_most_and_never_overflows(n_starts: int) -> None:
    ledger = Ledger()
    ledger.clock_s = limits.CLOCK_MAX_S - 3 * limits.DAY_S
    ledger.note_time(limits.UTC_FIRST_S)
    ledger.book(1000)
    before_s = ledger.clock_s
    for n in range(n_starts):
        ledger = after_a_start(ledger)
        ledger.note_time(limits.UTC_FIRST_S + 20_000_000 * (n + 1))
    expected_s = before_s + n_starts * limits.DAY_S
    assert ledger.clock_s == min(expected_s, limits.CLOCK_MAX_S)
    ledger.book(1000)
    assert not ledger.note_latch(h.RISE)
    assert after_a_start(ledger).fault == h.RISE


def test_clock_that_cannot_be_is_not_believed() -> None:
    ledger = Ledger()
    ledger.clock_s = limits.CLOCK_MAX_S + 1
    assert Ledger().load([ledger.pack(), None]) == DAMAGED


def test_faults_and_resets_do_not_age_in_time_that_only_the_host_saw() -> None:
    ledger = Ledger()
    ledger.note_time(NOON_S)
    for _ in range(2):
        assert not ledger.note_latch(h.RISE)
        assert not ledger.note_reset()
    kept = after_a_start(ledger)
    kept.note_time(NOON_S + 2 * limits.DAY_S)
    assert not kept.forget_resets()
    assert kept.note_latch(h.RISE)
    assert kept.note_reset()


def test_record_that_was_cut_or_flipped_is_not_believed() -> None:
    ledger = Ledger()
    ledger.book(2_000_000)
    old, new = ledger.pack(), None
    ledger.settle(10, 10**6)
    new = ledger.pack()
    for place in range(len(new)):
        flipped = bytearray(new)
        flipped[place] ^= 1
        for broken in (bytes(flipped), new[:place]):
            kept = Ledger()
            assert kept.load([old, broken]) == GOOD
            assert kept.is_open
            assert Ledger().load([None, broken]) == DAMAGED
    assert Ledger().load([None, None]) == FRESH
    newer = Ledger()
    newer.load([old, new])
    assert not newer.is_open


def test_damaged_record_locks_and_counts_the_day_as_used() -> None:
    heater = FakeHeater()
    heater.slots = {0: b"nonsense", 1: b""}
    rig = Rig(heater=heater)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.LOCKED, h.LEDGER)
    assert not rig.supervisor.unlock()
    for name in "aczbh":
        heater.raw[name] = 65530
    rig.tick()
    assert not rig.supervisor.unlock()
    heater.flags = hal.FLAG_VBUS
    rig.tick()
    heater.is_broken = True
    assert not rig.supervisor.unlock()
    heater.is_broken = False
    assert rig.supervisor.unlock()
    assert rig.supervisor.ledger.sessions_left() == 0
    broken = FakeHeater()
    broken.is_broken = True
    assert Rig(heater=broken).supervisor.cause == h.LEDGER


@pytest.mark.risk("RC-12")
def test_three_faults_in_a_day_lock() -> None:
    rig = Rig().ready()
    for n in range(3):
        rig.supervisor._latch(h.RISE)
        rig.tick()
        if n < 2:
            assert rig.supervisor.state == h.LATCHED
            rig.heater.flags = hal.FLAG_BUTTON
            rig.tick(14)
            rig.heater.flags = 0
            rig.tick(10)
            assert rig.supervisor.state == h.OFF
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.LOCKED, h.LATCHES)


def test_latch_turns_heat_off_before_it_writes_and_tries_again() -> None:
    rig = Rig().warm()
    rig.heater.is_broken = True
    rig.heater.q2_ma = 800
    rig.tick()
    assert not rig.heater.is_q1_closed
    rig.heater.is_broken = False
    rig.tick(242)
    kept = Ledger()
    kept.load(list(rig.heater.slots.values()))
    assert kept.fault == h.SWITCH_SHORT


def test_resets_are_forgotten_after_ten_minutes() -> None:
    ledger = Ledger()
    assert not ledger.forget_resets()
    assert not ledger.note_reset()
    ledger.advance(1000 * limits.RESETS_WINDOW_S)
    assert ledger.forget_resets()
    rig = Rig(hal.RESET_WATCHDOG).tick(10)
    assert rig.supervisor.state == h.OFF
    rig.tick(4 * limits.RESETS_WINDOW_S)
    kept = Ledger()
    kept.load(list(rig.heater.slots.values()))
    assert not kept.forget_resets()


# Wire


def test_state_goes_over_the_wire_and_back() -> None:
    rig = Rig().warm()
    buffer = bytearray(h.HEAT_STATE_BYTES)
    h.pack_heat_state_into(buffer, rig.supervisor.report())
    state = reports.decode_heat_state(buffer)
    assert state.state == h.WARMUP
    assert abs(state.face_cdegc - 3800) < 2
    with pytest.raises(ProtocolError):
        reports.decode_heat_state(buffer[:-1])


def test_every_cause_has_a_sentence() -> None:
    causes = {value for name, value in vars(h).items() if name.isupper() and name in CAUSES}
    assert causes == set(texts.CAUSE_TEXT)
    assert len(texts.HEAT_STATE_NAMES) == h.LOCKED + 1
    assert struct.calcsize(h.HEAT_STATE_FORMAT) == h.HEAT_STATE_BYTES


CAUSES = {
    name
    for name, value in vars(h).items()
    if name.isupper()
    and isinstance(value, int)
    and not name.startswith(("HEAT_", "PERMIT_", "INFO_", "FIRST_"))
    and name not in texts.HEAT_STATE_NAMES
}
