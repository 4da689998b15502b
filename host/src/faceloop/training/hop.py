"""One look at all channels, every 10 ms: everything the engine knows of the signal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceloop.session.live import LiveBlock
from faceloop.session.montage import Montage

__all__ = ["HOP_FRAMES", "NO_SIGNAL_S", "Hop", "hops_of"]

HOP_FRAMES = 20
NO_SIGNAL_S = 0.5
"""Without a hop for this long there is no signal: a trial does not go on blindly."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Levels at one moment.

    Parameters
    ----------
    frame : int
        Last frame of the window, 2000 a second; -1 when not known.
    level_uv : tuple of float
        100 ms RMS of each of the eight channels; NaN where it must not be judged: an electrode is
        off, the signal is not fit, or there is a gap.
    reasons : tuple of str
        Why a channel must not be judged, of ``faceloop_dsp.quality.REASONS``; empty where it may,
        or where it is not known (it comes back, or nobody said).
    trace_uv : ndarray of float32, shape (20, 8), or None
        The 10 ms that end here, by which leaks are told; None where they are not all there.
    """

    frame: int
    level_uv: tuple[float, ...]
    reasons: tuple[str, ...] = ("",) * 8
    trace_uv: NDArray[np.floating] | None = field(default=None, compare=False, repr=False)

    def is_good(self, channel: int) -> bool:
        """Whether the channel may be judged."""
        return not math.isnan(self.level_uv[channel])


def hops_of(
    block: LiveBlock,
    montage: Montage,
    lead_off: Sequence[bool] = (),
    unfit: Sequence[str] = ("",) * 8,
) -> tuple[Hop, ...]:
    """Return what a block of the live session says: one hop for each 10 ms of it, all alike.

    Parameters
    ----------
    block : LiveBlock
    montage : Montage
    lead_off : sequence of bool
        One flag per channel, True = off: such a channel is not judged. May be left out.
    unfit : sequence of str
        Why the session mutes a channel, as `LiveStatus.unfit`.
    """
    levels = [float(level_uv) for level_uv in block.envelope_uv]
    used = [channel for channel, label in enumerate(montage.labels) if label != "unused"]
    off = [channel for channel in used if channel < len(lead_off) and lead_off[channel]]
    n_frames = len(block.trace_uv)
    is_gap = n_frames == 0 or bool(np.isnan(block.trace_uv[-1]).all())
    # After a gap no level is known for a moment, though every electrode holds.
    is_after_gap = not off and all(math.isnan(levels[channel]) for channel in used)
    if is_gap or is_after_gap:
        return ()  # no signal, which is not the same as a bad one
    levels = [
        level if channel in used and channel not in off else math.nan
        for channel, level in enumerate(levels)
    ]
    n_hops = max(round(n_frames / HOP_FRAMES), 1)
    last = block.first_frame + n_frames - 1
    reasons = tuple(
        "lead_off" if channel in off else reason if math.isnan(levels[channel]) else ""
        for channel, reason in enumerate(unfit)
    )
    hops = []
    for left in range(n_hops - 1, -1, -1):
        end = n_frames - HOP_FRAMES * left
        piece = block.trace_uv[end - HOP_FRAMES : end] if end >= HOP_FRAMES else None
        hops.append(Hop(last - HOP_FRAMES * left, tuple(levels), reasons, piece))
    return tuple(hops)
