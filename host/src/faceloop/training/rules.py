"""The rules of a whole programme: set-up, when a muscle joins in, the score, what is told when.

Each is a table of a programme file, for all of its blocks; ``programme`` holds the blocks.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from faceloop.training.cited import HODGES, KIM
from faceloop.training.spec import Spec, keep_order

__all__ = ["AlertSpec", "CueSpec", "MonthlySpec", "ScoreSpec", "SetUpSpec"]


class SetUpSpec(Spec):
    """How long the parts of set-up take, and from where on an electrode is good."""

    contact_s: Annotated[float, Field(ge=1, le=30, description="all electrodes hold so long")] = (
        3.0
    )
    rest_s: Annotated[float, Field(ge=20, le=180, description="the face rests")] = 60.0
    contract_s: Annotated[
        float, Field(ge=1.5, le=10, description="each of three gentle movements of a muscle")
    ] = 2.5
    relax_s: Annotated[float, Field(ge=1.5, le=10, description="after each of them")] = 2.5
    good_snr_db: Annotated[
        float, Field(ge=3, le=30, description="movement over rest: good from here on")
    ] = 10.0
    least_snr_db: Annotated[
        float, Field(ge=1, le=30, description="below it the electrode has not answered")
    ] = 6.0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        keep_order(self, "least_snr_db", "good_snr_db")
        return self


class AlertSpec(Spec):
    """When a muscle is active and when at rest again; the cut-offs stand in the blocks."""

    active_sd: Annotated[
        float,
        Field(
            ge=1,
            le=10,
            description="active above the resting mean and so many of its SD",
            json_schema_extra=HODGES,
        ),
    ] = 3.0
    # 3 SD alone are passed many times a minute: the resting RMS has long tails.
    active_factor: Annotated[
        float, Field(ge=1, le=4, description="and above so many times the resting mean")
    ] = 1.5
    quiet_sd: Annotated[
        float, Field(ge=0.5, le=10, description="at rest below the mean and so many SD")
    ] = 2.0
    # A resting RMS is judged over 100 ms windows whose own spread is a tenth of their mean.
    quiet_factor: Annotated[
        float, Field(ge=1, le=4, description="or below so many times the resting mean")
    ] = 1.25
    # A 100 ms RMS of a steady response varies by a fifth.
    end_share: Annotated[
        float,
        Field(
            ge=0.5, le=1, description="it has ended below this share of the cut-off, or at rest"
        ),
    ] = 0.8
    end_hold_ms: Annotated[int, Field(ge=20, le=1000, description="for so long (hysteresis)")] = (
        100
    )
    apart_ms: Annotated[
        int, Field(ge=0, le=5000, description="what comes back sooner is counted once")
    ] = 500

    @model_validator(mode="after")
    def _fits(self) -> Self:
        keep_order(self, "quiet_sd", "active_sd")
        keep_order(self, "quiet_factor", "active_factor")
        return self


class ScoreSpec(Spec):
    """What a repetition is judged by; whatever stands here, effort above the limit earns nothing.

    Both sides together: healthy faces reach a ratio of 0.74-0.82 on average, mean and 1 SD below
    is 0.55-0.67 (Kim et al.). Full marks from the mean on.
    """

    together_full: Annotated[
        float,
        Field(
            ge=0.4,
            le=1,
            description="weaker over stronger side: full marks from here on",
            json_schema_extra=KIM,
        ),
    ] = 0.75
    together_none: Annotated[
        float, Field(ge=0, le=0.9, description="and none at and below it")
    ] = 0.35
    smooth_weight: Annotated[
        float, Field(ge=0, le=0.5, description="share of the score that a jerky movement loses")
    ] = 0.2
    # The 100 ms RMS of a steady contraction fluctuates by about a tenth of itself.
    steep_factor: Annotated[
        float,
        Field(ge=1.2, le=10, description="a jerk is so many times steeper than an even ramp"),
    ] = 2.5
    # A reaction takes a third of a second, and the 100 ms RMS follows by half its window.
    grace_s: Annotated[
        float, Field(ge=0, le=0.9, description="the hold is judged after so much of it")
    ] = 0.6
    least_judged: Annotated[
        float, Field(ge=0.3, le=1, description="with less of the signal judged it is not scored")
    ] = 0.6

    @model_validator(mode="after")
    def _fits(self) -> Self:
        keep_order(self, "together_none", "together_full")
        return self


class CueSpec(Spec):
    """From where on less is asked for, or more evenness."""

    overshoot: Annotated[
        float, Field(ge=1, le=3, description="less is asked for above so many times the band")
    ] = 1.25
    uneven_ratio: Annotated[
        float,
        Field(ge=0, le=0.9, description="evenness is asked for below this ratio of the sides"),
    ] = 0.5


class MonthlySpec(Spec):
    """How often questionnaires are filled in, and patient and therapist look back together."""

    questionnaires_days: Annotated[
        int, Field(ge=0, le=365, description="between two times of questionnaires; 0 never")
    ] = 30
    review_days: Annotated[
        int, Field(ge=0, le=365, description="between two looks with the therapist; 0 never")
    ] = 30
