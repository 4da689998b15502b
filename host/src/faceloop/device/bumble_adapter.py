"""The host's Bluetooth adapter on a virtual radio: one Bumble device on one HCI socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError
from bumble import core, hci
from bumble.device import (
    Connection,
    ConnectionParametersPreferences,
    Device,
    DeviceConfiguration,
)
from bumble.keys import KeyStore, MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportLostError

from faceloop.quiet_bumble import QuietHost, hush

__all__ = [
    "HCI_VARIABLE",
    "AdapterSettings",
    "BumbleAdapter",
    "adapter_settings",
    "close_adapter",
    "use_adapter",
]

HCI_VARIABLE = "FACELOOP_HCI"

_DISCONNECT_LIMIT_S = 5.0


@dataclass(frozen=True)
class AdapterSettings:
    """How to reach the controller, and what to ask of connections.

    Attributes
    ----------
    hci : str
        Bumble transport, e.g. ``unix:/path/hci.sock``.
    interval_ms, supervision_ms : float
        Connection interval and supervision timeout the central asks for.
    """

    hci: str
    interval_ms: float = 15.0
    supervision_ms: float = 4000.0


_chosen: AdapterSettings | None = None
_current: BumbleAdapter | None = None


def use_adapter(hci: str, interval_ms: float = 15.0, supervision_ms: float = 4000.0) -> None:
    """Use this controller from now on instead of the one named by ``FACELOOP_HCI``.

    Parameters
    ----------
    hci : str
        Path of the radio's HCI socket, or a Bumble transport with its scheme.
    interval_ms : float
        Connection interval for new connections, 7.5 to 4000 ms in steps of 1.25.
    supervision_ms : float
        Supervision timeout for new connections, 100 to 32000 ms.

    Raises
    ------
    RuntimeError
        If another controller is open; ``await close_adapter()`` first.
    """
    global _chosen
    settings = AdapterSettings(_with_scheme(hci), interval_ms, supervision_ms)
    if _current is not None and _current.is_open and _current.settings.hci != settings.hci:
        raise RuntimeError(f"The adapter {_current.settings.hci} is open; close it first.")
    if _current is not None:
        _current.settings = settings
    _chosen = settings


def adapter_settings() -> AdapterSettings | None:
    """Return the chosen settings, those of ``FACELOOP_HCI``, or None for the OS's Bluetooth."""
    if _chosen is not None:
        return _chosen
    from_environment = os.environ.get(HCI_VARIABLE)
    return AdapterSettings(_with_scheme(from_environment)) if from_environment else None


async def close_adapter() -> None:
    """Hang up, close the controller and forget ``use_adapter``."""
    global _chosen, _current
    adapter, _current, _chosen = _current, None, None
    if adapter is not None:
        await adapter.close()


