"""Boards in reach of this computer."""

from __future__ import annotations

from dataclasses import dataclass

from bleak import BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakError
from serial.tools import list_ports

from faceloop.device import bluetooth
from faceloop.errors import LinkError
from faceloop_protocol import uuids

__all__ = ["FoundBoard", "SerialPort", "scan", "serial_ports"]

# USB vendor ids of the boards that faceloop runs on.
_RASPBERRY_PI = 0x2E8A
_ESPRESSIF = 0x303A


@dataclass(frozen=True, slots=True)
class FoundBoard:
    """A board that advertises."""

    name: str
    address: str
    rssi_dbm: int


@dataclass(frozen=True, slots=True)
class SerialPort:
    """A serial port with one of our boards' chips behind it."""

    path: str
    description: str


async def scan(scan_s: float) -> list[FoundBoard]:
    """Return the boards that advertise within ``scan_s``.

    Raises
    ------
    LinkError
        If this computer's Bluetooth cannot be used.
    """
    try:
        found = await BleakScanner.discover(
            timeout=scan_s,
            return_adv=True,
            service_uuids=[uuids.SERVICE],
            **bluetooth.scanner_backend(),
        )
    except (BleakBluetoothNotAvailableError, BleakError, OSError) as error:
        raise LinkError(bluetooth.UNAVAILABLE) from error
    return [
        FoundBoard(
            advertisement.local_name or device.name or "", device.address, advertisement.rssi
        )
        for device, advertisement in found.values()
        if uuids.SERVICE in advertisement.service_uuids
    ]


def serial_ports() -> list[SerialPort]:
    """Return the serial ports that look like one of our boards."""
    return [
        SerialPort(port.device, port.description or "USB serial")
        for port in list_ports.comports()
        if port.vid in (_RASPBERRY_PI, _ESPRESSIF)
    ]
