"""Totals of questionnaires: kept, scored as published, and no damaged line hides the others."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from faceloop.errors import UsageError
from faceloop.training.questionnaires import FILE_NAME, QUESTIONNAIRES, Questionnaires

DAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("name", "total", "score"),
    [  # extremes of clinical tests T7 and T8
        *[("saq", 9, 20), ("saq", 27, 60), ("saq", 45, 100)],
        *[("fdi_physical", 25, 100), ("fdi_physical", 15, 50), ("fdi_physical", 0, -25)],
        *[("fdi_social", 30, 100), ("fdi_social", 5, 0)],
        *[("sunnybrook", -15, -15), ("sunnybrook", 100, 100)],
    ],
)
def test_total_gives_the_published_score(
    name: str, total: int, score: float, tmp_path: Path
) -> None:
    kept = Questionnaires(tmp_path)
    assert kept.add(name, total, DAY).score == pytest.approx(score)
    (entry,) = kept.entries()
    assert (entry.name, entry.day, entry.total) == (name, DAY, total)
    assert entry.score == pytest.approx(score)


@pytest.mark.parametrize("name", QUESTIONNAIRES)
def test_total_out_of_range_is_refused_and_kept_nowhere(name: str, tmp_path: Path) -> None:
    known, kept = QUESTIONNAIRES[name], Questionnaires(tmp_path)
    low, high = known.limits(known.n_items)
    for total in (low - 1, high + 1, None):
        with pytest.raises(UsageError, match=f"{low} to {high}"):
            kept.add(name, total, DAY)
    assert kept.entries() == ()
    with pytest.raises(UsageError, match="Choose one of"):
        kept.add("moca", 20, DAY)


@pytest.mark.parametrize(
    ("name", "sums", "total", "parts"),
    [
        ("sunnybrook", (25, 0, 0), 100, (100, 0, 0)),
        ("sunnybrook", (5, 4, 0), 0, (20, 20, 0)),  # flaccid
        ("sunnybrook", (5, 4, 15), -15, (20, 20, 15)),
        ("face", (3, 3, 2, 2, 1, 4), 0, (0,) * 6),
        ("face", (9, 9, 6, 6, 3, 12), 50, (50,) * 6),
        ("face", (15, 15, 10, 10, 5, 20), 100, (100,) * 6),
        ("face", (15, 3, 2, 2, 1, 4), 20, (100, 0, 0, 0, 0, 0)),  # a domain weighs by its items
    ],
)
def test_sums_of_parts_give_sub_scores_and_the_total(
    name: str, sums: tuple[int, ...], total: int, parts: tuple[int, ...], tmp_path: Path
) -> None:
    known, kept = QUESTIONNAIRES[name], Questionnaires(tmp_path)
    entered = dict(zip(known.parts, sums, strict=True))
    kept.add(name, None, DAY, sums=entered)
    (entry,) = kept.entries()
    assert (entry.total, entry.score) == (total, total)
    assert tuple(entry.parts.values()) == pytest.approx(parts)
    missing = dict(list(entered.items())[:-1])
    for wrong in (missing, {**entered, next(iter(entered)): 99}):
        with pytest.raises(UsageError, match="choose a whole number from"):
            kept.add(name, None, DAY, sums=wrong)
    assert kept.entries() == (entry,)


@pytest.mark.parametrize(
    ("name", "total", "n_answered", "score"),
    [("fdi_physical", 20, 4, 100), ("fdi_physical", 8, 4, 25), ("fdi_social", 6, 1, 100)],
)
def test_items_that_were_left_out_do_not_count(
    name: str, total: int, n_answered: int, score: float, tmp_path: Path
) -> None:
    kept = Questionnaires(tmp_path)
    kept.add(name, total, DAY, n_answered=n_answered)
    (entry,) = kept.entries()
    assert (entry.n_answered, entry.score) == (n_answered, pytest.approx(score))
    for wrong in (0, 6):
        with pytest.raises(UsageError, match="1 to 5"):
            kept.add(name, total, DAY, n_answered=wrong)
    with pytest.raises(UsageError, match=f"to {QUESTIONNAIRES[name].highest * n_answered}"):
        kept.add(name, 30, DAY, n_answered=n_answered)


def test_which_way_is_better_is_known_of_each() -> None:
    lower = {name for name, known in QUESTIONNAIRES.items() if not known.is_higher_better}
    assert lower == {"saq", "house_brackmann"}


def test_damaged_line_hides_no_other(tmp_path: Path) -> None:
    kept = Questionnaires(tmp_path)
    kept.add("saq", 20, DAY)
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"name": "saq", "day": "no day", "total": 9}\n[1]\n\xff\n{"name"\n')
    kept.add("face", 50, DAY)
    assert [entry.name for entry in kept.entries()] == ["saq", "face"]
