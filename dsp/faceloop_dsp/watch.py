"""State of one pair of muscles on one side that may be the affected one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from faceloop_dsp.pairs import Pair, Side

__all__ = ["Watch"]


@dataclass(slots=True)
class Watch:
    """What a detector remembers of a pair; channels of guard and trained muscle by side."""

    pair: Pair
    side: Side
    affected: int  # channels of the guard
    unaffected: int
    trained_affected: int
    trained_unaffected: int
    path: int = 0  # of the leak meter
    margin: float = 1.0
    hold: int = 1
    n_held: int = 0
    n_released: int = 0
    n_unknown: int = 0  # hops since the guard was last known well enough
    n_known: int = 0
    since_frame: int = 0
    begin_frame: int = -1  # -1: no response now
    peak: float = 0.0

    @classmethod
    def of(cls, pair: Pair, side: Side) -> Watch:
        """Return it before the first hop."""
        a, u = (0, 1) if side == "left" else (1, 0)
        guard, trained = pair.guard, pair.trained
        return cls(pair, side, guard[a], guard[u], trained[a], trained[u])

    def is_known(self, rms_uv: list[float], settle_hops: int) -> bool:
        """Take a hop; say whether the guard is there on both sides, and not only since a moment.

        ``settle_hops`` at least it has to be known after it was not.
        """
        if math.isnan(rms_uv[self.affected]) or math.isnan(rms_uv[self.unaffected]):
            self.n_known = 0
        else:
            self.n_known += 1
        is_known = self.n_known > settle_hops or (not self.n_unknown and self.n_known > 0)
        self.n_unknown = 0 if is_known else self.n_unknown + 1
        return is_known
