"""The data directory: one folder per session, nothing outside it, nothing ever overwritten."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from faceloop.errors import StorageError, UsageError
from faceloop.refusal import refusal
from faceloop.session.bdf import BDF_NAME, finalise
from faceloop.session.disk import SessionBusy, SessionLock, storage_error, sync_directory
from faceloop.session.journal_format import JOURNAL_NAME
from faceloop.session.summary import SUMMARY_NAME, Summary

__all__ = ["Recovery", "SessionEntry", "Store", "data_directory"]

DATA_VARIABLE = "FACELOOP_DATA"
# Crockford's base 32 as in ULIDs: no I, L, O, U, so that an id can be read out and typed.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def data_directory() -> Path:
    """Return where a user's recordings live; ``FACELOOP_DATA`` overrides the system's place."""
    chosen = os.environ.get(DATA_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("faceloop"))


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One session folder.

    Parameters
    ----------
    id : str
    path : Path
    state : str
        ``recording`` (someone holds it now), ``unfinished`` (a journal without its file),
        ``finished``, or ``empty`` (no journal was begun).
    summary : dict or None
        Content of ``session.json`` of a finished session.
    """

    id: str
    path: Path
    state: str
    summary: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of one unfinished session: a summary, or an error in plain words."""

    id: str
    summary: Summary | None
    error: str = ""


class Store:
    """Sessions under a data directory.

    Parameters
    ----------
    root : Path, optional
        Data directory; ``data_directory()`` by default. Made when the first session is.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root if root is not None else data_directory()

    @property
    def sessions_path(self) -> Path:
        """Folder that holds the session folders."""
        return self.root / "sessions"

    def new_session(self) -> Path:
        """Make a new, empty session folder, readable by this user only, and return it.

        Raises
        ------
        StorageError
            If the folder cannot be made.
        """
        path = self.sessions_path / _new_id()
        try:
            self.sessions_path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.mkdir(mode=0o700)
            sync_directory(self.sessions_path)
        except OSError as error:
            raise storage_error(error, path) from error
        return path

    def session(self, session_id: str) -> Path:
        """Return the folder of an existing session.

        Raises
        ------
        UsageError
            If the id is malformed or no such session exists; nothing but a plain folder inside
            the data directory is ever returned.
        """
        if not _ID.fullmatch(session_id):
            raise UsageError(refusal("no_session_id", given=repr(session_id[:40])))
        path = self.sessions_path / session_id
        if path.is_symlink() or not path.is_dir():
            raise UsageError(refusal("no_session", session=session_id, path=self.sessions_path))
        return path

    def sessions(self) -> list[SessionEntry]:
        """Return all sessions, oldest first. Names that are no session ids are left alone."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.sessions_path))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise storage_error(error, self.sessions_path) from error
        entries = []
        for name in names:
            path = self.sessions_path / name
            if _ID.fullmatch(name) and path.is_dir() and not path.is_symlink():
                entries.append(_entry(path))
        return entries

    def recover(
        self,
        progress: Callable[[int, int], None] | None = None,
        spare: Collection[str] = (),
    ) -> list[Recovery]:
        """Finish every recording whose host went away. Call it once at start, from a thread.

        Sessions that a live process holds are left alone, and those whose ids are in ``spare``.
        One that cannot be finished is reported and does not keep the others from being finished.
        """
        results = []
        for entry in self.sessions():
            if entry.state != "unfinished" or entry.id in spare:
                continue
            try:
                summary = finalise(entry.path / JOURNAL_NAME, entry.path / BDF_NAME, progress)
            except SessionBusy:
                continue
            except StorageError as error:
                results.append(Recovery(entry.id, None, str(error)))
            else:
                results.append(Recovery(entry.id, summary))
        return results


def _new_id() -> str:
    """Return an id that sorts by time: 48 bits of milliseconds, 80 random bits."""
    number = (time.time_ns() // 1_000_000 & (1 << 48) - 1) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def _entry(path: Path) -> SessionEntry:
    if (path / BDF_NAME).is_file():
        return SessionEntry(path.name, path, "finished", _read_summary(path / SUMMARY_NAME))
    if _is_held(path):
        return SessionEntry(path.name, path, "recording")
    has_journal = (path / JOURNAL_NAME).is_file()
    return SessionEntry(path.name, path, "unfinished" if has_journal else "empty")


def _is_held(path: Path) -> bool:
    try:
        with SessionLock(path):
            return False
    except SessionBusy:
        return True
    except StorageError:
        return False  # read-only folder: no one can be writing there


def _read_summary(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None  # rebuilt from the journal at will; a list must not fail over it
    return content if isinstance(content, dict) else None
