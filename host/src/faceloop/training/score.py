"""The score of a repetition: quality, never amplitude.

Four shares between 0 and 1 are counted over the hops of the movement: the target in its band
while held (its mean over a second), the guards quiet, both sides together, a smooth rise and
release. The score is the weakest of the first three, a little less when jerky: making one better
does not pay while another is bad, so it rises only when ratio and guard agree.

Effort is capped hop by hop: a hop above the limit counts as out of the band, its guards as not
quiet, its sides as not together and its ramp as not smooth, and it counts even where the jaw
clenched with it. So more effort beyond the limit cannot raise the score, whatever it does to the
signal: straining with the healthy side as well may bring a guard's ratio under its cut-off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any, Literal, get_args

from faceloop.training.guard import HOP_S
from faceloop.training.references import COMFORTABLE_EFFORT
from faceloop.training.rules import ScoreSpec
from faceloop_dsp import signed_asymmetry

__all__ = ["PARTS", "Quality", "ScoreRule", "ScoredHop", "effort_of", "not_scored", "score"]

Part = Literal["rise", "hold", "release"]
PARTS: tuple[Part, ...] = get_args(Part)
SHIPPED = ScoreSpec()
STEADY_HOPS = 50
"""The level of a hold is that of half a second before and after: over 0.3 s alone that of a steady
contraction spreads by a fifth of a goal of 0.2, and one in three right movements was not clean
(tests/benchmarks/RESULTS.md)."""
# A slope is taken over 0.3 s: windows of the 100 ms RMS that do not overlap.
SLOPE_HOPS = 30


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """What a repetition is scored against; lengths in seconds, levels as shares.

    Parameters
    ----------
    goal_share : float
        Target, as a share of a comfortable movement above rest.
    band_share : float
        Half width of the band, as a share of the goal.
    rise_s, release_s : float
    effort_limit : float
        Of 10.
    marks : ScoreSpec
        From where on what counts.
    """

    goal_share: float
    band_share: float
    rise_s: float
    release_s: float
    effort_limit: float = COMFORTABLE_EFFORT
    marks: ScoreSpec = SHIPPED

    @property
    def band(self) -> tuple[float, float]:
        """Lower and upper edge."""
        half = self.goal_share * self.band_share
        return self.goal_share - half, self.goal_share + half

    def is_in_band(self, share: float) -> bool:
        """Whether a share lies within the band."""
        low, high = self.band
        return low <= share <= high


@dataclass(frozen=True, slots=True)
class ScoredHop:
    """One hop of a movement.

    Parameters
    ----------
    part : str
        ``rise``, ``hold``, ``release``.
    in_part_s : float
        Time since the part began.
    affected_share, unaffected_share : float
        Of the target; NaN where the channel is not to be judged.
    effort : float
        Of 10, of the side that tries harder, each against its own comfortable movement; NaN where
        one of them is not known.
    is_guard_quiet : bool
    is_vetoed : bool
        The jaw clenched: the hop is not judged.
    is_guard_judged : bool
    """

    part: Part
    in_part_s: float
    affected_share: float
    unaffected_share: float
    effort: float
    is_guard_quiet: bool = True
    is_vetoed: bool = False
    is_guard_judged: bool = True

    @property
    def is_judged(self) -> bool:
        """Whether everything about it is known."""
        return (
            not self.is_vetoed
            and self.is_guard_judged
            and not math.isnan(self.affected_share)
            and not math.isnan(self.unaffected_share)
            and not math.isnan(self.effort)
        )

    @property
    def lacks_reference(self) -> bool:
        """Whether both sides are seen, but one has no comfortable movement to judge effort by."""
        shares = (self.affected_share, self.unaffected_share)
        return math.isnan(self.effort) and not any(map(math.isnan, shares))


@dataclass(frozen=True, slots=True)
class Quality:
    """What one repetition came to; shares 0 to 1, NaN where nothing was judged.

    Parameters
    ----------
    score : float
        0 to 100, NaN when not scored.
    in_band, guard_quiet, together, smooth : float
    symmetry : float
        min/max of the two sides' mean shares while held.
    signed_asymmetry : float
        Of the same, as `faceloop_dsp.signed_asymmetry`: below 0 where the affected side is the
        weaker one, above where it is the over-active one.
    effort : float
        Of 10: the highest decile of the hold.
    judged : float
        Share of the hops that could be judged.
    held_shares : tuple of float
        Mean share of the affected and of the unaffected side while held.
    reason : str
        Why it is not scored: ``contact``, ``jaw``, ``no_signal``, ``reference``; empty when it is.
    """

    score: float
    in_band: float
    guard_quiet: float
    together: float
    smooth: float
    symmetry: float
    signed_asymmetry: float
    effort: float
    judged: float
    held_shares: tuple[float, float] = (math.nan, math.nan)
    reason: str = ""

    @property
    def is_scored(self) -> bool:
        """Whether there is a score."""
        return not self.reason

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types, unknown numbers as None."""
        return {
            key: (round(value, 4) if math.isfinite(value) else None)
            if isinstance(value, float)
            else value
            for key, value in asdict(self).items()
            if key != "held_shares"
        }


def effort_of(share_of_own: float) -> float:
    """Return the effort of 10 behind a share of one's own comfortable movement."""
    return COMFORTABLE_EFFORT * share_of_own


