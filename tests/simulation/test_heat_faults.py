"""Every row of the fault list in every heating state, and what the hardware does on its own."""

from __future__ import annotations

import pytest

from faceloop.twin.heat.board import heat_up, make_bench, states
from faceloop.twin.heat.campaign import HEATING_STATES, misses, run_fault
from faceloop.twin.heat.faults import FAULTS, Fault, fault_named
from faceloop.twin.heat.wearer import nominal_wearer
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import (
    FIRST_LATCH,
    HARDWARE_TRIP,
    LATCHED,
    LOCKED,
    OFF,
    RESETS,
    SWITCH_SHORT,
    TRIP_TEST,
    WARMUP,
    WATCHDOG,
)

ELECTRONIC = [fault for fault in FAULTS if fault.layer != "mechanical"]
# Controls of the risk file that a row of the fault list tests.
CONTROLS = {
    1: ["RC-01"],
    2: ["RC-02", "RC-03"],
    3: ["RC-02"],
    4: ["RC-04"],
    5: ["RC-05"],
    6: ["RC-05", "RC-40"],
    7: ["RC-07"],
    8: ["RC-08"],
    9: ["RC-09"],
    10: ["RC-10"],
    11: ["RC-09"],
    13: ["RC-13"],
    14: ["RC-14"],
    15: ["RC-15"],
    17: ["RC-17"],
    18: ["RC-18"],
    19: ["RC-19"],
    21: ["RC-21B"],
}
PARAMETERS = [
    pytest.param(fault, id=fault.name, marks=pytest.mark.risk(*CONTROLS.get(fault.row, [])))
    for fault in ELECTRONIC
]


# In PAUSED everything else stays off and latches before any resume. These do not, and why.
SHOWN_BY_HEAT_ONLY = {
    "ntc_drift": "a quarter of a degree in the longest pause: no more than sensors may differ by",
    "face_drift": "the same",
    "fold": "zones part by what power does: by 0.04 C in the second of the test",
    "fold_spot": "the same",
    "pillow": "no fault: control lowers the power",
    "breeze": "no fault",
    "wet": "no fault",
    "rogue": "there is no supervisor then: power at once, held by the hardware",
}


@pytest.mark.parametrize("state", HEATING_STATES)
@pytest.mark.parametrize("fault", PARAMETERS)
def test_fault_in_every_state_is_off_in_time(fault: Fault, state: str) -> None:
    run = run_fault(fault, nominal_wearer(), HEATING_STATES[state])
    assert run.begun_in == HEATING_STATES[state]
    assert misses(run, fault, in_pause=state == "PAUSED") == []
    if state == "PAUSED" and fault.name not in SHOWN_BY_HEAT_ONLY:
        assert run.off_s == 0.0, "heat in a pause"
        assert not run.is_resumed


@pytest.mark.parametrize("name", SHOWN_BY_HEAT_ONLY)
def test_what_only_heat_shows_resumes_and_no_more_is_excused_than_has_to_be(name: str) -> None:
    fault = fault_named(name)
    run = run_fault(fault, nominal_wearer(), HEATING_STATES["PAUSED"])
    assert run.is_resumed or run.off_s != 0.0
    assert fault.needs_heat or fault.row in (16, 26)


def test_fold_without_a_sensor_in_it_is_beyond_electronics() -> None:
    # Listed apart: what keeps it from happening is a carrier that cannot fold.
    fault = fault_named("fold_unsensed")
    run = run_fault(fault, nominal_wearer(), HEATING_STATES["HOLD"])
    assert misses(run, fault)
    assert fault.layer == "mechanical"


def test_three_watchdog_resets_lock() -> None:
    bench = make_bench(nominal_wearer())
    for _ in range(limits.RESETS_BEFORE_LOCK):
        assert bench.supervisor.state == OFF
        bench.is_main_hung = True
        bench.run(5_000.0)
    assert bench.n_resets == limits.RESETS_BEFORE_LOCK
    assert (bench.supervisor.state, bench.supervisor.cause) == (LOCKED, RESETS)
    bench.power_cycle()
    bench.run(5_000.0)
    assert bench.supervisor.state == LOCKED


def test_latch_survives_power_cycle_and_radio_and_ends_by_the_button() -> None:
    bench = make_bench(nominal_wearer())
    assert heat_up(bench)
    bench.is_main_hung = True
    bench.run(10_000.0)
    assert (bench.supervisor.state, bench.supervisor.cause) == (LATCHED, WATCHDOG)
    bench.power_cycle()
    bench.run(2_000.0)
    assert (bench.supervisor.state, bench.supervisor.cause) == (LATCHED, WATCHDOG)
    bench.supervisor.open_link(2)
    assert bench.supervisor.request(2, 39000, 10) >= FIRST_LATCH
    bench.pad.is_button = True
    bench.run(2_500.0, states(OFF))
    assert bench.supervisor.state == LATCHED
    bench.run(4_000.0, states(OFF))
    assert bench.supervisor.state == OFF


