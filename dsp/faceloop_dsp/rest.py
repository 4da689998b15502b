"""What the wearer's muscles do at rest: the reference for every threshold.

Medians throughout: a blink, a swallow or a short movement in the recording must not raise a limit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp._stream import cusum_block_maxima
from faceloop_dsp.rest_check import RestCheck

__all__ = [
    "HOP_S",
    "MIN_REST_S",
    "NORMAL_REST_S",
    "RestRecorder",
    "RestReference",
    "alert_threshold",
]

MIN_REST_S = 3.0
NORMAL_REST_S = 60.0
MAX_REST_S = 180.0  # 11.5 MB of alert path; older rest is dropped

FALSE_ALERTS_PER_H = 0.1  # per channel: with eight channels less than one an hour
MIN_THRESHOLD = 17.0  # what independent Gaussian samples ask for: 17 nat
MAX_THRESHOLD = 150.0  # over 40 ms at 10 dB; a rest that asks for more was none
HOP_S = 0.01  # of the RMS
BLOCK_S = 0.1  # two CUSUM memories behind the whitening; a blink spoils one or two of forty
OUTLIER = 8.0  # in units of beta: exp(-8) of the blocks of a real rest
SHORT_REST_MARGIN = 0.2  # 6 s of rest: 2 false alerts in 6.4 channel-hours with it, 5 without
# Far out the rate falls more slowly than near the quantile it is extrapolated from: without it 2.5
# false alerts an hour on eight channels of Gaussian rest, not 0.8.
TAIL_MARGIN = 1.1
TAIL_VARIANCE = 1.5  # of log beta, times the excesses: neighbouring blocks are not independent
TAIL_OWN_SD = 2.5  # a tail longer than the others' by this many SD is the channel's own
WHITENING_TAPS = 4
WHITENING_FLOOR = 0.02
DEAD_UV = 1e-6  # no input is as quiet: filters of a dead one end in rounding errors
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
    alert_whitening : ndarray of float64, shape (n_channels, 4)
        Taps 1-4 of the filter that whitens the rest of the alert path; tap 0 is 1.
    alert_sd_uv : ndarray of float64
        SD of the alert path behind that filter (MAD scaled).
    alert_threshold : ndarray of float64
        CUSUM level of an onset.
    checks : tuple of RestCheck
        What it would make a ``SynkinesisDetector`` say, which takes its margins from here; empty
        before ``SynkinesisDetector.check_rest``.
    """

    seconds: float
    rms_mean_uv: NDArray[np.float64]
    rms_sd_uv: NDArray[np.float64]
    alert_whitening: NDArray[np.float64]
    alert_sd_uv: NDArray[np.float64]
    alert_threshold: NDArray[np.float64]
    checks: tuple[RestCheck, ...] = ()

    @property
    def is_short(self) -> bool:
        """Whether it is shorter than the 60 s that thresholds should be taken from."""
        return self.seconds < NORMAL_REST_S

    def active_above_uv(self, n_sd: float = 3.0) -> NDArray[np.float64]:
        """Return the RMS above which a channel counts as active: mean + ``n_sd`` SD."""
        return self.rms_mean_uv + n_sd * self.rms_sd_uv

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists, None for unknown, to be stored as JSON."""
        arrays = {name: _plain(getattr(self, name).tolist()) for name in _arrays_of(self)}
        checks = [check.as_dict() for check in self.checks]
        return {"seconds": float(self.seconds), **arrays, "checks": checks}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> RestReference:
        """Rebuild a reference from ``as_dict``.

        Raises
        ------
        ValueError
            If a field is missing or not of numbers.
        """
        try:
            arrays = {name: np.array(stored[name], np.float64) for name in _arrays_of(cls)}
            n = arrays["rms_mean_uv"].size
            if {a.shape for a in arrays.values()} != {(n,), (n, WHITENING_TAPS)}:
                raise ValueError(f"shapes {[a.shape for a in arrays.values()]} do not fit")
            checks = tuple(RestCheck.from_dict(check) for check in stored.get("checks", ()))
            return cls(seconds=float(stored["seconds"]), **arrays, checks=checks)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a stored rest reference: {error}") from error


def _arrays_of(reference: RestReference | type[RestReference]) -> list[str]:
    return [field.name for field in fields(reference) if field.name not in ("seconds", "checks")]


class RestRecorder:
    """Collects features of a rest, then makes the reference."""

    def __init__(self, fs_hz: float, n_channels: int) -> None:
        self._fs_hz = fs_hz
        self._n_channels = n_channels
        self._rms_uv: list[NDArray[np.float32]] = []
        self._quick_uv: list[NDArray[np.float32]] = []
        self._n_rms = 0
        self._n_frames = 0
        self._good = np.zeros(n_channels, np.int64)

    def add(self, rms_uv: NDArray[np.float32], quick_uv: NDArray[np.float32]) -> None:
        """Take in the RMS rows and the alert path of one block, NaN where not usable."""
        self._rms_uv.append(rms_uv)
        self._quick_uv.append(quick_uv)
        self._good += _n_good(quick_uv)
        # To the frame, so that the blocks in which the rest came make no difference.
        self._n_rms += rms_uv.shape[0]
        for old in _drop_oldest(self._rms_uv, self._n_rms - round(MAX_REST_S / HOP_S)):
            self._n_rms -= old.shape[0]
        self._n_frames += quick_uv.shape[0]
        most = round(MAX_REST_S * self._fs_hz)
        for old in _drop_oldest(self._quick_uv, self._n_frames - most):
            self._n_frames -= old.shape[0]
            self._good -= _n_good(old)

    @property
    def seconds(self) -> float:
        """Usable seconds so far."""
        return _seconds(self._good, self._fs_hz)

    def reference(self) -> RestReference:
        """Return the reference of what was collected.

        Raises
        ------
        ValueError
            If no channel has 3 s that can be used.
        """
        good = self._good
        seconds = _seconds(good, self._fs_hz)
        if not seconds:
            best = good.max() / self._fs_hz if good.size else 0.0
            raise ValueError(
                f"the rest has {best:.1f} s that can be used, at least {MIN_REST_S:g} s are "
                "needed: check the electrodes and stay relaxed a little longer"
            )
        rms = np.concatenate(self._rms_uv).astype(np.float64)
        quick = np.concatenate(self._quick_uv).astype(np.float64)
        quick[np.abs(quick) < DEAD_UV] = 0.0
        n = self._n_channels
        mean, sd, scale = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
        taps = np.full((n, WHITENING_TAPS), np.nan)
        white = np.full_like(quick, np.nan)
        for c in np.flatnonzero(good >= MIN_REST_S * self._fs_hz):
            values = rms[~np.isnan(rms[:, c]), c]
            mean[c] = np.median(values)
            sd[c] = MAD_TO_SD * np.median(np.abs(values - mean[c]))
            taps[c] = whitening_taps(quick[:, c])
            white[:, c] = np.convolve(quick[:, c], [1.0, *taps[c]])[: quick.shape[0]]
            scale[c] = MAD_TO_SD * np.nanmedian(np.abs(white[:, c]))
        block = round(BLOCK_S * self._fs_hz)
        maxima = cusum_block_maxima(white, np.nan_to_num(scale), block, MAX_THRESHOLD)
        threshold = np.full(n, np.nan)
        known = np.flatnonzero(scale > 0.0)
        tails = shrunk([tail(maxima[:, c]) for c in known])
        for c, one in zip(known, tails, strict=True):
            threshold[c] = _level(one, good[c] / self._fs_hz, TAIL_MARGIN)
        return RestReference(seconds, mean, sd, taps, scale, threshold)


def _n_good(block: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return how many frames of each channel are usable."""
    return np.asarray((~np.isnan(block)).sum(axis=0), np.int64)


