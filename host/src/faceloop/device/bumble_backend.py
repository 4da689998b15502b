"""bleak's client on a virtual radio, so that the application's bleak calls need no change.

With ``bumble_scanner`` this is a complete backend for bleak 3.1: Bumble's host stack in this
process, HCI to the radio's. It behaves as BlueZ does where backends differ: the largest MTU
is asked for at connect, a stored bond is used, a security request of the board is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar, cast

from bleak import BleakScanner
from bleak.args import SizedBuffer
from bleak.backends.adapter import BaseBleakAdapter
from bleak.backends.characteristic import BleakGATTCharacteristic, GattCharacteristicsFlags
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.device import Connection
from bumble.gatt_client import CharacteristicProxy, DescriptorProxy

from faceloop.device.bumble_adapter import BumbleAdapter
from faceloop.device.bumble_scanner import BumbleBleakScanner, uuid_text

__all__ = ["BumbleBleakAdapter", "BumbleBleakClient", "BumbleBleakScanner"]

_LARGEST_MTU = 517
_DEFAULT_MTU = 23
_DISCONNECT_LIMIT_S = 5.0

T = TypeVar("T")


class BumbleBleakClient(BaseBleakClient):
    """Give it to bleak: ``BleakClient(device, backend=BumbleBleakClient)``.

    Attributes
    ----------
    disconnect_reason : int or None
        HCI reason of the last disconnection; 0x08 is a supervision timeout.
    """

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        services: set[str] | None = None,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_other_backends: Any,
    ) -> None:
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        is_device = isinstance(address_or_ble_device, BLEDevice)
        self._device = cast(BLEDevice, address_or_ble_device) if is_device else None
        self._wanted_services = services
        self._adapter: BumbleAdapter | None = None
        self._connection: Connection | None = None
        self._gone = asyncio.Event()
        self._callbacks: dict[int, Callable[[bytes], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.disconnect_reason: int | None = None

    @property
    def name(self) -> str:
        """Advertised name, or the address with dashes."""
        name = self._device.name if self._device is not None else None
        return name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """ATT MTU of the connection."""
        return int(self._connected().att_mtu)

    async def read_phy(self) -> str:
        """Return the radio mode in which the board is heard; no backend of bleak's own has it."""
        phy = await self._connected().get_phy()
        return {1: "LE 1M", 2: "LE 2M", 3: "LE Coded"}.get(int(phy.rx_phy), str(phy.rx_phy))

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    # Connecting

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect, negotiate the MTU, use or make a bond, discover the services.

        Raises
        ------
        BleakDeviceNotFoundError
            If an address was given and nobody advertises under it.
        TimeoutError
            If the board does not answer.
        BleakError
            If the connection is lost on the way.
        """
        if self._connection is not None:
            raise BleakError("Client is already connected")
        timeout_s = float(kwargs.get("timeout", self._timeout))
        adapter = self._adapter = await BumbleAdapter.get()
        address = await self._peer_address(timeout_s)
        connection = await adapter.connect(address, timeout_s)
        self._connection = connection
        self._gone = asyncio.Event()
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        connection.on(Connection.EVENT_SECURITY_REQUEST, self._on_security_request)
        try:
            await self._run(connection.gatt_client.request_mtu(_LARGEST_MTU))
            if pair:
                await self.pair()
            elif await self._stored_keys(connection) is not None:
                await self._encrypt(connection)
            self.services = await self._run(self._discover(connection))
        except BaseException:
            await self.disconnect()
            raise

    async def _peer_address(self, timeout_s: float) -> hci.Address:
        if self._device is None:
            self._device = await BleakScanner.find_device_by_address(
                self.address, timeout=timeout_s, backend=BumbleBleakScanner
            )
        if self._device is None:
            raise BleakDeviceNotFoundError(
                self.address, f"Device with address {self.address} was not found."
            )
        return cast(hci.Address, self._device.details["address"])

    async def disconnect(self) -> None:
        """Disconnect; returns when the connection has ended."""
        connection = self._connection
        if connection is None:
            return
        with contextlib.suppress(TimeoutError, core.BaseBumbleError, hci.HCI_Error):
            async with asyncio.timeout(_DISCONNECT_LIMIT_S):
                await connection.disconnect()
        if self._connection is connection:
            self._on_disconnection(hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR)

    def _on_disconnection(self, reason: int) -> None:
        if self._connection is None:
            return
        self._connection = None
        self.services = None
        self._callbacks.clear()
        self.disconnect_reason = reason
        self._gone.set()
        if self._disconnected_callback is not None:
            asyncio.get_running_loop().call_soon(self._disconnected_callback)

    def _connected(self) -> Connection:
        if self._connection is None:
            raise BleakError("Not connected")
        return self._connection

    # Security

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """Encrypt with the stored bond, or pair (just works)."""
        connection = self._connected()
        if await self._stored_keys(connection) is not None:
            await self._encrypt(connection)
            return
        try:
            await self._run(connection.pair())
        except (core.BaseBumbleError, hci.HCI_Error) as error:
            raise BleakError(f"pairing failed: {error}") from error

    async def unpair(self) -> None:
        """Forget the bond and disconnect."""
        adapter = await BumbleAdapter.get()
        address = await self._peer_address(self._timeout)
        with contextlib.suppress(KeyError):
            await adapter.keystore.delete(str(address))
        await self.disconnect()

    async def _stored_keys(self, connection: Connection) -> object | None:
        assert self._adapter is not None
        return await self._adapter.keystore.get(str(connection.peer_address))

    async def _encrypt(self, connection: Connection) -> None:
        try:
            await self._run(connection.encrypt())
        except hci.HCI_Error as error:
            name = hci.HCI_ErrorCode(error.error_code or 0).name
            raise BleakError(
                f"the stored bond does not work ({name}); unpair and connect again"
            ) from error

    def _on_security_request(self, *_request: object) -> None:
        async def answer() -> None:
            with contextlib.suppress(BleakError):
                await self.pair()

        task = asyncio.get_running_loop().create_task(answer())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # GATT

    async def _run(self, procedure: Coroutine[Any, Any, T]) -> T:
        """Run one procedure; end it at once when the link is lost, with bleak's errors.

        Bumble cancels the waiting future on link loss, which would look like a cancellation of
        the application's task.
        """
        if self._connection is None:
            procedure.close()
            raise BleakError("Not connected")
        loop = asyncio.get_running_loop()
        task = loop.create_task(procedure)
        gone = loop.create_task(self._gone.wait())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() or task.cancelled():
                raise BleakError("disconnected")
            return task.result()
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except core.TimeoutError as error:
            raise TimeoutError(str(error)) from error
        except core.InvalidStateError as error:
            raise BleakError(str(error)) from error
        finally:
            gone.cancel()
            task.cancel()

    async def _discover(self, connection: Connection) -> BleakGATTServiceCollection:
        client = connection.gatt_client
        found = BleakGATTServiceCollection()

        def largest_write() -> int:
            mtu = self._connection.att_mtu if self._connection is not None else _DEFAULT_MTU
            return int(mtu) - 3

        for service_proxy in await client.discover_services():
            service_uuid = uuid_text(service_proxy.uuid)
            if self._wanted_services and service_uuid not in self._wanted_services:
                continue
            service = BleakGATTService(service_proxy, service_proxy.handle, service_uuid)
            found.add_service(service)
            for proxy in await client.discover_characteristics((), service_proxy):
                characteristic = BleakGATTCharacteristic(
                    proxy,
                    proxy.handle,
                    uuid_text(proxy.uuid),
                    _property_names(int(proxy.properties)),
                    largest_write,
                    service,
                )
                found.add_characteristic(characteristic)
                for descriptor in await client.discover_descriptors(proxy):
                    found.add_descriptor(
                        BleakGATTDescriptor(
                            descriptor,
                            descriptor.handle,
                            uuid_text(descriptor.type),
                            characteristic,
                        )
                    )
        return found

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read a characteristic."""
        return await self._read(cast(CharacteristicProxy[bytes], characteristic.obj))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read a descriptor."""
        return await self._read(cast(DescriptorProxy, descriptor.obj))

    async def _read(self, proxy: CharacteristicProxy[bytes] | DescriptorProxy) -> bytearray:
        client = self._connected().gatt_client
        return bytearray(await self._run(client.read_value(proxy)))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write a characteristic."""
        client = self._connected().gatt_client
        await self._run(
            client.write_value(characteristic.obj, bytes(data), with_response=response)
        )

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor."""
        client = self._connected().gatt_client
        await self._run(client.write_value(descriptor.obj, bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None:
        """Subscribe to a characteristic; notifications are preferred over indications."""
        client = self._connected().gatt_client
        if characteristic.handle in self._callbacks:
            raise BleakError("Characteristic notifications already started")

        def on_value(value: bytes) -> None:
            callback(bytearray(value))

        self._callbacks[characteristic.handle] = on_value
        try:
            await self._run(client.subscribe(characteristic.obj, on_value))
        except BaseException:
            self._callbacks.pop(characteristic.handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe from a characteristic."""
        on_value = self._callbacks.pop(characteristic.handle, None)
        if on_value is not None:
            client = self._connected().gatt_client
            await self._run(client.unsubscribe(characteristic.obj, on_value))


class BumbleBleakAdapter(BaseBleakAdapter):
    """Give it to bleak: ``BleakAdapter.get(backend=BumbleBleakAdapter)``."""

    @classmethod
    async def get(cls, **kwargs: Any) -> Self:
        """Return the adapter, opened."""
        await BumbleAdapter.get()
        return cls()

    async def get_connected_devices(self, service_uuids: frozenset[str]) -> list[BLEDevice]:
        """Return the connected devices; services are not looked at, as nothing caches them."""
        adapter = await BumbleAdapter.get()
        return [
            BLEDevice(
                connection.peer_address.to_string(False),
                None,
                {"address": connection.peer_address},
            )
            for connection in adapter.device.connections.values()
        ]


def _property_names(bits: int) -> list[Any]:
    """Return BlueZ's names of the property bits."""
    return [
        flag.name.replace("_", "-")
        for flag in GattCharacteristicsFlags
        if bits & flag.value and flag.name is not None
    ]
