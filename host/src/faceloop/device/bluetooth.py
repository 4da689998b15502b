"""The one place where it is decided which Bluetooth the host uses.

Application code writes ordinary bleak::

    await BleakScanner.find_device_by_name(name, **bluetooth.scanner_backend())
    BleakClient(device, **bluetooth.client_backend())

On a real machine both return nothing and bleak takes the system's own. When ``FACELOOP_HCI`` names
a virtual radio, or ``use_virtual`` was called, they name the Bumble backend.
"""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = [
    "UNAVAILABLE",
    "client_backend",
    "close",
    "is_virtual",
    "scanner_backend",
    "use_virtual",
]

UNAVAILABLE = "This computer's Bluetooth is off or missing. Switch it on, or use a USB cable."
"""What to tell the user when there is no adapter to search with."""

# The backend is imported only where it is used: Bumble takes a third of a second to load.
_HCI_VARIABLE = "FACELOOP_HCI"
_ADAPTER_MODULE = "faceloop.device.bumble_adapter"


def is_virtual() -> bool:
    """Return whether the host talks to a virtual radio."""
    if _ADAPTER_MODULE in sys.modules:
        from faceloop.device.bumble_adapter import adapter_settings

        return adapter_settings() is not None
    return bool(os.environ.get(_HCI_VARIABLE))


def use_virtual(
    hci_socket: str | os.PathLike[str], interval_ms: float = 15.0, supervision_ms: float = 4000.0
) -> None:
    """Use the virtual radio at this HCI socket from now on.

    Parameters
    ----------
    hci_socket : path
        ``hci.sock`` of a virtual board.
    interval_ms, supervision_ms : float
        Connection interval and supervision timeout to ask for.
    """
    from faceloop.device.bumble_adapter import use_adapter

    use_adapter(os.fspath(hci_socket), interval_ms, supervision_ms)


async def close() -> None:
    """Give the virtual adapter back; without one this does nothing."""
    if _ADAPTER_MODULE in sys.modules:
        from faceloop.device.bumble_adapter import close_adapter

        await close_adapter()


def client_backend() -> dict[str, Any]:
    """Return the keyword arguments that a ``BleakClient`` call needs."""
    if not is_virtual():
        return {}
    from faceloop.device.bumble_backend import BumbleBleakClient

    return {"backend": BumbleBleakClient}


def scanner_backend() -> dict[str, Any]:
    """Return the keyword arguments that a ``BleakScanner`` call needs."""
    if not is_virtual():
        return {}
    from faceloop.device.bumble_scanner import BumbleBleakScanner

    return {"backend": BumbleBleakScanner}
