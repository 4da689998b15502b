"""A heater that reads what a test says, on a fake clock, in either interpreter's types."""

from __future__ import annotations

from array import array
from functools import cache
from typing import Any

from faceloop_heat import hal
from faceloop_heat.output import ANSWER_MASK
from faceloop_heat.supervisor import Supervisor
from faceloop_heat.thermistor import CODES, FIRST_MDEGC
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import HOLD, OFF, PAUSED, PERMIT_FULL, WAIT_BUTTON, WARMUP

AREA_CM2, HEATER_MOHM = 100, 4410
LINK = 1


@cache  # of few temperatures, many times a tick
def code(mdegc: int) -> int:
    """Return the highest code that reads at least ``mdegc``."""
    place, part = divmod(mdegc - FIRST_MDEGC, 1000)
    return CODES[place] - (part * (CODES[place] - CODES[place + 1]) + 999) // 1000


RESPONSE_SCANS = 12
# Of a resume: heat off before it, the tick that begins it, and the test that lasts longest.
REST_TICKS = 16
TEST_TICKS = 33
PULSE_TICKS = (17, 18, 19, 20)  # power of the test flows after these


class FakeHeater:
    """Hardware without physics, but for what the core does within three seconds of power."""

    def __init__(self) -> None:
        self.mdegc = {"a": 33000, "c": 33000, "z": 33000, "b": 33000, "h": 33000, "r": 37000}
        self.errors_mdegc: dict[str, int] = {}  # of each sensor, from its first day
        self.responses_mdegc: dict[str, int] = {}  # to power, of each sensor
        self.raw: dict[str, int] = {}
        self.supply_mv = 3900
        self.rail_mv = limits.RAIL_MV
        self.heater_ma: int | None = None
        self.q1_ma = self.q2_ma = self.standing_ma = 0
        self.frames_per_tick = 500
        self.flags = 0
        self.is_frozen = False
        self.is_q1_closed = False
        self.duty = 0
        self.kicks = 0
        self.slots: dict[int, bytes] = {}
        self.is_broken = self.is_save_broken = False
        self.is_scan_broken = False
        self.hw1_latched = self.is_hw1_over = False
        self._trip = hal.TRIP_NONE
        self._frames = 0
        self._n = 0
        self._n_unpowered = RESPONSE_SCANS

    def scan(self, inputs: array[int], probe: int) -> None:
        if self.is_scan_broken:
            raise RuntimeError("no converter")
        self._n += 1
        # One code more every second scan: a living reading, within 2 mC.
        wobble = 0 if self.is_frozen else self._n & 1
        self._n_unpowered = 0 if self.is_q1_closed else self._n_unpowered + 1
        responses = self.responses_mdegc if self._n_unpowered < RESPONSE_SCANS else {}
        for place, name in enumerate("aczbhr"):
            mdegc = self.mdegc[name] + self.errors_mdegc.get(name, 0) + responses.get(name, 0)
            inputs[place] = self.raw.get(name, code(mdegc) - wobble * (name != "r"))
        inputs[hal.IN_SUPPLY_MV] = self.supply_mv
        inputs[hal.IN_RAIL_MV] = self.rail_mv
        is_open = bool(self._trip or self.hw1_latched)
        full_ma = self.supply_mv * 1000 // HEATER_MOHM
        inputs[hal.IN_Q1_ONLY_MA] = self.q1_ma if probe else 0
        inputs[hal.IN_Q2_ONLY_MA] = self.q2_ma if probe else 0
        inputs[hal.IN_HEATER_MA] = self.standing_ma
        if probe == hal.PROBE_HEATER:
            measured = full_ma if self.heater_ma is None else self.heater_ma
            inputs[hal.IN_HEATER_MA] = 0 if is_open else measured
        self._frames += self.frames_per_tick
        inputs[hal.IN_FRAMES] = self._frames & 0xFFFFFF
        inputs[hal.IN_FLAGS] = (
            self.flags
            | (hal.FLAG_HW1 if self.hw1_latched else 0)
            | (hal.FLAG_HW2 if self._trip == hal.TRIP_HW2 else 0)
        )

    def drive(self, is_closed: bool, duty_permille: int) -> None:
        self.is_q1_closed = is_closed
        self.duty = duty_permille

    def kick(self) -> None:
        self.kicks += 1

    def trip(self, which: int) -> None:
        self._trip = which
        self.hw1_latched = self.hw1_latched or which == hal.TRIP_HW1

    def clear_trip(self) -> None:
        if self._trip != hal.TRIP_HW1 and not self.is_hw1_over:
            self.hw1_latched = False

    def load(self, slot: int) -> bytes | None:
        if self.is_broken:
            raise OSError(5)
        return self.slots.get(slot)

    def save(self, slot: int, record: bytes) -> None:
        if self.is_broken or self.is_save_broken:
            raise OSError(5)
        self.slots[slot] = record

    def face(self, mdegc: int) -> None:
        """Put all of the face to this temperature, the core 1.5 C above."""
        for name in "aczh":
            self.mdegc[name] = mdegc
        self.mdegc["b"] = mdegc + 1500

    def lift(self, mdegc: int) -> None:
        """Bring the face to this temperature, the core stays: the pad has lost the skin."""
        for name in "aczh":
            self.mdegc[name] = mdegc


