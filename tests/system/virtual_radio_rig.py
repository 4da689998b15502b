"""A radio and a board with the sample firmware, for the tests of the virtual radio."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from faceloop.device import bluetooth
from faceloop.twin.radio import HCI_SOCKET, RADIO_SOCKET, Radio, RadioSettings

REPOSITORY = Path(__file__).resolve().parents[2]
SHIMS = REPOSITORY / "firmware" / "virtual_board"
SAMPLE = Path(__file__).parent / "firmware_samples" / "radio_sample.py"
NAME = "radio-sample"
WAIT_S = 10.0

_UUID = "fa5e000{}-0000-4000-8000-00805f9b34fb"
SERVICE, STREAM, CONTROL, INFO, APPENDED, PROTECTED = (_UUID.format(i) for i in range(1, 7))


class Op(IntEnum):
    """Commands of the sample firmware."""

    FLOOD = 1
    INDICATE = 2
    DISCONNECT = 3
    RAISE = 4
    BURST = 5
    ALLOCATION = 6
    TWO = 7
    OFF = 8
    PAIR = 9
    ECHO = 10
    INTERRUPT = 11


class Process:
    """A child whose output lines can be awaited; killed at the end."""

    def __init__(self, *command: str | Path, **environment: str) -> None:
        self._command = [str(part) for part in command]
        self._environment = dict(os.environ, **environment)
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self.lines: list[str] = []

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.kill()

    async def kill(self) -> None:
        assert self._process is not None and self._reading is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._changed:
                self.lines.append(line.decode().rstrip())
                self._changed.notify_all()
        async with self._changed:
            self.lines.append("<end>")
            self._changed.notify_all()

    async def line(self, start: str, count: int = 1) -> str:
        """Wait for the ``count``-th line that starts like this and return it."""

        def found() -> list[str]:
            return [line for line in self.lines if line.startswith(start)]

        try:
            async with asyncio.timeout(WAIT_S), self._changed:
                await self._changed.wait_for(
                    lambda: len(found()) >= count or "<end>" in self.lines
                )
        except TimeoutError:
            pass
        matching = found()
        assert len(matching) >= count, f"no {count}. line {start!r} in {self.lines}"
        return matching[count - 1]


class Board(Process):
    """The sample firmware in a real MicroPython."""

    def __init__(self, directory: Path, script: Path = SAMPLE) -> None:
        super().__init__(
            Path(sys.executable).parent / "micropython",
            script,
            MICROPYPATH=f"{SHIMS}:.frozen",
            FACELOOP_RADIO_SOCKET=str(directory / RADIO_SOCKET),
        )


class Rig:
    """Radio in this process, board in another, bleak in this one."""

    def __init__(self, directory: Path, radio: Radio, script: Path = SAMPLE) -> None:
        self.directory = directory
        self.radio = radio
        self.board = Board(directory, script)

    async def restart_board(self) -> None:
        await self.board.kill()
        self.board = Board(self.directory)
        await self.board.__aenter__()
        await self.board.line("ready")

    @property
    def hci(self) -> Path:
        return self.directory / HCI_SOCKET

    async def find(self, timeout_s: float = WAIT_S) -> BLEDevice | None:
        return await BleakScanner.find_device_by_name(
            NAME, timeout=timeout_s, **bluetooth.scanner_backend()
        )

    async def found(self) -> BLEDevice:
        device = await self.find()
        assert device is not None, self.board.lines
        return device

    def client(
        self, device: BLEDevice | str, on_gone: Callable[[BleakClient], None] | None = None
    ) -> BleakClient:
        return BleakClient(device, on_gone, timeout=WAIT_S, **bluetooth.client_backend())

    def board_stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self.radio.stats()["board"]
        return stats


@asynccontextmanager
async def virtual_radio(
    directory: Path,
    interval_ms: float = 7.5,
    supervision_ms: float = 4000.0,
    script: Path = SAMPLE,
    **settings: Any,
) -> AsyncIterator[Rig]:
    """Start everything, wait for the board, and leave nothing behind."""
    radio = Radio()
    await radio.start(directory, RadioSettings(**settings))
    rig = Rig(directory, radio, script)
    bluetooth.use_virtual(rig.hci, interval_ms, supervision_ms)
    try:
        await rig.board.__aenter__()
        await rig.board.line("ready")
        yield rig
    finally:
        await bluetooth.close()
        await rig.board.kill()
        await radio.stop()


async def until(is_true: Callable[[], bool], limit_s: float = WAIT_S) -> None:
    """Wait until something in this process is true."""
    async with asyncio.timeout(limit_s):
        while not is_true():
            await asyncio.sleep(0.005)


class Stream:
    """What arrived on the stream characteristic."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __call__(self, _characteristic: object, value: bytearray) -> None:
        self.numbers.append(struct.unpack_from("<I", value)[0])


async def report_starting(client: BleakClient, start: str) -> str:
    async with asyncio.timeout(10):
        while True:
            text = bytes(await client.read_gatt_char(INFO)).decode()
            if text.startswith(start):
                return text


async def flood(client: BleakClient, count: int) -> list[int]:
    stream = Stream()
    await client.start_notify(STREAM, stream)
    await client.write_gatt_char(CONTROL, struct.pack("<BI", Op.FLOOD, count), response=True)
    await until(lambda: len(stream.numbers) >= count, 30)
    await client.stop_notify(STREAM)
    return stream.numbers
