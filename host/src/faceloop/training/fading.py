"""On which repetitions there is feedback: on fewer as success rises.

Feedback on every repetition is leant upon; with less of it what was learnt stays (standard motor
learning). The result after a repetition is shown always.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Fading"]


class Fading:
    """Decides repetition by repetition, without chance: the same day gives the same feedback.

    Parameters
    ----------
    mode : str
        ``live`` always, ``none`` never, ``fading``.
    least : float
        Share of repetitions that have feedback once it has faded.
    fades_from, fades_to : float
        Share of clean ones at which it begins to fade, and at which it is at its least.
    """

    def __init__(
        self,
        mode: Literal["live", "fading", "none"],
        least: float,
        fades_from: float,
        fades_to: float,
    ) -> None:
        self._mode = mode
        self._least = least
        self._fades_from, self._fades_to = fades_from, fades_to
        self._owed = 1.0  # the first repetition has it

    def next(self, success: float) -> bool:
        """Return whether the next repetition has feedback.

        Parameters
        ----------
        success : float
            Share of clean ones among the last repetitions.
        """
        if self._mode != "fading":
            return self._mode == "live"
        is_shown = self._owed >= 1.0 - 1e-9
        self._owed += self.share(success) - is_shown
        return is_shown

    def share(self, success: float) -> float:
        """Return the share of repetitions with feedback at this success."""
        if success >= self._fades_to:
            return self._least
        into = max(success - self._fades_from, 0.0)
        faded = into / (self._fades_to - self._fades_from) if into else 0.0
        return 1.0 - faded * (1.0 - self._least)
