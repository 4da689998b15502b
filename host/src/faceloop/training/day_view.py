"""What a page shows of a day at one moment: pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from faceloop.training.feedback import Cue, Feedback
from faceloop.training.message import Message
from faceloop.training.score import Quality

__all__ = ["BlockView", "DayState", "DayView", "LastTrial", "StepView"]

DayState = Literal["ready", "running", "paused", "done"]


@dataclass(frozen=True, slots=True)
class BlockView:
    """The block that runs.

    Parameters
    ----------
    index : int
        In the programme, from 0.
    part, parts : int
        From 1, of those that are on and due today.
    name, kind : str
    title : Message
    """

    index: int
    part: int
    parts: int
    name: str
    kind: str
    title: Message


@dataclass(frozen=True, slots=True)
class StepView:
    """The step that runs.

    Parameters
    ----------
    index, count : int
        Within the block, from 0.
    id, kind : str
        Kinds: ``timed``, ``heat``, ``relax``, ``trial``, ``function``, ``rating``.
    title, instruction : Message
    phase : str
        Of a trial: ``ready``, ``rise``, ``hold``, ``release``, ``rest``; else empty.
    remaining_s : float
        Of the phase, or of the step.
    repetition, repetitions : int
        Of a trial's movement, from 1; 0 otherwise.
    movement : str
        Of a trial, else empty.
    rating : str
        Which rating of the patient's own is asked for, else empty.
    """

    index: int
    count: int
    id: str
    kind: str
    title: Message
    instruction: Message
    phase: str
    remaining_s: float
    repetition: int = 0
    repetitions: int = 0
    movement: str = ""
    rating: str = ""


@dataclass(frozen=True, slots=True)
class LastTrial:
    """The result of the repetition that has just ended.

    Parameters
    ----------
    movement : str
    quality : Quality
    is_clean : bool
    n_synkinesis : int
    goal_change : int
        1 the target rose, -1 it fell, 0.
    word : Message
    """

    movement: str
    quality: Quality
    is_clean: bool
    n_synkinesis: int
    goal_change: int
    word: Message


@dataclass(frozen=True, slots=True)
class DayView:
    """The whole of it.

    Parameters
    ----------
    state : str
    block : BlockView or None
    step : StepView or None
    feedback : Feedback or None
        While a repetition runs.
    cue : Cue or None
        Of a function task, where there are alerts.
    last_trial : LastTrial or None
        Until the next movement begins.
    notices : tuple of Message
        What keeps the day from going on, or why the blocks before this were left out.
    active_s, planned_s : float
        Time in the programme without pauses, and what was planned.
    """

    state: DayState
    block: BlockView | None
    step: StepView | None
    feedback: Feedback | None
    cue: Cue | None
    last_trial: LastTrial | None
    notices: tuple[Message, ...]
    active_s: float
    planned_s: float
