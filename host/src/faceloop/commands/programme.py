"""``faceloop programme``: the training programmes that come with it, and those of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceloop import output
from faceloop.commands.working import working
from faceloop.options import Json

__all__ = ["programme"]

programme = typer.Typer(help="Training programmes.")


@programme.command(name="list")
def list_programmes(*, as_json: Json = False) -> None:
    """List the programmes that come with faceloop."""
    from faceloop.tasks.programmes import programmes

    output.result(programmes(), as_json, output.programme_lines)


@programme.command()
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="One that `programme list` names, or a TOML file."),
    ],
) -> None:
    """Print a programme, every key with what it means and its range.

    Save it under another name, change it, and check it.
    """
    from faceloop.tasks.programmes import programme_named

    with working(as_json=True):
        text = programme_named(name)
    print(text, end="")


@programme.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Programme (TOML).")],
    *,
    as_json: Json = False,
) -> None:
    """Check a programme file: one sentence says what is wrong."""
    from faceloop.tasks.programmes import checked_programme

    with working(as_json):
        result = checked_programme(file)
    output.result(result, as_json, output.programme_lines)
