"""Commands to one board over one link: proof of the key, counters, tags, replies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

from faceloop.device.key_store import HOW_TO_PAIR
from faceloop.errors import (
    AuthenticationError,
    DeviceBusy,
    LinkError,
    NotAFaceloop,
    RemoteError,
)
from faceloop_protocol import PROTOCOL_VERSION, control, session, texts
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.info import Info, decode_info
from faceloop_protocol.limits import DEVICE_ID_BYTES, MIN_MTU, NONCE_BYTES, PROOF_BYTES

__all__ = ["CommandClient"]

REPLY_TIMEOUT_S = 5.0
# A board whose last host was killed on the cable reads binary blocks for two more seconds: what
# it is asked meanwhile is lost, and asked again.
_ASK_AGAIN_S = 1.0
# Every system agrees on the MTU when it connects, most of them before anything else is sent.
_MTU_S = 2.0
_MTU_AGAIN_S = 0.25


class _SmallMtu(LinkError):
    """The link takes no whole packet, for the moment or for good."""


class CommandClient:
    """The host's half of the control characteristic.

    Parameters
    ----------
    send : callable
        ``await send(message, urgent=bool)``.
    """

    def __init__(self, send: Callable[..., Awaitable[None]]) -> None:
        self._send = send
        self._counter = 0
        self._tag_pads: tuple[bytes, bytes] | None = None
        self._waiting: dict[tuple[int, int], asyncio.Future[control.Reply]] = {}
        self.stream_key: bytes | None = None

    def on_reply(self, message: bytes) -> None:
        """Take what the board sent on ``control``; anything that nobody waits for is dropped."""
        try:
            reply = control.decode_reply(message)
        except ProtocolError:
            return
        future = self._waiting.pop((reply.op, reply.counter), None)
        if future is not None and not future.done():
            future.set_result(reply)

    def fail_all(self, error: Exception) -> None:
        """Let every waiting command end with ``error``: the link is gone."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(error)

    async def describe(self) -> Info:
        """Ask the board what it is.

        Raises
        ------
        NotAFaceloop
            If nothing or nonsense comes back.
        LinkError
            If the link takes no whole packet.
        """
        started_s = time.monotonic()
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                while True:
                    try:
                        with contextlib.suppress(TimeoutError):
                            reply = await self._exchange(
                                control.DESCRIBE, 0, bytes([control.DESCRIBE]), _ASK_AGAIN_S
                            )
                            return decode_info(reply.body)
                    except _SmallMtu:
                        if time.monotonic() - started_s > _MTU_S:
                            raise
                        await asyncio.sleep(_MTU_AGAIN_S)
        except (TimeoutError, ProtocolError) as error:
            raise NotAFaceloop(
                "This device does not answer as a faceloop board. Choose another one, or flash it "
                "first."
            ) from error

    async def prove(self, key_of: Callable[[bytes], bytes | None]) -> bytes:
        """Prove the key to the board and have it prove its own; return the device id.

        Parameters
        ----------
        key_of : callable
            Gives the 16-byte key for a device id, or None.

        Raises
        ------
        AuthenticationError
            If there is no key or it does not fit.
        """
        for role in (b"", bytes([session.ROLE_THERAPIST])):
            nonce = os.urandom(NONCE_BYTES)
            reply = await self._hello(nonce, role)
            if reply.status in (control.BAD_PROOF, control.BAD_LENGTH):
                break  # no such role, or a board of before there were any
            device_id, key, covered, is_theirs = _their_proof(reply, nonce, key_of)
            if not is_theirs:
                continue  # perhaps the key is the therapist's
            own = session.proof(key, session.LABEL_HOST, covered)
            if (await self._plain(control.PROVE, own)).status != control.OK:
                break
            self._tag_pads = session.hmac_pads(session.tag_key(key, covered))
            self.stream_key = session.stream_key(key, covered)
            self._counter = 0
            return device_id
        raise AuthenticationError(_KEY_DOES_NOT_FIT)

    async def _hello(self, nonce: bytes, role: bytes) -> control.Reply:
        reply = await self._plain(control.HELLO, bytes([PROTOCOL_VERSION]) + nonce + role)
        if reply.status == control.VERSION_MISMATCH:
            theirs = reply.body[0] if reply.body else 0
            raise RemoteError(
                f"The board speaks protocol {theirs}, this program {PROTOCOL_VERSION}. "
                "Update the older one: firmware/README.md says how, or install a newer faceloop."
            )
        if reply.status == control.BACK_OFF:
            raise LinkError(
                "The board was sent wrong proofs of its key and listens to nobody for half a "
                "minute. Try again then."
            )
        return reply

    async def stop(self) -> control.StreamEnd:
        """Stop the stream; this needs no proof."""
        reply = await self._plain(control.STOP, b"")
        end: control.StreamEnd = _body(control.END_FORMAT, reply, control.StreamEnd)
        return end

    async def start(self, mode: int, shift: int) -> int:
        """Start a stream; return its id."""
        body = struct.pack(control.START_FORMAT, mode, shift, int(time.time() * 1000))
        return int(_body("<I", await self.command(control.START, body))[0])

    async def resume(self, stream_id: int, next_seq: int) -> control.StreamExtent | None:
        """Take a stream up again from ``next_seq``; None when the board no longer has it."""
        body = struct.pack(control.RESUME_FORMAT, stream_id, next_seq & 0xFFFF)
        reply = await self._tagged(control.RESUME, body)
        if reply.status == control.GONE:
            return None
        return _extent(_checked(reply))

    async def resend(self, first_seq: int, count: int) -> control.StreamExtent | None:
        """Ask for packets again; None when no stream is open."""
        body = struct.pack(control.RESEND_FORMAT, first_seq & 0xFFFF, min(count, 0xFFFF))
        reply = await self._tagged(control.RESEND, body)
        if reply.status == control.NO_STREAM:
            return None
        return _extent(_checked(reply))

    async def acknowledge(self, received: int, stored_seq: int) -> None:
        """Acknowledge; nothing comes back."""
        body = struct.pack(control.ACK_FORMAT, received & 0xFFFF, stored_seq & 0xFFFF)
        await self._send(self._with_tag(control.ACK, body)[1], urgent=True)

    async def command(self, op: int, body: bytes = b"") -> control.Reply:
        """Send a tagged command and return its reply.

        Raises
        ------
        RemoteError, DeviceBusy
            If the board refuses; the message says why.
        LinkError
            If no reply comes.
        """
        return _checked(await self._tagged(op, body))

    async def exchange(self, op: int, body: bytes = b"") -> control.Reply:
        """Send a tagged command and return its reply, whatever its status."""
        return await self._tagged(op, body)

    def _with_tag(self, op: int, body: bytes) -> tuple[int, bytes]:
        if self._tag_pads is None:
            raise LinkError("The board has not accepted the key yet.")
        self._counter += 1
        untagged = control.pack_tagged(op, self._counter, body)
        return self._counter, untagged + session.command_tag(self._tag_pads, untagged)

    async def _tagged(self, op: int, body: bytes) -> control.Reply:
        counter, message = self._with_tag(op, body)
        return await self._answer(op, counter, message)

    async def _plain(self, op: int, body: bytes) -> control.Reply:
        return await self._answer(op, 0, bytes([op]) + body)

    async def _answer(self, op: int, counter: int, message: bytes) -> control.Reply:
        try:
            return await self._exchange(op, counter, message)
        except TimeoutError as error:
            raise LinkError("The board does not answer. Move closer and try again.") from error

    async def _exchange(
        self, op: int, counter: int, message: bytes, timeout_s: float = REPLY_TIMEOUT_S
    ) -> control.Reply:
        future: asyncio.Future[control.Reply] = asyncio.get_running_loop().create_future()
        self._waiting[op, counter] = future
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(message)
                reply = await future
        finally:
            self._waiting.pop((op, counter), None)
            if future.done() and not future.cancelled():
                future.exception()  # seen: when sending failed too, that error is the one raised
        if reply.status == control.RATE_LIMITED:
            raise LinkError(
                "The board was sent more commands in one second than it takes. Wait a moment and "
                "try again."
            )
        if reply.status == control.SMALL_MTU:
            (mtu,) = _body("<H", reply)
            raise _SmallMtu(
                f"Over this computer's Bluetooth a message has {mtu} bytes at most, and the board "
                f"needs {MIN_MTU} to send the signal. Use another Bluetooth adapter."
            )
        return reply


