"""One repetition: rise, hold, release, rest until quiet. Fed with time and with hops."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from faceloop.training.certainty import Certainty, HeldLevels
from faceloop.training.guard import HOP_S, GuardVerdict, GuardWatch
from faceloop.training.hop import NO_SIGNAL_S, Hop
from faceloop.training.references import References, Sides
from faceloop.training.resting import QuietMeter
from faceloop.training.rules import AlertSpec, CueSpec, ScoreSpec
from faceloop.training.score import (
    PARTS,
    Quality,
    ScoredHop,
    ScoreRule,
    effort_of,
    not_scored,
    score,
)

__all__ = ["Levels", "Phase", "Trial", "TrialRecord", "TrialSpec"]

Phase = Literal["ready", "rise", "hold", "release", "rest", "done"]
SMOOTH_S = 0.3
"""What is scored is the mean of so much: a 100 ms RMS of EMG fluctuates by a tenth."""
NOW_S = 0.05
"""A face that was at rest so long ago is at rest now."""


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """What a repetition asks for.

    Parameters
    ----------
    movement : str
    muscle : str
        Target muscle.
    target : Sides
    is_scaled_to_unaffected : bool
        The unaffected side's comfortable movement is the scale of both; else each its own.
    goal_share, band_share, effort_limit, clean_score : float
    rise_s, hold_s, release_s, rest_s, rest_longest_s : float
    has_feedback : bool
        During the repetition. The result afterwards is shown always.
    marks : ScoreSpec
    alert : AlertSpec
        What is quiet.
    cues : CueSpec
    """

    movement: str
    muscle: str
    target: Sides
    is_scaled_to_unaffected: bool
    goal_share: float
    band_share: float
    effort_limit: float
    clean_score: float
    rise_s: float
    hold_s: float
    release_s: float
    rest_s: float
    rest_longest_s: float
    has_feedback: bool
    marks: ScoreSpec
    alert: AlertSpec
    cues: CueSpec

    @property
    def rule(self) -> ScoreRule:
        """What it is scored against."""
        return ScoreRule(
            self.goal_share,
            self.band_share,
            self.rise_s,
            self.release_s,
            self.effort_limit,
            self.marks,
        )


@dataclass(frozen=True, slots=True)
class Levels:
    """Where the target stands now, as shares of a comfortable movement; NaN when not known."""

    affected_share: float = math.nan
    unaffected_share: float = math.nan
    effort: float = math.nan


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What one repetition came to, as it is stored.

    Parameters
    ----------
    movement, muscle : str
    goal_share : float
    has_feedback : bool
    quality : Quality
    is_clean : bool
        Scored, good enough, and no guard joined in.
    n_synkinesis : int
        Times a guard joined in: the EMG synkinesis score counts these.
    synkinesis_muscle : str
        The first guard that did.
    peak_index : float
        Greatest index of a guard that had joined in, NaN for none.
    rest_s : float
        How long the face took to come to rest, at most the longest rest.
    came_to_rest : bool
    first_frame, end_frame : int
        Of the movement in the recording, -1 when not known.
    certainty : Certainty
        Of the symmetry.
    """

    movement: str
    muscle: str
    goal_share: float
    has_feedback: bool
    quality: Quality
    is_clean: bool
    n_synkinesis: int
    synkinesis_muscle: str
    peak_index: float
    rest_s: float
    came_to_rest: bool
    first_frame: int
    end_frame: int
    certainty: Certainty = field(default_factory=Certainty)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "movement": self.movement,
            "muscle": self.muscle,
            "goal_share": round(self.goal_share, 4),
            "has_feedback": self.has_feedback,
            "is_clean": self.is_clean,
            "n_synkinesis": self.n_synkinesis,
            "synkinesis_muscle": self.synkinesis_muscle,
            "peak_index": _plain(self.peak_index, 3),
            "rest_s": round(self.rest_s, 2),
            "came_to_rest": self.came_to_rest,
            "frames": [self.first_frame, self.end_frame],
            "symmetry_low": _plain(self.certainty.symmetry_low, 4),
            "symmetry_high": _plain(self.certainty.symmetry_high, 4),
            "is_overactive": self.certainty.is_overactive,
            **self.quality.to_json(),
        }


