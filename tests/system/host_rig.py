"""Runs the `faceloop` command as a user's shell does, away from the user's own files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from faceloop.device.key_store import KeyStore
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver
from faceloop.twin.launch import BoardSpec, VirtualBoard

MARK = "FACELOOP_TEST_MARK"
END_S = 15.0  # a twin notices its owner's end at once; a loaded machine takes its time
SCENARIO_S = 300.0
FRAME_BYTES = 8 * 4  # of the tap
AT_ONCE = 3


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

    def __init__(self, process: asyncio.subprocess.Process, answers: bytes | None = None) -> None:
        self.process = process
        self._started_s = self._ended_s = time.monotonic()
        self._reading = asyncio.ensure_future(process.communicate(answers))
        self._reading.add_done_callback(self._note_end)

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def interrupt(self) -> None:
        """Send Ctrl-C and wait until it is taken: while one waits, a second is the same one."""
        self.send(signal.SIGINT)
        bit = 1 << signal.SIGINT - 1
        async with asyncio.timeout(30):
            while self.process.returncode is None:
                try:
                    status = Path(f"/proc/{self.pid}/status").read_text()
                except OSError:
                    return
                masks = re.findall(r"^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$", status, re.MULTILINE)
                if not any(int(mask, 16) & bit for mask in masks):
                    return
                await asyncio.sleep(0.01)

    async def done(self, timeout_s: float = 60.0) -> Done:
        try:
            out, err = await asyncio.wait_for(asyncio.shield(self._reading), timeout_s)
        except TimeoutError:
            await self.end()
            raise
        code = self.process.returncode
        assert code is not None
        return Done(code, out.decode(), err.decode(), self._ended_s - self._started_s)

    def _note_end(self, _: object) -> None:
        self._ended_s = time.monotonic()  # not when somebody asks

    async def end(self) -> None:
        """Kill it, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self._reading


