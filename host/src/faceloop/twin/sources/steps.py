"""Steps of known height on a plain rest: what the bars of detection and of delay are stated for.

SNR is the power in 20-450 Hz of the added activity over that of all of rest, ``10 log10``: at 6 dB
the whole is five times rest. *Gaussian* rest is white in band; *tonic* rest has two motor units
more, at 7 and 10 per second with peaks of 4 SD of the Gaussian part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from faceloop.errors import UsageError
from faceloop.twin.sources.contaminants import ConverterDroop
from faceloop.twin.sources.emg_carrier import BAND_HZ
from faceloop.twin.sources.face_muscles import LABELS, OCULI
from faceloop.twin.sources.option_checks import check_range, check_seed, check_side
from faceloop.twin.sources.source import FS_HZ, N_CHANNELS, Onset, counts_from_uv
from faceloop.twin.sources.stored_counts import StoredCounts

__all__ = [
    "RESTS",
    "REST_UV",
    "STEPS_OPTIONS",
    "STEP_EVERY_S",
    "STEP_FRAMES",
    "StepSource",
    "add_steps",
    "rest_uv",
    "step_starts",
]

RESTS = ("gaussian", "tonic")
REST_UV = 2.0
"""RMS in band of the Gaussian part: that of a relaxed face with its electrodes and amplifier."""
_FRONT_END_UV = 0.1 * REST_UV
"""RMS in 0-1000 Hz of what knows no band; without it the whitening would find one."""
_PEAK_SD = 4.0
_UNITS_HZ = (7.0, 10.0)
_GAMMA_SHAPE = 25.0  # intervals of a motor unit: CV 0.2
STEP_EVERY_S = 2.0
STEP_FRAMES = 1000
_EARLIEST, _LATEST = 1000, 2000
"""A step begins so many frames after its turn does."""
STEPS_OPTIONS = ("rest", "seconds", "seed", "affected", "step_db", "first_rest_s")
_LONGEST_S = 1800.0
"""All of it is made beforehand and kept in memory."""

Floats = npt.NDArray[np.float32]
Frames = npt.NDArray[np.int64]


def rest_uv(kind: str, n_frames: int, rng: np.random.Generator) -> Floats:
    """Return resting EMG.

    Parameters
    ----------
    kind : str
        One of ``RESTS``.
    n_frames : int
    rng : Generator
        Both kinds draw alike first: the tonic rest of a seed is its Gaussian one with units added.

    Returns
    -------
    uv : ndarray of float32, shape (n_frames, 8)
        Microvolts, the Gaussian part of RMS ``REST_UV``.
    """
    x = np.float32(REST_UV) * _in_band(n_frames, rng)
    x += np.float32(_FRONT_END_UV) * rng.standard_normal((n_frames, N_CHANNELS), np.float32)
    if kind == "tonic":
        wave = np.float32(_PEAK_SD * REST_UV) * _action_potential()
        for rate_hz in _UNITS_HZ:
            for channel in range(N_CHANNELS):
                n = int(n_frames / FS_HZ * rate_hz * 1.2) + 20
                interval = rng.gamma(_GAMMA_SHAPE, FS_HZ / rate_hz / _GAMMA_SHAPE, n)
                at = np.cumsum(interval).astype(np.int64)
                at = at[at < n_frames - wave.size]
                for k in range(wave.size):
                    x[at + k, channel] += wave[k]
    return x


def step_starts(n_steps: int, rng: np.random.Generator) -> Frames:
    """Return the first frames of steps, one in every ``STEP_EVERY_S``, at no fixed moment of it.

    Returns
    -------
    starts : ndarray of int64, shape (n_steps,)
    """
    turns = np.arange(n_steps) * round(STEP_EVERY_S * FS_HZ)
    return np.asarray(turns + rng.integers(_EARLIEST, _LATEST, n_steps), np.int64)


def add_steps(
    uv: Floats,
    starts: Sequence[int],
    snr_db: float,
    rng: np.random.Generator,
    channels: slice = slice(None),
) -> None:
    """Add activity of ``STEP_FRAMES`` from each start on, in place.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_frames, 8)
        Nothing but rest; its power is what ``snr_db`` counts from.
    starts : sequence of int
    snr_db : float
    rng : Generator
        Of the activity, which is white in band.
    channels : slice
        Of the muscles that step.
    """
    sd_uv = np.sqrt(np.mean(uv.astype(np.float64) ** 2) * 10 ** (snr_db / 10))
    for start in starts:
        activity = np.float32(sd_uv) * _in_band(STEP_FRAMES, rng)
        uv[start : start + STEP_FRAMES, channels] += activity[:, channels]


class StepSource(StoredCounts):
    """A rest on which the eye muscle of one side steps up again and again, 0.5 s every 2 s.

    What the converter gives of it: through its own filter, in its counts, and nothing else. No
    mains, no offset; the noise of electrodes and amplifier is part of the rest.

    Parameters
    ----------
    seconds : float
        Length, up to half an hour.
    rest : str
        ``gaussian`` or ``tonic``.
    seed : int
        0 or more.
    affected : str
        Side of the steps, ``left`` or ``right``.
    step_db : float
        Power in 20-450 Hz that a step adds, over that of rest.
    first_rest_s : float
        Rest with which it starts.

    Raises
    ------
    UsageError
        If an option is out of range.
    """

    fs_hz = FS_HZ
    n_channels = N_CHANNELS
    labels = LABELS
    warnings: tuple[str, ...] = ()
    lead_off = (0, 0)

    def __init__(
        self,
        seconds: float,
        rest: str = "gaussian",
        seed: int = 1,
        affected: str = "left",
        step_db: float = 6.0,
        first_rest_s: float = 8.0,
    ) -> None:
        if rest not in RESTS:
            raise UsageError(f"rest is {rest!r}: choose {' or '.join(RESTS)}.")
        check_side(affected)
        check_seed(seed)
        check_range("seconds", seconds, 1.0, _LONGEST_S)
        check_range("step_db", step_db, -10.0, 30.0)
        check_range("first_rest_s", first_rest_s, 0.0, 600.0)
        self.n_samples: int | None = round(seconds * FS_HZ)
        self._channel = 2 * OCULI + ("left", "right").index(affected)
        rng = np.random.default_rng([seed, 107])
        uv = rest_uv(rest, self.n_samples, rng)
        first = round(first_rest_s * FS_HZ)
        n_turns = math.ceil(max(seconds - first_rest_s, 0.0) / STEP_EVERY_S)
        starts = first + step_starts(n_turns, rng)
        played: list[int] = starts[starts <= self.n_samples - STEP_FRAMES].tolist()
        self._onsets = tuple(self._onset(start, step_db) for start in played)
        add_steps(uv, played, step_db, rng, slice(self._channel, self._channel + 1))
        droop = ConverterDroop()
        self._counts = np.empty(uv.shape, np.int32)
        for begin in range(0, self.n_samples, 20_000):  # to be spared doubles of all of it
            piece = uv[begin : begin + 20_000].T.astype(np.float64)
            self._counts[begin : begin + 20_000] = counts_from_uv(droop.next_block(piece).T)

    @property
    def onsets(self) -> Sequence[Onset]:
        """Every step, from the first frame at the electrode to which it adds."""
        return self._onsets

    def _onset(self, start: int, step_db: float) -> Onset:
        # Added and rest are independent: their powers add.
        return Onset(
            frame=start,
            channel=self._channel,
            muscle=LABELS[self._channel],
            snr_db=10 * math.log10(1 + 10 ** (step_db / 10)),
            kind="voluntary",
            frame_3db=start,
            end_frame=start + STEP_FRAMES,
        )


def _action_potential() -> Floats:
    """Return a potential of 8 ms with peak 1."""
    t = (np.arange(16) - 7.5) / FS_HZ / 0.0015
    shape = (1 - t**2) * np.exp(-0.5 * t**2)
    return np.asarray(shape / np.abs(shape).max(), np.float32)


def _in_band(n_frames: int, rng: np.random.Generator) -> Floats:
    """Return noise that is white in band and nothing beyond, RMS 1."""
    spectrum = np.fft.rfft(rng.standard_normal((n_frames, N_CHANNELS), np.float32), axis=0)
    f_hz = np.fft.rfftfreq(n_frames, 1 / FS_HZ)
    low_hz, high_hz = BAND_HZ
    spectrum[(f_hz < low_hz) | (f_hz > high_hz)] = 0.0
    x = np.fft.irfft(spectrum, n_frames, axis=0).astype(np.float32)
    return np.asarray(x * np.float32(np.sqrt(FS_HZ / 2 / (high_hz - low_hz))))
