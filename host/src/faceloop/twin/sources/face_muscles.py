"""Numbers of the scripted face: muscles, levels, spectra, crosstalk; one wearer drawn from them.

Levels and spectra follow the project's signal model: published values where there are any, own
measurements on openly licensed facial recordings, design choices elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceloop.twin.sources.emg_carrier import median_frequency_hz
from faceloop.twin.sources.source import FloatArray

__all__ = ["LABELS", "MUSCLES", "CrosstalkPath", "Muscle", "Wearer", "draw_wearer"]


@dataclass(frozen=True, slots=True)
class Muscle:
    """One muscle at 10 mm bipolar spacing; levels are uV RMS in 20-450 Hz.

    ``f_low_hz`` and ``f_high_hz`` are the corners of the Shwedyk spectrum.
    """

    name: str
    rest_uv: float
    comfortable_uv: float
    max_uv: float
    f_low_hz: float
    f_high_hz: float


MUSCLES = (
    Muscle("orbicularis_oculi", 1.8, 30.0, 105.0, 45.0, 160.0),
    Muscle("zygomaticus_major", 1.8, 35.0, 125.0, 45.0, 130.0),
    Muscle("mentalis", 2.5, 35.0, 140.0, 40.0, 110.0),
    Muscle("masseter", 2.0, 180.0, 450.0, 50.0, 100.0),
)
LABELS = tuple(f"{muscle.name}_{side}" for muscle in MUSCLES for side in "lr")

OCULI, ZYGOMATICUS, MENTALIS, MASSETER = range(4)
"""Row in ``MUSCLES``; channel = 2 * row + (0 left, 1 right)."""

# (from, to, lowest, highest amplitude fraction, delay in samples): neighbours from the low end of
# 5-20 %, next but one 1-5 %, masseter into zygomaticus 10-30 %.
_SAME_SIDE = (
    (MASSETER, ZYGOMATICUS, 0.10, 0.30, 2),
    (ZYGOMATICUS, MASSETER, 0.05, 0.10, 2),
    (ZYGOMATICUS, OCULI, 0.05, 0.08, 2),
    (OCULI, ZYGOMATICUS, 0.05, 0.08, 2),
    (MASSETER, OCULI, 0.01, 0.03, 4),
    (OCULI, MASSETER, 0.01, 0.03, 4),
    (MASSETER, MENTALIS, 0.01, 0.03, 3),
    (MENTALIS, ZYGOMATICUS, 0.01, 0.05, 3),
    (ZYGOMATICUS, MENTALIS, 0.01, 0.05, 3),
)
_ACROSS = (
    (MENTALIS, MENTALIS, 0.05, 0.15, 1),
    (OCULI, OCULI, 0.01, 0.03, 4),
    (ZYGOMATICUS, ZYGOMATICUS, 0.01, 0.03, 4),
)


@dataclass(frozen=True, slots=True)
class CrosstalkPath:
    """One leak between channels, as a fraction of the source's amplitude."""

    source: int
    target: int
    fraction: float
    delay_samples: int


@dataclass(frozen=True, slots=True)
class Wearer:
    """One drawn face; arrays of float64 have shape (8,), one value a channel.

    The law of each channel is ``rms_uv = rest_uv + (max_uv - rest_uv) * drive ** exponent``.
    ``strength`` is the share of the healthy movement that the channel reaches when commanded.
    """

    rest_uv: FloatArray
    comfortable_uv: FloatArray
    max_uv: FloatArray
    exponent: FloatArray
    strength: FloatArray
    f_low_hz: FloatArray
    f_high_hz: FloatArray
    n_units: tuple[int, ...]
    crosstalk: tuple[CrosstalkPath, ...]
    affected_side: int | None

    def drive_for(self, channel: int, rms_uv: float) -> float:
        """Return the drive (0 to 1) at which the channel's clean EMG has this RMS."""
        span_uv = self.max_uv[channel] - self.rest_uv[channel]
        share = (rms_uv - self.rest_uv[channel]) / span_uv
        return float(np.clip(share, 0.0, 1.0) ** (1 / self.exponent[channel]))

    def rms_uv(self, channel: int, drive: FloatArray | float) -> FloatArray:
        """Return the clean EMG's expected RMS at a drive."""
        span_uv = self.max_uv[channel] - self.rest_uv[channel]
        return np.asarray(self.rest_uv[channel] + span_uv * drive ** self.exponent[channel])


