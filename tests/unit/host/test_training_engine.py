"""A day of training on a fake clock: what is done, what is stored, what the patient may do."""

from __future__ import annotations

import math
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from faceloop.errors import UsageError
from faceloop.training.blocks import steps_of
from faceloop.training.engine import DayEngine
from faceloop.training.goal import Goal, GoalRule
from faceloop.training.programme import FunctionBlock
from faceloop.training.programme_file import parse_programme, shipped_programme
from faceloop.training.results import day_result

FAKES = Path(__file__).parents[2] / "fakes"
FAKE = runpy.run_path(str(FAKES / "fake_patient.py"))
Patient, context, run = FAKE["Patient"], FAKE["context"], FAKE["run"]
DAY = runpy.run_path(str(FAKES / "fake_day.py"))
QUICK, day, kinds, quick, to_trial = (
    DAY[name] for name in ("QUICK", "day", "kinds", "quick", "to_trial")
)


@pytest.mark.parametrize(
    ("patient", "weak_part"),
    [
        ({"strength": 0.4}, "together"),
        ({"joins": 0.6}, "guard_quiet"),
        ({"effort": 6.0}, "in_band"),
    ],
)
def test_score_is_low_unless_ratio_and_guard_agree(
    patient: dict[str, float], weak_part: str
) -> None:
    engine, log, face, _ = day(**patient)
    engine.start(0.0)
    run(engine, face)
    for trial in kinds(log, "trial"):
        assert trial["score"] < 40 and not trial["is_clean"]
        assert trial[weak_part] < 0.5


def test_score_rises_only_when_ratio_and_guard_agree() -> None:
    """A patient who puts now the one right, now the other, now both, now none."""
    tries = [(0.5, 0.6), (1.0, 0.6), (0.5, 0.0), (1.0, 0.0), (0.5, 0.6), (0.5, 0.0), (1.0, 0.0)]
    seven = QUICK.replace("repetitions = 3", f"repetitions = {len(tries)}")
    engine, log, face, _ = day(parse_programme(seven, "seven"))

    def vary(engine: DayEngine, now_s: float) -> None:
        n = len(kinds(log, "trial"))
        face.strength, face.joins = tries[min(n, len(tries) - 1)]

    engine.start(0.0)
    run(engine, face, each=vary)
    trials = kinds(log, "trial")
    scores = [trial["score"] for trial in trials]
    assert len(scores) == len(tries)
    for (strength, joins), score, trial in zip(tries, scores, trials, strict=True):
        is_agreed = strength == 1.0 and joins == 0.0
        assert trial["is_clean"] == is_agreed
        assert score > 85 if is_agreed else score < 60, (strength, joins)
        assert score <= 100 * min(trial["in_band"], trial["together"], trial["guard_quiet"]) + 0.01


@pytest.mark.parametrize(("days", "outcome"), [(6, "left_out"), (7, "done")])
def test_weekly_block_is_left_out_until_it_is_due(days: int, outcome: str) -> None:
    programme = shipped_programme("synkinesis")
    engine, log, patient, _ = day(programme, context(days_since={"weekly_check": days}))
    engine.start(0.0)
    now_s = 0.0
    while engine.state != "done":
        now_s += 0.01
        block = engine.programme.block[engine._block]
        if block.name == "weekly_check":
            engine.feed(patient.hop(engine, now_s), now_s)
        else:
            engine.skip_block(now_s)
    outcomes = {block.name: block.outcome for block in day_result(log.records).blocks}
    assert outcomes["weekly_check"] == outcome


@pytest.mark.parametrize("is_short", [False, True])
def test_target_of_paresis_stays_at_20_to_30_percent_of_the_other_side(is_short: bool) -> None:
    """Clinical reference 3.3, whatever is done cleanly."""
    for block in shipped_programme("paresis", is_short=is_short).block:
        if block.kind == "retraining":
            rule = GoalRule.of(block, grows=True)
            goal = Goal(rule)
            goal.replay([True] * 40)
            assert 0.2 <= rule.first_share <= goal.share <= 0.3


def test_flaccid_stage_does_all_but_movements() -> None:
    engine, log, patient, _ = day(made_for=context("flaccid"))
    engine.start(0.0)
    run(engine, patient)
    blocks = {block.name: block for block in day_result(log.records).blocks}
    assert (blocks["retraining"].outcome, blocks["retraining"].reason) == (
        "left_out", "stage_locked",
    )  # fmt: skip
    assert not kinds(log, "trial")
    assert blocks["massage"].outcome == "done"


