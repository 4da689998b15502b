"""The stage of recovery decides what may be trained: set together with a therapist, and locked.

Ref: Facial Palsy UK self-help pages; Improve FP practice pages. Flaccid: no active exercise.
Paresis: small, symmetric. Synkinesis: release first, then quiet. Relaxation: release, then move.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, get_args

from faceloop.errors import UsageError
from faceloop.refusal import Term, refusal
from faceloop.training.message import Message, message

__all__ = ["STAGES", "Stage", "StageLock", "is_for_therapist", "no_stage", "stage_term"]

Stage = Literal["flaccid", "paresis", "synkinesis", "relaxation"]
STAGES: tuple[Stage, ...] = get_args(Stage)
EXERCISE_FROM_DAYS = 92
"""Three months: exercises are published for those whose palsy began no later (clinical 3.1)."""


def stage_term(stage: Stage) -> Term:
    """Return a stage's name for a sentence."""
    return Term(f"train.stage.{stage}.title", stage)


def is_for_therapist(
    stage: Stage, *, onset: date | None, has_movement_returned: bool, today: date
) -> bool:
    """Return whether only a therapist may choose a stage, by what the person has answered.

    Parameters
    ----------
    stage : str
    onset : date or None
        When the palsy began, None where that is not known.
    has_movement_returned : bool
    today : date
    """
    if stage == "flaccid":
        return False
    is_long_enough = onset is not None and (today - onset).days >= EXERCISE_FROM_DAYS
    return not (is_long_enough and has_movement_returned)


def no_stage(given: str) -> UsageError:
    """Return the refusal of what is no stage."""
    return UsageError(refusal("no_stage", given=repr(given), known=tuple(map(stage_term, STAGES))))


@dataclass(frozen=True, slots=True)
class StageLock:
    """What the stage allows.

    Parameters
    ----------
    stage : str
    has_movement_returned : bool
        The patient, or the therapist, has seen movement come back by itself.
    is_unlocked_by_therapist : bool
        EMG targets are allowed in the flaccid stage all the same, for example as motivation where
        the signal comes before the movement.
    """

    stage: Stage
    has_movement_returned: bool = False
    is_unlocked_by_therapist: bool = False

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise no_stage(self.stage)

    @property
    def allows_targets(self) -> bool:
        """Whether movements may be trained against an EMG target."""
        return (
            self.stage != "flaccid" or self.has_movement_returned or self.is_unlocked_by_therapist
        )

    @property
    def is_relax_first(self) -> bool:
        """Whether the face has to become quiet before a movement is asked for."""
        return self.stage in ("synkinesis", "relaxation")

    @property
    def grows(self) -> bool:
        """Whether clean repetitions raise the target: not where the aim is quiet."""
        return self.stage in ("paresis", "synkinesis")

    @property
    def reason(self) -> Message | None:
        """Why targets are locked, None when they are not."""
        return None if self.allows_targets else message("train.stage.locked")

    def with_movement_returned(self) -> StageLock:
        """Return the lock of someone whose movement has come back."""
        return replace(self, has_movement_returned=True)
