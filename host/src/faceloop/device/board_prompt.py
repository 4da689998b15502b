"""The prompt of the MicroPython on a board, by cable: where files are copied to it.

Each step is one script that the board runs; mpremote carries it there and brings back what it
prints.
"""

from __future__ import annotations

import base64
import contextlib
import io
import time
from dataclasses import dataclass
from typing import Any, Protocol

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport as Repl

from faceloop.device.serial_transport import cannot_open
from faceloop.errors import DeviceBusy, LinkError, StorageError

__all__ = [
    "TOOLS",
    "About",
    "BoardPrompt",
    "Prompt",
    "board_files_of",
    "sum_of",
    "write_file",
]

ENTER_S = 30.0
_ENTER_TRY_S = 4.0
_RETRY_S = 0.3
_READ_TIMEOUT_S = 10.0
_PIECE_BYTES = 3072

# What the board has to be able to do, defined there once. Written beside and renamed, so that a
# power cut leaves the old file or the new one.
TOOLS = """
import os, hashlib, binascii
def _walk(folder):
    try:
        found = list(os.ilistdir(folder))
    except OSError:
        return
    for entry in found:
        path = folder + '/' + entry[0]
        if entry[1] == 0x4000:
            yield from _walk(path)
        else:
            yield path
def _sum(path):
    buf = memoryview(bytearray(1024))
    h = hashlib.sha256()
    with open(path, 'rb') as file:
        while True:
            n = file.readinto(buf)
            if not n:
                break
            h.update(buf[:n])
    print(path, binascii.hexlify(h.digest()).decode())
def _sums(folder):
    for path in _walk(folder):
        _sum(path)
def _folders(path):
    at = path.find('/', 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            pass
        at = path.find('/', at + 1)
def _put(path, text, mode):
    with open(path, mode) as file:
        file.write(binascii.a2b_base64(text))
def _replace(path):
    os.rename(path + '.new', path)
def _get(path):
    try:
        with open(path) as file:
            print(file.read(64), end='')
    except OSError:
        pass
def _names(folder):
    print(*[entry[0] for entry in os.ilistdir(folder)])
def _frozen(place):
    import sys
    path, sys.path[:] = sys.path[:], [place]
    sys.modules.pop('faceloop_device', None)
    try:
        from faceloop_device import VERSION
        print(*VERSION)
    except ImportError:
        pass
    finally:
        sys.path[:] = path
def _heap():
    import gc
    print(gc.mem_free() + gc.mem_alloc())
"""


@dataclass(frozen=True, slots=True)
class About:
    """What a board's MicroPython says of itself.

    Parameters
    ----------
    platform : str
        ``sys.platform``.
    machine : str
        Name of the board that it was built for.
    version : tuple of int
        Of MicroPython: major, minor, patch.
    mpy : int
        ``sys.implementation._mpy``: which compiled files it takes.
    """

    platform: str
    machine: str
    version: tuple[int, ...]
    mpy: int


class Prompt(Protocol):
    """What copying needs of a board."""

    def about(self) -> About:
        """Ask MicroPython what it is."""

    def run(self, script: str) -> str:
        """Run a script on the board and return what it printed."""


