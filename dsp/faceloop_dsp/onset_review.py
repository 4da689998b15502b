"""When did a muscle start and stop? The answer for review, which may look ahead.

Live cues come from the CUSUM, which decides as early as it can and says when it *decided*. Here
each burst is looked at once more, from 300 ms before the alarm to 100 ms after it:

1. The profile likelihood of a step in power gives the change point, its Bayes posterior an
   interval (a priori every frame alike, Jeffreys' prior for both powers). Refs: Staude, Wolf,
   Med Eng Phys 1999;21:449 (likelihood of EMG onsets); Smith, Biometrika 1975;62:407 (Bayes).
2. Muscles do not start in a step. Where the rest is known, the change point (the foot of the
   ramp) is averaged with the moment at which the 30 ms RMS is clearly up (half way to the burst's
   level, at most three times rest). On 869 bursts of recordings that at least 80 % of 13 public
   detectors agree on, the change point alone falls between the quartiles of their times in two
   of three, the average in three of four (``tests/benchmarks/onset_accuracy.py``).

Signals enter with the delay of the causal measurement filter and are freed of it first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceloop_dsp.core import measure_band_hz
from faceloop_dsp.design import butterworth_bandpass
from faceloop_dsp.rise import rise_interval
from faceloop_dsp.uncertainty import EMG_BANDWIDTH_HZ

__all__ = [
    "Burst",
    "ChangePoint",
    "change_point",
    "find_bursts",
    "join_bursts",
    "merged",
    "quiet_rms_uv",
    "review_onset",
    "whole_bursts",
    "without_delay",
]

BEFORE_S, AFTER_S = 0.3, 0.1
SHORTEST_S = 0.01  # of a segment: one large sample decides nothing
RISE_S, LEVEL = 0.03, 3.0  # window of the RMS that tells "clearly up", and times rest, at most
CALM_S, CALM_LEVEL = 0.02, 1.6  # nothing before a moment as calm as this belongs to the burst
FOOT_AFTER_S = 0.05
PAUSE_S = 0.01  # a shorter dip of the RMS does not end a burst
LEAST_GAP_S = 0.005  # from an offset to the next onset: half the shortest pause
EDGE_S = 0.5  # filters settle there
STEADY_PAUSES_S, STEADY_SHORTEST_S, STEADY_LEAST, STEADY_SHARE = (0.05, 0.5), 0.1, 5, 0.02
# A contraction is over after 0.1 s near rest (clinical default for offsets). In faces acted for
# 60 s the number of movements then hangs on the pause by one, or one in ten, at most.
HELD_PAUSE_S, HELD_MOST, HELD_SHARE = 0.1, 1, 0.1
REPEATED_S = 0.2  # a burst this short may be a heartbeat
REPEATED_R = 0.8  # EMG never repeats its waveform, the heart always does
_Floats = NDArray[np.float64]


class ChangePoint(NamedTuple):
    """Where the power of a window changes; frames count from the window's first.

    Parameters
    ----------
    frame : int
        First frame of the new power: the largest profile likelihood.
    mean : float
        Posterior mean.
    low, high : float
        95 % posterior interval.
    """

    frame: int
    mean: float
    low: float
    high: float


class Burst(NamedTuple):
    """A burst as found in review; frames of the trace.

    Parameters
    ----------
    onset, offset : float
        Best estimates.
    onset_low, onset_high : float
        95 % posterior interval of where the rise began.
    level_uv : float
        RMS from onset to offset.
    is_repeated : bool
        Its waveform comes back in other bursts: a heartbeat, not a muscle.
    """

    onset: float
    offset: float
    onset_low: float
    onset_high: float
    level_uv: float
    is_repeated: bool


def change_point(
    window_uv: ArrayLike, fs_hz: float, bandwidth_hz: float = EMG_BANDWIDTH_HZ
) -> ChangePoint | None:
    """Return where the power of a window rises, None if it nowhere does.

    Parameters
    ----------
    window_uv : array_like, shape (n_frames,)
        Band-passed EMG without delay, no NaN.
    fs_hz : float
        Sampling rate.
    bandwidth_hz : float
        Statistical bandwidth: neighbouring samples tell much the same, so the posterior counts
        ``2 B / fs`` of a sample for each.
    """
    square = np.asarray(window_uv, np.float64) ** 2
    n = square.size
    least = max(2, round(SHORTEST_S * fs_hz))
    if n < 2 * least + 1:
        return None
    total = np.cumsum(square + 1e-12 * square.mean() + 1e-30)
    k = np.arange(least, n - least)
    before = total[k - 1]
    after = total[-1] - before
    profile = -0.5 * (k * np.log(before / k) + (n - k) * np.log(after / (n - k)))
    rises = after / (n - k) > before / k
    if not rises.any():
        return None
    profile[~rises] = -np.inf
    share = min(1.0, 2.0 * bandwidth_hz / fs_hz)
    # Both powers integrated out: Gamma(a) Gamma(b) / (before^a after^b), a + b = n share / 2.
    a = np.asarray(0.5 * share * k, np.float64)
    b = np.asarray(0.5 * share * (n - k), np.float64)
    posterior = _log_gamma(a) + _log_gamma(b) - a * np.log(before) - b * np.log(after)
    posterior[~rises] = -np.inf
    weight = np.exp(posterior - posterior.max())
    weight /= weight.sum()
    cumulative = np.cumsum(weight)
    low, high = np.interp([0.025, 0.975], cumulative, k)
    # Nothing can be placed finer than 1 / 2B in a band of B; the filter rings that long.
    blur = 0.5 * fs_hz / bandwidth_hz
    return ChangePoint(
        int(k[np.argmax(profile)]),
        float((weight * k).sum()),
        float(low - blur),
        float(high + blur),
    )


def review_onset(
    trace_uv: NDArray[np.floating],
    alarm_frame: int,
    fs_hz: float,
    rest_uv: float | None = None,
    bandwidth_hz: float = EMG_BANDWIDTH_HZ,
) -> tuple[float, float, float] | None:
    """Return the onset behind an alarm, and its interval, in frames.

    Parameters
    ----------
    trace_uv : ndarray of float, shape (n_frames,)
        One channel of the trace, freed of its delay; NaN bounds the window.
    alarm_frame : int
        Frame of the alarm (an ``Onset`` of the core, or a crossing).
    fs_hz : float
        Sampling rate.
    rest_uv : float or None
        RMS of the channel at rest. None: the change point of a step only.
    bandwidth_hz : float
        See ``change_point``.

    Returns
    -------
    (onset, low, high) or None
        None where the power does not rise.
    """
    window, here, first = _window(trace_uv, alarm_frame, fs_hz)
    if rest_uv is None or not rest_uv > 0.0:
        step = change_point(window, fs_hz, bandwidth_hz)
        return None if step is None else (first + step.frame, first + step.low, first + step.high)

    relative = window / rest_uv
    onset, rise = _rise(relative, here, fs_hz)
    low, high = rise_interval(relative, rise, fs_hz, bandwidth_hz)
    return first + onset, first + min(low, onset), first + max(high, onset)


def _window(
    trace_uv: NDArray[np.floating], alarm_frame: int, fs_hz: float
) -> tuple[_Floats, int, int]:
    """Return what is known around an alarm, where the alarm is in it, and its first frame."""
    first = max(0, alarm_frame - round(BEFORE_S * fs_hz))
    end = min(trace_uv.size, alarm_frame + round(AFTER_S * fs_hz))
    window = np.asarray(trace_uv[first:end], np.float64)
    unknown = np.flatnonzero(np.isnan(window))
    here = alarm_frame - first
    before, after = unknown[unknown < here], unknown[unknown >= here]
    begin = int(before[-1]) + 1 if before.size else 0
    window = window[begin : int(after[0]) if after.size else None]
    here -= begin
    first += begin
    return window, here, first


def _rise(relative: _Floats, here: int, fs_hz: float) -> tuple[float, int]:
    """Return the onset behind an alarm, and a frame in which the power is clearly up."""
    rms = _rms(relative, round(RISE_S * fs_hz))
    height = float(rms[here:].max(initial=0.0))
    level = min(LEVEL, 0.5 * (1.0 + max(height, 1.0)))
    # The crossing nearest to the alarm: behind it when the alarm came late, else before it.
    over = np.flatnonzero(rms[here:] >= level)
    rise = here + int(over[0]) if over.size else here
    quiet = np.flatnonzero(rms[: rise + 1] < level)
    rise = min(int(quiet[-1]) + 1, relative.size - 1) if quiet.size else 0
    # What was there before the last calm moment is another burst.
    calm = np.flatnonzero(_rms(relative[:rise], round(CALM_S * fs_hz)) < CALM_LEVEL)
    if calm.size:
        busy = np.flatnonzero(np.diff(calm) > 1)
        start = int(calm[busy[-1] + 1]) if busy.size else int(calm[0])
    else:
        start = max(0, rise - round(CALM_S * fs_hz))
    upper = rise + round(FOOT_AFTER_S * fs_hz)
    foot = start + _foot(relative[start:upper], fs_hz)
    return 0.5 * (foot + rise), rise


def find_bursts(
    trace_uv: NDArray[np.floating],
    fs_hz: float,
    rest_uv: float | None = None,
    bandwidth_hz: float = EMG_BANDWIDTH_HZ,
) -> list[Burst]:
    """Return the bursts of one channel, heartbeats among them marked.

    A burst is where the 30 ms RMS is three times rest; pauses of less than 10 ms belong to it.
    Bursts come in order, each ends at least ``LEAST_GAP_S`` before the next begins, and none
    reaches into what another holds over the level. Where two ends cross, the onset is kept.

    Parameters
    ----------
    trace_uv : ndarray of float, shape (n_frames,)
        Band-passed EMG, freed of the filter's delay; NaN where not known.
    fs_hz : float
        Sampling rate.
    rest_uv : float or None
        RMS at rest; None takes ``quiet_rms_uv``.
    bandwidth_hz : float
        See ``change_point``.
    """
    x = np.asarray(trace_uv, np.float64)
    rest = quiet_rms_uv(x, fs_hz) if rest_uv is None else rest_uv
    if not rest > 0.0 or x.size == 0:
        return []
    rms = _rms(np.nan_to_num(x) / rest, round(RISE_S * fs_hz))
    rms[np.isnan(x)] = 0.0
    backwards = x[::-1]
    gap = LEAST_GAP_S * fs_hz
    before = 0  # frame up to which the burst in front lies over the level
    found: list[Burst] = []
    for begin, end in _stretches(rms, round(PAUSE_S * fs_hz)):
        onset = review_onset(x, begin, fs_hz, rest, bandwidth_hz)
        if onset is None:
            continue
        # Each end was looked for by itself: without bounds it strays into the neighbour.
        middle = 0.5 * (begin + end)
        at = max(before, min(onset[0], middle))
        window, here, first = _window(backwards, x.size - end, fs_hz)
        ending = first + _rise(window / rest, here, fs_hz)[0]
        offset = min(max(x.size - ending, middle), float(x.size))
        if found:
            last = found[-1]._replace(offset=min(found[-1].offset, at - gap))
            found[-1:] = [last] if last.offset > last.onset else []
        low, high = max(before, min(onset[1], at)), max(onset[2], at)
        found.append(Burst(at, offset, low, high, 0.0, False))
        before = end
    found = [b._replace(level_uv=_level_uv(x, b)) for b in found if b.offset > b.onset]
    return _with_repeats(x, found, fs_hz)


def join_bursts(
    bursts: Sequence[Burst],
    fs_hz: float,
    pause_s: float = 0.5,
    shortest_s: float = 0.2,
    least_share: float = 0.25,
) -> list[Burst]:
    """Return movements: muscle bursts with pauses of up to ``pause_s`` between them joined.

    Left out are heartbeats, movements shorter than ``shortest_s``, and those whose level is below
    ``least_share`` of the median movement's.
    """
    joined: list[Burst] = []
    for burst in bursts:
        if burst.is_repeated:
            continue
        if joined and burst.onset - joined[-1].offset <= pause_s * fs_hz:
            joined[-1] = merged(joined[-1], burst)
        else:
            joined.append(burst)
    long = [b for b in joined if b.offset - b.onset >= shortest_s * fs_hz]
    typical = float(np.median([b.level_uv for b in long])) if long else 0.0
    return [b for b in long if b.level_uv >= least_share * typical]


def merged(first: Burst, second: Burst) -> Burst:
    """Return one burst from two, the first not later than the second."""
    parts = [(b.offset - b.onset, b.level_uv) for b in (first, second)]
    power = sum(n * level**2 for n, level in parts) / sum(n for n, _ in parts)
    return first._replace(
        offset=max(first.offset, second.offset),
        level_uv=float(np.sqrt(power)),
        is_repeated=first.is_repeated and second.is_repeated,
    )


def whole_bursts(bursts: Sequence[Burst], fs_hz: float) -> list[Burst]:
    """Return the bursts as a person would count them, heartbeats left out.

    A held contraction falls apart into many bursts, speech *is* many bursts. Where the movements
    of at least 0.1 s come out the same in number whether pauses of 50 ms or of half a second are
    bridged, there is nothing in between, and they are what is counted (56 steps of a walk in which
    13 public detectors see 59 to 665 bursts). Where it takes 0.1 s, or the movements are few,
    pauses of up to 0.1 s are bridged and what is short stays: blinks between movements. Else every
    burst stands for itself.
    """
    near = join_bursts(bursts, fs_hz, STEADY_PAUSES_S[0], STEADY_SHORTEST_S)
    far = join_bursts(bursts, fs_hz, STEADY_PAUSES_S[1], STEADY_SHORTEST_S)
    if len(far) >= STEADY_LEAST and abs(len(near) - len(far)) <= STEADY_SHARE * len(far):
        return near
    held = join_bursts(bursts, fs_hz, HELD_PAUSE_S, STEADY_SHORTEST_S)
    if far and abs(len(held) - len(far)) <= max(HELD_MOST, HELD_SHARE * len(far)):
        return join_bursts(bursts, fs_hz, HELD_PAUSE_S, 0.0, 0.0)
    return [burst for burst in bursts if not burst.is_repeated]


def quiet_rms_uv(trace_uv: NDArray[np.floating], fs_hz: float) -> float:
    """Return the RMS of the quietest second, or of a sixth of a short recording; NaN if none.

    Half a second at each end is left out.
    """
    x = np.asarray(trace_uv, np.float64)
    edge = min(round(EDGE_S * fs_hz), x.size // 8)
    x = x[edge : x.size - edge]
    n = min(round(fs_hz), max(x.size // 6, 1))
    if x.size < 2:
        return float("nan")
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(x) ** 2)])
    unknown = np.concatenate([[0], np.cumsum(np.isnan(x))])
    power = (total[n:] - total[:-n]) / n
    power[unknown[n:] > unknown[:-n]] = np.nan
    # A flat stretch is an input that was off, not a muscle at rest.
    power[power <= 1e-12 * np.nanmax(power, initial=0.0)] = np.nan
    return float(np.sqrt(np.nanmin(power))) if np.isfinite(power).any() else float("nan")


def without_delay(trace_uv: NDArray[np.floating], fs_hz: float) -> _Floats:
    """Return a trace of the core with the phase of its band-pass taken back.

    Parameters
    ----------
    trace_uv : ndarray of float, shape (n_frames, n_channels) or (n_frames,)
        From ``StreamCore``; NaN stays NaN and counts as 0 for its neighbours.
    fs_hz : float
        Sampling rate.

    Returns
    -------
    ndarray of float64, same shape
        Amplitudes as before; the group delay of 2.3 ms (EMG) is gone, and the filter rings to
        both sides instead of one.
    """
    x = np.asarray(trace_uv, np.float64)
    known = np.nan_to_num(x)
    out = np.empty_like(known)
    # Overlapping pieces: the response to one sample is over after a quarter of a second.
    margin = 1 << int(np.ceil(np.log2(0.25 * fs_hz)))
    size = 16 * margin
    response = _phase_back(size, fs_hz)
    if x.ndim > 1:
        response = response[:, None]
    for first in range(0, max(x.shape[0], 1), size - 2 * margin):
        begin = first - margin
        piece = np.zeros((size, *x.shape[1:]))
        take = known[max(begin, 0) : begin + size]
        piece[max(-begin, 0) : max(-begin, 0) + take.shape[0]] = take
        turned = np.fft.irfft(np.fft.rfft(piece, axis=0) * response, size, axis=0)
        keep = turned[margin : size - margin]
        out[first : first + keep.shape[0]] = keep[: out.shape[0] - first]
    out[np.isnan(x)] = np.nan
    return out


@lru_cache(maxsize=4)
def _phase_back(size: int, fs_hz: float) -> NDArray[np.complex128]:
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    band = butterworth_bandpass(4, *measure_band_hz(fs_hz), fs_hz)
    h = np.full(z.size, band.gain, complex)
    for a1, a2 in zip(band.a1.tolist(), band.a2.tolist(), strict=True):
        h *= (1 - z**2) / (1 + a1 * z + a2 * z**2)
    size_of = np.abs(h)
    # Where the filter lets nothing through there is nothing to turn.
    return np.where(size_of > 1e-4, np.conj(h) / np.maximum(size_of, 1e-4), 0.0)


def _foot(relative: _Floats, fs_hz: float) -> int:
    """Return the likeliest change point if the power before it is that of rest."""
    square = relative**2
    n = square.size
    least = max(2, round(SHORTEST_S * fs_hz))
    if n <= least:
        return 0
    before = np.concatenate([[0.0], np.cumsum(square)])
    k = np.arange(n - least)
    power = (before[-1] - before[k]) / (n - k)
    profile = -0.5 * before[k] - 0.5 * (n - k) * (np.log(np.maximum(power, 1.0)) + 1.0)
    profile[power <= 1.0] = -np.inf
    return int(np.argmax(profile))


def _level_uv(x: _Floats, burst: Burst) -> float:
    return float(np.sqrt(np.nanmean(x[int(burst.onset) : int(np.ceil(burst.offset)) + 1] ** 2)))


def _stretches(rms: _Floats, pause: int) -> list[tuple[int, int]]:
    """Return (begin, end) of the stretches over the level, shorter pauses than ``pause`` in."""
    over = np.concatenate([[False], rms >= LEVEL, [False]])
    edges = np.flatnonzero(over[1:] != over[:-1])
    begins, ends = edges[0::2], edges[1::2]
    if not begins.size:
        return []
    cut = np.flatnonzero(begins[1:] - ends[:-1] >= pause)
    return list(
        zip(
            begins[np.concatenate([[0], cut + 1])].tolist(),
            ends[np.concatenate([cut, [ends.size - 1]])].tolist(),
            strict=True,
        )
    )


def _with_repeats(x: _Floats, bursts: Sequence[Burst], fs_hz: float) -> list[Burst]:
    """Mark short bursts whose waveform comes back."""
    short = [i for i, b in enumerate(bursts) if b.offset - b.onset <= REPEATED_S * fs_hz]
    if len(short) < 3:
        return list(bursts)
    half = round(0.1 * fs_hz)
    pieces = []
    for i in short:
        middle = int(0.5 * (bursts[i].onset + bursts[i].offset))
        begin = max(0, middle - half)
        piece = np.nan_to_num(x[begin : begin + 2 * half])
        pieces.append(np.pad(piece, (0, 2 * half - piece.size)))
    spectra = np.fft.rfft(np.array(pieces), 4 * half, axis=1)
    power = np.sqrt(np.sum(np.square(pieces), axis=1))
    repeated = set()
    for row, i in enumerate(short):
        products = np.fft.irfft(spectra * np.conj(spectra[row]), 4 * half, axis=1)
        r = products.max(axis=1) / np.maximum(power * power[row], 1e-30)
        r[row] = -1.0
        # The half that is most alike: one odd beat, or one lucky burst, does not matter.
        if np.count_nonzero(r >= REPEATED_R) >= 0.3 * (len(short) - 1):
            repeated.add(i)
    return [b._replace(is_repeated=i in repeated) for i, b in enumerate(bursts)]


def _rms(x: _Floats, window: int) -> _Floats:
    """Centred moving RMS, shorter windows at the ends."""
    total = np.concatenate([[0.0], np.cumsum(x**2)])
    at = np.arange(x.size)
    low = np.maximum(at - window // 2, 0)
    high = np.minimum(at + window - window // 2, x.size)
    return np.asarray(np.sqrt(np.maximum((total[high] - total[low]) / (high - low), 0.0)))


def _log_gamma(x: _Floats) -> _Floats:
    """Stirling's series, shifted by eight; 1e-10 for positive arguments."""
    shift = np.zeros_like(x)
    for i in range(8):
        shift += np.log(x + i)
    y = x + 8.0
    series = 1 / (12 * y) - 1 / (360 * y**3) + 1 / (1260 * y**5)
    return np.asarray((y - 0.5) * np.log(y) - y + 0.5 * np.log(2 * np.pi) + series - shift)
