"""The app's sentences in the person's language: complete TOML catalogues and a small lookup."""

from __future__ import annotations

import math
import re
import string
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from faceloop.errors import FaceloopError
from faceloop.refusal import Refusal, Term, english
from faceloop.training.message import Message, signed

__all__ = ["DASH", "LANGUAGES", "Texts", "best_language", "catalogue"]

# By their own names: a person looks for the language they can read.
LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
    "pt": "Português",
}
DEFAULT = "en"
DASH = "–"
# Zero is singular in these (Unicode CLDR, cardinal rules); their rule for whole millions, which
# nothing here reaches, is left out.
_ZERO_IS_ONE = frozenset({"fr", "pt"})

# Sentences that may come as text alone, and what stands in them is found again.
_DISK = ("refused.disk_full", "refused.disk_failed", "refused.forbidden", "refused.unwritable")
_FILLED_IN = ("said.", "refused.busy", *_DISK)

# Where a sentence gives the reason of a system or a parser, which may be in English only.
_REASON = re.compile(r"(?: \(\{reason\}\)|\s?: \{reason\})")

Entry = str | Mapping[str, str]


@cache
def catalogue(language: str) -> dict[str, Entry]:
    """Return every text of a language by its key, for example ``welcome.title``.

    A text that depends on a count is a mapping of ``one`` and ``other``.
    """
    source = (files("faceloop.ui") / "languages" / f"{language}.toml").read_text(encoding="utf-8")
    entries = dict(_flat(tomllib.loads(source)))
    if language == DEFAULT:
        entries |= {f"refused.{key}": entry for key, entry in english().items()}
    # The training engine names an electrode by its channel's label.
    for side, letter in (("left", "l"), ("right", "r")):
        prefix = f"channel.{side}."
        for key in [key for key in entries if key.startswith(prefix)]:
            muscle = key.removeprefix(prefix)
            entries[f"train.electrode.{muscle}_{letter}"] = entries[key]
    return entries


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Entry]]:
    for name, value in table.items():
        if isinstance(value, str) or set(value) == {"one", "other"}:
            yield prefix + name, value
        else:
            yield from _flat(value, f"{prefix}{name}.")


@cache
def _keys_of_english() -> dict[str, str]:
    return {entry: key for key, entry in catalogue(DEFAULT).items() if isinstance(entry, str)}


@cache
def _patterns_of_english() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return what the sentences look like that have something filled in, the longest first."""
    patterns = []
    for key, entry in catalogue(DEFAULT).items():
        if not key.startswith(_FILLED_IN) or not isinstance(entry, str) or "{" not in entry:
            continue
        pieces = (
            re.escape(text) + (f"(?P<{name}>.+?)" if name else "")
            for text, name, _, _ in string.Formatter().parse(entry)
        )
        patterns.append((len(entry), key, re.compile("".join(pieces), re.DOTALL)))
    return tuple((key, pattern) for _, key, pattern in sorted(patterns, reverse=True))


def best_language(accepted: str) -> str:
    """Return the language for a browser's ``Accept-Language`` header, English for none of ours."""
    ranked: list[tuple[float, int, str]] = []
    for at, part in enumerate(accepted.split(",")):
        tag, _, weight = part.partition(";q=")
        language = tag.strip().lower().partition("-")[0]
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and quality > 0:
            ranked.append((-quality, at, language))
    return min(ranked)[2] if ranked else DEFAULT


