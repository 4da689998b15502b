"""What neighbours leak into the guards of a movement, by its waveform."""

from __future__ import annotations

from collections.abc import Sequence

from faceloop.training.hop import HOP_FRAMES, Hop
from faceloop.training.references import Sides
from faceloop_dsp.crosstalk import LeakMeter

__all__ = ["GuardLeaks"]


class GuardLeaks:
    """Learns how the moved muscle and the jaw leak into the guards of their side.

    A leak is a property of skin and electrodes: what one repetition taught holds for the next.

    Parameters
    ----------
    guards : sequence of Sides
    sources : sequence of Sides
        The moved muscle, and the jaw's where there are electrodes on it.
    """

    def __init__(self, guards: Sequence[Sides], sources: Sequence[Sides]) -> None:
        leaking = tuple(sides.affected for sides in sources)
        paths = [(guard.affected, leaking) for guard in guards] if leaking else []
        self._meter = LeakMeter(paths, HOP_FRAMES)
        self._is_known = False

    def feed(self, hop: Hop) -> None:
        """Take the next hop; one without its trace tells nothing."""
        self._is_known = bool(self._meter.paths) and hop.trace_uv is not None
        if hop.trace_uv is None:
            self._meter.clear()
        else:
            self._meter.push(hop.trace_uv)

    def own_share(self, at: int) -> float:
        """Return the share of a guard's power over 100 ms that is its own, 1 where not known."""
        return float(self._meter.own_share[at]) if self._is_known else 1.0

    @property
    def is_known(self) -> bool:
        """Whether the last hop had a waveform to tell leaks by."""
        return self._is_known
