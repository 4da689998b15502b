"""The virtual radio end to end: a real MicroPython, real GATT in between, bleak's public API."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import struct
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from bleak import BleakClient
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError

from faceloop.device import bluetooth
from faceloop.twin.radio.wire import Kind

_spec = importlib.util.spec_from_file_location(
    "virtual_radio_rig", Path(__file__).parent / "virtual_radio_rig.py"
)
assert _spec is not None and _spec.loader is not None
rig_module = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = rig_module
_spec.loader.exec_module(rig_module)

virtual_radio, until = rig_module.virtual_radio, rig_module.until
flood, report_starting, Stream = rig_module.flood, rig_module.report_starting, rig_module.Stream
STREAM, CONTROL, INFO = rig_module.STREAM, rig_module.CONTROL, rig_module.INFO
APPENDED, PROTECTED, SERVICE = rig_module.APPENDED, rig_module.PROTECTED, rig_module.SERVICE
Op = rig_module.Op


async def test_board_is_found_connected_and_discovered(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig:
        device = await rig.found()
        assert device.address == "C8:FA:CE:10:0B:01"
        async with rig.client(device) as client:
            assert client.is_connected and client.mtu_size == 247
            assert client.name == "radio-sample"
            service = client.services.get_service(SERVICE)
            assert service is not None
            properties = {c.uuid: set(c.properties) for c in service.characteristics}
            assert properties == {
                STREAM: {"notify"},
                CONTROL: {"write", "write-without-response", "indicate"},
                INFO: {"read"},
                APPENDED: {"write", "write-without-response"},
                PROTECTED: {"read"},
            }
            info = client.services.get_characteristic(INFO)
            assert info is not None and info.max_write_without_response_size == 244
            assert await client.read_gatt_char(INFO) == b"nothing yet"
            assert await client.read_gatt_descriptor(info.descriptors[0]) == b"a label"
            assert await rig.board.line("mtu") == "mtu 247"
            (link,) = rig.radio.stats()["links"]
            assert link == {"interval_ms": 7.5, "timeout_ms": 4000.0}
        assert not client.is_connected
        await rig.board.line("disconnect")
        assert "mac 1 c8face100b01" in rig.board.lines
        assert f"uuids UUID(0x180f) UUID('{SERVICE}')" in rig.board.lines
        assert rig.board.lines[0] == "inactive ENODEV"


async def test_board_is_found_by_service_and_connected_by_address(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig:
        from bleak import BleakScanner

        backend = bluetooth.scanner_backend()
        seen: dict[str, Any] = {}
        async with asyncio.timeout(rig_module.WAIT_S):
            while not seen:
                seen = await BleakScanner.discover(
                    0.2, return_adv=True, service_uuids=[SERVICE], **backend
                )
        ((device, advertisement),) = seen.values()
        assert advertisement.service_uuids == [SERVICE] and advertisement.rssi == -55
        other = "12345678-0000-4000-8000-00805f9b34fb"
        assert await BleakScanner.discover(0.1, service_uuids=[other], **backend) == []
        async with rig.client(device.address) as client:
            assert client.is_connected
        nobody = BleakClient("F0:00:00:00:00:01", timeout=0.2, **bluetooth.client_backend())
        with pytest.raises(BleakDeviceNotFoundError):
            await nobody.connect()


async def test_writes_reach_the_firmware_whole_and_in_order(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig, rig.client(await rig.found()) as client:
        payload = bytes(range(150))
        await client.write_gatt_char(CONTROL, bytes([Op.ECHO]) + payload, response=True)
        assert await report_starting(client, "echo") == f"echo 151 {payload.hex()}"
        # The buffer has 200 octets; what is longer is cut without an error, as on a board.
        await client.write_gatt_char(CONTROL, bytes([Op.ECHO]) + bytes(230), response=True)
        assert (await report_starting(client, "echo 200")).startswith("echo 200 ")
        for number in range(30):
            await client.write_gatt_char(APPENDED, bytes([number]), response=False)
        await until(lambda: sum(len(t) - 9 for t in _appended(rig)) >= 60)
        joined = "".join(text.split()[1] for text in _appended(rig) if len(text) > 9)
        assert joined == bytes(range(30)).hex()


def _appended(rig: object) -> list[str]:
    return [line for line in rig.board.lines if line.startswith("appended")]  # type: ignore[attr-defined]


async def test_errors_are_bleaks(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig:
        client = rig.client(await rig.found())
        with pytest.raises(BleakError, match=r"Not connected|not been performed"):
            await client.read_gatt_char(INFO)
        async with client:
            with pytest.raises(BleakGATTProtocolError) as refused:
                await client.read_gatt_char(CONTROL)
            assert refused.value.code == 0x02  # read not permitted
            with pytest.raises(BleakGATTProtocolError) as refused:
                await client.read_gatt_char(PROTECTED)
            assert refused.value.code == 0x0F  # insufficient encryption
            await client.start_notify(STREAM, Stream())
            with pytest.raises((BleakError, ValueError)):
                await client.start_notify(STREAM, Stream())


@pytest.mark.parametrize("stack", ["btstack", "nimble"])
async def test_notification_flood_loses_and_reorders_nothing(tmp_path: Path, stack: str) -> None:
    async with virtual_radio(tmp_path, interval_ms=15, stack=stack) as rig:
        async with rig.client(await rig.found()) as client:
            begin_s = time.monotonic()
            assert await flood(client, 600) == list(range(600))
            rate_kb = 600 * 236 / (time.monotonic() - begin_s) / 1e3
            # The radio's limit is 38.5 kB/s at 15 ms; a busy machine may be slower, never faster.
            assert rate_kb < 39.5
            full = int((await report_starting(client, "flood")).split()[3])
            queued = rig.board_stats()["max_queued"]
            if stack == "nimble":
                assert full > 0 and queued <= 14
            else:
                assert full == 0 and queued > 100


async def test_handler_that_sends_does_not_tear_the_packet_it_interrupts(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig, rig.client(await rig.found()) as client:
        stream = Stream()
        await client.start_notify(STREAM, stream)
        await client.write_gatt_char(CONTROL, struct.pack("<BI", Op.FLOOD, 600), response=True)
        for _ in range(100):
            await client.write_gatt_char(CONTROL, bytes([Op.INTERRUPT]), response=False)
            await asyncio.sleep(0.002)
        await until(lambda: len(stream.numbers) >= 700, 30)
        assert [n for n in stream.numbers if n != 0xFFFFFFFF] == list(range(600))
        assert stream.numbers.count(0xFFFFFFFF) == 100
        # 1 flood command and 100 interruptions; this one is the 102nd write.
        await client.write_gatt_char(CONTROL, struct.pack("<BI", Op.FLOOD, 1), response=True)
        assert await report_starting(client, "flood 1 ") == "flood 1 full 0 writes 102"


async def test_handler_runs_while_asyncio_and_time_sleep(tmp_path: Path) -> None:
    script = tmp_path / "sleeper.py"
    script.write_text(_SLEEPER)
    async with virtual_radio(tmp_path, script=script) as rig:
        for how in ("asyncio", "time"):
            await rig.board.line(f"sleeping in {how}")
            async with rig.client(await rig.found()) as client:
                for number in range(3):
                    await client.write_gatt_char(CONTROL, bytes([number]), response=True)
                    await rig.board.line(f"{how} {number}")
                # Were they heard when a sleep ends, there would be an end between any two.
                lines = rig.board.lines
                heard = lines[lines.index(f"{how} 0") : lines.index(f"{how} 2")]
                assert heard.count("slept") <= 1
            await rig.board.line("gone", 1 if how == "asyncio" else 2)


_SLEEPER = """
import asyncio, time, bluetooth
how = "asyncio"
n_heard = 0

