"""What the wearer's muscles do at rest: the reference for every threshold.

Medians throughout: a blink, a swallow or a short movement in the recording must not raise a limit.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp._stream import cusum_block_maxima

__all__ = ["MIN_REST_S", "NORMAL_REST_S", "RestRecorder", "RestReference", "alert_threshold"]

MIN_REST_S = 3.0
NORMAL_REST_S = 60.0
MAX_REST_S = 180.0  # 11.5 MB of alert path; older rest is dropped

FALSE_ALERTS_PER_H = 0.1  # per channel: with eight channels less than one an hour (dsp.md 4)
MIN_THRESHOLD = 27.0  # what Gaussian noise asks for (dsp.md 7)
MAX_THRESHOLD = 150.0  # 115 ms at 10 dB; a rest that asks for more was none
BLOCK_S = 0.25  # several CUSUM memories (50 ms), yet a blink spoils only one or two
OUTLIER = 8.0  # in units of beta: exp(-8) of the blocks of a real rest
SHORT_REST_MARGIN = 0.3  # 3 s know the SD to 2 %, which moves the level by 15 %
MAD_TO_SD = 1.4826  # of a normal distribution


@dataclass(frozen=True)
class RestReference:
    """Resting activity of each channel; arrays have shape (n_channels,), NaN where unknown.

    Parameters
    ----------
    seconds : float
        Usable length of the recording, 60 s is the norm; of the channel with least, among those
        that have enough.
    rms_mean_uv, rms_sd_uv : ndarray of float64
        Centre and spread of the 100 ms RMS (median, and MAD scaled to an SD).
    alert_sd_uv : ndarray of float64
        SD of the alert path (MAD scaled).
    alert_threshold : ndarray of float64
        CUSUM level of an onset.
    """

    seconds: float
    rms_mean_uv: NDArray[np.float64]
    rms_sd_uv: NDArray[np.float64]
    alert_sd_uv: NDArray[np.float64]
    alert_threshold: NDArray[np.float64]

    @property
    def is_short(self) -> bool:
        """Whether it is shorter than the 60 s that thresholds should be taken from."""
        return self.seconds < NORMAL_REST_S

    def active_above_uv(self, n_sd: float = 3.0) -> NDArray[np.float64]:
        """Return the RMS above which a channel counts as active: mean + ``n_sd`` SD."""
        return self.rms_mean_uv + n_sd * self.rms_sd_uv

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists, None for unknown, to be stored as JSON."""
        return {
            key: [None if np.isnan(v) else float(v) for v in value]
            if isinstance(value, np.ndarray)
            else float(value)
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> RestReference:
        """Rebuild a reference from ``as_dict``.

        Raises
        ------
        ValueError
            If a field is missing or not of numbers.
        """
        try:
            arrays = {
                key: np.array([np.nan if v is None else float(v) for v in stored[key]])
                for key in ("rms_mean_uv", "rms_sd_uv", "alert_sd_uv", "alert_threshold")
            }
            return cls(seconds=float(stored["seconds"]), **arrays)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a stored rest reference: {error!r}") from error


class RestRecorder:
    """Collects features of a rest, then makes the reference."""

    def __init__(self, fs_hz: float, n_channels: int) -> None:
        self._fs_hz = fs_hz
        self._n_channels = n_channels
        self._rms_uv: list[NDArray[np.float32]] = []
        self._quick_uv: list[NDArray[np.float32]] = []
        self._n_frames = 0

    def add(self, rms_uv: NDArray[np.float32], quick_uv: NDArray[np.float32]) -> None:
        """Take in the RMS rows and the alert path of one block, NaN where not usable."""
        self._rms_uv.append(rms_uv)
        self._quick_uv.append(quick_uv)
        self._n_frames += quick_uv.shape[0]
        while self._n_frames - self._quick_uv[0].shape[0] >= MAX_REST_S * self._fs_hz:
            self._n_frames -= self._quick_uv.pop(0).shape[0]
            self._rms_uv.pop(0)

    @property
    def seconds(self) -> float:
        """Usable seconds so far."""
        return _seconds(self._good_frames(), self._fs_hz)

    def _good_frames(self) -> NDArray[np.int64]:
        good = np.zeros(self._n_channels, np.int64)
        for block in self._quick_uv:
            good += np.count_nonzero(~np.isnan(block), axis=0)
        return good

    def reference(self) -> RestReference:
        """Return the reference of what was collected.

        Raises
        ------
        ValueError
            If no channel has 3 s that can be used.
        """
        good = self._good_frames()
        seconds = _seconds(good, self._fs_hz)
        if not seconds:
            best = good.max() / self._fs_hz if good.size else 0.0
            raise ValueError(
                f"the rest has {best:.1f} s that can be used, at least {MIN_REST_S:g} s are "
                "needed: check the electrodes and stay relaxed a little longer"
            )
        rms = np.concatenate(self._rms_uv).astype(np.float64)
        quick = np.concatenate(self._quick_uv)
        n = self._n_channels
        enough = good >= MIN_REST_S * self._fs_hz
        mean, sd, scale = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
        for c in np.flatnonzero(enough):
            values = rms[~np.isnan(rms[:, c]), c]
            mean[c] = np.median(values)
            sd[c] = MAD_TO_SD * np.median(np.abs(values - mean[c]))
            scale[c] = MAD_TO_SD * np.nanmedian(np.abs(quick[:, c]).astype(np.float64))
        block = round(BLOCK_S * self._fs_hz)
        maxima = cusum_block_maxima(quick, np.nan_to_num(scale), block)
        threshold = np.array(
            [alert_threshold(maxima[:, c], good[c] / self._fs_hz) for c in range(n)]
        )
        threshold[~enough | ~(scale > 0.0)] = np.nan
        return RestReference(seconds, mean, sd, scale, threshold)


def _seconds(good_frames: NDArray[np.int64], fs_hz: float) -> float:
    usable = good_frames[good_frames >= MIN_REST_S * fs_hz]
    return float(usable.min() / fs_hz) if usable.size else 0.0


def alert_threshold(block_maxima: NDArray[np.float64], seconds: float) -> float:
    """Return the CUSUM level that rest like this passes 0.1 times an hour.

    Maxima of 0.25 s blocks follow a Gumbel law above their median, i.e. the rate of passing a
    level ``h`` falls like ``exp(-h / beta)``. Blocks far beyond what the central ones promise are
    blinks or movements and are left out; ``beta`` is the mean excess of the others over a high
    quantile. On two hours of simulated rest (EMG-shaped, mixed with white noise, and tonic units)
    60 s gave 60, 39 and 96 where 57, 35 and 95 was the truth; a shorter rest gets a margin.

    Parameters
    ----------
    block_maxima : ndarray of float64, shape (n_blocks,)
        From ``cusum_block_maxima`` with blocks of 0.25 s; NaN is left out.
    seconds : float
        Length of the rest.

    Returns
    -------
    float
        27 to 150, NaN without any block.
    """
    maxima = block_maxima[~np.isnan(block_maxima)]
    if maxima.size == 0:
        return float("nan")
    middle = np.median(maxima)
    above = maxima[maxima > middle] - middle
    if above.size == 0:
        return MIN_THRESHOLD
    maxima = maxima[maxima <= middle + OUTLIER * np.median(above) / np.log(2)]
    quantile = 0.7 if maxima.size >= 80 else 0.5  # enough excesses for a mean
    start = np.quantile(maxima, quantile)
    above = maxima[maxima > start] - start
    beta = above.mean() if above.size else 0.0
    start_per_s = -np.log(quantile) / BLOCK_S
    level = start + beta * np.log(start_per_s / (FALSE_ALERTS_PER_H / 3600))
    margin = 1.0 + SHORT_REST_MARGIN * max(0.0, 1.0 - seconds / NORMAL_REST_S)
    return float(np.clip(level * margin, MIN_THRESHOLD, MAX_THRESHOLD))
