"""The target of one movement, and how it grows: by a step after 4 of 5 clean repetitions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from faceloop.training.programme import RetrainingBlock

__all__ = ["Goal", "GoalRule"]


@dataclass(frozen=True, slots=True)
class GoalRule:
    """When a target changes; shares of a comfortable movement.

    Parameters
    ----------
    first_share, most_share, step_share : float
    clean_needed, clean_of : int
    ease_after : int
        Unclean ones in a row after which it falls by a step; 0 never.
    ease_least : float
        It never falls below this share of the first target.
    """

    first_share: float
    most_share: float
    step_share: float
    clean_needed: int
    clean_of: int
    ease_after: int
    ease_least: float

    @classmethod
    def of(cls, block: RetrainingBlock, *, grows: bool) -> GoalRule:
        """Return the rule of a block; ``grows`` False keeps the target where it is."""
        return cls(
            block.goal_share,
            block.goal_most_share,
            block.step_share if grows else 0.0,
            block.clean_needed,
            block.clean_of,
            block.ease_after,
            block.ease_least,
        )


class Goal:
    """The target of one movement, fed with one verdict per scored repetition.

    Parameters
    ----------
    rule : GoalRule
    share : float, optional
        Where it stood last time; the rule's first share by default. Kept within the rule.
    """

    def __init__(self, rule: GoalRule, share: float | None = None) -> None:
        self._rule = rule
        self.share = self._kept(rule.first_share if share is None else share)
        self._recent: deque[bool] = deque(maxlen=rule.clean_of)
        self._n_unclean = 0
        self._history: deque[bool] = deque(maxlen=2 * rule.clean_of)

    def note(self, is_clean: bool) -> int:
        """Take the verdict on a repetition; return 1 when the target rose, -1 when it fell."""
        rule = self._rule
        self._recent.append(is_clean)
        self._history.append(is_clean)
        self._n_unclean = 0 if is_clean else self._n_unclean + 1
        if sum(self._recent) >= rule.clean_needed and is_clean:
            return self._move(rule.step_share)
        if rule.ease_after and self._n_unclean >= rule.ease_after:
            return self._move(-rule.step_share)
        return 0

    def replay(self, verdicts: Iterable[bool]) -> None:
        """Take verdicts from a record."""
        for is_clean in verdicts:
            self.note(is_clean)

    @property
    def success(self) -> float:
        """Share of clean ones among the last repetitions, 0 before the first."""
        return sum(self._history) / len(self._history) if self._history else 0.0

    def _move(self, step_share: float) -> int:
        before = self.share
        self.share = self._kept(round(before + step_share, 6))
        if self.share != before:
            # The next step is earned anew.
            self._recent.clear()
            self._n_unclean = 0
        return (self.share > before) - (self.share < before)

    def _kept(self, share: float) -> float:
        rule = self._rule
        return min(max(share, rule.ease_least * rule.first_share), rule.most_share)