class BumbleAdapter:
    """Shared by scanners and clients: a controller has one HCI transport."""

    def __init__(self, settings: AdapterSettings) -> None:
        self.settings = settings
        self.keystore: KeyStore = MemoryKeyStore()
        self._device: Device | None = None
        self._transport: Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._opening = asyncio.Lock()
        self._connecting = asyncio.Lock()
        self._scanner_count = 0

    @classmethod
    async def get(cls) -> BumbleAdapter:
        """Return the open adapter; open it if this is the first use.

        Raises
        ------
        BleakBluetoothNotAvailableError
            If no controller was chosen or its socket does not answer.
        """
        global _current
        settings = adapter_settings()
        if settings is None:
            raise _not_available(f"No virtual adapter was chosen; set {HCI_VARIABLE}.")
        adapter = _current
        # A closed transport or a loop that has ended cannot be revived.
        is_usable = adapter is not None and adapter._loop is asyncio.get_running_loop()
        if not is_usable or (adapter is not None and adapter.has_lost_transport):
            adapter = _current = cls(settings)
        assert adapter is not None
        async with adapter._opening:
            if not adapter.is_open:
                await adapter._open()
        return adapter

    @property
    def is_open(self) -> bool:
        """Whether the controller answers."""
        return self._device is not None and not self.has_lost_transport

    @property
    def has_lost_transport(self) -> bool:
        """Whether the radio's process has gone."""
        return self._transport is not None and self._transport.source.terminated.done()

    @property
    def device(self) -> Device:
        """The Bumble device."""
        if self._device is None or self.has_lost_transport:
            raise _not_available("The virtual radio has gone.")
        return self._device

    async def _open(self) -> None:
        hush()
        try:
            transport = await open_transport(self.settings.hci)
        except OSError as error:
            raise _not_available(
                f"No virtual radio answers at {self.settings.hci}: {error.strerror or error}."
            ) from error
        try:
            config = DeviceConfiguration(
                name="faceloop host",
                # Two hosts on one air need two addresses.
                address=hci.Address.generate_static_address(),
                irk=os.urandom(16),
            )
            device = Device(config=config, host=QuietHost(transport.source, transport.sink))
            device.pairing_config_factory = _pairing_config
            with _bleak_errors():
                await device.power_on()
        except BaseException:
            await transport.close()
            raise
        device.keystore = self.keystore
        self._transport, self._device = transport, device

    async def close(self) -> None:
        """End every connection and give the controller back."""
        device, transport = self._device, self._transport
        self._device = self._transport = None
        if device is not None and not self.has_lost_transport:
            for connection in list(device.connections.values()):
                with contextlib.suppress(TimeoutError, core.BaseBumbleError, hci.HCI_Error):
                    async with asyncio.timeout(_DISCONNECT_LIMIT_S):
                        await connection.disconnect()
        if transport is not None:
            await transport.close()

    # Scanning: several scanners may share the one that the controller has.

    async def start_scanning(self, on_advertisement: Callable[..., None], is_active: bool) -> None:
        """Report advertisements to ``on_advertisement``."""
        device = self.device
        device.on(Device.EVENT_ADVERTISEMENT, on_advertisement)
        self._scanner_count += 1
        if self._scanner_count == 1:
            with _bleak_errors():
                await device.start_scanning(active=is_active)

    async def stop_scanning(self, on_advertisement: Callable[..., None]) -> None:
        """Report no more advertisements to ``on_advertisement``."""
        device = self._device
        self._scanner_count -= 1
        if device is None or self.has_lost_transport:
            return
        device.remove_listener(Device.EVENT_ADVERTISEMENT, on_advertisement)
        if self._scanner_count == 0:
            with _bleak_errors():
                await device.stop_scanning()

    async def connect(self, address: hci.Address, timeout_s: float) -> Connection:
        """Connect to a peripheral.

        Raises
        ------
        TimeoutError
            If it did not answer in time.
        BleakError
            If the controller refused.
        """
        parameters = ConnectionParametersPreferences(
            connection_interval_min=self.settings.interval_ms,
            connection_interval_max=self.settings.interval_ms,
            max_latency=0,
            supervision_timeout=round(self.settings.supervision_ms),
            min_ce_length=0,
            max_ce_length=0,
        )
        # A controller can initiate one connection at a time. The outer limit is for Bumble's
        # search by identity address, which has none.
        async with self._connecting, asyncio.timeout(timeout_s + 1.0):
            try:
                return await self.device.connect_le(
                    address,
                    connection_parameters_preferences={hci.Phy.LE_1M: parameters},
                    timeout=timeout_s,
                )
            except core.TimeoutError as error:
                raise TimeoutError(f"{address.to_string(False)} did not answer.") from error
            except (core.BaseBumbleError, hci.HCI_Error) as error:
                raise BleakError(f"connecting failed: {error}") from error


@contextlib.contextmanager
def _bleak_errors() -> Iterator[None]:
    """Turn what Bumble raises when the radio's process goes, or refuses, into bleak's errors."""
    try:
        yield
    except TransportLostError as error:
        raise _not_available("The virtual radio has gone.") from error
    except (core.BaseBumbleError, hci.HCI_Error) as error:
        raise BleakError(f"the virtual radio refused: {error}") from error


class _Delegate(PairingDelegate):
    """Just works: the authentication that counts is the application's."""

    async def compare_numbers(self, number: int, digits: int) -> bool:
        return True


def _pairing_config(_connection: Connection) -> PairingConfig:
    return PairingConfig(sc=True, mitm=False, bonding=True, delegate=_Delegate())


def _with_scheme(spec: str) -> str:
    return f"unix:{spec}" if spec.startswith(("/", "@", ".")) else spec


def _not_available(message: str) -> BleakBluetoothNotAvailableError:
    return BleakBluetoothNotAvailableError(message, BleakBluetoothNotAvailableReason.NO_BLUETOOTH)
