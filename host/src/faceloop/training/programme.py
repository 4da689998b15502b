"""A programme: the blocks of a day, with every number that a therapist may change.

The models are the schema of the TOML files in ``programmes/``; their limits are the only place
where a number's range is written. Defaults follow the daily home programme of the clinical
reference, section 3.3.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from faceloop.refusal import Refusal, Term, refusal
from faceloop.training.movements import MOVEMENTS
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
    "SetUpSpec",
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
EFFORT_LIMIT = 3.0
GUARD_HOLD_MS = 50
MOST_GOAL = 0.8
"""Share of a comfortable movement: the upper edge of the widest band, 25 %, is effort 3 of 10."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SetUpSpec(_Spec):
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
        if self.least_snr_db > self.good_snr_db:
            raise ValueError(_out_of_order(self, "least_snr_db", "good_snr_db"))
        return self


class _Block(_Spec):
    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="unique within the programme")
    ]
    is_on: Annotated[bool, Field(description="false leaves the block out")] = True
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
    is_on: bool = False
    duration_s: Annotated[float, Field(ge=60, le=900, description="length")] = 600.0
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
        tuple[str, ...], Field(min_length=1, max_length=12, description="in order")
    ] = ("cheek_release", "cheek_stretch", "lip_release", "chin_release")
    hold_s: Annotated[float, Field(ge=5, le=60, description="of each stretch")] = 30.0
    pause_s: Annotated[float, Field(ge=0, le=60, description="between two")] = 15.0
    repetitions: Annotated[int, Field(ge=1, le=6, description="of each release")] = 2
    ask_s: Annotated[
        float, Field(ge=0, le=120, description="waits so long for the pain, 0 to 10; 0 never asks")
    ] = 20.0

    @field_validator("releases", mode="before")
    @classmethod
    def _are_releases(cls, names: Any) -> Any:
        return _names(names, RELEASES)


class RetrainingBlock(_Block):
    """Small, slow, symmetric movements against EMG, with the guarded muscles quiet."""

    kind: Literal["retraining"]
    movements: Annotated[
        tuple[str, ...], Field(min_length=1, max_length=11, description="in order")
    ] = ("closed_mouth_smile", "close_eyes_gently", "lip_pucker")
    repetitions: Annotated[int, Field(ge=1, le=20, description="of each movement")] = 5
    rise_s: Annotated[float, Field(ge=0.5, le=10, description="to the target")] = 3.0
    hold_s: Annotated[float, Field(ge=1, le=15, description="at the target")] = 5.0
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
    clean_score: Annotated[
        float, Field(ge=30, le=95, description="from this score on a repetition is clean")
    ] = 60.0
    effort_limit: Annotated[
        float, Field(ge=1, le=EFFORT_LIMIT, description="of 10; what is above earns nothing")
    ] = EFFORT_LIMIT
    guard_index: Annotated[
        float, Field(ge=1.1, le=5, description="guard cut-off, affected over unaffected side")
    ] = EYE_TO_MOUTH_CUTOFF
    eye_guard_index: Annotated[
        float, Field(ge=1.1, le=5, description="the same for the eye as guard")
    ] = MOUTH_TO_EYE_CUTOFF
    guard_hold_ms: Annotated[
        int, Field(ge=20, le=500, description="a guard that is active so long has joined in")
    ] = GUARD_HOLD_MS
    feedback: Annotated[
        Literal["live", "fading", "none"], Field(description="during a repetition")
    ] = "fading"
    feedback_least: Annotated[
        float,
        Field(ge=0, le=1, description="share of repetitions with feedback when all is clean"),
    ] = 0.5
    relax_first_s: Annotated[
        float, Field(ge=0, le=60, description="quiet needed before the first movement")
    ] = 5.0
    relax_longest_s: Annotated[
        float, Field(ge=1, le=600, description="without it by then, no movements today")
    ] = 120.0

    @field_validator("movements", mode="before")
    @classmethod
    def _are_movements(cls, names: Any) -> Any:
        return _names(names, tuple(name for name in MOVEMENTS if name != "rest"))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for small, large in (
            ("goal_share", "goal_most_share"),
            ("rest_s", "rest_longest_s"),
            ("clean_needed", "clean_of"),
        ):
            if getattr(self, small) > getattr(self, large):
                raise ValueError(_out_of_order(self, small, large))
        return self


class FunctionBlock(_Block):
    """Everyday use of the mouth; rated by the patient, not by EMG."""

    kind: Literal["function"]
    tasks: Annotated[
        tuple[str, ...], Field(min_length=1, max_length=10, description="in order")
    ] = ("sip", "straw", "chew", "words")
    task_s: Annotated[float, Field(ge=5, le=300, description="for each task")] = 60.0
    ask_s: Annotated[
        float, Field(ge=0, le=120, description="waits so long for each own rating; 0 never asks")
    ] = 20.0
    eye_guard_index: Annotated[
        float, Field(ge=1.1, le=5, description="the eye joins in from this ratio of the sides on")
    ] = MOUTH_TO_EYE_CUTOFF
    guard_hold_ms: Annotated[
        int, Field(ge=20, le=500, description="a guard that is active so long has joined in")
    ] = GUARD_HOLD_MS

    @field_validator("tasks", mode="before")
    @classmethod
    def _are_tasks(cls, names: Any) -> Any:
        return _names(names, tuple(FUNCTION_TASKS))

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


class Programme(_Spec):
    """A day's blocks in order."""

    format: Annotated[Literal[1], Field(description="version of this layout")] = 1
    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="lower case, one word")
    ]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, description="for whom it is meant")]
    is_short: Annotated[bool, Field(description="the five-minute day")] = False
    setup: Annotated[SetUpSpec, Field(description="before the first movements")] = SetUpSpec()
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


def _names(names: Any, known: tuple[str, ...]) -> Any:
    if not isinstance(names, (list, tuple)):
        return names
    for name in names:
        if name not in known:
            raise ValueError(refusal("rule_unknown", given=repr(name), known=known))
    return tuple(names)


def _out_of_order(spec: BaseModel, small: str, large: str) -> Refusal:
    return refusal(
        "rule_order",
        name=_field(small),
        given=getattr(spec, small),
        most=_field(large),
        limit=getattr(spec, large),
    )


def _too_long_a_rest(rest_s: float) -> Refusal:
    name, most = _field("rest_s"), _field("duration_s")
    return refusal("rule_rest_fits", name=name, given=rest_s, most=most)


def _field(name: str) -> Term:
    return Term(f"therapist.field.{name}", name)
