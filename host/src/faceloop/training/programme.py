"""A programme: the blocks of a day, with every number that a therapist may change.

The models are the schema of the TOML files in ``programmes/``; their limits are the only place
where a number's range is written. Defaults follow the daily home programme of the clinical
reference, section 3.3.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from faceloop.refusal import Refusal, refusal
from faceloop.training.cited import BERNARDES, GUNTINAS, HODGES, IMPROVE_FP, NHS
from faceloop.training.movements import MOVEMENTS
from faceloop.training.rules import AlertSpec, CueSpec, MonthlySpec, ScoreSpec, SetUpSpec
from faceloop.training.spec import NamesOf, Spec, field_term, keep_order
from faceloop.training.stage import Stage
from faceloop_dsp.pairs import EYE_TO_MOUTH_CUTOFF, MOUTH_TO_EYE_CUTOFF

__all__ = [
    "BlockSpec",
    "CoolDownBlock",
    "FunctionBlock",
    "HeatBlock",
    "MassageBlock",
    "Programme",
    "RetrainingBlock",
    "SettleBlock",
    "json_schema",
]

FUNCTION_TASKS = {
    "sip": "drinking",
    "straw": "drinking",
    "chew": "eating",
    "words": "speaking",
    "vowels": "speaking",
}
"""Every task, and the rating of the patient's own that it is asked for after the block."""
RELEASES = (
    "forehead_stroke",
    "brow_release",
    "cheek_release",
    "cheek_stretch",
    "lip_release",
    "chin_release",
    "neck_stretch",
    "unaffected_side_relax",
)
EXERCISES = tuple(name for name in MOVEMENTS if name != "rest")
EFFORT_LIMIT = 3.0
GUARD_HOLD_MS = 50
MOST_GOAL = 0.8
"""Share of a comfortable movement: the upper edge of the widest band, 25 %, is effort 3 of 10."""


IsOn = Annotated[bool, Field(description="false leaves the block out")]


class _Block(Spec):
    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="unique within the programme")
    ]
    is_on: IsOn = True
    every_days: Annotated[
        int,
        Field(ge=1, le=31, description="1 daily, 7 weekly: left out until so many days passed"),
    ] = 1


class SettleBlock(_Block):
    """Breathe, let the face go soft; the resting tone is measured over the last part."""

    kind: Literal["settle"]
    duration_s: Annotated[float, Field(ge=5, le=900, description="length")] = 300.0
    rest_s: Annotated[float, Field(ge=0, le=120, description="of it, rest that is measured")] = (
        60.0
    )
    eye_care_s: Annotated[
        float, Field(ge=0, le=300, description="before it, care for an eye that does not close")
    ] = 0.0
    style: Annotated[
        Literal["breathing", "body_scan"], Field(description="what the page leads through")
    ] = "breathing"

    @model_validator(mode="after")
    def _rest_fits(self) -> Self:
        if self.rest_s > self.duration_s:
            raise ValueError(_too_long_a_rest(self.rest_s))
        return self


class HeatBlock(_Block):
    """Warmth before stretching; off unless a therapist turns it on."""

    kind: Literal["heat"]
    is_on: IsOn = False
    duration_s: Annotated[
        float, Field(ge=60, le=900, description="length", json_schema_extra=NHS)
    ] = 600.0
    target_degc: Annotated[float, Field(ge=36, le=40, description="wanted skin temperature")] = (
        39.0
    )
    skin_check_s: Annotated[
        float, Field(ge=60, le=300, description="the skin is to be looked at this often")
    ] = 300.0


class MassageBlock(_Block):
    """Releases and stretches by hand."""

    kind: Literal["massage"]
    releases: Annotated[
        tuple[str, ...],
        Field(min_length=1, max_length=12, description="in order"),
        BeforeValidator(NamesOf(RELEASES)),
    ] = ("cheek_release", "cheek_stretch", "lip_release", "chin_release")
    hold_s: Annotated[
        float, Field(ge=5, le=60, description="of each stretch", json_schema_extra=GUNTINAS)
    ] = 30.0
    pause_s: Annotated[float, Field(ge=0, le=60, description="between two")] = 15.0
    repetitions: Annotated[int, Field(ge=1, le=6, description="of each release")] = 2
    ask_s: Annotated[
        float, Field(ge=0, le=120, description="waits so long for the pain, 0 to 10; 0 never asks")
    ] = 20.0


