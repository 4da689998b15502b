"""The fault list of the heat pad: how each is brought about, and what has to happen how fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from faceloop.twin.heat.thermistors import DETACHED, FACE, FROZEN, OPEN, SHORT
from faceloop_heat.hal import IN_A, IN_B, IN_C, IN_H, IN_Z

if TYPE_CHECKING:  # the names alone, for --help, need no compiled module
    from faceloop.twin.heat._bench import Bench

__all__ = ["FAULTS", "NO_FAULT", "Fault", "fault_named", "rail"]

Outcome = Literal["latch", "lock", "end", "pause", "none"]


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes
    ----------
    name : str
    row : int
        In the fault list of the safety analysis.
    text : str
    within_s : float
        From the fault to heat off, at most. For a fold: from 2.5 C between the zones.
    outcome : str
        latch, lock; end: the session is over; pause: over if it does not go away in 30 s; none.
    begin : callable
        Brings it about.
    layer : str
        What finds it: firmware (skin stays under 43 C), hardware (under 44 C), or mechanical: no
        electronic part can see it, the carrier has to prevent it.
    needs_heat : bool
        Shows only by what power does, or after longer than a pause may last: when it begins in
        PAUSED it is found after the resume, in the same time.
    """

    name: str
    row: int
    text: str
    within_s: float
    outcome: Outcome
    begin: Callable[[Bench], None]
    layer: Literal["firmware", "hardware", "mechanical"] = "firmware"
    needs_heat: bool = False

    @property
    def is_seen_fold(self) -> bool:
        """Whether its time begins when the zones are 2.5 C apart, not with the fault."""
        return self.row == 17 and self.layer == "firmware"


def _spoil(sensor: int, trouble: int) -> Callable[[Bench], None]:
    return lambda bench: bench.pad.spoil(sensor, trouble)


def _bend(sensor: int, offset_degc: float, gain: float) -> Callable[[Bench], None]:
    return lambda bench: bench.pad.bend(sensor, offset_degc, gain)


def _set_pad(**values: object) -> Callable[[Bench], None]:
    def begin(bench: Bench) -> None:
        for name, value in values.items():
            setattr(bench.pad, name, value)

    return begin


def _set_bench(**values: object) -> Callable[[Bench], None]:
    def begin(bench: Bench) -> None:
        for name, value in values.items():
            setattr(bench, name, value)

    return begin


def rail(share: float) -> Callable[[Bench], None]:
    """Return what brings the rail of bridges and converter to this share of 3.3 V."""
    return _set_pad(rail_gain=1.0 / share)  # what it is the measure of reads less


def _drift(mask: int) -> Callable[[Bench], None]:
    return _set_pad(drifting=mask, drift_degc_per_s=-0.5 / 60.0)


def _heater(share: float) -> Callable[[Bench], None]:
    def begin(bench: Bench) -> None:
        bench.pad.heater_ohm *= share

    return begin


def _hang(bench: Bench) -> None:
    bench.is_hung = True
    bench.pad.is_stuck_on = bench.pad.is_on  # as the outputs were, at full duty


def _rogue(bench: Bench) -> None:
    bench.pad.is_rogue = True


def _cell(volts: float) -> Callable[[Bench], None]:
    return _set_pad(cell_v=volts)


def _brown_out(bench: Bench) -> None:
    bench.pad.cell_v = 3.3
    bench.power_cycle()


def _lift_off(bench: Bench) -> None:
    skin = bench.pad.skin
    skin.g12 *= 0.02
    skin.g1a *= 2.0
    skin.rho = 0.95


def _cover(loss_w_per_k: float) -> Callable[[Bench], None]:
    # For 100 cm2.
    def begin(bench: Bench) -> None:
        bench.pad.skin.g1a = loss_w_per_k * bench.area_cm2 / 100

    return begin


def _wet(bench: Bench) -> None:
    bench.pad.skin.g12 *= 2.0
    bench.pad.skin.rho = 0.5


def _charger(bench: Bench) -> None:
    bench.pad.vbus.has_vbus = True


