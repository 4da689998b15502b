"""A virtual board, started, paired over its cable, and ready for a session over its radio."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from faceloop.device import bluetooth
from faceloop.device.ble_transport import BleTransport
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver
from faceloop.errors import RemoteError
from faceloop.twin.launch import BoardSpec, VirtualBoard, VirtualBoardError
from faceloop_protocol.limits import FS_HZ

__all__ = ["ConverterClock", "PairedBoard", "paired_virtual_board"]


@dataclass(slots=True)
class ConverterClock:
    """The simulator's own clock: frame to the moment of its conversion.

    Parameters
    ----------
    first_s : float
        ``time.monotonic()`` of frame 0; NaN before the stream began.
    fs_hz : float
        True rate of the converter, its crystal's error included.
    """

    first_s: float = float("nan")
    fs_hz: float = float(FS_HZ)

    def __call__(self, frame: int) -> float:
        """Return when ``frame`` was converted, in monotonic seconds."""
        return self.first_s + frame / self.fs_hz


@dataclass(slots=True)
class PairedBoard:
    """A running virtual board with everything a session needs to reach it.

    Parameters
    ----------
    board : VirtualBoard
    transport : BleTransport
    key_of : callable
    gone : RemoteError or None
        Why the simulator answers no longer, once it does not.
    held_back_frames : int
        Most conversions that the simulator held back at a time because it was held up itself.
    """

    board: VirtualBoard
    transport: BleTransport
    key_of: Callable[[bytes], bytes | None]
    is_source_done: bool = False
    gone: RemoteError | None = None
    held_back_frames: int = 0
    _run: int | None = None
    _conversions: int = 0

    async def read_clock(self, clock: ConverterClock) -> None:
        """Fill ``clock`` from the running converter, whose conversions count from now on."""
        converter = (await self.board.control("stats"))["converter"]
        clock.first_s = float(converter["first_conversion_s"])
        clock.fs_hz = float(converter["fs_hz"])
        self._run = converter["run"]

    async def conversions(self) -> int:
        """Return how many conversions the converter has made in the run of ``read_clock``.

        After a reset of the board, or the simulator's end, it is what was last seen of that run.
        """
        converter = (await self._ask("stats")).get("converter", {})
        if converter and converter["run"] == self._run:
            self._conversions = int(converter["conversions"])
            self.is_source_done = bool(converter["source_done"])
            self.held_back_frames = int(converter["held_back_frames"])
        return self._conversions

    async def truth(self) -> list[dict[str, Any]]:
        """Return when which muscle became active; nothing once the simulator is gone."""
        onsets: list[dict[str, Any]] = (await self._ask("truth")).get("onsets", [])
        return onsets

    async def _ask(self, op: str) -> dict[str, Any]:
        if self.gone is None:
            try:
                return await self.board.control(op)
            except VirtualBoardError:
                self.gone = RemoteError(
                    "The virtual board has ended by itself. What was recorded until then is"
                    " safe: start again."
                )
        return {}


@contextlib.asynccontextmanager
async def paired_virtual_board(
    spec: BoardSpec, *, interval_ms: float = 15.0
) -> AsyncIterator[PairedBoard]:
    """Start a board, fetch its key over the cable, and point Bluetooth at its radio."""
    async with VirtualBoard(spec) as board:
        cable = SerialTransport(str(board.tty_path))
        await cable.open(Receiver(_ignore, _ignore, _ignore, _ignore_loss), 5.0)
        try:
            device_id, key = await cable.request_key()
        finally:
            await cable.close()
        keys = {device_id: key}
        bluetooth.use_virtual(board.hci_path, interval_ms)
        try:
            yield PairedBoard(board, BleTransport(), keys.get)
        finally:
            await bluetooth.close()


def _ignore(data: bytes) -> None:
    """Take nothing from the board but its key."""


def _ignore_loss() -> None:
    """The request itself ends with an error then."""
