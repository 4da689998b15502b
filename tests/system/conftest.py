"""Virtual boards for the system tests: one in this process, its terminal, mpremote."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from faceloop.tasks.pair import pair_by_cable
from faceloop.twin.firmware_files import firmware_root, shim_dir
from faceloop.twin.flash_image import build_image
from faceloop.twin.launch import BoardSpec, VirtualBoard
from faceloop.twin.supervisor import Supervisor, virtual_machine_command
from faceloop.twin.twin import Twin, TwinOptions

HERE = Path(__file__).resolve().parent
FAKES = HERE.parent / "fakes"
WAIT_S = 10.0


def load(path: Path) -> ModuleType:
    """Import a file that is no test; importlib mode puts no folder on the path."""
    if path.stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    return sys.modules[path.stem]


host_rig = load(HERE / "host_rig.py")


@pytest.fixture(scope="session")
def rig() -> ModuleType:
    """``host_rig.py``."""
    return host_rig


@pytest.fixture(autouse=True)
def no_process_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test started has ended when the test has."""
    mark = host_rig.new_mark()
    monkeypatch.setenv(host_rig.MARK, mark)
    yield
    has_ended = host_rig.wait_until(lambda: not host_rig.marked_processes(mark), host_rig.END_S)
    assert has_ended, host_rig.marked_processes(mark)


@pytest.fixture
async def home(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A user's folders, for commands and for boards of this process; nothing stays behind."""
    with host_rig.private_home() as home:
        for name, value in home.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(tempfile, "tempdir", str(home.tmp))
        yield home
        await home.close()
        assert host_rig.wait_until(lambda: not home.leftovers(), host_rig.END_S), home.leftovers()


@pytest.fixture
async def start_board(home: Any) -> AsyncIterator[Callable[..., Any]]:
    """Start a board that belongs to the test, paired, its converter's output in ``home/tap``."""
    async with AsyncExitStack() as stack:

        async def start(**spec: Any) -> VirtualBoard:
            spec.setdefault("source", {"kind": "face", "scenario": "synkinesis"})
            board = VirtualBoard(BoardSpec(tap=home.folder / "tap", **spec))
            await stack.enter_async_context(board)
            await pair_by_cable(str(board.tty_path))
            return board

        yield start


@pytest.fixture(scope="session")
def recording_path(root: Path) -> Path:
    """Real EMG at the board's own rate, ten channels, 5.8 s."""
    return root / "tests" / "data" / "limb_shoulder_10ch_2khz.bdf"


@pytest.fixture
def mutated_firmware(tmp_path: Path) -> Callable[..., Path]:
    """Copy the firmware with one piece of one file changed; FACELOOP_FIRMWARE takes the copy."""

    def mutate(name: str, old: str, new: str) -> Path:
        folder = tmp_path / "firmware"
        shutil.copytree(firmware_root(), folder, ignore=shutil.ignore_patterns("__pycache__"))
        text = (folder / name).read_text()
        assert text.count(old) == 1, f"{name} has changed: choose another mutation"
        (folder / name).write_text(text.replace(old, new))
        return folder

    return mutate


class Console:
    """A host program at the board's serial port.

    Carriage returns are dropped: the unix port's ``print`` ends lines with a bare line feed, its
    prompt with both.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._read)
        self._changed = asyncio.Event()
        self.text = b""

    def _read(self) -> None:
        self.text += os.read(self._fd, 65536).replace(b"\r", b"")
        self._changed.set()

    def send(self, data: bytes) -> None:
        os.write(self._fd, data)

    async def expect(self, wanted: bytes, timeout_s: float = WAIT_S) -> bytes:
        """Wait for bytes and return everything up to them; what follows stays."""
        try:
            async with asyncio.timeout(timeout_s):
                while wanted not in self.text:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pytest.fail(f"{wanted!r} did not come within {timeout_s} s, only {self.text!r}")
        before, _, self.text = self.text.partition(wanted)
        return before + wanted

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


@pytest.fixture
def open_console() -> Any:
    """Open the serial port of a board; closed at the end of the test."""
    consoles: list[Console] = []

    def open_(path: Path) -> Console:
        consoles.append(Console(path))
        return consoles[-1]

    yield open_
    for console in consoles:
        console.close()


@pytest.fixture
async def make_supervisor(tmp_path: Path) -> AsyncIterator[Callable[..., Supervisor]]:
    """Make a supervisor with a flash that holds the given files; switched on already."""
    made: list[Supervisor] = []

    def make(**files: str) -> Supervisor:
        flash = tmp_path / "flash.img"
        contents = [(PurePosixPath("/", f"{k}.py"), v.encode()) for k, v in files.items()]
        flash.write_bytes(build_image(contents))
        stops: list[bool] = []
        supervisor = Supervisor(
            virtual_machine_command(shim_dir() / "boot_virtual.py", 512),
            {"FACELOOP_FLASH": str(flash), "FACELOOP_SHIM": str(shim_dir())},
            tmp_path / "tty",
            stops.append,
        )
        supervisor.stops = stops  # type: ignore[attr-defined]
        made.append(supervisor)
        supervisor.power(True)
        return supervisor

    yield make
    for supervisor in made:
        supervisor.close()


@pytest.fixture
def counter_source() -> Any:
    """A source whose frames are numbered: channel c of frame n is 16 n + c."""
    return load(FAKES / "fake_source.py").CounterSource()


@asynccontextmanager
async def running_twin(directory: Path, source: Any, **options: Any) -> AsyncIterator[Any]:
    """Run a twin without radio in this process; its flash has no main.py of its own."""
    directory.mkdir()
    twin = Twin(TwinOptions(directory=directory, **options), source, None)
    running = asyncio.create_task(twin.run(None))
    try:
        async with asyncio.timeout(WAIT_S):
            while not (directory / "ready").exists():
                assert not running.done(), running.exception()
                await asyncio.sleep(0.005)
        yield SimpleNamespace(twin=twin, directory=directory, tty=directory / "tty")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert not directory.exists()


@pytest.fixture
async def start_twin(tmp_path: Path, counter_source: Any) -> AsyncIterator[Any]:
    """Start a twin with the counting source."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Any:
            return await stack.enter_async_context(
                running_twin(tmp_path / "board", counter_source, **options)
            )

        yield start


@pytest.fixture
def mpremote() -> Any:
    """Run the real mpremote against a serial port; returns (exit code, output)."""

    async def run(tty: Path, *arguments: str | Path, timeout_s: float = 20.0) -> tuple[int, str]:
        program = Path(sys.executable).with_name("mpremote")
        process = await asyncio.create_subprocess_exec(
            str(program), "connect", str(tty), *map(str, arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = await asyncio.wait_for(process.communicate(), timeout_s)
        except TimeoutError:
            process.kill()
            await process.communicate()
            pytest.fail(f"mpremote {' '.join(map(str, arguments))} took more than {timeout_s} s")
        assert process.returncode is not None
        return process.returncode, output.decode(errors="replace").replace("\r\n", "\n")

    return run
