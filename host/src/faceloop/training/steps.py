"""The steps a block consists of: each is begun, fed with time and signal, and ends by itself.

Times are the engine's, which stand still in a pause: no step knows of pauses.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from faceloop.training.guard import GuardVerdict, GuardWatch
from faceloop.training.hop import Hop
from faceloop.training.message import Message
from faceloop.training.outputs import HeatReport, HeatRequest
from faceloop.training.references import References
from faceloop.training.resting import QuietMeter, RestMeter
from faceloop.training.rules import AlertSpec
from faceloop.training.trial import Trial, TrialSpec

__all__ = [
    "FunctionStep",
    "HeatStep",
    "RatingStep",
    "RelaxStep",
    "Step",
    "StepSpec",
    "TimedStep",
    "TrialStep",
    "repetitions",
]

StepKind = Literal["timed", "heat", "relax", "trial", "function", "rating"]


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step as the programme has it.

    Parameters
    ----------
    id : str
        What it is: a release, a task, a movement and its number.
    kind : str
    title, instruction : Message
    duration_s : float
        Planned length, of a trial without waiting for rest.
    rest_s : float
        The last so many seconds are rest that is measured.
    movement : str
        Of a trial.
    extra : dict
        Numbers of the kind.
    """

    id: str
    kind: StepKind
    title: Message
    instruction: Message
    duration_s: float
    rest_s: float = 0.0
    movement: str = ""
    rating: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def repetitions(steps: Sequence[StepSpec]) -> tuple[tuple[int, int], ...]:
    """Return for each step which repetition of its movement it is, and of how many; else zeros."""
    total = Counter(step.movement for step in steps if step.movement)
    seen: Counter[str] = Counter()
    places = []
    for step in steps:
        seen[step.movement] += 1
        n = total[step.movement]
        places.append((seen[step.movement] if n else 0, n))
    return tuple(places)


class Step(Protocol):
    """A step in progress."""

    @property
    def is_done(self) -> bool:
        """Whether it has ended by itself."""
        ...

    @property
    def failure(self) -> str:
        """Why the rest of the block cannot be done after it; empty when it can."""
        ...

    def advance(self, now_s: float) -> None:
        """Let time pass."""

    def feed(self, hop: Hop, now_s: float) -> None:
        """Take the next hop."""

    def remaining_s(self, now_s: float) -> float:
        """Return how much is left as planned."""
        ...

    def record(self) -> dict[str, Any]:
        """Return what it came to so far, as JSON types."""
        ...


class TimedStep:
    """Ends by the clock; measures the resting tone over its last part when asked to."""

    failure = ""

    def __init__(self, spec: StepSpec, references: References | None, now_s: float) -> None:
        self._spec = spec
        self._ends_s = now_s + spec.duration_s
        self._meter = RestMeter() if spec.rest_s > 0 else None
        self.is_done = False

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        self.is_done = self.is_done or now_s >= self._ends_s - 1e-9

    def feed(self, hop: Hop, now_s: float) -> None:
        """Take the next hop; only the last ``rest_s`` are looked at."""
        if self._meter is not None and now_s >= self._ends_s - self._spec.rest_s:
            self._meter.feed(hop)
        self.advance(now_s)

    def remaining_s(self, now_s: float) -> float:
        """Return how much is left."""
        return max(self._ends_s - now_s, 0.0)

    def record(self) -> dict[str, Any]:
        """Return the resting levels, where there were any."""
        resting = self._meter.resting() if self._meter is not None else None
        return {"resting": resting.to_json()} if resting is not None else {}


class RatingStep(TimedStep):
    """Waits a while for one rating of the patient's own; it is optional."""

    def __init__(self, spec: StepSpec, now_s: float) -> None:
        super().__init__(spec, None, now_s)
        self.name = spec.rating
        self._rating: int | None = None

    def note(self, rating: int) -> None:
        """Take the answer: it ends the step."""
        self._rating, self.is_done = rating, True

    def record(self) -> dict[str, Any]:
        """Return the answer, None without one."""
        return {"rating": self._rating}


class HeatStep:
    """Waits for the pad: it ends with the pad's session, or by its planned time and a little.

    A session that ends before the heater has worked was refused, or nobody pressed the button.
    """

    # Button press and warm-up come on top of the planned time.
    PATIENCE_S = 300.0

    def __init__(self, spec: StepSpec, now_s: float) -> None:
        self.request = HeatRequest(spec.extra["target_degc"], spec.duration_s)
        self._began_s = now_s
        self._ends_s = now_s + spec.duration_s
        self._check_s = float(spec.extra["skin_check_s"])
        self._warmest_degc: float | None = None
        self._stop_reason = ""
        self._was_warming = False
        self.is_done = False

    @property
    def failure(self) -> str:
        """What to say when there was no heat at all."""
        return "no_heat" if self.is_done and not self._was_warming else ""

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        if now_s >= self._ends_s + self.PATIENCE_S:
            self._stop_reason, self.is_done = self._stop_reason or "time", True

    def feed(self, hop: Hop, now_s: float) -> None:
        """Only time passes: the signal is not judged while it is warm."""
        self.advance(now_s)

    def note(self, report: HeatReport) -> None:
        """Take what is known of the pad."""
        self._was_warming = self._was_warming or report.is_warming
        if report.skin_degc is not None:
            self._warmest_degc = max(report.skin_degc, self._warmest_degc or report.skin_degc)
        if report.is_over:
            self._stop_reason, self.is_done = report.stop_reason or "done", True

    def is_skin_check(self, now_s: float) -> bool:
        """Whether the skin is to be looked at: 20 s at the end of every period."""
        into_s = now_s - self._began_s
        return into_s >= self._check_s and into_s % self._check_s < 20.0

    def remaining_s(self, now_s: float) -> float:
        """Return how much is left."""
        return max(self._ends_s - now_s, 0.0)

    def record(self) -> dict[str, Any]:
        """Return how warm it was and why it ended."""
        return {"warmest_degc": self._warmest_degc, "stop_reason": self._stop_reason}


