"""A file that a command will write at its end: whether it can be, said before any work."""

from __future__ import annotations

import os
from pathlib import Path

from faceloop.errors import UsageError

__all__ = ["check_folder"]


def check_folder(path: Path) -> None:
    """Raise UsageError if there is no folder for this file, or nothing can be written into it."""
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}: make it first.")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"Nothing can be written into {path.parent}: choose another folder.")
