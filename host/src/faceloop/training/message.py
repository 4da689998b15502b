"""What the patient reads: a key of the catalogue and its parameters, never a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Message", "message", "signed"]


@dataclass(frozen=True, slots=True)
class Message:
    """One text of the catalogue.

    Parameters
    ----------
    key : str
        Dotted lower case: ``train.block.settle.title``.
    params : mapping of str to object
        Numbers and texts that go into it. A parameter that is itself a `Message`, or a tuple of
        them, is translated first.
    """

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        params = {name: _plain(value) for name, value in self.params.items()}
        return {"key": self.key, "params": params}


def message(key: str, /, **params: Any) -> Message:
    """Return the message ``key`` with these parameters."""
    return Message(key, params)


def signed(number: int) -> str:
    """Return a whole number with its sign, as it is printed; 0 has none."""
    return f"{number:+d}".replace("-", "\N{MINUS SIGN}") if number else "0"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value.to_json() if isinstance(value, Message) else value
