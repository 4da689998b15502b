"""Programmes as TOML files: those that come with faceloop, and those a therapist has changed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from faceloop.errors import UsageError
from faceloop.training.programme import Programme
from faceloop.training.stage import STAGES, Stage

__all__ = [
    "SHIPPED",
    "changed_programme",
    "parse_programme",
    "programme_text",
    "read_programme",
    "shipped_programme",
    "shipped_programmes",
]

SHIPPED = Path(__file__).parent / "programmes"
MOST_BYTES = 1 << 18
_LIMIT_WORDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "too_short": ("have at least", "min_length"),
    "too_long": ("have at most", "max_length"),
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
            f"The programme {path} cannot be read ({error.strerror or error}). Check the name."
        ) from error
    if len(data) > MOST_BYTES:
        raise UsageError(f"{path} has {len(data)} bytes; a programme has at most {MOST_BYTES}.")
    try:
        return parse_programme(data.decode(), str(path))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8. Save it as UTF-8.") from error


def parse_programme(text: str, origin: str) -> Programme:
    """Return the programme in a TOML text; ``origin`` names it in errors.

    Raises
    ------
    UsageError
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{origin} is no TOML file: {error}.") from error
    return programme_of(content, origin)


def programme_of(content: Mapping[str, Any], origin: str) -> Programme:
    """Return the programme in what a TOML file holds.

    Raises
    ------
    UsageError
    """
    try:
        return Programme.model_validate(_with_floats(content))
    except ValidationError as error:
        raise UsageError(_sentence(error, content, origin)) from None


def shipped_programmes() -> dict[str, Programme]:
    """Return the programmes that come with faceloop, by name."""
    programmes = (read_programme(path) for path in sorted(SHIPPED.glob("*.toml")))
    return {programme.name: programme for programme in programmes}


def shipped_programme(stage: Stage, *, is_short: bool = False) -> Programme:
    """Return the default programme of a stage."""
    if stage not in STAGES:
        raise UsageError(f"There is no stage {stage!r}. Choose one of: {', '.join(STAGES)}.")
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
    content = programme.model_dump(mode="json")
    chosen = next((entry for entry in content["block"] if entry["name"] == block), None)
    if chosen is None:
        names = ", ".join(spec.name for spec in programme.block)
        raise UsageError(f"{programme.name} has no block {block!r}. It has: {names}.")
    if key not in chosen:
        raise UsageError(f"The block {block} has no {key!r}. It has: {', '.join(chosen)}.")
    chosen[key] = value
    return programme_of(content, programme.name)


def programme_text(programme: Programme) -> str:
    """Return a programme as TOML, every key written out with what it means and its range."""
    lines = [
        _toml(key, getattr(programme, key)) for key in ("format", "name", "stages", "is_short")
    ]
    for block in programme.block:
        lines += ["", "[[block]]"]
        for key, field in type(block).model_fields.items():
            comment = field.description or ""
            bounds = [getattr(limit, "ge", None) for limit in field.metadata]
            tops = [getattr(limit, "le", None) for limit in field.metadata]
            low = next((bound for bound in bounds if bound is not None), None)
            high = next((top for top in tops if top is not None), None)
            if low is not None and high is not None:
                comment += f", {low:g} to {high:g}"
            line = _toml(key, getattr(block, key))
            lines.append(f"{line}  # {comment}" if comment else line)
    return "\n".join(lines) + "\n"


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


def _sentence(error: ValidationError, content: Mapping[str, Any], origin: str) -> str:
    first = error.errors()[0]
    kind, context = first["type"], first.get("ctx", {})
    path = [part for part in first["loc"] if not _is_tag(part, first["loc"])]
    key = _key(path, content)
    given = first.get("input")
    shown = json.dumps(given, default=str)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    if kind in _LIMIT_WORDS:
        words, name = _LIMIT_WORDS[kind]
        limit = context.get(name, context.get("min_length", context.get("max_length")))
        if kind.startswith("too"):
            return f"{origin}: {key} must {words} {limit} entries."
        return f"{origin}: {key} is {shown}; it must be {words} {limit:g}."
    if kind == "missing":
        return f"{origin}: {key} is missing. Add it."
    if kind == "extra_forbidden":
        return f"{origin}: {key} is not known here. Check the spelling or take it out."
    if kind == "value_error":
        return f"{origin}: {key + ': ' if key else ''}{context['error']}."
    if kind in ("literal_error", "union_tag_invalid"):
        known = context.get("expected") or context.get("expected_tags")
        if kind == "union_tag_invalid":
            key, shown = f"{key}.kind", json.dumps(context.get("tag"))
        return f"{origin}: {key} is {shown}; choose {known}."
    if kind == "union_tag_not_found":
        return f"{origin}: {key}.kind is missing. Say which kind of block it is."
    if kind == "string_pattern_mismatch":
        return (
            f"{origin}: {key} is {shown}; use lower-case letters, digits and _, beginning with a"
            " letter, at most 32."
        )
    text = str(first["msg"])
    return f"{origin}: {key or 'the file'} is {shown}: {text[:1].lower()}{text[1:]}."


def _is_tag(part: Any, path: tuple[Any, ...]) -> bool:
    """Whether a part of the path is the kind of a block, which pydantic puts in."""
    return len(path) > 2 and path[0] == "block" and part is path[2] and isinstance(part, str)


def _key(path: list[Any], content: Mapping[str, Any]) -> str:
    """Return a path as it is read in the file, a block by its name where it has one."""
    if len(path) >= 2 and path[0] == "block" and isinstance(path[1], int):
        block = content["block"][path[1]]
        name = block.get("name") if isinstance(block, Mapping) else None
        first = f"block {name}" if isinstance(name, str) else f"block number {path[1] + 1}"
        rest = ".".join(str(part) for part in path[2:])
        return f"{first}: {rest}" if rest else first
    return ".".join(str(part) for part in path)
