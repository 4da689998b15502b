"""Totals of questionnaires, entered as one number each and kept with the profile.

``questionnaires.jsonl`` in the profile's folder: one line per entry, appended, never changed. The
forms themselves are the clinic's; see ``scales`` for why none is in here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from faceloop.errors import UsageError
from faceloop.refusal import Term, refusal
from faceloop.session.disk import replace_file, storage_error
from faceloop.training.scales import fdi_physical, fdi_social, saq

__all__ = ["QUESTIONNAIRES", "Entry", "Questionnaire", "Questionnaires"]

FILE_NAME = "questionnaires.jsonl"


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """One of them.

    Parameters
    ----------
    lowest, highest : int
        What may be entered.
    score : callable
        From what was entered to what is shown.
    """

    lowest: int
    highest: int
    score: Callable[[int], float]


QUESTIONNAIRES: dict[str, Questionnaire] = {
    "sunnybrook": Questionnaire(-15, 100, float),  # the composite, as the clinician has it
    "house_brackmann": Questionnaire(1, 6, float),  # grade I to VI
    "face": Questionnaire(0, 100, float),  # the total over its domains
    "saq": Questionnaire(9, 45, saq),  # sum of nine items
    "fdi_physical": Questionnaire(0, 25, fdi_physical),  # sum of five items, all answered
    "fdi_social": Questionnaire(5, 30, fdi_social),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What was entered on a day, and what it comes to."""

    name: str
    day: date
    total: int
    score: float


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

    def add(self, name: str, total: int, day: date) -> Entry:
        """Keep a total.

        Raises
        ------
        UsageError
            If there is no such questionnaire, or the total is out of its range.
        StorageError
        """
        known = QUESTIONNAIRES.get(name)
        if known is None:
            names = tuple(map(_term, QUESTIONNAIRES))
            raise UsageError(refusal("no_questionnaire", given=repr(name), known=names))
        if not known.lowest <= total <= known.highest:
            low, high = known.lowest, known.highest
            raise UsageError(
                refusal("whole_number", name=_term(name), given=total, low=low, high=high)
            )
        line = json.dumps({"name": name, "day": day.isoformat(), "total": total}).encode()
        try:
            before = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise storage_error(error, self._path) from error
        replace_file(self._path, before + line + b"\n")
        return Entry(name, day, total, known.score(total))


def _term(name: str) -> Term:
    return Term(f"results.scale_{name}", name)


def _entry(line: bytes) -> Entry | None:
    try:
        stored = json.loads(line)
        known = QUESTIONNAIRES[stored["name"]]
        total = int(stored["total"])
        return Entry(stored["name"], date.fromisoformat(stored["day"]), total, known.score(total))
    except (ValueError, KeyError, TypeError, UsageError):
        return None
