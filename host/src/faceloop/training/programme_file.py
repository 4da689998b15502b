"""Programmes as TOML files: those that come with faceloop, and those a therapist has changed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from faceloop.errors import UsageError
from faceloop.refusal import Refusal, Term, refusal
from faceloop.training.fields import FIXED, TABLES, ProgrammeField, fields_of, parts_of
from faceloop.training.programme import Programme
from faceloop.training.spec import Spec, field_term
from faceloop.training.stage import STAGES, Stage, no_stage

__all__ = [
    "SHIPPED",
    "changed_programme",
    "parse_programme",
    "programme_text",
    "programme_with",
    "read_programme",
    "shipped_programme",
    "shipped_programmes",
]

SHIPPED = Path(__file__).parent / "programmes"
MOST_BYTES = 1 << 18
# The rule that is broken by the schema's word for it, and where that has the limit.
_LIMITS = {
    "greater_than_equal": ("rule_least", "ge"),
    "less_than_equal": ("rule_most", "le"),
    "too_short": ("rule_few", "min_length"),
    "too_long": ("rule_many", "max_length"),
}
_KINDS = {
    "int_type": "rule_whole",
    "int_from_float": "rule_whole",
    "float_type": "rule_number",
    "finite_number": "rule_number",
    "string_type": "rule_text",
    "bool_type": "rule_truth",
    "tuple_type": "rule_list",
    "string_pattern_mismatch": "rule_name",
}


def read_programme(path: Path) -> Programme:
    """Read a programme file.

    Raises
    ------
    UsageError
        One sentence: file, key, what is there, what may be there.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            refusal("programme_missing", path=path, reason=error.strerror or error)
        ) from error
    if len(data) > MOST_BYTES:
        raise UsageError(refusal("programme_large", path=path, given=len(data), most=MOST_BYTES))
    try:
        return parse_programme(data.decode(), str(path))
    except UnicodeDecodeError as error:
        raise UsageError(refusal("programme_encoding", path=path)) from error


def parse_programme(text: str, origin: str) -> Programme:
    """Return the programme in a TOML text; ``origin`` names it in errors.

    Raises
    ------
    UsageError
    """
    try:
        content = tomllib.loads(text)
    except RecursionError as error:
        raise UsageError(refusal("programme_deep", origin=origin)) from error
    except tomllib.TOMLDecodeError as error:
        reason, place = _reason_and_place(str(error))
        raise UsageError(
            refusal("programme_syntax", origin=origin, reason=reason, place=place)
        ) from error
    return programme_of(content, origin)


def _reason_and_place(said: str) -> tuple[str, Refusal]:
    """Return what the parser says, English only, and where: that can be said in any language."""
    reason, _, place = said.rpartition(" (at ")
    if found := re.fullmatch(r"line (\d+), column (\d+)\)", place):
        return reason, refusal("place_line", line=found[1], column=found[2])
    return reason or said, refusal("place_end")


def programme_of(content: Mapping[str, Any], origin: str) -> Programme:
    """Return the programme in what a TOML file holds.

    Raises
    ------
    UsageError
    """
    try:
        return Programme.model_validate(_with_floats(content))
    except ValidationError as error:
        rule = _rule(error, content)
        raise UsageError(refusal("programme_rule", origin=origin, rule=rule)) from None


def shipped_programmes() -> dict[str, Programme]:
    """Return the programmes that come with faceloop, by name."""
    programmes = (read_programme(path) for path in sorted(SHIPPED.glob("*.toml")))
    return {programme.name: programme for programme in programmes}


def shipped_programme(stage: Stage, *, is_short: bool = False) -> Programme:
    """Return the default programme of a stage."""
    if stage not in STAGES:
        raise no_stage(stage)
    return next(
        programme
        for programme in shipped_programmes().values()
        if stage in programme.stages and programme.is_short == is_short
    )


def changed_programme(programme: Programme, block: str, key: str, value: Any) -> Programme:
    """Return the programme with one number changed.

    Raises
    ------
    UsageError
        If there is no such block or key, or the value is out of range.
    """
    return programme_with(programme, {(block, key): value})


def programme_with(programme: Programme, changes: Mapping[tuple[str, str], Any]) -> Programme:
    """Return the programme with values changed, by block and key, all at once.

    A table is named as in the file: ``[setup]``.

    Raises
    ------
    UsageError
        If there is no such block or key, or the programme as a whole cannot be.
    """
    content = programme.model_dump(mode="json")
    blocks = {entry["name"]: entry for entry in content["block"]}
    blocks |= {name: content[key] for name, key in TABLES.items()}
    for (block, key), value in changes.items():
        if block not in blocks:
            known = tuple(blocks)
            raise UsageError(
                refusal("no_block", programme=programme.name, given=repr(block), known=known)
            )
        if key not in blocks[block]:
            known = tuple(blocks[block])
            raise UsageError(refusal("no_key", block=block, given=repr(key), known=known))
        blocks[block][key] = value
    return programme_of(content, programme.name)


