"""From what a programme says of a step to the step that runs, and what its signal sets off."""

from __future__ import annotations

from faceloop.training.day_position import DayContext
from faceloop.training.outputs import Outputs
from faceloop.training.programme import BlockSpec, FunctionBlock, HeatBlock, RetrainingBlock
from faceloop.training.retraining import Retraining, function_guards
from faceloop.training.steps import (
    FunctionStep,
    HeatStep,
    RatingStep,
    RelaxStep,
    Step,
    StepSpec,
    TimedStep,
    TrialStep,
)

__all__ = ["new_step", "tell_joining_in"]


def new_step(
    spec: StepSpec,
    block: BlockSpec,
    context: DayContext,
    retraining: Retraining,
    t_s: float,
    lead_in_s: float,
) -> Step:
    """Return the step that begins now.

    Parameters
    ----------
    spec : StepSpec
    block : BlockSpec
        To which it belongs.
    context : DayContext
    retraining : Retraining
    t_s : float
        Time of the day.
    lead_in_s : float
        Before the movement of a repetition.
    """
    if isinstance(block, HeatBlock):
        return HeatStep(spec, t_s)
    if isinstance(block, RetrainingBlock) and spec.kind == "trial":
        return retraining.trial(spec, block, t_s, lead_in_s)
    if isinstance(block, RetrainingBlock) and spec.kind == "relax":
        references = context.references
        assert references is not None
        return RelaxStep(spec, retraining.watched(block), references, t_s)
    if spec.kind == "function":
        assert isinstance(block, FunctionBlock)
        return FunctionStep(spec, function_guards(context, block), t_s)
    if spec.kind == "rating":
        return RatingStep(spec, t_s)
    return TimedStep(spec, context.references, t_s)


def tell_joining_in(step: Step | None, outputs: Outputs) -> None:
    """Vibrate and mark the recording at the moment a guard joins in."""
    if isinstance(step, TrialStep):
        verdict = step.trial.verdict
        if verdict.is_begin and step.trial.is_moving:
            outputs.annotate("synkinesis", verdict.muscle)
            if step.trial.spec.has_feedback:
                outputs.vibrate("synkinesis")
    elif isinstance(step, FunctionStep) and step.verdict.is_begin:
        outputs.annotate("synkinesis", step.verdict.muscle)
        outputs.vibrate("synkinesis")