class BoardPrompt:
    """A board whose program has been ended, at its prompt.

    Parameters
    ----------
    port : str
        Serial port.
    """

    def __init__(self, port: str) -> None:
        self._port = port
        self._repl: Any = None

    def enter(self, timeout_s: float = ENTER_S) -> None:
        """End the program and stay at the prompt.

        A program with a running watchdog resets the board when it is ended; the prompt is then
        free of the watchdog, at the second try.

        Raises
        ------
        DeviceNotFound, DeviceBusy, LinkError
            If there is no port, somebody else has it, or no MicroPython answers.
        """
        end_s = time.monotonic() + timeout_s
        while True:
            try:
                self._open()
                with contextlib.redirect_stdout(io.StringIO()):  # it prints what it cannot read
                    self._repl.enter_raw_repl(soft_reset=False, timeout_overall=_ENTER_TRY_S)
                    self._repl.exec(TOOLS)
                return
            except (TransportError, serial.SerialException, OSError, IndexError) as error:
                self.close()
                if time.monotonic() > end_s:
                    raise self._unreachable(error) from error
                time.sleep(_RETRY_S)

    def about(self) -> About:
        """Ask MicroPython what it is."""
        text = self.run(
            "import sys\n"
            "_i = sys.implementation\n"
            "print(sys.platform, getattr(_i, '_mpy', 0), *_i.version[:3])\n"
            "print(getattr(_i, '_machine', ''))"
        )
        first, _, machine = text.partition("\n")
        words = first.split()
        numbers = tuple(int(word) for word in words[2:] if word.isdigit())
        return About(words[0], machine.strip(), numbers, int(words[1]))

    def run(self, script: str) -> str:
        """Run a script on the board and return what it printed.

        Raises
        ------
        StorageError
            If the board's flash is full.
        LinkError
            If it fails, or the board is gone.
        """
        try:
            return str(self._repl.exec(script).decode()).replace("\r\n", "\n")
        except TransportExecError as error:
            last = (error.error_output.strip().splitlines() or ["no reason given"])[-1]
            if "ENOSPC" in last or "[Errno 28]" in last or last.endswith(": 28"):
                raise StorageError(
                    "The board's flash is full. Remove files of your own from it, or erase it, "
                    "then flash again."
                ) from error
            raise LinkError(
                f"The board could not do its part ({last}). Flash it again."
            ) from error
        except (TransportError, serial.SerialException, OSError, IndexError, TypeError) as error:
            raise LinkError(
                "The board is gone. Check the cable and flash it again: until that has "
                "succeeded it starts the program that it had."
            ) from error

    def reset(self) -> None:
        """Reset the chip and hang up; nothing where there is no prompt."""
        if self._repl is None:
            return
        with contextlib.suppress(TransportError, serial.SerialException, OSError, IndexError):
            self._repl.exec_raw_no_follow("import machine\nmachine.reset()")
            time.sleep(0.1)
        self.close()

    def close(self) -> None:
        """Hang up; the board stays where it is."""
        repl, self._repl = self._repl, None
        if repl is not None:
            with contextlib.suppress(serial.SerialException, OSError):
                repl.close()

    def _open(self) -> None:
        try:
            self._repl = Repl(self._port, timeout=_READ_TIMEOUT_S)
        except TransportError:
            # mpremote does not say why; pyserial does.
            serial.Serial(self._port, exclusive=True).close()
            raise

    def _unreachable(self, error: Exception) -> LinkError:
        text = str(error).lower()
        if "lock" in text or "busy" in text:
            return DeviceBusy(
                f"{self._port} is in use by another program. Close that program and try again."
            )
        if isinstance(error, TransportError):
            return LinkError(
                f"No MicroPython answers at {self._port}. Install MicroPython on the board first: "
                "firmware/README.md says how."
            )
        return cannot_open(self._port)


def board_files_of(prompt: Prompt, folder: str) -> dict[str, str]:
    """Return path and SHA-256 (hexadecimal) of every file under a folder of the board."""
    return _sums(prompt.run(f"_sums({folder!r})"))


def sum_of(prompt: Prompt, path: str) -> dict[str, str]:
    """Return path and SHA-256 (hexadecimal) of one file of the board."""
    return _sums(prompt.run(f"_sum({path!r})"))


def _sums(text: str) -> dict[str, str]:
    lines = text.splitlines()
    return {path: digest for path, _, digest in (line.rpartition(" ") for line in lines)}


def write_file(prompt: Prompt, path: str, content: bytes) -> None:
    """Write a file on the board, piece by piece."""
    prompt.run(f"_folders({path!r})")
    mode = "wb"
    for start in range(0, max(len(content), 1), _PIECE_BYTES):
        text = base64.b64encode(content[start : start + _PIECE_BYTES]).decode()
        prompt.run(f"_put({path!r}, {text!r}, {mode!r})")
        mode = "ab"
