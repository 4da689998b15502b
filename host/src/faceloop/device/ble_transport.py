"""A board over Bluetooth LE, by ordinary bleak calls."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakError

from faceloop.device import bluetooth
from faceloop.device.transport import Receiver
from faceloop.errors import DeviceNotFound, LinkError, NotAFaceloop
from faceloop_protocol import uuids

__all__ = ["BleTransport"]

# A board advertises every 250 ms at the slowest: one that is not heard in this time is not there.
FIND_TIMEOUT_S = 8.0


class BleTransport:
    """Transport over the service of ``faceloop_protocol.uuids``.

    Parameters
    ----------
    wanted : str or None
        Name or address of the board; None takes the first one found.
    """

    def __init__(self, wanted: str | None = None) -> None:
        self._wanted = wanted
        self._client: BleakClient | None = None
        self._device: BLEDevice | None = None

    @property
    def name(self) -> str:
        """Advertised name, once found."""
        if self._device is not None and self._device.name:
            return self._device.name
        return self._wanted or "board"

    @property
    def mtu(self) -> int | None:
        """Largest ATT message of the connection as the system tells it, None when it does not."""
        return self._client.mtu_size if self._client is not None else None

    async def read_phy(self) -> str | None:
        """Return the radio mode (PHY), None where the system does not tell."""
        read = getattr(getattr(self._client, "_backend", None), "read_phy", None)
        if read is None:
            return None
        try:
            return str(await read())
        except (BleakError, OSError, EOFError) as error:
            raise LinkError("The board is out of reach.") from error

    async def open(self, receiver: Receiver, timeout_s: float) -> None:
        """Find, connect and subscribe."""
        await self.close()
        try:
            async with asyncio.timeout(timeout_s):
                self._device = await self._find(min(timeout_s, FIND_TIMEOUT_S))
                client = BleakClient(
                    self._device,
                    disconnected_callback=lambda _client: self._on_lost(receiver),
                    timeout=timeout_s,
                    **bluetooth.client_backend(),
                )
                self._client = client
                await client.connect()
                if client.services.get_service(uuids.SERVICE) is None:
                    raise NotAFaceloop(
                        f"{self.name} is a Bluetooth device, but not a faceloop board. "
                        "Choose another."
                    )
                await client.start_notify(uuids.STREAM, lambda _c, d: receiver.on_stream(bytes(d)))
                await client.start_notify(uuids.CONTROL, lambda _c, d: receiver.on_reply(bytes(d)))
                await client.start_notify(uuids.STATE, lambda _c, d: receiver.on_state(bytes(d)))
        except BleakBluetoothNotAvailableError as error:
            await self.close()
            raise LinkError(bluetooth.UNAVAILABLE) from error
        except (BleakError, TimeoutError, OSError, EOFError) as error:
            await self.close()
            if self._device is not None:
                raise LinkError(
                    f"{self.name} was found but did not connect. Move closer and try again."
                ) from error
            if isinstance(error, TimeoutError):
                raise self._not_found() from error
            raise LinkError(bluetooth.UNAVAILABLE) from error
        except BaseException:
            await self.close()
            raise

    async def send(self, message: bytes, *, urgent: bool = False) -> None:
        """Write to ``control``."""
        if self._client is None:
            raise LinkError("The board is not connected.")
        try:
            await self._client.write_gatt_char(uuids.CONTROL, message, response=not urgent)
        except (BleakError, OSError, EOFError) as error:
            raise LinkError("The board is out of reach.") from error

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(BleakError, OSError, EOFError, TimeoutError):
                await client.disconnect()

    def _on_lost(self, receiver: Receiver) -> None:
        if self._client is not None:
            self._client = None
            receiver.on_lost()

    async def _find(self, timeout_s: float) -> BLEDevice:
        def is_wanted(device: BLEDevice, advertisement: AdvertisementData) -> bool:
            if uuids.SERVICE not in advertisement.service_uuids:
                return False
            names = (device.address, advertisement.local_name or "", device.name or "")
            return self._wanted is None or self._wanted in names

        options: dict[str, Any] = bluetooth.scanner_backend()
        self._device = None
        found = await BleakScanner.find_device_by_filter(
            is_wanted, timeout=timeout_s, service_uuids=[uuids.SERVICE], **options
        )
        if found is None:
            raise self._not_found()
        return found

    def _not_found(self) -> DeviceNotFound:
        which = f"board {self._wanted}" if self._wanted else "faceloop board"
        return DeviceNotFound(
            f"No {which} in reach. Switch it on, bring it near, and make sure that no other "
            "computer uses it."
        )