class Trial:
    """A repetition in progress. Times are those of the engine, which stand still in a pause.

    Parameters
    ----------
    spec : TrialSpec
    guards : GuardWatch
    references : References
    now_s : float
    lead_in_s : float
        The rise begins after so much; without any at once.
    """

    def __init__(
        self,
        spec: TrialSpec,
        guards: GuardWatch,
        references: References,
        now_s: float,
        lead_in_s: float = 0.0,
    ) -> None:
        self.spec = spec
        self.phase: Phase = "ready" if lead_in_s > 0 else "rise"
        self._lead_in_s = lead_in_s
        self.levels = Levels()
        self.verdict = GuardVerdict()
        self.quality: Quality | None = None
        self.bad_channels: tuple[int, ...] = ()
        self.bad_reason = ""  # of the first of them
        self._guards = guards
        self._references = references
        self._phase_began_s = now_s
        self._last_hop_s = now_s
        self._hops: list[ScoredHop] = []
        self._held = HeldLevels(spec.target)
        self._recent: deque[Levels] = deque(maxlen=round(SMOOTH_S / HOP_S))
        self._n_synkinesis = 0
        self._first_guard = ""
        self._peak_index = math.nan
        self._frames = [-1, -1]
        guarded = (c for guard in guards.guards for c in guard.sides)
        judged = tuple(sorted({*spec.target, *guarded}))
        self._meter = QuietMeter(references, spec.alert, judged)
        self._watched = tuple(sorted({*spec.target, *guards.channels}))
        self._quiet_at_s = math.nan
        self._rest_took_s = math.nan

    # -- time ---------------------------------------------------------------------------------

    def advance(self, now_s: float) -> None:
        """Let time pass: the phases follow each other, a missing signal is noticed."""
        if now_s - self._last_hop_s > NO_SIGNAL_S:
            self.levels = Levels()
            self._meter.forget()
        while (length_s := self._length_s()) is not None and self._in_phase_s(now_s) >= length_s:
            self._enter(_NEXT[self.phase], self._phase_began_s + length_s)
        if self.phase == "rest" and self._is_rest_over(now_s):
            self._enter("done", now_s)

    def _length_s(self) -> float | None:
        """Return the length of the phase, None where it has none of its own."""
        spec = self.spec
        if self.phase == "ready":
            return self._lead_in_s
        if self.phase == "rise":
            return spec.rise_s
        if self.phase == "hold":
            return spec.hold_s
        return spec.release_s if self.phase == "release" else None

    def _in_phase_s(self, now_s: float) -> float:
        # Sums of tenths are not exact: what is a rounding error short of its time is on time.
        return now_s - self._phase_began_s + 1e-9

    def _enter(self, phase: Phase, at_s: float) -> None:
        self.phase, self._phase_began_s = phase, at_s
        if phase == "rest":
            self.quality = self._judge()

    def _is_rest_over(self, now_s: float) -> bool:
        rested_s = self._in_phase_s(now_s)
        is_quiet = now_s - self._quiet_at_s <= NOW_S
        return (is_quiet and rested_s >= self.spec.rest_s) or rested_s >= self.spec.rest_longest_s

    # -- signal -------------------------------------------------------------------------------

    def feed(self, hop: Hop, now_s: float) -> None:
        """Take the next hop."""
        self.advance(now_s)
        self._last_hop_s = now_s
        self.verdict = self._guards.feed(hop)
        self.levels = self._levels(hop)
        self.bad_channels = tuple(c for c in self._watched if not hop.is_good(c))
        self.bad_reason = hop.reasons[self.bad_channels[0]] if self.bad_channels else ""
        if self._meter.feed(hop) and self.phase == "rest":
            self._quiet_at_s = now_s
            if math.isnan(self._rest_took_s):
                self._rest_took_s = now_s - self._phase_began_s
        if self.phase not in PARTS:
            return
        if self._frames[0] < 0:
            self._frames[0] = hop.frame
        self._frames[1] = hop.frame
        if self.verdict.is_begin:
            self._n_synkinesis += 1
            self._first_guard = self._first_guard or self.verdict.muscle
        if self.verdict.muscle and not self.verdict.index <= self._peak_index:
            self._peak_index = self.verdict.index
        smooth = self._smoothed()
        self._hops.append(
            ScoredHop(
                self.phase,
                self._in_phase_s(now_s),
                smooth.affected_share,
                smooth.unaffected_share,
                smooth.effort,
                is_guard_quiet=not self.verdict.muscle,
                is_vetoed=self.verdict.is_vetoed,
                is_guard_judged=self.verdict.is_judged,
            )
        )
        scored = self._hops[-1]
        if (
            scored.part == "hold"
            and scored.in_part_s >= self.spec.marks.grace_s
            and scored.is_judged
        ):
            self._held.add(hop.level_uv)

    def _levels(self, hop: Hop) -> Levels:
        references, target = self._references, self.spec.target
        own = [references.share(hop.level_uv[c], c, c) for c in target]
        if self.spec.is_scaled_to_unaffected:
            shares = [references.share(hop.level_uv[c], c, target.unaffected) for c in target]
        else:
            shares = own
        # Where one side's own comfortable movement is not known, nor is how hard it tries.
        effort = effort_of(max(own)) if not any(map(math.isnan, own)) else math.nan
        return Levels(shares[0], shares[1], effort)

    def _smoothed(self) -> Levels:
        self._recent.append(self.levels)
        n = len(self._recent)
        # NaN in any of them makes the mean NaN: half a window is not half as good.
        return Levels(
            sum(level.affected_share for level in self._recent) / n,
            sum(level.unaffected_share for level in self._recent) / n,
            sum(level.effort for level in self._recent) / n,
        )

    def _judge(self) -> Quality:
        spec = self.spec
        expected_hops = (spec.rise_s + spec.hold_s + spec.release_s) / HOP_S
        quality = score(self._hops, spec.rule)
        if quality.is_scored and len(self._hops) < spec.marks.least_judged * expected_hops:
            return not_scored(len(self._hops) / expected_hops, "no_signal")
        return quality

    def _certainty(self) -> Certainty:
        assert self.quality is not None
        if not self.quality.is_scored:
            return Certainty()
        return self._held.certainty(self._references, self.quality.held_shares)

    # -- what it shows ------------------------------------------------------------------------

    def goal_now(self, now_s: float) -> float:
        """Return where the moving target stands now, as a share."""
        spec, into_s = self.spec, self._in_phase_s(now_s)
        if self.phase == "rise":
            return spec.goal_share * min(into_s / spec.rise_s, 1.0)
        if self.phase == "hold":
            return spec.goal_share
        if self.phase == "release":
            return spec.goal_share * max(1.0 - into_s / spec.release_s, 0.0)
        return 0.0

    def remaining_s(self, now_s: float) -> float:
        """Return how much of the phase is left; in the rest, of its least length."""
        length_s = self._length_s()
        if self.phase == "rest":
            length_s = self.spec.rest_s
        return max((length_s or 0.0) - self._in_phase_s(now_s), 0.0)

    @property
    def is_moving(self) -> bool:
        """Whether a movement is asked for now."""
        return self.phase in PARTS

    @property
    def is_done(self) -> bool:
        """Whether the rest after it is over."""
        return self.phase == "done"

    @property
    def is_clean(self) -> bool:
        """Whether the finished movement counts as clean."""
        quality = self.quality
        return (
            quality is not None
            and quality.is_scored
            and quality.score >= self.spec.clean_score
            and self._n_synkinesis == 0
        )

    def record(self) -> TrialRecord:
        """Return what it came to; call it when the movement is over."""
        assert self.quality is not None
        came_to_rest = not math.isnan(self._rest_took_s)
        return TrialRecord(
            movement=self.spec.movement,
            muscle=self.spec.muscle,
            goal_share=self.spec.goal_share,
            has_feedback=self.spec.has_feedback,
            quality=self.quality,
            is_clean=self.is_clean,
            n_synkinesis=self._n_synkinesis,
            synkinesis_muscle=self._first_guard,
            peak_index=self._peak_index,
            rest_s=self._rest_took_s if came_to_rest else self.spec.rest_longest_s,
            came_to_rest=came_to_rest,
            first_frame=self._frames[0],
            end_frame=self._frames[1] + 1 if self._frames[1] >= 0 else -1,
            certainty=self._certainty(),
        )


def _plain(number: float, digits: int) -> float | None:
    return round(number, digits) if math.isfinite(number) else None


_NEXT: dict[Phase, Phase] = {"ready": "rise", "rise": "hold", "hold": "release", "release": "rest"}
