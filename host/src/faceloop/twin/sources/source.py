"""What the virtual board's electrodes touch: the interface of every signal source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from faceloop.files.counts import (
    COUNTS_MAX,
    COUNTS_MIN,
    FS_HZ,
    LSB_UV,
    N_CHANNELS,
    CountArray,
    counts_from_uv,
)
from faceloop.files.track import FloatArray

__all__ = [
    "COUNTS_MAX",
    "COUNTS_MIN",
    "FS_HZ",
    "LSB_UV",
    "N_CHANNELS",
    "BenchPlug",
    "CountArray",
    "FloatArray",
    "Onset",
    "OpenInputs",
    "Patient",
    "Source",
    "counts_from_uv",
]


@dataclass(frozen=True, slots=True)
class Onset:
    """One moment at which a muscle starts (true for scripts, estimated for recordings).

    Parameters
    ----------
    frame : int
        First frame, at 2000 frames a second, at which the muscle's drive is above zero.
    channel : int
        0 to 7.
    muscle : str
        Muscle and side (``zygomaticus_major_l``), or the label in a recording.
    snr_db : float
        Power in 20-450 Hz while active over power at rest, ``10 log10``.
    kind : str
        ``voluntary``, ``synkinesis``, ``crosstalk``, ``blink`` or, from a recording, ``estimate``.
    frame_3db : int
        First frame at which the expected power in band is twice that of rest: what a perfect
        detector could see. Equals ``frame`` for a step and for an estimate.
    end_frame : int
        Frame after the last active one; 0 when not known.
    """

    frame: int
    channel: int
    muscle: str
    snr_db: float
    kind: str
    frame_3db: int
    end_frame: int = 0


@runtime_checkable
class Source(Protocol):
    """Endless or finite stream of converter counts; ``n_samples`` is None when endless."""

    fs_hz: float
    n_channels: int
    n_samples: int | None
    labels: tuple[str, ...]
    warnings: tuple[str, ...]

    def read(self, n: int) -> CountArray:
        """Return the next frames, shape (n, 8); fewer at the end, then (0, 8)."""
        ...

    def rewind(self) -> None:
        """Start again from the first frame."""
        ...

    @property
    def onsets(self) -> Sequence[Onset]:
        """Onsets in order of frame; of an endless source, those delivered so far."""
        ...

    @property
    def lead_off(self) -> tuple[int, int]:
        """Bits of inputs without an electrode, (positive, negative); bit 0 is channel 0."""
        ...


@runtime_checkable
class Patient(Protocol):
    """A source that can be told to move."""

    def attend(self, *, is_on: bool) -> None:
        """Rest and wait for what is asked; or do as it likes."""

    def perform(self, request: Mapping[str, Any]) -> int:
        """Begin a movement; return its first frame."""
        ...


class OpenInputs:
    """A board with nothing plugged in: zeros, endless, every lead-off bit set."""

    fs_hz = FS_HZ
    n_channels = N_CHANNELS
    n_samples: int | None = None
    warnings: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.labels = tuple(f"unconnected {i + 1}" for i in range(N_CHANNELS))

    def read(self, n: int) -> CountArray:
        """Return ``n`` frames of zeros, shape (n, 8)."""
        return np.zeros((max(n, 0), N_CHANNELS), dtype=np.int32)

    def rewind(self) -> None:
        """Do nothing: every frame is alike."""

    @property
    def onsets(self) -> Sequence[Onset]:
        """Return no onsets."""
        return ()

    @property
    def lead_off(self) -> tuple[int, int]:
        """Return all bits set."""
        return (0xFF, 0xFF)


PLUG_NOISE_UV = 1.07
"""RMS from 20 to 450 Hz of 2 x 33 kohm (0.70) and the converter (0.8) together."""


class BenchPlug(OpenInputs):
    """The bench plug: resistors in place of electrodes. White noise, endless, nothing is off."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.labels = tuple(f"bench plug {i + 1}" for i in range(N_CHANNELS))
        self._seed = seed
        self.rewind()

    def read(self, n: int) -> CountArray:
        """Return the next frames of noise, shape (n, 8)."""
        # what is asked for is of the band of 430 Hz, what is made fills 1000
        noise_uv = self._rng.normal(0.0, PLUG_NOISE_UV * (1000 / 430) ** 0.5, (n, N_CHANNELS))
        return counts_from_uv(noise_uv)

    def rewind(self) -> None:
        """Begin the noise anew."""
        self._rng = np.random.default_rng(self._seed)

    @property
    def lead_off(self) -> tuple[int, int]:
        """Return no bits: every input has its resistor."""
        return (0, 0)
