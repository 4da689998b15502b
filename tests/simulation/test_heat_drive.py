"""The heater's pins as the board's own driver sets them, on pins that only remember."""

from __future__ import annotations

import importlib
import math
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from faceloop.twin.firmware_files import firmware_root
from faceloop_heat import hal
from faceloop_heat.thermistor import temperature_mdegc
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits

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
def firmware(board: Board, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Imports a module of the board's program anew, on these pins."""
    before = {name for name in sys.modules if name.startswith("faceloop_device")}
    assert not before
    micropython = ModuleType("micropython")
    micropython.__dict__["const"] = lambda value: value
    monkeypatch.setitem(sys.modules, "machine", machine(board))
    monkeypatch.setitem(sys.modules, "micropython", micropython)
    monkeypatch.setattr(time, "ticks_ms", lambda: 0, raising=False)
    monkeypatch.syspath_prepend(Path(firmware_root()))
    yield lambda name: importlib.import_module(f"faceloop_device.{name}")
    for name in [name for name in sys.modules if name.startswith("faceloop_device")]:
        del sys.modules[name]


POWER = SimpleNamespace(battery_mv=lambda: 3900, has_usb=lambda: False)


@pytest.fixture
def circuit(board: Board, firmware: Callable[[str], Any]) -> Any:
    """The board's driver."""
    return firmware("hal.heat_circuit").HeatCircuit(board, POWER)


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
@pytest.mark.parametrize("level", [0, 20_000, 55_000, 58_000, 65_535])
@pytest.mark.parametrize(("rail_mv", "counts_mv"), [(3170, 3170), (3399, 3399), (-1, 3300)])
def test_sensor_h_is_read_against_the_rail_that_it_stands_on(
    level: int, rail_mv: int, counts_mv: int, circuit: Any, board: Board
) -> None:
    board.level = level
    circuit.rail_mv = rail_mv
    found = inputs()
    circuit.scan(found, hal.PROBE_NONE)
    assert {found[at] for at in range(hal.IN_A, hal.IN_REFERENCE + 1)} - {found[hal.IN_H]} <= {
        level
    }
    assert found[hal.IN_H] == min(65_535, level * counts_mv // 2800)
    assert found[hal.IN_RAIL_MV] == rail_mv


# Of what hardware/heat.md allows each part, all at once: HW1's rail, the front end's measurement
# of the other one, and what the two part by with heat.
HW1_RAIL, MEASURED, LOADED = 0.01, 0.007, 0.003
SENSOR_MDEGC = limits.DOSE_SENSOR_ERROR_MDEGC


@pytest.mark.risk("RC-40")
@pytest.mark.parametrize("is_measured", [True, False], ids=["measured", "not measured"])
def test_board_within_all_its_tolerances_never_has_its_pad_replaced(
    is_measured: bool, circuit: Any, board: Board
) -> None:
    worst_mdegc = 0
    for rail, signs, degc in product((0.97, 1.0, 1.03), product((1, -1), repeat=3), (30, 37, 43)):
        rail_v = 3.3 * rail * (1.0 + signs[1] * LOADED)
        ohm = 10_000.0 * math.exp(3950.0 * (1.0 / (degc + 273.15) - 1.0 / 298.15))
        h_v = 2.8 * (1.0 + signs[0] * HW1_RAIL) * ohm / (ohm + 10_000.0)
        board.level = round(65_535 * h_v / rail_v)
        circuit.rail_mv = round(3300 * rail * (1.0 + signs[2] * MEASURED)) if is_measured else -1
        found = inputs()
        circuit.scan(found, hal.PROBE_NONE)
        away_mdegc = abs(temperature_mdegc(found[hal.IN_H]) - 1000 * degc) + 2 * SENSOR_MDEGC
        worst_mdegc = max(worst_mdegc, away_mdegc)
    # As if all boards had 3.3 V, one in range would latch for its sensor H.
    assert (worst_mdegc < limits.PAIR_MDEGC) == is_measured, worst_mdegc


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


class Streamed:
    """The board's heat beside a stream, and a supervisor that counts how often it is stopped."""

    def __init__(self, firmware: Callable[[str], Any], board: Board) -> None:
        board.PAD_AREA_CM2, board.HEATER_MOHM = 100, 4410
        self.stream = SimpleNamespace(
            is_running=True,
            stream_id=1,
            frames=SimpleNamespace(frame=10_000),
            waiting=0,
            lead_off_p=0,
            lead_off_n=0,
        )
        self.capture = SimpleNamespace(rail_mv=3300)
        wearer = SimpleNamespace(take_pressed=lambda: False)
        self.heat = firmware("heat").Heat(board, POWER, self.capture, self.stream, wearer, 0)
        self.n_stops = 0
        self.heat.supervisor = SimpleNamespace(
            state=h.WARMUP, stop=self._stop, tick=lambda now_ms: None
        )
        self.now_ms = 0
        self.step(250)
        self.step(250)
        assert self.n_stops == 0

    def _stop(self) -> None:
        self.n_stops += 1

    def step(self, elapsed_ms: int) -> int:
        """Let time pass, and return how many frames the supervisor is told of."""
        before = self.heat._circuit.frames
        self.now_ms += elapsed_ms
        self.stream.frames.frame += 2 * elapsed_ms
        self.heat.step(self.now_ms)
        return int(self.heat._circuit.frames - before) & 0xFFFFFF


@pytest.mark.risk("RC-40")
def test_stream_that_its_owner_begins_anew_ends_heat_as_one_that_stops(
    firmware: Callable[[str], Any], board: Board
) -> None:
    streamed = Streamed(firmware, board)
    stream = streamed.stream
    for _ in range(4):
        assert streamed.step(250) == 500
    assert streamed.n_stops == 0
    stream.stream_id, stream.frames.frame = 2, -800  # set up for 400 ms, in a step of 500
    assert streamed.step(500) == 1000, "a clock that is wrong would latch"
    assert streamed.n_stops == 1
    assert streamed.step(250) == 500
    assert streamed.n_stops == 1
    stream.is_running = False
    assert streamed.step(250) == 500
    assert streamed.n_stops == 2
    streamed.step(250)
    stream.is_running, stream.stream_id, stream.frames.frame = True, 3, -500
    assert streamed.step(250) == 500
    streamed.step(250)
    assert streamed.n_stops == 2, "the first one after a while ends nothing"


@pytest.mark.risk("RC-40")
def test_heat_is_told_what_the_front_end_last_measured(
    firmware: Callable[[str], Any], board: Board
) -> None:
    streamed = Streamed(firmware, board)
    streamed.capture.rail_mv = 3180
    streamed.step(250)
    found = inputs()
    streamed.heat._circuit.scan(found, hal.PROBE_NONE)
    assert found[hal.IN_RAIL_MV] == 3180