class RetrainingBlock(_Block):
    """Small, slow, symmetric movements against EMG, with the guarded muscles quiet."""

    kind: Literal["retraining"]
    movements: Annotated[
        tuple[str, ...],
        Field(min_length=1, max_length=11, description="in order"),
        BeforeValidator(NamesOf(EXERCISES)),
    ] = ("closed_mouth_smile", "close_eyes_gently", "lip_pucker")
    repetitions: Annotated[int, Field(ge=1, le=20, description="of each movement")] = 5
    lead_in_s: Annotated[
        float,
        Field(ge=0, le=15, description="before the first movement, and after an interruption"),
    ] = 3.0
    rise_s: Annotated[float, Field(ge=0.5, le=10, description="to the target")] = 3.0
    hold_s: Annotated[
        float, Field(ge=1, le=15, description="at the target", json_schema_extra=GUNTINAS)
    ] = 5.0
    release_s: Annotated[float, Field(ge=0.5, le=10, description="back to rest")] = 3.0
    rest_s: Annotated[float, Field(ge=1, le=60, description="least rest after each")] = 10.0
    rest_longest_s: Annotated[
        float, Field(ge=1, le=300, description="a face that does not come to rest waits no longer")
    ] = 45.0
    movement_pause_s: Annotated[
        float, Field(ge=0, le=300, description="between two movements: attention fades")
    ] = 60.0
    goal_share: Annotated[
        float,
        Field(ge=0.1, le=MOST_GOAL, description="first target, share of a comfortable movement"),
    ] = 0.25
    goal_most_share: Annotated[
        float, Field(ge=0.1, le=MOST_GOAL, description="the target never goes above this")
    ] = 0.6
    scale: Annotated[
        Literal["unaffected", "own"],
        Field(description="whose comfortable movement: of the unaffected side, or each its own"),
    ] = "unaffected"
    band_share: Annotated[
        float, Field(ge=0.1, le=0.25, description="half width of the band, share of the target")
    ] = 0.25
    step_share: Annotated[
        float, Field(ge=0, le=0.2, description="the target rises by this, and falls by it")
    ] = 0.05
    clean_needed: Annotated[int, Field(ge=1, le=10, description="clean repetitions to rise")] = 4
    clean_of: Annotated[int, Field(ge=1, le=10, description="out of the last so many")] = 5
    ease_after: Annotated[
        int, Field(ge=0, le=10, description="unclean ones in a row after which it falls; 0 never")
    ] = 3
    ease_least: Annotated[
        float, Field(ge=0.25, le=1, description="never below this share of the first target")
    ] = 0.5
    clean_score: Annotated[
        float, Field(ge=30, le=95, description="from this score on a repetition is clean")
    ] = 60.0
    effort_limit: Annotated[
        float,
        Field(
            ge=1,
            le=EFFORT_LIMIT,
            description="of 10; what is above earns nothing",
            json_schema_extra=IMPROVE_FP,
        ),
    ] = EFFORT_LIMIT
    guard_index: Annotated[
        float,
        Field(
            ge=1.1,
            le=5,
            description="guard cut-off, affected over unaffected side",
            json_schema_extra=BERNARDES,
        ),
    ] = EYE_TO_MOUTH_CUTOFF
    eye_guard_index: Annotated[
        float,
        Field(
            ge=1.1, le=5, description="the same for the eye as guard", json_schema_extra=BERNARDES
        ),
    ] = MOUTH_TO_EYE_CUTOFF
    guard_hold_ms: Annotated[
        int,
        Field(
            ge=20,
            le=500,
            description="a guard that is active so long has joined in",
            json_schema_extra=HODGES,
        ),
    ] = GUARD_HOLD_MS
    feedback: Annotated[
        Literal["live", "fading", "none"], Field(description="during a repetition")
    ] = "fading"
    feedback_least: Annotated[
        float,
        Field(ge=0, le=1, description="share of repetitions with feedback when all is clean"),
    ] = 0.5
    fades_from: Annotated[
        float, Field(ge=0, le=1, description="share of clean ones from which on it fades")
    ] = 0.5
    fades_to: Annotated[
        float, Field(ge=0, le=1, description="share of clean ones at which it is at its least")
    ] = 1.0
    relax_first_s: Annotated[
        float, Field(ge=0, le=60, description="quiet needed before the first movement")
    ] = 5.0
    relax_longest_s: Annotated[
        float, Field(ge=1, le=600, description="without it by then, no movements today")
    ] = 120.0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for small, large in (
            ("goal_share", "goal_most_share"),
            ("rest_s", "rest_longest_s"),
            ("clean_needed", "clean_of"),
            ("fades_from", "fades_to"),
        ):
            keep_order(self, small, large)
        return self


