"""Virtual boards for the system tests: one in this process, its terminal, mpremote."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from faceloop.session.live_session import LiveSession
from faceloop.session.montage import montage_named
from faceloop.session.store import Store
from faceloop.twin.firmware_files import firmware_root, shim_dir
from faceloop.twin.flash_image import build_image
from faceloop.twin.supervisor import Supervisor, virtual_machine_command
from faceloop.twin.twin import Twin, TwinOptions

HERE = Path(__file__).resolve().parent
FAKES = HERE.parent / "fakes"
WAIT_S = 30.0


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
    """Whatever a test started has ended when the test has; scenarios look after themselves."""
    if host_rig.MARK in os.environ:
        yield
        return
    with host_rig.marked(monkeypatch):
        yield


@pytest.fixture
def recording(tmp_path: Path) -> Callable[[Any], Awaitable[LiveSession]]:
    """``await recording(paired)`` returns a session that records into ``data``."""

    async def begin(paired: Any) -> LiveSession:
        session = LiveSession(
            paired.transport,
            paired.key_of,
            montage=montage_named("guarded8"),
            affected_side="left",
            new_folder=Store(tmp_path / "data").new_session,
        )
        await session.start(is_recording=True)
        return session

    return begin


@pytest.fixture
async def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_process_left: None
) -> AsyncIterator[Any]:
    """A user's folders, for commands and for boards of this process; nothing stays behind."""
    with host_rig.private_tmp(monkeypatch) as tmp:
        home = host_rig.Home(tmp_path, tmp)
        for name, value in home.environment.items():
            monkeypatch.setenv(name, value)
        try:
            yield home
        finally:
            await home.close()


@pytest.fixture
async def make_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_process_left: None
) -> AsyncIterator[Any]:
    """Make homes one after the other, each by its name."""
    with host_rig.private_tmp(monkeypatch) as tmp:
        homes: list[Any] = []

        async def make(name: str) -> Any:
            folder = tmp_path / name
            folder.mkdir()
            homes.append(host_rig.Home(folder, tmp))
            for variable, value in homes[-1].environment.items():
                monkeypatch.setenv(variable, value)
            return homes[-1]

        try:
            yield make
        finally:
            for home in homes:
                await home.close()


@pytest.fixture(scope="session")
def recording_path(root: Path) -> Path:
    """Real EMG at the board's own rate, ten channels, 5.8 s."""
    return root / "tests" / "data" / "limb_shoulder_10ch_2khz.bdf"


@pytest.fixture(scope="session")
def face_minute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A minute of scripted face with two blackouts, as ``process``, ``tap`` and ``account()``.

    The second blackout outlasts the supervision timeout of 4 s.
    """
    folder = tmp_path_factory.mktemp("face")
    with pytest.MonkeyPatch.context() as patch:
        with host_rig.marked(patch), host_rig.private_tmp(patch) as tmp:
            home = host_rig.Home(folder, tmp)
            process = subprocess.Popen(
                [
                    Path(sys.executable).with_name("faceloop"),
                    *("demo", "--headless", "--json", "--seconds", "60", "--seed", "5"),
                    *("--radio-blackout", "12,3", "--radio-blackout", "30,8"),
                    *("--tap", home.tap),
                ],
                env={**os.environ, **home.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            patch.undo()
            yield SimpleNamespace(process=process, tap=home.tap)
            process.kill()
            process.communicate()


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
async def running_twin(
    directory: Path, source: Any, radio: Any = None, **options: Any
) -> AsyncIterator[Any]:
    """Run a twin in this process; without a radio the firmware's program does not start."""
    directory.mkdir()
    twin = Twin(TwinOptions(directory=directory, **options), source, radio)
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
