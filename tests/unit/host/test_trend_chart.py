"""The chart of the weeks: where each week stands, and what a screen reader says of it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from faceloop.training.trend import Week
from faceloop.ui import trend_chart
from faceloop.ui.texts import Texts
from faceloop.ui.trend_chart import HEIGHT, MARGIN, WIDTH, TrendChart

FIRST = date(2026, 9, 7)


def week(n: int, symmetry: float, synkinesis: float) -> Week:
    return Week(FIRST + timedelta(weeks=n), 3, 40.0, 15, 60.0, symmetry, synkinesis)


class Drawn:
    """Elements as they were asked for, without a page."""

    def __init__(self, found: list[Drawn], name: str, text: str, given: dict[str, Any]) -> None:
        self.name, self.text, self.given = name, text, given
        found.append(self)

    def __enter__(self) -> Drawn:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Drawn]:
    found: list[Drawn] = []

    def tag(name: str, text: str = "", classes: str = "", **given: Any) -> Drawn:
        return Drawn(found, name, text, {**given, "classes": classes})

    monkeypatch.setattr(trend_chart, "tag", tag)
    return found


def test_weeks_stand_at_their_dates_and_levels(drawn: list[Drawn]) -> None:
    TrendChart([week(0, 0.5, 2.0), week(1, 1.0, 1.0), week(4, 0.75, 0.0)], Texts("de"))
    dots = [(one.given["cx"], one.given["cy"]) for one in drawn if one.name == "circle"]
    top, bottom = float(MARGIN), float(HEIGHT - MARGIN)
    middle = (top + bottom) / 2
    span = WIDTH - 2 * MARGIN
    assert [x for x, _ in dots] == 2 * [MARGIN, MARGIN + span / 4, MARGIN + span]
    assert [y for _, y in dots[:3]] == [middle, top, pytest.approx((top + middle) / 2)]
    assert [y for _, y in dots[3:]] == [top, middle, bottom]
    pictures = [one.given["aria_label"] for one in drawn if one.name == "svg"]
    assert pictures[0].startswith(Texts("de")("results.symmetry"))
    assert "7. Sept. 2026: 50 %" in pictures[0].replace("\N{NO-BREAK SPACE}", " ")
    assert "14. Sept. 2026: 1,0" in pictures[1].replace("\N{NO-BREAK SPACE}", " ")


def test_affected_side_stands_below_the_middle_while_it_is_the_weaker_one(
    drawn: list[Drawn],
) -> None:
    sides = ((0, -0.25), (1, 0.0), (2, 0.25), (3, 0.9))
    TrendChart([replace(week(n, 0.5, 0.0), signed_asymmetry=side) for n, side in sides], Texts())
    y = [one.given["cy"] for one in drawn if one.name == "circle"][4:8]
    middle, reach = HEIGHT / 2, (HEIGHT - 2 * MARGIN) / 2
    assert y == pytest.approx([middle + reach / 2, middle, middle - reach / 2, MARGIN])
    picture = next(one for one in drawn if one.given["classes"] == "fl-trend-side")
    said = picture.given["aria_label"].replace("\N{NO-BREAK SPACE}", " ")
    assert all(f": {side}" in said for side in ("\N{MINUS SIGN}25 %", "0 %", "+25 %", "+90 %"))


def test_one_week_or_weeks_without_a_score_draw_nothing(drawn: list[Drawn]) -> None:
    TrendChart([week(0, 0.5, 2.0), week(1, math.nan, math.nan)], Texts("en"))
    TrendChart([], Texts("en"))
    assert drawn == []
