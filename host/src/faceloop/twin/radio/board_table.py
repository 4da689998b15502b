"""The board's attribute table, built from what the firmware registers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bumble import att
from bumble.core import UUID
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, Descriptor, Service

__all__ = ["AttributeTable", "Slot"]

_DEFAULT_BUFFER_OCTETS = 20  # MicroPython's, until gatts_set_buffer

_READ, _ANY_WRITE = 0x0002, 0x000C
_READ_ENCRYPTED, _READ_AUTHENTICATED = 0x0200, 0x0400
_WRITE_ENCRYPTED, _WRITE_AUTHENTICATED = 0x1000, 0x2000
_PROPERTY_BITS = 0x7F

OnWrite = Callable[[int, int, bytes], None]


@dataclass
class Slot:
    """The local value of one characteristic or descriptor."""

    value: bytes = b""
    buffer_octets: int = _DEFAULT_BUFFER_OCTETS
    is_appending: bool = False
    handle: int = 0


class AttributeTable:
    """Values by handle, and the Bumble services that serve them.

    Parameters
    ----------
    on_write : callable
        Called with connection handle, attribute handle and what the central has written.
    is_authenticated : callable
        Whether a connection has keys that are protected against a man in the middle. Bumble calls
        a link authenticated after any encryption, so it cannot be asked.
    """

    def __init__(self, on_write: OnWrite, is_authenticated: Callable[[int], bool]) -> None:
        self.slots: dict[int, Slot] = {}
        self._on_write = on_write
        self._is_authenticated = is_authenticated

    def register(self, device: Device, services: list[list[Any]], max_mtu: int) -> list[list[int]]:
        """Replace the device's services.

        Parameters
        ----------
        device : Device
            Bumble device of the board.
        services : list
            As the board sends them: ``[uuid, [[uuid, flags, [[uuid, flags], ...]], ...]]`` each,
            UUIDs as hexadecimal text, most significant digit first.
        max_mtu : int
            Largest ATT MTU the board accepts.

        Returns
        -------
        handles : list of list of int
            Per service, the handles of its characteristics and their descriptors in order.
        """
        server = device.gatt_server
        server.services.clear()
        server.attributes.clear()
        server.attributes_by_handle.clear()
        self.slots.clear()
        device.add_default_services(add_gap_service=True, add_gatt_service=True)
        server.max_mtu = max_mtu
        return [self._add_service(device, *service) for service in services]

    def _add_service(
        self, device: Device, uuid: str, characteristics: list[list[Any]]
    ) -> list[int]:
        added: list[tuple[att.Attribute[bytes], Slot]] = []
        built: list[Characteristic[bytes]] = []
        for characteristic_uuid, flags, descriptors in characteristics:
            slots = [Slot() for _ in range(1 + len(descriptors))]
            below = [
                Descriptor(_uuid(u), _permissions(f), self._value(slot, f))
                for (u, f), slot in zip(descriptors, slots[1:], strict=True)
            ]
            characteristic: Characteristic[bytes] = Characteristic(
                _uuid(characteristic_uuid),
                Characteristic.Properties(flags & _PROPERTY_BITS),
                _permissions(flags),
                self._value(slots[0], flags),
                below,
            )
            built.append(characteristic)
            added += zip([characteristic, *below], slots, strict=True)
        device.gatt_server.add_service(Service(_uuid(uuid), built))
        for attribute, slot in added:
            slot.handle = attribute.handle
            self.slots[slot.handle] = slot
        return [slot.handle for _, slot in added]

    def write_locally(self, handle: int, value: bytes) -> None:
        """Store what the firmware wrote; a longer value makes the buffer longer."""
        slot = self.slots[handle]
        slot.value = value
        slot.buffer_octets = max(slot.buffer_octets, len(value))

    def _value(self, slot: Slot, flags: int) -> att.AttributeValue[bytes]:
        def read(connection: Connection) -> bytes:
            if not flags & _READ:
                raise att.ATT_Error(att.ATT_READ_NOT_PERMITTED_ERROR)
            self._check_keys(connection, flags & _READ_AUTHENTICATED)
            return slot.value

        def write(connection: Connection, value: bytes) -> None:
            if not flags & _ANY_WRITE:
                raise att.ATT_Error(att.ATT_WRITE_NOT_PERMITTED_ERROR)
            self._check_keys(connection, flags & _WRITE_AUTHENTICATED)
            # Both ports cut what does not fit, silently. The board gets what was written, not the
            # joined value: it alone knows what it has read and cleared meanwhile.
            written = bytes(value)[: slot.buffer_octets]
            joined = slot.value + written if slot.is_appending else written
            slot.value = joined[: slot.buffer_octets]
            self._on_write(connection.handle, slot.handle, written)

        return att.AttributeValue(read=read, write=write)

    def _check_keys(self, connection: Connection, needs_authentication: int) -> None:
        if needs_authentication and not self._is_authenticated(connection.handle):
            raise att.ATT_Error(att.ATT_INSUFFICIENT_AUTHENTICATION_ERROR)


def _uuid(text: str) -> UUID:
    return UUID.from_bytes(bytes.fromhex(text)[::-1])


def _permissions(flags: int) -> att.Attribute.Permissions:
    permissions = att.Attribute.Permissions(0)
    if flags & _READ:
        permissions |= att.Attribute.READABLE
    if flags & _ANY_WRITE:
        permissions |= att.Attribute.WRITEABLE
    if flags & (_READ_ENCRYPTED | _READ_AUTHENTICATED):
        permissions |= att.Attribute.READ_REQUIRES_ENCRYPTION
    if flags & (_WRITE_ENCRYPTED | _WRITE_AUTHENTICATED):
        permissions |= att.Attribute.WRITE_REQUIRES_ENCRYPTION
    return permissions
