"""Button, light, motor and battery of the virtual board."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from faceloop.device import bluetooth
from faceloop.device.ble_transport import BleTransport
from faceloop.device.board_link import BoardLink, Packet
from faceloop.device.key_store import parse_label
from faceloop.errors import AuthenticationError, FaceloopError, RemoteError
from faceloop.tasks.pair import pair_by_cable
from faceloop.twin.firmware_files import FIRMWARE_VARIABLE
from faceloop.twin.launch import VirtualBoard
from faceloop_protocol import control, state
from faceloop_protocol.info import FEATURE_BONDING, FEATURE_VIBRATION, Info
from faceloop_protocol.limits import SHIFT
from faceloop_protocol.reports import BoardState

WAIT_S = 30.0


class Host:
    def __init__(self, home: Any) -> None:
        self.states: list[BoardState] = []
        self.info: Info | None = None
        self.link = BoardLink(BleTransport(), home.keys.get, self)

    def on_packet(self, packet: Packet) -> None:
        self.link.stored((packet.header.seq + 1) & 0xFFFF)

    def on_state(self, report: BoardState) -> None:
        self.states.append(report)

    def on_link(self, event: str, extent: control.StreamExtent | None) -> None:
        pass

    def on_gone(self, error: FaceloopError) -> None:
        pass

    def next_seq(self) -> int:
        return 0

    async def reports(self, wanted: Callable[[BoardState], bool]) -> BoardState:
        async with asyncio.timeout(WAIT_S):
            while not (self.states and wanted(self.states[-1])):
                await asyncio.sleep(0.02)
        return self.states[-1]


@contextlib.asynccontextmanager
async def by_air(board: VirtualBoard, home: Any) -> AsyncIterator[Host]:
    bluetooth.use_virtual(board.hci_path)
    host = Host(home)
    try:
        host.info = await host.link.connect()
        yield host
    finally:
        await host.link.disconnect()
        await bluetooth.close()


async def pins(board: VirtualBoard) -> dict[str, Any]:
    answer = (await board.control("stats"))["pins"]
    assert isinstance(answer, dict)
    return answer


async def press(board: VirtualBoard, seconds: float) -> None:
    await board.control("world", button=True)
    await asyncio.sleep(seconds)
    await board.control("world", button=False)


async def test_motor_runs_for_as_long_as_asked_and_never_on_a_cable(home: Any) -> None:
    board = await home.start_board()
    async with by_air(board, home) as host:
        assert host.info is not None and host.info.features & FEATURE_VIBRATION
        asked_s = time.monotonic()
        await host.link.vibrate(40, 2000)
        assert (await pins(board))["motor_duty"] == pytest.approx(0.4, abs=0.01)
        async with asyncio.timeout(6):
            while (await pins(board))["motor_duty"]:
                await asyncio.sleep(0.02)
        assert time.monotonic() - asked_s >= 2
        await host.link.vibrate(100, 2000)
        await host.link.vibrate(0, 0)
        assert (await pins(board))["motor_duty"] == 0
        await host.link.vibrate(100, 2000)
        await board.control("world", usb_power=True)
        await host.reports(lambda report: bool(report.power & state.POWER_USB))
        assert (await pins(board))["motor_duty"] == 0
        with pytest.raises(RemoteError):
            await host.link.vibrate(40, 700)
        assert (await pins(board))["motor_duty"] == 0


async def test_presses_are_counted_and_the_light_shows_what_goes_on(home: Any) -> None:
    board = await home.start_board()
    async with by_air(board, home) as host:
        await host.reports(lambda report: True)
        async with asyncio.timeout(WAIT_S):
            while not (await pins(board))["led"]:  # chosen once a second; linked: steady
                await asyncio.sleep(0.05)
        await press(board, 0.3)
        report = await host.reports(lambda report: report.presses == 1)
        assert report.long_presses == 0
        with pytest.raises(AuthenticationError, match="hold its button"):
            await pair_by_cable(str(board.tty_path))  # its key was given, and proven
        await press(board, 5.5)
        report = await host.reports(lambda report: report.long_presses == 1)
        assert report.presses == 1
        again = await pair_by_cable(str(board.tty_path))
        device_id, key = parse_label(again["label"])
        assert home.keys.get(device_id) == key
        second = await pair_by_cable(str(board.tty_path), is_therapist=True)
        assert second["stored_in"] is None and home.keys.get(device_id) == key
        await host.link.start_stream(control.MODE_TRAINING, SHIFT)
        await asyncio.sleep(1.5)
        lit = []
        for _ in range(60):
            lit.append((await pins(board))["led"])
            await asyncio.sleep(0.05)
        assert 0.02 < sum(lit) / len(lit) < 0.4, "a key may be fetched: two short flashes"
    home.keys.put(*parse_label(second["label"]))
    async with by_air(board, home) as host:
        await host.reports(lambda report: True)  # the therapist's key is as good


async def test_empty_battery_ends_the_stream_and_says_so(home: Any) -> None:
    board = await home.start_board()
    async with by_air(board, home) as host:
        await host.link.start_stream(control.MODE_TRAINING, SHIFT)
        await host.reports(lambda report: report.state == state.STATE_STREAMING)
        await board.control("world", battery_mv=3200)
        report = await host.reports(lambda report: report.fault != 0)
        assert report.fault == state.FAULT_BATTERY
        assert report.state == state.STATE_DRAINING
        assert not (await board.control("stats"))["converter"]["is_alive"]


@pytest.mark.full
async def test_factory_reset_is_for_a_board_at_rest(home: Any) -> None:
    board = await home.start_board()
    async with by_air(board, home) as host:
        await host.link.start_stream(control.MODE_TRAINING, SHIFT)
        await press(board, 16.0)
        await host.reports(lambda report: report.state == state.STATE_STREAMING)
        await host.link.stop_stream()
        await host.link.finish_stream()
        assert (await board.control("stats"))["vm"]["resets"] == 0, "not while it streams"


async def test_factory_reset_by_the_button_forgets_the_key(home: Any) -> None:
    board = await home.start_board()
    await asyncio.sleep(2.0)  # one that is down at the start counts from its first release on
    await board.control("world", button=True)  # until it has had its effect, however late
    async with asyncio.timeout(15 + WAIT_S):
        while not (await board.control("stats"))["vm"]["resets"]:
            await asyncio.sleep(0.05)
    await board.control("world", button=False)
    bluetooth.use_virtual(board.hci_path)
    host = Host(home)
    try:
        with pytest.raises(AuthenticationError):
            await host.link.connect()
    finally:
        await host.link.disconnect()
        await bluetooth.close()
    await home.pair(board)
    async with by_air(board, home) as host:
        await host.reports(lambda report: report.fault == 0)


async def test_board_asks_a_proven_host_for_a_bond_after_the_button_and_keeps_it(
    home: Any, mutated_firmware: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware = mutated_firmware("boards/pico2w.py", "HAS_BONDING = False", "HAS_BONDING = True")
    monkeypatch.setenv(FIRMWARE_VARIABLE, str(firmware))
    flash = home.folder / "flash.img"
    board = await home.start_board(radio={"stack": "nimble"}, flash=flash)
    bluetooth.use_virtual(board.hci_path)
    first, second = Host(home), Host(home)  # of one computer, which keeps its half of the bond
    try:
        assert (await first.link.connect()).features & FEATURE_BONDING
        assert not (await first.reports(lambda report: True)).radio, "a clear link is said to be"
        await press(board, 5.5)
        await first.reports(lambda report: bool(report.radio & state.RADIO_ENCRYPTED))
        async with asyncio.timeout(WAIT_S):
            while b'"ltk"' not in flash.read_bytes():
                await asyncio.sleep(0.1)  # written when the board next looks after itself
        await first.link.disconnect()
        await board.control("power", on=False)
        await board.control("power", on=True)
        # A bond that the board has lost is an error here: see test_virtual_radio_faults.py.
        await second.link.connect()
        await second.reports(lambda report: bool(report.radio & state.RADIO_ENCRYPTED))
    finally:
        await first.link.disconnect()
        await second.link.disconnect()
        await bluetooth.close()