class Texts:
    """One language.

    Parameters
    ----------
    language : str
        One of ``LANGUAGES``; anything else is English.
    """

    def __init__(self, language: str = DEFAULT) -> None:
        self.language = language if language in LANGUAGES else DEFAULT
        self._entries = catalogue(self.language)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __call__(self, key: str, **params: object) -> str:
        """Return a text with its named parameters filled in.

        Parameters
        ----------
        key : str
        **params
            ``n``, or without it the only whole number, chooses between singular and plural.
            Floats become whole numbers; whoever wants decimals gives ``number(...)``.

        Raises
        ------
        KeyError
            If there is no such text, or a parameter is missing: a mistake of ours.
        """
        entry = self._entries[key]
        if not isinstance(entry, str):
            entry = entry[self._plural(params)]
        shown = {name: self._shown(value) for name, value in params.items()}
        return entry.format(**shown)

    def say(self, message: Message) -> str:
        """Return what the training engine says; its parameters may be messages themselves."""
        return self.sentence_case(str(self._part(message)))

    def _part(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return ", ".join(str(self._part(part)) for part in value)
        if not isinstance(value, Message):
            return value
        return self(value.key, **{name: self._part(part) for name, part in value.params.items()})

    def refused(self, error: FaceloopError | None) -> str:
        """Return why something was refused; nothing for None."""
        if error is None:
            return ""
        return self.known(str(error)) if error.refusal is None else self._filled(error.refusal)

    def _filled(self, value: object) -> str:
        if isinstance(value, Refusal):
            entry = self._entries[f"refused.{value.key}"]
            if not isinstance(entry, str):
                entry = entry[self._plural(value.params)]
            parts = {name: self._filled(part) for name, part in value.params.items()}
            return self._with_reason(entry, parts)
        if isinstance(value, tuple):
            return ", ".join(map(self._filled, value))
        if isinstance(value, Term):
            return self(value.key) if value.key in self else value.word
        if isinstance(value, float):
            return self.plain(value)
        return str(value)

    def known(self, sentence: str) -> str:
        """Return a sentence that came in English; one without translation as it stands.

        What stands in it for a path, a number or a reason is kept; a reason that is a known
        sentence itself is said in the language as well.
        """
        key = _keys_of_english().get(sentence)
        if key is not None:
            entry = self._entries[key]
            return entry if isinstance(entry, str) else sentence
        for key, pattern in _patterns_of_english():
            if found := pattern.fullmatch(sentence):
                parts = {
                    name: part if name == "reason" else self.known(part)
                    for name, part in found.groupdict().items()
                }
                return self._with_reason(str(self._entries[key]), parts)
        return sentence

    def _with_reason(self, entry: str, parts: Mapping[str, str]) -> str:
        """Fill a sentence in; a reason that only English has is left to the log."""
        reason = parts.get("reason")
        if reason is None:
            return entry.format(**parts)
        said = self.known(reason)
        if said == reason and self.language != DEFAULT:
            entry = _REASON.sub("", entry)
        return entry.format(**{**parts, "reason": said})

    def number(self, value: float, decimals: int = 0) -> str:
        """Return a number with the language's decimal mark; a dash for what is not known."""
        if not math.isfinite(value):
            return DASH
        shown = f"{value:z.{decimals}f}"  # z: what rounds to nothing has no sign
        return shown.replace(".", self("number.decimal"))

    def calendar_day(self, day: date) -> str:
        """Return a date as the language writes it, with the month in letters."""
        return f"{self.day_of_year(day)} {day.year}"

    def day_of_year(self, day: date) -> str:
        """Return a date without its year."""
        return f"{self('date.day', n=day.day)} {self(f'date.month.{day.month}')}"

    def plain(self, value: float) -> str:
        """Return a number with as many decimals as it has, with the language's mark."""
        return f"{value:g}".replace(".", self("number.decimal"))

    def percent(self, fraction: float, decimals: int = 0) -> str:
        """Return a fraction (0-1) in per cent; a dash for what is not known."""
        if not math.isfinite(fraction):
            return DASH
        return f"{self.number(100 * fraction, decimals)}\N{NO-BREAK SPACE}%"

    def signed_percent(self, fraction: float) -> str:
        """Return a fraction (-1 to 1) in per cent with its sign; a dash for what is not known."""
        if not math.isfinite(fraction):
            return DASH
        return f"{signed(round(100 * fraction))}\N{NO-BREAK SPACE}%"

    def sentence_case(self, text: str) -> str:
        """Return a text with a capital first letter."""
        return text[:1].upper() + text[1:]

    def _plural(self, params: Mapping[str, object]) -> str:
        counts = (value for value in params.values() if isinstance(value, int))
        n = params["n"] if "n" in params else next(counts)
        return "one" if n == 1 or (n == 0 and self.language in _ZERO_IS_ONE) else "other"

    def _shown(self, value: object) -> str:
        return self.number(value) if isinstance(value, float) else str(value)
