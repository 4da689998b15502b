"""A control that is taken away is missed: its row of the fault list no longer passes."""

from __future__ import annotations

import importlib

import pytest

from faceloop.twin.heat.board import heat_up, make_bench
from faceloop.twin.heat.campaign import HEATING_STATES, misses, run_fault
from faceloop.twin.heat.faults import fault_named
from faceloop.twin.heat.wearer import nominal_wearer

NEVER = 1 << 29
# Fault, module, constant, value that disables it. Sensor A off its spot is not among them:
# the pair rule and the zone rule both find it in time.
TAKEN_AWAY = (
    ("ntc_open", "sensors", "SENSOR_BAD_SCANS", NEVER),
    ("ntc_drift", "sensors", "PAIR_MS", NEVER),
    ("zone_detached", "sensors", "ZONE_MS", NEVER),
    ("adc_frozen", "sensors", "FROZEN_SCANS", NEVER),
    ("adc_high", "sensors", "REFERENCE_BAD_SCANS", NEVER),
    ("core_detached", "checks", "CORE_FACE_MS", NEVER),
    ("q1_short", "checks", "LEAK_MA", NEVER),
    ("q2_short", "checks", "LEAK_MA", NEVER),
    ("heater_low", "checks", "HEATER_BAD_SCANS", NEVER),
    ("heater_high", "checks", "HEATER_BAD_SCANS", NEVER),
    ("clock_fast", "checks", "CLOCK_TOLERANCE_PERMILLE", 1 << 15),
    ("overvoltage", "checks", "SUPPLY_HIGH_SCANS", NEVER),
    ("pad_off", "checks", "OFF_SKIN_MS", NEVER),
    ("battery_low", "session", "SUPPLY_LOW_MS", NEVER),
    ("lead_off", "consent", "LEAD_OFF_MS", NEVER),
    ("asleep", "consent", "STILL_THERE_MS", NEVER),
)


@pytest.mark.parametrize("mutant", TAKEN_AWAY, ids=[mutant[0] for mutant in TAKEN_AWAY])
def test_control_taken_away_is_missed(
    mutant: tuple[str, str, str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, module, constant, value = mutant
    fault = fault_named(name)
    state = HEATING_STATES["WARMUP" if name == "pad_off" else "HOLD"]
    healthy = run_fault(fault, nominal_wearer(), state, logic="python")
    assert misses(healthy, fault) == []
    monkeypatch.setattr(importlib.import_module(f"faceloop_heat.{module}"), constant, value)
    assert misses(run_fault(fault, nominal_wearer(), state, logic="python"), fault)


def test_lease_taken_away_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_heat.consent import Consent

    monkeypatch.setattr(Consent, "has_lease", lambda self: True)
    fault = fault_named("host_silent")
    run = run_fault(fault, nominal_wearer(), HEATING_STATES["HOLD"], logic="python")
    assert misses(run, fault)


@pytest.mark.parametrize(("part", "name"), [("watchdog", "mcu_hang"), ("vbus", "charger")])
def test_hardware_taken_away_is_missed(part: str, name: str) -> None:
    bench = make_bench(nominal_wearer())
    getattr(bench.pad, part).is_dead = True
    fault = fault_named(name)
    run = run_fault(fault, nominal_wearer(), HEATING_STATES["HOLD"], bench=bench)
    assert misses(run, fault)


def test_hw1_taken_away_is_found_by_the_self_test() -> None:
    bench = make_bench(nominal_wearer())
    assert heat_up(bench)
    bench.supervisor.stop()
    bench.run(310_000.0)
    bench.pad.hw1.is_dead = True
    assert not heat_up(bench)
