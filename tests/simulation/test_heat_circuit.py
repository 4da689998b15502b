"""The heater's circuit in ngspice: where HW1 trips, what holds it, and what opens the switches."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from faceloop_heat.thermistor import temperature_mdegc
from faceloop_protocol import heat_limits as limits

HARDWARE = Path(__file__).resolve().parents[2] / "hardware"
SPICE = HARDWARE / "spice"
HEAT_MD = (HARDWARE / "heat.md").read_text()
PAD: dict[str, Any] = tomllib.loads((HARDWARE / "pad.toml").read_text())

# Tolerances of the parts, as parts.lib and heat.md ask for them.
R25, B, RESISTOR, OFFSET_V = 0.005, 0.005, 0.001, 0.003
HEATING_K_PER_MW = 0.5  # a bead in the pad: 2 mW/K
SHUNT_GAIN, SHUNT_OFFSET_V = 0.02, 0.0005
# What an input of the first RP2350 may push into a pull-down (erratum E9), up to 2.2 V.
PIN_LEAK_UA = 120
OFF_A = 0.001

INPUTS = ("request", "hw1", "hw2", "watchdog", "timer")


@pytest.fixture
def ngspice(tmp_path: Path) -> Any:
    """Run the circuit with these lines; return what was measured, by name."""
    program = shutil.which("ngspice")
    if program is None:
        pytest.fail("The heater's circuit needs ngspice. On Debian: sudo apt install ngspice")

    def run(lines: list[str], commands: list[str], measures: dict[str, str]) -> dict[str, float]:
        deck = tmp_path / "deck.cir"
        asked = [f"meas {kind} {name} {what}" for name, kind, what in _measures(measures)]
        text = [
            "* deck of a test",
            *(f".include {SPICE / name}" for name in ("parts.lib", "circuit.lib")),
            *lines,
            ".control",
            *commands,
            *asked,
            ".endc",
            ".end",
        ]
        deck.write_text("\n".join(text) + "\n")
        return _run(program, deck, set(measures))

    return run


def _measures(measures: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(name, *what.split(" ", 1)) for name, what in measures.items()]  # type: ignore[misc]


def _run(program: str, deck: Path, names: set[str]) -> dict[str, float]:
    done = subprocess.run(
        [program, "-b", deck], cwd=deck.parent, capture_output=True, text=True, check=False
    )
    found = {
        name: float(value)
        for name, value in re.findall(r"^(\w+)\s+=\s+([-+.\de]+)", done.stdout, re.MULTILINE)
        if name in names
    }
    missing = names - set(found)
    assert not missing, f"ngspice did not measure {missing}:\n{done.stdout}\n{done.stderr}"
    return found


def level(name: str, *edges: tuple[float, float]) -> str:
    """Return a source that steps to each voltage at its time in ms."""
    steps = [f"0 {edges[0][1]}"]
    for (at_ms, volts), (_, before) in zip(edges[1:], edges, strict=False):
        steps += [f"{at_ms}m {before}", f"{at_ms + 0.01}m {volts}"]
    return f"V{name} {name} 0 pwl({' '.join(steps)})"


# HW1

HW1 = ["X1 vh degc trip clear ok sense probe hw1"]
WARM, HOT, COOL = 38.0, 45.0, 36.0


def hw1(degc: list[tuple[float, float]], **others: list[tuple[float, float]]) -> list[str]:
    sources = {"trip": [(0.0, 0.0)], "clear": [(0.0, 0.0)], **others}
    rail = "VH vh 0 pwl(0 0 1m 2.8)"
    return [
        rail,
        level("degc", *degc),
        *(level(name, *edges) for name, edges in sources.items()),
        *HW1,
    ]


# What makes HW1 trip early: a sensor that is too low (R25, B) or heats itself, too little to its
# bridge, too much to the other one, an offset.
TOLERANCES = {
    "r25": -R25,
    "b": B,
    "up": RESISTOR,
    "up_ref": -RESISTOR,
    "low": RESISTOR,
    "offset": -OFFSET_V,
}


@pytest.mark.risk("RC-20")
def test_hw1_trips_within_its_error_at_every_corner_of_its_parts(ngspice: Any) -> None:
    corners: dict[str, tuple[int, str]] = {"early": (1, ""), "late": (-1, "")}
    corners |= {f"{end}_{name}": (sign, name) for end, (sign, _) in corners.items()
                for name in TOLERANCES}  # fmt: skip
    # All as bad as they may be in one direction, and each of them turned round alone: the rest of
    # the corners lie between, for each part moves the trip one way.
    lines = ["VT degc 0 pwl(0 42.4 0.1 42.4 0.5 44)", "VTRIP trip 0 0", "VCLEAR clear 0 0"]
    measures = {}
    for corner, (sign, turned) in corners.items():
        parts = " ".join(
            f"{name}={value * (-sign if name == turned else sign)}"
            for name, value in TOLERANCES.items()
        )
        heating = HEATING_K_PER_MW if sign > 0 else 0
        lines += [
            f"VH{corner} vh{corner} 0 pwl(0 0 1m {2.9 if sign > 0 else 2.7})",
            f"X{corner} vh{corner} degc trip clear ok{corner} sense{corner} probe{corner} hw1"
            f" {parts} heating={heating}",
        ]
        measures[corner] = f"tran find v(degc) when v(ok{corner})=1.4 fall=1"
    found = ngspice(lines, ["tran 2m 0.5"], measures)
    print(f"\nHW1 trips at {found['early']:.2f} to {found['late']:.2f} C")
    for end, sign in (("early", 1), ("late", -1)):
        for name in TOLERANCES:
            assert (found[f"{end}_{name}"] - found[end]) * sign > 0.02, name
    trip, error = limits.HW1_TRIP_MDEGC / 1000, limits.HW1_ERROR_MDEGC / 1000
    assert trip - error < found["early"] < trip - error / 2
    assert trip + error / 2 < found["late"] < trip + error


TRIMMER_OHM, R4_OHM = 500, 26.7


@pytest.mark.risk("RC-20")
def test_trimmer_reaches_the_calibrated_trip_at_every_corner_of_the_parts(ngspice: Any) -> None:
    lines = ["VT degc 0 pwl(0 38 0.1 38 0.5 45)", "VTRIP trip 0 0", "VCLEAR clear 0 0"]
    lines += ["VH vh 0 pwl(0 0 1m 2.8)"]
    measures = {}
    for end, sign in (("early", 1), ("late", -1)):
        parts = " ".join(f"{name}={sign * value}" for name, value in TOLERANCES.items())
        for at, ohm in (("least", 0), ("most", TRIMMER_OHM)):
            name = f"{end}_{at}"
            lines += [
                f"X{name} vh degc trip clear ok{name} sense{name} probe{name} hw1 {parts}"
                f" trim={ohm - R4_OHM}"
            ]
            measures[name] = f"tran find v(degc) when v(ok{name})=1.4 fall=1"
    found = ngspice(lines, ["tran 2m 0.5"], measures)
    trip_degc = limits.HW1_CALIBRATED_MDEGC / 1000
    for end in ("early", "late"):
        assert found[f"{end}_most"] < trip_degc < found[f"{end}_least"], end
    assert f"trimmer of {TRIMMER_OHM} ohm" in HEAT_MD


@pytest.mark.risk("RC-20")
def test_hw1_latches_and_opens_within_fifty_ms(ngspice: Any) -> None:
    found = ngspice(
        hw1([(0, WARM), (500, HOT), (1000, COOL)]),
        ["tran 1m 3"],
        {
            "before": "tran find v(ok) at=0.49",
            "open_s": "tran when v(ok)=1.4 fall=1",
            "cold": "tran find v(ok) at=2.99",
        },
    )
    assert found["before"] > 2.5
    assert found["open_s"] - 0.5 < 0.05
    assert found["cold"] < 0.1


@pytest.mark.risk("RC-20")
@pytest.mark.parametrize(
    ("what", "degc", "others", "ok_after"),
    [
        ("cool at power-on", [(0, WARM)], {}, True),
        ("hot at power-on", [(0, HOT), (300, COOL)], {}, False),
        ("sensor open", [(0, WARM), (300, -100.0), (400, WARM)], {}, False),
        ("sensor short", [(0, WARM), (300, 400.0), (400, WARM)], {}, False),
        ("forced", [(0, WARM)], {"trip": [(0, 0), (300, 3.3), (400, 0)]}, False),
        (
            "cleared when cool",
            [(0, HOT), (300, COOL)],
            {"clear": [(0, 0), (500, 3.3), (501, 0)]},
            True,
        ),
        ("cleared while hot", [(0, HOT)], {"clear": [(0, 0), (500, 3.3), (501, 0)]}, False),
        (
            "clear held from before: an edge counts, no level",
            [(0, WARM), (500, HOT), (600, COOL)],
            {"clear": [(0, 0), (300, 3.3)]},
            False,
        ),
        (
            "cleared while forced",
            [(0, WARM)],
            {"trip": [(0, 0), (300, 3.3)], "clear": [(0, 0), (500, 3.3)]},
            False,
        ),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_hw1_latch(
    what: str, degc: Any, others: dict[str, Any], ok_after: bool, ngspice: Any
) -> None:
    found = ngspice(hw1(degc, **others), ["tran 1m 1"], {"after": "tran find v(ok) at=0.99"})
    assert (found["after"] > 2.5) is ok_after, what
    assert found["after"] > 2.5 or found["after"] < 0.1


# Gate and switches

SWITCHES = [
    "VH vh 0 2.8",
    "XG vh request hw1 hw2 watchdog timer vbus en gate",
]


def switches(
    cell_v: float = 4.2, pwm: str = "VPWM pwm 0 3.3", parts: str = "", **inputs: str
) -> list[str]:
    lines = [*SWITCHES, f"VCELL cell 0 {cell_v}", pwm]
    lines.append(f"XS cell en pwm pad_p pad_n ma switches {parts}")
    lines += [inputs.get(name, f"V{name} {name} 0 2.8") for name in INPUTS]
    lines.append(inputs.get("vbus", "Vvbus vbus 0 0"))
    return lines


@pytest.mark.risk("RC-09")
@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("how", ["says no", "is off"])
def test_gate_opens_q1_when_any_input(name: str, how: str, ngspice: Any) -> None:
    if how == "says no":
        broken = level(name, (0, 2.8), (5, 0.0))
    else:  # its lead comes off: only the pull-down is left
        broken = (
            f"V{name} src 0 2.8\nS{name} src {name} c 0 contact\nVC c 0 pwl(0 1 5m 1 5.01m 0)\n"
        )
        broken += ".model contact sw vt=0.5 ron=1 roff=1g"
    found = ngspice(
        switches(**{name: broken}),
        ["tran 0.02m 10m"],
        {"on_a": "tran find v(ma) at=4m", "off_a": "tran find v(ma) at=6m"},
    )
    assert found["on_a"] > 0.8
    assert abs(found["off_a"]) < OFF_A


@pytest.mark.risk("RC-14")
def test_usb_power_opens_q1_in_time(ngspice: Any) -> None:
    found = ngspice(
        switches(vbus=level("vbus", (0, 0.0), (5, 4.4))),
        ["tran 0.02m 20m"],
        {"on_a": "tran find v(ma) at=4m", "open_s": "tran when v(ma)=0.01 fall=1"},
    )
    assert found["on_a"] > 0.8
    assert (found["open_s"] - 0.005) * 1000 < limits.VBUS_GATE_MS


@pytest.mark.risk("RC-20")
def test_hot_pad_without_any_program_has_no_current(ngspice: Any) -> None:
    lines = hw1([(0, WARM), (300, HOT), (400, COOL)])
    lines[0] = ""
    lines += switches(hw1="RHW1 ok hw1 1")
    found = ngspice(
        lines,
        ["tran 0.2m 0.6"],
        {"on_a": "tran find v(ma) at=0.29", "off_a": "tran find v(ma) at=0.59"},
    )
    assert found["on_a"] > 0.8
    assert abs(found["off_a"]) < OFF_A


def test_pins_that_nobody_drives_leave_both_switches_open(ngspice: Any) -> None:
    def pin(node: str) -> str:
        leak = f"{PIN_LEAK_UA}u"
        return f"B{node} 0 {node} i='{leak}*0.5*(1+tanh(50*(2.2-V({node}))))'"

    found = ngspice(
        switches(pwm=pin("pwm"), request=pin("request")),
        ["tran 0.1m 5m"],
        {
            "ma": "tran find v(ma) at=5m",
            "en": "tran find v(en) at=5m",
            "pwm": "tran find v(pwm) at=5m",
        },
    )
    assert abs(found["ma"]) < OFF_A
    assert found["en"] < 0.3
    assert 0.3 < found["pwm"] < 0.9  # the leak is there, and below the threshold of Q2


OFF = "Vrequest request 0 0"
NO_PWM = "VPWM pwm 0 0"


@pytest.mark.risk("RC-07")
@pytest.mark.parametrize("cell_v", [3.0, 4.2])
@pytest.mark.parametrize("offset", [-SHUNT_OFFSET_V, SHUNT_OFFSET_V])
@pytest.mark.parametrize(
    ("parts", "drive", "leaks"),
    [
        ("", {"request": OFF}, False),
        ("", {"pwm": NO_PWM}, False),
        ("q1_ohm=40", {"request": OFF}, True),
        ("q2_ohm=40", {"pwm": NO_PWM}, True),
        ("q1_ohm=1m", {"request": OFF}, True),
        ("q2_ohm=1m", {"pwm": NO_PWM}, True),
        ("q1_ohm=1m", {"pwm": NO_PWM}, False),  # one short alone never heats
        ("q2_ohm=1m", {"request": OFF}, False),
    ],
)
def test_shorted_switch_shows_with_the_other_one_closed(
    parts: str, drive: dict[str, str], leaks: bool, offset: float, cell_v: float, ngspice: Any
) -> None:
    found = ngspice(
        switches(cell_v=cell_v, parts=f"{parts} offset={offset}", **drive),
        ["tran 0.1m 3m"],
        {"seen_a": "tran find v(ma) at=3m"},
    )
    assert (found["seen_a"] * 1000 > limits.LEAK_MA) is leaks


@pytest.mark.parametrize("pad", PAD["pads"], ids=lambda pad: pad["name"])
def test_heater_is_measured_within_its_tolerance(pad: dict[str, Any], ngspice: Any) -> None:
    nominal = pad["heater_mohm"] / 1000
    low, high = (1 + share / 100 for share in PAD["heater_tolerance_pct"])
    for share, is_right in ((low, True), (high, True), (0.7, False), (1.4, False)):
        for gain, cell_v in itertools.product((-SHUNT_GAIN, SHUNT_GAIN), (3.4, 4.2)):
            parts = f"heater={nominal * share} gain={gain}"
            found = ngspice(
                switches(cell_v=cell_v, parts=parts),
                ["tran 0.1m 3m"],
                {"seen_a": "tran find v(ma) at=3m"},
            )
            seen_pct = 100 * (cell_v / found["seen_a"] / nominal - 1)
            assert (abs(seen_pct) <= limits.HEATER_TOLERANCE_PCT) is is_right


@pytest.mark.risk("RC-23")
@pytest.mark.parametrize("pad", PAD["pads"], ids=lambda pad: pad["name"])
def test_pad_gets_at_most_400_w_per_m2_from_a_full_cell(pad: dict[str, Any], ngspice: Any) -> None:
    heater_ohm = pad["heater_mohm"] / 1000 * (1 + PAD["heater_tolerance_pct"][0] / 100)
    found = ngspice(
        switches(cell_v=PAD["cell_max_mv"] / 1000, parts=f"heater={heater_ohm}"),
        ["tran 0.1m 3m"],
        {
            "pad_v": "tran find v(pad_p) at=3m",
            "low_v": "tran find v(pad_n) at=3m",
            "amps": "tran find v(ma) at=3m",
        },
    )
    power_mw = 1000 * (found["pad_v"] - found["low_v"]) * found["amps"]
    assert power_mw <= pad["area_cm2"] * limits.AREAL_LIMIT_MW_PER_CM2
    series_mohm = (PAD["cell_max_mv"] - 1000 * (found["pad_v"] - found["low_v"])) / found["amps"]
    assert series_mohm >= PAD["series_min_mohm"]
    # With the least that stands in series, too.
    amps = PAD["cell_max_mv"] / 1000 / (heater_ohm + PAD["series_min_mohm"] / 1000)
    assert 1000 * amps**2 * heater_ohm <= pad["area_cm2"] * limits.AREAL_LIMIT_MW_PER_CM2


# Sensors

CORNERS = [(0, 0, 0), *itertools.product((-1, 1), repeat=3)]


def test_sensors_read_what_the_firmware_takes_them_for(ngspice: Any) -> None:
    lines, measures = ["VR vref 0 3.3", "VTRIP trip 0 0", "VCLEAR clear 0 0", "VH vh 0 2.8"], {}
    places = (0, 25, 30, 37, 42, 45, 60)
    for degc in places:
        lines += [f"VT{degc} t{degc} 0 {degc}"]
        lines += [f"XH{degc} vh t{degc} trip clear ok{degc} h{degc} probe{degc} hw1"]
        measures[f"h{degc}"] = f"tran find v(h{degc}) at=2m"
        for n, (r25, b, up) in enumerate(CORNERS):
            tolerances = f"r25={r25 * R25} b={b * B} up={up * RESISTOR}"
            lines += [f"X{degc}_{n} vref t{degc} s{degc}_{n} sensor {tolerances}"]
            measures[f"s{degc}_{n}"] = f"tran find v(s{degc}_{n}) at=2m"
    found = ngspice(lines, ["tran 1m 3m"], measures)
    for degc in places:
        assert abs(read(found[f"h{degc}"], 2.8) - 1000 * degc) < 15
        assert abs(read(found[f"s{degc}_0"], 3.3) - 1000 * degc) < 15
        if 30 <= degc <= 45:
            # Every limit of the firmware allows for a sensor this wrong.
            errors = [
                abs(read(found[f"s{degc}_{n}"], 3.3) - 1000 * degc) for n in range(len(CORNERS))
            ]
            assert 100 < max(errors) <= limits.DOSE_SENSOR_ERROR_MDEGC


def test_fixed_resistor_reads_37_degrees(ngspice: Any) -> None:
    lines, measures = ["VR vref 0 3.3"], {}
    for n, (up, low, _) in enumerate(CORNERS):
        lines += [f"X{n} vref f{n} fixed up={up * RESISTOR} low={low * RESISTOR}"]
        measures[f"f{n}"] = f"tran find v(f{n}) at=2m"
    found = ngspice(lines, ["tran 1m 3m"], measures)
    errors = [abs(read(volts, 3.3) - limits.REFERENCE_MDEGC) for volts in found.values()]
    assert errors[0] < 15
    assert max(errors) < limits.REFERENCE_TOLERANCE_MDEGC / 4


def read(volts: float, full_v: float) -> int:
    return temperature_mdegc(round(65536 * volts / full_v))


@pytest.mark.parametrize(
    ("deck", "expected"),
    [
        ("hw1", {"trip_degc": 43.2, "cold_v": 0.0, "cleared_v": 2.8}),
        (
            "switches",
            {
                "off_a": 0,
                "q1_only_a": 0,
                "both_a": 0.925,
                "hw1_a": 0,
                "again_a": 0.925,
                "usb_a": 0,
            },
        ),
    ],
)
def test_decks_for_builders_run_and_show_what_they_say(
    deck: str, expected: dict[str, float]
) -> None:
    program = shutil.which("ngspice")
    assert program, "On Debian: sudo apt install ngspice"
    assert _run(program, SPICE / f"{deck}.cir", set(expected)) == pytest.approx(expected, abs=0.02)
