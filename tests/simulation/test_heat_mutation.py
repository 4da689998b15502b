"""A control that is taken away is missed: its row of the fault list no longer passes."""

from __future__ import annotations

import pytest
from tests.fakes.fake_heater import Rig
from tests.fakes.taken_away import NEVER, with_and_without

from faceloop.twin.heat.board import heat_up, make_bench
from faceloop.twin.heat.campaign import HEATING_STATES, misses, run_fault
from faceloop.twin.heat.faults import fault_named
from faceloop.twin.heat.wearer import nominal_wearer
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import CAUSE_NONE, HOLD, SENSOR_SWAPPED

ZONE_CHANGES = ",".join(
    f"agreement.{name}_MDEGC" for name in ("ZONE_CHANGE", "ZONE_FALL", "JUMP_ZONE")
)
RAIL_CHANGES = "sensors.PAIR_MS,agreement.PAIR_MS,agreement.JUMP_MDEGC"
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
    ("rail_high", RAIL_CHANGES, NEVER),
    ("rail_low", RAIL_CHANGES, NEVER),
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
    "rail_high": ["RC-40"],
    "rail_low": ["RC-40"],
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

    def found() -> list[str]:
        return misses(run_fault(fault, nominal_wearer(), state, logic="python"), fault)

    changes = [(constant, value) for constant in constants.split(",")]
    before, after = with_and_without(monkeypatch, found, *changes)
    assert before == [] and after


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

    change = ("session.LEAD_JUDGED_MS", NEVER)
    assert with_and_without(monkeypatch, judged, change) == (SENSOR_SWAPPED, CAUSE_NONE)


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

    change = (LeadTest, "_judge", lambda _: CAUSE_NONE)
    before, after = with_and_without(monkeypatch, found, change)
    assert before == []
    assert any(miss.startswith("heated until") for miss in after)


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

    assert with_and_without(monkeypatch, heats, ("agreement.CROSS_MDEGC", NEVER)) == (False, True)


@pytest.mark.mutation("RC-40")
def test_measured_rail_taken_away_heats_with_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def heats() -> bool:
        bench = make_bench(nominal_wearer(), logic="python")
        bench.pad.rail_gain = 1.0 / 1.035
        bench.pad.begin_stream()
        return heat_up(bench)

    change = ("checks.RAIL_TOLERANCE_MV", NEVER)
    assert with_and_without(monkeypatch, heats, change) == (False, True)


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

    step = selftest.SelfTest.step

    def short(self: selftest.SelfTest, inputs: object) -> int:
        result = step(self, inputs)
        return self.end(CAUSE_NONE) if self.trip else result

    change = (selftest.SelfTest, "step", short)
    assert with_and_without(monkeypatch, heats, change) == (False, True)
