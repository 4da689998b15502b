"""The whole default day on a fake clock: every block, and every record as it was planned."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from faceloop.training.engine import DayEngine
from faceloop.training.outputs import HeatReport
from faceloop.training.programme_file import changed_programme, shipped_programme
from faceloop.training.results import day_result, day_words

FAKES = Path(__file__).parents[2] / "fakes"
FAKE = runpy.run_path(str(FAKES / "fake_patient.py"))
run, step_now = FAKE["run"], FAKE["step_now"]
DAY = runpy.run_path(str(FAKES / "fake_day.py"))
day, kinds = DAY["day"], DAY["kinds"]

RELEASES = ("forehead_stroke", "cheek_release", "cheek_stretch", "lip_release", "chin_release")
RATINGS = {"pain": 2, "drinking": 7, "eating": 6, "speaking": 8}


def answer(engine: DayEngine, now_s: float) -> None:
    """Give every rating at once, and let the pad do what is asked of it."""
    asked = step_now(engine)
    if asked is None or asked.kind in ("trial", "relax"):
        return  # nothing to answer, hop by hop
    step = engine.view(now_s).step
    if step is not None and step.rating:
        engine.rate(step.rating, RATINGS[step.rating], now_s)
    elif step is not None and step.kind == "heat":
        is_over = step.remaining_s < 0.2
        engine.note_heat(HeatReport(not is_over, is_over, 38.5, "TIME_UP" * is_over, True))


def planned_records() -> list[tuple[str, ...]]:
    """Return the records of the synkinesis day with heat, as its programme is written."""
    moves = ("closed_mouth_smile", "close_eyes_gently", "lip_pucker")
    steps: dict[tuple[str, str], list[str]] = {
        ("settle", "settle"): ["settle"],
        ("heat", "heat"): ["heat"],
        ("massage", "massage"): [
            *(f"{r}-{n}" for r in RELEASES for n in (1, 2)), "rate-pain",
        ],
        ("retraining", "retraining"): [
            "relax_first",
            *(f"{moves[0]}-{n}" for n in range(1, 6)), "pause-1",
            *(f"{moves[1]}-{n}" for n in range(1, 6)), "pause-2",
            *(f"{moves[2]}-{n}" for n in range(1, 6)),
        ],
        ("weekly_check", "retraining"): [
            *(f"{moves[0]}-{n}" for n in (1, 2)), "pause-1",
            *(f"{moves[1]}-{n}" for n in (1, 2)),
        ],
        ("function", "function"): [
            *("sip", "straw", "chew", "words", "vowels"),
            *("rate-drinking", "rate-eating", "rate-speaking"),
        ],
        ("cool_down", "cool_down"): ["cool_down"],
    }  # fmt: skip
    planned: list[tuple[str, ...]] = [("day",)]
    for (name, kind), ids in steps.items():
        planned.append(("block_begin", name, kind))
        for id_ in ids:
            if kind == "retraining" and id_.partition("-")[0] in moves:
                planned.append(("trial", name, id_.partition("-")[0]))
            if id_.startswith("rate-"):
                planned.append(("rating", name, id_.removeprefix("rate-")))
            planned.append(("step", name, id_))
        planned.append(("block_end", name, kind))
    return [*planned, ("day_end",)]


def told(record: dict[str, Any]) -> tuple[str, ...]:
    keys = {
        "block_begin": ("block", "block_kind"),
        "block_end": ("block", "block_kind"),
        "step": ("block", "id"),
        "trial": ("block", "movement"),
        "rating": ("block", "name"),
    }
    return (record["kind"], *(record[key] for key in keys.get(record["kind"], ())))


def test_full_default_day_every_block_and_every_record() -> None:
    """The half hour of the synkinesis stage, and warmth, ten milliseconds at a time."""
    programme = changed_programme(shipped_programme("synkinesis"), "heat", "is_on", True)
    engine, log, patient, outputs = day(programme)
    engine.start(100.0)
    end_s = run(engine, patient, 100.0, each=answer)
    assert 38 * 60 <= end_s - 100.0 <= 44 * 60
    assert [told(record) for record in log.records] == planned_records()
    times = [record["t_s"] for record in log.records]
    assert times == sorted(times) and times[0] == 0.0
    begins = {record["block"]: record["t_s"] for record in kinds(log, "block_begin")}
    assert [begins[name] for name in ("settle", "heat", "massage", "retraining")] == pytest.approx(
        [0.0, 300.0, 900.0, 1500.0], abs=0.6
    )
    heat = next(record for record in kinds(log, "step") if record["block"] == "heat")
    assert (heat["warmest_degc"], heat["stop_reason"]) == (38.5, "TIME_UP")
    for trial in kinds(log, "trial"):
        assert (trial["reason"], trial["n_synkinesis"], trial["came_to_rest"]) == ("", 0, False)
        assert trial["frames"][1] - trial["frames"][0] == pytest.approx(11 * 2000, abs=100)
    moves = [record for record in kinds(log, "step") if "came_to_rest" in record]
    for trial, move in zip(kinds(log, "trial"), moves, strict=True):
        assert move["came_to_rest"] and move["rest_s"] < 0.5
        assert move["t_s"] - trial["t_s"] == pytest.approx(10.0, abs=0.6)
    result = day_result(log.records)
    assert result.ratings == RATINGS
    assert [(block.name, block.outcome, block.reason) for block in result.blocks] == [
        ("settle", "done", ""),
        ("heat", "done", ""),
        ("massage", "done", ""),
        ("retraining", "done", ""),
        ("weekly_check", "done", ""),
        ("function", "done", ""),
        ("cool_down", "done", ""),
    ]
    assert result.outcome == "done"
    assert result.active_s == pytest.approx(end_s - 100.0, abs=0.2)
    trials = kinds(log, "trial")
    assert len(trials) == 3 * 5 + 2 * 2
    assert all(trial["is_clean"] and trial["score"] > 90 for trial in trials)
    steps = kinds(log, "step")
    assert all(step["outcome"] == "done" for step in steps)
    assert result.resting_first_uv is not None and result.resting_last_uv is not None
    assert result.resting_first_uv[0] == pytest.approx(2.0, rel=0.05)
    # Clean repetitions 1-4 of each movement raised its target; the weekly check moves nothing.
    goals = kinds(log, "day_end")[0]["goals"]
    assert goals["retraining/closed_mouth_smile"] == pytest.approx(0.25)
    assert goals["weekly_check/closed_mouth_smile"] == pytest.approx(0.2)
    # Feedback fades as it goes well, and the weekly check has none.
    assert 0.5 <= sum(trial["has_feedback"] for trial in trials[:15]) / 15 < 0.8
    assert not any(trial["has_feedback"] for trial in trials[15:])
    # Retraining ends heat before it begins.
    assert outputs.done.index(("exercise", "begin")) < outputs.done.index(("block", "retraining"))
    assert [word.key for word in day_words(result)][-3:] == [
        "train.result.even_quiet", "train.result.resting", "train.result.as_calm"
    ]  # fmt: skip


# What the patient does, repetition by repetition: (strength of the affected side, joining in).
WAYS = {
    "both": (1.0, 0.0),
    "joins": (1.0, 0.8),
    "uneven": (0.3, 0.0),
    "neither": (0.3, 0.8),
}


def test_full_default_day_score_is_high_only_where_ratio_and_guard_agree() -> None:
    engine, log, patient, _ = day(shipped_programme("synkinesis"))
    done: list[str] = []
    last: tuple[str, int] | None = None

    def change(engine: DayEngine, now_s: float) -> None:
        """Do each repetition in another way than the one before."""
        nonlocal last
        step = step_now(engine)
        if step is None or step.kind != "trial":
            return
        view = engine.view(now_s)
        if view.step is None or view.block is None or view.step.phase not in ("ready", "rise"):
            return
        if last != (view.block.name, view.step.index):
            last = (view.block.name, view.step.index)
            done.append(list(WAYS)[len(done) % len(WAYS)])
            patient.strength, patient.joins = WAYS[done[-1]]

    engine.start(0.0)
    run(engine, patient, 0.0, each=change)
    trials = kinds(log, "trial")
    assert len(done) == len(trials) == 3 * 5 + 2 * 2
    scores: dict[str, list[float]] = {way: [] for way in WAYS}
    for way, trial in zip(done, trials, strict=True):
        assert trial["reason"] == "", (way, trial)
        scores[way].append(trial["score"])
        assert (trial["n_synkinesis"] > 0) == (WAYS[way][1] > 0), (way, trial)
        assert trial["is_clean"] == (way == "both")
    assert min(scores["both"]) > 90
    assert max(max(scores[way]) for way in WAYS if way != "both") < 60
    # What is wrong twice is no better than what is wrong once.
    assert max(scores["neither"]) <= max(scores["joins"] + scores["uneven"])
