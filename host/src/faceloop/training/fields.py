"""What may be changed in a programme, read from its schema: for the file and for the page.

A programme has tables that hold for all of its blocks, here named as in the file, ``[alert]``,
and its blocks, by their own names.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from faceloop.training.cited import source_of
from faceloop.training.programme import Programme
from faceloop.training.spec import NamesOf, Spec

__all__ = ["FIXED", "TABLES", "ProgrammeField", "fields_of", "parts_of", "usual_value"]

TABLES: dict[str, str] = {
    f"[{name}]": name
    for name, field in Programme.model_fields.items()
    if isinstance(field.annotation, type)
    and not isinstance(field.annotation, types.GenericAlias)
    and issubclass(field.annotation, Spec)
}
"""The tables of a programme, and where they are in it; no block can have such a name."""
# What a block is, not how it is done.
FIXED = ("name", "kind")


@dataclass(frozen=True, slots=True)
class ProgrammeField:
    """One value that may be changed.

    Parameters
    ----------
    key : str
    shape : str
        ``number``, ``flag``, ``choice`` of one name, ``list`` of names in order.
    about : str
        What it means, in English.
    low, high : float or None
        Limits of a number.
    is_whole : bool
        Whether a number is one without decimals.
    known : tuple of str
        Names to choose from.
    most : int
        Names in a list.
    source : str
        Paper or page that its default follows; empty for a proposal of our own.
    default : object
        Of the schema.
    """

    key: str
    shape: Literal["number", "flag", "choice", "list"]
    about: str = ""
    low: float | None = None
    high: float | None = None
    is_whole: bool = False
    known: tuple[str, ...] = ()
    most: int = 0
    source: str = ""
    default: Any = None


def fields_of(spec: type[Spec]) -> tuple[ProgrammeField, ...]:
    """Return what may be changed in a table or a block, in order."""
    return tuple(_field(k, f) for k, f in spec.model_fields.items() if k not in FIXED)


def parts_of(programme: Programme) -> dict[str, Spec]:
    """Return the tables and the blocks of a programme, by name and in order."""
    tables: dict[str, Spec] = {name: getattr(programme, key) for name, key in TABLES.items()}
    return tables | {block.name: block for block in programme.block}


def usual_value(shipped: Programme, part: str, spec: Spec, field: ProgrammeField) -> Any:
    """Return what a value is without a therapist: in the shipped programme, else in the schema.

    Parameters
    ----------
    shipped : Programme
    part : str
        Name of the table or the block.
    spec : Spec
        What is there now; a shipped block of another kind says nothing about it.
    field : ProgrammeField
    """
    there = parts_of(shipped).get(part)
    return getattr(there, field.key) if type(there) is type(spec) else field.default


def _field(key: str, field: FieldInfo) -> ProgrammeField:
    about, source, default = field.description or "", source_of(field), field.default
    told = {"about": about, "source": source, "default": default}
    if field.annotation is bool:
        return ProgrammeField(key, "flag", **told)
    if get_origin(field.annotation) is Literal:
        return ProgrammeField(key, "choice", known=get_args(field.annotation), **told)
    validators = (mark.func for mark in field.metadata if isinstance(mark, BeforeValidator))
    names = next((func for func in validators if isinstance(func, NamesOf)), None)
    if names is not None:
        most = int(_limit(field, "max_length") or len(names.known))
        return ProgrammeField(key, "list", known=names.known, most=most, **told)
    low, high = _limit(field, "ge"), _limit(field, "le")
    is_whole = field.annotation is int
    return ProgrammeField(key, "number", low=low, high=high, is_whole=is_whole, **told)


def _limit(field: FieldInfo, name: str) -> float | None:
    limits = (getattr(mark, name, None) for mark in field.metadata)
    return next((limit for limit in limits if limit is not None), None)
