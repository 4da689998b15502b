"""Totals of questionnaires, or the sums of their parts, entered as numbers and kept.

``questionnaires.jsonl`` in the profile's folder: one line per entry, appended, never changed. The
forms themselves are the clinic's; see ``scales`` for why none is in here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from faceloop.errors import UsageError
from faceloop.refusal import Term, refusal
from faceloop.session.disk import replace_file, storage_error
from faceloop.training.scales import (
    FACE_DOMAIN_ITEMS,
    face_domain,
    face_total,
    fdi_physical,
    fdi_social,
    saq,
    sunnybrook_of_sums,
)

__all__ = ["QUESTIONNAIRES", "Entry", "Part", "Questionnaire", "Questionnaires"]

FILE_NAME = "questionnaires.jsonl"


@dataclass(frozen=True, slots=True)
class Part:
    """A sum that can be entered instead of the total, and its sub-score.

    Parameters
    ----------
    lowest, highest : int
        What may be entered.
    score : callable
        From the sum to the sub-score.
    """

    lowest: int
    highest: int
    score: Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """One of them.

    Parameters
    ----------
    lowest, highest : int
        What may be entered as the total; per item where items may be left out.
    score : callable
        From the total, and the number of items answered, to what is shown.
    is_higher_better : bool
    parts : mapping of str to Part
        Their sums may be entered instead of the total.
    total : callable or None
        From the sums of the parts, in order, to the total.
    n_items : int
        Of which some may be left out; 0 where none may.
    """

    lowest: int
    highest: int
    score: Callable[[int, int], float]
    is_higher_better: bool
    parts: Mapping[str, Part] = field(default_factory=dict)
    total: Callable[[Sequence[int]], int] | None = None
    n_items: int = 0

    def limits(self, n_answered: int) -> tuple[int, int]:
        """Return the least and the largest total with so many items answered."""
        n = n_answered if self.n_items else 1
        return self.lowest * n, self.highest * n


def _as_it_is(total: int, _: int) -> float:
    return float(total)


def _face(sums: Sequence[int]) -> int:
    return round(face_total(dict(zip(FACE_DOMAIN_ITEMS, sums, strict=True))))


QUESTIONNAIRES: dict[str, Questionnaire] = {
    "sunnybrook": Questionnaire(
        *(-15, 100, _as_it_is, True),
        {
            "movement": Part(5, 25, lambda total: 4.0 * total),
            "rest": Part(0, 4, lambda total: 5.0 * total),
            "synkinesis": Part(0, 15, float),
        },
        lambda sums: sunnybrook_of_sums(*sums),
    ),
    "house_brackmann": Questionnaire(1, 6, _as_it_is, False),  # grade I to VI
    "face": Questionnaire(
        *(0, 100, _as_it_is, True),
        {
            name: Part(n, 5 * n, lambda total, n=n: face_domain(total, n))  # type: ignore[misc]
            for name, n in FACE_DOMAIN_ITEMS.items()
        },
        _face,
    ),
    "saq": Questionnaire(9, 45, lambda total, _: saq(total), False),  # sum of nine items
    "fdi_physical": Questionnaire(0, 5, fdi_physical, True, n_items=5),
    "fdi_social": Questionnaire(1, 6, fdi_social, True, n_items=5),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What was entered on a day, and what it comes to.

    Parameters
    ----------
    name : str
    day : date
    total : int
    score : float
    parts : dict of str to float
        Sub-scores, where sums were entered.
    n_answered : int
        Items answered; 0 where that is not asked.
    """

    name: str
    day: date
    total: int
    score: float
    parts: dict[str, float] = field(default_factory=dict)
    n_answered: int = 0


class Questionnaires:
    """Those of one profile.

    Parameters
    ----------
    folder : Path
        Of the profile; exists.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def entries(self) -> tuple[Entry, ...]:
        """Return all that can be read, in the order in which they were entered."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise storage_error(error, self._path) from error
        return tuple(entry for line in lines if (entry := _entry(line)) is not None)

    def add(
        self,
        name: str,
        total: int | None,
        day: date,
        *,
        sums: Mapping[str, int] | None = None,
        n_answered: int | None = None,
    ) -> Entry:
        """Keep a total, or the sums of the parts that make it.

        Parameters
        ----------
        name : str
        total : int or None
            None with ``sums``.
        day : date
        sums : mapping of str to int, optional
            Of every part.
        n_answered : int, optional
            Items answered, all by default.

        Raises
        ------
        UsageError
            If there is no such questionnaire, or a number is out of its range.
        StorageError
        """
        known = QUESTIONNAIRES.get(name)
        if known is None:
            names = tuple(map(_term, QUESTIONNAIRES))
            raise UsageError(refusal("no_questionnaire", given=repr(name), known=names))
        stored: dict[str, object] = {"name": name, "day": day.isoformat()}
        if sums:
            for part, limits in known.parts.items():
                term = Term(f"results.part_{part}", part)
                _check(term, sums.get(part), limits.lowest, limits.highest)
            assert known.total is not None
            total = known.total([sums[part] for part in known.parts])
            stored["sums"] = dict(sums)
        n = known.n_items if n_answered is None else n_answered
        if known.n_items:
            _check(Term("results.answered", "items answered"), n, 1, known.n_items)
            stored["n_answered"] = n
        _check(_term(name), total, *known.limits(n))
        line = json.dumps({**stored, "total": total}).encode()
        try:
            before = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise storage_error(error, self._path) from error
        replace_file(self._path, before + line + b"\n")
        entry = _entry(line)
        assert entry is not None
        return entry


def _check(name: Term, given: int | None, low: int, high: int) -> None:
    if given is None or not low <= given <= high:
        shown = "?" if given is None else given
        raise UsageError(refusal("whole_number", name=name, given=shown, low=low, high=high))


def _term(name: str) -> Term:
    return Term(f"results.scale_{name}", name)


def _entry(line: bytes) -> Entry | None:
    try:
        stored = json.loads(line)
        known = QUESTIONNAIRES[stored["name"]]
        total = int(stored["total"])
        n = int(stored.get("n_answered", known.n_items))
        sums = stored.get("sums", {})
        parts = {part: known.parts[part].score(int(sums[part])) for part in sums}
        day = date.fromisoformat(stored["day"])
        return Entry(stored["name"], day, total, known.score(total, n), parts, n)
    except (ValueError, KeyError, TypeError, AttributeError, UsageError):
        return None
