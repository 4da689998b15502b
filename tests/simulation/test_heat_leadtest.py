"""The second of power before a resume: what it shows of the sensors, and how little it warms."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.fakes.fake_heater import PULSE_TICKS, Rig

from faceloop.twin.heat.board import heat_up, make_bench, states
from faceloop.twin.heat.campaign import HEATING_STATES, run_fault
from faceloop.twin.heat.faults import fault_named
from faceloop.twin.heat.wearer import nominal_wearer
from faceloop_heat import leadtest
from faceloop_heat.leadtest import LeadTest
from faceloop_heat.selftest import RUNNING
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits

AHEAD_MDEGC = limits.LEAD_AHEAD_MDEGC
CORE_MDEGC = 120


def judged(
    a: int, c: int, z: int, core: int, test: LeadTest | None = None, trend_mdegc: int = 0
) -> int:
    """Return the verdict on these responses, in thousandths of a degree.

    Every sensor falls by its own multiple of ``trend_mdegc`` a tick besides.
    """
    test = test or LeadTest()
    test.start()
    cause = RUNNING
    for tick in range(leadtest.END_TICK):
        assert cause == RUNNING
        is_after = tick >= leadtest.LOOK_TICK
        readings = {
            name: 38_000 - (1 + place) * trend_mdegc * tick + is_after * response
            for place, (name, response) in enumerate(zip("aczb", (a, c, z, core), strict=True))
        }
        cause = test.step(SimpleNamespace(**readings), limits.TICK_MS)
    return cause


@pytest.mark.risk("RC-04")
@pytest.mark.parametrize("sensor", range(3))
@pytest.mark.parametrize("trend_mdegc", [0, 4, -4])
def test_core_has_to_be_ahead_of_every_face_sensor(sensor: int, trend_mdegc: int) -> None:
    face = [40, 40, 40]
    assert judged(*face, CORE_MDEGC, trend_mdegc=trend_mdegc) == h.CAUSE_NONE
    face[sensor] = CORE_MDEGC - 1
    assert judged(*face, CORE_MDEGC, trend_mdegc=trend_mdegc) == h.CAUSE_NONE
    face[sensor] = CORE_MDEGC
    assert judged(*face, CORE_MDEGC, trend_mdegc=trend_mdegc) == h.CONTACT_CHANGED


@pytest.mark.risk("RC-04")
@pytest.mark.parametrize("sensor", range(4))
@pytest.mark.parametrize("sign", [1, -1])
def test_jump_before_the_power_is_no_trend(sensor: int, sign: int) -> None:
    def cause(jump_mdegc: int) -> int:
        test = LeadTest()
        test.start()
        for tick in range(leadtest.END_TICK):
            after = 40 * (tick >= leadtest.LOOK_TICK)
            readings = dict.fromkeys("acz", 38_000 + after) | {"b": 38_000 + 5 * after}
            # The face sensors go together, or they would be apart.
            names = "b" if sensor == 3 else "acz"
            for name in names:
                readings[name] += sign * jump_mdegc * (tick >= leadtest.LOOK_TICKS)
                # And as far again until the power has done its work, as a line would.
                readings[name] += sign * jump_mdegc * 4 // 3 * (tick >= leadtest.LOOK_TICK)
            verdict = test.step(SimpleNamespace(**readings), limits.TICK_MS)
        return verdict

    assert cause(limits.LEAD_JUMP_MDEGC) == h.CAUSE_NONE
    assert cause(limits.LEAD_JUMP_MDEGC + 1) == h.CONTACT_CHANGED


@pytest.mark.risk("RC-04")
@pytest.mark.parametrize("sensor", range(3))
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("over_mdegc", "cause"), [(0, h.CAUSE_NONE), (1, h.CONTACT_CHANGED)])
def test_one_face_sensor_that_went_its_own_way_is_tested_once_more(
    sensor: int, sign: int, over_mdegc: int, cause: int
) -> None:
    apart = sign * (limits.LEAD_SPREAD_MDEGC + over_mdegc)
    face = [40, 40, 40]
    face[sensor] += apart
    assert judged(*face, 300) == cause
    test = LeadTest()
    test.start()
    for tick in range(leadtest.END_TICK):
        readings = dict.fromkeys("acz", 38_000) | {"b": 38_000}
        readings["acz"[sensor]] += apart * (tick >= leadtest.LOOK_TICKS)
        readings["acz"[sensor]] += apart * 4 // 3 * (tick >= leadtest.LOOK_TICK)
        readings["b"] += 300 * (tick >= leadtest.LOOK_TICK)
        verdict = test.step(SimpleNamespace(**readings), limits.TICK_MS)
    assert verdict == cause


@pytest.mark.risk("RC-04")
def test_same_sensor_ahead_twice_is_swapped_and_another_one_is_a_pad_that_moved() -> None:
    test = LeadTest()
    assert judged(200, 40, 40, 40, test) == h.CONTACT_CHANGED
    assert judged(200, 40, 40, 40, test) == h.SENSOR_SWAPPED
    test = LeadTest()
    assert judged(200, 40, 40, 40, test) == h.CONTACT_CHANGED
    assert judged(40, 40, 200, 40, test) == h.CONTACT_CHANGED
    assert judged(40, 40, 200, 40, test) == h.SENSOR_SWAPPED


@pytest.mark.parametrize("between", [(40, 40, 40, 200), (190, 190, 190, 200)])
def test_what_passed_or_lost_the_skin_between_begins_anew(between: tuple[int, ...]) -> None:
    test = LeadTest()
    assert judged(200, 40, 40, 40, test) == h.CONTACT_CHANGED
    assert judged(*between, test) in (h.CAUSE_NONE, h.OFF_SKIN)
    assert judged(200, 40, 40, 40, test) == h.CONTACT_CHANGED
    test.forget()
    assert judged(200, 40, 40, 40, test) == h.CONTACT_CHANGED, "a new session"


def test_core_that_power_does_not_warm_is_no_core() -> None:
    test = LeadTest()
    assert judged(-20, -20, -20, 0, test) == h.CONTACT_CHANGED
    assert judged(-20, -20, -20, 0, test) == h.CORE_SILENT


@pytest.mark.parametrize(
    ("face_mdegc", "cause"),
    [
        (CORE_MDEGC * limits.LEAD_OFF_SKIN_PCT // 100, h.CAUSE_NONE),
        (CORE_MDEGC * limits.LEAD_OFF_SKIN_PCT // 100 + 1, h.OFF_SKIN),
        (CORE_MDEGC + AHEAD_MDEGC, h.OFF_SKIN),
        (CORE_MDEGC + AHEAD_MDEGC + 1, h.CONTACT_CHANGED),
    ],
)
def test_face_that_warms_up_with_the_core_has_lost_the_skin(face_mdegc: int, cause: int) -> None:
    assert judged(face_mdegc, face_mdegc, 40, CORE_MDEGC) == cause


def test_one_sensor_alone_that_warms_up_with_the_core_has_lost_nothing() -> None:
    assert judged(110, 40, 40, CORE_MDEGC) == h.CAUSE_NONE


@pytest.mark.parametrize("tick_ms", [limits.TICK_MS, 400, limits.TICK_LATE_MS])
def test_power_lasts_a_second_however_slow_the_ticks(tick_ms: int) -> None:
    test = LeadTest()
    powered_ms = 0
    for _ in range(leadtest.END_TICK):
        test.step(SimpleNamespace(a=0, c=0, z=0, b=0), tick_ms)
        powered_ms += tick_ms * test.is_pulse()
    assert limits.LEAD_TEST_MS <= powered_ms < limits.LEAD_TEST_MS + tick_ms


@pytest.mark.risk("RC-04")
def test_power_of_the_test_is_booked_and_never_beyond_400_w_per_m2() -> None:
    rig = Rig().brought_to(h.PAUSED)
    rig.tick(16)
    heated_ms = rig.supervisor.session.heated_ms
    rig.has_host = True
    for n in range(1, PULSE_TICKS[-1] + 2):
        rig.tick()
        assert rig.supervisor.state == h.PAUSED
        assert rig.heater.is_q1_closed is (n in PULSE_TICKS)
        assert rig.supervisor.output.power_mw <= limits.AREAL_LIMIT_MW_PER_CM2 * 100
    assert rig.supervisor.session.heated_ms - heated_ms == limits.LEAD_TEST_MS


@pytest.mark.risk("RC-04")
def test_swapped_in_a_pause_latches_after_two_tests_that_hardly_warm() -> None:
    run = run_fault(
        fault_named("ntc_swapped"), nominal_wearer(), HEATING_STATES["PAUSED"], setpoint_degc=38.0
    )
    assert (run.state, run.cause) == (h.LATCHED, h.SENSOR_SWAPPED)
    assert (run.resumed_s, run.n_tests) == (None, 2)


def test_pad_lifted_in_a_pause_is_not_heated_again() -> None:
    run = run_fault(fault_named("pad_off"), nominal_wearer(), HEATING_STATES["PAUSED"])
    assert run.state in (h.COOL, h.OFF)
    assert run.resumed_s is None
    assert 1 <= run.n_tests <= limits.PAUSES_MAX + 1


def test_one_test_warms_the_skin_by_less_than_a_tenth_of_a_degree() -> None:
    skin_degc = {}
    for is_silent in (True, False):
        bench = make_bench(nominal_wearer())
        assert heat_up(bench)
        bench.run(120_000.0)
        bench.is_host_silent = True
        bench.run(10_000.0, states(h.PAUSED))
        bench.run(5_000.0)
        bench.is_host_silent = is_silent
        bench.run(7_750.0)  # nearly to the end of the test, or as long without it
        assert bench.supervisor.state == h.PAUSED
        skin_degc[is_silent] = bench.pad.skin.hottest()
    assert 0.0 < skin_degc[False] - skin_degc[True] < 0.1


@pytest.mark.risk("RC-04")
@pytest.mark.parametrize("setpoint_degc", [37.0, 38.0, 39.0])
@pytest.mark.parametrize("at_tick", range(leadtest.END_TICK - 1))
def test_swapped_at_any_moment_of_the_test_heats_no_longer_than_its_row(
    at_tick: int, setpoint_degc: float
) -> None:
    # What comes between the looks, or after the last one, shows when heat comes back.
    bench = make_bench(nominal_wearer())
    ended = states(h.COOL, h.OFF, h.LATCHED)
    assert heat_up(bench, setpoint_degc)
    bench.run(60_000.0)
    bench.run(300_000.0, states(h.HOLD) | ended)
    bench.run(60_000.0)
    bench.is_host_silent = True
    bench.run(10_000.0, states(h.PAUSED) | ended)
    bench.run(5_000.0)
    bench.is_host_silent = False
    bench.run(250.0 * (at_tick + 2))
    assert bench.supervisor.state == h.PAUSED
    bench.mark()
    fault = fault_named("ntc_swapped")
    fault.begin(bench)
    bench.run(120_000.0, ended)
    assert bench.supervisor.state == h.LATCHED
    bench.run(250.0)
    if bench.resume_ms >= 0.0:
        assert 0.0 < bench.resume_off_ms - bench.resume_ms < limits.LEAD_JUDGED_MS + 250.0
