"""Pins and knobs of the virtual board: what the firmware sees of the world."""

from __future__ import annotations

import pytest

from faceloop.errors import UsageError
from faceloop.twin.ads1298_registers import Opcode
from faceloop.twin.board_pins import BoardPins
from faceloop.twin.firmware_files import board_constants
from faceloop.twin.world import World


@pytest.fixture
def wired(make_rig):
    rig = make_rig()
    at = board_constants()
    return rig, BoardPins(rig.frontend, rig.world, at), at


def test_pins_lead_to_the_chip(wired):
    rig, pins, at = wired
    pins.configure(at["AFE_START"], 1, 0, 1)
    assert rig.frontend.chip.is_converting
    pins.write(at["AFE_START"], 0)
    assert not rig.frontend.chip.is_converting
    pins.configure(at["AFE_PWDN"], 1, 0, 0)
    assert not rig.frontend.chip.is_alive


def test_hard_reset_lets_go_of_all_pins(wired):
    rig, pins, at = wired
    pins.configure(at["AFE_START"], 1, 0, 1)
    pins.configure(at["LED"], 1, 0, 1)
    pins.configure(at["AFE_RESET"], 1, 0, 0)
    pins.release()
    rig.clock.advance(0.2)
    assert rig.frontend.chip.is_alive  # external pull-ups on RESET and PWDN
    assert not rig.frontend.chip.is_converting  # external pull-down on START
    assert pins.snapshot() == {"led": False, "motor_duty": 0.0}


def test_button_needs_its_pull_up(wired):
    rig, pins, at = wired
    pins.configure(at["BUTTON"], 0, 0, 2)
    assert pins.read(at["BUTTON"]) == 0
    pins.configure(at["BUTTON"], 0, 1, 2)
    assert pins.read(at["BUTTON"]) == 1
    rig.world.turn({"button": True})
    assert pins.read(at["BUTTON"]) == 0


def test_knobs_make_edges(wired):
    rig, pins, at = wired
    edges = []
    pins.on_edge = lambda *edge: edges.append(edge)
    rig.world.turn({"button": True})
    rig.world.turn({"usb_power": True})
    rig.world.turn({"button": False})
    assert edges == [(at["BUTTON"], 4, 1), (at["VBUS_SENSE"], 8, 1), (at["BUTTON"], 8, 1)]


def test_rail_is_what_every_reading_is_a_share_of_and_the_front_end_sees_it(wired):
    rig, pins, _ = wired
    rig.world.turn({"battery_mv": 3700, "rail_mv": 3135})
    assert pins.read_adc_u16(0) / 65535 * 3135 * 2 == pytest.approx(3700, abs=2)
    plug = [pins.read_adc_u16(1)]
    rig.world.turn({"rail_mv": 3300})
    assert [pins.read_adc_u16(1)] == plug
    rig.world.turn({"rail_mv": 3135, "bench_plug": True})
    plug = pins.read_adc_u16(1)
    rig.world.turn({"rail_mv": 3465})
    assert pins.read_adc_u16(1) == plug
    assert rig.frontend._codes.dvdd_v == 3.465


@pytest.mark.parametrize("battery_mv", [0, 3000, 3700, 4200])
def test_adc_shows_half_the_battery(wired, battery_mv):
    rig, pins, _ = wired
    rig.world.turn({"battery_mv": battery_mv})
    assert pins.read_adc_u16(0) / 65535 * 3300 * 2 == pytest.approx(battery_mv, abs=2)


def test_adc_shows_the_bench_plug(wired):
    rig, pins, at = wired
    assert pins.read_adc_u16(1) == 65535
    rig.world.turn({"bench_plug": True})
    millivolts = pins.read_adc_u16(1) / 65535 * 3300
    assert at["BENCH_PLUG_MIN_MV"] < millivolts < at["BENCH_PLUG_MAX_MV"]


def test_lead_off_knob_reaches_the_status_word(make_rig):
    rig = make_rig()
    rig.spi(Opcode.SDATAC)
    for register, value in ((0x04, 0x03), (0x0F, 0xFF), (0x10, 0xFF), (0x17, 0x02)):
        rig.spi(0x40 | register, 0, value)
    rig.capture()
    rig.start()
    rig.clock.advance(0.0025)
    rig.frontend.pump()
    rig.world.turn({"lead_off_p": 0x81, "lead_off_n": 0x10})
    rig.clock.advance(0.0005)
    rig.frontend.pump()
    _, words = rig.frames()
    assert words[:2, 0].tolist() == [0xC00000, 0xC81100]


@pytest.mark.parametrize(
    "changes",
    [{"battery": 1}, {"battery_mv": -1}, {"battery_mv": 5501}, {"rail_mv": 0}, {"rail_mv": 3601},
     {"lead_off_p": 256},
     {"battery_mv": True}, {"battery_mv": 3.7}, {"button": "yes"}],
)  # fmt: skip
def test_wrong_knob_changes_nothing(changes):
    world = World()
    before = world.knobs
    with pytest.raises(UsageError):
        world.turn({"usb_power": True, **changes})
    assert world.knobs == before
