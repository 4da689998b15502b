"""Programmes from the command line: list, show, check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faceloop.errors import UsageError
from faceloop.training.programme import Programme
from faceloop.training.programme_file import (
    programme_text,
    read_programme,
    shipped_programmes,
)

__all__ = ["checked_programme", "programme_named", "programmes"]


def programmes() -> dict[str, Any]:
    """Return the programmes that come with faceloop."""
    return {"programmes": [_about(programme) for programme in shipped_programmes().values()]}


def programme_named(name: str) -> str:
    """Return the text of a shipped programme, or of a file.

    Raises
    ------
    UsageError
        If there is none, or the file is none.
    """
    shipped = shipped_programmes()
    if name in shipped:
        return programme_text(shipped[name])
    if name.endswith(".toml"):
        return programme_text(read_programme(Path(name)))
    raise UsageError(f"There is no programme {name!r}. Choose one of: {', '.join(shipped)}.")


def checked_programme(file: Path) -> dict[str, Any]:
    """Return what is in a programme file.

    Raises
    ------
    UsageError
        What is wrong with it, in one sentence.
    """
    return {"programmes": [_about(read_programme(file))]}


def _about(programme: Programme) -> dict[str, Any]:
    return {
        "name": programme.name,
        "stages": list(programme.stages),
        "is_short": programme.is_short,
        "minutes": round(programme.planned_s / 60.0, 1),
        "blocks": [block.name for block in programme.block if block.is_on],
    }