def test_references_of_set_up_before_the_start_belong_to_the_day() -> None:
    engine, log, patient, _ = day(made_for=context(references=None))
    engine.set_references(FAKE["references"]())
    assert not log.records
    engine.start(0.0)
    assert log.records[0]["context"]["references"] is not None
    engine.set_references(FAKE["references"]())
    assert log.records[-1]["kind"] == "references"
    run(engine, patient)
    assert len(kinds(log, "trial")) == 3


def test_without_set_up_movements_are_left_out_and_it_is_said() -> None:
    engine, log, patient, _ = day(made_for=context(references=None))
    engine.start(0.0)
    engine.skip_block(1.0)
    engine.skip_block(2.0)
    (notice,) = engine.view(2.0).notices
    assert notice.key == "train.left_out.not_set_up"
    run(engine, patient, 2.0)
    assert day_result(log.records).outcome == "done"


def test_face_that_does_not_come_to_rest_is_not_asked_to_move() -> None:
    engine, log, patient, _ = day(quick(relax_longest_s=3))
    engine.start(0.0)
    engine.skip_block(0.1)
    engine.skip_block(0.2)
    loud = [level * 3 for level in patient.hop(engine, 0.2).level_uv]
    now_s = 0.2
    while engine.view(now_s).block.name == "retraining":  # type: ignore[union-attr]
        now_s += 0.01
        hop = patient.hop(engine, now_s)
        engine.feed(type(hop)(hop.frame, tuple(loud)), now_s)
    assert kinds(log, "block_end")[-1]["reason"] == "not_quiet"
    assert not kinds(log, "trial")
    assert [one.key for one in engine.view(now_s).notices] == ["train.left_out.not_quiet"]


def test_pause_in_a_movement_stands_still_and_begins_it_again() -> None:
    engine, log, patient, _ = day()
    now_s = to_trial(engine, patient, "hold")
    before_s = engine.view(now_s).active_s
    engine.pause(now_s)
    assert engine.view(now_s + 500).active_s == before_s
    assert kinds(log, "step")[-1]["outcome"] == "interrupted"
    engine.feed(patient.hop(engine, now_s + 500), now_s + 500)  # heard by nobody
    engine.resume(now_s + 1000)
    step = engine.view(now_s + 1000).step
    assert step is not None and (step.phase, step.repetition) == ("ready", 1)
    run(engine, patient, now_s + 1000)
    assert len(kinds(log, "trial")) == 3


def test_pause_in_a_rest_keeps_the_movement_that_is_over() -> None:
    engine, log, patient, _ = day()
    now_s = to_trial(engine, patient, "rest")
    assert len(kinds(log, "trial")) == 1  # stored before the rest is over
    engine.pause(now_s)
    engine.resume(now_s + 60)
    run(engine, patient, now_s + 60)
    assert len(kinds(log, "trial")) == 3


def test_repeat_in_the_rest_is_one_more_and_in_the_movement_the_same_again() -> None:
    engine, log, patient, _ = day()
    now_s = to_trial(engine, patient, "rest")
    engine.repeat(now_s)
    now_s = run(
        engine, patient, now_s, lambda engine: engine.view(0).step.phase == "hold"
    )  # fmt: skip
    engine.repeat(now_s)
    assert kinds(log, "step")[-1]["outcome"] == "repeated"
    run(engine, patient, now_s)
    assert len(kinds(log, "trial")) == 4


def test_skip_step_and_block_at_once() -> None:
    engine, log, patient, _ = day()
    now_s = to_trial(engine, patient, "rise")
    engine.skip_step(now_s)
    assert engine.view(now_s).step.repetition == 2  # type: ignore[union-attr]
    engine.pause(now_s)
    engine.skip_block(now_s + 5)  # in a pause it goes on as well
    assert engine.view(now_s + 5).block.name == "function"  # type: ignore[union-attr]
    assert engine.state == "running"
    engine.close(now_s + 6)
    assert engine.state == "done"
    result = day_result(log.records)
    assert result.outcome == "closed"
    assert [block.outcome for block in result.blocks] == ["skipped"] * 3 + ["open"]


def test_nothing_happens_before_the_start_and_after_the_end() -> None:
    engine, log, patient, _ = day()
    engine.feed(patient.hop(engine, 1.0), 1.0)
    for act in (engine.pause, engine.resume, engine.repeat, engine.skip_step, engine.close):
        act(1.0)
    assert not log.records and engine.state == "ready"
    engine.start(1.0)
    engine.start(2.0)
    engine.close(3.0)
    n = len(log.records)
    for act in (engine.start, engine.pause, engine.resume, engine.skip_block, engine.close):
        act(4.0)
    assert len(log.records) == n


