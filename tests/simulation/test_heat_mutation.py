"""A control that is taken away is missed: its row of the fault list no longer passes."""

from __future__ import annotations

from array import array

import pytest
from tests.fakes.fake_heater import PULSE_TICKS, REST_TICKS, Rig

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
    HOLD,
    LATCHED,
    LOCKED,
    PAUSED,
    PERMIT_FLAGGED,
    RISE,
    SENSOR_SWAPPED,
    WARMUP,
)

NEVER = 1 << 29
ZONE_CHANGES = ",".join(
    f"agreement.{name}_MDEGC" for name in ("ZONE_CHANGE", "ZONE_FALL", "JUMP_ZONE")
)
# Fault, constants by module, value that disables them. Sensor A off its spot is not among them:
# the pair rule and the zone rule both find it in time.
TAKEN_AWAY = (
    ("ntc_open", "sensors.SENSOR_BAD_SCANS", NEVER),
    ("ntc_drift", "sensors.PAIR_MS,agreement.PAIR_MS", NEVER),
    ("ntc_gain", "sensors.PAIR_MS,agreement.PAIR_MS", NEVER),
    ("face_drift", "sensors.PAIR_MS,agreement.PAIR_MS", NEVER),
    ("zone_detached", f"sensors.ZONE_MDEGC,{ZONE_CHANGES}", NEVER),
    ("adc_frozen", "sensors.FROZEN_SCANS", NEVER),
    ("adc_high", "sensors.REFERENCE_BAD_SCANS", NEVER),
    ("core_detached", "checks.CORE_FALL_MDEGC,checks.CORE_FACE_MS", NEVER),
    ("q1_short", "checks.LEAK_MA", NEVER),
    ("q2_short", "checks.LEAK_MA", NEVER),
    ("heater_low", "checks.HEATER_BAD_SCANS", NEVER),
    ("heater_high", "checks.HEATER_BAD_SCANS", NEVER),
    ("clock_fast", "checks.CLOCK_TOLERANCE_PERMILLE", 1 << 15),
    ("overvoltage", "checks.SUPPLY_HIGH_SCANS", NEVER),
    ("pad_off", "checks.OFF_SKIN_MS", NEVER),
    ("battery_low", "session.SUPPLY_LOW_MS", NEVER),
    ("lead_off", "consent.LEAD_OFF_MS", NEVER),
    ("asleep", "consent.STILL_THERE_MS", NEVER),
)


CONTROLS = {
    "ntc_open": ["RC-01"],
    "ntc_drift": ["RC-02"],
    "ntc_gain": ["RC-02"],
    "face_drift": ["RC-02"],
    "zone_detached": ["RC-02", "RC-17"],
    "adc_frozen": ["RC-05"],
    "adc_high": ["RC-05"],
    "q1_short": ["RC-07"],
    "q2_short": ["RC-07"],
    "asleep": ["RC-19"],
    "core_detached": ["RC-03"],
    "heater_low": ["RC-08"],
    "heater_high": ["RC-08"],
    "clock_fast": ["RC-10"],
    "battery_low": ["RC-13"],
    "overvoltage": ["RC-13"],
    "pad_off": ["RC-18"],
    "lead_off": ["RC-18"],
}


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(
            mutant, id=mutant[0], marks=pytest.mark.mutation(*CONTROLS.get(mutant[0], []))
        )
        for mutant in TAKEN_AWAY
    ],
)
def test_control_taken_away_is_missed(
    mutant: tuple[str, str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, constants, value = mutant
    fault = fault_named(name)
    state = HEATING_STATES["WARMUP" if name == "pad_off" else "HOLD"]
    healthy = run_fault(fault, nominal_wearer(), state, logic="python")
    assert misses(healthy, fault) == []
    for constant in constants.split(","):
        monkeypatch.setattr(f"faceloop_heat.{constant}", value)
    assert misses(run_fault(fault, nominal_wearer(), state, logic="python"), fault)


@pytest.mark.mutation("RC-15")
def test_lease_taken_away_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_heat.consent import Consent

    monkeypatch.setattr(Consent, "has_lease", lambda self: True)
    fault = fault_named("host_silent")
    run = run_fault(fault, nominal_wearer(), HEATING_STATES["HOLD"], logic="python")
    assert misses(run, fault)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        pytest.param("watchdog", "mcu_hang", marks=pytest.mark.mutation("RC-09")),
        pytest.param("vbus", "charger", marks=pytest.mark.mutation("RC-14")),
    ],
)
def test_hardware_taken_away_is_missed(part: str, name: str) -> None:
    bench = make_bench(nominal_wearer())
    getattr(bench.pad, part).is_dead = True
    fault = fault_named(name)
    run = run_fault(fault, nominal_wearer(), HEATING_STATES["HOLD"], bench=bench)
    assert misses(run, fault)


