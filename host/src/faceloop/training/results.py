"""What a day came to, for the patient in words and for the therapist in numbers.

Symmetry and synkinesis stand together always: a face can become more even because the wrong
muscle works more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from faceloop.session.montage import montage_named
from faceloop.training.blocks import LEFT_OUT_SAID, block_title, left_out_message
from faceloop.training.certainty import mean_interval
from faceloop.training.message import Message, message
from faceloop.training.resting import resting_change, resting_ratio
from faceloop.training.trial import TrialRecord

__all__ = ["BlockResult", "DayResult", "MovementResult", "day_result", "day_words", "trial_word"]

GOOD_SYMMETRY = 0.75
"""Healthy faces: 0.74 to 0.82 on average (Kim and others 2018, 10.1155/2018/4069530)."""

SIDE_STEP = 0.05
"""Within it the sides are called alike: half of the smallest healthy mean, 0.11 (the same)."""

CALM_STEP = 0.1
"""Within it a rest is as calm as before: a tenth is the spread of its levels (references.py)."""


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What became of a block: ``done``, ``skipped``, ``left_out`` (with its reason), ``open``."""

    name: str
    kind: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MovementResult:
    """One movement over a day; NaN where nothing was scored.

    Parameters
    ----------
    movement : str
    repetitions, scored, clean : int
    score : float
        Mean, 0 to 100.
    symmetry : float
        Mean of min/max while held, 0 to 1.
    quiet : float
        Mean share of the time in which the guards were quiet.
    synkinesis_per_repetition : float
        Times a guard joined in, over repetitions.
    goal_share : float
        Of the last repetition.
    symmetry_low, symmetry_high : float
        95 % interval of the mean symmetry.
    signed_asymmetry : float
        Mean; below 0 the affected side is the weaker one, above the over-active one.
    overactive : int
        Repetitions in which the unaffected side surely worked harder than in its own comfortable
        movement.
    """

    movement: str
    repetitions: int
    scored: int
    clean: int
    score: float
    symmetry: float
    quiet: float
    synkinesis_per_repetition: float
    goal_share: float
    symmetry_low: float = math.nan
    symmetry_high: float = math.nan
    signed_asymmetry: float = math.nan
    overactive: int = 0


@dataclass(frozen=True, slots=True)
class DayResult:
    """One day.

    Parameters
    ----------
    profile, programme, stage : str
    begun_utc, ended_utc : str
        ISO 8601; ``ended_utc`` is that of the last record.
    outcome : str
        ``done``, ``closed``, ``open``.
    active_s : float
    blocks : tuple of BlockResult
    movements : tuple of MovementResult
    score, symmetry, synkinesis_per_repetition : float
        Over all movements, NaN where nothing was scored.
    symmetry_low, symmetry_high : float
        95 % interval of ``symmetry``.
    signed_asymmetry : float
        Mean; below 0 the affected side is the weaker one, above the over-active one.
    resting_first_uv, resting_last_uv : tuple of float or None
        Of each channel, of the first and the last measured rest; None where there was none.
    resting_ratio : float
        Resting tone of the affected side over the other's, before the training; NaN where unknown.
    resting_change : float
        That of the affected side in the cool-down over that before the training.
    ratings : dict of str to int
        The last of each.
    diary : str
    recordings : tuple of str
        Sessions that hold the signal.
    """

    profile: str
    programme: str
    stage: str
    begun_utc: str
    ended_utc: str
    outcome: str
    active_s: float
    blocks: tuple[BlockResult, ...]
    movements: tuple[MovementResult, ...]
    score: float
    symmetry: float
    synkinesis_per_repetition: float
    symmetry_low: float
    symmetry_high: float
    signed_asymmetry: float
    resting_first_uv: tuple[float | None, ...] | None
    resting_last_uv: tuple[float | None, ...] | None
    resting_ratio: float
    resting_change: float
    ratings: dict[str, int]
    diary: str
    recordings: tuple[str, ...]


