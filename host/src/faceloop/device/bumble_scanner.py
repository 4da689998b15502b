"""bleak's scanner on a virtual radio."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bleak.uuids import normalize_uuid_str
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement

from faceloop.device.bumble_adapter import BumbleAdapter

__all__ = ["BumbleBleakScanner", "uuid_text"]

_UUID16_LISTS = (0x02, 0x03)
_UUID128_LISTS = (0x06, 0x07)
_SERVICE_DATA_OCTETS = {0x16: 2, 0x21: 16}


def uuid_text(uuid: UUID) -> str:
    """Return a UUID the way bleak writes it: 128 bits, lower case."""
    digits = uuid.to_hex_str("-").lower()
    return digits if len(digits) == 36 else normalize_uuid_str(digits)


@dataclass
class _Heard:
    """What one device has advertised so far, advertisement and scan response together."""

    name: str | None = None
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)
    service_uuids: list[str] = field(default_factory=list)
    tx_power: int | None = None

    def add(self, kind: int, content: bytes) -> None:
        """Take over one structure of an advertisement."""
        if kind in (AdvertisingData.COMPLETE_LOCAL_NAME, AdvertisingData.SHORTENED_LOCAL_NAME):
            self.name = content.decode("utf8", "replace")
        elif kind == AdvertisingData.MANUFACTURER_SPECIFIC_DATA and len(content) >= 2:
            self.manufacturer_data[int.from_bytes(content[:2], "little")] = content[2:]
        elif kind == AdvertisingData.TX_POWER_LEVEL and content:
            self.tx_power = int.from_bytes(content[:1], "little", signed=True)
        elif kind in _UUID16_LISTS or kind in _UUID128_LISTS:
            width = 2 if kind in _UUID16_LISTS else 16
            for start in range(0, len(content) - width + 1, width):
                text = uuid_text(UUID.from_bytes(content[start : start + width]))
                if text not in self.service_uuids:
                    self.service_uuids.append(text)
        elif kind in _SERVICE_DATA_OCTETS and len(content) >= _SERVICE_DATA_OCTETS[kind]:
            width = _SERVICE_DATA_OCTETS[kind]
            self.service_data[uuid_text(UUID.from_bytes(content[:width]))] = content[width:]


class BumbleBleakScanner(BaseBleakScanner):
    """Give it to bleak: ``BleakScanner(..., backend=BumbleBleakScanner)``."""

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal["active", "passive"],
        **_other_backends: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._is_active = scanning_mode != "passive"
        self._adapter: BumbleAdapter | None = None
        self._heard: dict[str, _Heard] = {}

    async def start(self) -> None:
        """Start scanning for devices."""
        self.seen_devices = {}
        self._heard = {}
        adapter = await BumbleAdapter.get()
        await adapter.start_scanning(self._on_advertisement, self._is_active)
        self._adapter = adapter

    async def stop(self) -> None:
        """Stop scanning for devices."""
        adapter, self._adapter = self._adapter, None
        if adapter is not None:
            await adapter.stop_scanning(self._on_advertisement)

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        address = advertisement.address.to_string(False)
        heard = self._heard.setdefault(address, _Heard())
        for kind, content in advertisement.data.ad_structures:
            heard.add(kind, bytes(content))
        if not self.is_allowed_uuid(heard.service_uuids):
            return
        data = AdvertisementData(
            local_name=heard.name,
            manufacturer_data=dict(heard.manufacturer_data),
            service_data=dict(heard.service_data),
            service_uuids=list(heard.service_uuids),
            tx_power=heard.tx_power,
            rssi=advertisement.rssi,
            platform_data=(advertisement,),
        )
        details = {"address": advertisement.address}
        device = self.create_or_update_device(address, address, heard.name, details, data)
        self.call_detection_callbacks(device, data)
