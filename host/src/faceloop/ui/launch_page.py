"""The private file through which the browser is opened: the way in is in no process list."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path

from faceloop.ui.access import LAUNCH_TOKEN_S

__all__ = ["launch_folder", "open_browser"]

_PREFIX = "faceloop-page-"
_NAME = "open.html"


@contextlib.contextmanager
def launch_folder() -> Iterator[Path]:
    """Give a private folder that goes with the block.

    What a program that was killed has left of such folders is removed first. A file older than its
    token is of no use to anyone, whoever may still run.
    """
    _clear()
    # mode 0700; another start may have cleared it already
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def open_browser(address: str, folder: Path) -> None:
    """Open the browser at an address with a launch token.

    On a daemon thread: some browsers keep their caller waiting until they are closed.

    Parameters
    ----------
    address : str
    folder : Path
        Of ``launch_folder``.
    """
    page = folder / _NAME
    with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">')
    threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()


def _clear() -> None:
    """Remove the folders of this user that have outlived their token."""
    oldest_s = time.time() - LAUNCH_TOKEN_S
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            is_old = folder.lstat().st_mtime < oldest_s
            if is_old and folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)
