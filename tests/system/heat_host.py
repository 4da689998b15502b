"""A host that asks for heat and renews its lease until it is killed; tells its steps on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

from faceloop.device import bluetooth
from faceloop.device.ble_transport import BleTransport
from faceloop.device.board_link import BoardLink, Packet
from faceloop.device.key_store import KeyStore
from faceloop.errors import HeatRefused
from faceloop_protocol import control, heat, reports, texts
from faceloop_protocol.limits import SHIFT

SETPOINT_DEGC = 39.0


class Host:
    """One host; ``sent`` keeps every message of its last connection."""

    def __init__(self, keys: KeyStore) -> None:
        self.transport = BleTransport()
        self.sent: list[bytes] = []
        self.replies: list[control.Reply] = []
        send = self.transport.send

        async def note(message: bytes, **how: Any) -> None:
            self.sent.append(bytes(message))
            await send(message, **how)

        self.transport.send = note  # type: ignore[method-assign]
        self.link = BoardLink(self.transport, keys.get, self)

    def on_packet(self, packet: Packet) -> None:
        self.link.stored((packet.header.seq + 1) & 0xFFFF)

    def on_state(self, report: Any) -> None:
        pass

    def on_link(self, event: str, extent: Any) -> None:
        pass

    def on_gone(self, error: Exception) -> None:
        pass

    def next_seq(self) -> int:
        return 0

    async def start(self) -> None:
        await self.link.connect()
        await self.link.start_stream(control.MODE_RECORDING, SHIFT)

    async def until(self, *states: int, limit_s: float = 25.0) -> reports.HeatState:
        """Renew the lease, where there is one, until heat is in one of these states."""
        async with asyncio.timeout(limit_s):
            while True:
                with contextlib.suppress(HeatRefused):
                    await self.link.heat.renew(SETPOINT_DEGC)
                state = await self.link.heat.state()
                if state.state in states:
                    return state
                await asyncio.sleep(0.25)

    async def ask(self) -> None:
        """Ask until the board is ready for a press: the pad may have been put on just now."""
        await self.until(heat.OFF)
        await self.link.heat.request(SETPOINT_DEGC, 10)
        await self.until(heat.WAIT_BUTTON)
        # Worn for five seconds, settled for ten.
        for _ in range(6):
            await asyncio.sleep(1)
            await self.link.heat.renew(SETPOINT_DEGC)


async def main(hci: str, keys: str) -> None:
    bluetooth.use_virtual(Path(hci))
    host = Host(KeyStore(Path(keys)))
    await host.start()
    await host.until(heat.OFF)
    await host.link.heat.permit(heat.PERMIT_FULL)
    await host.ask()
    print("press", flush=True)
    while (state := await host.until(heat.WARMUP, heat.HOLD, heat.OFF)).state == heat.OFF:
        # On a busy machine a tick may be so late that the board begins to watch the pad anew.
        assert state.cause == heat.NOT_SETTLED, texts.CAUSE_TEXT[state.cause]
        await asyncio.sleep(10)
        await host.ask()
        print("press", flush=True)
    print("heats", flush=True)
    while True:
        await host.link.heat.renew(SETPOINT_DEGC)
        await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