def irq(event, data):
    global n_heard
    if event == 2:
        print("gone")
        advertise()
    elif event == 3:
        n_heard += 1
        print(how, ble.gatts_read(data[1])[0])

def advertise():
    ble.gap_advertise(20000, b"\\x0d\\x09radio-sample")

ble = bluetooth.BLE()
ble.active(True)
ble.irq(irq)
uuid = bluetooth.UUID
service = "fa5e0001-0000-4000-8000-00805f9b34fb"
control = "fa5e0003-0000-4000-8000-00805f9b34fb"
ble.gatts_register_services(((uuid(service), ((uuid(control), bluetooth.FLAG_WRITE),)),))
advertise()
print("ready")
print("sleeping in asyncio")

async def wait():
    while n_heard < 3:
        await asyncio.sleep(3)
        print("slept")

asyncio.run(wait())
how = "time"
print("sleeping in time")
while n_heard < 6:
    time.sleep(3)
    print("slept")
"""


async def test_loss_is_latency_and_never_a_gap(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, loss=0.3, seed=3, stack="nimble") as rig:
        async with rig.client(await rig.found()) as client:
            assert await flood(client, 200) == list(range(200))
        assert rig.radio.stats()["air"]["retransmitted"] > 50


@pytest.mark.benchmark
@pytest.mark.parametrize(("pdu_octets", "least_kb"), [(27, 15), (251, 45)])
async def test_long_pdus_with_data_length_extension_are_faster(
    tmp_path: Path, pdu_octets: int, least_kb: float
) -> None:
    async with virtual_radio(tmp_path, interval_ms=15, pdu_octets=pdu_octets) as rig:
        async with rig.client(await rig.found()) as client:
            begin_s = time.monotonic()
            assert await flood(client, 600) == list(range(600))
            rate_kb = 600 * 236 / (time.monotonic() - begin_s) / 1e3
    print(f"\n{pdu_octets} octets: {rate_kb:.0f} kB/s")
    assert rate_kb > least_kb


async def test_indication_is_confirmed_and_one_at_a_time(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path) as rig, rig.client(await rig.found()) as client:
        got: list[bytes] = []
        await client.start_notify(CONTROL, lambda _, value: got.append(bytes(value)))
        await client.write_gatt_char(CONTROL, bytes([Op.INDICATE]), response=True)
        await rig.board.line("indicated")
        await client.write_gatt_char(CONTROL, bytes([Op.TWO]), response=True)
        assert await report_starting(client, "second") == "second EINVAL"
        await rig.board.line("indicated", 2)
        assert got == [b"indicated", b"first"]


async def test_nimble_refuses_when_its_buffers_are_full(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, stack="nimble") as rig:
        async with rig.client(await rig.found()) as client:
            stream = Stream()
            await client.start_notify(STREAM, stream)
            rig.radio.set(pdus_per_event=1)
            await client.write_gatt_char(CONTROL, struct.pack("<BH", Op.BURST, 50), response=False)
            await until(lambda: rig.board_stats()["notifications"] >= 10)
            rig.radio.set(pdus_per_event=None)
            words = (await report_starting(client, "burst")).split()
            assert words[2] == "ENOMEM" and 10 <= int(words[1]) <= 13
            await until(lambda: len(stream.numbers) == int(words[1]))
            await client.stop_notify(STREAM)
            # The credits have come back.
            assert await flood(client, 30) == list(range(30))


async def test_btstack_never_refuses_and_leaks_at_disconnect(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, supervision_ms=300) as rig:
        gone = asyncio.Event()
        client = rig.client(await rig.found(), lambda _: gone.set())
        await client.connect()
        rig.radio.set(pdus_per_event=1)
        await client.write_gatt_char(CONTROL, struct.pack("<BH", Op.BURST, 200), response=False)
        await until(lambda: rig.board_stats()["max_queued"] >= 150)
        rig.radio.set(blackout=True)
        await asyncio.wait_for(gone.wait(), 5)
        rig.radio.set(blackout=False, pdus_per_event=None)
        await rig.board.line("disconnect")
        stats = rig.board_stats()
        assert 140 <= stats["leaked_blocks"] <= 197
        assert stats["leaked_octets"] == stats["leaked_blocks"] * (236 + 26)
        async with rig.client(await rig.found()) as client:
            assert (await report_starting(client, "burst")) == "burst 200 none"
            assert await flood(client, 30) == list(range(30))


@pytest.mark.parametrize("stack", ["btstack", "nimble"])
async def test_gatts_notify_allocates_nothing(tmp_path: Path, stack: str) -> None:
    async with virtual_radio(tmp_path, stack=stack) as rig:
        async with rig.client(await rig.found()) as client:
            for _ in range(3):
                await client.write_gatt_char(CONTROL, bytes([Op.ALLOCATION]), response=True)
                assert await report_starting(client, "allocated") == "allocated 0"
                await _drained(rig)


async def _drained(rig: object) -> None:
    await until(lambda: rig.board_stats()["queued"] == 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize("stack", ["btstack", "nimble"])
async def test_api_refuses_as_the_port_does(tmp_path: Path, stack: str) -> None:
    async with virtual_radio(tmp_path, stack=stack) as rig:
        gone = "EINVAL" if stack == "btstack" else "ENOTCONN"
        expected = f"refusals {gone} EINVAL EINVAL EINVAL ValueError ValueError ValueError"
        assert await rig.board.line("refusals") == expected


async def test_new_interval_moves_the_connection_and_is_reported(tmp_path: Path) -> None:
    async with virtual_radio(tmp_path, interval_ms=15) as rig:
        async with rig.client(await rig.found()) as client:
            rig.radio.set(interval_ms=50)
            assert await rig.board.line("parameters") == "parameters 40 0 400 0"
            begin_s = time.monotonic()
            for _ in range(4):
                await client.read_gatt_char(INFO)  # request and answer: two events
            assert time.monotonic() - begin_s > 0.35


def test_frame_kinds_are_the_same_on_both_ends() -> None:
    shim = (rig_module.SHIMS / "_radio_port.py").read_text()
    found = dict(re.findall(r"^_?KIND_(\w+) = const\((\d+)\)", shim, re.MULTILINE))
    assert {name: int(number) for name, number in found.items()} == {k.name: k.value for k in Kind}
    window = re.search(r"^_EVENT_WINDOW = const\((\d+)\)", shim, re.MULTILINE)
    from faceloop.twin.radio.wire import EVENT_WINDOW

    assert window is not None and int(window[1]) == EVENT_WINDOW


async def test_uuid_is_micropythons(tmp_path: Path) -> None:
    script = tmp_path / "uuids.py"
    script.write_text(_UUIDS)
    async with rig_module.Board(tmp_path, script) as board:
        await board.line("<end>")
        assert board.lines[:-1] == [
            "UUID(0x180d) b'\\r\\x18' 2",
            "UUID('6e400001-b5a3-f393-e0a9-e50e24dcca9e') 16 158 110",
            "True False True True",
            "UUID(0x1234) 1",
            "ValueError ValueError ValueError ValueError",
        ]


_UUIDS = """
from bluetooth import UUID
heart = UUID(0x180D)
print(heart, bytes(heart), len(heart))
text = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
uart = UUID(text)
print(uart, len(bytes(uart)), bytes(uart)[0], bytes(uart)[-1])
print(uart == UUID(text.upper()), uart == heart, UUID(1) < UUID(2), UUID(bytes(uart)) == uart)
print(UUID(b"\\x34\\x12"), len({heart, UUID(0x180D)}))
errors = []
for wrong in (text[:-1], text + "0", b"123", 0x10000):
    try:
        UUID(wrong)
        errors.append("none")
    except ValueError:
        errors.append("ValueError")
print(*errors)
"""


def test_backend_is_empty_without_a_virtual_radio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACELOOP_HCI", raising=False)
    assert bluetooth.client_backend() == {} == bluetooth.scanner_backend()
    monkeypatch.setenv("FACELOOP_HCI", "unix:/nowhere")
    assert bluetooth.client_backend()["backend"].__name__ == "BumbleBleakClient"
    assert bluetooth.scanner_backend()["backend"].__name__ == "BumbleBleakScanner"