@pytest.mark.parametrize(
    "part",
    [
        pytest.param("hw1", marks=pytest.mark.mutation("RC-20")),
        pytest.param("hw2", marks=pytest.mark.mutation("RC-21")),
    ],
)
def test_cut_off_taken_away_is_found_by_the_self_test(part: str) -> None:
    bench = make_bench(nominal_wearer())
    assert heat_up(bench)
    bench.supervisor.stop()
    bench.run(310_000.0)
    getattr(bench.pad, part).is_dead = True
    assert not heat_up(bench)


@pytest.mark.mutation("RC-20", "RC-21")
def test_without_both_cut_offs_a_rogue_program_is_too_hot() -> None:
    bench = make_bench(nominal_wearer())
    bench.pad.hw1.is_dead = bench.pad.hw2.is_dead = True
    bench.pad.timer.is_dead = True
    bench.pad.skin.g1a *= 0.15  # a pillow, on skin that does not dilate
    bench.pad.skin.vmax = 0.3
    bench.pad.cell_v = 4.2
    bench.pad.is_rogue = True
    bench.run(1_800_000.0)
    assert bench.max_skin_degc > limits.SKIN_LIMIT_MDEGC / 1000


@pytest.mark.mutation("RC-22")
def test_timer_taken_away_leaves_a_rogue_program_on() -> None:
    on_s = {}
    for is_dead in (False, True):
        bench = make_bench(nominal_wearer())
        bench.pad.hw1.is_dead = bench.pad.hw2.is_dead = True
        bench.pad.timer.is_dead = is_dead
        bench.pad.is_rogue = True
        bench.mark()
        bench.run(1_860_000.0)
        on_s[is_dead] = bench.on_ms / 1000
    assert on_s[False] <= 1801 < on_s[True]


