"""A board over its USB serial port, with the same messages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from pathlib import Path
from typing import Any

import serial

from faceloop.device.transport import Receiver
from faceloop.errors import (
    AuthenticationError,
    DeviceBusy,
    DeviceNotFound,
    LinkError,
    NotAFaceloop,
)
from faceloop_protocol import control, serial_frame
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.limits import DEVICE_ID_BYTES, KEY_BYTES

__all__ = ["SerialTransport", "cannot_open"]

_READ_TIMEOUT_S = 0.05
_LONGEST_LINE = 2048
# The board answers a STOP within some ms. One that is not answered is sent again.
_STOP_ANSWER_S = 2.0


def cannot_open(port: str) -> DeviceNotFound:
    """Return why a port is none that can be opened, and what to do."""
    if not Path(port).exists():
        return DeviceNotFound(
            f"There is no port {port}. Connect the board's USB cable; `faceloop devices` then"
            " names its port."
        )
    if not Path(port).is_char_device():
        return DeviceNotFound(
            f"{port} is no serial port. `faceloop devices` names the ports with a board."
        )
    if not os.access(port, os.R_OK | os.W_OK):
        return DeviceNotFound(
            f"Your account may not use {port}. Add it to the group that owns the port (usually"
            " dialout or uucp), and log in again."
        )
    return DeviceNotFound(
        f"{port} cannot be opened. Plug the board's USB cable in again; `faceloop devices` then"
        " names its port."
    )


class SerialTransport:
    """Transport over a serial port; text lines, or binary blocks while a stream runs.

    Parameters
    ----------
    port : str
        Device path or name, for example ``/dev/ttyACM0`` or ``COM3``.
    """

    def __init__(self, port: str) -> None:
        self._port = port
        self._serial: Any = None  # serial.Serial: pyserial ships no types
        self._thread: threading.Thread | None = None
        self._receiver: Receiver | None = None
        self._buffer = bytearray()
        self._is_binary = False
        self._key: asyncio.Future[bytes] | None = None
        # Once the board has a STOP it reads text: a binary block then may hold a Ctrl-C.
        self._is_settled = asyncio.Event()
        self._is_settled.set()
        self._sending = asyncio.Lock()

    @property
    def name(self) -> str:
        """The port."""
        return self._port

    async def open(self, receiver: Receiver, timeout_s: float) -> None:
        """Open the port and start reading."""
        await self.close()
        try:
            port = serial.Serial(
                self._port, 115200, timeout=_READ_TIMEOUT_S, write_timeout=2, exclusive=True
            )
        except serial.SerialException as error:
            if "lock" in str(error).lower() or "busy" in str(error).lower():
                raise DeviceBusy(
                    f"{self._port} is in use by another program. Close that program and try again."
                ) from error
            raise cannot_open(self._port) from error
        except (OSError, ValueError) as error:
            raise cannot_open(self._port) from error
        self._serial = port
        self._receiver = receiver
        self._buffer.clear()
        self._is_binary = False
        self._is_settled.set()
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._read, args=(port, loop), name="faceloop-serial", daemon=True
        )
        self._thread.start()
        await self._write(b"\n")  # ends whatever half line is still in the board's buffer

    async def send(self, message: bytes, *, urgent: bool = False) -> None:
        """Write one frame; between a STOP and its answer nothing but another STOP goes out."""
        is_stop = message[:1] == bytes([control.STOP])
        while True:
            if not is_stop:
                await self._settle()
            async with self._sending:
                if is_stop:
                    self._is_settled.clear()
                elif not self._is_settled.is_set():
                    continue  # one went out meanwhile
                await self._send(message)
                return

    async def _settle(self) -> None:
        try:
            async with asyncio.timeout(_STOP_ANSWER_S):
                await self._is_settled.wait()
        except TimeoutError:
            self._is_settled.set()

    async def _send(self, message: bytes) -> None:
        if self._is_binary:
            data = serial_frame.frame(serial_frame.CHANNEL_CONTROL, message)
            block = bytearray(len(data) + 3)
            length = serial_frame.cobs_encode_into(block, data)
            await self._write(bytes(block[:length]))
        else:
            await self._write(serial_frame.encode_line(serial_frame.CHANNEL_CONTROL, message))

    async def request_key(
        self, timeout_s: float = 5.0, *, which: bytes = serial_frame.KEY_OWNER
    ) -> tuple[bytes, bytes]:
        """Return the board's id and a key.

        A board gives the owner's key to whoever holds the cable until a host has proven it, and
        a second one, or again, for a minute after its button was held for 5 s.

        Raises
        ------
        AuthenticationError
            If the button has to be held first.
        NotAFaceloop
            If nothing or nonsense comes back.
        """
        self._key = asyncio.get_running_loop().create_future()
        await self._write(serial_frame.encode_line(serial_frame.CHANNEL_KEY, which))
        try:
            body = await asyncio.wait_for(self._key, timeout_s)
        except TimeoutError as error:
            raise NotAFaceloop(
                f"{self._port} does not answer as a faceloop board. Choose another port, or flash "
                "it."
            ) from error
        finally:
            self._key = None
        if len(body) == DEVICE_ID_BYTES:
            raise AuthenticationError(
                "The board has given its key away once and asks for a hand on it: hold its button "
                "for 5 s, let go, and do this again within a minute."
            )
        if len(body) != DEVICE_ID_BYTES + KEY_BYTES:
            raise NotAFaceloop(f"{self._port} sent no usable key. Update the board's firmware.")
        return body[:DEVICE_ID_BYTES], body[DEVICE_ID_BYTES:]

    async def close(self) -> None:
        """Close the port."""
        port, self._serial = self._serial, None
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.join, 2.0)
        if port is not None:
            with contextlib.suppress(serial.SerialException, OSError):
                port.close()

    async def _write(self, data: bytes) -> None:
        port = self._serial
        if port is None:
            raise LinkError("The cable is not connected.")
        try:
            await asyncio.to_thread(port.write, data)
        except (serial.SerialException, OSError) as error:
            raise LinkError("The cable was pulled out or the board was switched off.") from error

    def _read(self, port: serial.Serial, loop: asyncio.AbstractEventLoop) -> None:
        while self._serial is port:
            try:
                data = port.read(max(1, min(4096, port.in_waiting)))
            except (serial.SerialException, OSError, TypeError):
                if self._serial is port:
                    with contextlib.suppress(RuntimeError):
                        loop.call_soon_threadsafe(self._on_gone, port)
                return
            if data:
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._take, data)

    def _on_gone(self, port: serial.Serial) -> None:
        if self._serial is port and self._receiver is not None:
            self._serial = None
            self._receiver.on_lost()

    def _take(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end = self._buffer.find(0 if self._is_binary else 10)
            if end < 0:
                if len(self._buffer) > _LONGEST_LINE:
                    del self._buffer[:-_LONGEST_LINE]
                return
            piece = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            got: tuple[int, bytes] | None
            try:
                if self._is_binary:
                    got = serial_frame.unframe(serial_frame.cobs_decode(piece))
                else:
                    got = serial_frame.decode_line(piece)
            except ProtocolError:
                continue  # a damaged frame shows as a gap and is asked for again
            if got is not None:
                self._deliver(*got)

    def _deliver(self, channel: int, message: bytes) -> None:
        receiver = self._receiver
        if receiver is None:
            return
        if channel == serial_frame.CHANNEL_STREAM:
            receiver.on_stream(message)
        elif channel == serial_frame.CHANNEL_STATE:
            receiver.on_state(message)
        elif channel == serial_frame.CHANNEL_KEY:
            if self._key is not None and not self._key.done():
                self._key.set_result(message)
        elif channel == serial_frame.CHANNEL_CONTROL:
            if len(message) >= 6 and message[5] == control.OK:
                op = message[0] & ~control.REPLY
                if op in (control.START, control.RESUME):
                    self._is_binary = True
                elif op == control.STOP:
                    self._is_binary = False
                    self._is_settled.set()
            receiver.on_reply(message)