def test_bad_contact_mutes_names_the_electrode_and_scores_nothing() -> None:
    engine, log, patient, _ = day(off=frozenset({2}))
    now_s = to_trial(engine, patient, "hold")
    run(engine, patient, now_s, lambda engine: engine._step.trial.phase == "release")  # type: ignore[union-attr]
    feedback = engine.view(now_s + 2).feedback
    assert feedback is not None and feedback.is_muted and not feedback.is_shown
    assert feedback.cue.message.key == "unfit.mains"
    assert feedback.cue.message.params["place"].key == "train.electrode.zygomaticus_major_l"
    assert (feedback.left_share, feedback.sound.volume) == (None, 0.0)
    run(engine, patient, now_s + 2)
    assert [trial["reason"] for trial in kinds(log, "trial")] == ["contact"] * 3
    assert [trial["score"] for trial in kinds(log, "trial")] == [None] * 3


def test_jaw_clench_vetoes_alert_and_score() -> None:
    engine, log, patient, outputs = day(joins=0.6, jaw=1.0)
    now_s = to_trial(engine, patient, "hold")
    run(engine, patient, now_s, lambda engine: engine._step.trial.phase == "release")  # type: ignore[union-attr]
    assert engine.view(now_s).cue.kind == "jaw"  # type: ignore[union-attr]
    run(engine, patient, now_s + 2)
    assert [trial["reason"] for trial in kinds(log, "trial")] == ["jaw"] * 3
    assert ("vibrate", "synkinesis") not in outputs.done


@pytest.mark.parametrize("is_closed", [False, True])
def test_board_vibrates_between_blocks_and_another_way_at_the_end(is_closed: bool) -> None:
    engine, _, patient, outputs = day()
    engine.start(0.0)
    engine.skip_block(0.1)
    engine.skip_block(0.2)
    if is_closed:  # whoever ends it knows
        engine.close(0.3)
    else:
        run(engine, patient, 0.3)
    felt = [pattern for kind, pattern in outputs.done if kind == "vibrate"]
    assert felt == ["phase"] * 2 if is_closed else ["phase"] * 4 + ["done"]


def test_synkinesis_vibrates_once_and_marks_the_recording() -> None:
    engine, log, patient, outputs = day(joins=0.6)
    now_s = to_trial(engine, patient, "hold")
    run(engine, patient, now_s, lambda engine: engine._step.trial.phase == "release")  # type: ignore[union-attr]
    view = engine.view(now_s + 2)
    assert view.cue is not None and view.cue.kind == "synkinesis"
    assert view.feedback is not None and view.feedback.sound.sign == "synkinesis"
    assert outputs.done.count(("vibrate", "synkinesis")) == 1
    assert ("synkinesis", "orbicularis_oculi") in outputs.done
    run(engine, patient, now_s + 2)
    assert all(trial["n_synkinesis"] >= 1 for trial in kinds(log, "trial"))


def test_parts_are_counted_without_those_that_are_off_or_not_due() -> None:
    off = QUICK.replace('name = "massage"', 'name = "massage"\nis_on = false')
    weekly = off.replace('name = "function"', 'name = "function"\nevery_days = 7')
    made_for = context()
    made_for = replace(made_for, days_since={"function": 2})
    engine, _, _, _ = day(parse_programme(weekly, "weekly"), made_for)
    engine.start(0.0)
    engine.skip_block(0.1)
    block = engine.view(0.2).block
    assert block is not None
    assert (block.name, block.index, block.part, block.parts) == ("retraining", 2, 2, 3)


def test_eating_has_alerts_only_with_electrodes_on_the_jaw() -> None:
    for montage, has_alerts in (("guarded8", True), ("upper8", False), ("minimal4", False)):
        engine, log, patient, outputs = day(made_for=context(montage=montage))
        engine.start(0.0)
        for at in range(3):
            engine.skip_block(0.1 * (at + 1))
        levels = [2.0] * 8
        levels[0] = 30.0  # the left eye closes while the mouth sips
        hop = type(patient.hop(engine, 1.0))
        for at in range(100):
            engine.feed(hop(at * 20, tuple(levels)), 1 + at / 100)
        view = engine.view(2.0)
        assert view.block is not None and view.block.name == "function"
        assert (view.cue is not None) == has_alerts
        assert (("vibrate", "synkinesis") in outputs.done) == has_alerts
        if has_alerts:
            levels[6] = 100.0  # chewing
            for at in range(100, 200):
                engine.feed(hop(at * 20, tuple(levels)), 1 + at / 100)
            assert engine.view(3.0).cue is None
            # The jaw's electrode is off: the eye says nothing, and the page says why.
            levels[6] = math.nan
            off = ("",) * 6 + ("lead_off", "")
            for at in range(200, 300):
                engine.feed(hop(at * 20, tuple(levels), off), 1 + at / 100)
            cue = engine.view(4.0).cue
            assert cue is not None and cue.message.key == "unfit.lead_off"
            assert cue.message.params["place"].key == "train.electrode.masseter_l"
        else:
            assert view.notices[0].key == "train.notice.no_alerts_without_jaw"
        engine.skip_block(4.0)
        assert kinds(log, "step")[-1]["n_synkinesis"] == (1 if has_alerts else None)


