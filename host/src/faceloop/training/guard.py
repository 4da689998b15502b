"""Does a guarded muscle join in? The alert rule, for any guard of a movement, hop by hop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from faceloop.training.hop import Hop
from faceloop.training.leaks import GuardLeaks
from faceloop.training.references import References, Sides
from faceloop.training.rules import AlertSpec
from faceloop_dsp.crosstalk import LeakMeter
from faceloop_dsp.synkinesis import LEAK_DOUBT, REST_LEAK_SHARE, VETO_SHARE

__all__ = ["HOP_S", "Guard", "GuardVerdict", "GuardWatch"]

HOP_S = 0.01


@dataclass(frozen=True, slots=True)
class Guard:
    """One guarded muscle and its cut-off (affected over unaffected side)."""

    muscle: str
    sides: Sides
    cutoff: float


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """What one hop says.

    Parameters
    ----------
    muscle : str
        Guard that has joined in, the first one in order; empty for none.
    index : float
        Its affected over its unaffected side; NaN where none can be formed.
    is_begin : bool
        It joined in just now.
    is_vetoed : bool
        The jaw clenches: nothing is judged.
    is_judged : bool
        Every guard could be judged.
    """

    muscle: str = ""
    index: float = math.nan
    is_begin: bool = False
    is_vetoed: bool = False
    is_judged: bool = True


class GuardWatch:
    """Watches the guards of one movement.

    A guard has joined in when for ``hold_s`` its affected side was active, its index over the
    cut-off, and the jaw quiet. Where the other side rests, its resting level is the denominator:
    the index is then against the wearer's own rest, not against noise. What the moved muscle and
    the jaw leak into it is taken off first, as by ``faceloop_dsp.SynkinesisDetector``; a jaw that
    shows no more than such a leak of the moved muscle does not clench, and one that is weaker than
    a guard cannot be what is seen there.

    Parameters
    ----------
    guards : sequence of Guard
    veto : Sides or None
        Channels of the jaw muscle, where there are electrodes on it.
    references : References
    hold_s : float
    rule : AlertSpec
        Also says when it has ended, and what counts as the same response.
    target : Sides or None
        Channels of the moved muscle; None where there is none.
    leaks : GuardLeaks or None
        Kept from one repetition to the next; None learns anew.
    """

    def __init__(
        self,
        guards: Sequence[Guard],
        veto: Sides | None,
        references: References,
        hold_s: float,
        rule: AlertSpec,
        *,
        target: Sides | None = None,
        leaks: GuardLeaks | None = None,
    ) -> None:
        self.guards = tuple(guards)
        self._rule = rule
        self._veto = veto
        self._target = target
        sources = [sides for sides in (target, veto) if sides is not None]
        self._leaks = leaks or GuardLeaks([guard.sides for guard in guards], sources)
        self._references = references
        self._hold_hops = max(round(hold_s / HOP_S), 1)
        self._end_hops = max(round(rule.end_hold_ms / 1000 / HOP_S), 1)
        self._apart_hops = round(rule.apart_ms / 1000 / HOP_S)
        self._n_over = [0] * len(self.guards)
        self._n_quiet = [self._end_hops] * len(self.guards)
        self._n_apart = [self._apart_hops + 1] * len(self.guards)  # hops since it had joined in
        self._has_joined = [False] * len(self.guards)
        # The same at every hop.
        self._active_above_uv = {c: references.active_above_uv(c, rule) for c in self.channels}
        self._quiet_below_uv = {c: references.quiet_below_uv(c, rule) for c in self.channels}

    @property
    def channels(self) -> tuple[int, ...]:
        """Every channel that is looked at, the jaw's among them."""
        sides = [guard.sides for guard in self.guards] + ([self._veto] if self._veto else [])
        return tuple(sorted({channel for pair in sides for channel in pair}))

    def feed(self, hop: Hop) -> GuardVerdict:
        """Judge one hop."""
        self._leaks.feed(hop)
        jaw_uv, is_jaw_known = self._jaw(hop)
        joined, began, index = "", False, math.nan
        is_judged = is_jaw_known
        is_vetoed = jaw_uv > 0.0 and not self.guards
        for at, guard in enumerate(self.guards):
            level_uv, leak = self._own_level(at, guard, hop)
            index_here = self._index(hop, guard, level_uv)
            is_judged = is_judged and not math.isnan(index_here)
            is_jaws = jaw_uv > VETO_SHARE * hop.level_uv[guard.sides.affected]
            is_vetoed = is_vetoed or is_jaws
            may_join = is_jaw_known and not is_jaws and not self._is_leak(guard, hop, level_uv)
            began_here = self._step(at, guard, (level_uv, leak), index_here, may_join)
            if self._has_joined[at] and not joined:
                joined, began, index = guard.muscle, began_here, index_here
        return GuardVerdict(joined, index, began, is_vetoed, is_judged)

    def _jaw(self, hop: Hop) -> tuple[float, bool]:
        """Return how strongly the jaw clenches, 0 where it does not, and whether that is known."""
        levels = [(hop.level_uv[channel], channel) for channel in self._veto or ()]
        if any(math.isnan(level) for level, _ in levels):
            return 0.0, False
        clenching = [
            level
            for level, channel in levels
            if level > self._active_above_uv[channel]
            and self._above_rest(hop, channel) > LeakMeter.USUAL_LEAK**2 * self._moved(hop)
        ]
        return max(clenching, default=0.0), True

    def _moved(self, hop: Hop) -> float:
        """Return the power of the moved muscle's stronger side above its rest, 0 where unknown."""
        powers = [self._above_rest(hop, channel) for channel in self._target or ()]
        return max([0.0, *(power for power in powers if not math.isnan(power))])

    def _above_rest(self, hop: Hop, channel: int) -> float:
        return hop.level_uv[channel] ** 2 - self._references.rest_mean_uv[channel] ** 2

    def _own_level(self, at: int, guard: Guard, hop: Hop) -> tuple[float, float]:
        """Return a guard's level without what leaks into it, and the power that was taken off."""
        level_uv = hop.level_uv[guard.sides.affected]
        if not level_uv > self._quiet_below_uv[guard.sides.affected]:
            return level_uv, 0.0  # quiet as it is
        own_uv = level_uv * math.sqrt(self._leaks.own_share(at))
        return own_uv, level_uv**2 - own_uv**2

    def _is_leak(self, guard: Guard, hop: Hop, level_uv: float) -> bool:
        """Whether what the waveform missed of the moved muscle may be all that is left."""
        if self._target is None or not self._leaks.is_known:
            return False
        rest_uv = self._references.rest_mean_uv[guard.sides.affected]
        source = self._above_rest(hop, self._target.affected)
        return level_uv**2 - rest_uv**2 < REST_LEAK_SHARE**2 * source

    def _index(self, hop: Hop, guard: Guard, affected_uv: float) -> float:
        unaffected_uv = hop.level_uv[guard.sides.unaffected]
        rest_uv = self._references.rest_mean_uv[guard.sides.unaffected]
        if math.isnan(affected_uv) or math.isnan(unaffected_uv) or math.isnan(rest_uv):
            return math.nan
        return affected_uv / max(unaffected_uv, rest_uv, 1e-9)

    def _step(
        self, at: int, guard: Guard, level: tuple[float, float], index: float, may_join: bool
    ) -> bool:
        """Move one guard on, or hold it still; return whether it joined in just now.

        ``level`` is its own RMS and the power that was taken off, a part of which may be its own.
        """
        affected = guard.sides.affected
        level_uv, leak = level
        cutoff = guard.cutoff
        # A tonic side is over the cut-off while it rests: it has to exceed its own rest as well.
        own_uv = math.hypot(
            cutoff * self._references.rest_mean_uv[affected], math.sqrt(LEAK_DOUBT * leak)
        )
        above_uv = max(self._active_above_uv[affected], own_uv)
        if self._has_joined[at]:
            cutoff *= self._rule.end_share
            above_uv = self._quiet_below_uv[affected]
        is_over = may_join and index >= cutoff and level_uv > above_uv
        self._n_apart[at] = 0 if self._has_joined[at] else self._n_apart[at] + 1
        self._n_over[at] = self._n_over[at] + 1 if is_over else 0
        self._n_quiet[at] = 0 if is_over else self._n_quiet[at] + 1
        if not self._has_joined[at] and self._n_over[at] >= self._hold_hops:
            self._has_joined[at] = True
            return self._n_apart[at] > self._apart_hops
        if self._has_joined[at] and self._n_quiet[at] >= self._end_hops:
            self._has_joined[at] = False
        return False
