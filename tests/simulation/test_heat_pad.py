"""The pad's papers say what the firmware, the simulation and the circuit say."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from faceloop.twin.heat.board import HEATER_MOHM
from faceloop.twin.heat.wearer import make_skin, random_wearer
from faceloop_protocol import heat_limits

HARDWARE = Path(__file__).resolve().parents[2] / "hardware"
PAD: dict[str, Any] = tomllib.loads((HARDWARE / "pad.toml").read_text())
HEAT = (HARDWARE / "heat.md").read_text()
BENCH = (HARDWARE / "bench.md").read_text()
RISK: dict[str, Any] = yaml.safe_load((HARDWARE / "risk" / "heat.yaml").read_text())

# "43.2 C (`HW1_TRIP_MDEGC`)": unit in the text, end of the constant's name, one in the other.
QUOTED = re.compile(r"([\d.]+) ([A-Za-z0-9/]+) \(`([A-Z0-9_]+)`\)")
UNITS = {
    ("C", "_MDEGC"): 1000,
    ("ms", "_MS"): 1,
    ("s", "_MS"): 1000,
    ("min", "_MS"): 60_000,
    ("mA", "_MA"): 1,
    ("V", "_MV"): 1000,
    ("mV", "_MV"): 1,
    ("cm2", "_CM2"): 1,
    ("CEM43", "_UMIN"): 1_000_000,
    ("W/m2", "_MW_PER_CM2"): 0.1,
}
PILLOW_W_PER_M2K = 1.0


def table(text: str, first: str) -> list[list[str]]:
    """Return the cells of the table whose first heading is ``first``."""
    lines = text.split(f"\n| {first} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("value", "unit", "name"), QUOTED.findall(HEAT + BENCH), ids=lambda part: part
)
def test_limit_quoted_in_the_papers_is_the_firmware_s(value: str, unit: str, name: str) -> None:
    scale = next(s for (u, end), s in UNITS.items() if u == unit and name.endswith(end))
    assert float(value) * scale == pytest.approx(getattr(heat_limits, name))


def test_hardware_limits_are_all_in_the_papers() -> None:
    quoted = {name for _, _, name in QUOTED.findall(HEAT + BENCH)}
    hardware = {
        name
        for name in vars(heat_limits)
        if name.startswith(("HW", "WATCHDOG_", "VBUS_", "BROWN_OUT_", "RAIL_"))
    }
    assert hardware <= quoted
    assert hardware


@pytest.mark.parametrize("pad", PAD["pads"], ids=lambda pad: pad["name"])
def test_pad_is_the_simulated_one_and_within_the_limits(pad: dict[str, Any]) -> None:
    assert HEATER_MOHM[pad["area_cm2"]] == pad["heater_mohm"]
    # Refused before heat comes on, if built outside of what pad.toml allows.
    assert max(map(abs, PAD["heater_tolerance_pct"])) < heat_limits.HEATER_TOLERANCE_PCT


def test_areal_power_table_follows_from_pad_toml() -> None:
    rows = table(HEAT, "Pad")
    assert len(rows) == len(PAD["pads"])
    low, high = PAD["heater_tolerance_pct"]
    for row, pad in zip(rows, PAD["pads"], strict=True):
        ohm = pad["heater_mohm"] / 1000
        least = ohm * (1 + low / 100)
        amps = PAD["cell_max_mv"] / 1000 / (least + PAD["series_min_mohm"] / 1000)
        most_w = amps**2 * least
        assert row == [
            pad["name"],
            str(pad["area_cm2"]),
            f"{ohm:.2f} {low:+d} % {high:+d} %",
            f"{pad['area_cm2'] * heat_limits.AREAL_LIMIT_MW_PER_CM2 / 1000:.2f}",
            f"{most_w:.2f}",
            f"{most_w / pad['area_cm2'] * 1e4:.0f}",
        ]
        assert float(row[-1]) <= heat_limits.AREAL_LIMIT_MW_PER_CM2 * 10


def _skin_layers() -> Any:
    path = Path(__file__).parent / "skin_layers.py"
    spec = importlib.util.spec_from_file_location("skin_layers", path)
    assert spec and spec.loader
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    return model


MODEL = _skin_layers()


def test_layers_are_those_of_the_model_of_the_skin() -> None:
    written = table(HEAT, "Layer")
    for layer, row, (thick_m, k, capacity, *_) in zip(
        PAD["layers"], written, MODEL.LAYERS, strict=False
    ):
        nominal, low, high = layer["thickness_mm"]
        assert row == [layer["name"], layer["material"], f"{nominal} ({low}, {high})"]
        assert nominal == pytest.approx(1000 * thick_m)
        assert layer["k"] == k
        assert layer["capacity"] == pytest.approx(capacity / 1000)
    assert len(written) == len(PAD["layers"]) == 3


@pytest.mark.parametrize("flux", [300, 400, 667])
def test_stuck_on_table_is_what_the_lumped_model_gives(flux: int) -> None:
    open_degc, pillow_degc, warm_min = [], [], []
    for index in range(100):
        wearer = random_wearer(np.random.default_rng([7, index]))
        for ends, loss in ((open_degc, None), (pillow_degc, 0.0096)):
            skin = make_skin(wearer, 100)
            skin.g1a = skin.g1a if loss is None else loss
            warm_at = 3600
            for step in range(3600):
                skin.step(flux / 100, 0.5)
                if warm_at == 3600 and skin.skin_degc >= 38.0:
                    warm_at = step + 1
            ends.append(skin.skin_degc)
            if loss is None:
                warm_min.append(warm_at / 120)
    row = next(row for row in table(HEAT, "W/m2") if row[0] == str(flux))
    found = [
        "{:.1f} / {:.1f}".format(*np.percentile(values, (50, 95)))
        for values in (open_degc, pillow_degc, warm_min)
    ]
    assert row[4:] == found


@pytest.mark.parametrize("flux", [300, 400, 667])
def test_stuck_on_nominal_wearer_of_the_layers_is_as_written_and_near_what_is_quoted(
    flux: int,
) -> None:
    row = next(row for row in table(HEAT, "W/m2") if row[0] == str(flux))
    found = []
    for quoted, outer in ((row[1], MODEL.OUTER), (row[2], PILLOW_W_PER_M2K)):
        wearer = MODEL.Layers()
        wearer.to_air = 1.0 / (1.0 / outer + wearer.half[0])
        wearer.step(0.0, 75.0)
        wearer.step(0.0, 75.0)
        for _ in range(900):
            wearer.step(flux * MODEL.AREA_M2, 2.0)
        found.append(wearer.skin_degc())
        median = float(quoted.split(" / ")[0])
        assert median - 0.75 < found[-1] < median
    assert row[3] == "{:.1f} / {:.1f}".format(*found)


@pytest.mark.parametrize(
    "control", [c for c in RISK["controls"] if "bench" in c], ids=lambda control: control["id"]
)
def test_bench_step_of_a_control_exists(control: dict[str, Any]) -> None:
    assert set(control["bench"].split(", ")) <= {row[0] for row in table(BENCH, "Step")}


def test_bench_steps_are_numbered_and_each_says_what_passes() -> None:
    steps = table(BENCH, "Step")
    assert [row[0] for row in steps] == [f"B-{n:02d}" for n in range(1, len(steps) + 1)]
    assert all(len(row) == 3 and row[2] for row in steps)
    assert [row[0] for row in table(BENCH, "Thermocouple")] == ["T1", "T2", "T3", "T4", "T5"]
