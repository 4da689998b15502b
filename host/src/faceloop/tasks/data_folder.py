"""The folder of recordings, looked at before anything is started."""

from __future__ import annotations

import tempfile
from pathlib import Path

from faceloop.errors import StorageError, UsageError
from faceloop.session.store import Store

__all__ = ["checked_store"]


def checked_store(out: Path | None) -> Store:
    """Return the store to record into, after a look whether it can take a recording.

    Parameters
    ----------
    out : Path or None
        Folder that the user names; its parent must exist. None takes the user's own.

    Raises
    ------
    UsageError
        If there is no such place.
    StorageError
        If nothing can be written there.
    """
    store = Store(out.expanduser() if out is not None else None)
    try:
        _look(store, is_named=out is not None)
    except OSError as error:
        raise StorageError(
            f"Nothing can be written into {store.root} ({error.strerror or error}). Allow it for"
            " your account, or choose another folder with --out."
        ) from error
    return store


def _look(store: Store, *, is_named: bool) -> None:
    parent = store.root.parent
    if is_named and not parent.exists():
        raise UsageError(
            f"There is no folder {parent} to make {store.root.name} in. Make it first, or check"
            " the name."
        )
    place = store.sessions_path
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        way_out = (
            "Give --out a folder; one that is not there yet is made."
            if is_named
            else "Move the file away, or choose a folder with --out."
        )
        raise UsageError(f"{place} is a file, and recordings are kept in a folder. {way_out}")
    with tempfile.TemporaryFile(dir=place):
        pass
