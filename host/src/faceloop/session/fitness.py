"""Which channels are fit to be judged, tick by tick, and why the others are not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp.quality import Quality, QualityMeter

__all__ = ["Fitness", "Tick"]

NOMINAL_HZ = (50.0, 60.0)
N_CHANNELS = 8


class Tick(NamedTuple):
    """A tenth of a second, judged.

    Parameters
    ----------
    quality : Quality
    mains_uv : dict of float to ndarray of float64, shape (8,)
        Peak of the line by its nominal frequency; of both while it is not known which it is.
    """

    quality: Quality
    mains_uv: dict[float, NDArray[np.float64]]


class Fitness:
    """Judges the unfiltered signal; any split of it gives the same verdicts.

    Parameters
    ----------
    fs_hz, lsb_uv : float
    mains_hz : float or None
        None while it is not known.

    Attributes
    ----------
    muted : int
        One bit per channel that must not be judged. An electrode that is off has its own rule,
        exact to the frame, and no bit here.
    reasons : tuple of str
        For each channel the first key of ``faceloop_dsp.quality.REASONS`` that holds, or nothing.
    """

    def __init__(self, fs_hz: float, lsb_uv: float, mains_hz: float | None) -> None:
        self._meters = {
            hz: QualityMeter(fs_hz, N_CHANNELS, lsb_uv, hz)
            for hz in (NOMINAL_HZ if mains_hz is None else (mains_hz,))
        }
        self.muted = 0
        self.reasons: tuple[str, ...] = ("",) * N_CHANNELS

    @property
    def frames_left(self) -> int:
        """Frames that are missing to the end of the tick under way, at least 1."""
        return next(iter(self._meters.values())).frames_left

    def push(
        self, counts: NDArray[np.int32], lead_off: int, mains_hz: float | None
    ) -> tuple[Tick, ...]:
        """Take the next frames, int32 of shape (n_frames, 8); return the ticks they completed.

        Parameters
        ----------
        counts : ndarray
        lead_off : int
            One bit per channel, 1 = the board says that an electrode is off.
        mains_hz : float or None
            Nominal frequency of the line, None while it is not known.
        """
        if mains_hz in self._meters:
            self._meters = {mains_hz: self._meters[mains_hz]}
        verdicts = {hz: meter.push(counts, lead_off) for hz, meter in self._meters.items()}
        ticks = tuple(
            Tick(each[0], {hz: one.mains_uv for hz, one in zip(verdicts, each, strict=True)})
            for each in zip(*verdicts.values(), strict=True)
        )
        if ticks:
            reasons = ticks[-1].quality.reasons
            self.reasons = tuple(names[0] if names else "" for names in reasons)
            self.muted = sum(
                1 << channel for channel, names in enumerate(reasons) if {*names} - {"lead_off"}
            )
        return ticks

    def gap(self, n_frames: int) -> None:
        """Pass over frames that are not there: what was bad stays so."""
        for meter in self._meters.values():
            meter.gap(n_frames)
