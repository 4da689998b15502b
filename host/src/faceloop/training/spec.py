"""What every part of a programme has in common: strict, frozen, and one way to say an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from faceloop.refusal import Term, refusal

__all__ = ["NamesOf", "Spec", "field_term", "keep_order"]


class Spec(BaseModel):
    """A part of a programme: no key that it does not know, no conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class NamesOf:
    """A validator: a list holds nothing but these names."""

    known: tuple[str, ...]

    def __call__(self, names: Any) -> Any:
        """Return the names as a tuple; what is no list is left to the type."""
        if not isinstance(names, (list, tuple)):
            return names
        for name in names:
            if name not in self.known:
                raise ValueError(refusal("rule_unknown", given=repr(name), known=self.known))
        return tuple(names)


def keep_order(spec: BaseModel, small: str, large: str) -> None:
    """Refuse a number that is larger than the one above it.

    Raises
    ------
    ValueError
        With a refusal that names both.
    """
    given, limit = getattr(spec, small), getattr(spec, large)
    if given > limit:
        names = {"name": field_term(small), "most": field_term(large)}
        raise ValueError(refusal("rule_order", given=given, limit=limit, **names))


def field_term(name: str, path: str = "") -> Term:
    """Return a field's name for a sentence; where no page says it, its path in the file."""
    return Term(f"therapist.field.{name}", path or name)