def programme_text(programme: Programme) -> str:
    """Return a programme as TOML, every key written out with meaning, range and source."""
    lines = [
        _toml(key, getattr(programme, key)) for key in ("format", "name", "stages", "is_short")
    ]
    for name, spec in parts_of(programme).items():
        lines += ["", name] if name in TABLES else ["", "[[block]]", *_what_it_is(spec)]
        for field in fields_of(type(spec)):
            comment = ", ".join(filter(None, (field.about, _range(field))))
            source = f" ({field.source})" if field.source else ""
            lines.append(f"{_toml(field.key, getattr(spec, field.key))}  # {comment}{source}")
    return "\n".join(lines) + "\n"


def _what_it_is(block: Spec) -> list[str]:
    return [_toml(key, getattr(block, key)) for key in FIXED]


def _range(field: ProgrammeField) -> str:
    if field.low is not None and field.high is not None:
        return f"{field.low:g} to {field.high:g}"
    return f"of {', '.join(field.known)}" if field.known else ""


def _toml(key: str, value: Any) -> str:
    # JSON writes strings, numbers, true, false and lists of strings just as TOML reads them.
    return f"{key} = {json.dumps(list(value) if isinstance(value, tuple) else value)}"


def _with_floats(content: Any) -> Any:
    """Return lists as tuples, which is what the strict models want."""
    if isinstance(content, Mapping):
        return {key: _with_floats(value) for key, value in content.items()}
    if isinstance(content, list):
        return tuple(_with_floats(value) for value in content)
    return content


def _rule(error: ValidationError, content: Mapping[str, Any]) -> Refusal:
    """Return what is broken first, and where."""
    first = error.errors()[0]
    kind, context = first["type"], first.get("ctx", {})
    path = [part for part in first["loc"] if not _is_tag(part, first["loc"])]
    key = _key(path, content)
    given = _as_written(first.get("input"))
    if kind in _LIMITS:
        rule, name = _LIMITS[kind]
        return refusal(rule, key=key, given=given, limit=context[name])
    if kind == "missing":
        return refusal("rule_missing", key=key)
    if kind == "extra_forbidden":
        return refusal("rule_extra", key=key)
    if kind == "value_error":
        own: Refusal = context["error"].args[0]
        return own if not path else refusal("rule_at", key=key, rule=own)
    if kind == "literal_error":
        return refusal("rule_choose", key=key, given=given, known=_listed(context["expected"]))
    if kind == "union_tag_invalid":
        known = _listed(context["expected_tags"])
        return refusal("rule_kind", key=key, given=_as_written(context["tag"]), known=known)
    if kind == "union_tag_not_found":
        return refusal("rule_no_kind", key=key)
    rule = _KINDS.get(kind, "rule_other")
    return refusal(rule, key=key, given=given)


def _as_written(given: Any) -> str:
    shown = json.dumps(given, default=str)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _listed(words: str) -> tuple[str, ...]:
    """Return the words that pydantic lists with commas and "or"."""
    return tuple(words.replace(" or ", ", ").split(", "))


def _is_tag(part: Any, path: tuple[Any, ...]) -> bool:
    """Whether a part of the path is the kind of a block, which pydantic puts in."""
    return len(path) > 2 and path[0] == "block" and part is path[2] and isinstance(part, str)


def _key(path: list[Any], content: Mapping[str, Any]) -> Refusal | Term:
    """Return a path as it is read in the file, a block by its name where it has one.

    A page that has a name for the key says that.
    """
    if len(path) >= 2 and path[0] == "block" and isinstance(path[1], int):
        block = content["block"][path[1]]
        name = block.get("name") if isinstance(block, Mapping) else None
        key = _field_of(path[2:])
        if isinstance(name, str):
            place = {"block": name}
            kind = "place_block"
        else:
            place, kind = {"number": str(path[1] + 1)}, "place_number"
        return refusal(f"{kind}_key", key=key, **place) if path[2:] else refusal(kind, **place)
    return _field_of(path)


def _field_of(path: list[Any]) -> Term:
    last = next((part for part in reversed(path) if isinstance(part, str)), "")
    return field_term(last, ".".join(str(part) for part in path))
