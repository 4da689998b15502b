"""Where the board's files are, in a checkout and in an installed package."""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import faceloop_heat
import faceloop_protocol
from faceloop.errors import UsageError

__all__ = ["FIRMWARE_VARIABLE", "board_constants", "board_files", "firmware_root", "shim_dir"]

FIRMWARE_VARIABLE = "FACELOOP_FIRMWARE"


def firmware_root() -> Path:
    """Return the folder with ``main.py``, ``faceloop_device/`` and ``boards/``.

    The environment variable ``FACELOOP_FIRMWARE`` names another one: a branch to try, or firmware
    with a fault that a test must find.

    Raises
    ------
    UsageError
        If it has none, or this installation.
    """
    chosen = os.environ.get(FIRMWARE_VARIABLE)
    if chosen:
        folder = Path(chosen).resolve()
        if (folder / "virtual_board").is_dir():
            return folder
        raise UsageError(f"{FIRMWARE_VARIABLE} names {chosen}, which holds no firmware.")
    try:
        spec = importlib.util.find_spec("faceloop.firmware")
    except ModuleNotFoundError:
        spec = None
    candidates = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    # Editable installs do not always find a package without Python modules of its own.
    candidates.append(Path(__file__).resolve().parents[4] / "firmware")
    for candidate in candidates:
        if (candidate / "virtual_board").is_dir():
            return candidate
    raise UsageError("The firmware files are missing from this installation; install it again.")


def shim_dir() -> Path:
    """Return the folder with the modules that only the virtual board has."""
    return firmware_root() / "virtual_board"


def board_constants() -> dict[str, Any]:
    """Return the constants of ``boards/virtual.py`` by name."""
    root = str(firmware_root())
    sys.path.insert(0, root)  # it takes its pins from boards.pico2w
    try:
        return runpy.run_module("boards.virtual")
    finally:
        sys.path.remove(root)
        for name in ("boards", "boards.pico2w"):  # another firmware may be asked for next
            sys.modules.pop(name, None)


def board_files(capture: str = "pio") -> Iterator[tuple[PurePosixPath, Path]]:
    """Yield (path on the board, file here) of everything that goes onto a board's flash.

    ``capture`` says how a virtual board captures: ``"pio"`` like a Pico 2 W, ``"irq"`` like an
    ESP32-S3.
    """
    root = firmware_root()
    soft = root / "boards" / "virtual_irq.py"
    for name in ("boot.py", "main.py"):
        if (root / name).is_file():
            yield PurePosixPath("/", name), root / name
    for folder in ("faceloop_device", "boards"):
        for path in sorted((root / folder).rglob("*.py")):
            source = soft if capture == "irq" and path.name == "virtual.py" else path
            if path != soft:
                yield PurePosixPath("/", *path.relative_to(root).parts), source
    for package in (faceloop_protocol, faceloop_heat):
        shared = Path(str(package.__file__)).parent
        for path in sorted(shared.rglob("*.py")):
            parts = path.relative_to(shared).parts
            yield PurePosixPath("/lib", shared.name, *parts), path
