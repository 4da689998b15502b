"""The score: quality, never amplitude; and what carries from one repetition to the next."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop.training.fading import Fading
from faceloop.training.fields import fields_of
from faceloop.training.goal import Goal, GoalRule
from faceloop.training.guard import Guard, GuardWatch
from faceloop.training.hop import Hop
from faceloop.training.references import COMFORTABLE_EFFORT, References, Sides
from faceloop.training.resting import RestMeter
from faceloop.training.rules import AlertSpec, CueSpec, ScoreSpec
from faceloop.training.score import ScoredHop, ScoreRule, effort_of, score
from faceloop.training.trial import Trial, TrialSpec

ALERT = AlertSpec()
RULE = ScoreRule(goal_share=0.25, band_share=0.25, rise_s=3.0, release_s=3.0)
LENGTHS = {"rise": 300, "hold": 500, "release": 300}


def movement(
    affected: float = 0.25, unaffected: float = 0.25, *, guard: float = 1.0, **same: object
) -> list[ScoredHop]:
    """Return an even movement up to these shares; the guard is quiet for ``guard`` of it."""
    hops = []
    for part, n in LENGTHS.items():
        for at in range(n):
            course = {"rise": at / n, "hold": 1.0, "release": 1 - at / n}[part]
            a, u = affected * course, unaffected * course
            hop = ScoredHop(
                part, at / 100, a, u, effort_of(max(a, u)), is_guard_quiet=at % 100 < 100 * guard
            )  # type: ignore[arg-type]
            hops.append(replace(hop, **same) if same else hop)  # type: ignore[arg-type]
    return hops


def test_perfect_movement_scores_100() -> None:
    quality = score(movement(), RULE)
    assert quality.score == pytest.approx(100)
    assert quality.symmetry == pytest.approx(1.0)
    assert quality.effort == pytest.approx(0.75)


@pytest.mark.parametrize(("affected", "signed"), [(0.15, -0.25), (0.25, 0.0), (0.41667, 0.25)])
def test_signed_asymmetry_is_below_0_where_the_affected_side_is_the_weaker_one(
    affected: float, signed: float
) -> None:
    """Clinical reference 2.1: (A - U) / (A + U)."""
    found = score(movement(affected, 0.25), RULE).signed_asymmetry
    assert found == pytest.approx(signed, abs=1e-4)


def test_score_is_the_weakest_part_so_that_ratio_and_guard_must_agree() -> None:
    both = score(movement(0.2, 0.31, guard=0.6), RULE).score
    better_ratio = score(movement(0.25, 0.25, guard=0.6), RULE).score
    better_guard = score(movement(0.2, 0.31, guard=1.0), RULE).score
    agreed = score(movement(0.25, 0.25, guard=1.0), RULE).score
    assert better_ratio == pytest.approx(60, abs=3)  # the guard holds it there
    assert both <= min(better_ratio, better_guard)
    assert agreed == pytest.approx(100)


@given(
    ratio=st.floats(0.0, 1.0),
    guard=st.floats(0.0, 1.0),
    better_ratio=st.floats(0.0, 1.0),
    better_guard=st.floats(0.0, 1.0),
)
@settings(max_examples=30, deadline=None)
def test_score_never_exceeds_ratio_or_guard(
    ratio: float, guard: float, better_ratio: float, better_guard: float
) -> None:
    quality = score(movement(0.25 * ratio, 0.25, guard=guard), RULE)
    assert quality.score <= 100 * min(quality.together, quality.guard_quiet) + 1e-9
    ratio, guard = max(ratio, better_ratio), max(guard, better_guard)
    better = score(movement(0.25 * ratio, 0.25, guard=guard), RULE)
    assert better.score >= quality.score - 1e-9


@st.composite
def score_specs(draw: st.DrawFn) -> ScoreSpec:
    """Any that a therapist may set."""
    numbers = {field.key: draw(st.floats(field.low, field.high)) for field in fields_of(ScoreSpec)}
    numbers["together_none"] = min(numbers["together_none"], numbers["together_full"])
    return ScoreSpec(**numbers)


@given(
    st.lists(
        st.tuples(
            *(st.floats(0, 3), st.floats(0, 3), st.floats(0, 4)),
            *(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
        ),
        min_size=40,
        max_size=40,
    ),
    st.floats(0.1, 0.8),
    st.floats(1.0, 5.0),
    score_specs(),
)
@settings(max_examples=60, deadline=None)
def test_more_effort_beyond_3_of_10_never_raises_the_score(
    levels: list[tuple[float, float, float, bool, bool, bool, bool]],
    goal: float,
    factor: float,
    marks: ScoreSpec,
) -> None:
    """Whatever the movement and the therapist's numbers.

    What is above the limit already is raised, the rest stays. Straining may bring a guard's ratio
    under its cut-off, and the jaw in.
    """
    rule = ScoreRule(goal, 0.25, 0.3, 0.3, marks=marks)
    parts = ["rise"] * 50 + ["hold"] * 100 + ["release"] * 50
    base, raised = [], []
    for at, part in enumerate(parts):
        affected, unaffected, own, is_quiet, quiet_then, is_vetoed, vetoed_then = levels[at // 5]
        hop = ScoredHop(
            *(part, at % 100 / 100, affected, unaffected, effort_of(own)),  # type: ignore[arg-type]
            is_guard_quiet=is_quiet,
            is_vetoed=is_vetoed,
        )
        base.append(hop)
        if hop.effort > COMFORTABLE_EFFORT:
            hop = replace(
                hop,
                affected_share=affected * factor,
                unaffected_share=unaffected * factor,
                effort=hop.effort * factor,
                is_guard_quiet=quiet_then,
                is_vetoed=vetoed_then,
            )
        raised.append(hop)
    before, after = score(base, rule), score(raised, rule)
    assert before.is_scored == after.is_scored
    assert not before.is_scored or after.score <= before.score + 1e-9


@pytest.mark.parametrize("with_it", [{"is_guard_quiet": True}, {"is_vetoed": True}])
def test_straining_that_quiets_the_guards_or_brings_the_jaw_in_buys_nothing(
    with_it: dict[str, bool],
) -> None:
    """In rise and release, where the band does not count: the guards were not quiet there."""
    gentle = [
        hop if hop.part == "hold" else replace(hop, is_guard_quiet=False) for hop in movement()
    ]
    strained = [
        hop if hop.part == "hold" else replace(hop, effort=3.9, **with_it) for hop in gentle
    ]
    assert 20 < score(gentle, RULE).score < 60
    assert score(strained, RULE).score <= score(gentle, RULE).score


@pytest.mark.parametrize("level", [0.0, 0.2, 0.97])
def test_strain_for_a_moment_earns_no_more_than_the_same_just_under_the_limit(
    level: float,
) -> None:
    """What is over the limit is not left out of the level of the hops beside it."""
    scores = []
    for effort in (2.99, 3.01, 6.0):
        hops = movement()
        hops[500:510] = [
            replace(hop, affected_share=level, effort=effort) for hop in hops[500:510]
        ]
        scores.append(score(hops, RULE).score)
    assert scores == sorted(scores, reverse=True)
    assert scores[1] == pytest.approx(scores[2])


def test_steady_hold_is_in_the_band_however_its_100_ms_rms_varies_and_a_wrong_one_is_not() -> None:
    """Both sides at the target, and one of them a third off it, as the engine hears them."""
    kept = {1.0: 0, 0.65: 0}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        for reached in kept:
            spread = [
                np.convolve(response(rng, 1.0, 5.6), np.full(30, 1 / 30), "valid")[:500]
                for _ in range(2)
            ]
            hops = movement()
            hops[300:800] = [
                replace(
                    hop,
                    # With half a level of rest below it a goal of 0.2 spreads by a fifth.
                    affected_share=0.25 * (reached + 2.9 * (affected - 1)),
                    unaffected_share=0.25 * (1 + 2.9 * (other - 1)),
                )
                for hop, affected, other in zip(hops[300:800], *spread, strict=True)
            ]
            kept[reached] += score(hops, RULE).in_band >= 0.6
    assert kept[1.0] >= 19
    assert kept[0.65] <= 2


def test_effort_that_is_not_known_is_not_scored() -> None:
    """No comfortable movement of the weak side: the one that may strain without its being seen."""
    assert score(movement(effort=math.nan), RULE).reason == "reference"


@pytest.mark.parametrize("goal", [0.1, 0.25, 0.5, 0.8])
def test_score_of_a_movement_falls_with_effort_from_3_of_10_on(goal: float) -> None:
    """The whole movement scaled up, at every target a programme may set: clean at the target."""
    rule = ScoreRule(goal, 0.25, 3.0, 3.0)
    assert score(movement(goal, goal), rule).score == pytest.approx(100)
    assert effort_of(rule.band[1]) <= COMFORTABLE_EFFORT + 1e-9
    scores = [score(movement(share, share), rule).score for share in (1.0, 1.2, 1.5, 2.5, 5.0)]
    assert scores[1:] == sorted(scores[1:], reverse=True)
    assert scores[1] < 20


def test_jerky_movement_scores_less() -> None:
    hops = movement()
    jerky = [
        replace(hop, affected_share=0.3 if at % 60 < 30 else 0.0)
        if hop.part != "hold"
        else hop
        for at, hop in enumerate(hops)
    ]  # fmt: skip
    assert score(jerky, RULE).score == pytest.approx(80, abs=5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_vetoed": True}, "jaw"),
        ({"affected_share": math.nan}, "contact"),
        ({"is_guard_judged": False}, "contact"),
    ],
)
def test_what_cannot_be_judged_is_not_scored(change: dict[str, object], reason: str) -> None:
    quality = score(movement(**change), RULE)  # type: ignore[arg-type]
    assert (quality.is_scored, quality.reason) == (False, reason)
    assert math.isnan(quality.score)
    assert score([], RULE).reason == "no_signal"


def test_bad_channel_for_a_moment_is_left_out_not_punished() -> None:
    hops = movement()
    hops[400:500] = [replace(hop, affected_share=math.nan) for hop in hops[400:500]]
    quality = score(hops, RULE)
    assert quality.score == pytest.approx(100)
    assert quality.judged < 1


def goal(**changes: float) -> Goal:
    rule = GoalRule(0.25, 0.6, 0.05, 4, 5, 3, 0.5)
    return Goal(replace(rule, **changes))  # type: ignore[arg-type]


def test_target_rises_by_5_percent_after_4_of_5_clean() -> None:
    one = goal()
    assert [one.note(clean) for clean in (True, True, True, False, True)] == [0, 0, 0, 0, 1]
    assert one.share == pytest.approx(0.30)
    # It is earned anew: four more.
    assert [one.note(True) for _ in range(4)] == [0, 0, 0, 1]
    other = goal()
    assert [other.note(clean) for clean in (True, False, True, False, True, True)] == [0] * 6


def test_target_falls_after_three_unclean_and_stays_within_its_limits() -> None:
    one = goal()
    assert [one.note(False) for _ in range(3)] == [0, 0, -1]
    for _ in range(30):
        one.note(False)
    assert one.share == pytest.approx(0.125)
    for _ in range(200):
        one.note(True)
    assert one.share == pytest.approx(0.6)
    still = goal(ease_after=0)
    for _ in range(30):
        still.note(False)
    assert still.share == 0.25
    fixed = goal(step_share=0.0)
    assert {fixed.note(True) for _ in range(20)} == {0}


@given(st.lists(st.booleans(), max_size=60))
@settings(max_examples=50, deadline=None)
def test_replayed_target_is_the_same(verdicts: list[bool]) -> None:
    one, other = goal(), goal()
    for verdict in verdicts:
        one.note(verdict)
    other.replay(verdicts)
    assert (one.share, one.success) == (other.share, other.success)


def test_feedback_fades_with_success_and_never_below_its_least() -> None:
    fading = Fading("fading", 0.5, 0.5, 1.0)
    assert fading.share(0.0) == fading.share(0.5) == 1.0
    assert fading.share(0.75) == 0.75
    assert sum(fading.next(1.0) for _ in range(20)) == 10
    assert all(Fading("live", 0.5, 0.5, 1.0).next(1.0) for _ in range(5))
    assert not any(Fading("none", 0.5, 0.5, 1.0).next(0.0) for _ in range(5))
    early = Fading("fading", 0.0, 0.5, 1.0)
    assert all(early.next(0.2) for _ in range(10))
    at_once = Fading("fading", 0.25, 0.8, 0.8)
    assert (at_once.share(0.79), at_once.share(0.8)) == (1.0, 0.25)


REST = References((2.0,) * 8, (0.2,) * 8, (32.0,) * 8, "guarded8")


def watch(**levels: float) -> list[tuple[str, bool]]:
    """Return what 40 hops of the same levels say, eye affected and unaffected, jaw."""
    guards = GuardWatch(
        [Guard("orbicularis_oculi", Sides(0, 1), 1.79)], Sides(6, 7), REST, 0.05, ALERT
    )
    level = [2.0] * 8
    level[0], level[1] = levels.get("affected", 2.0), levels.get("unaffected", 2.0)
    level[6] = levels.get("jaw", 2.0)
    verdicts = [guards.feed(Hop(at, tuple(level))) for at in range(40)]
    return [(verdict.muscle, verdict.is_begin) for verdict in verdicts]


def test_guard_joins_in_after_50_ms_over_its_cutoff() -> None:
    verdicts = watch(affected=10.0, unaffected=5.0)
    assert verdicts[:4] == [("", False)] * 4
    assert verdicts[4] == ("orbicularis_oculi", True)
    assert verdicts[5] == ("orbicularis_oculi", False)


def test_jaw_whose_electrode_is_off_judges_nothing_instead_of_vetoing_nothing() -> None:
    """A clench leaks into the guards: without the jaw it cannot be told from synkinesis."""
    assert watch(affected=10.0, unaffected=5.0, jaw=math.nan) == [("", False)] * 40
    guards = GuardWatch(
        [Guard("orbicularis_oculi", Sides(0, 1), 1.79)], Sides(6, 7), REST, 0.05, ALERT
    )
    assert not guards.feed(Hop(0, (2.0,) * 6 + (math.nan, 2.0))).is_judged
    spec = TrialSpec(
        *("closed_mouth_smile", "zygomaticus_major", Sides(2, 3), False),
        *(0.25, 0.25, 3.0, 70.0, 3.0, 5.0, 3.0, 10.0, 30.0, True),
        *(ScoreSpec(), ALERT, CueSpec()),
    )
    trial = Trial(spec, guards, REST, 0.0)
    trial.feed(Hop(0, (2.0,) * 6 + (math.nan, 2.0), ("",) * 6 + ("lead_off", "")), 0.01)
    assert trial.bad_channels == (6,)
    assert trial.bad_reason == "lead_off"


def response(rng: np.random.Generator, level_uv: float, seconds: float) -> list[float]:
    """Return the 100 ms RMS, every 10 ms, of EMG of a steady strength: it varies by a fifth."""
    power = rng.chisquare(3, round(100 * seconds) + 9) / 3  # 10 ms of 160 Hz bandwidth
    return list(level_uv * np.sqrt(np.convolve(power, np.full(10, 0.1), "valid")))


@pytest.mark.parametrize("level_uv", [4.0, 5.0, 8.0])
def test_one_response_counts_once_however_its_rms_varies_and_two_count_twice(
    level_uv: float,
) -> None:
    counts = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        watched = Guard("orbicularis_oculi", Sides(0, 1), 1.79)
        guards = GuardWatch([watched], Sides(6, 7), REST, 0.05, ALERT)
        eye = response(rng, level_uv, 5.0) + [2.0] * 100 + response(rng, level_uv, 5.0)
        other = response(rng, 2.0, 11.0)
        verdicts = [
            guards.feed(Hop(at, (level, other[at], *(2.0,) * 6))) for at, level in enumerate(eye)
        ]
        counts.append(sum(verdict.is_begin for verdict in verdicts))
    assert sum(count == 2 for count in counts) >= (19 if level_uv >= 5 else 12)
    assert max(counts) <= 4


@pytest.mark.parametrize(
    "levels",
    [
        {"affected": 10.0, "unaffected": 5.6},  # index 1.786, just under 1.79
        {"affected": 2.9, "unaffected": 1.0},  # under 1.5 times its rest
        {"affected": 10.0, "jaw": 50.0},
        {"affected": math.nan},
    ],
)
def test_guard_stays_quiet(levels: dict[str, float]) -> None:
    assert {muscle for muscle, _ in watch(**levels)} == {""}


def test_unaffected_side_at_rest_is_compared_with_its_rest_not_with_noise() -> None:
    assert watch(affected=4.0, unaffected=0.01)[10][0] == "orbicularis_oculi"
    assert watch(affected=3.5, unaffected=0.01)[10][0] == ""  # 3.5 / 2.0 is under the cut-off


def test_resting_tone_is_that_of_the_quietest_ten_seconds() -> None:
    meter = RestMeter()
    assert meter.resting() is None
    for at in range(3000):
        loud = 8.0 if at < 1500 or at > 2600 else 2.0
        meter.feed(Hop(at, (loud, math.nan, *(2.0,) * 6)))
    resting = meter.resting()
    assert resting is not None
    assert resting.rms_uv[0] == pytest.approx(2.0)
    assert math.isnan(resting.rms_uv[1])
    assert resting.to_json()["rms_uv"][1] is None


def test_tonic_side_that_rests_has_not_joined_in() -> None:
    """Its index is over the cut-off all the time: it has to exceed its own rest by it as well."""
    tonic = References((2.0, 1.0, *(2.0,) * 6), (0.1,) * 8, (32.0,) * 8, "guarded8")
    guards = GuardWatch([Guard("mentalis", Sides(0, 1), 1.79)], Sides(6, 7), tonic, 0.05, ALERT)
    for level_uv, joined in ((3.4, ""), (3.7, "mentalis")):
        for at in range(30):
            verdict = guards.feed(Hop(at, (level_uv, 1.0, *(2.0,) * 6)))
        assert verdict.muscle == joined
