"""System calls behind every file of a recording: complete, durable, exclusive, and explained."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from pathlib import Path
from types import TracebackType

from faceloop.errors import StorageError
from faceloop.refusal import refusal

if sys.platform == "win32":
    import msvcrt

    _BINARY = os.O_BINARY
else:
    import fcntl

    _BINARY = 0

__all__ = [
    "SessionBusy",
    "SessionLock",
    "free_bytes",
    "replace_file",
    "storage_error",
    "sync_directory",
    "sync_file",
    "write_all",
]

LOCK_NAME = ".lock"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class SessionBusy(StorageError):
    """Another live process (or another writer in this one) holds the session."""


def storage_error(error: OSError, path: Path) -> StorageError:
    """Return what a failed system call on ``path`` means for the user."""
    if error.errno in _FULL:
        return StorageError(refusal("disk_full", path=path))
    if error.errno == errno.EIO:
        return StorageError(refusal("disk_failed", path=path))
    if error.errno in _FORBIDDEN:
        return StorageError(refusal("forbidden", path=path))
    reason = error.strerror or type(error).__name__
    return StorageError(refusal("unwritable", path=path, reason=reason))


def free_bytes(directory: Path) -> int:
    """Return how many bytes an ordinary user can still write on the disk of ``directory``."""
    try:
        return shutil.disk_usage(directory).free
    except OSError as error:
        raise storage_error(error, directory) from error


def write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    """Write every byte, however few the system takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_file(fd: int) -> None:
    """Return when the disk itself holds what was written to ``fd``."""
    os.fsync(fd)
    if sys.platform == "darwin":
        # fsync alone leaves the data in the drive's cache there; some file systems refuse this.
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)


def sync_directory(directory: Path) -> None:
    """Make new and renamed names in ``directory`` survive a power cut."""
    if sys.platform == "win32":
        return  # directories cannot be opened there; NTFS keeps names in its own journal
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(path: Path, data: bytes) -> None:
    """Write ``path`` so that it holds either its old content or all of ``data``, never less.

    Raises
    ------
    StorageError
        If a system call fails.
    """
    temp = path.with_name(path.name + ".part")
    try:
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o600)
        try:
            write_all(fd, data)
            sync_file(fd)
        finally:
            os.close(fd)
        temp.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)
        raise storage_error(error, path) from error


class SessionLock:
    """The right to write into a session folder; the system takes it back when the holder dies.

    Parameters
    ----------
    directory : Path
        Session folder; must exist.

    Raises
    ------
    SessionBusy
        On entry, if someone else holds it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._fd = -1

    def acquire(self) -> None:
        """Take the lock or raise ``SessionBusy`` at once."""
        path = self._directory / LOCK_NAME
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o600)
        except OSError as error:
            raise storage_error(error, path) from error
        try:
            _lock(fd)
        except OSError as error:
            os.close(fd)
            if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK):
                raise storage_error(error, path) from error
            raise SessionBusy(refusal("busy", path=self._directory)) from error
        self._fd = fd

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two holders in."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> SessionLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _lock(fd: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    else:
        # flock, not lockf: it belongs to this open file, so that two writers inside one process
        # refuse each other as well, and closing an unrelated descriptor does not drop it.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
