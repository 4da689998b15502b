"""Controls that are built, not programmed: what each does to the skin, and what is without it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from faceloop.twin.heat._bench import Bench
from faceloop.twin.heat.board import HEATER_MOHM, heat_up, make_bench, states
from faceloop.twin.heat.campaign import run_fault
from faceloop.twin.heat.faults import Fault, fault_named
from faceloop.twin.heat.wearer import make_skin, nominal_wearer
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import COOL, HOLD, LATCHED, LOCKED, OFF

HARDWARE = Path(__file__).resolve().parents[2] / "hardware"
PAD: dict[str, Any] = tomllib.loads((HARDWARE / "pad.toml").read_text())
RISK: dict[str, Any] = yaml.safe_load((HARDWARE / "risk" / "heat.yaml").read_text())
BENCH = (HARDWARE / "bench.md").read_text()
ENDED = states(COOL, OFF, LATCHED, LOCKED)
SKIN_DEGC = limits.SKIN_LIMIT_MDEGC / 1000
STEP_S = 0.5


# A carrier that cannot fold.


def most_degc(*, can_fold: bool) -> float:
    """Return the hottest skin of a quarter of an hour at 40 C with a pad that is pressed together.

    The fold lies where no sensor is.
    """
    bench = make_bench(nominal_wearer())
    assert heat_up(bench, limits.SETPOINT_MAX_MDEGC / 1000)
    if can_fold:
        fault_named("fold_unsensed").begin(bench)
    bench.mark()
    bench.run(900_000.0, ENDED)
    return float(bench.max_skin_degc)


@pytest.mark.risk("RC-30")
def test_pad_that_stays_flat_is_within_the_limit() -> None:
    assert most_degc(can_fold=False) < limits.SETPOINT_MAX_MDEGC / 1000 + 0.5


@pytest.mark.mutation("RC-30")
def test_without_a_stiff_carrier_a_fold_is_too_hot() -> None:
    assert most_degc(can_fold=True) >= SKIN_DEGC


# A trace of even power.


def hot_spot_degc(evenness: float) -> float:
    """Return the hottest skin under a square centimetre that has this much of the mean power.

    No sensor is there; sideways flow, which cools it, is left out.
    """
    bench = make_bench(nominal_wearer())
    bench.trace = []
    assert heat_up(bench, limits.SETPOINT_MAX_MDEGC / 1000)
    bench.run(900_000.0, ENDED)
    assert bench.supervisor.state == HOLD
    spot = make_skin(nominal_wearer(), bench.area_cm2)
    most = 0.0
    for *_, power_w in bench.trace:
        for _ in range(round(1 / STEP_S)):
            spot.step(power_w * evenness, STEP_S)
        most = max(most, spot.hottest())
    return most


@pytest.mark.risk("RC-36")
def test_trace_as_even_as_it_has_to_be_has_no_hot_spot() -> None:
    assert hot_spot_degc(PAD["trace_evenness"]) < limits.FACE_PAUSE_MDEGC / 1000


@pytest.mark.mutation("RC-36")
def test_uneven_trace_is_too_hot_where_no_sensor_is() -> None:
    assert hot_spot_degc(2 * PAD["trace_evenness"]) >= SKIN_DEGC


# Two films between heater and skin.

# Direct current through a person, normal and with a single fault, and the person (IEC 60601-1).
LEAK_UA, FAULT_UA = 10, 50
PERSON_OHM = 1_000
LEAK_V = 1.2 * 5.0  # safety analysis, electrical safety: 1.2 times the highest supply


def leakage_ua(n_films: int) -> float:
    """Return what flows from the heater through wet gel into a person, by so many whole films."""
    return 1e6 * LEAK_V / (n_films * 1e3 * PAD["film_min_kohm"] + PERSON_OHM)


def films() -> int:
    (heater,) = [layer for layer in PAD["layers"] if layer["name"] == "heater"]
    found = re.search(r"(\w+) films towards the skin", heater["material"])
    assert found
    return ("no", "one", "two").index(found[1])


@pytest.mark.risk("RC-37")
def test_leakage_is_small_with_both_films_and_with_one_of_them_torn() -> None:
    assert leakage_ua(films()) < LEAK_UA
    assert leakage_ua(films() - 1) < LEAK_UA
    # So a film has to have what lets LEAK_UA through, 600 kohm; two thirds more are asked for.
    assert 1e3 * PAD["film_min_kohm"] >= 1e6 * LEAK_V / LEAK_UA
    for passes in (f"each film at least {PAD['film_min_kohm']} kohm", f"under {LEAK_UA} uA"):
        assert passes in BENCH
    assert f"at {LEAK_V:.0f} V into 1 kohm" in BENCH


@pytest.mark.mutation("RC-37")
def test_without_films_a_torn_one_is_more_than_a_person_may_get() -> None:
    assert leakage_ua(films() - 2) > FAULT_UA


# A fuse on the pad.

# Opens between these at the bench (B-12).
FUSE_DEGC = (limits.FUSE_MIN_MDEGC / 1000, 77.0)
BEARS_DEGC = PAD["material_class_degc"]


def core_degc(*, has_fuse: bool) -> float:
    """Return the hottest core in an hour of full power under a pillow, with nothing else left."""
    skin = make_skin(nominal_wearer(), 100)
    skin.g12 *= 0.02  # in a bed, on nobody
    skin.g1a = 0.0096
    power_w = (PAD["cell_max_mv"] / 1000) ** 2 / (HEATER_MOHM[100] / 1000)
    most = 0.0
    for _ in range(round(3600 / STEP_S)):
        if has_fuse and skin.core_degc >= FUSE_DEGC[1]:
            power_w = 0.0  # for ever
        skin.step(power_w, STEP_S)
        most = max(most, skin.core_degc)
    return most


@pytest.mark.risk("RC-38")
def test_fuse_ends_what_nothing_else_does() -> None:
    assert core_degc(has_fuse=True) < BEARS_DEGC
    assert f"and {FUSE_DEGC[1]:.0f} C" in BENCH
    assert f"thermal class {BEARS_DEGC} (IEC 60085)" in BENCH


@pytest.mark.mutation("RC-38")
def test_without_a_fuse_the_pad_is_hotter_than_its_materials_bear() -> None:
    assert core_degc(has_fuse=False) > BEARS_DEGC


def test_fuse_stays_whole_where_the_cut_offs_work() -> None:
    assert FUSE_DEGC[0] > (limits.HW2_TRIP_MDEGC + limits.HW2_ERROR_MDEGC) / 1000 + 10


# A voltage detector on the cell.


def heated_s(*, has_detector: bool) -> float | None:
    """Return for how long heat goes on once the cell is so low that the program stands still."""

    def begin(bench: Bench) -> None:
        if has_detector:
            bench.power_cycle()  # held in reset: all outputs are released
        else:
            bench.is_hung = True
            bench.pad.is_stuck_on = bench.pad.is_on  # as the outputs were

    low = Fault("low", 13, "cell under 3 V", DETECTOR_S, "end", begin, "hardware")
    return run_fault(low, nominal_wearer(), HOLD).off_s


DETECTOR_S = 0.25  # row 13


@pytest.mark.risk("RC-41")
def test_processor_held_in_reset_ends_heat_at_once() -> None:
    off_s = heated_s(has_detector=True)
    assert off_s is not None and off_s <= DETECTOR_S
    # Before that the program has ended heat, and can still tell.
    assert limits.BROWN_OUT_MV * 1.02 < limits.SUPPLY_LOW_MV


@pytest.mark.mutation("RC-41")
def test_processor_that_stands_still_on_a_low_cell_heats_until_the_watchdog_opens() -> None:
    off_s = heated_s(has_detector=False)
    assert off_s is not None and DETECTOR_S < off_s <= limits.WATCHDOG_LAST_MS / 1000


# Area.

HEAD_CM2 = 1_300
WORN_AT_ONCE = 1  # the board has one heater output


def is_small_enough(areas_cm2: list[int]) -> bool:
    """Return whether no choice of pads covers more than a tenth of the head (table 24, note)."""
    worn = sorted(areas_cm2)[-WORN_AT_ONCE:]
    return sum(worn) <= limits.PAD_AREA_MAX_CM2 < HEAD_CM2 / 10


@pytest.mark.risk("RC-39")
def test_pads_cover_less_than_a_tenth_of_the_head() -> None:
    assert is_small_enough([pad["area_cm2"] for pad in PAD["pads"]])


@pytest.mark.mutation("RC-39")
def test_larger_pad_is_refused() -> None:
    assert not is_small_enough([60, limits.PAD_AREA_MAX_CM2 + 1])


@pytest.mark.parametrize("control", ["RC-30", "RC-36", "RC-37", "RC-38", "RC-41"])
def test_what_a_simulation_shows_is_shown_at_the_bench_too(control: str) -> None:
    (found,) = [each for each in RISK["controls"] if each["id"] == control]
    assert found["bench"] in BENCH
