"""The rail that bridges and converter share: who measures it, and what of it stays unseen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fakes.fake_heater import PULSE_TICKS, REST_TICKS, TEST_TICKS, FakeHeater, Rig
from tests.fakes.heat_world import play

from faceloop.twin.firmware_files import board_constants
from faceloop.twin.heat._bench import Bench
from faceloop.twin.heat.board import heat_up, make_bench, states
from faceloop.twin.heat.campaign import HEATING_STATES, misses, run_fault
from faceloop.twin.heat.faults import Fault, rail
from faceloop.twin.heat.wearer import RAIL_LOAD, nominal_wearer, random_wearer
from faceloop.twin.heat.wires import HeatWires
from faceloop.twin.world import World
from faceloop_heat.hal import FLAG_BUTTON
from faceloop_heat.hal import FLAG_LEAD_OFF as LEAD_OFF
from faceloop_heat.ledger import GOOD, Ledger
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import (
    BATTERY_LOW,
    CAUSE_NONE,
    CONTACT_CHANGED,
    HOLD,
    LATCHED,
    LOCKED,
    NOT_WORN,
    OFF,
    PAUSED,
    RAIL,
    SENSOR_TRIP,
    SUPPLY_HIGH,
    SWITCH_SHORT,
    WAIT_BUTTON,
    WARMUP,
)

HARDWARE = Path(__file__).resolve().parents[2] / "hardware"
NEVER = 1 << 29
INSIDE, OUTSIDE = limits.RAIL_TOLERANCE_MV, limits.RAIL_TOLERANCE_MV + 1
EDGES = pytest.mark.parametrize(
    ("off_mv", "is_wrong"), [(INSIDE, False), (-INSIDE, False), (OUTSIDE, True), (-OUTSIDE, True)]
)


@pytest.mark.risk("RC-40")
@EDGES
def test_rail_is_judged_by_the_self_test_of_a_start(off_mv: int, is_wrong: bool) -> None:
    rig = Rig().ready()
    rig.heater.rail_mv += off_mv
    assert rig.supervisor.request(1, rig.setpoint_mdegc, 15) == CAUSE_NONE
    rig.tick(2)
    assert (rig.supervisor.cause == RAIL) == is_wrong
    rig.tick(46)
    assert rig.supervisor.state == (LATCHED if is_wrong else WAIT_BUTTON)


@pytest.mark.risk("RC-40")
@EDGES
def test_rail_is_judged_by_the_press(off_mv: int, is_wrong: bool) -> None:
    rig = Rig().asked()
    rig.heater.rail_mv += off_mv
    rig.press()
    expected = (LATCHED, RAIL) if is_wrong else (WARMUP, CAUSE_NONE)
    assert (rig.supervisor.state, rig.supervisor.cause) == expected
    assert rig.heater.is_q1_closed == (not is_wrong)


@pytest.mark.risk("RC-40")
@EDGES
def test_rail_is_judged_before_heat_comes_back(off_mv: int, is_wrong: bool) -> None:
    rig = Rig().brought_to(PAUSED)
    rig.tick(REST_TICKS)
    rig.heater.rail_mv += off_mv
    rig.has_host = True
    n_powered = 0
    for _ in range(PULSE_TICKS[0] + 4):
        n_powered += rig.tick().heater.is_q1_closed
    assert (n_powered == 0) == is_wrong
    assert (rig.supervisor.cause == RAIL) == (rig.supervisor.state == LATCHED) == is_wrong


@pytest.mark.risk("RC-40")
@EDGES
@pytest.mark.parametrize("state", [WARMUP, HOLD])
def test_rail_that_is_measured_anew_is_judged_while_heat_is_on(
    off_mv: int, is_wrong: bool, state: int
) -> None:
    rig = Rig().brought_to(state)
    rig.heater.rail_mv = -1  # nothing was measured: nothing says that it is wrong
    assert rig.tick(2).supervisor.state == state
    rig.heater.rail_mv = limits.RAIL_MV + off_mv
    rig.tick()
    expected = (LATCHED, RAIL) if is_wrong else (state, CAUSE_NONE)
    assert (rig.supervisor.state, rig.supervisor.cause) == expected
    assert rig.heater.is_q1_closed == (not is_wrong)


@pytest.mark.risk("RC-40")
@EDGES
@pytest.mark.parametrize("at_tick", range(6, PULSE_TICKS[0]))
def test_rail_is_judged_until_power_flows_before_a_resume(
    off_mv: int, is_wrong: bool, at_tick: int
) -> None:
    rig = Rig().brought_to(PAUSED)
    rig.tick(REST_TICKS)
    rig.has_host = True
    rig.tick(at_tick)
    rig.heater.rail_mv += off_mv
    n_powered = 0
    for _ in range(PULSE_TICKS[0] + 4):
        n_powered += rig.tick().heater.is_q1_closed
    assert (n_powered == 0) == is_wrong
    assert (rig.supervisor.cause == RAIL) == is_wrong


@pytest.mark.risk("RC-40")
def test_rail_that_nobody_measured_lets_no_heat_come_back() -> None:
    rig = Rig().brought_to(PAUSED)
    rig.heater.rail_mv = -1
    rig.has_host = True
    for _ in range(PULSE_TICKS[-1] + TEST_TICKS):
        assert not rig.tick().heater.is_q1_closed
    assert (rig.supervisor.state, rig.supervisor.cause) == (LATCHED, RAIL)


@pytest.mark.risk("RC-40")
@pytest.mark.parametrize("rail_mv", [-1, limits.RAIL_MV - OUTSIDE])
def test_board_that_nobody_asks_for_heat_tells_of_no_rail(rail_mv: int) -> None:
    heater = FakeHeater()
    heater.rail_mv = rail_mv
    rig = Rig(heater=heater).ready()  # OFF: the test at switch-on has passed
    rig.tick(40)
    assert (rig.supervisor.state, rig.supervisor.cause) == (OFF, CAUSE_NONE)
    assert rig.supervisor.request(1, rig.setpoint_mdegc, 15) == CAUSE_NONE
    rig.tick(48)
    rig.press()
    assert (rig.supervisor.state, rig.supervisor.cause) == (LATCHED, RAIL)


def hold_button(rig: Rig) -> None:
    """Press for as long as ends a latch, and let the self-test come to its end."""
    rig.heater.flags |= FLAG_BUTTON
    rig.tick(limits.BUTTON_CLEAR_MS // limits.TICK_MS + 4)
    rig.heater.flags &= ~FLAG_BUTTON
    rig.tick(20)


@pytest.mark.risk("RC-12")
@pytest.mark.risk("RC-40")
@pytest.mark.parametrize("rail_mv", [-1, limits.RAIL_MV - OUTSIDE])
def test_rail_that_is_still_wrong_stays_latched_but_is_no_further_fault(rail_mv: int) -> None:
    rig = Rig().asked()
    rig.heater.rail_mv -= OUTSIDE
    rig.press().tick(8)
    rig.heater.rail_mv = rail_mv
    for _ in range(2 * limits.LATCHES_BEFORE_LOCK):
        hold_button(rig)
        assert (rig.supervisor.state, rig.supervisor.cause) == (LATCHED, RAIL)
        kept = Ledger()
        assert kept.load((rig.heater.slots.get(0), rig.heater.slots.get(1))) == GOOD
        assert kept.fault == RAIL
    rig.heater.rail_mv = limits.RAIL_MV
    hold_button(rig)
    assert rig.supervisor.state == OFF
    # Each one that comes after it was cleared is one more.
    for n in range(2, limits.LATCHES_BEFORE_LOCK + 1):
        assert rig.supervisor.request(1, rig.setpoint_mdegc, 15) == CAUSE_NONE
        rig.heater.rail_mv -= OUTSIDE
        rig.tick(8)
        is_last = n == limits.LATCHES_BEFORE_LOCK
        assert rig.supervisor.state == (LOCKED if is_last else LATCHED)
        rig.heater.rail_mv += OUTSIDE
        if not is_last:
            hold_button(rig)


@pytest.mark.risk("RC-40")
@pytest.mark.parametrize(("rail_mv", "is_wrong"), [(-1, False), (limits.RAIL_MV - OUTSIDE, True)])
def test_rail_is_judged_before_another_fault_is_cleared(rail_mv: int, is_wrong: bool) -> None:
    rig = Rig().brought_to(HOLD)
    rig.heater.mdegc["h"] += 2000
    rig.tick(80)
    assert (rig.supervisor.state, rig.supervisor.cause) == (LATCHED, SENSOR_TRIP)
    rig.heater.mdegc["h"] -= 2000
    rig.heater.face(33_000)
    rig.heater.rail_mv = rail_mv
    rig.tick(8)
    hold_button(rig)
    expected = (LATCHED, RAIL) if is_wrong else (OFF, CAUSE_NONE)
    assert (rig.supervisor.state, rig.supervisor.cause) == expected


@pytest.mark.risk("RC-40")
def test_rail_that_nobody_measured_is_no_fault_until_somebody_wants_heat() -> None:
    rig = Rig()
    rig.heater.rail_mv = -1
    rig.asked().press()
    assert (rig.supervisor.state, rig.supervisor.cause) == (LATCHED, RAIL)
    # Where no frames come nobody knows whether the board is worn, and that is said first.
    rig = Rig()
    rig.heater.rail_mv = -1
    rig.heater.flags = LEAD_OFF
    rig.asked().press()
    assert (rig.supervisor.state, rig.supervisor.cause) == (OFF, NOT_WORN)


def test_rail_hides_no_shorted_switch() -> None:
    rig = Rig().ready()
    rig.heater.rail_mv += OUTSIDE
    rig.heater.q2_ma = 800
    assert rig.supervisor.request(1, rig.setpoint_mdegc, 15) == CAUSE_NONE
    rig.tick(4)
    assert (rig.supervisor.state, rig.supervisor.cause) == (LOCKED, SWITCH_SHORT)


@pytest.mark.risk("RC-40")
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("beyond_mdegc", [-10, 10])
def test_sensor_h_that_moves_alone_pauses_in_two_scans(sign: int, beyond_mdegc: int) -> None:
    rig = Rig().brought_to(HOLD)
    rig.tick(20)
    rig.heater.mdegc["h"] += sign * (limits.JUMP_MDEGC + beyond_mdegc)
    rig.tick(limits.JUMP_SCANS - 1)
    assert rig.supervisor.state == HOLD
    rig.tick()
    expected = (PAUSED, CONTACT_CHANGED) if beyond_mdegc > 0 else (HOLD, CAUSE_NONE)
    assert (rig.supervisor.state, rig.supervisor.cause) == expected


@pytest.mark.mutation("RC-40")
def test_explorer_finds_a_rail_that_nobody_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    path = ("rail wrong", "open link", "permit", "request", "pass 12 s", "lease", "press")
    assert not play(path).rig.heater.is_q1_closed
    monkeypatch.setattr("faceloop_heat.checks.RAIL_TOLERANCE_MV", NEVER)
    with pytest.raises(AssertionError, match="rail wrong"):
        play(path)


# Bridges and fixed resistor share the converter's rail (hardware/spice/circuit.lib): an error of
# it cancels out of every temperature but H's, and moves the limits of supply and current by as
# much. This much goes unseen when it has been there since the front end was set up: pinned here,
# with what it may not do.
@pytest.mark.parametrize(
    ("rail_gain", "cell_v", "cause"),
    [
        (1.0, 4.45, CAUSE_NONE),
        (1.0, 4.55, SUPPLY_HIGH),
        (1.03, 4.33, CAUSE_NONE),
        (1.03, 4.43, SUPPLY_HIGH),
        (0.972, 4.56, CAUSE_NONE),
        (0.972, 4.7, SUPPLY_HIGH),
        (1.0, 3.6, CAUSE_NONE),
        (1.0, 3.45, BATTERY_LOW),
        (1.03, 3.46, CAUSE_NONE),
        (1.03, 3.36, BATTERY_LOW),
        (0.972, 3.68, CAUSE_NONE),
        (0.972, 3.56, BATTERY_LOW),
    ],
)
def test_rail_that_all_bridges_share_moves_the_supply_limits_and_no_temperature(
    rail_gain: float, cell_v: float, cause: int
) -> None:
    bench = make_bench(nominal_wearer())
    bench.pad.rail_gain = rail_gain
    bench.pad.begin_stream()
    assert heat_up(bench, 40.0)
    bench.run(60_000.0)
    bench.mark()
    bench.pad.cell_v = cell_v
    bench.run(3_000.0)
    assert (bench.supervisor.cause, bench.supervisor.state == WARMUP) == (cause, not cause)
    bench.run(8 * 60_000.0)
    assert bench.supervisor.sensors.face / 1000 == pytest.approx(bench.pad.skin.face(), abs=0.1)
    assert bench.max_skin_degc < 40.0


def bench_with_rail(share: float) -> Bench:
    bench = make_bench(nominal_wearer())
    bench.pad.rail_gain = 1.0 / share
    bench.pad.begin_stream()
    return bench


@pytest.mark.risk("RC-40")
@pytest.mark.parametrize("share", [0.969, 0.971, 1.029, 1.031])
def test_rail_that_is_wrong_before_heat_begins_latches_and_nothing_heats(share: float) -> None:
    bench = bench_with_rail(share)
    is_wrong = abs(share - 1.0) * limits.RAIL_MV > limits.RAIL_TOLERANCE_MV
    assert heat_up(bench) == (not is_wrong)
    bench.run(2_000.0)
    assert (bench.supervisor.state == LATCHED, bench.supervisor.cause) == (
        (True, RAIL) if is_wrong else (False, CAUSE_NONE)
    )
    assert (bench.on_ms >= 0.0) == (not is_wrong)


@pytest.mark.risk("RC-40")
@pytest.mark.parametrize("state", HEATING_STATES.values(), ids=HEATING_STATES)
@pytest.mark.parametrize("share", [0.98, 0.993, 1.007, 1.02])
def test_rail_that_moves_in_a_session_takes_heat_away_within_half_a_second(
    share: float, state: int
) -> None:
    # 0.5 C of sensor H, whose bridge has a rail of its own, are 1.3 % of the other one.
    fault = Fault("rail", 6, "rail moves", 0.5, "latch", rail(share))
    run = run_fault(fault, nominal_wearer(), state)
    is_seen = abs(share - 1.0) > 0.013
    assert (misses(run, fault, in_pause=state == PAUSED) == []) == is_seen
    assert (run.cause == SENSOR_TRIP) == is_seen
    assert run.max_skin_degc < 40.0


@pytest.mark.risk("RC-40")
def test_rail_that_became_wrong_is_named_with_the_next_stream_and_stays_latched() -> None:
    bench = make_bench(nominal_wearer())
    assert heat_up(bench)
    bench.run(60_000.0)
    bench.pad.rail_gain = 1.05
    bench.run(10_000.0)
    assert (bench.supervisor.state, bench.supervisor.cause) == (LATCHED, SENSOR_TRIP)
    bench.pad.begin_stream()
    bench.run(300_000.0)  # cool enough to be cleared
    bench.pad.is_button = True
    bench.run(5_000.0)
    bench.pad.is_button = False
    bench.run(5_000.0)
    assert (bench.supervisor.state, bench.supervisor.cause) == (LATCHED, RAIL)
    bench.pad.rail_gain = 1.0
    bench.pad.begin_stream()
    bench.pad.is_button = True
    bench.run(5_000.0, states(OFF))
    assert bench.supervisor.state == OFF


def pauses(load: float) -> bool:
    """Return whether heat pauses in its first minutes where the rail changes by this with it."""
    bench = make_bench(replace(nominal_wearer(), rail_load=load))
    assert heat_up(bench, 40.0)
    bench.run(300_000.0, states(PAUSED, LATCHED))
    assert bench.supervisor.state != LATCHED
    return bool(bench.supervisor.cause == CONTACT_CHANGED)


@pytest.mark.risk("RC-40")
@pytest.mark.parametrize("sign", [1, -1])
def test_rail_that_heat_moves_pauses_only_beyond_what_the_board_may(sign: int) -> None:
    assert not pauses(sign * RAIL_LOAD)
    assert pauses(sign * 2.5 * RAIL_LOAD)  # 0.3 C of sensor H


def test_wearers_have_boards_whose_rail_moves_with_heat_as_far_as_the_papers_allow() -> None:
    loads = [random_wearer(np.random.default_rng([8, n])).rail_load for n in range(200)]
    assert min(loads) < -0.9 * RAIL_LOAD and max(loads) > 0.9 * RAIL_LOAD
    assert all(abs(load) <= RAIL_LOAD for load in loads)
    share = f"{100 * RAIL_LOAD:g} %"
    assert (
        f"changes by {share} at most from no heat to full power"
        in (HARDWARE / "heat.md").read_text()
    )
    assert f"their ratio at full power within {share}" in (HARDWARE / "bench.md").read_text()


# The board's own wiring.


def reading(wires: HeatWires, constants: dict[str, Any], what: str) -> float:
    """Return what the converter says of one input of the multiplexer."""
    for bit in range(3):
        wires.write(constants[f"HEAT_MUX{bit}"], constants[f"MUX_{what}"] >> bit & 1)
    return sum(wires.convert(256)) / 256


def test_of_all_bridges_that_of_h_alone_moves_with_the_rail() -> None:
    constants = board_constants()
    world = World()
    wires = HeatWires(constants, lambda: world.knobs, lambda: 0.0)
    names = ("A", "C", "Z", "B", "REFERENCE", "H")
    before = {name: reading(wires, constants, name) for name in names}
    share = constants["HW1_RAIL_MV"] / limits.RAIL_MV
    assert before["H"] == pytest.approx(share * before["A"], rel=0.001)
    world.turn({"rail_mv": 3135})
    for name in names:
        expected = before[name] / (0.95 if name == "H" else 1.0)
        assert reading(wires, constants, name) == pytest.approx(expected, rel=0.001), name


def test_rails_of_the_papers_are_those_of_the_board() -> None:
    constants = board_constants()
    assert constants["ADC_FULL_SCALE_MV"] == limits.RAIL_MV
    hw1_rail = f"{constants['HW1_RAIL_MV'] / 1000} V"
    circuit = (HARDWARE / "spice" / "circuit.lib").read_text()
    papers = (HARDWARE / "heat.md").read_text()
    assert f"vh: rail of its own, {hw1_rail}" in circuit
    assert f"HW1's rail of {hw1_rail}" in papers and f"{hw1_rail} within 1 %" in papers
    assert "The front end's DVDD is to be wired to the same 3.3 V" in papers