def draw_wearer(rng: np.random.Generator, affected_side: int | None, tone_factor: float) -> Wearer:
    """Draw a face.

    Parameters
    ----------
    rng : numpy.random.Generator
        Used up in a fixed order.
    affected_side : int or None
        0 left, 1 right: that side moves at 55-85 % and has 1.5-2.5 times the tone. None: healthy.
    tone_factor : float
        Multiplies the resting level of every channel.

    Returns
    -------
    wearer : Wearer
        Healthy sides differ by at most 15 %.
    """
    shape = (len(MUSCLES), 2)
    # Between people: log-normal with 30 % spread, cut so that levels stay in the published range.
    person = np.exp(np.clip(rng.normal(0.0, 0.3, len(MUSCLES)), -0.5, 0.5))
    half_difference = rng.uniform(-0.075, 0.075, len(MUSCLES))
    sides = np.stack([1 + half_difference, 1 - half_difference], axis=1)
    level = person[:, None] * sides
    exponent = np.repeat(rng.uniform(1.0, 1.3, len(MUSCLES)), 2)
    jitter = rng.uniform(0.8, 1.2, (*shape, 2))
    n_units = rng.integers(10, 15, shape)
    weak = rng.uniform(0.55, 0.85, len(MUSCLES))
    tone = rng.uniform(1.5, 2.5, len(MUSCLES))

    rest = np.array([[m.rest_uv] for m in MUSCLES]) * np.sqrt(person)[:, None] * sides
    rest *= tone_factor
    strength = np.ones(shape)
    if affected_side is not None:
        rest[:, affected_side] *= tone
        strength[:, affected_side] = weak
        # The jaw muscle has another nerve: the palsy spares it.
        rest[MASSETER, affected_side] /= tone[MASSETER]
        strength[MASSETER, affected_side] = 1.0
        n_units[:MASSETER, affected_side] -= 4

    corners = np.array([[[m.f_low_hz, m.f_high_hz]] * 2 for m in MUSCLES]) * jitter
    for row, side in np.ndindex(*shape):
        # Real facial EMG at 2 kHz has its median at 60-115 Hz.
        for _ in range(3):
            # Repeated, since a median cut to 20-450 Hz does not quite scale with the corners.
            median_hz = median_frequency_hz(*corners[row, side])
            corners[row, side] *= np.clip(median_hz, 65.0, 108.0) / median_hz

    paths = []
    for source, target, lowest, highest, delay in _SAME_SIDE:
        for side, fraction in enumerate(rng.uniform(lowest, highest, 2)):
            paths.append(CrosstalkPath(2 * source + side, 2 * target + side, fraction, delay))
    for source, target, lowest, highest, delay in _ACROSS:
        for side, fraction in enumerate(rng.uniform(lowest, highest, 2)):
            paths.append(CrosstalkPath(2 * source + side, 2 * target + 1 - side, fraction, delay))
    comfortable = np.array([[m.comfortable_uv] for m in MUSCLES]) * level
    maximum = np.array([[m.max_uv] for m in MUSCLES]) * level
    return Wearer(
        rest_uv=rest.ravel(),
        comfortable_uv=comfortable.ravel(),
        max_uv=maximum.ravel(),
        exponent=exponent,
        strength=strength.ravel(),
        f_low_hz=corners[..., 0].ravel(),
        f_high_hz=corners[..., 1].ravel(),
        n_units=tuple(int(n) for n in n_units.ravel()),
        crosstalk=tuple(paths),
        affected_side=affected_side,
    )