FAULTS: tuple[Fault, ...] = (
    Fault("ntc_open", 1, "sensor A open", 0.5, "latch", _spoil(IN_A, OPEN)),
    Fault("ntc_short", 1, "sensor C shorted", 0.5, "latch", _spoil(IN_C, SHORT)),
    Fault("zone_open", 1, "sensor Z open", 0.5, "latch", _spoil(IN_Z, OPEN)),
    Fault("core_open", 1, "sensor B open", 0.5, "latch", _spoil(IN_B, OPEN)),
    Fault("trip_open", 1, "sensor H open", 0.5, "latch", _spoil(IN_H, OPEN)),
    Fault("ntc_detached", 2, "sensor A off its spot", 6.0, "latch", _spoil(IN_A, DETACHED)),
    Fault(
        "core_detached",
        2,
        "sensor B off the heater",
        6.0,
        "latch",
        _spoil(IN_B, DETACHED),
    ),
    Fault(
        "zone_detached",
        2,
        "sensor Z off its spot",
        6.0,
        "latch",
        _spoil(IN_Z, DETACHED),
    ),
    Fault(
        "ntc_drift",
        3,
        "sensor A drifts by -0.5 C/min",
        240.0,
        "latch",
        _drift(1 << IN_A),
        needs_heat=True,
    ),
    Fault("ntc_offset", 3, "sensor A reads 2 C less", 6.0, "latch", _bend(IN_A, -2.0, 1.0)),
    Fault(
        "ntc_gain",
        3,
        "sensor A follows 37 C by a third only",
        240.0,
        "latch",
        _bend(IN_A, 0.0, 0.3),
    ),
    Fault(
        "face_drift",
        3,
        "A, C and Z drift together",
        240.0,
        "latch",
        _drift(FACE),
        needs_heat=True,
    ),
    Fault(
        "ntc_swapped",
        4,
        "sensors A and B swapped",
        10.0,
        "latch",
        _set_pad(swapped_with_a=IN_B),
    ),
    Fault("adc_frozen", 5, "converter repeats itself", 5.0, "latch", _set_pad(is_adc_frozen=True)),
    Fault("ntc_frozen", 5, "sensor A repeats itself", 5.0, "latch", _spoil(IN_A, FROZEN)),
    Fault("adc_high", 6, "reference +5 %", 0.5, "latch", _set_pad(reference_gain=1.05)),
    Fault("adc_low", 6, "reference -5 %", 0.5, "latch", _set_pad(reference_gain=0.95)),
    Fault("rail_high", 6, "rail of bridges and converter +5 %", 0.5, "latch", rail(1.05)),
    Fault("rail_low", 6, "rail of bridges and converter -5 %", 0.5, "latch", rail(0.95)),
    Fault("q1_short", 7, "Q1 shorted", 0.25, "lock", _set_pad(is_q1_short=True)),
    Fault("q2_short", 7, "Q2 shorted", 0.25, "lock", _set_pad(is_q2_short=True)),
    Fault(
        "heater_open",
        8,
        "heater interrupted",
        0.5,
        "latch",
        _set_pad(is_heater_open=True),
    ),
    Fault(
        "q1_open",
        8,
        "Q1 does not close",
        0.5,
        "latch",
        _set_pad(is_q1_open=True),
    ),
    Fault(
        "q2_open",
        8,
        "Q2 does not close",
        0.5,
        "latch",
        _set_pad(is_q2_open=True),
    ),
    Fault("heater_high", 8, "heater +30 %", 0.5, "latch", _heater(1.3)),
    Fault(
        "heater_low",
        8,
        "part of the heater shorted, -30 %",
        0.5,
        "latch",
        _heater(0.7),
    ),
    Fault("mcu_hang", 9, "processor stops, outputs on", 1.0, "latch", _hang, "hardware"),
    Fault(
        "isr_only",
        9,
        "main loop stops, ticks go on",
        1.0,
        "latch",
        _set_bench(is_main_hung=True),
        "hardware",
    ),
    Fault("clock_fast", 10, "clock +5 %", 2.0, "latch", _set_bench(clock_gain=1.05)),
    Fault("clock_slow", 10, "clock -5 %", 2.0, "latch", _set_bench(clock_gain=0.95)),
    Fault("exception", 11, "the program fails", 1.0, "latch", _set_pad(is_scan_broken=True)),
    Fault("battery_low", 13, "3.3 V under load", 2.0, "end", _cell(3.35)),
    Fault("brown_out", 13, "supply gone for a moment", 0.25, "end", _brown_out),
    Fault("overvoltage", 6, "5 V at the heater", 0.5, "latch", _cell(5.0)),
    Fault("charger", 14, "USB cable plugged in", 0.01, "end", _charger, "hardware"),
    Fault("host_silent", 15, "no leases", 5.5, "pause", _set_bench(is_host_silent=True)),
    Fault("pillow", 16, "pillow on the pad", 0.0, "none", _cover(0.0096)),
    Fault("breeze", 16, "breeze on the pad", 0.0, "none", _cover(0.13)),
    Fault("wet", 16, "fabric gets wet", 0.0, "none", _wet),
    Fault(
        "fold",
        17,
        "folded, sensor Z in the fold",
        10.0,
        "latch",
        lambda bench: bench.pad.skin.fold(True),
        needs_heat=True,
    ),
    Fault(
        "fold_spot",
        17,
        "folded, sensors A, C and H in the fold",
        10.0,
        "latch",
        lambda bench: bench.pad.skin.fold(True, True),
        needs_heat=True,
    ),
    Fault(
        "fold_unsensed",
        17,
        "folded, no sensor in the fold",
        0.0,
        "none",
        lambda bench: bench.pad.skin.fold(False),
        "mechanical",
    ),
    Fault("lead_off", 18, "an electrode off", 2.0, "pause", _set_pad(is_lead_off=True)),
    Fault("pad_off", 18, "pad off the skin", 60.0, "pause", _lift_off),
    Fault("asleep", 19, "nobody answers", 360.0, "end", _set_bench(is_confirming=False)),
    Fault("stuck_button", 21, "button held down", 0.25, "end", _set_pad(is_button=True)),
    Fault("rogue", 26, "supervisor wrong: full power, kicks", 1800.0, "none", _rogue, "hardware"),
)
NO_FAULT = Fault("none", 0, "no fault", 0.0, "none", lambda bench: None)


def fault_named(name: str) -> Fault:
    """Return a fault by its name.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise KeyError(name)