class Rig:
    """A supervisor with a fake heater and a main loop that answers."""

    def __init__(self, reset_cause: int = hal.RESET_POWER_ON, heater: FakeHeater | None = None):
        self.heater = heater or FakeHeater()
        self.now_ms = 0
        self.supervisor: Any = Supervisor(self.heater, AREA_CM2, HEATER_MOHM, reset_cause)
        self.has_host = True
        self.has_loop = True
        self.setpoint_mdegc = 40000

    def tick(self, n: int = 1, elapsed_ms: int = 250) -> Rig:
        for _ in range(n):
            self.now_ms = (self.now_ms + elapsed_ms) & 0x3FFFFFFF
            if self.has_loop:
                output = self.supervisor.output
                output.answer(output.challenge ^ ANSWER_MASK)
            if self.has_host:
                self.supervisor.renew(LINK, self.setpoint_mdegc, 5000)
            self.supervisor.tick(self.now_ms)
        return self

    def ready(self) -> Rig:
        """Boot, prove the link, permit."""
        self.tick(10)
        assert self.supervisor.state == OFF
        self.supervisor.open_link(LINK)
        assert self.supervisor.permit(LINK, PERMIT_FULL)
        return self

    def asked(self) -> Rig:
        """As ``ready``; then ask and settle."""
        self.ready()
        assert self.supervisor.request(LINK, self.setpoint_mdegc, 15) == 0
        self.tick(48)
        assert self.supervisor.state == WAIT_BUTTON
        return self

    def press(self) -> Rig:
        self.heater.flags |= hal.FLAG_BUTTON
        self.tick()
        self.heater.flags &= ~hal.FLAG_BUTTON
        return self

    def warm(self, mdegc: int = 38000) -> Rig:
        """As ``asked``; then start, and after the lead test be this warm for a while."""
        self.asked().press()
        assert self.supervisor.state == WARMUP
        self.heater.mdegc["b"] += 300
        self.tick(20)
        while self.heater.mdegc["a"] < mdegc:
            self.heater.face(min(self.heater.mdegc["a"] + 900, mdegc))
            self.tick(41)
        return self

    def brought_to(self, state: int, mdegc: int = 38000) -> Rig:
        """As ``warm``; then in WARMUP, HOLD (the set-point is reached) or PAUSED (no host)."""
        self.warm(mdegc)
        if state == HOLD:
            self.setpoint_mdegc = mdegc
            self.tick()
        elif state == PAUSED:
            self.has_host = False
            self.tick(21)
            self.heater.responses_mdegc = {"b": 15}
        assert self.supervisor.state == state
        return self
