"""From a block of the programme to its steps, in words' keys and numbers."""

from __future__ import annotations

from collections.abc import Iterable

from faceloop.training.message import Message, message
from faceloop.training.movements import movement_named
from faceloop.training.programme import (
    BlockSpec,
    CoolDownBlock,
    FunctionBlock,
    HeatBlock,
    MassageBlock,
    RetrainingBlock,
    SettleBlock,
)
from faceloop.training.ratings import RATINGS, rating_title
from faceloop.training.stage import StageLock
from faceloop.training.steps import StepSpec

__all__ = [
    "LEFT_OUT_SAID",
    "block_title",
    "is_due",
    "left_out_message",
    "left_out_reason",
    "needs_signal",
    "steps_of",
]


LEFT_OUT_SAID = ("stage_locked", "not_set_up", "no_electrodes", "not_quiet", "no_pad", "no_heat")
"""Why a block is left out, where that is worth a sentence."""


def block_title(kind: str) -> Message:
    """Return the name of a kind of block for the patient."""
    return message(f"train.block.{kind}.title")


def needs_signal(block: BlockSpec) -> bool:
    """Whether a block cannot be done without electrodes."""
    return isinstance(block, RetrainingBlock)


def is_due(block: BlockSpec, days_since: int | None) -> bool:
    """Whether it is a block's turn, so many days after it was last done (None for never)."""
    return block.is_on and (days_since is None or days_since >= block.every_days)


def left_out_reason(
    block: BlockSpec,
    lock: StageLock,
    *,
    has_references: bool,
    has_heat: bool,
    days_since: int | None,
) -> str:
    """Return why a block is left out today, empty when it is not.

    Parameters
    ----------
    block : BlockSpec
    lock : StageLock
    has_references : bool
        Set-up is done: the electrodes are on and the references known.
    has_heat : bool
        There is a heat pad.
    days_since : int or None
        Days since it was last done, None for never.
    """
    if not block.is_on:
        return "off"
    if not is_due(block, days_since):
        return "not_due"
    if isinstance(block, HeatBlock) and not has_heat:
        return "no_pad"
    if isinstance(block, RetrainingBlock):
        if not lock.allows_targets:
            return "stage_locked"
        if not has_references:
            return "not_set_up"
    return ""


def left_out_message(reason: str, kind: str) -> Message:
    """Return the sentence about a block that is left out."""
    return message(f"train.left_out.{reason}", block=block_title(kind))


def steps_of(block: BlockSpec, muscles: Iterable[str], lock: StageLock) -> tuple[StepSpec, ...]:
    """Return the steps of a block in order.

    Movements without electrodes on their muscle are left out.

    Parameters
    ----------
    block : BlockSpec
    muscles : iterable of str
        That have electrodes.
    lock : StageLock
        Decides whether relaxing comes first.
    """
    if isinstance(block, SettleBlock):
        settle = _timed(block, f"train.settle.{block.style}", block.duration_s, block.rest_s)
        return (*_eye_care(block.eye_care_s), settle)
    if isinstance(block, CoolDownBlock):
        return (_timed(block, "train.cool_down.rest", block.duration_s, block.rest_s),)
    if isinstance(block, HeatBlock):
        extra = {"target_degc": block.target_degc, "skin_check_s": block.skin_check_s}
        instruction = message("train.heat.instruction", target_degc=block.target_degc)
        return (
            StepSpec(
                "heat", "heat", block_title(block.kind), instruction, block.duration_s, extra=extra
            ),
        )
    if isinstance(block, MassageBlock):
        return (*_massage(block), *_asked(("pain",), block.ask_s))
    if isinstance(block, FunctionBlock):
        tasks = (
            StepSpec(
                task,
                "function",
                message(f"train.function.{task}.title"),
                message(f"train.function.{task}.instruction"),
                block.task_s,
            )
            for task in block.tasks
        )
        return (*tasks, *_asked(block.asked, block.ask_s))
    return _retraining(block, tuple(muscles), lock)


def _timed(block: BlockSpec, key: str, duration_s: float, rest_s: float) -> StepSpec:
    return StepSpec(block.kind, "timed", message(f"{key}.title"), message(f"{key}.instruction"),
                    duration_s, rest_s)  # fmt: skip


def _eye_care(duration_s: float) -> Iterable[StepSpec]:
    if duration_s > 0:
        title, instruction = message("train.eye_care.title"), message("train.eye_care.instruction")
        yield StepSpec("eye_care", "timed", title, instruction, duration_s)


def _asked(names: Iterable[str], ask_s: float) -> Iterable[StepSpec]:
    """Ask for own ratings, each for a while: they are optional."""
    for name in names if ask_s > 0 else ():
        title = message("train.rate.title", rating=rating_title(name))
        instruction = message(f"train.rate.{'better' if RATINGS[name] else 'more'}")
        yield StepSpec(f"rate-{name}", "rating", title, instruction, ask_s, rating=name)


def _massage(block: MassageBlock) -> Iterable[StepSpec]:
    for release in block.releases:
        for n in range(1, block.repetitions + 1):
            yield StepSpec(
                f"{release}-{n}",
                "timed",
                message(
                    "train.release.title",
                    release=message(f"train.release.{release}.title"),
                    n=n,
                    of=block.repetitions,
                ),
                message(f"train.release.{release}.instruction", hold_s=block.hold_s),
                block.hold_s + block.pause_s,
            )


def _retraining(
    block: RetrainingBlock, muscles: tuple[str, ...], lock: StageLock
) -> tuple[StepSpec, ...]:
    steps: list[StepSpec] = []
    names = [name for name in block.movements if movement_named(name).target_in(muscles)]
    if names and lock.is_relax_first and block.relax_first_s > 0:
        steps.append(
            StepSpec(
                "relax_first",
                "relax",
                message("train.relax_first.title"),
                message("train.relax_first.instruction", quiet_s=block.relax_first_s),
                block.relax_first_s,
                extra={"longest_s": block.relax_longest_s},
            )
        )
    trial_s = block.rise_s + block.hold_s + block.release_s + block.rest_s
    for at, name in enumerate(names):
        movement = movement_named(name)
        if at and block.movement_pause_s > 0:
            steps.append(
                StepSpec(
                    f"pause-{at}",
                    "timed",
                    message("train.movement_pause.title"),
                    message("train.movement_pause.instruction", next=movement.title),
                    block.movement_pause_s,
                )
            )
        steps += [
            StepSpec(
                f"{name}-{n}",
                "trial",
                movement.title,
                movement.instruction,
                trial_s,
                movement=name,
            )
            for n in range(1, block.repetitions + 1)
        ]
    return tuple(steps)