def _their_proof(
    reply: control.Reply, nonce: bytes, key_of: Callable[[bytes], bytes | None]
) -> tuple[bytes, bytes, bytes, bool]:
    """Return device id, our key, what proofs cover, and whether the board has the same key."""
    if len(reply.body) != DEVICE_ID_BYTES + NONCE_BYTES + PROOF_BYTES:
        raise NotAFaceloop("This device does not answer as a faceloop board.")
    device_id = reply.body[:DEVICE_ID_BYTES]
    key = key_of(device_id)
    if key is None:
        raise AuthenticationError(f"No key for board {device_id.hex()}. {HOW_TO_PAIR}")
    theirs_nonce = reply.body[DEVICE_ID_BYTES : DEVICE_ID_BYTES + NONCE_BYTES]
    covered = session.transcript(device_id, nonce, theirs_nonce)
    expected = session.proof(key, session.LABEL_DEVICE, covered)
    return device_id, key, covered, session.is_equal(expected, reply.body[-PROOF_BYTES:])


_KEY_DOES_NOT_FIT = f"The stored key does not fit this board. {HOW_TO_PAIR}"


def _checked(reply: control.Reply) -> control.Reply:
    if reply.status == control.BUSY:
        raise DeviceBusy(
            "The board is in use by another computer or program. End its session first."
        )
    if reply.status != control.OK:
        reason = texts.STATUS_TEXT.get(reply.status, f"status {reply.status}")
        raise RemoteError(f"The board refused: {reason}.")
    return reply


def _extent(reply: control.Reply) -> control.StreamExtent:
    extent: control.StreamExtent = _body(control.EXTENT_FORMAT, reply, control.StreamExtent)
    return extent


def _body(layout: str, reply: control.Reply, kind: type | None = None) -> Any:
    try:
        return control.decode_body(layout, reply.body, kind)
    except ProtocolError as error:
        raise RemoteError(f"The board sent an unreadable reply ({error}).") from error
