"""Onsets of a recording, estimated offline with hindsight: the reference for latency figures.

A reference estimate, not the truth: it looks at the whole recording, forwards and backwards, and
puts each onset where a change of variance is most likely. Nothing live may use it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage, signal

from faceloop.twin.sources.source import FS_HZ, LSB_UV, CountArray, FloatArray, Onset

__all__ = ["find_onsets"]

_EDGE = int(0.25 * FS_HZ)
_WINDOW = int(0.1 * FS_HZ)
_REST = int(2.0 * FS_HZ)
"""Length of the rest reference; a sixth of recordings shorter than 12 s."""
_REST_BEFORE = int(0.3 * FS_HZ)
_STEP = 10.0
"""Least power over rest: 10 dB."""
_STILL_REST = 10**0.6
"""Power over rest that still counts as rest: 6 dB, what a 100 ms RMS of resting EMG reaches."""
_BEFORE, _AFTER = int(0.4 * FS_HZ), int(0.1 * FS_HZ)


def find_onsets(
    counts: CountArray, labels: Sequence[str], fs_hz: Sequence[float], open_bits: int
) -> tuple[Onset, ...]:
    """Return the onsets of all channels.

    Parameters
    ----------
    counts : ndarray of int32, shape (n_frames, 8)
        Converter counts at 2 kHz.
    labels : sequence of str
        Channel names.
    fs_hz : sequence of float
        Rate at which each recorded channel was stored: bounds its band.
    open_bits : int
        Inputs to leave out.

    Returns
    -------
    onsets : tuple of Onset
        In order of frame, kind ``estimate``. An onset is a rise of the 100 ms RMS by 10 dB or
        more over rest (the quietest 2 s, or sixth of a short recording) after at least 0.3 s
        below 6 dB; its time is the maximum of the two-segment profile likelihood around the
        crossing.
    """
    found: list[Onset] = []
    for channel, stored_hz in enumerate(fs_hz):
        if open_bits >> channel & 1 or len(counts) < 4 * _EDGE:
            continue
        uv = np.asarray(counts[:, channel] * LSB_UV, dtype=np.float64)
        emg_uv = _band(uv, stored_hz)
        found += _channel_onsets(emg_uv, channel, labels[channel])
    return tuple(sorted(found, key=lambda onset: onset.frame))


def _band(uv: FloatArray, stored_hz: float) -> FloatArray:
    upper_hz = min(450.0, 0.45 * stored_hz)
    sos = signal.butter(4, [20.0, upper_hz], "bandpass", fs=FS_HZ, output="sos")
    emg_uv = signal.sosfiltfilt(sos, uv - np.median(uv))
    # A line that stands 20 dB over its surroundings hides quiet onsets: notch it where it is.
    f_hz, psd = signal.welch(emg_uv, FS_HZ, nperseg=min(len(emg_uv), 16384))
    for low_hz, high_hz in ((49.5, 50.5), (59.5, 60.5)):
        near = (f_hz > low_hz - 6) & (f_hz < high_hz + 6)
        line = (f_hz >= low_hz) & (f_hz <= high_hz)
        if psd[line].max() < 100 * np.median(psd[near]):
            continue
        line_hz = float(f_hz[line][np.argmax(psd[line])])
        for harmonic in range(1, int(upper_hz / line_hz) + 1):
            b, a = signal.iirnotch(harmonic * line_hz, 30.0, FS_HZ)
            emg_uv = signal.filtfilt(b, a, emg_uv)
    return np.asarray(emg_uv, dtype=np.float64)


def _channel_onsets(emg_uv: FloatArray, channel: int, label: str) -> list[Onset]:
    power = ndimage.uniform_filter1d(emg_uv**2, _WINDOW, mode="nearest")
    inner = power[_EDGE:-_EDGE]
    rest = min(_REST, len(emg_uv) // 6)
    rest_power = float(ndimage.uniform_filter1d(inner, rest)[rest // 2 : -rest // 2].min())
    if rest_power <= 0:
        return []
    relative = power / rest_power
    found = []
    rested = 0
    is_armed = False
    for begin, end, level in _runs(relative):
        if level == 0:
            rested += end - begin
            is_armed = is_armed or rested >= _REST_BEFORE
        elif level == 1:
            # On the way up or down: neither rest nor active.
            rested = 0
        else:
            if is_armed and begin >= _EDGE:
                found.append(_locate(emg_uv, begin, end, rest_power, channel, label))
            is_armed = False
            rested = 0
    return found


def _runs(relative: FloatArray) -> list[tuple[int, int, int]]:
    """Return (begin, end, level) of the stretches of rest (0), between (1) and active (2)."""
    level = (relative >= _STILL_REST).astype(np.int8) + (relative >= _STEP)
    edges = np.flatnonzero(np.diff(level)) + 1
    begins = np.concatenate([[0], edges])
    ends = np.concatenate([edges, [len(level)]])
    return [(int(b), int(e), int(level[b])) for b, e in zip(begins, ends, strict=True)]


def _locate(
    emg_uv: FloatArray, crossing: int, end: int, rest_power: float, channel: int, label: str
) -> Onset:
    first = max(crossing - _BEFORE, 0)
    square = emg_uv[first : crossing + _AFTER] ** 2
    total = np.cumsum(square)
    # Segments of at least 10 ms, so that one small or large sample decides nothing.
    shortest = int(0.01 * FS_HZ)
    split = np.arange(shortest, len(square) - shortest)
    before = total[split - 1]
    after = total[-1] - before
    n_after = len(square) - split
    log_likelihood = -0.5 * (split * np.log(before / split) + n_after * np.log(after / n_after))
    frame = first + int(split[np.argmax(log_likelihood)])
    active = emg_uv[frame : max(end, frame + _WINDOW)]
    snr_db = 10 * np.log10(float(np.mean(active**2)) / rest_power)
    return Onset(frame, channel, label, float(snr_db), "estimate", frame, end)
