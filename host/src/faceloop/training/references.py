"""What a wearer's levels are compared with: own rest and a comfortable movement of 2-3 of 10."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from faceloop.session.live import Side
from faceloop.session.montage import Montage
from faceloop.training.rules import AlertSpec

__all__ = ["COMFORTABLE_EFFORT", "References", "Sides"]

COMFORTABLE_EFFORT = 3.0
"""Of 10: the upper end of what therapists allow at home (Improve FP), so a share of 1 is 3/10."""
N_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Sides:
    """The two channels of one muscle, by side of the palsy."""

    affected: int
    unaffected: int

    @classmethod
    def of(cls, montage: Montage, muscle: str, affected_side: Side) -> Sides:
        """Return those of ``muscle``, which must be in the montage."""
        pair = next(pair for pair in montage.muscles if pair.muscle == muscle)
        left_first = (pair.left, pair.right)
        return cls(*(left_first if affected_side == "left" else left_first[::-1]))

    def __iter__(self) -> Iterator[int]:
        return iter((self.affected, self.unaffected))


@dataclass(frozen=True, slots=True)
class References:
    """References of one wearer, one value per channel, NaN where unknown.

    Parameters
    ----------
    rest_mean_uv, rest_sd_uv : tuple of float
        Of the 100 ms RMS at rest.
    comfortable_uv : tuple of float
        100 ms RMS of a comfortable movement, effort 2-3 of 10.
    montage : str
    taken_utc : str
        ISO 8601.
    """

    rest_mean_uv: tuple[float, ...]
    rest_sd_uv: tuple[float, ...]
    comfortable_uv: tuple[float, ...] = (math.nan,) * N_CHANNELS
    montage: str = ""
    taken_utc: str = ""

    def has_target(self, sides: Sides) -> bool:
        """Whether both channels of a target have a rest and a comfortable movement above it."""
        return all(self._span_uv(channel) > 0 for channel in sides)

    def share(self, level_uv: float, channel: int, scale: int) -> float:
        """Return a level as a share of the comfortable movement above rest, 0 at rest.

        Parameters
        ----------
        level_uv : float
        channel : int
            Whose rest is taken off.
        scale : int
            Channel whose comfortable movement is 1: the same, or that of the other side.

        Returns
        -------
        float
            NaN where a number is missing.
        """
        return (
            max((level_uv - self.rest_mean_uv[channel]) / self._span_uv(scale), 0.0)
            if (self._span_uv(scale) > 0 and not math.isnan(level_uv))
            else math.nan
        )

    def active_above_uv(self, channel: int, rule: AlertSpec) -> float:
        """Return the level from which on a channel counts as active."""
        return self._above_rest_uv(channel, rule.active_sd, rule.active_factor)

    def quiet_below_uv(self, channel: int, rule: AlertSpec) -> float:
        """Return the level below which a channel counts as at rest."""
        return self._above_rest_uv(channel, rule.quiet_sd, rule.quiet_factor)

    def _above_rest_uv(self, channel: int, n_sd: float, factor: float) -> float:
        mean_uv = self.rest_mean_uv[channel]
        return max(mean_uv + n_sd * self.rest_sd_uv[channel], factor * mean_uv)

    def _span_uv(self, channel: int) -> float:
        return self.comfortable_uv[channel] - self.rest_mean_uv[channel]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types, unknown numbers as None."""
        return {
            "rest_mean_uv": _plain(self.rest_mean_uv),
            "rest_sd_uv": _plain(self.rest_sd_uv),
            "comfortable_uv": _plain(self.comfortable_uv),
            "montage": self.montage,
            "taken_utc": self.taken_utc,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> References:
        """Rebuild it from ``to_json``.

        Raises
        ------
        ValueError
            If a member is missing or is no list of eight numbers.
        """
        try:
            return cls(
                _levels(stored["rest_mean_uv"]),
                _levels(stored["rest_sd_uv"]),
                _levels(stored["comfortable_uv"]),
                str(stored["montage"]),
                str(stored["taken_utc"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not stored references: {error}") from error


def _plain(levels: Sequence[float]) -> list[float | None]:
    return [round(level, 4) if math.isfinite(level) else None for level in levels]


def _levels(stored: Any) -> tuple[float, ...]:
    levels = tuple(math.nan if level is None else float(level) for level in stored)
    if len(levels) != N_CHANNELS:
        raise ValueError(f"{len(levels)} levels, {N_CHANNELS} are needed")
    return levels
