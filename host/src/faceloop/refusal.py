"""Why something was refused: a key and what is filled in, so that a page says it in any language.

The English sentences are in ``refusals.toml``, and only there: the command line says them, and the
pages' English catalogue takes them over. The other languages have the same keys in the section
``refused`` of ``ui/languages``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["Refusal", "Term", "english", "refusal"]


@dataclass(frozen=True, slots=True)
class Term:
    """A word that a page has a name of its own for.

    Parameters
    ----------
    key : str
        Of its name in the catalogue.
    word : str
        As files and commands have it; said where the catalogue has no such name.
    """

    key: str
    word: str

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class Refusal:
    """One sentence; ``str()`` is the English one.

    Parameters
    ----------
    key : str
        In ``refusals.toml``.
    params : mapping of str to object
        Texts, numbers, a `Term`, a tuple of those, or a `Refusal` that is a part of the sentence.
        ``n`` chooses between singular and plural.
    """

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        entry = english()[self.key]
        if not isinstance(entry, str):
            entry = entry["one" if self.params["n"] == 1 else "other"]
        return entry.format(**{name: _shown(value) for name, value in self.params.items()})


def refusal(key: str, /, **params: Any) -> Refusal:
    """Return the refusal ``key`` with these parameters."""
    return Refusal(key, params)


@cache
def english() -> dict[str, str | dict[str, str]]:
    """Return every sentence in English by its key; one that depends on a count has two forms."""
    source = (files("faceloop") / "refusals.toml").read_text(encoding="utf-8")
    return tomllib.loads(source)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
