"""The wiring in hardware/ and the pins in the firmware are the same."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HARDWARE = ROOT / "hardware"
BOARDS = ROOT / "firmware" / "boards"

SIGNALS: dict[str, dict[str, Any]] = tomllib.loads((HARDWARE / "pins.toml").read_text())["signals"]

# Edge of a Pico: pin numbers of GPIO 0-22 and 26-28 (Raspberry Pi Pico 2 W datasheet, pinout).
GPIO_PINS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 29)
EDGE = {**dict(enumerate(GPIO_PINS)), 26: 31, 27: 32, 28: 34}


def constants(path: Path) -> dict[str, Any]:
    """The names that a board file gives, read without running it."""
    names: dict[str, Any] = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None and node.names[0].name == "*"
            names |= constants(BOARDS / f"{node.module.removeprefix('boards.')}.py")
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = ast.literal_eval(node.value)
    return names


def pins(board: str) -> dict[str, int]:
    """Signals and GPIO numbers of a board file; what is no pin is left out."""
    no_pins = re.compile(r"NAME|AFE_SPI|.*_MV|.*_DIVIDER")
    return {
        name: number
        for name, number in constants(BOARDS / f"{board}.py").items()
        if not no_pins.fullmatch(name)
    }


@pytest.mark.parametrize("board", ["pico2w", "virtual"])
def test_board_file_has_the_pins_of_the_wiring(board: str) -> None:
    assert pins(board) == {name: signal["gpio"] for name, signal in SIGNALS.items()}
    assert constants(BOARDS / f"{board}.py")["NAME"] == board


def test_every_board_file_is_compared() -> None:
    assert {path.stem for path in BOARDS.glob("*.py")} == {"pico2w", "virtual"}


def test_pin_numbers_are_those_of_the_module() -> None:
    for name, signal in SIGNALS.items():
        assert EDGE.get(signal["gpio"]) == signal["pin"], name


def test_no_gpio_is_used_twice() -> None:
    numbers = [signal["gpio"] for signal in SIGNALS.values()]
    assert len(set(numbers)) == len(numbers)


def test_capture_program_finds_its_pins_in_a_row() -> None:
    """The PIO program reads DRDY as the pin after DOUT; SPI0 comes out only at certain pins."""
    gpio = {name: signal["gpio"] for name, signal in SIGNALS.items()}
    assert gpio["AFE_DRDY"] == gpio["AFE_DOUT"] + 1
    assert gpio["AFE_DOUT"] in (0, 4, 16, 20)
    assert gpio["AFE_SCLK"] in (2, 6, 18, 22)
    assert gpio["AFE_DIN"] in (3, 7, 19, 23)


def test_analog_signals_are_on_adc_pins() -> None:
    for name, signal in SIGNALS.items():
        assert (signal["direction"] == "analog") == (signal["gpio"] in (26, 27, 28)), name
        assert (signal["direction"] == "analog") == name.startswith("ADC_"), name


def test_readme_shows_the_same_table() -> None:
    text = (HARDWARE / "README.md").read_text()
    rows = re.findall(
        r"^\| `(\w+)` \| (\d+) \| (\d+) \| (\w+) \| ([^|]*?) *\| ([^|]*?) *\|$", text, re.M
    )
    shown = {
        name: {
            "gpio": int(gpio),
            "pin": int(pin),
            "direction": direction,
            "to": to,
            "idle": idle,
        }
        for name, gpio, pin, direction, to, idle in rows
    }
    assert shown == SIGNALS
