"""The virtual controllers, driven by plain Bumble hosts: what a stock controller lacks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from bumble import core, hci
from bumble.device import (
    Advertisement,
    Connection,
    ConnectionParametersPreferences,
    Device,
    DeviceConfiguration,
)
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from faceloop.twin.radio.controller import RadioController
from faceloop.twin.radio.ether import Ether
from faceloop.twin.radio.settings import RadioSettings

BOARD = hci.Address("C8:FA:CE:10:0B:01")
ADV = b"\x02\x01\x06"
RESPONSE = b"\x06\x09board"


async def make_device(ether: Ether, address: hci.Address) -> Device:
    controller = RadioController(str(address), ether)
    host = Host(controller, AsyncPipeSink(controller))
    device = Device(config=DeviceConfiguration(name="x", address=address), host=host)
    await device.power_on()
    return device


class Pair:
    def __init__(self, ether: Ether, central: Device, board: Device) -> None:
        self.ether, self.central, self.board = ether, central, board

    async def advertise(self, interval_ms: float = 20.0) -> None:
        self.board.advertising_data = ADV
        self.board.scan_response_data = RESPONSE
        await self.board.start_advertising(
            advertising_interval_min=interval_ms, advertising_interval_max=interval_ms
        )

    async def connect(
        self, interval_ms: float = 7.5, supervision_ms: int = 2000
    ) -> tuple[Connection, Connection]:
        preferences = ConnectionParametersPreferences(
            connection_interval_min=interval_ms,
            connection_interval_max=interval_ms,
            supervision_timeout=supervision_ms,
        )
        at_board = asyncio.get_running_loop().create_future()
        self.board.once("connection", at_board.set_result)
        connection = await self.central.connect_le(
            BOARD, connection_parameters_preferences={hci.Phy.LE_1M: preferences}, timeout=3.0
        )
        return connection, await at_board


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[Pair]:
    ether = Ether(RadioSettings())
    central = await make_device(ether, hci.Address("C0:00:00:00:00:01"))
    yield Pair(ether, central, await make_device(ether, BOARD))
    for link in list(ether.air.links):
        link.close()
    for controller in list(ether.controllers):
        assert isinstance(controller, RadioController)
        controller.vanish()


async def event(emitter: Any, name: str, act: Callable[[], Any]) -> Any:
    """Do something and wait for an event that it causes."""
    future = asyncio.get_running_loop().create_future()
    emitter.once(name, lambda *args: future.set_result(args))
    result = act()
    if asyncio.iscoroutine(result):
        await result
    return await asyncio.wait_for(future, 3)


async def test_connecting_can_be_given_up_and_tried_again(pair: Pair) -> None:
    with pytest.raises(core.TimeoutError):
        await pair.central.connect_le(BOARD, timeout=0.05)
    await pair.advertise()
    connection, _ = await pair.connect()
    assert connection.handle in pair.central.connections


async def test_both_ends_are_told_the_same_parameters(pair: Pair) -> None:
    await pair.advertise()
    central, board = await pair.connect(interval_ms=30, supervision_ms=1500)
    for end in (central, board):
        assert end.parameters.connection_interval == 30
        assert end.parameters.supervision_timeout == 1500


async def test_air_overrides_what_the_central_asks(pair: Pair) -> None:
    pair.ether.air.settings.change(interval_ms=10, supervision_max_ms=1000)
    await pair.advertise()
    central, board = await pair.connect(interval_ms=30, supervision_ms=1500)
    for end in (central, board):
        assert end.parameters.connection_interval == 10
        assert end.parameters.supervision_timeout == 1000
    assert pair.ether.air.links[0].interval_s == pytest.approx(0.010)


async def test_parameter_update_moves_the_air(pair: Pair) -> None:
    await pair.advertise()
    central, board = await pair.connect()
    await event(
        board,
        board.EVENT_CONNECTION_PARAMETERS_UPDATE,
        lambda: central.update_parameters(50.0, 50.0, 0, 3000.0),
    )
    assert central.parameters.connection_interval == board.parameters.connection_interval == 50
    assert pair.ether.air.links[0].interval_s == pytest.approx(0.050)
    assert pair.ether.air.links[0].timeout_s == pytest.approx(3.0)


@pytest.mark.parametrize(("pdu_octets", "granted"), [(27, 27), (251, 251)])
async def test_data_length_is_what_the_board_can_do(
    pair: Pair, pdu_octets: int, granted: int
) -> None:
    pair.ether.air.settings.change(pdu_octets=pdu_octets)
    await pair.advertise()
    central, board = await pair.connect()
    await event(
        board,
        board.EVENT_CONNECTION_DATA_LENGTH_CHANGE,
        lambda: central.set_data_length(251, 2120),
    )
    assert board.data_length.max_tx_octets == central.data_length.max_tx_octets == granted


async def test_phy_and_signal_strength_answer(pair: Pair) -> None:
    await pair.advertise()
    central, _ = await pair.connect()
    await central.set_phy([hci.Phy.LE_2M], [hci.Phy.LE_2M])
    assert pair.ether.air.links[0].phy_mbps == 2
    phy = await central.get_phy()
    assert phy.tx_phy == hci.Phy.LE_2M
    assert await central.get_rssi() == -55


async def test_active_scan_brings_the_scan_response_and_passive_does_not(pair: Pair) -> None:
    await pair.advertise()
    for is_active, kinds in ((True, {ADV, RESPONSE}), (False, {ADV})):
        seen: set[bytes] = set()
        enough = asyncio.Event()
        count = 0

        def on_report(report: Any, seen: set[bytes] = seen, enough: Any = enough) -> None:
            nonlocal count
            seen.add(bytes(report.data))
            count += 1
            if count >= 4:
                enough.set()

        pair.central.host.on("advertising_report", on_report)
        await pair.central.start_scanning(active=is_active)
        await asyncio.wait_for(enough.wait(), 3)
        await pair.central.stop_scanning()
        pair.central.host.remove_listener("advertising_report", on_report)
        assert seen == kinds


async def test_duplicates_are_filtered_on_request(pair: Pair) -> None:
    await pair.advertise()
    witness = await make_device(pair.ether, hci.Address("C0:00:00:00:00:03"))
    heard: list[Any] = []
    witness.host.on("advertising_report", heard.append)
    await witness.start_scanning(filter_duplicates=False)
    reports: list[Any] = []
    pair.central.host.on("advertising_report", reports.append)
    for n_reports in (2, 4):
        await pair.central.start_scanning(filter_duplicates=True)
        several = len(heard) + 12
        async with asyncio.timeout(10):
            while len(heard) < several or len(reports) < n_reports:
                await asyncio.sleep(0.005)
        assert len(reports) == n_reports
        await pair.central.stop_scanning()


@pytest.mark.benchmark
async def test_advertising_interval_is_in_its_real_unit(pair: Pair) -> None:
    await pair.advertise(interval_ms=50)
    times: list[float] = []
    done = asyncio.Event()

    def on_advertisement(_: Advertisement) -> None:
        times.append(asyncio.get_running_loop().time())
        if len(times) >= 6:
            done.set()

    pair.central.on("advertisement", on_advertisement)
    await pair.central.start_scanning(active=False)
    await asyncio.wait_for(done.wait(), 5)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    print(f"\nadvertising at 50 ms: {1e3 * sum(gaps) / len(gaps):.0f} ms on average")
    assert min(gaps) >= 0.045 and sum(gaps) / len(gaps) < 0.12  # 50 ms + 0-10 ms random


async def test_connected_board_advertises_no_more(pair: Pair) -> None:
    await pair.advertise()
    await pair.connect()
    third = await make_device(pair.ether, hci.Address("C0:00:00:00:00:03"))
    reports: list[Any] = []
    third.on("advertisement", reports.append)
    await third.start_scanning()
    await asyncio.sleep(0.1)
    assert reports == []
    with pytest.raises(core.TimeoutError):
        await third.connect_le(BOARD, timeout=0.1)


async def test_two_centrals_race_and_one_wins(pair: Pair) -> None:
    third = await make_device(pair.ether, hci.Address("C0:00:00:00:00:03"))
    attempts = [
        asyncio.ensure_future(device.connect_le(BOARD, timeout=1.5))
        for device in (pair.central, third)
    ]
    await asyncio.sleep(0.02)  # both are initiating
    await pair.advertise()
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Connection", "TimeoutError"]
    assert len(pair.ether.air.links) == 1


async def test_disconnect_in_the_dark_ends_at_the_timeout_on_both_sides(pair: Pair) -> None:
    await pair.advertise()
    central, board = await pair.connect(supervision_ms=200)
    pair.ether.air.settings.change(blackout=True)
    at_board = event(board, board.EVENT_DISCONNECTION, central.disconnect)
    (reason,) = await at_board
    assert reason == hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
    assert not pair.central.connections and not pair.board.connections


async def test_full_controller_holds_the_host_back(pair: Pair) -> None:
    await pair.advertise()
    _, board = await pair.connect(interval_ms=100)
    queue = pair.board.host.le_acl_packet_queue
    assert queue is not None
    for _ in range(40):
        board.send_l2cap_pdu(0x60, bytes(100))
    assert queue.pending == 40
    (link,) = pair.ether.air.links
    await asyncio.sleep(0)
    assert len(link._queues[1]) <= 12


async def test_long_l2cap_packets_arrive_whole(pair: Pair) -> None:
    await pair.advertise()
    _, board = await pair.connect()
    received: list[bytes] = []
    pair.central.l2cap_channel_manager.register_fixed_channel(
        0x60, lambda _handle, pdu: received.append(bytes(pdu))
    )
    sent = [bytes([i]) * (100 * i + 1) for i in range(8)]
    for pdu in sent:
        board.send_l2cap_pdu(0x60, pdu)
    async with asyncio.timeout(3):
        while len(received) < len(sent):
            await asyncio.sleep(0.005)
    assert received == sent
