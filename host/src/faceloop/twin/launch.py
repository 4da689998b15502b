"""Starts and stops virtual boards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from faceloop.errors import FaceloopError, StorageError
from faceloop.twin.registry import (
    NO_ROOM,
    READY_FILE,
    RunningBoard,
    create_directory,
    list_boards,
)

__all__ = ["BoardSpec", "RunningBoard", "VirtualBoard", "VirtualBoardError", "list_boards"]

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
POLL_S = 0.01
CONTROL_TIMEOUT_S = 10.0


class VirtualBoardError(FaceloopError):
    """The virtual board could not be started, died, or refused a request."""


@dataclass(frozen=True)
class BoardSpec:
    """What kind of virtual board.

    Parameters
    ----------
    source : dict
        Signal source, as `faceloop.twin.sources.make_source` takes it.
    name : str or None
        Unique among the running boards; None: chosen at random. A board's identity (serial
        number, address) follows from its name.
    seed : int
        Of the converter's noise.
    clock_ppm : float
        Error of the converter's crystal.
    tap : Path or None
        File for everything that is converted while electrodes are connected.
    radio : dict
        Fields of `faceloop.twin.radio.RadioSettings`.
    world : dict
        Fields of `faceloop.twin.world.Knobs`.
    flash : Path or None
        Flash image outside the board's directory, so that it survives the board.
    keep_flash : bool
        Keep what an existing image stores (keys, settings); only the firmware is replaced.
    capture : {"pio", "irq"}
        ``"pio"``: by hardware at 2000 frames a second, like a Pico 2 W; ``"irq"``: by soft
        interrupt at 1000, like an ESP32-S3.
    block_ms : float
        Converted frames reach the board so many milliseconds at a time. What comes later looks
        like a slow board; a finer grid costs (2 ms instead of 5: 4 % of a core).
    has_radio : bool
        False starts a quarter of a second faster, without Bluetooth.
    """

    source: dict[str, Any] = field(default_factory=lambda: {"kind": "open"})
    name: str | None = None
    seed: int = 0
    clock_ppm: float = 20.0
    tap: Path | None = None
    radio: dict[str, Any] = field(default_factory=dict)
    world: dict[str, Any] = field(default_factory=dict)
    flash: Path | None = None
    keep_flash: bool = False
    capture: Literal["pio", "irq"] = "pio"
    block_ms: float = 5.0
    has_radio: bool = True

    def arguments(self) -> list[str]:
        """Return the options of the twin process."""
        given = [
            *("--source", json.dumps(self.source)),
            *("--seed", str(self.seed)),
            *("--clock-ppm", str(self.clock_ppm)),
            *("--radio", json.dumps(self.radio)),
            *("--world", json.dumps(self.world)),
            *("--capture", self.capture),
            *("--block-ms", str(self.block_ms)),
        ]
        if self.tap is not None:
            given += ["--tap", str(self.tap.resolve())]
        if self.flash is not None:
            given += ["--flash", str(self.flash.resolve())]
        if self.keep_flash:
            given.append("--keep-flash")
        if not self.has_radio:
            given.append("--no-radio")
        return given


class VirtualBoard:
    """A virtual board in a process of its own; stops with the ``async with`` block, or with us.

    Parameters
    ----------
    spec : BoardSpec or None
        None: a board with nothing plugged in.

    Attributes
    ----------
    directory, hci_path, tty_path : Path
        Valid while it runs.
    """

    def __init__(self, spec: BoardSpec | None = None) -> None:
        self.spec = spec or BoardSpec()
        self.name = self.spec.name or f"virtual-{secrets.token_hex(2)}"
        self.directory = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner_fd = -1
        self._log_fd = -1

    @property
    def hci_path(self) -> Path:
        """Socket on which a host finds a Bluetooth controller."""
        return self.directory / "hci.sock"

    @property
    def tty_path(self) -> Path:
        """The board's serial port."""
        return self.directory / "tty"

    @property
    def pid(self) -> int | None:
        """Process id of the twin while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the board and wait until its firmware has booted.

        Raises
        ------
        UsageError
            If the name is taken or wrong.
        StorageError
            If the folder for temporary files is full.
        VirtualBoardError
            If it does not come up; the message has the last line of its log.
        """
        try:
            self.directory, lock_fd = create_directory(self.name)
            self._log_fd = os.open(self.directory / "log", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise _no_room() from error
            raise
        owner_read, self._owner_fd = os.pipe()
        command = [sys.executable, "-m", "faceloop.twin", "--dir", str(self.directory)]
        command += ["--name", self.name, "--owner-fd", str(owner_read), "--lock-fd", str(lock_fd)]
        try:
            self._process = self._spawn(command + self.spec.arguments(), (owner_read, lock_fd))
        finally:
            os.close(owner_read)
            os.close(lock_fd)
        try:
            await self._wait_ready()
        except BaseException:
            await self.stop()
            raise

    def _spawn(self, command: list[str], fds: tuple[int, int]) -> subprocess.Popen[bytes]:
        # Not asyncio's: that waits for its children in a thread of its own.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log_fd,
            stderr=self._log_fd,
            pass_fds=fds,
            start_new_session=True,
        )

    async def stop(self) -> None:
        """Stop the board; afterwards no process and no directory of it is left."""
        process = self._process
        if self._owner_fd >= 0:
            os.close(self._owner_fd)  # the twin takes this as the end of its owner
            self._owner_fd = -1
        if process is not None:
            for _ in range(round(STOP_TIMEOUT_S / POLL_S)):
                if process.poll() is not None:
                    break
                await asyncio.sleep(POLL_S)
            else:
                process.kill()
                process.wait()
            self._process = None
        if self._log_fd >= 0:
            os.close(self._log_fd)
            self._log_fd = -1
        if self.directory.name:
            shutil.rmtree(self.directory, ignore_errors=True)

    async def control(self, op: str, **request: Any) -> dict[str, Any]:
        """Send one request to the board's control socket and return the answer.

        Raises
        ------
        VirtualBoardError
            If the board refuses, does not answer or is gone.
        """
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(CONTROL_TIMEOUT_S):
                path = str(self.directory / "control.sock")
                reader, writer = await asyncio.open_unix_connection(path, limit=1 << 26)
                writer.write(json.dumps({"op": op, **request}).encode() + b"\n")
                line = await reader.readline()
        except (OSError, TimeoutError) as error:
            raise self._died(f"The virtual board does not answer to {op!r}") from error
        finally:
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        if not line:
            raise self._died(f"The virtual board hung up on {op!r}")
        reply: dict[str, Any] = json.loads(line)
        if not reply.pop("ok"):
            raise VirtualBoardError(reply["error"])
        return reply

    async def _wait_ready(self) -> None:
        assert self._process is not None
        ready = self.directory / READY_FILE
        for _ in range(round(START_TIMEOUT_S / POLL_S)):
            if ready.exists():
                return
            if self._process.poll() == StorageError.exit_code:
                raise _no_room()
            if self._process.returncode is not None:
                raise self._died("The virtual board ended while it was starting")
            await asyncio.sleep(POLL_S)
        raise self._died(f"The virtual board was not ready within {START_TIMEOUT_S:g} s")

    def _died(self, what: str) -> VirtualBoardError:
        text = ""
        with contextlib.suppress(OSError):
            size = os.fstat(self._log_fd).st_size
            text = os.pread(self._log_fd, 4096, max(0, size - 4096)).decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        return VirtualBoardError(f"{what}: {lines[-1]}" if lines else f"{what}.")


def _no_room() -> StorageError:
    return StorageError(
        f"There is no room in {tempfile.gettempdir()}, where the virtual board keeps its files"
        " while it runs. Free 10 MB there, or set TMPDIR to a folder with room."
    )