def day_result(records: Sequence[dict[str, Any]]) -> DayResult:
    """Return what a day's records say.

    Parameters
    ----------
    records : sequence of dict
        Of a day's log, the first of kind ``day``.
    """
    first, last = records[0], records[-1]
    trials = [record for record in records if record["kind"] == "trial"]
    resting = [record["resting"]["rms_uv"] for record in records if record.get("resting")]
    ends = [record for record in records if record["kind"] == "day_end"]
    scored = [trial for trial in trials if not trial["reason"]]
    low, high = _interval(scored)
    ratio, change = _resting(records)
    return DayResult(
        profile=first["context"]["profile"],
        programme=first["programme"]["name"],
        stage=first["context"]["stage"],
        begun_utc=first["utc"],
        ended_utc=last["utc"],
        outcome=ends[-1]["outcome"] if ends else "open",
        active_s=max(float(record["t_s"]) for record in records),
        blocks=_blocks(records),
        movements=tuple(_movements(trials)),
        score=_mean(trial["score"] for trial in scored),
        symmetry=_mean(trial["symmetry"] for trial in scored),
        synkinesis_per_repetition=_mean(trial["n_synkinesis"] for trial in scored),
        symmetry_low=low,
        symmetry_high=high,
        signed_asymmetry=_signed(scored),
        resting_first_uv=tuple(resting[0]) if resting else None,
        resting_last_uv=tuple(resting[-1]) if len(resting) > 1 else None,
        resting_ratio=ratio,
        resting_change=change,
        ratings={r["name"]: r["rating"] for r in records if r["kind"] == "rating"},
        diary=next((r["text"] for r in reversed(records) if r["kind"] == "diary"), ""),
        recordings=tuple(dict.fromkeys(r["session"] for r in records if r["kind"] == "recording")),
    )


def day_words(result: DayResult) -> tuple[Message, ...]:
    """Return a day in words: what was done, then symmetry and quiet together. No blame."""
    words = [message("train.result.time", minutes=max(round(result.active_s / 60.0), 1))]
    resting = _resting_words(result)
    if result.stage == "relaxation":  # a calmer rest is what it is for
        words += resting
    n_clean = sum(movement.clean for movement in result.movements)
    n_scored = sum(movement.scored for movement in result.movements)
    if n_scored:
        words.append(message("train.result.clean", clean=n_clean, of=n_scored))
        even = "even" if result.symmetry >= GOOD_SYMMETRY else "uneven"
        quiet = "quiet" if result.synkinesis_per_repetition < 0.5 else "joined"
        words.append(
            message(
                f"train.result.{even}_{quiet}",
                symmetry_pct=round(100 * result.symmetry),
                synkinesis=round(result.synkinesis_per_repetition, 1),
            )
        )
        if abs(result.signed_asymmetry) >= SIDE_STEP:
            side = "weaker" if result.signed_asymmetry < 0 else "stronger"
            words.append(
                message(f"train.result.{side}", pct=round(100 * abs(result.signed_asymmetry)))
            )
        if result.symmetry_low < GOOD_SYMMETRY < result.symmetry_high:
            words.append(
                message(
                    "train.result.unsure",
                    low_pct=round(100 * result.symmetry_low),
                    high_pct=round(100 * result.symmetry_high),
                )
            )
        n_over = sum(movement.overactive for movement in result.movements)
        if n_over:
            words.append(message("train.result.overactive", n=n_over, of=n_scored))
    elif result.movements:
        words.append(message("train.result.not_scored"))
    if result.stage != "relaxation":
        words += resting
    words += [
        left_out_message(block.reason, block.kind)
        for block in result.blocks
        if block.outcome == "left_out" and block.reason in LEFT_OUT_SAID
    ]
    skipped = dict.fromkeys(block.kind for block in result.blocks if block.outcome == "skipped")
    if skipped:
        words.append(message("train.result.skipped", blocks=tuple(map(block_title, skipped))))
    if result.outcome != "done":
        words.append(message("train.result.part"))
    return tuple(words)


