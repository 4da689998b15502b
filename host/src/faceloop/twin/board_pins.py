"""The virtual board's pins: what each GPIO number is wired to (``firmware/boards/virtual.py``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from faceloop.twin.frontend import Frontend
from faceloop.twin.heat.wires import HeatWires
from faceloop.twin.world import Knobs, World

__all__ = ["BENCH_PLUG_MV", "OPEN_MV", "BoardPins"]

OPEN_MV = 3300
BENCH_PLUG_MV = 1650
CORE_TEMP_CHANNEL = 4
CORE_TEMP_MV = 706  # RP2350 at 27 degC

MODE_IN, MODE_OUT, MODE_OPEN_DRAIN = 0, 1, 2
PULL_UP = 1
FALLING, RISING = 4, 8
LEVEL_KEPT = 2


@dataclass
class _Pin:
    mode: int = MODE_IN
    pull: int = 0
    level: int = 0
    freq_hz: int = 0
    duty_u16: int = 0
    is_on: bool = False


class BoardPins:
    """Levels of all pins, and where they lead.

    Parameters
    ----------
    frontend : Frontend
        Its chip hangs on the AFE pins.
    world : World
        Button, battery, USB and plug.
    constants : mapping
        Names and numbers of ``firmware/boards/virtual.py``.
    heat : HeatWires or None
        The heater's circuit, where the board has one.

    Attributes
    ----------
    on_edge : callable or None
        Called with (pin, FALLING or RISING, how often) when an input changes.
    """

    def __init__(
        self,
        frontend: Frontend,
        world: World,
        constants: Mapping[str, Any],
        heat: HeatWires | None = None,
    ) -> None:
        self.on_edge: Callable[[int, int, int], None] | None = None
        self._frontend = frontend
        self._world = world
        self._heat = heat
        self._at: dict[str, int] = {k: v for k, v in constants.items() if isinstance(v, int)}
        self._pins: dict[int, _Pin] = {}
        chip = frontend.chip
        # Level that the board's external resistor gives an undriven pin.
        self._rest = {constants["AFE_RESET"]: 1, constants["AFE_PWDN"]: 1, constants["AFE_CS"]: 1}
        self._chip_inputs = {
            constants["AFE_START"]: chip.set_start,
            constants["AFE_RESET"]: chip.set_reset,
            constants["AFE_PWDN"]: chip.set_pwdn,
            constants["AFE_CS"]: chip.select,
        }
        self._inputs = {pin: 0 for pin in (constants["BUTTON"], constants["VBUS_SENSE"])}
        self.release()
        self._follow_knobs(world.knobs)
        world.subscribe(self._follow_knobs)
        frontend.on_drdy = self._on_drdy

    @property
    def drdy(self) -> int:
        """Number of the data-ready pin."""
        return int(self._at["AFE_DRDY"])

    @property
    def capture_pins(self) -> tuple[int, int, int]:
        """Numbers of DOUT, DRDY and SCLK."""
        return self._at["AFE_DOUT"], self.drdy, self._at["AFE_SCLK"]

    @property
    def cut_off(self) -> frozenset[int]:
        """Of DOUT and DRDY, those that nobody has configured since the reset.

        The RP2350 isolates a pad at reset until its function is set (datasheet 9.7): to PIO it
        reads 0.
        """
        dout, drdy, _ = self.capture_pins
        return frozenset(number for number in (dout, drdy) if not self._pin(number).is_on)

    # -- what the firmware does ----------------------------------------------------------------

    def configure(self, number: int, mode: int, pull: int, level: int) -> None:
        """Set mode and pull resistor; an output drives ``level``, 2 meaning what it drove last."""
        pin = self._pin(number)
        pin.mode, pin.pull, pin.duty_u16, pin.is_on = mode, pull, 0, True
        if mode in (MODE_OUT, MODE_OPEN_DRAIN):
            self.write(number, pin.level if level == LEVEL_KEPT else level)
        elif number in self._chip_inputs:
            self._frontend.drive(self._chip_inputs[number], self._rest.get(number, 0))
        elif self._heat is not None and self._heat.owns(number):
            self._heat.write(number, 0)  # its pull-down

    def write(self, number: int, level: int) -> None:
        """Drive an output."""
        pin = self._pin(number)
        pin.level = 1 if level else 0
        if pin.mode in (MODE_OUT, MODE_OPEN_DRAIN) and number in self._chip_inputs:
            self._frontend.drive(self._chip_inputs[number], pin.level)
        elif self._heat is not None and pin.mode == MODE_OUT and self._heat.owns(number):
            self._heat.write(number, pin.level)

    def read(self, number: int) -> int:
        """Return the level on a pin."""
        pin = self._pin(number)
        if pin.mode == MODE_OUT:
            return pin.level
        if number == self._at["AFE_DRDY"]:
            self._frontend.pump()
            return self._frontend.chip.drdy_level
        if number == self._at["BUTTON"]:
            # Without its pull-up a released button floats; it reads low here, as if pressed.
            return int(not self._world.knobs.button and pin.pull == PULL_UP)
        if number == self._at["VBUS_SENSE"]:
            return int(self._world.knobs.usb_power)
        if self._heat is not None and self._heat.owns(number):
            return self._heat.read(number)
        return self._rest.get(number, int(pin.pull == PULL_UP))

    def set_pwm(self, number: int, freq_hz: int, duty_u16: int) -> None:
        """Run a pin from a PWM slice; duty 0 stops it."""
        pin = self._pin(number)
        pin.mode, pin.freq_hz, pin.duty_u16 = MODE_OUT, freq_hz, duty_u16
        pin.is_on = True
        pin.level = int(duty_u16 == 0xFFFF)
        if self._heat is not None and self._heat.owns(number):
            self._heat.set_duty(number, duty_u16 / 0xFFFF)

    def read_adc_u16(self, channel: int) -> int:
        """Return a reading of ADC ``channel`` (0 to 4) as the RP2350 scales 12 bits to 16."""
        knobs = self._world.knobs
        millivolts = 0.0
        if channel == self._at["ADC_BATTERY"] - 26:
            supply_mv = knobs.battery_mv if self._heat is None else self._heat.supply_mv()
            millivolts = supply_mv / self._at["BATTERY_DIVIDER"]
        elif channel == self._at["ADC_BENCH_PLUG"] - 26:
            plug_mv = BENCH_PLUG_MV if knobs.bench_plug else OPEN_MV
            millivolts = plug_mv * knobs.rail_mv / OPEN_MV  # its pull-up stands on the rail
        elif channel == CORE_TEMP_CHANNEL:
            millivolts = CORE_TEMP_MV
        raw = min(4095, round(millivolts / knobs.rail_mv * 4095))
        return raw << 4 | raw >> 8

    def convert(self, channel: int, n: int) -> list[int]:
        """Return ``n`` readings of ADC ``channel``, taken one right after the other."""
        if self._heat is None or channel != self._at["ADC_HEAT"] - 26:
            return [self.read_adc_u16(channel)] * n
        # The board compares two clocks: it must not wait for frames that are due.
        self._frontend.is_clock_watched = self._heat.is_asked
        self._frontend.pump()  # both clocks of the board are looked at in one moment
        return self._heat.convert(n)

    def release(self) -> None:
        """Let go of all pins, as a hard reset does; the board's own resistors take over."""
        if self._heat is not None:
            self._heat.release()
        self._pins.clear()
        for number, change in self._chip_inputs.items():
            self._frontend.drive(change, self._rest.get(number, 0))

    # -- what the world does -------------------------------------------------------------------

    def _follow_knobs(self, knobs: Knobs) -> None:
        levels = {
            self._at["BUTTON"]: int(not knobs.button),
            self._at["VBUS_SENSE"]: knobs.usb_power,
        }
        for number, level in levels.items():
            if level != self._inputs[number] and self.on_edge is not None:
                self.on_edge(number, RISING if level else FALLING, 1)
            self._inputs[number] = int(level)

    def _on_drdy(self, count: int) -> None:
        if self.on_edge is not None:
            self.on_edge(self._at["AFE_DRDY"], FALLING, count)

    def snapshot(self) -> dict[str, Any]:
        """Return what a person would see and feel: LED and motor."""
        led, motor = self._pin(self._at["LED"]), self._pin(self._at["MOTOR"])
        return {
            "led": bool(led.level or led.duty_u16),
            "motor_duty": motor.duty_u16 / 0xFFFF if motor.duty_u16 else float(motor.level),
        }

    def _pin(self, number: int) -> _Pin:
        return self._pins.setdefault(number, _Pin())
