"""What EMG retraining keeps from one repetition to the next: targets, feedback, guards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from faceloop.training.day_position import DayContext
from faceloop.training.fading import Fading
from faceloop.training.goal import Goal, GoalRule
from faceloop.training.guard import Guard, GuardWatch
from faceloop.training.leaks import GuardLeaks
from faceloop.training.movements import MOVEMENTS, Movement, movement_named
from faceloop.training.programme import FunctionBlock, Programme, RetrainingBlock
from faceloop.training.references import References, Sides
from faceloop.training.rules import AlertSpec
from faceloop.training.steps import StepSpec, TrialStep
from faceloop.training.trial import TrialRecord, TrialSpec

__all__ = ["Retraining", "function_guards"]

EYE = "orbicularis_oculi"


class Retraining:
    """Targets and feedback of a day's movements.

    Parameters
    ----------
    context : DayContext
    programme : Programme

    Attributes
    ----------
    context : DayContext
        May be exchanged when references are taken anew.
    """

    def __init__(self, context: DayContext, programme: Programme) -> None:
        self.context = context
        self._programme = programme
        self._goals: dict[str, Goal] = {}
        self._fading: dict[str, Fading] = {}
        self._leaks: dict[tuple[Sides, ...], GuardLeaks] = {}

    def trial(
        self, spec: StepSpec, block: RetrainingBlock, now_s: float, lead_in_s: float
    ) -> TrialStep:
        """Return the next repetition of a movement.

        Without electrodes that know their rest and their comfortable movement, the levels are
        unknown and the repetition is not scored.
        """
        context = self.context
        assert context.references is not None
        movement = movement_named(spec.movement)
        muscle = movement.target_in(context.muscles)
        goal = self._goal(block, spec.movement)
        trial = TrialSpec(
            movement=spec.movement,
            muscle=muscle,
            target=Sides.of(context.montage, muscle, context.affected_side),
            is_scaled_to_unaffected=block.scale == "unaffected",
            goal_share=goal.share,
            band_share=block.band_share,
            effort_limit=block.effort_limit,
            clean_score=block.clean_score,
            rise_s=block.rise_s,
            hold_s=block.hold_s,
            release_s=block.release_s,
            rest_s=block.rest_s,
            rest_longest_s=block.rest_longest_s,
            has_feedback=self._fading_of(block).next(goal.success),
            marks=self._programme.score,
            alert=self._programme.alert,
            cues=self._programme.cue,
        )
        guards = self._guards(movement, block, context.references, trial.target)
        return TrialStep(trial, guards, context.references, now_s, lead_in_s)

    def note(self, block: str, record: TrialRecord) -> int:
        """Take a finished repetition; return 1 when its target rose, -1 when it fell.

        One that could not be scored says nothing about the target.
        """
        goal = self._goals.get(f"{block}/{record.movement}")
        if goal is None or not record.quality.is_scored:
            return 0
        return goal.note(record.is_clean)

    def replay(self, trials: Iterable[dict[str, Any]]) -> None:
        """Take the repetitions of a day that is taken up again."""
        blocks = {b.name: b for b in self._programme.block if isinstance(b, RetrainingBlock)}
        for trial in trials:
            block = blocks.get(trial["block"])
            if block is None or trial["movement"] not in MOVEMENTS:
                continue
            goal = self._goal(block, trial["movement"])
            self._fading_of(block).next(goal.success)
            if not trial["reason"]:
                goal.note(bool(trial["is_clean"]))

    def goals(self) -> dict[str, float]:
        """Return where the targets stand, by ``block/movement``; for the next day."""
        return {
            **self.context.goals,
            **{name: round(goal.share, 4) for name, goal in self._goals.items()},
        }

    def watched(self, block: RetrainingBlock) -> tuple[int, ...]:
        """Return the channels that have to be quiet before the first movement of a block."""
        context = self.context
        muscles = set()
        for name in block.movements:
            movement = movement_named(name)
            muscles |= {movement.target_in(context.muscles), *movement.guards_in(context.muscles)}
        return tuple(
            channel
            for muscle in sorted(muscles - {""})
            for channel in Sides.of(context.montage, muscle, context.affected_side)
        )

    def _goal(self, block: RetrainingBlock, movement: str) -> Goal:
        name = f"{block.name}/{movement}"
        if name not in self._goals:
            rule = GoalRule.of(block, grows=self.context.lock.grows)
            self._goals[name] = Goal(rule, self.context.goals.get(name))
        return self._goals[name]

    def _fading_of(self, block: RetrainingBlock) -> Fading:
        if block.name not in self._fading:
            self._fading[block.name] = Fading(
                block.feedback, block.feedback_least, block.fades_from, block.fades_to
            )
        return self._fading[block.name]

    def _guards(
        self,
        movement: Movement,
        block: RetrainingBlock,
        references: References,
        target: Sides,
    ) -> GuardWatch:
        context = self.context
        guards = [
            Guard(
                muscle,
                Sides.of(context.montage, muscle, context.affected_side),
                block.eye_guard_index if muscle == EYE else block.guard_index,
            )
            for muscle in movement.guards_in(context.muscles)
        ]
        hold_s = block.guard_hold_ms / 1000.0
        veto = _veto(context)
        watched = [guard.sides for guard in guards]
        leaks = self._leaks.setdefault(
            (target, *watched), GuardLeaks(watched, [target, *([veto] if veto else [])])
        )
        return GuardWatch(
            *(guards, veto, references, hold_s, self._programme.alert), target=target, leaks=leaks
        )


def function_guards(
    context: DayContext, block: FunctionBlock, rule: AlertSpec
) -> GuardWatch | None:
    """Return what is watched while the mouth is used: the eye, if the jaw can be told from it."""
    veto = _veto(context)
    if veto is None or context.references is None or EYE not in context.muscles:
        return None
    sides = Sides.of(context.montage, EYE, context.affected_side)
    eye = Guard(EYE, sides, block.eye_guard_index)
    return GuardWatch([eye], veto, context.references, block.guard_hold_ms / 1000.0, rule)


def _veto(context: DayContext) -> Sides | None:
    for pair in context.montage.muscles:
        if pair.role == "veto":
            return Sides.of(context.montage, pair.muscle, context.affected_side)
    return None
