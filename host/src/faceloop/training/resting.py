"""Resting tone: the RMS over the quietest ten seconds of a rest, and what it is compared with.

No validated limit of too much tone was found, so a tone is compared and never judged.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from faceloop.session.live import Side
from faceloop.session.montage import Montage
from faceloop.training.hop import Hop
from faceloop.training.references import N_CHANNELS, References, Sides
from faceloop.training.rules import AlertSpec

__all__ = ["QuietMeter", "RestMeter", "Resting", "resting_change", "resting_ratio"]

WINDOW_HOPS = 1000
LEAST_HOPS = 300
"""Below 3 s there is no resting level to speak of."""


@dataclass(frozen=True, slots=True)
class Resting:
    """Resting levels of one rest.

    Parameters
    ----------
    rms_uv : tuple of float
        Of each channel over its quietest 10 s, or over all of a shorter rest; NaN where unknown.
    seconds : float
        Usable length of the rest, of the channel with most.
    """

    rms_uv: tuple[float, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        rms_uv = [round(rms, 3) if math.isfinite(rms) else None for rms in self.rms_uv]
        return {"rms_uv": rms_uv, "seconds": round(self.seconds, 2)}


def resting_ratio(levels_uv: Sequence[float | None], montage: Montage, side: Side) -> float:
    """Return the affected side's resting tone over the other's, NaN where it is not known.

    The geometric mean over the muscles of the face: neither side nor muscle weighs more. The jaw
    is left out, its nerve is another one.

    Parameters
    ----------
    levels_uv : sequence of float or None
        Of each channel.
    montage : Montage
    side : str
        The affected one.
    """
    sides = _facial(montage, side)
    return _mean_ratio((levels_uv[own.affected], levels_uv[own.unaffected]) for own in sides)


def resting_change(
    before_uv: Sequence[float | None],
    after_uv: Sequence[float | None],
    montage: Montage,
    side: Side,
) -> float:
    """Return the affected side's resting tone over what it was before, else as above."""
    sides = _facial(montage, side)
    return _mean_ratio((after_uv[own.affected], before_uv[own.affected]) for own in sides)


def _facial(montage: Montage, side: Side) -> list[Sides]:
    return [
        Sides.of(montage, pair.muscle, side) for pair in montage.muscles if pair.role != "veto"
    ]


def _mean_ratio(pairs: Iterable[tuple[float | None, float | None]]) -> float:
    known = [(above or 0.0, below or 0.0) for above, below in pairs]  # a level is never 0
    logs = [math.log(above / below) for above, below in known if above > 0 and below > 0]
    return math.exp(fmean(logs)) if logs else math.nan


class RestMeter:
    """Collects hops of a rest."""

    def __init__(self) -> None:
        self._levels_uv: list[tuple[float, ...]] = []

    def feed(self, hop: Hop) -> None:
        """Take the next hop."""
        self._levels_uv.append(hop.level_uv)

    def resting(self) -> Resting | None:
        """Return the resting levels, None with less than 3 s of signal."""
        if len(self._levels_uv) < LEAST_HOPS:
            return None
        power = np.square(np.array(self._levels_uv))
        rms_uv, n_most = [], 0
        for channel in range(N_CHANNELS):
            known = power[np.isfinite(power[:, channel]), channel]
            n_most = max(n_most, known.size)
            if known.size < LEAST_HOPS:
                rms_uv.append(math.nan)
                continue
            window = min(WINDOW_HOPS, known.size)
            sums = np.cumsum(np.concatenate([[0.0], known]))
            means = (sums[window:] - sums[:-window]) / window
            rms_uv.append(float(np.sqrt(max(means.min(), 0.0))))
        if n_most < LEAST_HOPS:
            return None
        return Resting(tuple(rms_uv), n_most / 100.0)


class QuietMeter:
    """Is a face at rest now? Asked of the median over a short window, so that no blink counts.

    Parameters
    ----------
    references : References
        A channel is quiet under its resting level, as the rule says.
    rule : AlertSpec
    channels : iterable of int
        All of them have to be. One that cannot be judged neither is quiet nor keeps the others
        from being so.
    window_s : float
    """

    def __init__(
        self,
        references: References,
        rule: AlertSpec,
        channels: Iterable[int],
        window_s: float = 0.5,
    ) -> None:
        self._limits_uv = {c: references.quiet_below_uv(c, rule) for c in channels}
        n = round(window_s * 100)
        self._is_loud = {channel: deque[bool](maxlen=n) for channel in self._limits_uv}
        self._n_loud = dict.fromkeys(self._limits_uv, 0)

    def feed(self, hop: Hop) -> bool:
        """Take the next hop; return whether all channels are quiet."""
        verdicts = []
        for channel, limit_uv in self._limits_uv.items():
            level_uv, recent = hop.level_uv[channel], self._is_loud[channel]
            if math.isnan(level_uv):
                recent.clear()
                self._n_loud[channel] = 0
                continue
            is_loud = level_uv >= limit_uv
            leaves = recent[0] if len(recent) == recent.maxlen else False
            self._n_loud[channel] += is_loud - leaves
            recent.append(is_loud)
            verdicts.append(
                len(recent) == recent.maxlen and 2 * self._n_loud[channel] <= len(recent)
            )
        return bool(verdicts) and all(verdicts)

    def forget(self) -> None:
        """Begin anew: there was no signal for a while."""
        for channel, recent in self._is_loud.items():
            recent.clear()
            self._n_loud[channel] = 0
