#!/usr/bin/env python3
"""Write the tables of commands and options in host/README.md from the program itself.

    .venv/bin/python tools/cli_page.py           write them
    .venv/bin/python tools/cli_page.py --check   exit code 1 when they are stale

A test checks that they are not.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from typer.models import ArgumentInfo, OptionInfo, ParameterInfo

from faceloop.cli import app

PAGE = Path(__file__).resolve().parent.parent / "host" / "README.md"
BEGIN = "<!-- written by tools/cli_page.py: begin -->\n"
END = "<!-- written by tools/cli_page.py: end -->\n"

_VALUES = {float: "number", int: "number", str: "text", Path: "file"}


def main(arguments: list[str]) -> int:
    """Write or check the page; return the exit code."""
    old = PAGE.read_text()
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    new = head + BEGIN + "\n" + "\n".join(lines()) + "\n" + END + tail
    if arguments == ["--check"]:
        return int(new != old)
    PAGE.write_text(new)
    return 0


def lines() -> Iterator[str]:
    """Yield the generated part, line by line."""
    commands = [("", command) for command in app.registered_commands]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        commands += [(group.name, command) for command in group.typer_instance.registered_commands]
    for group_name, command in commands:
        assert command.callback is not None
        parameters = list(parameters_of(command.callback))
        names = [name.upper() for name, info, _, _ in parameters if isinstance(info, ArgumentInfo)]
        words = ["faceloop", group_name, command.name or command.callback.__name__, *names]
        yield f"### `{' '.join(word for word in words if word)}`"
        yield ""
        yield inspect.getdoc(command.callback) or ""
        yield ""
        yield "| option | value | default | meaning |"
        yield "|---|---|---|---|"
        yield from (row(*parameter) for parameter in parameters)
        yield ""


def parameters_of(
    callback: Callable[..., Any],
) -> Iterator[tuple[str, ParameterInfo, type, object]]:
    """Yield ``(name, info, type, default)`` of each parameter that the help shows."""
    hints = typing.get_type_hints(callback, include_extras=True)
    for name, parameter in inspect.signature(callback).parameters.items():
        kind, info = typing.get_args(hints[name])
        if not info.hidden:
            yield name, info, kind, parameter.default


def row(name: str, info: ParameterInfo, kind: type, default: object) -> str:
    """Return the table row of one option or argument."""
    is_needed = default is inspect.Parameter.empty
    plain = next((t for t in (kind, *typing.get_args(kind)) if t in _VALUES), kind)
    value = info.metavar.replace("|", " or ") if info.metavar else _VALUES.get(plain, "")
    shown = "" if default is None or default is False else f"`{default}`"
    label = option_name(name, info) if isinstance(info, OptionInfo) else name.upper()
    return f"| `{label}` | {value} | {'needed' if is_needed else shown} | {info.help} |"


def option_name(name: str, info: OptionInfo) -> str:
    """Return how an option is called on the command line."""
    # In an Annotated type the first name given stands where the default would.
    given = [text for text in (info.default, *(info.param_decls or ())) if isinstance(text, str)]
    return ", ".join(given) or f"--{name.replace('_', '-')}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