def _seconds(good_frames: NDArray[np.int64], fs_hz: float) -> float:
    usable = good_frames[good_frames >= MIN_REST_S * fs_hz]
    return float(usable.min() / fs_hz) if usable.size else 0.0


def _drop_oldest(blocks: list[NDArray[np.float32]], n_rows: int) -> list[NDArray[np.float32]]:
    """Take the first ``n_rows`` rows away from ``blocks``, if any; return them in pieces."""
    dropped = []
    while n_rows > 0:
        dropped.append(blocks[0][:n_rows])
        n_rows -= dropped[-1].shape[0]
        blocks[0] = blocks[0][dropped[-1].shape[0] :]
        if not blocks[0].shape[0]:
            blocks.pop(0)
    return dropped


def _plain(values: list[Any]) -> list[Any]:
    """Replace NaN by None, in nested lists too."""
    return [_plain(v) if isinstance(v, list) else None if np.isnan(v) else v for v in values]


def whitening_taps(quick_uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the taps after the first of a filter that makes the rest of a channel white.

    Facial rest is coloured (motor units, median 60-115 Hz), so neighbouring samples tell much the
    same and a detector that adds them up is slow. A linear predictor of order 4, fitted to the
    rest with its peaks cut at 3 SD, takes that away; 2 % of added white noise keep it from lifting
    what lies outside the band. On scripted faces (60 s rest) a step of 10 dB is seen after
    20/40 ms (median / p95) instead of 40/63 ms, on tonic rest 22/33 instead of 48/70.

    Parameters
    ----------
    quick_uv : ndarray of float64, shape (n_frames,)
        Alert path of one channel; NaN counts as 0.

    Returns
    -------
    taps : ndarray of float64, shape (4,)
        Zeros for a channel without any signal.
    """
    y = np.nan_to_num(quick_uv)
    limit = 3.0 * MAD_TO_SD * np.nanmedian(np.abs(quick_uv))
    y = np.clip(y, -limit, limit)
    n, order = y.size, WHITENING_TAPS
    r = np.array([np.dot(y[: n - lag], y[lag:]) for lag in range(order + 1)])
    if not r[0] > 0.0:
        return np.zeros(order)
    r[0] *= 1.0 + WHITENING_FLOOR
    lags = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    return np.asarray(-np.linalg.solve(r[lags], r[1:]))


@dataclass(frozen=True)
class Tail:
    """How often the maxima of a rest pass a level ``h``: ``rate exp(-(h - start) / beta)``."""

    start: float
    beta: float
    rate_per_s: float
    n_excesses: int


def tail(block_maxima: NDArray[np.float64]) -> Tail | None:
    """Return the exponential tail of block maxima, None without any block.

    Maxima of 0.1 s blocks follow a Gumbel law above their median, i.e. the rate of passing a
    level ``h`` falls like ``exp(-h / beta)``. Blocks far beyond what the central ones promise are
    blinks or movements and are left out; ``beta`` is the mean excess of the others over a high
    quantile.

    Parameters
    ----------
    block_maxima : ndarray of float64, shape (n_blocks,)
        From ``cusum_block_maxima`` with blocks of 0.1 s; NaN is left out.
    """
    maxima = block_maxima[~np.isnan(block_maxima)]
    if maxima.size == 0:
        return None
    middle = np.median(maxima)
    above = maxima[maxima > middle] - middle
    if above.size == 0:
        return Tail(0.0, 0.0, 1.0, 0)
    maxima = maxima[maxima <= middle + OUTLIER * np.median(above) / np.log(2)]
    quantile = 0.7 if maxima.size >= 80 else 0.5  # enough excesses for a mean
    start = np.quantile(maxima, quantile)
    above = maxima[maxima > start] - start
    beta = float(above.mean()) if above.size else 0.0
    return Tail(float(start), beta, float(-np.log(quantile) / BLOCK_S), above.size)


def shrunk(tails: list[Tail | None]) -> list[Tail | None]:
    """Return the tails of the channels of one rest with each ``beta`` drawn to the others'.

    A minute tells ``beta`` to 9 %, and a channel whose beta came out low would alert three times
    too often. Where channels differ no more than chance makes them, their mean is nearer to the
    truth (James and Stein 1961: shrinkage by the share of the variance that chance explains). A
    tail far longer than the others' is real, keeps its own ``beta``, and does not pull theirs.
    """
    fit = [i for i, one in enumerate(tails) if one is not None and one.beta > 0.0]
    known = [one for one in tails if one is not None and one.beta > 0.0]
    result = list(tails)
    log_beta = np.log([one.beta for one in known])
    chance = TAIL_VARIANCE / np.array([max(1, one.n_excesses) for one in known])
    alike = log_beta <= np.median(log_beta) + TAIL_OWN_SD * np.sqrt(chance) if known else []
    if np.count_nonzero(alike) < 4:  # too few to tell how they differ
        return result
    centre, spread = float(log_beta[alike].mean()), float(log_beta[alike].var(ddof=1))
    own = max(0.0, 1.0 - float(chance[alike].mean()) / spread) if spread > 0.0 else 0.0
    for i, one, value, is_alike in zip(fit, known, log_beta, alike, strict=True):
        if is_alike:
            result[i] = replace(one, beta=float(np.exp(centre + own * (value - centre))))
    return result


def _level(one: Tail | None, seconds: float, margin: float) -> float:
    """Return the level passed 0.1 times an hour, within the limits; a shorter rest adds to it."""
    if one is None:
        return float("nan")
    level = one.start + one.beta * np.log(one.rate_per_s / (FALSE_ALERTS_PER_H / 3600))
    margin *= 1.0 + SHORT_REST_MARGIN * max(0.0, 1.0 - seconds / NORMAL_REST_S)
    return float(np.clip(level * margin, MIN_THRESHOLD, MAX_THRESHOLD))


def alert_threshold(block_maxima: NDArray[np.float64], seconds: float) -> float:
    """Return the CUSUM level that rest like this passes 0.1 times an hour, for one channel alone.

    Parameters
    ----------
    block_maxima : ndarray of float64, shape (n_blocks,)
        See ``tail``.
    seconds : float
        Length of the rest; one shorter than 60 s gets a margin.

    Returns
    -------
    float
        17 to 150, NaN without any block.
    """
    return _level(tail(block_maxima), seconds, 1.0)
