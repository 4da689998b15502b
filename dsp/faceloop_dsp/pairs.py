"""Pairs of muscles of which one should stay quiet, and what is told when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["EYE_TO_MOUTH_CUTOFF", "MOUTH_TO_EYE_CUTOFF", "Pair", "Side", "SynkinesisEvent"]

# Bernardes, Bento, Goffi Gomez, Int Arch Otorhinolaryngol 2018;22:348, 10.1055/s-0037-1607335
# (34 patients, one centre): RMS of the muscle that should stay quiet, affected over unaffected
# side. Sensitivity and specificity there 100 % / 100 % and 93.3 % / 95.9 %.
EYE_TO_MOUTH_CUTOFF = 1.62
MOUTH_TO_EYE_CUTOFF = 1.79

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A muscle being trained and one that should stay quiet meanwhile.

    Parameters
    ----------
    name : str
        For example ``mouth_to_eye``.
    trained, guard : (int, int)
        Channels of the muscle on the left and the right side.
    cutoff : float
        Affected over unaffected RMS of the guard from which on it is synkinesis, above 1.
    veto : (int, int), optional
        Channels of the masseter, whose activity leaks into both cheeks.

    Raises
    ------
    ValueError
        If the cut-off is not above 1 or a channel is used twice.
    """

    name: str
    trained: tuple[int, int]
    guard: tuple[int, int]
    cutoff: float
    veto: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not self.cutoff > 1.0:
            raise ValueError(f"a cut-off of {self.cutoff:g} for {self.name}, it must be above 1")
        channels = (*self.trained, *self.guard, *(self.veto or ()))
        if len(set(channels)) != len(channels) or min(channels) < 0:
            raise ValueError(f"the channels {channels} of {self.name} must differ")


@dataclass(frozen=True, slots=True)
class SynkinesisEvent:
    """Begin or end of a synkinetic response.

    Parameters
    ----------
    kind : "begin" or "end"
    pair : str
        Name of the pair.
    side : "left" or "right"
        Side that is (taken for) the affected one.
    frame : int
        Last frame of the hop in which this was decided.
    since_frame : int
        Begin: last frame of the first hop of the response. End: ``frame`` of its begin.
    index : float
        Affected over unaffected RMS of the guard; where the unaffected side is in its noise, over
        the affected side's own rest. End: the largest of the response.
    latency_ms : float
        Begin: onset of the guard minus that of the trained muscle, by the onset cue, to the
        nearest 5 ms or so; negative where the guard was first. NaN where one has no onset now.
        Not a diagnosis: crossed nerve fibres give tens of milliseconds at most.
    own_share : float
        Begin: share of the guard's power that is its own, not a neighbour's leak, 0 to 1.
    """

    kind: Literal["begin", "end"]
    pair: str
    side: Side
    frame: int
    since_frame: int
    index: float
    latency_ms: float = float("nan")
    own_share: float = 1.0
