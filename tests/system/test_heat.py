"""Heat on a virtual board, over the radio: who may start it, who may end it, and what ends it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceloop.device import bluetooth
from faceloop.device.ble_transport import BleTransport
from faceloop.device.transport import Receiver
from faceloop.errors import HeatRefused, RemoteError
from faceloop_protocol import control, heat, texts
from faceloop_protocol.heat_limits import LEASE_MAX_MS, TICK_MS
from faceloop_protocol.info import FEATURE_HEAT
from faceloop_protocol.limits import SHIFT

PROGRAM = Path(__file__).with_name("heat_host.py")
OFF_AFTER_SILENCE_S = (LEASE_MAX_MS + 2 * TICK_MS) / 1000
LIGHT_PERIOD_S = 2.4  # of a heat fault: five flashes, a pause (firmware's lights.py)
# What the tests of the switches give: a few milliseconds at a time.
PROBES_J = 1.0


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("heat_host", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["heat_host"] = module
    spec.loader.exec_module(module)
    return module


heat_host = _load()


async def press(board: Any) -> None:
    await board.control("world", button=True)
    await asyncio.sleep(0.4)
    await board.control("world", button=False)


async def heats(board: Any) -> dict[str, Any]:
    """Wait until the pad is given real power."""
    begin_j = (await board.control("heat"))["heat_j"]
    async with asyncio.timeout(15):
        while True:
            truth = await board.control("heat")
            if truth["heat_j"] > begin_j + 3.0:
                assert isinstance(truth, dict)
                return truth
            await asyncio.sleep(0.1)


async def stays_off(board: Any, seconds: float = 1.0) -> None:
    begin_j = (await board.control("heat"))["heat_j"]
    await asyncio.sleep(seconds)
    assert (await board.control("heat"))["heat_j"] - begin_j < PROBES_J


async def stop_as_a_stranger(board: Any) -> float:
    """STOP by radio, one byte, from a program that has no key; return the moment it was sent."""
    air = BleTransport()
    replies: list[bytes] = []
    await air.open(Receiver(lambda _: None, replies.append, lambda _: None, lambda: None), 5.0)
    try:
        assert (await board.control("heat"))["power_w"] > 0.0, "it still heats, by its lease"
        sent_s = time.monotonic()
        await air.send(bytes([control.STOP]))
        async with asyncio.timeout(5):
            while not replies:
                await asyncio.sleep(0.01)
    finally:
        await air.close()
    assert control.decode_reply(replies[0]).status == control.OK
    return sent_s


async def refused(host: Any, message: bytes) -> int:
    """Send a message as it stands; return the status of the reply."""
    op, counter = message[0], int.from_bytes(message[1:5], "little")
    future: asyncio.Future[control.Reply] = asyncio.get_running_loop().create_future()
    host.link._client._waiting[op, counter] = future
    await host.transport.send(message)
    return int((await asyncio.wait_for(future, 5)).status)


async def asked_stopped_replayed(home: Any) -> None:
    """All by one host, in this process; then its words once more by another."""
    board = await home.start_board()
    bluetooth.use_virtual(board.hci_path)
    try:
        captured = await _asked_pressed_stopped(board, home)
        await _replayed(board, home, captured)
    finally:
        await bluetooth.close()


async def _asked_pressed_stopped(board: Any, home: Any) -> list[bytes]:
    host = heat_host.Host(home.keys)
    await host.start()
    assert host.link.info is not None and host.link.info.features & FEATURE_HEAT
    try:
        ask = host.link.heat
        await host.until(heat.OFF)
        with pytest.raises(HeatRefused) as off_by_default:
            await ask.request(39.0, 10)
        assert off_by_default.value.cause == heat.NOT_PERMITTED
        await ask.permit(heat.PERMIT_FULL)
        await ask.tell_time()
        for setpoint_degc, minutes in (
            (60.0, 10),
            (40.01, 10),
            (35.99, 10),
            (39.0, 16),
            (39.0, 0),
        ):
            with pytest.raises(RemoteError, match="out of range"):
                await ask.request(setpoint_degc, minutes)
        await board.control("world", button=True)  # pressing alone starts nothing
        await asyncio.sleep(0.5)
        await board.control("world", button=False)
        assert (await ask.state()).state == heat.OFF

        await host.ask()
        state = await ask.state()
        assert (state.state, state.setpoint_cdegc) == (heat.WAIT_BUTTON, 3900)
        assert (await board.control("heat"))["heat_j"] < PROBES_J
        with pytest.raises(RemoteError, match="out of range"):
            await ask.renew(60.0)
        good = host.sent[-1]
        wrong = good[:-1] + bytes([good[-1] ^ 1])
        assert await refused(host, wrong) == control.BAD_TAG
        assert await refused(host, good) == control.BAD_COUNTER

        await press(board)
        await host.until(heat.WARMUP)
        await heats(board)
        await ask.renew(39.0)
        captured = list(host.sent)
    finally:
        await host.link.disconnect()  # and the air is free for whoever comes by
    sent_s = await stop_as_a_stranger(board)
    await asyncio.sleep(1.0)
    truth = await board.control("heat")
    assert truth["power_until_s"] - sent_s < 1.0
    assert truth["max_skin_degc"] < 40.0
    return captured


async def _replayed(board: Any, home: Any, captured: list[bytes]) -> None:
    """Everything that a host said, once more, from another connection with the right key.

    Then a stream that begins with a rail 3.6 % low, and heat asked for properly.
    """
    host = heat_host.Host(home.keys)
    await host.start()
    try:
        assert (await host.until(heat.OFF)).cause == heat.STOPPED
        begins = [
            message
            for message in captured
            if message[0] in (heat.HEAT_REQUEST, heat.HEAT_LEASE, heat.HEAT_PERMIT)
        ]
        assert begins
        for message in begins[-3:]:
            assert await refused(host, message) == control.BAD_TAG
        await press(board)
        await stays_off(board)
        assert (await host.link.heat.state()).state == heat.OFF
        # Only now: with such a rail nothing of the above could have heated anyway.
        await board.control("world", rail_mv=3180)
        await host.link.start_stream(control.MODE_RECORDING, SHIFT)
        await host.until(heat.OFF)
        await host.link.heat.request(39.0, 10)
        assert (await host.until(heat.LATCHED)).cause == heat.RAIL
        await press(board)
        await stays_off(board)
    finally:
        await host.link.disconnect()


async def host_killed(home: Any) -> None:
    """A host that is killed with SIGKILL while it heats."""
    board = await home.start_board()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), str(board.hci_path), str(home.keys.path),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        while (line := await asyncio.wait_for(process.stdout.readline(), 60)) == b"press\n":
            await press(board)  # once more where the board asks for it
        assert line == b"heats\n"
        await heats(board)
    finally:
        process.kill()
        killed_s = time.monotonic()
        await process.wait()
    await asyncio.sleep(OFF_AFTER_SILENCE_S + 0.5)
    truth = await board.control("heat")
    off_s = truth["power_until_s"] - killed_s
    print(f"heater off {off_s:.2f} s after the host was killed")
    assert 0 < off_s <= OFF_AFTER_SILENCE_S
    await stays_off(board)


async def locked_and_unlocked(home: Any) -> None:
    """A switch that does not open locks; what ends that is a cable, a pad unplugged, a command."""
    board = await home.start_board(world={"q2_short": True})
    unlock = ("heat", "unlock", "--serial", board.tty_path)

    async def refused(code: int, sentence: str, *options: str) -> None:
        done = await home.run(*unlock, *options)
        assert (done.code, done.out) == (code, ""), done
        assert done.err.startswith("faceloop: ") and sentence in done.err, done

    async with asyncio.timeout(20):
        while await flashes(board) != 5:  # the light tells it, whatever else it could tell
            pass
    await refused(2, "bench procedure")
    await refused(6, "The board stays locked.", "--bench-passed")
    await board.control("world", q2_short=False, pad=False, usb_power=True)
    await asyncio.sleep(0.5)
    done = await home.run(*unlock, "--bench-passed")
    assert (done.code, done.err) == (0, "")
    assert texts.CAUSE_TEXT[heat.SWITCH_SHORT] in done.out
    log = (home.data / "heat-unlocks.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in log] == ["asked", "refused", "asked", "unlocked"]
    await refused(2, "nothing to unlock", "--bench-passed")


async def flashes(board: Any) -> int:
    """Return how often the light comes on within the period of a heat fault."""
    n, was_lit = 0, True
    end_s = time.monotonic() + LIGHT_PERIOD_S
    while time.monotonic() < end_s:
        is_lit = (await board.control("stats"))["pins"]["led"]
        n += is_lit and not was_lit
        was_lit = is_lit
        await asyncio.sleep(0.02)
    return n


SCENARIOS = (asked_stopped_replayed, host_killed, locked_and_unlocked)


@pytest.fixture(scope="module")
def outcome_of(rig: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Side by side: most of their time is waiting until a pad is worn and settled."""
    folder = tmp_path_factory.mktemp("heat")
    with rig.at_once(folder, *SCENARIOS) as outcome_of:
        yield outcome_of


@pytest.mark.slow
def test_heat_needs_key_press_and_lease_and_anybody_may_stop_it(outcome_of: Any) -> None:
    outcome_of(asked_stopped_replayed)


@pytest.mark.slow
def test_locked_heater_is_unlocked_by_cable_at_the_bench_and_nowhere_else(outcome_of: Any) -> None:
    outcome_of(locked_and_unlocked)


@pytest.mark.slow
def test_heat_is_off_soon_after_its_host_was_killed(outcome_of: Any) -> None:
    outcome_of(host_killed)
