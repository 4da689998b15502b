"""How often would a rule respond by itself? Counted and extrapolated on the wearer's own rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["MAX_MARGIN", "RestCheck", "rest_check", "synkinesis_scores"]

FALSE_EVENTS_PER_H = 0.1  # of each pair and side
MAX_MARGIN = 4.0
RESTLESS_MARGIN = 2.0
RESTLESS_PER_H = 1.0
BLOCK_HOPS = 100  # 1 s
LONGER_HOPS = (10, 15, 20, 25)
ENOUGH_MARGIN = 1.25
OUTLIER = 8.0  # in units of the tail: a movement in the rest, not rest


class RestCheck(NamedTuple):
    """False events of one pair and side to expect per hour of its movement being asked for.

    Parameters
    ----------
    pair, side : str
    per_h : float
        With the threshold as it is published; NaN for a rest of less than 10 s.
    margin : float
        Factor on the guard's threshold that keeps it at 0.1 an hour, 1 to 4.
    hold_hops : int
        How long a response must last: longer for a wearer whose heart shows, since a beat lifts
        the RMS for less than 0.2 s.
    per_h_expected : float
        With margin and hold.
    seconds : float
        Length of the rest.
    """

    pair: str
    side: str
    per_h: float
    margin: float
    hold_hops: int
    per_h_expected: float
    seconds: float

    @property
    def is_restless(self) -> bool:
        """Whether rest alone asks for twice the threshold, or for alerts all the same."""
        return self.margin >= RESTLESS_MARGIN or self.per_h_expected > RESTLESS_PER_H

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, None for unknown, to be stored as JSON."""
        return {
            name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in self._asdict().items()
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> RestCheck:
        """Rebuild it from ``as_dict``.

        Raises
        ------
        ValueError
            If a member is missing or out of range.
        """
        try:
            unknown = float("nan")
            per_h, expected = (
                unknown if stored[name] is None else float(stored[name])
                for name in ("per_h", "per_h_expected")
            )
            margin, hold_hops = float(stored["margin"]), int(stored["hold_hops"])
            if not (1.0 <= margin <= MAX_MARGIN and hold_hops >= 1):
                raise ValueError(f"a margin of {margin:g} for {hold_hops} hops")
            return cls(
                str(stored["pair"]),
                str(stored["side"]),
                per_h,
                margin,
                hold_hops,
                expected,
                float(stored["seconds"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a stored check of a rest: {error}") from error


def rest_check(pair: str, side: str, strength: ArrayLike, hold_hops: int) -> RestCheck:
    """Return how often a rule is met by rest.

    Parameters
    ----------
    pair, side : str
        For the answer.
    strength : array_like, shape (n_hops,)
        Activity of the guard over its threshold, 0 where another condition fails, NaN unknown.
    hold_hops : int
        How many hops in a row must be over the threshold, at least.

    Notes
    -----
    A response needs the least of ``hold_hops`` values over 1. The largest of these in each second
    has a tail that falls exponentially in its logarithm; beyond what was seen it is extrapolated,
    as the threshold of the onset cue is. The shortest hold that needs no more than a fourth on
    top of the threshold is taken.
    """
    values = np.nan_to_num(np.asarray(strength, np.float64))
    seconds = values.size / 100.0
    if values.size < 10 * BLOCK_HOPS:
        return RestCheck(pair, side, float("nan"), 1.0, hold_hops, float("nan"), seconds)
    first = _Tail(values, hold_hops)
    best, hold = first, hold_hops
    for longer in (hold_hops, *(h for h in LONGER_HOPS if h > hold_hops)):
        tail = _Tail(values, longer)
        if tail.margin < best.margin - 0.05:
            best, hold = tail, longer
        if best.margin <= ENOUGH_MARGIN:
            break
    margin = float(np.clip(best.margin, 1.0, MAX_MARGIN))
    return RestCheck(
        pair, side, first.per_h(0.0), margin, hold, best.per_h(float(np.log(margin))), seconds
    )


class _Tail:
    """Distribution of what lasts for a hold, by its largest value in each second."""

    def __init__(self, values: NDArray[np.float64], hold_hops: int) -> None:
        held = np.lib.stride_tricks.sliding_window_view(values, hold_hops).min(axis=1)
        n = held.size // BLOCK_HOPS
        maxima = held[: n * BLOCK_HOPS].reshape(n, BLOCK_HOPS).max(axis=1)
        logs = np.log(np.maximum(maxima, 1e-3))
        middle = float(np.median(logs))
        above = logs[logs > middle] - middle
        if above.size:
            logs = logs[logs <= middle + OUTLIER * float(np.median(above)) / np.log(2)]
        self._logs = logs
        self._start = float(np.quantile(logs, 0.7))
        above = logs[logs > self._start] - self._start
        self._beta = max(float(above.mean()) if above.size else 0.0, 1e-3)
        self._start_per_h = -np.log(0.7) * 3600.0
        wanted = self._start + self._beta * np.log(self._start_per_h / FALSE_EVENTS_PER_H)
        self.margin = float(np.exp(max(wanted, 0.0)))

    def per_h(self, level: float) -> float:
        """Return the rate of passing ``exp(level)`` times the threshold."""
        seen = float(np.mean(self._logs > level)) * 3600.0
        if level <= self._start:
            return seen
        beyond = self._start_per_h * np.exp(-(level - self._start) / self._beta)
        return max(seen, float(beyond))


def synkinesis_scores(
    response_frames: Sequence[int], sequences: Sequence[tuple[int, int]]
) -> tuple[int, ...]:
    """Return the EMG synkinesis score (ESS) of each movement sequence: its synkinetic responses.

    Ref: Franz et al. 2024, 10.3390/jcm13020590; it follows the clinician's synkinesis rating with
    rho 0.83 there. Their detector's settings are not published, ours are in ``synkinesis``.

    Parameters
    ----------
    response_frames : sequence of int
        ``since_frame`` of the responses that began.
    sequences : sequence of (int, int)
        First frame of each sequence and the frame after it.
    """
    frames: NDArray[np.int64] = np.asarray(response_frames, np.int64)
    return tuple(
        int(np.count_nonzero((frames >= first) & (frames < end))) for first, end in sequences
    )
