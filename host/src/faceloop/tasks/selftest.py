"""A board's self-test: what it finds out about itself, and what only shows from outside."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceloop.device.ble_transport import BleTransport
from faceloop.device.board_link import BoardLink
from faceloop.device.key_store import KeyStore
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Transport
from faceloop.errors import RemoteError, UsageError
from faceloop.tasks.bench import Bench, Measured
from faceloop.tasks.data_folder import checked_store
from faceloop.tasks.progress import Progress, Silent
from faceloop.tasks.selftest_report import Check, judged, write_report
from faceloop.tasks.virtual import paired_virtual_board
from faceloop.twin.launch import BoardSpec
from faceloop_protocol import selftest as limits
from faceloop_protocol.info import (
    BOARD_NAMES,
    FEATURE_BONDING,
    FEATURE_SOFT_CAPTURE,
    FEATURE_VIBRATION,
    Info,
)
from faceloop_protocol.limits import MIN_MTU
from faceloop_protocol.reports import BoardState
from faceloop_protocol.state import POWER_BENCH_PLUG, POWER_LOW, POWER_USB, RADIO_ENCRYPTED
from faceloop_protocol.texts import FAULT_TEXT

__all__ = ["Ask", "SelfTestOptions", "selftest"]

Ask = Callable[[str], bool]
"""Asks the person a question and returns the answer, yes or no."""

# The most that notifications of 244 bytes carry at 1 Mbit/s: 251 bytes a packet, an empty answer,
# 150 us after either.
_LE_1M_BYTES_PER_S = 98_900.0
_PRESS_S = 30.0
_CONVERTERS = {0x92: "ADS1298", 0x3E: "ADS1299"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestOptions:
    """Which board, and how thoroughly.

    Parameters
    ----------
    device, serial, is_virtual
        As for a session.
    seconds : float
        Of streaming. The clock is known to 5 ms over this time.
    out : Path or None
        Folder for the report; None takes ``selftests`` in the data folder.
    """

    device: str | None = None
    serial: str | None = None
    is_virtual: bool = False
    seconds: float = 60.0
    out: Path | None = None


async def selftest(
    options: SelfTestOptions, progress: Progress | None = None, ask: Ask | None = None
) -> dict[str, Any]:
    """Test a board and write a report.

    Parameters
    ----------
    options : SelfTestOptions
    progress : Progress or None
    ask : callable or None
        With it a person presses the button and says what is to be seen and felt; without it these
        stay untested.

    Returns
    -------
    dict
        ``ok``, whether nothing failed; ``checks``; what the board is; where the report is.

    Raises
    ------
    FaceloopError
        If the board cannot be tested at all.
    """
    progress = progress or Silent()
    if sum((options.device is not None, options.serial is not None, options.is_virtual)) > 1:
        raise UsageError("Choose one board: --device, --serial or --virtual.")
    folder = _folder(options.out)
    async with _reachable(options, progress) as (transport, key_of):
        bench = Bench()
        link = BoardLink(transport, key_of, bench, give_up_s=1.0)
        progress.step("Connecting")
        info = await link.connect()
        try:
            checks = await _test(link, bench, info, transport, options, progress, ask)
        finally:
            await link.disconnect()
    about = {
        "board": BOARD_NAMES.get(info.board, str(info.board)),
        "device_id": info.device_id.hex(),
        "firmware_version": ".".join(map(str, info.firmware)),
        "interpreter": info.interpreter,
        "link": "cable" if isinstance(transport, SerialTransport) else "Bluetooth",
        "utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    return write_report(folder, about, checks)


async def _test(
    link: BoardLink,
    bench: Bench,
    info: Info,
    transport: Transport,
    options: SelfTestOptions,
    progress: Progress,
    ask: Ask | None,
) -> list[Check]:
    state = await bench.report()
    is_plugged = bool(state.power & POWER_BENCH_PLUG)
    if state.power & POWER_USB and not is_plugged:
        raise UsageError(
            "The board's front end has no power while a USB cable is plugged in. Put the bench "
            "plug into the electrode connector, or unplug the cable and test over Bluetooth."
        )
    if state.power & POWER_LOW:
        raise UsageError("The battery is too low for a test. Charge it first.")
    progress.step("The front end tests itself")
    found = await link.self_test()
    progress.step("Streaming")
    measured = await bench.measure(
        link, info, options.seconds, lambda done: progress.amount(done, options.seconds)
    )
    phy = await transport.read_phy() if isinstance(transport, BleTransport) else None
    state = await bench.report()
    checks = [
        *_front_end(found, info.features),
        *_stream(measured, is_plugged, info),
        *_link_checks(measured, transport, phy),
    ]
    if info.features & FEATURE_BONDING and isinstance(transport, BleTransport):
        checks.append(_encryption(state))
    checks.append(_battery(state))
    fault = FAULT_TEXT.get(state.fault, f"fault {state.fault}")
    checks.append(Check("fault", "No fault is reported", fault, "", None, None, not state.fault))
    checks += await _person(link, bench, info, state, ask, progress)
    return checks


def _front_end(found: limits.SelfTestReport, features: int) -> list[Check]:
    """Return the checks that the board made by itself, judged by the same limits once more."""
    part = _CONVERTERS.get(found.converter_id, f"id 0x{found.converter_id:02x}")
    passed = found.passed
    checks = [Check("converter", "EMG converter", part, "", None, None, bool(passed & 1))]
    for number, noise in enumerate(found.noise_nv, 1):
        name, low, high = f"Noise, inputs shorted, channel {number}", *_NOISE
        checks.append(judged(f"noise_{number}", name, noise / 1000, "uV", low, high))
    for number, gain in enumerate(found.gain_ppt, 1):
        low, high = limits.MIN_GAIN_PPT / 1000, limits.MAX_GAIN_PPT / 1000
        checks.append(
            judged(f"gain_{number}", f"Gain, channel {number}", gain / 1000, "", low, high)
        )
    order = " ".join(map(str, found.order))
    is_right = bool(passed & limits.PASS_ORDER)
    checks.append(Check("order", "Order of the channels", order, "", None, None, is_right))
    is_right = bool(passed & limits.PASS_FRAMES)
    most = limits.most_lost(limits.TEST_FRAMES, bool(features & FEATURE_SOFT_CAPTURE))
    what = "Frames with a wrong header, or lost"
    checks.append(Check("frames", what, found.n_lost, "", 0, most, is_right))
    return checks


_NOISE = (limits.MIN_NOISE_NV / 1000, limits.MAX_NOISE_NV / 1000)


def _stream(measured: Measured, is_plugged: bool, info: Info) -> list[Check]:
    """Return what the stream showed of front end and clock."""
    checks = []
    low, high = limits.MIN_BAND_NOISE_NV / 1000, limits.MAX_BAND_NOISE_NV / 1000
    for number, noise in enumerate(measured.band_noise_nv, 1):
        name = f"Noise 20 to 450 Hz, bench plug, channel {number}"
        check = judged(f"band_noise_{number}", name, noise / 1000, "uV", low, high)
        # without the plug the inputs are open: whatever comes in is no fault of the board
        checks.append(check if is_plugged else check.untested("needs the bench plug"))
    within = measured.clock_within_ppm
    ppm = judged("clock", "Clock", measured.clock_ppm, "ppm", None, None)
    if math.isnan(measured.clock_ppm) or within > limits.MAX_CLOCK_PPM:
        ppm = ppm.untested(f"known to {within:.0f} ppm after this time; test longer")
    else:
        most = limits.MAX_CLOCK_PPM
        ppm = judged("clock", "Clock", measured.clock_ppm, "ppm", -most - within, most + within)
    n_frames = int(measured.seconds * info.fs_hz)
    most = limits.most_lost(n_frames, bool(info.features & FEATURE_SOFT_CAPTURE))
    return [
        *checks,
        ppm,
        judged(
            "jitter",
            "Arrival jitter at the host",
            measured.jitter_ms,
            "ms",
            None,
            limits.MAX_JITTER_MS,
        ),
        judged("missed", "Frames missed or lost", measured.n_missed, "", 0, most),
    ]


def _link_checks(measured: Measured, transport: Transport, phy: str | None) -> list[Check]:
    """Return what the link can do.

    ``phy`` is None where the system does not tell the radio mode; then what the link carries does,
    if it is more than the slower one can.
    """
    most_ms = limits.MAX_ARRIVAL_P95_MS
    mtu = transport.mtu if isinstance(transport, BleTransport) else None
    checks = [
        judged(
            "arrival", "Packets late, 95 of 100 by", measured.arrival_p95_ms, "ms", None, most_ms
        ),
        judged("stream_rate", "Stream", measured.bytes_per_s, "bytes/s", None, None),
        judged(
            "goodput",
            "The link carries",
            measured.goodput_bytes_per_s,
            "bytes/s",
            limits.MIN_GOODPUT_BYTES_PER_S,
            None,
        ),
    ]
    if isinstance(transport, BleTransport):
        checks.append(
            judged("mtu", "Largest message (MTU)", mtu or math.nan, "bytes", MIN_MTU, None)
        )
        is_fast = measured.goodput_bytes_per_s > _LE_1M_BYTES_PER_S
        mode = phy or ("LE 2M" if is_fast else "LE 1M or LE 2M")
        check = Check("phy", "Radio mode (PHY)", mode, "", None, None, True)
        if phy is None and not is_fast:
            check = check.untested("this computer's Bluetooth does not tell which")
        checks.append(check)
    return checks


def _battery(state: BoardState) -> Check:
    low, high = limits.MIN_BATTERY_MV, limits.MAX_BATTERY_MV
    return judged("battery", "Battery", state.battery_mv, "mV", low, high)


def _encryption(state: BoardState) -> Check:
    """Return whether the radio encrypts; a stream and its commands are protected either way."""
    is_encrypted = bool(state.radio & RADIO_ENCRYPTED)
    what = "encrypted" if is_encrypted else "not encrypted"
    check = Check("radio", "Radio link (bond)", what, "", None, None, True)
    if is_encrypted:
        return check
    return check.untested(
        "the signal is encrypted all the same, reports on the state are not; hold the button for "
        "5 s while connected to make a bond"
    )


async def _person(
    link: BoardLink,
    bench: Bench,
    info: Info,
    state: BoardState,
    ask: Ask | None,
    progress: Progress,
) -> list[Check]:
    """Have a person press, look and feel."""
    button = Check("button", "Button", None, "", None, None, None)
    light = Check("light", "Light", None, "", None, None, None)
    motor = Check("motor", "Vibration motor", None, "", None, None, None)
    if ask is None:
        why = "needs a person: test again with --ask"
        return [button.untested(why), light.untested(why), motor.untested(why)]
    before = state.presses
    progress.step("Press the button")
    progress.say("Press the board's button once.")
    end_s = time.monotonic() + _PRESS_S
    while (is_pressed := (await bench.report()).presses != before) is False:
        if time.monotonic() > end_s:
            break
    button = button.answered(is_pressed, "pressed" if is_pressed else "no press came")
    is_lit = await asyncio.to_thread(ask, "Is the board's light on, without a break?")
    light = light.answered(is_lit, "as it should" if is_lit else "not as it should")
    if not info.features & FEATURE_VIBRATION:
        return [button, light, motor.untested("none is fitted")]
    try:
        await link.vibrate(60, 700)
    except RemoteError as error:
        return [button, light, motor.untested(str(error))]
    is_felt = await asyncio.to_thread(ask, "Did the board vibrate?")
    return [button, light, motor.answered(is_felt, "felt" if is_felt else "not felt")]


def _folder(out: Path | None) -> Path:
    if out is None:
        return checked_store(None).root / "selftests"
    if not out.expanduser().parent.is_dir():
        raise UsageError(f"There is no folder {out.parent} to make {out.name} in. Make it first.")
    return out.expanduser()


@contextlib.asynccontextmanager
async def _reachable(
    options: SelfTestOptions, progress: Progress
) -> AsyncIterator[tuple[Transport, Callable[[bytes], bytes | None]]]:
    if options.is_virtual:
        progress.step("Starting the virtual board")
        spec = BoardSpec(source={"kind": "plug"}, world={"bench_plug": True})
        async with paired_virtual_board(spec) as paired:
            yield paired.transport, paired.key_of
    elif options.serial is not None:
        yield SerialTransport(options.serial), KeyStore().get
    else:
        yield BleTransport(options.device), KeyStore().get
