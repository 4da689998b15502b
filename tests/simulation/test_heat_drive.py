"""The heater's pins as the board's own driver sets them, on pins that only remember."""

from __future__ import annotations

import importlib
import sys
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from faceloop.twin.firmware_files import firmware_root
from faceloop_heat import hal

PINS = [
    *("HEAT_Q1", "HEAT_Q2", "HEAT_TRIP1", "HEAT_TRIP2", "HEAT_CLEAR", "HEAT_KICK"),
    *("HEAT_HW1", "HEAT_HW2", "HEAT_MUX0", "HEAT_MUX1", "HEAT_MUX2", "ADC_HEAT"),
]
RAILS = {"ADC_FULL_SCALE_MV": 3300, "HW1_RAIL_MV": 2800}
CHANNELS = ["A", "C", "Z", "B", "H", "REFERENCE", "TIMER", "SHUNT"]


class Board(SimpleNamespace):
    """Pin map, and what is on its pins."""

    def __init__(self) -> None:
        numbers = {name: n for n, name in enumerate(PINS)}
        channels = {f"MUX_{name}": n for n, name in enumerate(CHANNELS)}
        super().__init__(**numbers, **channels, **RAILS, SHUNT_MV_PER_A=1000)
        self.q1 = self.q2 = 0
        self.writes: list[tuple[str, int]] = []
        self.level = 0  # of every input
        self.broken_after: int | None = None  # so many conversions go well

    def write(self, number: int, value: int) -> None:
        for name in ("q1", "q2"):
            if number == getattr(self, f"HEAT_{name.upper()}"):
                setattr(self, name, value)
                self.writes.append((name, value))

    def convert(self) -> int:
        if self.broken_after is not None:
            self.broken_after -= 1
            if self.broken_after < 0:
                raise OSError("no converter")
        return self.level


def machine(board: Board) -> ModuleType:
    """Return a module ``machine`` on this board."""

    class Pin:
        OUT, IN = 1, 0

        def __init__(self, number: int, mode: int, value: int | None = None) -> None:
            self.number = number
            if value is not None:
                board.write(number, value)

        def value(self, value: int | None = None) -> int:
            if value is not None:
                board.write(self.number, value)
            return board.q1 if self.number == board.HEAT_Q1 else 0

    class PWM:
        def __init__(self, pin: Pin, freq: int, duty_u16: int) -> None:
            self.pin = pin
            self.duty_u16(duty_u16)

        def duty_u16(self, duty: int | None = None) -> int:
            if duty is not None:
                board.write(self.pin.number, duty)
            return board.q2

        def deinit(self) -> None:
            pass

    module = ModuleType("machine")
    module.__dict__.update(Pin=Pin, PWM=PWM)
    module.__dict__["ADC"] = lambda number: SimpleNamespace(read_u16=board.convert)
    return module


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def circuit(board: Board, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The board's driver, imported anew on these pins."""
    before = {name for name in sys.modules if name.startswith("faceloop_device")}
    assert not before
    micropython = ModuleType("micropython")
    micropython.__dict__["const"] = lambda value: value
    monkeypatch.setitem(sys.modules, "machine", machine(board))
    monkeypatch.setitem(sys.modules, "micropython", micropython)
    monkeypatch.setattr(time, "ticks_ms", lambda: 0, raising=False)
    monkeypatch.syspath_prepend(Path(firmware_root()))
    module = importlib.import_module("faceloop_device.hal.heat_circuit")
    power = SimpleNamespace(battery_mv=lambda: 3900, has_usb=lambda: False)
    yield module.HeatCircuit(board, power)
    for name in [name for name in sys.modules if name.startswith("faceloop_device")]:
        del sys.modules[name]


def inputs() -> array[int]:
    return array("i", [0] * hal.N_INPUTS)


def test_switches_follow_and_are_opened_every_time_q1_first(circuit: Any, board: Board) -> None:
    circuit.drive(True, 500)
    assert (board.q1, board.q2) == (1, 65535 // 2)
    for _ in range(2):
        board.writes.clear()
        circuit.drive(False, 0)
        assert board.writes == [("q1", 0), ("q2", 0)]
        board.q1, board.q2 = 1, 65535  # by whatever
    circuit.drive(False, 0)
    circuit.drive(True, 500)
    assert (board.q1, board.q2) == (1, 65535 // 2)


@pytest.mark.risk("RC-40")
@pytest.mark.parametrize("level", [0, 20_000, 55_000, 56_000, 65_535])
def test_sensor_h_is_read_against_the_rail_that_it_stands_on(
    level: int, circuit: Any, board: Board
) -> None:
    board.level = level
    circuit.rail_mv = 3170
    found = inputs()
    circuit.scan(found, hal.PROBE_NONE)
    assert {found[at] for at in range(hal.IN_A, hal.IN_REFERENCE + 1)} - {found[hal.IN_H]} <= {
        level
    }
    assert found[hal.IN_H] == min(65_535, level * 3300 // 2800)
    assert found[hal.IN_RAIL_MV] == 3170


@pytest.mark.parametrize("probe", [hal.PROBE_SWITCHES, hal.PROBE_HEATER])
@pytest.mark.parametrize("duty", [0, 500])
def test_probe_leaves_the_switches_as_they_were(
    probe: int, duty: int, circuit: Any, board: Board
) -> None:
    circuit.drive(duty > 0, duty)
    before = (board.q1, board.q2)
    board.writes.clear()
    circuit.scan(inputs(), probe)
    assert ("q2", 65535) in board.writes
    assert (board.q1, board.q2) == before


def test_probe_that_fails_at_any_conversion_leaves_both_switches_open(
    circuit: Any, board: Board
) -> None:
    failed_closed = 0
    for after in range(450, 10_000):  # the sensors come first
        board.writes.clear()
        board.broken_after = after
        try:
            circuit.scan(inputs(), hal.PROBE_HEATER)
            break
        except OSError:
            failed_closed += ("q1", 1) in board.writes
        assert (board.q1, board.q2) == (0, 0)
    else:
        pytest.fail("never came to its end")
    assert failed_closed >= 3 * 16, "in the probe of each switch, and of both"
