"""The weeks in words: the tone at rest, and the patient's own ratings."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceloop.session.montage import montage_named
from faceloop.training.days import Days
from faceloop.training.index import DayRow
from faceloop.training.profiles import Profile
from faceloop.training.programme_file import parse_programme
from faceloop.training.resting import resting_change, resting_ratio
from faceloop.training.results import DayResult, MovementResult, day_result, day_words
from faceloop.training.trend import RatingChange, rating_changes, trends, weeks
from faceloop.ui.texts import Texts

MONDAY = datetime(2026, 11, 2, 12, tzinfo=UTC)
GUARDED = montage_named("guarded8")
JAW = next(pair for pair in GUARDED.muscles if pair.role == "veto")
DAY = """
format = 1
name = "calm"
stages = ["relaxation"]
[[block]]
name = "arrive"
kind = "settle"
[[block]]
name = "leave"
kind = "cool_down"
"""


def levels(left_uv: float, right_uv: float, jaw_uv: float = 9.0) -> list[float | None]:
    known: list[float | None] = [left_uv, right_uv] * 4
    known[JAW.left] = jaw_uv
    return known


def records(
    *rests: tuple[str, list[float | None]], stage: str = "relaxation", side: str = "left"
) -> list[dict[str, Any]]:
    """Return the log of a day with the rests of its blocks."""
    blocks = parse_programme(DAY, "calm").model_dump(mode="json")
    context = {"profile": "anna", "stage": stage, "montage": "guarded8", "affected_side": side}
    utc = MONDAY.isoformat()
    first = {"kind": "day", "t_s": 0.0, "utc": utc, "programme": blocks, "context": context}
    return [
        first,
        *(
            {"kind": "step", "t_s": 60.0, "utc": utc, "block": block, "resting": {"rms_uv": rms}}
            for block, rms in rests
        ),
    ]


def parts(result: DayResult) -> list[str]:
    return [word.key.removeprefix("train.result.") for word in day_words(result)]


def row(day: int, resting: float, stage: str = "relaxation") -> DayRow:
    begun_utc = MONDAY + timedelta(days=day)
    return DayRow(
        *("s", "anna", "calm", stage, begun_utc, "done", 60.0, *(math.nan,) * 3, 0, 0),
        resting=resting,
    )


def test_resting_ratio_is_that_of_the_facial_muscles_by_side_of_the_palsy() -> None:
    assert resting_ratio(levels(3.0, 2.0), GUARDED, "left") == pytest.approx(1.5)
    assert resting_ratio(levels(3.0, 2.0), GUARDED, "right") == pytest.approx(1 / 1.5)
    one_unknown = levels(3.0, 2.0)
    one_unknown[0] = None
    assert resting_ratio(one_unknown, GUARDED, "left") == pytest.approx(1.5)
    assert math.isnan(resting_ratio([None] * 8, GUARDED, "left"))
    before, after = levels(4.0, 2.0), levels(3.0, 2.0, jaw_uv=1.0)
    assert resting_change(before, after, GUARDED, "left") == pytest.approx(0.75)
    assert resting_change(before, after, GUARDED, "right") == pytest.approx(1.0)


def test_day_says_how_calm_the_rest_was_and_leads_with_it_where_it_is_the_goal() -> None:
    arrive, leave = ("arrive", levels(3.0, 2.0)), ("leave", levels(2.4, 2.0))
    result = day_result(records(arrive, leave))
    assert (result.resting_ratio, result.resting_change) == pytest.approx((1.5, 0.8))
    time, resting, calmer, *_ = day_words(result)
    assert (time.key, resting.key) == ("train.result.time", "train.result.resting")
    assert resting.params["resting_pct"] == 150
    assert (calmer.key, calmer.params["change_pct"]) == ("train.result.calmer", 20)
    moved = replace(
        result,
        movements=(MovementResult("closed_mouth_smile", 1, 1, 1, 80.0, 0.9, 0.9, 0.0, 0.2),),
        symmetry=0.9,
        synkinesis_per_repetition=0.0,
    )
    both = ["resting", "calmer"]
    assert parts(moved) == ["time", *both, "clean", "even_quiet", "part"]
    for signed, side in ((-0.05, ["weaker"]), (0.049, []), (0.12, ["stronger"])):
        sided = parts(replace(moved, signed_asymmetry=signed))
        assert sided == ["time", *both, "clean", "even_quiet", *side, "part"]
    elsewhere = replace(moved, stage="synkinesis")
    assert parts(elsewhere) == ["time", "clean", "even_quiet", *both, "part"]
    for after_uv, key in ((3.2, "as_calm"), (4.5, "less_calm")):
        words = day_words(day_result(records(arrive, ("leave", levels(after_uv, 2.0)))))
        assert words[2].key == f"train.result.{key}"
    # A rest after the training alone says nothing of the rest before it.
    late = day_result(records(leave))
    assert math.isnan(late.resting_ratio) and math.isnan(late.resting_change)
    assert math.isnan(day_result(records(arrive)).resting_change)


def test_relaxation_leads_with_the_rest_over_the_weeks() -> None:
    rows = [row(day, ratio) for day, ratio in ((0, 1.6), (2, 1.4), (14, 1.3), (16, 1.1))]
    (word,) = trends(rows)  # nothing was scored
    assert word.key == "train.trend.resting_lower"
    assert word.params == {"weeks": 2, "resting_pct": 120, "from_pct": 150}
    assert [week.resting for week in weeks(rows)] == pytest.approx([1.5, 1.2])
    same = [*rows[:2], row(14, 1.45), row(16, 1.5)]
    assert trends(same)[0].key == "train.trend.resting_same"
    assert trends([*rows[:2], row(14, 1.9), row(16, 1.9)])[0].key == "train.trend.resting_higher"
    # Elsewhere it stands behind; and too few days say nothing of it.
    others = [replace(one, stage="synkinesis") for one in rows]
    assert [word.key for word in trends(others)] == [
        "train.trend.too_early", "train.trend.resting_lower"
    ]  # fmt: skip
    assert [word.key for word in trends(rows[1:])] == ["train.trend.too_early"]


def test_ratings_show_the_first_and_the_newest_week() -> None:
    def at(day: int, name: str, rating: int) -> tuple[datetime, str, int]:
        return MONDAY + timedelta(days=day), name, rating

    rated = [
        at(0, "pain", 6), at(1, "pain", 4), at(1, "eating", 3), at(7, "pain", 9),
        at(14, "confidence", 5), at(21, "eating", 6), at(22, "pain", 2),
    ]  # fmt: skip
    assert rating_changes(rated) == (
        RatingChange("pain", 5.0, 2.0),
        RatingChange("eating", 3.0, 6.0),
    )
    assert rating_changes(rated[:2]) == ()


async def test_results_page_and_index_hold_both(tmp_path: Path, open_page: Any) -> None:
    for weeks_ago, rating in ((3, 6), (0, 2)):
        now = datetime.now(UTC) - timedelta(weeks=weeks_ago)
        days = Days(tmp_path, lambda now=now: now)
        if not days.profiles.names():
            days.profiles.create(
                Profile(
                    "anna", "left", "relaxation", has_movement_returned=True, onset="2020-01-01"
                )
            )
        day = days.begin("anna", programme=parse_programme(DAY, "calm"))
        day.engine.start(0.0)
        day.engine.rate("pain", rating, 0.0)
        day._log.append(records(("arrive", levels(3.0, 2.0)))[1])
        day.engine.close(1.0)
        day.leave()
    text = Texts("de")
    page = open_page()
    page.go("results")
    shown = page.texts()
    assert text("train.result.resting", resting_pct=150) in shown
    at = shown.index(text("results.rating_now"))
    assert shown[at + 1 : at + 4] == [text("train.rating.pain.title"), "6,0", "2,0"]
    rows = days.index.days("anna")
    assert [one.resting for one in rows] == pytest.approx([1.5, 1.5])
