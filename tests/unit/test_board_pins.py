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

WIRING: dict[str, dict[str, Any]] = tomllib.loads((HARDWARE / "pins.toml").read_text())
SIGNALS: dict[str, dict[str, Any]] = WIRING["signals"]
ESP32S3: dict[str, dict[str, Any]] = WIRING["esp32s3"]

# Edge of a Pico: pin numbers of GPIO 0-22 and 26-28 (Raspberry Pi Pico 2 W datasheet, pinout).
GPIO_PINS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 29)
EDGE = {**dict(enumerate(GPIO_PINS)), 26: 31, 27: 32, 28: 34}
# Headers of an ESP32-S3-DevKitC-1 v1.1: the GPIO number at each place, None for what is no GPIO
# (Espressif, "ESP32-S3-DevKitC-1", header block).
J1 = (None, None, None, 4, 5, 6, 7, 15, 16, 17, 18, 8, 3, 46, 9, 10, 11, 12, 13, 14, None, None)
J3 = (None, 43, 44, 1, 2, 42, 41, 40, 39, 38, 37, 36, 35, 0, 45, 48, 47, 21, 20, 19, None, None)
HEADERS = {
    f"{name}-{place}": gpio
    for name, header in (("J1", J1), ("J3", J3))
    for place, gpio in enumerate(header, 1)
}
# Boot mode, USB, flash, boot messages, and the light of the module.
NOT_FREE = {0, 3, 45, 46, 19, 20, *range(26, 33), 43, 44, 48}


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
    no_pins = re.compile(
        r"NAME|HAS_.*|CAPTURE.*|RING_KIB|AFE_SPI|.*_MV|.*_DIVIDER|MUX_.*|SHUNT_.*|HW1_.*|PAD_.*"
        r"|HEATER_.*"
    )
    return {
        name: number
        for name, number in constants(BOARDS / f"{board}.py").items()
        if not no_pins.fullmatch(name)
    }


@pytest.mark.parametrize("board", ["pico2w", "virtual", "virtual_irq"])
def test_board_file_has_the_pins_of_the_wiring(board: str) -> None:
    assert pins(board) == {name: signal["gpio"] for name, signal in SIGNALS.items()}
    assert constants(BOARDS / f"{board}.py")["NAME"] == board.partition("_")[0]


def test_esp32s3_has_the_pins_of_its_wiring() -> None:
    assert pins("esp32s3") == {name: signal["gpio"] for name, signal in ESP32S3.items()}
    assert constants(BOARDS / "esp32s3.py")["NAME"] == "esp32s3"


def test_every_board_has_the_same_names() -> None:
    of_heater = re.compile(r"HEAT_.*|HEATER_.*|MUX_.*|ADC_HEAT|SHUNT_.*|HW1_.*|PAD_.*|HAS_HEATER")
    names = [constants(path).keys() for path in BOARDS.glob("*.py")]
    heaters = [{name for name in each if of_heater.fullmatch(name)} for each in names]
    assert all(
        each - heater == names[0] - heaters[0] for each, heater in zip(names, heaters, strict=True)
    )
    # A board without a heater has nothing of it.
    most = max(heaters, key=len)
    assert all(heater in (most, set()) for heater in heaters)


def test_every_board_file_is_compared() -> None:
    boards = {"pico2w", "virtual", "virtual_irq", "esp32s3"}
    assert {path.stem for path in BOARDS.glob("*.py")} == boards


def test_esp32s3_pins_are_on_its_headers_free_and_used_once() -> None:
    for name, signal in ESP32S3.items():
        assert HEADERS[signal["pin"]] == signal["gpio"], name
    numbers = [signal["gpio"] for signal in ESP32S3.values()]
    assert len(set(numbers)) == len(numbers)
    assert not set(numbers) & NOT_FREE


def test_esp32s3_uses_the_fast_pins_of_spi2_and_the_converter_beside_the_radio() -> None:
    """Only there SPI2 needs no GPIO matrix; ADC2 (GPIO 11 to 20) is the radio's."""
    gpio = {name: signal["gpio"] for name, signal in ESP32S3.items()}
    assert [gpio[f"AFE_{name}"] for name in ("CS", "DIN", "SCLK", "DOUT")] == [10, 11, 12, 13]
    assert all(gpio[name] <= 10 for name in gpio if name.startswith("ADC_"))


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


def test_readme_shows_where_the_signals_are_on_the_esp32s3() -> None:
    text = (HARDWARE / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (J\d-\d+) \|$", text, re.M)
    assert {name: {"gpio": int(gpio), "pin": pin} for name, gpio, pin in rows} == ESP32S3
