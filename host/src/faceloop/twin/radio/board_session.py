"""One power-on of the board's radio: from the firmware's first call until its socket closes."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import struct
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, cast

from bumble import hci
from bumble.device import AdvertisingType, Connection, Device, DeviceConfiguration
from bumble.transport.common import AsyncPipeSink

from faceloop.quiet_bumble import QuietHost
from faceloop.twin.radio.board_security import BondStore, SecuritySettings, pairing_config
from faceloop.twin.radio.board_table import AttributeTable
from faceloop.twin.radio.board_transmit import TransmitPath
from faceloop.twin.radio.controller import RadioController
from faceloop.twin.radio.ether import Ether
from faceloop.twin.radio.wire import EVENT_WINDOW, FrameReader, Irq, Kind, frame

__all__ = ["BoardSession"]

_log = logging.getLogger(__name__)

_ANSWER_LIMIT_S = 5.0
_PASSKEY_LIMIT_S = 30.0
_ADVERTISING_OCTETS = 31
_DEFAULT_MTU = 256


class _Refusal(Exception):
    """A call fails on the board with ``OSError(code)``."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class BoardSession(asyncio.Protocol):
    """Serves one board: its calls, its attribute table, its events.

    Parameters
    ----------
    ether : Ether
        The air.
    """

    def __init__(self, ether: Ether) -> None:
        self.ether = ether
        self.connects = 0
        self.disconnects = 0
        self.transmit: TransmitPath | None = None
        self._settings = ether.air.settings
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._controller: RadioController | None = None
        self._device: Device | None = None
        self._table = AttributeTable(self._on_remote_write, self._is_authenticated)
        self._security = SecuritySettings()
        self._mtu = _DEFAULT_MTU
        self._gap_name = "MPY BTSTACK" if self._settings.stack == "btstack" else "MPY ESP32"
        self._events: deque[bytes] = deque()
        self._events_under_way = 0
        self._asked: dict[int, asyncio.Future[bytes | None]] = {}
        self._passkeys: dict[int, asyncio.Future[int]] = {}
        self._authenticated: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_active(self) -> bool:
        """Whether the firmware has switched its radio on."""
        return self._device is not None

    @property
    def is_advertising(self) -> bool:
        """Whether a central could find the board now."""
        return self._controller is not None and self._controller.le_legacy_advertiser.enabled

    @property
    def is_connected(self) -> bool:
        """Whether a central is connected."""
        return bool(self._device is not None and self._device.connections)

    def close(self) -> None:
        """Cut the power: radio silence, at once."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        for task in self._tasks:
            task.cancel()
        if self._controller is not None:
            self._controller.vanish()
            self._controller = None
        self._device = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; the radio stays off until the firmware switches it on."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Go silent: the board was reset or killed."""
        self.close()

    def data_received(self, data: bytes) -> None:
        """Act on the frames in ``data``."""
        for kind, payload in self._reader.feed(data):
            self._on_frame(kind, payload)

    def _on_frame(self, kind: int, payload: bytes) -> None:
        if kind == Kind.NOTIFY and self.transmit is not None:
            connection_handle, handle = struct.unpack_from("<HH", payload)
            self.transmit.notify(connection_handle, handle, payload[4:])
        elif kind == Kind.DONE:
            self._events_under_way -= 1
            self._pump_events()
        elif kind == Kind.WRITE:
            handle, tells_subscribers = struct.unpack_from("<HB", payload)
            self._table.write_locally(handle, payload[3:])
            if tells_subscribers:
                self._tell_subscribers(handle)
        elif kind == Kind.CLEAR:
            self._table.slots[struct.unpack("<H", payload)[0]].value = b""
        elif kind == Kind.INDICATE and self.transmit is not None:
            connection_handle, handle = struct.unpack_from("<HH", payload)
            self.transmit.indicate(connection_handle, handle, payload[4:])
        elif kind == Kind.ANSWER:
            future = self._asked.pop(payload[0], None)
            if future is not None and not future.done():
                future.set_result(payload[2:] if payload[1] else None)
        elif kind == Kind.CALL:
            self._spawn(self._call(json.loads(payload)))
        else:
            _log.error("the board sent a frame of unknown kind %d", kind)

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Events to the firmware

    def _event(self, irq: Irq, payload: bytes) -> None:
        self._events.append(frame(Kind.EVENT, bytes([irq]) + payload))
        self._pump_events()

    def _pump_events(self) -> None:
        while self._events and self._events_under_way < EVENT_WINDOW:
            self._events_under_way += 1
            self._send(self._events.popleft())

    async def _ask(self, irq: Irq, payload: bytes) -> bytes | None:
        number = next(i for i in range(256) if i not in self._asked)
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        self._events.append(frame(Kind.ASK, bytes([irq, number]) + payload))
        self._pump_events()
        async with asyncio.timeout(_ANSWER_LIMIT_S):
            return await future

    async def _get_secret(self, kind: int, key: bytes) -> bytes | None:
        return await self._ask(Irq.GET_SECRET, struct.pack("<BbB", kind, 0, 1) + key)

    async def _set_secret(self, kind: int, key: bytes, secret: bytes | None) -> None:
        head = struct.pack("<BBB", kind, len(key), secret is not None)
        await self._ask(Irq.SET_SECRET, head + key + (secret or b""))

    async def _passkey(self, connection_handle: int, action: int, number: int) -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._passkeys[connection_handle] = future
        self._event(Irq.PASSKEY_ACTION, struct.pack("<HBI", connection_handle, action, number))
        async with asyncio.timeout(_PASSKEY_LIMIT_S):
            return await future

    # Calls of the firmware

    async def _call(self, call: dict[str, Any]) -> None:
        handlers = {
            "active": self._op_active,
            "config": self._op_config,
            "advertise": self._op_advertise,
            "register": self._op_register,
            "set_buffer": self._op_set_buffer,
            "disconnect": self._op_disconnect,
            "pair": self._op_pair,
            "passkey": self._op_passkey,
        }
        reply: dict[str, Any] = {}
        try:
            reply["ret"] = await handlers[call["op"]](call)
        except _Refusal as refusal:
            reply["errno"] = refusal.code
        except Exception:  # a task's top level: the board must get an answer, as from a real stack
            _log.exception("the board's call %r failed", call.get("op"))
            reply["errno"] = errno.EINVAL
        self._send(frame(Kind.REPLY, json.dumps(reply).encode()))

    async def _op_active(self, call: dict[str, Any]) -> dict[str, Any] | None:
        if not call["on"]:
            await self._switch_off()
            return None
        await self._switch_on()
        address = hci.Address(self._settings.address)
        return {"mac": bytes(address)[::-1].hex(), "stack": self._settings.stack}

    async def _switch_on(self) -> None:
        # A reset of Bumble's controller clears nothing, so that each power-on gets a new one.
        self._controller = RadioController("board", self.ether)
        host = QuietHost(self._controller, AsyncPipeSink(self._controller))
        config = DeviceConfiguration(
            name=self._gap_name,
            address=hci.Address(self._settings.address),
            gap_service_enabled=False,
            gatt_service_enabled=False,
        )
        device = Device(config=config, host=host)
        device.pairing_config_factory = lambda connection: pairing_config(
            connection, self._security, self._passkey, self._settings.stack == "btstack"
        )
        device.on(Device.EVENT_CONNECTION, self._on_connection)
        await device.power_on()
        device.keystore = BondStore(self._get_secret, self._set_secret)
        self._device = device
        self.transmit = TransmitPath(
            device,
            self._settings.stack == "nimble",
            lambda total: self._send(frame(Kind.GRANT, struct.pack("<I", total))),
            lambda connection_handle, handle, status: self._event(
                Irq.GATTS_INDICATE_DONE,
                struct.pack("<HHB", connection_handle, handle, status),
            ),
        )

    async def _switch_off(self) -> None:
        device, controller = self._device, self._controller
        if device is None or controller is None:
            return
        controller.le_legacy_advertiser.stop()
        for connection in list(device.connections.values()):
            # A deaf peer must not keep the firmware waiting.
            with suppress(TimeoutError, hci.HCI_Error):
                async with asyncio.timeout(1.0):
                    await connection.disconnect(
                        hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR
                    )
        controller.vanish()
        self._controller = None
        self._device = None

    async def _op_config(self, call: dict[str, Any]) -> None:
        self._security.update(call)
        if "mtu" in call:
            self._mtu = call["mtu"]
            self._active_device().gatt_server.max_mtu = self._mtu
        if "gap_name" in call:
            self._gap_name = call["gap_name"]
            self._active_device().name = self._gap_name

    async def _op_advertise(self, call: dict[str, Any]) -> None:
        device = self._active_device()
        for key, attribute in (("adv", "advertising_data"), ("rsp", "scan_response_data")):
            if call[key] is not None:
                data = bytes.fromhex(call[key])
                if len(data) > _ADVERTISING_OCTETS:
                    raise _Refusal(errno.EINVAL)
                setattr(device, attribute, data)
        await device.stop_advertising()
        if call["us"] is None:
            return
        kind = (
            AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE
            if call["connectable"]
            else AdvertisingType.UNDIRECTED_SCANNABLE
        )
        await device.start_advertising(
            advertising_type=kind,
            advertising_interval_min=call["us"] / 1000,
            advertising_interval_max=call["us"] / 1000,
        )

    async def _op_register(self, call: dict[str, Any]) -> list[list[int]]:
        return self._table.register(self._active_device(), call["services"], self._mtu)

    async def _op_set_buffer(self, call: dict[str, Any]) -> None:
        slot = self._table.slots.get(call["handle"])
        if slot is None:
            raise _Refusal(errno.EINVAL)
        slot.buffer_octets = call["octets"]
        slot.is_appending = call["append"]

    async def _op_disconnect(self, call: dict[str, Any]) -> bool:
        connection = self._active_device().connections.get(call["connection"])
        if connection is None:
            return False
        self._spawn(self._disconnect(connection))
        return True

    async def _disconnect(self, connection: Connection) -> None:
        with suppress(hci.HCI_Error):
            await connection.disconnect()

    async def _op_pair(self, call: dict[str, Any]) -> None:
        if self._settings.stack == "btstack":
            raise _Refusal(errno.EOPNOTSUPP)
        connection = self._active_device().connections.get(call["connection"])
        if connection is None:
            raise _Refusal(errno.ENOTCONN)
        connection.request_pairing()

    async def _op_passkey(self, call: dict[str, Any]) -> None:
        future = self._passkeys.pop(call["connection"], None)
        if future is not None and not future.done():
            future.set_result(call["passkey"])

    def _active_device(self) -> Device:
        if self._device is None:
            raise _Refusal(errno.ENODEV)
        return self._device

    # Events from the air

    def _on_connection(self, connection: Connection) -> None:
        self.connects += 1
        # Who of the two says less does not matter; of the central only its answers are ours.
        server = self._active_device().gatt_server
        server.max_mtu = min(self._mtu, self._settings.mtu)
        address_type = int(connection.peer_address.address_type)
        who = struct.pack("<HB", connection.handle, address_type)
        who += bytes(connection.peer_address)[::-1]  # MicroPython shows addresses big endian
        connection.on(
            Connection.EVENT_DISCONNECTION, lambda _reason: self._on_disconnection(connection, who)
        )
        connection.on(
            Connection.EVENT_CONNECTION_ATT_MTU_UPDATE,
            lambda: self._event(
                Irq.MTU_EXCHANGED, struct.pack("<HH", connection.handle, connection.att_mtu)
            ),
        )
        connection.on(
            Connection.EVENT_CONNECTION_PARAMETERS_UPDATE,
            lambda: self._on_parameters(connection),
        )
        connection.on(
            Connection.EVENT_CONNECTION_ENCRYPTION_CHANGE,
            lambda: self._spawn(self._on_encryption(connection)),
        )
        connection.on(
            Connection.EVENT_PAIRING, lambda keys: self._on_keys(connection.handle, keys)
        )
        # After the connection event, or the firmware would hold credits it has no use for yet.
        self._event(Irq.CENTRAL_CONNECT, who)
        if self.transmit is not None:
            self.transmit.open()

    def _on_disconnection(self, connection: Connection, who: bytes) -> None:
        self.disconnects += 1
        self._authenticated.discard(connection.handle)
        if self.transmit is not None:
            self.transmit.close()
        if self._device is not None:
            # Bumble believes it still advertises; the controller stopped when it connected.
            self._device.legacy_advertiser = None
        self._event(Irq.CENTRAL_DISCONNECT, who)

    def _on_parameters(self, connection: Connection) -> None:
        parameters = connection.parameters
        self._event(
            Irq.CONNECTION_UPDATE,
            struct.pack(
                "<HHHHB",
                connection.handle,
                round(parameters.connection_interval / 1.25),
                parameters.peripheral_latency,
                round(parameters.supervision_timeout / 10),
                0,
            ),
        )

    async def _on_encryption(self, connection: Connection) -> None:
        keystore = self._device.keystore if self._device is not None else None
        keys = None
        if keystore is not None:
            with suppress(TimeoutError):
                keys = await keystore.get(str(connection.peer_address))
        if keys is not None:
            self._on_keys(connection.handle, keys)
        else:
            self._tell_encryption(connection.handle, is_bonded=False)

    def _on_keys(self, connection_handle: int, keys: Any) -> None:
        key = keys.ltk or keys.ltk_peripheral or keys.ltk_central
        if key is not None and key.authenticated:
            self._authenticated.add(connection_handle)
        self._tell_encryption(connection_handle, is_bonded=self._security.is_bonding)

    def _tell_encryption(self, connection_handle: int, is_bonded: bool) -> None:
        is_authenticated = connection_handle in self._authenticated
        flags = 1 | is_authenticated << 1 | is_bonded << 2
        self._event(Irq.ENCRYPTION_UPDATE, struct.pack("<HBB", connection_handle, flags, 16))

    def _is_authenticated(self, connection_handle: int) -> bool:
        return connection_handle in self._authenticated

    def _on_remote_write(self, connection_handle: int, handle: int, value: bytes) -> None:
        self._event(Irq.GATTS_WRITE, struct.pack("<HH", connection_handle, handle) + value)

    def _tell_subscribers(self, handle: int) -> None:
        if self._device is None or self.transmit is None:
            return
        value = self._table.slots[handle].value
        for bearer, subscriptions in list(self._device.gatt_server.subscribers.items()):
            bits = subscriptions.get(handle, b"\0\0")[0]
            assert isinstance(bearer, Connection)
            if bits & 1:
                self.transmit.push(bearer, handle, value)
            elif bits & 2:
                self.transmit.indicate(bearer.handle, handle, value)