def score(hops: Sequence[ScoredHop], rule: ScoreRule) -> Quality:
    """Return the quality of a repetition.

    Parameters
    ----------
    hops : sequence of ScoredHop
        Every 10 ms, in order, of all parts.
    rule : ScoreRule
    """
    marks = rule.marks
    moving = [hop for hop in hops if hop.part != "hold" or hop.in_part_s >= marks.grace_s]
    judged = [hop for hop in moving if _counts(hop, rule)]
    held = [hop for hop in judged if hop.part == "hold"]
    n_held = sum(hop.part == "hold" for hop in moving)
    share_judged = len(judged) / len(moving) if moving else 0.0
    if not n_held or min(len(held) / n_held, share_judged) < marks.least_judged:
        return not_scored(share_judged, _reason(moving))
    in_band = _in_band(held, rule)
    guard_quiet = _mean([hop.is_guard_quiet and _is_allowed(hop, rule) for hop in judged])
    together = _mean([_together(hop, marks) if _is_allowed(hop, rule) else 0.0 for hop in held])
    smooth = _smoothness(hops, rule)
    affected = _mean([hop.affected_share for hop in held])
    unaffected = _mean([hop.unaffected_share for hop in held])
    both = affected + unaffected
    weakest = min(in_band, guard_quiet, together)
    efforts = sorted(hop.effort for hop in held)
    return Quality(
        score=100.0 * weakest * (1.0 - marks.smooth_weight * (1.0 - smooth)),
        in_band=in_band,
        guard_quiet=guard_quiet,
        together=together,
        smooth=smooth,
        symmetry=min(affected, unaffected) / max(affected, unaffected) if both > 0 else 0.0,
        signed_asymmetry=signed_asymmetry(affected, unaffected) if both > 0 else 0.0,
        effort=efforts[int(0.9 * (len(efforts) - 1))],
        judged=share_judged,
        held_shares=(affected, unaffected),
    )


def not_scored(judged: float, reason: str) -> Quality:
    """Return the quality of a repetition without a score."""
    nan = math.nan
    return Quality(nan, nan, nan, nan, nan, nan, nan, nan, judged, reason=reason)


def _reason(hops: Sequence[ScoredHop]) -> str:
    if not hops:
        return "no_signal"
    n_vetoed = sum(hop.is_vetoed for hop in hops)
    n_not = sum(not hop.is_judged for hop in hops)
    if 2 * sum(hop.lacks_reference for hop in hops) >= n_not > 0:
        return "reference"
    return "jaw" if 2 * n_vetoed >= n_not > 0 else "contact"


def _counts(hop: ScoredHop, rule: ScoreRule) -> bool:
    """Whether a hop is judged. A clench excuses a hop, but not from an effort above the limit."""
    return hop.is_judged or (
        hop.effort > rule.effort_limit and replace(hop, is_vetoed=False).is_judged
    )


def _is_allowed(hop: ScoredHop, rule: ScoreRule) -> bool:
    # The negation also refuses an effort that is not known.
    return hop.effort <= rule.effort_limit


def _in_band(held: Sequence[ScoredHop], rule: ScoreRule) -> float:
    """Return the share of the hold in which both sides are in the band.

    Effort above the limit is out of it with all of the second around it: were it left out of the
    mean, or taken into it, more effort could bring the hops beside it into the band.
    """
    series = (
        [0.0 if _is_allowed(hop, rule) else 1.0 for hop in held],
        [hop.affected_share for hop in held],
        [hop.unaffected_share for hop in held],
    )
    sums = [list(accumulate(values, initial=0.0)) for values in series]
    n_in_band = 0
    for at in range(len(held)):
        first, end = max(at - STEADY_HOPS, 0), min(at + STEADY_HOPS + 1, len(held))
        n_strained, *levels = (total[end] - total[first] for total in sums)
        n_in_band += not n_strained and all(
            rule.is_in_band(level / (end - first)) for level in levels
        )
    return n_in_band / len(held)


def _together(hop: ScoredHop, marks: ScoreSpec) -> float:
    low, high = sorted((hop.affected_share, hop.unaffected_share))
    ratio = low / high if high > 0 else 0.0
    if ratio >= marks.together_full:
        return 1.0
    above = max(ratio - marks.together_none, 0.0)
    return above / (marks.together_full - marks.together_none) if above else 0.0


def _smoothness(hops: Sequence[ScoredHop], rule: ScoreRule) -> float:
    """Return the share of rise and release without a jerk, over steps of 0.3 s."""
    marks: list[bool] = []
    for part, length_s in (("rise", rule.rise_s), ("release", rule.release_s)):
        ramp = [hop for hop in hops if hop.part == part]
        # Half a goal is always allowed: a 100 ms RMS of little activity is not steadier.
        most = max(rule.marks.steep_factor * SLOPE_HOPS * HOP_S / length_s, 0.5) * rule.goal_share
        for before, after in zip(ramp, ramp[SLOPE_HOPS:], strict=False):
            if _counts(before, rule) and _counts(after, rule):
                marks.append(
                    _is_allowed(before, rule)
                    and _is_allowed(after, rule)
                    and abs(after.affected_share - before.affected_share) <= most
                    and abs(after.unaffected_share - before.unaffected_share) <= most
                )
    return _mean(marks) if marks else 1.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
