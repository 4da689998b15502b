# The part of `bluetooth` that the firmware uses, after the manual of MicroPython 1.29. The published
# stubs take handles for memoryviews and leave the connection handle out of notify and set_buffer.
# Remove this file when they are right.
from collections.abc import Callable
from typing import Any

_Data = bytes | bytearray | memoryview
_Characteristic = tuple[UUID, int]
_Service = tuple[UUID, tuple[_Characteristic, ...]]

class UUID:
    def __init__(self, value: int | str | bytes, /) -> None: ...
    def __bytes__(self) -> bytes: ...

class BLE:
    def active(self, active: bool = ..., /) -> bool: ...
    def config(
        self,
        *,
        mtu: int = ...,
        gap_name: str = ...,
        bond: bool = ...,  # these four where the port has pairing
        le_secure: bool = ...,
        mitm: bool = ...,
        io: int = ...,
    ) -> None: ...
    def irq(self, handler: Callable[[int, tuple[Any, ...]], Any], /) -> None: ...
    def gap_advertise(
        self,
        interval_us: int | None,
        adv_data: _Data | None = None,
        *,
        resp_data: _Data | None = None,
        connectable: bool = True,
    ) -> None: ...
    def gap_disconnect(self, conn_handle: int, /) -> bool: ...
    def gap_pair(self, conn_handle: int) -> None: ...
    def gatts_register_services(
        self, services: tuple[_Service, ...], /
    ) -> tuple[tuple[int, ...], ...]: ...
    def gatts_read(self, value_handle: int, /) -> bytes: ...
    def gatts_write(
        self, value_handle: int, data: _Data, send_update: bool = False, /
    ) -> None: ...
    def gatts_notify(self, conn_handle: int, value_handle: int, data: _Data = ..., /) -> None: ...
    def gatts_indicate(
        self, conn_handle: int, value_handle: int, data: _Data = ..., /
    ) -> None: ...
    def gatts_set_buffer(self, value_handle: int, len: int, append: bool = False, /) -> None: ...
