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
    for total in (known.lowest - 1, known.highest + 1):
        with pytest.raises(UsageError, match=f"{known.lowest} to {known.highest}"):
            kept.add(name, total, DAY)
    assert kept.entries() == ()
    with pytest.raises(UsageError, match="Choose one of"):
        kept.add("moca", 20, DAY)


def test_damaged_line_hides_no_other(tmp_path: Path) -> None:
    kept = Questionnaires(tmp_path)
    kept.add("saq", 20, DAY)
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"name": "saq", "day": "no day", "total": 9}\n[1]\n\xff\n{"name"\n')
    kept.add("face", 50, DAY)
    assert [entry.name for entry in kept.entries()] == ["saq", "face"]
