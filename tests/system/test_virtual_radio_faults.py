"""What goes wrong on a radio: lost links, killed ends, second hosts, missing keys."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
from pathlib import Path

import pytest
from bleak.exc import BleakError

from faceloop.device import bluetooth

_spec = importlib.util.spec_from_file_location(
    "virtual_radio_rig", Path(__file__).parent / "virtual_radio_rig.py"
)
assert _spec is not None and _spec.loader is not None
rig_module = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = rig_module
_spec.loader.exec_module(rig_module)

virtual_radio, Process = rig_module.virtual_radio, rig_module.Process
flood, report_starting = rig_module.flood, rig_module.report_starting
CONTROL, INFO, PROTECTED = rig_module.CONTROL, rig_module.INFO, rig_module.PROTECTED
Op = rig_module.Op


async def test_disconnect_by_the_board_reaches_the_host(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig:
        gone = asyncio.Event()
        client = rig.client(await rig.found(), lambda _: gone.set())
        await client.connect()
        await client.write_gatt_char(CONTROL, bytes([Op.DISCONNECT]), response=False)
        await asyncio.wait_for(gone.wait(), 5)
        assert not client.is_connected
        assert client._backend.disconnect_reason == 0x13  # remote user
        assert await rig.board.line("left") == "left True False"
        await rig.board.line("disconnect")
        with pytest.raises(BleakError):
            await client.read_gatt_char(INFO)


async def test_switched_off_radio_says_goodbye(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, supervision_ms=30_000) as rig:
        gone = asyncio.Event()
        client = rig.client(await rig.found(), lambda _: gone.set())
        await client.connect()
        await client.write_gatt_char(CONTROL, bytes([Op.OFF]), response=False)
        await asyncio.wait_for(gone.wait(), 10)  # far below the supervision timeout
        assert client._backend.disconnect_reason == 0x13  # remote user, no timeout
        assert await rig.board.line("off") == "off False"
        assert await rig.find(0.3) is None


async def test_blackout_beyond_supervision_ends_both_sides_and_heals(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, supervision_ms=400) as rig:
        device = await rig.found()
        gone = asyncio.Event()
        client = rig.client(device, lambda _: gone.set())
        await client.connect()
        (link,) = rig.radio.stats()["links"]
        assert link["timeout_ms"] == 400
        rig.radio.set(blackout=True)
        begin_s = time.monotonic()
        reading = asyncio.ensure_future(client.read_gatt_char(INFO))
        await asyncio.wait_for(gone.wait(), 20)
        assert time.monotonic() - begin_s >= 0.35
        assert client._backend.disconnect_reason == 0x08  # supervision timeout
        with pytest.raises(BleakError, match="disconnected"):
            await reading
        await rig.board.line("disconnect")
        assert await rig.find(0.3) is None  # no advertising in the dark
        rig.radio.set(blackout=False)
        async with rig.client(await rig.found()) as client:
            assert await client.read_gatt_char(INFO) == b"nothing yet"


async def test_short_blackout_is_survived_without_loss(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, blackouts=((0.1, 0.4),)) as rig:
        async with rig.client(await rig.found()) as client:
            rig.radio.begin_schedule()
            assert await flood(client, 60) == list(range(60))
            assert client.is_connected
        assert rig.radio.stats()["air"]["dark_events"] > 20


async def test_killed_board_is_a_supervision_timeout(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, supervision_ms=500) as rig:
        gone = asyncio.Event()
        client = rig.client(await rig.found(), lambda _: gone.set())
        await client.connect()
        begin_s = time.monotonic()
        await rig.restart_board()  # it advertises again while the host still waits for the old one
        await asyncio.wait_for(gone.wait(), 5)
        assert time.monotonic() - begin_s >= 0.45
        assert client._backend.disconnect_reason == 0x08
        async with rig.client(await rig.found()) as client:
            assert await client.read_gatt_char(INFO) == b"nothing yet"
        assert rig.board_stats()["power_ons"] == 2


_SECOND_HOST = """
import asyncio, sys
from bleak import BleakClient, BleakScanner
from faceloop.device import bluetooth