@pytest.mark.risk("RC-06")
@pytest.mark.parametrize("dead", ["hw1", "hw2"])
def test_dead_cut_off_is_found_before_heat(dead: str) -> None:
    bench = make_bench(nominal_wearer())
    getattr(bench.pad, dead).is_dead = True
    assert not heat_up(bench)
    assert (bench.supervisor.state, bench.supervisor.cause) == (LATCHED, TRIP_TEST)
    assert bench.max_skin_degc < 37.5


@pytest.mark.parametrize("switch", ["is_q1_short", "is_q2_short"])
def test_shorted_switch_is_found_before_heat(switch: str) -> None:
    bench = make_bench(nominal_wearer())
    setattr(bench.pad, switch, True)
    assert not heat_up(bench)
    assert (bench.supervisor.state, bench.supervisor.cause) == (LOCKED, SWITCH_SHORT)


def test_hw1_trip_latches_in_firmware_too() -> None:
    bench = make_bench(nominal_wearer())
    assert heat_up(bench)
    bench.run(10_000.0)
    bench.pad.hw1.trip_degc = 30.0
    bench.run(250.0 + 50.0)
    assert bench.pad.power_w == 0.0
    assert (bench.supervisor.state, bench.supervisor.cause) == (LATCHED, HARDWARE_TRIP)


# What each piece of hardware holds, when firmware gives full power for as long as it can.
@pytest.mark.risk("RC-20", "RC-21", "RC-22")
@pytest.mark.parametrize("dead", ["hw1", "hw2", "timer", None])
def test_rogue_firmware_is_held_by_the_remaining_hardware(dead: str | None) -> None:
    wearer = nominal_wearer()
    bench = make_bench(wearer)
    assert heat_up(bench, 40.0)
    bench.pad.cell_v = 4.2
    bench.pad.skin.g1a = 0.0096  # under a pillow
    if dead:
        getattr(bench.pad, dead).is_dead = True
    bench.mark()
    bench.pad.is_rogue = True
    bench.run(40 * 60_000.0)
    assert bench.max_skin_degc < limits.SKIN_LIMIT_HARDWARE_MDEGC / 1000
    assert bench.dose_cem43 < limits.DOSE_AFTER_FAULT_HARDWARE_UMIN / 1e6
    assert bench.pad.power_w == 0.0 or dead == "timer"


def test_without_any_hardware_the_same_is_too_hot() -> None:
    # Shows that the test above can fail.
    bench = make_bench(nominal_wearer())
    assert heat_up(bench, 40.0)
    bench.pad.cell_v = 4.2
    bench.pad.skin.g1a = 0.0096
    bench.pad.skin.gb = 0.012  # skin that hardly dilates
    bench.pad.skin.vmax = 0.3
    for part in (bench.pad.hw1, bench.pad.hw2, bench.pad.timer):
        part.is_dead = True
    bench.mark()
    bench.pad.is_rogue = True
    bench.run(40 * 60_000.0)
    assert bench.max_skin_degc > limits.SKIN_LIMIT_HARDWARE_MDEGC / 1000


def test_host_silence_shorter_than_a_pause_resumes_without_a_new_press() -> None:
    bench = make_bench(nominal_wearer())
    assert heat_up(bench)
    bench.run(60_000.0)
    bench.is_host_silent = True
    bench.run(15_000.0)
    assert bench.pad.power_w == 0.0
    bench.is_host_silent = False
    bench.run(9_000.0, states(WARMUP))  # the tests before heat comes back
    assert bench.supervisor.state == WARMUP


class Mistaken:
    """A supervisor whose next tick raises; the one after the reset is whole again."""

    def __init__(self, whole: object) -> None:
        self._whole = whole

    def __getattr__(self, name: str) -> object:
        return getattr(self._whole, name)

    def tick(self, now_ms: int) -> None:
        raise ZeroDivisionError


def test_mistake_of_the_supervisor_counts_though_the_watchdog_makes_it_harmless() -> None:
    fault = Fault(
        "mistake", 0, "the program raises", 5.0, "latch",
        lambda bench: setattr(bench, "supervisor", Mistaken(bench.supervisor)),
    )  # fmt: skip
    run = run_fault(fault, nominal_wearer(), HEATING_STATES["HOLD"])
    assert run.state == LATCHED
    assert run.off_s is not None and run.off_s < 5.0
    assert run.n_crashes == 1
    assert misses(run, fault) == ["the supervisor stopped by a mistake of its own"]
