"""From what a programme says of a step to the step that runs, and what its signal sets off."""

from __future__ import annotations

from faceloop.training.day_position import DayContext
from faceloop.training.outputs import Outputs
from faceloop.training.programme import BlockSpec, FunctionBlock, HeatBlock, RetrainingBlock
from faceloop.training.retraining import Retraining, function_guards
from faceloop.training.rules import AlertSpec
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
    alert: AlertSpec,
    context: DayContext,
    retraining: Retraining,
    t_s: float,
    *,
    is_next: bool,
) -> Step:
    """Return the step that begins now.

    Parameters
    ----------
    spec : StepSpec
    block : BlockSpec
        To which it belongs.
    alert : AlertSpec
        Of the programme.
    context : DayContext
    retraining : Retraining
    t_s : float
        Time of the day.
    is_next : bool
        It follows a repetition: then there is no time to get ready before the next one.
    """
    if isinstance(block, HeatBlock):
        return HeatStep(spec, t_s)
    if isinstance(block, RetrainingBlock) and spec.kind == "trial":
        return retraining.trial(spec, block, t_s, 0.0 if is_next else block.lead_in_s)
    if isinstance(block, RetrainingBlock) and spec.kind == "relax":
        references = context.references
        assert references is not None
        return RelaxStep(spec, retraining.watched(block), references, alert, t_s)
    if spec.kind == "function":
        assert isinstance(block, FunctionBlock)
        return FunctionStep(spec, function_guards(context, block, alert), t_s)
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