def trial_word(record: TrialRecord) -> Message:
    """Return the one thing to say about a repetition."""
    quality = record.quality
    if not quality.is_scored:
        return message(f"train.trial.not_scored.{quality.reason}")
    if record.is_clean:
        return message("train.trial.clean", score=round(quality.score))
    if record.n_synkinesis:
        muscle = message(f"train.muscle.{record.synkinesis_muscle}")
        return message("train.trial.synkinesis", muscle=muscle, score=round(quality.score))
    weakest = min(
        ("in_band", quality.in_band), ("together", quality.together), key=lambda part: part[1]
    )
    return message(f"train.trial.{weakest[0]}", score=round(quality.score))


def _resting(records: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return the resting ratio before the training, and the change up to the cool-down."""
    context = records[0]["context"]
    montage, side = montage_named(context["montage"]), context["affected_side"]
    kinds = {block["name"]: block["kind"] for block in records[0]["programme"]["block"]}
    rests: dict[str, list[list[float | None]]] = {"settle": [], "cool_down": []}
    for record in records:
        if record.get("resting") and kinds.get(record["block"]) in rests:
            rests[kinds[record["block"]]].append(record["resting"]["rms_uv"])
    before, after = rests["settle"], rests["cool_down"]
    if not before:
        return math.nan, math.nan
    ratio = resting_ratio(before[0], montage, side)
    return ratio, resting_change(before[0], after[-1], montage, side) if after else math.nan


def _resting_words(result: DayResult) -> list[Message]:
    words = []
    if math.isfinite(result.resting_ratio):
        words.append(
            message("train.result.resting", resting_pct=round(100 * result.resting_ratio))
        )
    change = result.resting_change
    if math.isfinite(change):
        key = "calmer" if change < 1 - CALM_STEP else "less_calm"
        key = "as_calm" if abs(change - 1) <= CALM_STEP else key
        words.append(message(f"train.result.{key}", change_pct=round(100 * abs(change - 1))))
    return words


def _blocks(records: Sequence[dict[str, Any]]) -> tuple[BlockResult, ...]:
    results: dict[int, BlockResult] = {}
    for record in records:
        if record["kind"] == "block_begin":
            results[record["index"]] = BlockResult(record["block"], record["block_kind"], "open")
        elif record["kind"] == "block_end":
            results[record["index"]] = BlockResult(
                record["block"], record["block_kind"], record["outcome"], record["reason"]
            )
    return tuple(results[index] for index in sorted(results))


def _movements(trials: Sequence[dict[str, Any]]) -> Iterable[MovementResult]:
    for name in dict.fromkeys(trial["movement"] for trial in trials):
        own = [trial for trial in trials if trial["movement"] == name]
        scored = [trial for trial in own if not trial["reason"]]
        low, high = _interval(scored)
        yield MovementResult(
            movement=name,
            repetitions=len(own),
            scored=len(scored),
            clean=sum(trial["is_clean"] for trial in scored),
            score=_mean(trial["score"] for trial in scored),
            symmetry=_mean(trial["symmetry"] for trial in scored),
            quiet=_mean(trial["guard_quiet"] for trial in scored),
            synkinesis_per_repetition=_mean(trial["n_synkinesis"] for trial in scored),
            goal_share=own[-1]["goal_share"],
            symmetry_low=low,
            symmetry_high=high,
            signed_asymmetry=_signed(scored),
            overactive=sum(bool(trial.get("is_overactive")) for trial in scored),
        )


def _interval(trials: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return the interval of the mean symmetry of scored repetitions."""
    limits = [(trial.get("symmetry_low"), trial.get("symmetry_high")) for trial in trials]
    known = [
        (trial["symmetry"], (float(low), float(high)))
        for trial, (low, high) in zip(trials, limits, strict=True)
        if low is not None and high is not None
    ]
    return mean_interval([value for value, _ in known], [limit for _, limit in known])


def _signed(trials: Sequence[dict[str, Any]]) -> float:
    known = (trial.get("signed_asymmetry") for trial in trials)
    return _mean(value for value in known if value is not None)


def _mean(values: Iterable[float]) -> float:
    known = [float(value) for value in values]
    return fmean(known) if known else math.nan