@pytest.mark.mutation("RC-04")
def test_lead_taken_away_lets_swapped_sensors_heat(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_heat.session import Session

    def judged() -> int:
        session = Session()
        session.begin(0, 0, 35_000, 35_000)
        causes = [session.lead_cause(35_000 + 40 * tick, 35_001, 250) for tick in range(20)]
        return max(causes)

    assert judged() == SENSOR_SWAPPED
    monkeypatch.setattr("faceloop_heat.session.LEAD_JUDGED_MS", NEVER)
    assert judged() == CAUSE_NONE


@pytest.mark.mutation("RC-04")
def test_lead_taken_away_lets_sensors_swapped_in_a_pause_heat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from faceloop_heat.leadtest import LeadTest

    def found() -> list[str]:
        fault = fault_named("ntc_swapped")
        paused = HEATING_STATES["PAUSED"]
        run = run_fault(fault, nominal_wearer(), paused, setpoint_degc=38.0, logic="python")
        return misses(run, fault, in_pause=True)

    assert found() == []
    monkeypatch.setattr(LeadTest, "_judge", lambda _: CAUSE_NONE)
    assert any(miss.startswith("heated until") for miss in found())


@pytest.mark.mutation("RC-04")
def test_crossing_taken_away_heats_on_with_swapped_readings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In HOLD, with hardly any power: too little for each of the other rules.
    def heats() -> bool:
        rig = Rig().brought_to(HOLD)
        rig.tick(20)
        rig.heater.mdegc["a"] += limits.CROSS_MDEGC + 10
        rig.heater.mdegc["b"] -= limits.CROSS_MDEGC + 10
        rig.tick(40)
        return rig.heater.is_q1_closed

    assert not heats()
    monkeypatch.setattr("faceloop_heat.agreement.CROSS_MDEGC", NEVER)
    assert heats()


@pytest.mark.mutation("RC-20B")
def test_permission_taken_away_lets_anybody_heat(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> int:
        bench = make_bench(nominal_wearer(), logic="python")
        bench.supervisor.permit(LINK, PERMIT_FLAGGED)
        return int(bench.supervisor.request(LINK, 40_000, 10))

    assert asked() != CAUSE_NONE
    monkeypatch.setattr("faceloop_heat.consent.is_setpoint", lambda setpoint, permission: True)
    assert asked() == CAUSE_NONE


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

    assert not heats()
    if what == "press":
        update = Consent.update

        def pressed(self: Consent, flags: int, elapsed_ms: int) -> None:
            update(self, flags, elapsed_ms)
            self.is_new_press = True

        monkeypatch.setattr(Consent, "update", pressed)
    else:
        monkeypatch.setattr(Consent, what, lambda *_: True)
    assert heats()


@pytest.mark.mutation("RC-22B")
def test_range_taken_away_lets_a_host_ask_for_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench(nominal_wearer(), logic="python")
    assert bench.supervisor.request(LINK, 60_000, 10) != CAUSE_NONE
    monkeypatch.setattr("faceloop_heat.consent.SETPOINT_MAX_MDEGC", 70_000)
    assert bench.supervisor.request(LINK, 60_000, 10) == CAUSE_NONE


@pytest.mark.mutation("RC-23")
def test_areal_limit_taken_away_gives_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_heat.output import Output

    inputs = array("i", [0] * hal.N_INPUTS)
    inputs[hal.IN_SUPPLY_MV] = 4350
    output = Output(make_bench(nominal_wearer()).pad, 60, 7350 * 97 // 100)
    assert output.most_mw(inputs) == 60 * limits.AREAL_LIMIT_MW_PER_CM2
    monkeypatch.setattr("faceloop_heat.output.AREAL_LIMIT_MW_PER_CM2", 100)
    assert output.most_mw(inputs) > 60 * limits.AREAL_LIMIT_MW_PER_CM2


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

    assert not second()
    monkeypatch.setattr("faceloop_heat.ledger.REST_S", 0)
    assert second()


@pytest.mark.mutation("RC-35")
@pytest.mark.parametrize("begins", ["start", "resume"])
def test_set_point_taken_away_gives_full_power_over_it(
    begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceloop_heat.heating import Heating

    def is_powered() -> bool:
        rig = Rig()
        if begins == "start":
            rig.setpoint_mdegc = limits.SETPOINT_MIN_MDEGC
            rig.heater.face(limits.SETPOINT_MIN_MDEGC + limits.FACE_OVER_RESUME_MDEGC)
            rig.asked().press()
            return rig.heater.is_q1_closed
        rig.brought_to(PAUSED)
        rig.tick(REST_TICKS)
        rig.setpoint_mdegc = limits.SETPOINT_MIN_MDEGC
        rig.has_host = True
        rig.tick(PULSE_TICKS[0])
        return rig.heater.is_q1_closed

    assert not is_powered()
    monkeypatch.setattr(Heating, "_is_too_warm", lambda _: False)
    assert is_powered()


@pytest.mark.mutation("RC-35")
def test_second_of_the_test_taken_away_heats_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    def powered_ticks() -> int:
        rig = Rig().brought_to(PAUSED)
        rig.tick(REST_TICKS)
        rig.has_host = True
        n_powered = 0
        while rig.tick().supervisor.state == PAUSED:
            n_powered += rig.heater.is_q1_closed
        return n_powered

    assert powered_ticks() == limits.LEAD_TEST_MS // limits.TICK_MS
    monkeypatch.setattr("faceloop_heat.leadtest.LEAD_TEST_MS", NEVER)
    assert powered_ticks() > limits.LEAD_TEST_MS // limits.TICK_MS


@pytest.mark.mutation("RC-06")
@pytest.mark.parametrize("dead", ["hw1", "hw2"])
def test_trip_test_taken_away_heats_with_a_dead_cut_off(
    dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceloop_heat import selftest

    def heats() -> bool:
        bench = make_bench(nominal_wearer(), logic="python")
        getattr(bench.pad, dead).is_dead = True
        return heat_up(bench)

    assert not heats()
    step = selftest.SelfTest.step

    def short(self: selftest.SelfTest, inputs: object) -> int:
        result = step(self, inputs)
        return self._end(CAUSE_NONE) if self.trip else result

    monkeypatch.setattr(selftest.SelfTest, "step", short)
    assert heats()


@pytest.mark.mutation("RC-12")
def test_count_of_resets_taken_away_never_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def locks() -> bool:
        heater = Rig().heater
        for _ in range(limits.RESETS_BEFORE_LOCK):
            rig = Rig(hal.RESET_WATCHDOG, heater)
            rig.tick(8)
        return bool(rig.supervisor.state == LOCKED)

    assert locks()
    monkeypatch.setattr("faceloop_heat.ledger.RESETS_WINDOW_S", 0)
    assert not locks()


@pytest.mark.mutation("RC-12")
def test_count_of_faults_taken_away_never_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def locks() -> bool:
        ledger = Ledger()
        return [ledger.note_latch(RISE) for _ in range(limits.LATCHES_BEFORE_LOCK)][-1]

    assert locks()
    monkeypatch.setattr("faceloop_heat.ledger.DAY_S", 0)
    assert not locks()


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

    assert not ends()
    monkeypatch.setattr(f"faceloop_heat.{constant}", value)
    assert ends()


@pytest.mark.mutation("RC-11")
def test_limit_of_a_late_tick_taken_away_heats_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def heats() -> bool:
        rig = Rig().brought_to(HOLD)
        late_ms = limits.TICK_LATE_MS + 10
        rig.heater.frames_per_tick = late_ms * limits.FRAMES_PER_S // 1000
        rig.tick(elapsed_ms=late_ms)
        return rig.heater.is_q1_closed

    assert not heats()
    monkeypatch.setattr("faceloop_heat.heating.TICK_LATE_MS", NEVER)
    assert heats()


@pytest.mark.mutation("RC-11")
def test_way_out_of_a_broken_tick_taken_away_leaves_the_switches_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from faceloop_heat.output import Output

    def heats() -> bool:
        rig = Rig().brought_to(HOLD)
        rig.heater.is_scan_broken = True
        with pytest.raises(RuntimeError):
            rig.tick()
        return rig.heater.is_q1_closed

    assert not heats()
    monkeypatch.setattr(Output, "off", lambda _: None)
    assert heats()


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

    assert cause() == BUTTON_STUCK
    monkeypatch.setattr("faceloop_heat.consent.BUTTON_STUCK_MS", NEVER)
    assert cause() != BUTTON_STUCK


@pytest.mark.mutation("RC-24")
def test_limit_of_a_rise_taken_away_heats_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def heats() -> bool:
        rig = Rig().brought_to(HOLD)
        rig.tick(44)
        rig.heater.face(38_000 + limits.RISE_MDEGC + 20)
        rig.tick()
        return rig.heater.is_q1_closed

    assert not heats()
    monkeypatch.setattr("faceloop_heat.checks.RISE_MDEGC", NEVER)
    assert heats()


@pytest.mark.mutation("RC-24")
def test_comparison_with_the_core_taken_away_only_pauses_a_rise_by_power(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from faceloop_heat.checks import Checks

    def state() -> int:
        rig = Rig().brought_to(HOLD)
        rig.tick(44)
        rig.heater.face(38_000 + limits.RISE_MDEGC + 20)
        rig.heater.mdegc["b"] += 20
        rig.tick()
        return int(rig.supervisor.state)

    assert state() == LATCHED
    pause = Checks.pause

    def blind(self: Checks, *arguments: int) -> int:
        self._core_rise = -NEVER
        return int(pause(self, *arguments))

    monkeypatch.setattr(Checks, "pause", blind)
    assert state() == PAUSED


@pytest.mark.mutation("RC-26")
@pytest.mark.parametrize(
    ("mdegc", "constants"),
    [
        (limits.FACE_PAUSE_MDEGC + 10, ["checks.FACE_PAUSE_MS"]),
        (limits.FACE_LATCH_MDEGC + 10, ["checks.FACE_PAUSE_MS", "checks.FACE_LATCH_MS"]),
    ],
)
def test_limits_of_the_face_taken_away_heat_on(
    mdegc: int, constants: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Slower than a rise, and the controller left out: what asks for power is what is wrong.
    monkeypatch.setattr("faceloop_heat.checks.RISE_MDEGC", NEVER)

    def heats() -> bool:
        rig = Rig().brought_to(HOLD)
        rig.heater.face(mdegc)
        rig.tick(limits.FACE_PAUSE_MS // limits.TICK_MS + 1)
        return rig.heater.is_q1_closed

    assert not heats()
    for constant in constants:
        monkeypatch.setattr(f"faceloop_heat.{constant}", NEVER)
    assert heats()