class Home:
    """A user's folders, private to one test, and what was started in them.

    Parameters
    ----------
    folder : Path
    tmp : Path
        For temporary files, boards and sockets; may be shared.
    """

    def __init__(self, folder: Path, tmp: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "config"
        self.tap = folder / "tap"
        self.tmp = tmp
        self._stack = contextlib.AsyncExitStack()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "FACELOOP_DATA": str(self.data),
            "FACELOOP_CONFIG": str(self.config),
            "TMPDIR": str(self.tmp),
        }

    async def start(
        self,
        *arguments: object,
        program: list[str] | None = None,
        answers: str = "",
        **environment: str,
    ) -> Run:
        """Start ``faceloop ARGUMENTS``, or another program that ends up as one.

        ``answers`` is what a person has typed already.
        """
        command = program or [str(Path(sys.executable).with_name("faceloop"))]
        process = await asyncio.create_subprocess_exec(
            *command,
            *map(str, arguments),
            stdin=asyncio.subprocess.PIPE if answers else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment, **environment},
            cwd=self.folder,
        )
        run = Run(process, answers.encode() or None)
        self._stack.push_async_callback(run.end)
        return run

    async def run(self, *arguments: object, timeout_s: float = 60.0, **environment: str) -> Done:
        """Run ``faceloop ARGUMENTS`` to its end."""
        return await (await self.start(*arguments, **environment)).done(timeout_s)

    async def start_board(self, **spec: Any) -> VirtualBoard:
        """Start a board of this process, paired, its converter's output in ``tap``."""
        spec.setdefault("source", {"kind": "face", "scenario": "synkinesis"})
        board = VirtualBoard(BoardSpec(tap=self.tap, **spec))
        await self._stack.enter_async_context(board)
        await self.pair(board)
        return board

    async def pair(self, board: VirtualBoard) -> None:
        """Fetch a board's key over its cable."""
        cable = SerialTransport(str(board.tty_path))
        await cable.open(Receiver(ignore, ignore, ignore, lambda: None), 5.0)
        try:
            self.keys.put(*await cable.request_key())
        finally:
            await cable.close()

    @property
    def keys(self) -> KeyStore:
        """The paired boards."""
        return KeyStore(self.config / "keys.json")

    def n_converted(self) -> int:
        """Return how many frames the converter has put out so far."""
        return self.tap.stat().st_size // FRAME_BYTES

    def check_recorded(
        self,
        path: str | Path,
        n_frames: int,
        missing_at_most: int = 0,
        of: int | None = None,
        gaps: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Check that a file begins with what was converted, bit for bit, and how far it goes.

        ``of`` is what was converted up to the moment that counts, if that is not the end;
        ``gaps`` are the ranges (first, n) of which the file says that they are missing.
        """
        counts, _ = read_recording(Path(path))
        converted = read_tap(self.tap)
        assert 0 < n_frames <= len(counts)
        is_there = np.ones(n_frames, bool)
        for first, n in gaps:
            is_there[first : first + n] = False
        np.testing.assert_array_equal(counts[:n_frames][is_there], converted[:n_frames][is_there])
        assert (len(converted) if of is None else of) - n_frames <= missing_at_most

    async def close(self) -> None:
        """End everything that was started here."""
        await self._stack.aclose()

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

    async def wait_lost(self) -> None:
        """Return when the session knows that its board is out of reach."""
        (folder,) = self.recordings()
        async with asyncio.timeout(30):
            while b'"link_lost"' not in (folder / "journal.fllog").read_bytes():
                await asyncio.sleep(0.05)


def ignore(data: bytes) -> None:
    """Take nothing from a board but its key."""


@contextlib.contextmanager
def private_tmp(patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder for temporary files, short enough for sockets; check that nothing stays."""
    with tempfile.TemporaryDirectory(prefix="fl") as name:
        patch.setenv("TMPDIR", name)
        patch.setattr(tempfile, "tempdir", name)
        yield Path(name)
        assert wait_until(lambda: not leftovers(Path(name)), END_S), leftovers(Path(name))


def leftovers(tmp: Path) -> list[str]:
    """Return what boards and pages have left in a folder for temporary files."""
    boards = [str(path) for path in tmp.glob("faceloop-*/*")]
    return boards + [str(path) for path in tmp.iterdir() if not path.is_dir()]


Scenario = Callable[[Home], Coroutine[Any, Any, None]]


@contextlib.contextmanager
def at_once(folder: Path, *scenarios: Scenario) -> Iterator[Callable[[Scenario], None]]:
    """Run scenarios side by side, each in a home of its own: most of their time is waiting.

    Gives a function that waits for one of them and raises what it raised.
    """
    results: dict[str, Future[None]] = {scenario.__name__: Future() for scenario in scenarios}

    async def play(scenario: Scenario, tmp: Path, limit: asyncio.Semaphore) -> None:
        place = folder / scenario.__name__
        place.mkdir()
        async with limit:
            home = Home(place, tmp)
            try:
                try:
                    await scenario(home)
                finally:
                    await home.close()
            except BaseException as error:  # the test that waits for it raises it
                results[scenario.__name__].set_exception(error)
            else:
                results[scenario.__name__].set_result(None)

    async def play_all(tmp: Path) -> None:
        limit = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(play(scenario, tmp, limit) for scenario in scenarios))

    def outcome_of(scenario: Scenario) -> None:
        result = results[scenario.__name__]
        try:
            result.exception(SCENARIO_S)
        except TimeoutError:
            pytest.fail(f"{scenario.__name__} has not ended after {SCENARIO_S:.0f} s")
        result.result()

    def run_all(tmp: Path) -> None:
        try:
            asyncio.run(play_all(tmp))
        finally:
            for name, result in results.items():
                if not result.done():
                    result.set_exception(RuntimeError(f"{name} did not come to its end"))

    with pytest.MonkeyPatch.context() as patch, marked(patch), private_tmp(patch) as tmp:
        thread = threading.Thread(target=run_all, args=(tmp,), name="scenarios", daemon=True)
        thread.start()
        try:
            yield outcome_of
        finally:
            thread.join(SCENARIO_S)


@contextlib.contextmanager
def marked(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mark every process that is started from here on; check that all have ended."""
    mark = secrets.token_hex(8)
    patch.setenv(MARK, mark)
    yield
    assert wait_until(lambda: not marked_processes(mark), END_S), marked_processes(mark)


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
