"""Does a guarded muscle join in? The alert rule, for any guard of a movement, hop by hop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from faceloop.training.hop import Hop
from faceloop.training.references import References, Sides
from faceloop.training.rules import AlertSpec

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
    the index is then against the wearer's own rest, not against noise.

    Parameters
    ----------
    guards : sequence of Guard
    veto : Sides or None
        Channels of the jaw muscle, where there are electrodes on it.
    references : References
    hold_s : float
    rule : AlertSpec
        Also says when it has ended, and what counts as the same response.
    """

    def __init__(
        self,
        guards: Sequence[Guard],
        veto: Sides | None,
        references: References,
        hold_s: float,
        rule: AlertSpec,
    ) -> None:
        self.guards = tuple(guards)
        self._rule = rule
        self._veto = veto
        self._references = references
        self._hold_hops = max(round(hold_s / HOP_S), 1)
        self._end_hops = max(round(rule.end_hold_ms / 1000 / HOP_S), 1)
        self._apart_hops = round(rule.apart_ms / 1000 / HOP_S)
        self._n_over = [0] * len(self.guards)
        self._n_quiet = [self._end_hops] * len(self.guards)
        self._n_apart = [self._apart_hops + 1] * len(self.guards)  # hops since it had joined in
        self._has_joined = [False] * len(self.guards)

    @property
    def channels(self) -> tuple[int, ...]:
        """Every channel that is looked at, the jaw's among them."""
        sides = [guard.sides for guard in self.guards] + ([self._veto] if self._veto else [])
        return tuple(sorted({channel for pair in sides for channel in pair}))

    def feed(self, hop: Hop) -> GuardVerdict:
        """Judge one hop."""
        is_vetoed, is_jaw_known = self._jaw(hop)
        joined, began, index = "", False, math.nan
        is_judged = is_jaw_known
        for at, guard in enumerate(self.guards):
            index_here = self._index(hop, guard)
            is_judged = is_judged and not math.isnan(index_here)
            began_here = self._step(at, guard, hop, index_here, is_vetoed or not is_jaw_known)
            if self._has_joined[at] and not joined:
                joined, began, index = guard.muscle, began_here, index_here
        return GuardVerdict(joined, index, began, is_vetoed, is_judged)

    def _jaw(self, hop: Hop) -> tuple[bool, bool]:
        """Return whether the jaw clenches, and whether that is known."""
        levels = [
            (hop.level_uv[channel], self._references.active_above_uv(channel, self._rule))
            for channel in self._veto or ()
        ]
        is_known = not any(math.isnan(level) for level, _ in levels)
        return any(level > active_above for level, active_above in levels), is_known

    def _index(self, hop: Hop, guard: Guard) -> float:
        affected_uv, unaffected_uv = (hop.level_uv[channel] for channel in guard.sides)
        rest_uv = self._references.rest_mean_uv[guard.sides.unaffected]
        if math.isnan(affected_uv) or math.isnan(unaffected_uv) or math.isnan(rest_uv):
            return math.nan
        return affected_uv / max(unaffected_uv, rest_uv, 1e-9)

    def _step(self, at: int, guard: Guard, hop: Hop, index: float, is_vetoed: bool) -> bool:
        """Move one guard on, or hold it still; return whether it joined in just now."""
        affected, references = guard.sides.affected, self._references
        cutoff = guard.cutoff
        # A tonic side is over the cut-off while it rests: it has to exceed its own rest as well.
        own_uv = cutoff * references.rest_mean_uv[affected]
        above_uv = max(references.active_above_uv(affected, self._rule), own_uv)
        if self._has_joined[at]:
            cutoff *= self._rule.end_share
            above_uv = references.quiet_below_uv(affected, self._rule)
        is_over = not is_vetoed and index >= cutoff and hop.level_uv[affected] > above_uv
        self._n_apart[at] = 0 if self._has_joined[at] else self._n_apart[at] + 1
        self._n_over[at] = self._n_over[at] + 1 if is_over else 0
        self._n_quiet[at] = 0 if is_over else self._n_quiet[at] + 1
        if not self._has_joined[at] and self._n_over[at] >= self._hold_hops:
            self._has_joined[at] = True
            return self._n_apart[at] > self._apart_hops
        if self._has_joined[at] and self._n_quiet[at] >= self._end_hops:
            self._has_joined[at] = False
        return False
