"""Where virtual boards live on this computer, and which of them are running.

Each has a private directory ``<temporary directory>/faceloop-<user id>/<name>``. The twin holds a
lock on the file ``lock`` in it for as long as it lives; the kernel gives the lock up whatever ends
the process, so a directory whose lock is free is a leftover and is removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from faceloop.errors import UsageError

__all__ = ["NO_ROOM", "RunningBoard", "create_directory", "list_boards", "runtime_directory"]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Numbers of the errors that a full disk, quota or limit gives."""
LOCK_FILE = "lock"
READY_FILE = "ready"
SOCKET_PATH_LIMIT = 107
LONGEST_SOCKET = "control.sock"
START_GRACE_S = 10.0
"""A directory without a lock this young may belong to a board that is just being made."""


@dataclass(frozen=True)
class RunningBoard:
    """A virtual board that is up.

    Parameters
    ----------
    name : str
        As given at its start.
    directory : Path
        Its sockets.
    pid : int
        Its twin process.
    """

    name: str
    directory: Path
    pid: int

    @property
    def hci_path(self) -> Path:
        """Socket on which a host finds a Bluetooth controller."""
        return self.directory / "hci.sock"

    @property
    def tty_path(self) -> Path:
        """The board's serial port."""
        return self.directory / "tty"


def runtime_directory() -> Path:
    """Return this user's directory of virtual boards, made if needed.

    Raises
    ------
    UsageError
        If somebody else could have made it or can write to it.
    """
    path = Path(tempfile.gettempdir()) / f"faceloop-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    about = path.lstat()
    if path.is_symlink() or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise UsageError(f"{path} is not private to you. Remove it and try again.")
    return path


def create_directory(name: str) -> tuple[Path, int]:
    """Make the directory of a new board; return it and the descriptor of its locked file.

    Raises
    ------
    UsageError
        If a board of this name runs already, or the path would be too long for a socket.
    """
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise UsageError(f"A board's name has letters, digits, - and _ only, not {name!r}.")
    directory = runtime_directory() / name
    if len(os.fsencode(directory / LONGEST_SOCKET)) > SOCKET_PATH_LIMIT:
        raise UsageError(
            f"{directory} is too long for a socket. Choose a shorter name, or set TMPDIR to /tmp."
        )
    _remove_if_stale(directory)
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        raise UsageError(f"A virtual board named {name} is running already.") from None
    lock_fd = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock_fd, fcntl.LOCK_EX)
    return directory, lock_fd


def list_boards() -> list[RunningBoard]:
    """Return the boards that are up, by name; remove what dead ones left."""
    boards = []
    for directory in sorted(runtime_directory().iterdir()):
        if _remove_if_stale(directory):
            continue
        with contextlib.suppress(OSError, ValueError, KeyError):
            about = json.loads((directory / READY_FILE).read_text())
            boards.append(RunningBoard(about["name"], directory, about["pid"]))
    return boards


def _remove_if_stale(directory: Path) -> bool:
    """Remove a dead board's directory; return whether there is nothing (left)."""
    try:
        age_s = time.time() - directory.stat().st_mtime
        lock_fd = os.open(directory / LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        if not directory.exists():
            return True
        if age_s < START_GRACE_S:
            return False
        shutil.rmtree(directory, ignore_errors=True)
        return True
    except NotADirectoryError:
        return False
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(directory, ignore_errors=True)
        return True
    finally:
        os.close(lock_fd)
