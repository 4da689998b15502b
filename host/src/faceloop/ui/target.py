"""Which muscle is being moved on purpose: the one that a symmetry is told of.

Where a repetition asks for one, it is that one. Else it is the muscle that has risen furthest
above its rest on the unaffected side, where none joins in: on the affected side one that joins in
(synkinesis) may well be the stronger one, and its symmetry says nothing about the movement.
Without a known side it is the muscle that has risen furthest on both.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from faceloop.session.live import MusclePair, Side

__all__ = ["Target"]

Rows = NDArray[np.floating]
# Two muscles that are about as active do not take turns on the screen.
STAY = 1.5


class Target:
    """The muscle that is moved now.

    Parameters
    ----------
    muscles : tuple of MusclePair
    affected_side : str or None

    Attributes
    ----------
    at : int or None
        Its place in ``muscles``; None while all rest, or while a muscle that explains the others
        (a clenched jaw) is the most active.
    """

    def __init__(self, muscles: tuple[MusclePair, ...], affected_side: Side | None) -> None:
        self._muscles = muscles
        self._affected_side = affected_side
        self._known: int | None = None
        self.at: int | None = None

    def take(self, now_uv: Rows, rest_uv: Rows, asked: str = "") -> None:
        """Note how active the muscles are.

        Parameters
        ----------
        now_uv : ndarray of float, shape (n_muscles, 3)
            Envelope left and right, microvolts, and ratio of the sides; NaN while both rest.
        rest_uv : ndarray of float, shape (n_channels,)
            The wearer's rest, NaN before it is known.
        asked : str
            Muscle that is asked for, empty for none.
        """
        lifts = [
            self._lift(pair, row, rest_uv) for pair, row in zip(self._muscles, now_uv, strict=True)
        ]
        if self._known is not None and lifts[self._known] > 0:
            lifts[self._known] *= STAY
        self._known = max(range(len(lifts)), key=lifts.__getitem__, default=None)
        if self._known is not None and not lifts[self._known] > 0:
            self._known = None
        named = [at for at, pair in enumerate(self._muscles) if pair.muscle == asked]
        self.at = named[0] if named else self._known
        if self.at is not None and self._muscles[self.at].role == "veto" and not named:
            self.at = None

    def _lift(self, pair: MusclePair, row: Rows, rest_uv: Rows) -> float:
        """Return how many times its rest a muscle has, 0 at rest or when that is not known."""
        if not math.isfinite(row[2]):
            return 0.0
        sides = [
            float(now_uv / rest_uv[channel])
            for now_uv, channel in zip(row[:2], (pair.left, pair.right), strict=True)
        ]
        lift = min(sides) if self._affected_side is None else sides[_other(self._affected_side)]
        return lift if math.isfinite(lift) else 0.0


def _other(affected_side: Side) -> int:
    """Return the place of the unaffected side among left and right."""
    return 1 if affected_side == "left" else 0