class RelaxStep:
    """Relax first: movements come once the face has been quiet for a while.

    Parameters
    ----------
    spec : StepSpec
        ``duration_s`` is the quiet needed, ``extra["longest_s"]`` the patience.
    channels : tuple of int
        All of these have to be quiet.
    rule : AlertSpec
        What is quiet.
    """

    def __init__(
        self,
        spec: StepSpec,
        channels: tuple[int, ...],
        references: References,
        rule: AlertSpec,
        now_s: float,
    ) -> None:
        self._needed_s = spec.duration_s
        self._gives_up_s = now_s + float(spec.extra["longest_s"])
        self._began_s = now_s
        self._meter = QuietMeter(references, rule, channels)
        self._quiet_since_s = math.nan
        self._took_s: float | None = None
        self.is_done = False
        self.failure = ""

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        if not self.is_done and now_s >= self._gives_up_s:
            self.is_done, self.failure = True, "not_quiet"

    def feed(self, hop: Hop, now_s: float) -> None:
        """Take the next hop."""
        if not self._meter.feed(hop):
            self._quiet_since_s = math.nan
        elif math.isnan(self._quiet_since_s):
            self._quiet_since_s = now_s
        elif now_s - self._quiet_since_s >= self._needed_s - 1e-9 and not self.is_done:
            self._took_s, self.is_done = now_s - self._began_s, True
        self.advance(now_s)

    def remaining_s(self, now_s: float) -> float:
        """Return how much quiet is still needed."""
        if math.isnan(self._quiet_since_s):
            return self._needed_s
        return max(self._needed_s - (now_s - self._quiet_since_s), 0.0)

    def record(self) -> dict[str, Any]:
        """Return how long it took."""
        return {"took_to_quiet_s": None if self._took_s is None else round(self._took_s, 2)}


class FunctionStep(TimedStep):
    """Everyday use of the mouth. The eye is watched only where the jaw can be told from it.

    Parameters
    ----------
    guards : GuardWatch or None
        None without electrodes on the jaw: then there are no alerts.
    """

    def __init__(self, spec: StepSpec, guards: GuardWatch | None, now_s: float) -> None:
        super().__init__(spec, None, now_s)
        self._guards = guards
        self.verdict = GuardVerdict()
        self.bad_channel = -1
        self.bad_reason = ""
        self._n_synkinesis = 0

    @property
    def has_alerts(self) -> bool:
        """Whether there can be alerts."""
        return self._guards is not None

    def feed(self, hop: Hop, now_s: float) -> None:
        """Take the next hop."""
        if self._guards is not None:
            bad = [channel for channel in self._guards.channels if not hop.is_good(channel)]
            self.bad_channel = bad[0] if bad else -1
            self.bad_reason = hop.reasons[bad[0]] if bad else ""
            # Without the jaw a bite would pass for an eye that joins in: then nothing is heard.
            heard = Hop(hop.frame, (math.nan,) * len(hop.level_uv)) if bad else hop
            self.verdict = self._guards.feed(heard)
            self._n_synkinesis += self.verdict.is_begin
        super().feed(hop, now_s)

    def record(self) -> dict[str, Any]:
        """Return the alerts, None where nothing was watched."""
        return {"n_synkinesis": self._n_synkinesis if self.has_alerts else None}


class TrialStep:
    """One repetition of a movement."""

    failure = ""

    def __init__(
        self,
        spec: TrialSpec,
        guards: GuardWatch,
        references: References,
        now_s: float,
        lead_in_s: float,
    ) -> None:
        self.trial = Trial(spec, guards, references, now_s, lead_in_s)

    @property
    def is_done(self) -> bool:
        """Whether movement and rest are over."""
        return self.trial.is_done

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        self.trial.advance(now_s)

    def feed(self, hop: Hop, now_s: float) -> None:
        """Take the next hop."""
        self.trial.feed(hop, now_s)

    def remaining_s(self, now_s: float) -> float:
        """Return how much of the phase is left."""
        return self.trial.remaining_s(now_s)

    def record(self) -> dict[str, Any]:
        """Return the repetition; nothing of one whose movement was not finished."""
        return {} if self.trial.quality is None else {"trial": self.trial.record().to_json()}
