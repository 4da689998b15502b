"""Pairing and bonds of the board: the keys live in the firmware, as on a real one."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bumble.device import Connection
from bumble.keys import KeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate

__all__ = ["BondStore", "SecuritySettings", "pairing_config"]

_log = logging.getLogger(__name__)

# NimBLE's secret types (BLE_STORE_OBJ_TYPE_*); one is enough for an opaque value.
_PEER_SECRET = 2
_PASSKEY_ACTION_INPUT = 2
_PASSKEY_ACTION_DISPLAY = 3
_PASSKEY_ACTION_COMPARE = 4

GetSecret = Callable[[int, bytes], Awaitable[bytes | None]]
SetSecret = Callable[[int, bytes, bytes | None], Awaitable[None]]
PasskeyAction = Callable[[int, int, int], Awaitable[int]]


class SecuritySettings:
    """What the firmware gave to ``BLE.config`` about pairing."""

    _IO = (
        PairingDelegate.DISPLAY_OUTPUT_ONLY,
        PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
        PairingDelegate.KEYBOARD_INPUT_ONLY,
        PairingDelegate.NO_OUTPUT_NO_INPUT,
        PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
    )

    def __init__(self) -> None:
        self.is_bonding = False
        self.needs_mitm = False
        self.io_capability = PairingDelegate.NO_OUTPUT_NO_INPUT

    def update(self, config: dict[str, Any]) -> None:
        """Take over the keys of ``BLE.config`` that concern pairing."""
        self.is_bonding = bool(config.get("bond", self.is_bonding))
        self.needs_mitm = bool(config.get("mitm", self.needs_mitm))
        if "io" in config:
            self.io_capability = self._IO[config["io"]]


class BondStore(KeyStore):
    """Keeps bonds in the firmware through its get-secret and set-secret events."""

    def __init__(self, get_secret: GetSecret, set_secret: SetSecret) -> None:
        self._get_secret = get_secret
        self._set_secret = set_secret

    async def update(self, name: str, keys: PairingKeys) -> None:
        """Store the keys of a peer."""
        text = json.dumps(keys.to_dict())
        await self._set_secret(_PEER_SECRET, name.encode(), text.encode())

    async def get(self, name: str) -> PairingKeys | None:
        """Return the keys of a peer, or None."""
        stored = await self._get_secret(_PEER_SECRET, name.encode())
        return PairingKeys.from_dict(json.loads(stored)) if stored else None

    async def delete(self, name: str) -> None:
        """Forget a peer."""
        await self._set_secret(_PEER_SECRET, name.encode(), None)

    async def get_all(self) -> list[tuple[str, PairingKeys]]:
        """Return nothing: the firmware is asked per peer."""
        return []


class _Delegate(PairingDelegate):
    """Passes questions of the pairing procedure to the firmware."""

    def __init__(
        self,
        connection: Connection,
        settings: SecuritySettings,
        ask: PasskeyAction,
        is_refusing: bool,
    ) -> None:
        super().__init__(io_capability=settings.io_capability)
        self._handle = connection.handle
        self._ask = ask
        self._is_refusing = is_refusing

    async def accept(self) -> bool:
        return not self._is_refusing

    async def generate_passkey(self) -> int:
        return await self._ask(self._handle, _PASSKEY_ACTION_DISPLAY, 0)

    async def display_number(self, number: int, digits: int) -> None:
        _log.debug("passkey is shown by the firmware")

    async def get_number(self) -> int | None:
        return await self._ask(self._handle, _PASSKEY_ACTION_INPUT, 0)

    async def compare_numbers(self, number: int, digits: int) -> bool:
        return bool(await self._ask(self._handle, _PASSKEY_ACTION_COMPARE, number))


def pairing_config(
    connection: Connection, settings: SecuritySettings, ask: PasskeyAction, is_refusing: bool
) -> PairingConfig:
    """Return how one connection pairs; ``is_refusing``: the port is built without pairing."""
    return PairingConfig(
        sc=True,
        mitm=settings.needs_mitm,
        bonding=settings.is_bonding,
        delegate=_Delegate(connection, settings, ask, is_refusing),
    )