class FunctionBlock(_Block):
    """Everyday use of the mouth; rated by the patient, not by EMG."""

    kind: Literal["function"]
    tasks: Annotated[
        tuple[str, ...],
        Field(min_length=1, max_length=10, description="in order"),
        BeforeValidator(NamesOf(tuple(FUNCTION_TASKS))),
    ] = ("sip", "straw", "chew", "words")
    task_s: Annotated[float, Field(ge=5, le=300, description="for each task")] = 60.0
    ask_s: Annotated[
        float, Field(ge=0, le=120, description="waits so long for each own rating; 0 never asks")
    ] = 20.0
    eye_guard_index: Annotated[
        float,
        Field(
            ge=1.1,
            le=5,
            description="the eye joins in from this ratio of the sides on",
            json_schema_extra=BERNARDES,
        ),
    ] = MOUTH_TO_EYE_CUTOFF
    guard_hold_ms: Annotated[
        int,
        Field(
            ge=20,
            le=500,
            description="a guard that is active so long has joined in",
            json_schema_extra=HODGES,
        ),
    ] = GUARD_HOLD_MS

    @property
    def asked(self) -> tuple[str, ...]:
        """The ratings that are asked for after the tasks."""
        return tuple(dict.fromkeys(FUNCTION_TASKS[task] for task in self.tasks))


class CoolDownBlock(_Block):
    """Rest check and a line for the diary."""

    kind: Literal["cool_down"]
    duration_s: Annotated[float, Field(ge=5, le=600, description="length")] = 120.0
    rest_s: Annotated[float, Field(ge=0, le=120, description="of it, rest that is measured")] = (
        60.0
    )

    @model_validator(mode="after")
    def _rest_fits(self) -> Self:
        if self.rest_s > self.duration_s:
            raise ValueError(_too_long_a_rest(self.rest_s))
        return self


BlockSpec = Annotated[
    SettleBlock | HeatBlock | MassageBlock | RetrainingBlock | FunctionBlock | CoolDownBlock,
    Field(discriminator="kind"),
]


class Programme(Spec):
    """A day's blocks in order."""

    format: Annotated[Literal[1], Field(description="version of this layout")] = 1
    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="lower case, one word")
    ]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, description="for whom it is meant")]
    is_short: Annotated[bool, Field(description="the five-minute day")] = False
    setup: Annotated[SetUpSpec, Field(description="before the first movements")] = SetUpSpec()
    alert: Annotated[AlertSpec, Field(description="when a muscle joins in")] = AlertSpec()
    score: Annotated[ScoreSpec, Field(description="what a repetition is judged by")] = ScoreSpec()
    cue: Annotated[CueSpec, Field(description="what is told during a movement")] = CueSpec()
    monthly: Annotated[MonthlySpec, Field(description="what is reminded of")] = MonthlySpec()
    block: Annotated[
        tuple[BlockSpec, ...], Field(min_length=1, max_length=20, description="in order")
    ]

    @field_validator("stages", "block", mode="before")
    @classmethod
    def _is_list(cls, given: Any) -> Any:
        return tuple(given) if isinstance(given, list) else given

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [block.name for block in self.block]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(refusal("rule_twice", given=repr(name)))
        return self

    @property
    def planned_s(self) -> float:
        """Length of a day in which nothing takes longer than planned, every block included."""
        return sum(planned_s(block) for block in self.block if block.is_on)


def planned_s(block: BlockSpec) -> float:
    """Return how long a block takes at least."""
    if isinstance(block, MassageBlock):
        releases_s = len(block.releases) * block.repetitions * (block.hold_s + block.pause_s)
        return releases_s + block.ask_s
    if isinstance(block, RetrainingBlock):
        trial_s = block.rise_s + block.hold_s + block.release_s + block.rest_s
        pauses_s = (len(block.movements) - 1) * block.movement_pause_s
        return len(block.movements) * block.repetitions * trial_s + pauses_s + block.relax_first_s
    if isinstance(block, FunctionBlock):
        return len(block.tasks) * block.task_s + len(block.asked) * block.ask_s
    if isinstance(block, SettleBlock):
        return block.eye_care_s + block.duration_s
    return block.duration_s


def json_schema() -> dict[str, Any]:
    """Return the schema of a programme file, as JSON Schema."""
    return Programme.model_json_schema()


def _too_long_a_rest(rest_s: float) -> Refusal:
    name, most = field_term("rest_s"), field_term("duration_s")
    return refusal("rule_rest_fits", name=name, given=rest_s, most=most)