def test_own_rating_is_asked_for_right_after_its_block_and_may_be_left_out() -> None:
    engine, log, patient, _ = day()
    engine.start(0.0)
    engine.skip_block(0.1)

    def asked(engine: DayEngine) -> bool:
        step = engine.view(0).step
        return step is not None and step.kind == "rating"

    now_s = run(engine, patient, 0.1, asked)
    step = engine.view(now_s).step
    assert step is not None and (step.rating, step.instruction.key) == ("pain", "train.rate.more")
    engine.rate("tightness", 4, now_s)  # another one is stored, and this one is still asked for
    engine.rate("pain", 2, now_s + 1)
    assert engine.view(now_s + 1).block.name == "retraining"  # type: ignore[union-attr]
    assert (kinds(log, "step")[-1]["id"], kinds(log, "step")[-1]["rating"]) == ("rate-pain", 2)
    assert (kinds(log, "rating")[-1]["block"], kinds(log, "rating")[-1]["rating"]) == (
        "massage",
        2,
    )
    engine.skip_block(now_s + 1)
    now_s = run(engine, patient, now_s + 1, asked)
    step = engine.view(now_s).step
    assert step is not None and (step.rating, step.instruction.key) == (
        "drinking", "train.rate.better",
    )  # fmt: skip
    engine.pause(now_s)
    engine.rate("drinking", 7, now_s + 50)  # kept in a pause too; the day stands still
    assert engine.state == "paused"
    engine.resume(now_s + 60)
    engine.skip_step(now_s + 60)
    assert kinds(log, "step")[-1]["outcome"] == "skipped"
    assert day_result(log.records).ratings == {"tightness": 4, "pain": 2, "drinking": 7}


def test_own_rating_that_nobody_gives_is_waited_for_and_no_longer() -> None:
    engine, log, patient, _ = day()
    engine.start(0.0)
    run(engine, patient)
    rates = [record for record in kinds(log, "step") if record["id"].startswith("rate-")]
    assert [(r["id"], r["outcome"], r["rating"]) for r in rates] == [
        ("rate-pain", "done", None), ("rate-drinking", "done", None),
    ]  # fmt: skip
    ends = {r["id"]: r["t_s"] for r in kinds(log, "step")}
    assert ends["rate-pain"] - ends["cheek_release-2"] == pytest.approx(20.0, abs=0.2)
    for spec in shipped_programme("synkinesis").block:
        if isinstance(spec, FunctionBlock):
            assert spec.asked == ("drinking", "eating", "speaking")
            silent = spec.model_copy(update={"ask_s": 0.0})
            assert len(steps_of(silent, (), engine.context.lock)) == len(spec.tasks)


@pytest.mark.parametrize(("cutoff", "n_alerts"), [(1.5, 1), (3.0, 0)])
def test_alerts_of_everyday_movements_go_by_the_number_of_their_block(
    cutoff: float, n_alerts: int
) -> None:
    own = QUICK.replace('kind = "function"', f'kind = "function"\neye_guard_index = {cutoff}')
    engine, log, patient, _ = day(parse_programme(own, "own"))
    engine.start(0.0)
    for at in range(3):
        engine.skip_block(0.1 * (at + 1))
    hop = type(patient.hop(engine, 1.0))
    for at in range(50):  # twice the other side
        engine.feed(hop(at * 20, (12.0, 6.0, *[2.0] * 6)), 1 + at / 100)
    engine.skip_block(2.0)
    assert kinds(log, "step")[-1]["n_synkinesis"] == n_alerts


def test_ratings_and_diary_are_stored_at_once() -> None:
    engine, log, _, _ = day()
    engine.start(0.0)
    engine.rate("pain", 3, 1.0)
    engine.note_diary("  A good day.  ")
    with pytest.raises(UsageError, match="pain is 11; choose a whole number from 0 to 10"):
        engine.rate("pain", 11, 2.0)
    with pytest.raises(UsageError, match="no rating 'mood'"):
        engine.rate("mood", 1, 2.0)
    result = day_result(log.records)
    assert (result.ratings, result.diary) == ({"pain": 3}, "A good day.")
