"""Dataclasses that are made faster than those of the standard library, and do the same.

``dataclasses.dataclass`` writes and compiles a ``__repr__`` and an ``__eq__`` for every class.
Bumble has 500 such classes, of which a session uses a few; to make them was two fifths of the time
that it takes to load (0.39 to 0.24 s, ``tests/benchmarks/RESULTS.md``). Here all classes share one
of each, which looks the fields up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import reprlib
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["plain_dataclasses"]

_dataclass: Any = dataclasses.dataclass


@contextlib.contextmanager
def plain_dataclasses() -> Iterator[None]:
    """Make the dataclasses of what is imported meanwhile in less time.

    For packages that we do not write. A class that asks for more than ``@dataclass`` without
    arguments is made as ever.
    """
    dataclasses.dataclass = _plain_dataclass
    try:
        yield
    finally:
        dataclasses.dataclass = _dataclass


def _plain_dataclass(cls: type | None = None, /, **options: Any) -> Any:
    if options:
        return _dataclass(cls, **options)
    return _plain if cls is None else _plain(cls)


def _plain(cls: type) -> type:
    own = vars(cls)
    if own.get("__doc__") is None:
        cls.__doc__ = cls.__name__  # else the signature of each is worked out to stand there
    if "__eq__" not in own:
        cls.__eq__ = _eq  # type: ignore[assignment]
        if "__hash__" not in own:
            cls.__hash__ = None  # type: ignore[assignment]
    if "__repr__" not in own:
        cls.__repr__ = _repr  # type: ignore[assignment]
    make: Callable[[type], type] = _dataclass(repr=False, eq=False)
    return make(cls)


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    names = [field.name for field in dataclasses.fields(self) if field.compare]
    return [getattr(self, name) for name in names] == [getattr(other, name) for name in names]


@reprlib.recursive_repr()
def _repr(self: Any) -> str:
    shown = ", ".join(
        f"{field.name}={getattr(self, field.name)!r}"
        for field in dataclasses.fields(self)
        if field.repr
    )
    return f"{self.__class__.__qualname__}({shown})"
