"""What to show, sound and vibrate at this moment: numbers and keys, and one cue at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from faceloop.session.live import Side
from faceloop.training.message import Message, message
from faceloop.training.trial import Levels, Trial

__all__ = ["CUES", "Cue", "Feedback", "Shape", "Sound", "contact_cue", "cue_of", "trial_feedback"]

CueKind = Literal[
    "no_signal", "bad_contact", "jaw", "synkinesis", "effort", "uneven",
    "ready", "rise", "hold", "release", "rest",
]  # fmt: skip
CUES: tuple[CueKind, ...] = (
    "no_signal", "bad_contact", "jaw", "synkinesis", "effort", "uneven",
    "ready", "rise", "hold", "release", "rest",
)  # fmt: skip
"""Most important first: of all that is true now only the first is told (Twente 2006: several at
once hindered older users)."""
LEAST_SHARE = 0.05
"""Below this both sides rest, and their ratio is one of noise."""


@dataclass(frozen=True, slots=True)
class Cue:
    """The one thing to tell now.

    Parameters
    ----------
    kind : str
        One of `CUES`.
    message : Message
        Its words; also the caption of its sound.
    """

    kind: CueKind
    message: Message


@dataclass(frozen=True, slots=True)
class Sound:
    """A continuous tone and a soft sign.

    Parameters
    ----------
    pitch : float
        0 at rest to 1 at the upper edge of the band; 0.5 is the target.
    volume : float
        0 to 1.
    sign : str
        ``synkinesis``: the distinct soft sign, once per event by whoever plays it; else empty.
    """

    pitch: float = 0.0
    volume: float = 0.0
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """An abstract shape for those who would rather not look at a face or at bars.

    Parameters
    ----------
    size : float
        1 at the target.
    lean : float
        -1 (left does all) to 1 (right does all), 0 even.
    ripple : float
        0 calm to 1: a guarded muscle joins in.
    """

    size: float = 0.0
    lean: float = 0.0
    ripple: float = 0.0


@dataclass(frozen=True, slots=True)
class Feedback:
    """All of the live feedback at one moment.

    Parameters
    ----------
    muscle : str
        The one that is trained.
    left_share, right_share : float or None
        Levels; None is not shown.
    goal_share : float
        Where the moving target stands now.
    hold_share : float
        Where it stands in the hold: the scale of a drawing.
    band : tuple of float
        Edges of the band around it.
    is_shown : bool
        False on repetitions without feedback, and while muted.
    is_muted : bool
        The signal cannot be judged: nothing is shown as a level, nothing sounds.
    cue : Cue
    sound : Sound
    shape : Shape
    """

    muscle: str
    left_share: float | None
    right_share: float | None
    goal_share: float
    hold_share: float
    band: tuple[float, float]
    is_shown: bool
    is_muted: bool
    cue: Cue
    sound: Sound
    shape: Shape


def trial_feedback(
    trial: Trial, now_s: float, affected_side: Side, labels: tuple[str, ...]
) -> Feedback:
    """Return the feedback of a repetition.

    Parameters
    ----------
    trial : Trial
    now_s : float
        Engine's time.
    affected_side : str
    labels : tuple of str
        Muscle and side of each channel, to name a bad electrode.
    """
    levels = trial.levels
    cue = cue_of(trial, labels)
    # A tense jaw leaks into the cheeks: their levels say nothing then.
    is_muted = cue.kind in ("no_signal", "bad_contact", "jaw")
    is_shown = trial.spec.has_feedback and not is_muted and trial.is_moving
    goal = trial.goal_now(now_s)
    half = trial.spec.goal_share * trial.spec.band_share
    sides = [levels.affected_share, levels.unaffected_share]
    left, right = sides if affected_side == "left" else sides[::-1]
    return Feedback(
        muscle=trial.spec.muscle,
        left_share=left if is_shown and not math.isnan(left) else None,
        right_share=right if is_shown and not math.isnan(right) else None,
        goal_share=goal,
        hold_share=trial.spec.goal_share,
        band=(max(goal - half, 0.0), goal + half),
        is_shown=is_shown,
        is_muted=is_muted,
        cue=cue,
        sound=_sound(levels, trial, cue) if is_shown else Sound(),
        shape=_shape(left, right, trial, cue) if is_shown else Shape(),
    )


def cue_of(trial: Trial, labels: tuple[str, ...]) -> Cue:
    """Return the one cue of this moment."""
    levels, verdict, cues = trial.levels, trial.verdict, trial.spec.cues
    if trial.bad_channels:
        return contact_cue(labels[trial.bad_channels[0]], trial.bad_reason)
    if math.isnan(levels.affected_share):
        return Cue("no_signal", message("train.cue.no_signal"))
    if trial.is_moving and verdict.is_vetoed:
        return Cue("jaw", message("train.cue.jaw"))
    if trial.is_moving and trial.spec.has_feedback:
        if verdict.muscle:
            muscle = message(f"train.muscle.{verdict.muscle}")
            return Cue("synkinesis", message("train.cue.synkinesis", muscle=muscle))
        if levels.effort > trial.spec.effort_limit:
            return Cue("effort", message("train.cue.effort"))
        low, high = sorted((levels.affected_share, levels.unaffected_share))
        if trial.phase == "hold" and low > cues.overshoot * _band_top(trial):
            return Cue("effort", message("train.cue.effort"))
        if trial.phase == "hold" and high > LEAST_SHARE and low < cues.uneven_ratio * high:
            return Cue("uneven", message("train.cue.uneven"))
    phase = "rest" if trial.phase == "done" else trial.phase
    return Cue(phase, message(f"train.cue.{phase}"))


def _band_top(trial: Trial) -> float:
    """Return the upper edge of the band in the hold."""
    return trial.spec.goal_share * (1 + trial.spec.band_share)


def contact_cue(label: str, reason: str) -> Cue:
    """Return what to say of a channel that cannot be judged; without a reason it comes back."""
    place = message(f"train.electrode.{label}")
    return Cue("bad_contact", message(f"unfit.{reason or 'back'}", place=place))


def _sound(levels: Levels, trial: Trial, cue: Cue) -> Sound:
    # Both sides count: the lower of the two leads, so one side alone does not reach the tone.
    share = min(levels.affected_share, levels.unaffected_share)
    pitch = min(max(0.5 * share / trial.spec.goal_share, 0.0), 1.0)
    sign = "synkinesis" if cue.kind == "synkinesis" else ""
    return Sound(pitch, min(2 * pitch, 1.0), sign)


def _shape(left: float, right: float, trial: Trial, cue: Cue) -> Shape:
    total = left + right
    lean = (right - left) / total if total > LEAST_SHARE else 0.0
    ripple = 1.0 if cue.kind == "synkinesis" else 0.0
    return Shape(min(0.5 * total / trial.spec.goal_share, 2.0), lean, ripple)