async def main():
    find = BleakScanner.find_device_by_name
    device = await find("radio-sample", timeout=float(sys.argv[1]), **bluetooth.scanner_backend())
    print("found" if device else "nobody", flush=True)
    if device:
        async with BleakClient(device, **bluetooth.client_backend()):
            print("connected", flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_second_host_does_not_find_a_connected_board(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig, rig.client(await rig.found()) as client:
        second = Process(sys.executable, "-c", _SECOND_HOST, "0.5", FACELOOP_HCI=str(rig.hci))
        async with second as host:
            await host.line("nobody")
        assert client.is_connected
        assert await client.read_gatt_char(INFO) == b"nothing yet"


async def test_killed_host_frees_the_board_after_the_timeout(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, supervision_max_ms=500) as rig:
        second = Process(sys.executable, "-c", _SECOND_HOST, "5", FACELOOP_HCI=str(rig.hci))
        async with second as host:
            await host.line("connected")
            assert await rig.find(0.3) is None
            await host.kill()
            await rig.board.line("disconnect")
        async with rig.client(await rig.found()) as client:
            assert client.is_connected


async def test_exception_in_the_handler_unregisters_it_for_good(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig, rig.client(await rig.found()) as client:
        await client.write_gatt_char(CONTROL, bytes([Op.RAISE]), response=True)
        await rig.board.line("RuntimeError: escapes the handler")
        await client.write_gatt_char(CONTROL, bytes([Op.ECHO, 1]), response=True)
        await client.disconnect()
        # The firmware heard of neither: no answer, no disconnect event, no new advertising.
        assert await rig.find(0.3) is None
        assert not [line for line in rig.board.lines if line.startswith("disconnect")]


async def test_ten_reconnects(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig:
        device = await rig.found()
        for cycle in range(10):
            async with rig.client(device) as client:
                assert await flood(client, 20) == list(range(20))
            await rig.board.line("disconnect", cycle + 1)
        stats = rig.board_stats()
        assert (stats["connects"], stats["disconnects"], stats["power_ons"]) == (10, 10, 1)
        assert rig.radio.stats()["links"] == []


async def test_pairing_just_works_where_the_port_has_it(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, stack="nimble") as rig:
        device = await rig.found()
        async with rig.client(device) as client:
            await client.pair()
            assert await client.read_gatt_char(PROTECTED) == b"secret"
            await rig.board.line("encryption True False True 16")
        await rig.board.line("disconnect")
        async with rig.client(device) as client:  # the bond is used at connect
            assert await client.read_gatt_char(PROTECTED) == b"secret"
        await rig.board.line("disconnect", 2)
        await rig.restart_board()  # and has lost its bonds
        client = rig.client(await rig.found())
        with pytest.raises(BleakError, match="unpair"):
            await client.connect()
        await client.unpair()
        async with rig.client(await rig.found()) as client:
            assert client.is_connected


async def test_board_may_ask_for_pairing(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, stack="nimble") as rig:
        async with rig.client(await rig.found()) as client:
            await client.write_gatt_char(CONTROL, bytes([Op.PAIR]), response=True)
            await rig.board.line("encryption True False True 16")


async def test_pairing_is_refused_where_the_port_lacks_it(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, stack="btstack") as rig:
        async with rig.client(await rig.found()) as client:
            with pytest.raises(BleakError, match="pairing failed"):
                await client.pair()
            await client.write_gatt_char(CONTROL, bytes([Op.PAIR]), response=True)
            assert await report_starting(client, "errno") == "errno 95"


async def test_vanished_radio_is_an_error_not_a_hang(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig:
        gone = asyncio.Event()
        client = rig.client(await rig.found(), lambda _: gone.set())
        await client.connect()
        await rig.radio.stop()
        await asyncio.wait_for(gone.wait(), 5)
        assert not client.is_connected
        with pytest.raises(BleakError):
            await rig.find(0.2)
        await bluetooth.close()
        bluetooth.use_virtual(tmp_path / "nothing.sock")
        with pytest.raises(BleakError, match="No virtual radio answers"):
            await rig.find(0.2)
