"""The weeks: symmetry and synkinesis together, and a streak that never blames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean

from faceloop.training.index import DayRow
from faceloop.training.message import Message, message, signed
from faceloop.training.ratings import RATINGS

__all__ = [
    "LEAST_REPETITIONS",
    "RatingChange",
    "Streak",
    "Week",
    "rating_changes",
    "streak",
    "trend_words",
    "trends",
    "weeks",
]

# Smaller differences between two weeks are the day's form, not a trend. Design choices: no facial
# norms for change within a person were found.
SYMMETRY_STEP = 0.05
SYNKINESIS_STEP = 0.3
RESTING_STEP = 0.1  # of what it was at first
LEAST_DAYS = 4
LEAST_REPETITIONS = 5
"""Of a week that is compared: one movement is no week."""
PAUSE_DAYS = 3


@dataclass(frozen=True, slots=True)
class Week:
    """One calendar week; NaN where nothing was scored.

    Parameters
    ----------
    monday : date
    days : int
        Different days with training.
    minutes : float
    repetitions : int
        That were scored.
    score, symmetry, synkinesis, signed_asymmetry : float
        Means over its repetitions.
    resting : float
        Mean of the resting tone of the affected side over the other's.
    """

    monday: date
    days: int
    minutes: float
    repetitions: int
    score: float
    symmetry: float
    synkinesis: float
    resting: float = math.nan
    signed_asymmetry: float = math.nan


@dataclass(frozen=True, slots=True)
class Streak:
    """Days of training, counted so that a missed day takes nothing away.

    Parameters
    ----------
    in_a_row : int
        Up to today or yesterday; one day off in between does not end it.
    this_week : int
        Different days in the last seven.
    total : int
    word : Message
    """

    in_a_row: int
    this_week: int
    total: int
    word: Message


def weeks(rows: Iterable[DayRow]) -> tuple[Week, ...]:
    """Return the weeks with training, oldest first."""
    by_monday: dict[date, list[DayRow]] = {}
    for row in rows:
        by_monday.setdefault(_monday(_day_of(row)), []).append(row)
    return tuple(
        Week(
            monday,
            len({_day_of(row) for row in own}),
            sum(row.active_s for row in own) / 60.0,
            sum(row.trials for row in own),
            _mean((row.score, row.trials) for row in own),
            _mean((row.symmetry, row.trials) for row in own),
            _mean((row.synkinesis, row.trials) for row in own),
            _mean((row.resting, 1) for row in own),
            _mean((row.signed_asymmetry, row.trials) for row in own),
        )
        for monday, own in sorted(by_monday.items())
    )


@dataclass(frozen=True, slots=True)
class RatingChange:
    """One of the patient's own ratings, over the weeks.

    Parameters
    ----------
    name : str
    first, last : float
        Means of the first and the last week with this rating.
    """

    name: str
    first: float
    last: float


def rating_changes(rated: Iterable[tuple[datetime, str, int]]) -> tuple[RatingChange, ...]:
    """Return every rating that two weeks or more have, in the order in which they are asked.

    Parameters
    ----------
    rated : iterable of (datetime, str, int)
        Moment, name and rating, oldest first.
    """
    by_week: dict[str, dict[date, list[int]]] = {name: {} for name in RATINGS}
    for moment, name, rating in rated:
        if name in by_week:
            monday = _monday(moment.astimezone().date())
            by_week[name].setdefault(monday, []).append(rating)
    return tuple(
        RatingChange(name, fmean(own[min(own)]), fmean(own[max(own)]))
        for name, own in by_week.items()
        if len(own) > 1
    )


def trend_words(rows: Sequence[DayRow]) -> Message:
    """Return the trend in words: the first against the last of the weeks that can be compared."""
    compared = _compared(rows)
    if compared is None:
        n_days = len({_day_of(row) for row in rows if math.isfinite(row.symmetry)})
        return message("train.trend.too_early", days=max(LEAST_DAYS - n_days, 1))
    first, last = compared
    symmetry = last.symmetry - first.symmetry
    synkinesis = last.synkinesis - first.synkinesis
    even = _step(symmetry, SYMMETRY_STEP, ("less_even", "as_even", "more_even"))
    quiet = _step(synkinesis, SYNKINESIS_STEP, ("quieter", "as_quiet", "less_quiet"))
    return message(
        f"train.trend.{even}_{quiet}",
        weeks=(last.monday - first.monday).days // 7,
        symmetry_pct=round(100 * last.symmetry),
        synkinesis=round(last.synkinesis, 1),
    )


def _compared(rows: Sequence[DayRow]) -> tuple[Week, Week] | None:
    """Return the first and the last of the weeks that can be compared, None before there are."""
    known = [row for row in rows if math.isfinite(row.symmetry)]
    scored = [week for week in weeks(known) if week.repetitions >= LEAST_REPETITIONS]
    if len({_day_of(row) for row in known}) < LEAST_DAYS or len(scored) < 2:
        return None
    return scored[0], scored[-1]


def _side_trend(rows: Sequence[DayRow]) -> tuple[Message, ...]:
    """Return how the affected side stands against the other: with its sign, weaker or stronger."""
    compared = _compared(rows)
    if compared is None or not all(math.isfinite(week.signed_asymmetry) for week in compared):
        return ()
    first, last = (round(100 * week.signed_asymmetry) for week in compared)
    return (message("train.trend.side", from_pct=signed(first), side_pct=signed(last)),)


def trends(rows: Sequence[DayRow]) -> tuple[Message, ...]:
    """Return all that the weeks say, what matters most first.

    Symmetry and synkinesis, and the tone at rest where it was measured: it leads in the stage
    whose goal it is.
    """
    movement, resting = (trend_words(rows), *_side_trend(rows)), _resting_trend(rows)
    if resting is None:
        return movement
    if rows[-1].stage != "relaxation":
        return (*movement, resting)
    is_early = movement[0].key == "train.trend.too_early"
    return (resting,) if is_early else (resting, *movement)


def _resting_trend(rows: Sequence[DayRow]) -> Message | None:
    known = [row for row in rows if math.isfinite(row.resting)]
    compared = weeks(known)
    if len({_day_of(row) for row in known}) < LEAST_DAYS or len(compared) < 2:
        return None
    first, last = compared[0], compared[-1]
    change = last.resting / first.resting - 1
    return message(
        f"train.trend.resting_{_step(change, RESTING_STEP, ('lower', 'same', 'higher'))}",
        weeks=(last.monday - first.monday).days // 7,
        resting_pct=round(100 * last.resting),
        from_pct=round(100 * first.resting),
    )


def streak(rows: Iterable[DayRow], today: date) -> Streak:
    """Return the streak as of ``today``."""
    days = sorted({_day_of(row) for row in rows}, reverse=True)
    in_a_row, before = 0, today + timedelta(days=1)
    for day in days:
        if (before - day).days > 2:
            break
        in_a_row, before = in_a_row + 1, day
    this_week = sum((today - day).days < 7 for day in days)
    if not days:
        word = message("train.streak.first")
    elif (today - days[0]).days > PAUSE_DAYS:
        word = message("train.streak.welcome_back")
    elif in_a_row >= 3:
        word = message("train.streak.days", days=in_a_row)
    else:
        word = message("train.streak.week", days=this_week)
    return Streak(in_a_row, this_week, len(days), word)


def _day_of(row: DayRow) -> date:
    return row.begun_utc.astimezone().date()


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _step(change: float, step: float, words: tuple[str, str, str]) -> str:
    if math.isnan(change) or abs(change) < step:
        return words[1]
    return words[2] if change > 0 else words[0]


def _mean(numbers: Iterable[tuple[float, int]]) -> float:
    """Return the mean of numbers that each stand for so many repetitions."""
    known = [(number, n) for number, n in numbers if math.isfinite(number) and n > 0]
    return fmean(*zip(*known, strict=True)) if known else math.nan
