"""Runs the `faceloop` command as a user's shell does, away from the user's own files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edfio
import numpy as np

MARK = "FACELOOP_TEST_MARK"
END_S = 8.0  # a twin notices its owner's end at once; a loaded machine takes its time


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def account(self) -> dict[str, Any]:
        """What it printed with ``--json``."""
        return json.loads(self.out)

    def sentence(self, code: int) -> str:
        """Check that it failed as a command should: this exit code, one line that says why."""
        assert self.code == code, (self.code, self.err, self.out)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("faceloop: "), self.err
        return lines[0].removeprefix("faceloop: ")


class Run:
    """A command that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._started_s = time.monotonic()
        self._reading = asyncio.ensure_future(process.communicate())

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def done(self, timeout_s: float = 60.0) -> Done:
        try:
            out, err = await asyncio.wait_for(asyncio.shield(self._reading), timeout_s)
        except TimeoutError:
            await self.end()
            raise
        code = self.process.returncode
        assert code is not None
        return Done(code, out.decode(), err.decode(), time.monotonic() - self._started_s)

    async def end(self) -> None:
        """Kill it, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self._reading


class Home:
    """A user's folders, private to one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "config"
        self.tmp = folder / "t"
        self.tmp.mkdir()
        self._runs: list[Run] = []

    @property
    def environment(self) -> dict[str, str]:
        return {
            "FACELOOP_DATA": str(self.data),
            "FACELOOP_CONFIG": str(self.config),
            "TMPDIR": str(self.tmp),
        }

    async def start(
        self, *arguments: object, program: list[str] | None = None, **environment: str
    ) -> Run:
        """Start ``faceloop ARGUMENTS``, or another program that ends up as one."""
        command = program or [str(Path(sys.executable).with_name("faceloop"))]
        process = await asyncio.create_subprocess_exec(
            *command,
            *map(str, arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment, **environment},
            cwd=self.folder,
        )
        self._runs.append(Run(process))
        return self._runs[-1]

    async def run(self, *arguments: object, timeout_s: float = 60.0, **environment: str) -> Done:
        """Run ``faceloop ARGUMENTS`` to its end."""
        return await (await self.start(*arguments, **environment)).done(timeout_s)

    async def close(self) -> None:
        for run in self._runs:
            await run.end()

    def recordings(self) -> list[Path]:
        """Session folders, oldest first."""
        return sorted((self.data / "sessions").glob("*"))

    async def wait_recorded(self, n_bytes: int, timeout_s: float = 30.0) -> Path:
        """Return the newest session's folder once its journal has this many bytes."""
        async with asyncio.timeout(timeout_s):
            while True:
                for folder in reversed(self.recordings()):
                    journal = folder / "journal.fllog"
                    if journal.exists() and journal.stat().st_size >= n_bytes:
                        return folder
                await asyncio.sleep(0.02)

    def leftovers(self) -> list[str]:
        """What is in the folder for temporary files: boards, pages, sockets."""
        boards = [str(path) for path in self.tmp.glob("faceloop-*/*")]
        return boards + [str(path) for path in self.tmp.iterdir() if not path.is_dir()]


@contextlib.contextmanager
def private_home() -> Iterator[Home]:
    """Give a home with a path that is short enough for sockets; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="fl"))
    try:
        yield Home(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_mark() -> str:
    return secrets.token_hex(8)


def marked_processes(mark: str) -> list[str]:
    """Return the command lines of all other processes that carry a mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command:  # a zombie has none
                    found.append(f"{folder.name} {command}")
    return found


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Return whether a condition came true in time."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True


def read_recording(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return counts int32 and microvolts float64 of a BDF+ file, both (n_frames, 8)."""
    signals = edfio.read_bdf(path).signals[:8]
    counts = np.stack([signal.digital for signal in signals], axis=1)
    return counts, np.stack([signal.data for signal in signals], axis=1)


def read_tap(path: Path) -> np.ndarray:
    """Return what the converter put out, as it is sent: without the four lowest bits."""
    counts = np.fromfile(path, "<i4")
    return (counts[: len(counts) // 8 * 8].reshape(-1, 8) >> 4) << 4
