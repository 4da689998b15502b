"""What the program imports is what installing it brings along."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What installing brings, and what a user may ask for besides; not what developers have.
FOR_USERS = [
    *PROJECT["dependencies"],
    *(
        text
        for name, texts in PROJECT["optional-dependencies"].items()
        if name != "dev"
        for text in texts
    ),
]
NEEDED = {canonicalize_name(Requirement(text).name) for text in FOR_USERS}
INSTALLED = packages_distributions()
OURS = {"faceloop", "faceloop_dsp", "faceloop_heat", "faceloop_protocol"}
# In the file that knows the interpreter, for the one that is not this one.
OTHER_INTERPRETER = {"micropython"}


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Return every statement below this, also those within others."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        # The body of a conditional expression and of a lambda is none.
        inner = getattr(node, name, ())
        for child in inner if isinstance(inner, list) else ():
            if isinstance(child, ast.stmt):
                yield child
            yield from statements(child)


def imported_packages() -> dict[str, set[str]]:
    """Return the files that import each package from outside, wherever in the file they do."""
    files: dict[str, set[str]] = {}
    for root in ("host/src", "dsp", "firmware/lib"):
        for path in (ROOT / root).rglob("*.py"):
            # Only where statements are: most of a file are parts of expressions.
            for node in statements(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                for name in names:
                    top = name.partition(".")[0]
                    files.setdefault(top, set()).add(str(path.relative_to(ROOT)))
    known = sys.stdlib_module_names | OURS | OTHER_INTERPRETER
    return {name: paths for name, paths in files.items() if name not in known}


IMPORTED = imported_packages()


@pytest.mark.parametrize("package", sorted(IMPORTED))
def test_imported_package_is_a_dependency_and_none_of_the_developers(package: str) -> None:
    brought_by = {canonicalize_name(name) for name in INSTALLED.get(package, [])}
    assert brought_by & NEEDED, (
        f"{package} ({', '.join(brought_by) or 'not installed'}) is imported by "
        f"{', '.join(sorted(IMPORTED[package]))} and is missing in [project] dependencies"
    )


def test_imports_are_found_at_all() -> None:
    """Deep in a function, in a package of another name, and only on Linux."""
    assert {"scipy", "serial", "littlefs", "micropython_unix"} <= set(IMPORTED)
