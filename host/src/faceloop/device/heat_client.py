"""The host's half of the heat commands: one board, one session, one lease."""

from __future__ import annotations

import struct
import time
from collections.abc import Awaitable, Callable

from faceloop.errors import HeatRefused, RemoteError
from faceloop_protocol import control, heat, reports, texts
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.heat_limits import LEASE_MAX_MS
from faceloop_protocol.reports import HeatState

__all__ = ["HeatClient"]


class HeatClient:
    """Sends heat commands. The device decides; a press on it is part of every start.

    Parameters
    ----------
    send : callable
        ``await send(op, body)`` returns the ``Reply`` to a tagged command, whatever its status.
    """

    def __init__(self, send: Callable[[int, bytes], Awaitable[control.Reply]]) -> None:
        self._send = send

    async def state(self) -> HeatState:
        """Ask how things are.

        Raises
        ------
        HeatRefused
            Here and below: the board says no, and why.
        RemoteError, LinkError
            If it says something else, or nothing.
        """
        return await self._ask(heat.HEAT_STATE, b"")

    async def request(self, setpoint_degc: float, minutes: int) -> HeatState:
        """Ask for heat; the person then presses the button on the device."""
        body = struct.pack(heat.REQUEST_FORMAT, _cdegc(setpoint_degc), minutes)
        return await self._ask(heat.HEAT_REQUEST, body)

    async def renew(self, setpoint_degc: float, life_ms: int = LEASE_MAX_MS) -> HeatState:
        """Renew the lease: to be called every second, or heat goes off."""
        body = struct.pack(heat.LEASE_FORMAT, _cdegc(setpoint_degc), life_ms)
        return await self._ask(heat.HEAT_LEASE, body)

    async def confirm(self) -> HeatState:
        """Pass on that somebody is still there."""
        return await self._ask(heat.HEAT_CONFIRM, b"")

    async def end(self) -> HeatState:
        """End heat."""
        return await self._ask(heat.HEAT_END, b"")

    async def permit(self, permission: int) -> HeatState:
        """Keep the result of the skin test on the device."""
        return await self._ask(heat.HEAT_PERMIT, struct.pack(heat.PERMIT_FORMAT, permission))

    async def tell_time(self) -> HeatState:
        """Tell the time, for rest and daily limits."""
        return await self._ask(heat.HEAT_TIME, struct.pack(heat.TIME_FORMAT, int(time.time())))

    async def unlock(self) -> HeatState:
        """End LOCKED: bench procedure, by cable, with the pad unplugged."""
        return await self._ask(heat.HEAT_UNLOCK, b"")

    async def _ask(self, op: int, body: bytes) -> HeatState:
        reply = await self._send(op, body)
        if reply.status == control.HEAT_REFUSED and reply.body:
            cause = reply.body[0]
            raise HeatRefused(texts.CAUSE_TEXT.get(cause, "Heat may not begin now."), cause)
        if reply.status == control.NOT_FITTED:
            raise HeatRefused("This board has no heater.", heat.NO_PAD)
        if reply.status != control.OK:
            reason = texts.STATUS_TEXT.get(reply.status, f"status {reply.status}")
            raise RemoteError(f"The board refused: {reason}.")
        try:
            return reports.decode_heat_state(reply.body)
        except ProtocolError as error:
            raise RemoteError(f"The board sent an unreadable reply ({error}).") from error


def _cdegc(setpoint_degc: float) -> int:
    return min(max(round(setpoint_degc * 100), 0), 0xFFFF)
