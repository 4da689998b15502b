"""Makes the virtual board's flash: a littlefs image that MicroPython's VfsLfs2 mounts."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from littlefs import LittleFS
from littlefs.errors import LittleFSError

from faceloop.errors import UsageError
from faceloop.twin.firmware_files import board_files

__all__ = [
    "BLOCK_BYTES",
    "IMAGE_BYTES",
    "build_image",
    "lock_image",
    "prepare_image",
    "update_image",
]

BLOCK_BYTES = 4096
IMAGE_BYTES = (4096 - 1536) * 1024
"""What a Pico 2 W has for files: 4 MB of flash less 1.5 MB for MicroPython.

Ref: MicroPython, ports/rp2/boards/RPI_PICO2_W/mpconfigboard.h, MICROPY_HW_FLASH_STORAGE_BYTES.
"""
_BLOCKS = IMAGE_BYTES // BLOCK_BYTES
_ERASED = b"\xff" * BLOCK_BYTES
_FILE = 1  # LFS_TYPE_REG
_SLOT_FILE = "/faceloop.slot"


def build_image(files: Iterable[tuple[PurePosixPath, bytes]]) -> bytes:
    """Return an image of `IMAGE_BYTES` with these files.

    Parameters
    ----------
    files : iterable of (PurePosixPath, bytes)
        Absolute path on the board, and content.

    Raises
    ------
    UsageError
        If they do not fit.
    """
    filesystem = LittleFS(block_size=BLOCK_BYTES, block_count=_BLOCKS)
    _write(filesystem, files)
    return bytes(filesystem.context.buffer)


def update_image(image: bytes, files: Iterable[tuple[PurePosixPath, bytes]]) -> bytes:
    """Return ``image`` with these files in place of older firmware, all others as they were.

    A folder that receives files loses those that it had, so that no module of an older firmware
    stays behind; the top folder, where the board keeps its own files, does not.

    Raises
    ------
    UsageError
        If ``image`` is no flash image, or they do not fit.
    """
    if len(image) != IMAGE_BYTES:
        raise UsageError(
            f"The kept flash image has {len(image)} bytes, not {IMAGE_BYTES}; "
            "delete it and try again."
        )
    filesystem = LittleFS(block_size=BLOCK_BYTES, block_count=_BLOCKS, mount=False)
    filesystem.context.buffer[:] = image
    try:
        filesystem.mount()
    except (OSError, LittleFSError) as error:
        raise UsageError(
            "The kept flash image cannot be read; delete it and try again."
        ) from error
    with contextlib.suppress(OSError, LittleFSError):
        filesystem.remove(_SLOT_FILE)  # what was flashed into a folder would start instead
    files = list(files)
    for folder in {target.parent for target, _ in files} - {PurePosixPath("/")}:
        _clear(filesystem, folder)
    _write(filesystem, files)
    return bytes(filesystem.context.buffer)


def lock_image(path: Path) -> int:
    """Make the image file if needed and lock it; the lock ends with the returned descriptor.

    Raises
    ------
    UsageError
        If another board uses it: two would destroy each other's files.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UsageError(
            f"Another virtual board uses the flash image {path}. Stop it, or choose another file."
        ) from None
    return descriptor


def prepare_image(path: Path, *, keep: bool, capture: str = "pio") -> None:
    """Write the flash image with the current firmware to ``path``.

    Parameters
    ----------
    path : Path
        Where it goes.
    keep : bool
        If there is an image already, keep what the board has stored in it (keys, settings) and
        replace only the firmware's own files.
    capture : {"pio", "irq"}
        As for `board_files`.
    """
    files = ((target, source.read_bytes()) for target, source in board_files(capture))
    if keep and path.exists() and path.stat().st_size:
        image = update_image(path.read_bytes(), files)
    else:
        image = build_image(files)
    with path.open("wb") as file:
        # Three quarters of it are erased: left as holes they take neither time nor room.
        for start in range(0, IMAGE_BYTES, BLOCK_BYTES):
            block = image[start : start + BLOCK_BYTES]
            if block != _ERASED:
                file.seek(start)
                file.write(block)
        file.truncate(IMAGE_BYTES)


def _clear(filesystem: LittleFS, folder: PurePosixPath) -> None:
    try:
        names = [entry.name for entry in filesystem.scandir(str(folder)) if entry.type == _FILE]
    except (OSError, LittleFSError):
        return  # not there yet
    for name in names:
        filesystem.remove(str(folder / name))


def _write(filesystem: LittleFS, files: Iterable[tuple[PurePosixPath, bytes]]) -> None:
    for target, content in files:
        try:
            filesystem.makedirs(str(target.parent), exist_ok=True)
            with filesystem.open(str(target), "wb") as file:
                file.write(content)
        except (OSError, LittleFSError) as error:
            raise UsageError(f"{target} does not fit on the board's flash.") from error
