"""On which repetitions there is feedback: on fewer as success rises.

Feedback on every repetition is leant upon; with less of it what was learnt stays (standard motor
learning). The result after a repetition is shown always.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Fading"]

# From here on feedback begins to fade, and here it is at its least.
FADES_FROM, FADES_TO = 0.5, 1.0


class Fading:
    """Decides repetition by repetition, without chance: the same day gives the same feedback.

    Parameters
    ----------
    mode : str
        ``live`` always, ``none`` never, ``fading``.
    least : float
        Share of repetitions that have feedback when all are clean.
    """

    def __init__(self, mode: Literal["live", "fading", "none"], least: float) -> None:
        self._mode = mode
        self._least = least
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
        faded = min(max((success - FADES_FROM) / (FADES_TO - FADES_FROM), 0.0), 1.0)
        return 1.0 - faded * (1.0 - self._least)
