"""What comes once a month: questionnaires, and a look together with the therapist.

The therapist sets how often. What was left out is not counted up: it is reminded of on its day,
then once a week until it was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from faceloop.training.rules import MonthlySpec

__all__ = ["MONTHLY", "Monthly", "MonthlyKind", "local_day", "next_monthly"]

MonthlyKind = Literal["questionnaires", "review"]
MONTHLY: tuple[MonthlyKind, ...] = get_args(MonthlyKind)
AGAIN_DAYS = 7


@dataclass(frozen=True, slots=True)
class Monthly:
    """One of them, and its turn.

    Parameters
    ----------
    kind : str
    due : date
        On which it is to be done next, also where that has passed.
    every_days : int
    """

    kind: MonthlyKind
    due: date
    every_days: int

    def is_due(self, today: date) -> bool:
        """Whether it is to be done."""
        return today >= self.due

    def is_reminded(self, today: date) -> bool:
        """Whether today is a day on which to remind of it."""
        return self.is_due(today) and (today - self.due).days % AGAIN_DAYS == 0

    def next_day(self, today: date) -> date:
        """Return the first day of a calendar's series from today on."""
        return max(self.due, today)


def next_monthly(
    spec: MonthlySpec, since: date, done: Mapping[MonthlyKind, date | None]
) -> tuple[Monthly, ...]:
    """Return what comes next of each kind that is wanted.

    Parameters
    ----------
    spec : MonthlySpec
    since : date
        Before anything was done, from here on.
    done : mapping
        When each was done last, None for never.
    """
    every = {"questionnaires": spec.questionnaires_days, "review": spec.review_days}
    return tuple(
        Monthly(kind, (done.get(kind) or since) + timedelta(days=every[kind]), every[kind])
        for kind in MONTHLY
        if every[kind]
    )


def local_day(utc: str) -> date:
    """Return the local day of a stored time; an early one where there is none."""
    return datetime.fromisoformat(utc).astimezone().date() if utc else date.min
