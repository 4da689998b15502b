"""Is the signal of a channel fit to be judged? A bad channel is muted and scores nothing.

Looks at the unfiltered counts, every 100 ms: the input at its rail, an input that does not move,
an electrode that popped, a cable or skin that moved, a line so strong that the contact must be
gone, noise of a dry electrode. What is bad mutes at once and is believed again only after half a
second without it; limits for "again" are lower than those for "bad".

Live, heartbeats and crosstalk do not make a channel bad: the heart lengthens the hold
(``rest_check``), leaks are taken off by their waveform (``crosstalk``). In review both are named
(``REVIEW_REASONS``): the heart by bursts that repeat their waveform (``onset_review``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp.onset_review import Burst, find_bursts, without_delay

__all__ = [
    "HEART_PER_MIN",
    "REASONS",
    "REVIEW_REASONS",
    "Quality",
    "QualityMeter",
    "beats_per_min",
    "heartbeats_per_min",
    "review_quality",
]

REASONS = {
    "lead_off": "An electrode has come off. Press it on, or put a new one on.",
    "saturated": "The input is at its limit. Press the electrode on and keep the cable still.",
    "flat": "Nothing arrives here. Check that the cable is plugged in.",
    "pop": "An electrode jumped on the skin. Press it on.",
    "movement": "A cable or the skin moved. Keep the cable still.",
    "mains": "Much mains hum: the electrode touches badly. Press it on, or moisten the skin.",
    "noise": "Much noise: the electrode is dry or loose. Moisten the skin or use a new one.",
}
REVIEW_REASONS = {
    "clipped": "The recording's own limits were too narrow: its highest values are cut off.",
    "heart": "The heart is seen here. Its beats are left out of the bursts.",
    "crosstalk": "This is the signal of a neighbour, weaker. Move the electrodes apart.",
}
"""What only a look at a whole recording tells; the first two do not make a channel bad."""
TICK_S = 0.1
BELIEVED_AFTER_TICKS = 5
AGAIN = 0.7  # of a limit, below which a channel counts as good again

RAIL_COUNTS = 0x7FFF80  # 24 bits less the seven that a packet may cut off
POP_UV = 100.0  # pops are 0.2-5 mV
POP_SAMPLES = 8  # an edge is over in a millisecond, EMG has as steep ones all the time
SWING_S, SWING_UV = 0.5, 500.0  # a blink swings by 100-400
DRIFT_S = 0.2
EMG_SWING = 1.5  # of the RMS of EMG and line
MAINS_UV = 1000.0  # peak; 5-300 with electrodes on, 1-10 mV without
NOISE_UV, NOISE_TICKS = 15.0, 20  # in band; 1 at 10 kohm, 3-5 with dry electrodes
NOISE_SHARE = 0.3
# The others are or are not.
UV_LIMITS = {"movement": SWING_UV, "mains": MAINS_UV, "noise": NOISE_UV}
LIMITS = np.array([UV_LIMITS.get(reason, 0.5) for reason in REASONS])[:, None]
POP, MOVEMENT = list(REASONS).index("pop"), list(REASONS).index("movement")
HEART_PER_MIN = 30.0
NOISE_FROM_HZ = 1000.0  # below, the band of EMG leaves no room above it to look for noise
_Floats = NDArray[np.float64]


class Quality(NamedTuple):
    """Verdict of one tick.

    Parameters
    ----------
    frame : int
        Last frame of the tick.
    bad : int
        Bit mask of the channels not to be judged: pass it to ``StreamCore.set_muted``.
    reasons : tuple of tuple of str
        For each channel, keys of ``REASONS`` that hold now or keep it muted.
    mains_uv : ndarray of float64, shape (n_channels,)
        Peak of the line.
    """

    frame: int
    bad: int
    reasons: tuple[tuple[str, ...], ...]
    mains_uv: _Floats


class QualityMeter:
    """Judges channels tick by tick; any split of the stream gives the same verdicts.

    Parameters
    ----------
    fs_hz : float
        Frames per second.
    n_channels : int
    lsb_uv : float
        Microvolts per count.
    line_hz : float
        Nominal frequency of the mains.
    rail_counts : int
        From which on the converter counts as at its limit.
    """

    def __init__(
        self,
        fs_hz: float,
        n_channels: int,
        lsb_uv: float,
        line_hz: float = 50.0,
        rail_counts: int = RAIL_COUNTS,
    ) -> None:
        self._fs_hz = fs_hz
        self._n = n_channels
        self._lsb_uv = lsb_uv
        self._rail = rail_counts
        self._tick = round(TICK_S * fs_hz)
        self._period = round(fs_hz / line_hz)
        self._past = round(SWING_S * fs_hz) + self._period
        self._ms = max(1, round(0.001 * fs_hz))
        angle = 2 * np.pi * line_hz * np.arange(self._tick) / fs_hz
        self._turn = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 2.0 / self._tick
        self._frame = 0
        self._lead_off = 0
        self._channel = np.arange(n_channels)
        self._rows = np.zeros((n_channels, 0))
        self._pending: list[NDArray[np.int32]] = []
        self._n_pending = 0
        self._noise = np.zeros((n_channels, NOISE_TICKS))  # newest last
        self._n_noise = 0
        self._wait = np.zeros((len(REASONS), n_channels), np.int64)

    def push(self, counts: NDArray[np.int32], lead_off: int = 0) -> tuple[Quality, ...]:
        """Take the next frames and return the verdicts of the ticks they completed.

        Parameters
        ----------
        counts : ndarray of int32, shape (n_frames, n_channels)
        lead_off : int
            One bit per channel, 1 = the board says that an electrode is off.
        """
        verdicts = []
        self._lead_off |= lead_off
        while counts.shape[0]:
            take = counts[: self._tick - self._n_pending]
            self._pending.append(take)
            self._n_pending += take.shape[0]
            counts = counts[take.shape[0] :]
            if self._n_pending == self._tick:
                # Each channel in one piece: twice as fast.
                fresh = np.concatenate(self._pending).T.astype(np.int64, "C")
                self._pending, self._n_pending = [], 0
                self._frame += self._tick
                verdicts.append(self._judge(fresh))
                self._lead_off = lead_off
        return tuple(verdicts)

    @property
    def frames_left(self) -> int:
        """Frames that are missing to the end of the tick under way, at least 1."""
        return self._tick - self._n_pending

    def gap(self, n_frames: int) -> None:
        """Pass over lost frames: the tick under way is dropped, what was bad stays so."""
        self._frame += self._n_pending + n_frames
        self._pending, self._n_pending = [], 0
        self._rows = self._rows[:, :0]

    def _judge(self, fresh: NDArray[np.int64]) -> Quality:
        uv = np.asarray(fresh * self._lsb_uv, np.float64)
        rows = np.concatenate([self._rows, uv], axis=1)
        self._rows = rows[:, -self._past :]
        highest, lowest = fresh.max(axis=1), fresh.min(axis=1)
        at_rail = (highest >= self._rail) | (lowest <= -self._rail)
        flat = highest == lowest
        swing, edge, is_edge = self._baseline(rows)
        centred = uv - uv.sum(axis=1, keepdims=True) / self._tick
        mains = np.hypot(*(centred @ self._turn).T)
        floor = self._floor(uv)
        # Strong EMG reaches beyond its band with a twentieth of itself; noise is all noise.
        variance = np.einsum("ct,ct->c", centred, centred) / self._tick
        rest = np.sqrt(np.maximum(variance - 0.5 * mains**2, 0.0))
        self._noise[:, :-1] = self._noise[:, 1:]
        self._noise[:, -1] = np.where(floor > NOISE_SHARE * rest, floor, 0.0)
        self._n_noise += 1
        values = {
            "lead_off": self._lead_off >> self._channel & 1,
            "saturated": at_rail,
            "flat": flat & ~at_rail,
            "pop": is_edge & (edge >= POP_UV),
            "movement": np.where(flat, 0.0, swing),
            "mains": mains,
            "noise": self._lowest_fifth(),
        }
        value = np.array([values[reason] for reason in REASONS])
        is_bad = value >= np.where(self._wait > 0, AGAIN * LIMITS, LIMITS)
        self._wait = np.where(is_bad, BELIEVED_AFTER_TICKS, np.maximum(self._wait - 1, 0))
        # The decay of a pop swings too; one reason is enough.
        self._wait[MOVEMENT, self._wait[POP] > 0] = 0
        table = self._wait > 0
        bad = 0
        reasons: list[tuple[str, ...]] = [()] * self._n
        for c in np.flatnonzero(table.any(axis=0)).tolist():
            bad |= 1 << c
            reasons[c] = tuple(
                reason for reason, on in zip(REASONS, table[:, c], strict=True) if on
            )
        return Quality(self._frame - 1, bad, tuple(reasons), mains)

    def _lowest_fifth(self) -> _Floats:
        """Return the 0.2 quantile of the noise of each channel; 0 before enough is known."""
        if self._n_noise < NOISE_TICKS:
            return np.zeros(self._n)
        place = 0.2 * (NOISE_TICKS - 1)
        below = int(place)
        ranked = np.sort(self._noise, axis=1)
        step = ranked[:, below + 1] - ranked[:, below]
        return np.asarray(ranked[:, below] + (place - below) * step)

    def _baseline(self, uv: _Floats) -> tuple[_Floats, _Floats, NDArray[np.bool_]]:
        """Return swing of the baseline, steepest edge, and whether it stands alone and stays."""
        n = self._period
        if uv.shape[1] < 3 * n:
            nothing = np.zeros(self._n)
            return nothing, nothing, nothing > 0
        # A mean over one period of the line does not see the line, and little of the EMG.
        total = np.zeros((self._n, uv.shape[1] + 1))
        np.cumsum(uv, axis=1, out=total[:, 1:])
        base = (total[:, n:] - total[:, :-n]) / n
        # Strong EMG gets through that mean with a quarter of its strength, here and there.
        carried = np.std(uv[:, n // 2 : n // 2 + base.shape[1]] - base, axis=1)
        # What drifts slowly does not reach the band.
        width = min(base.shape[1] - 1, round(DRIFT_S * self._fs_hz))
        sums = np.cumsum(base, axis=1)
        drift = (sums[:, width:] - sums[:, :-width]) / width
        first_seen = (width + 1) // 2
        quick = base[:, first_seen : first_seen + drift.shape[1]] - drift
        # Of the newest moment it is not known yet whether it drifts.
        newest = np.ptp(base[:, -(width + 1) // 2 :], axis=1)
        swing = np.maximum(np.ptp(quick, axis=1), newest) - EMG_SWING * carried
        swing = np.maximum(swing, 0.0)
        # The tick before last: its edges have a period of line on both sides.
        recent = uv[:, -self._tick - 2 * n :]
        steep = np.abs(recent[:, self._ms :] - recent[:, : -self._ms])
        at = np.argmax(steep[:, n : steep.shape[1] - n], axis=1) + n
        edge = steep[self._channel, at]
        alone = np.count_nonzero(steep > 0.35 * edge[:, None], axis=1) <= POP_SAMPLES
        first = uv.shape[1] - recent.shape[1] + at
        after = base[self._channel, np.minimum(first + self._ms, base.shape[1] - 1)]
        before = base[self._channel, np.maximum(first - n, 0)]
        return swing, edge, alone & (np.abs(after - before) >= 0.5 * edge)

    def _floor(self, uv: _Floats) -> _Floats:
        """Return white noise in 20-450 Hz, from beyond the band of EMG (third difference)."""
        if self._fs_hz < NOISE_FROM_HZ:
            return np.zeros(self._n)
        third = np.diff(uv, n=3, axis=1)
        power = np.einsum("ct,ct->c", third, third) / third.shape[1]
        return np.asarray(np.sqrt(power / 20.0 * 430.0 / (self._fs_hz / 2)))


def review_quality(
    counts: NDArray[np.int32],
    fs_hz: float,
    lsb_uv: float,
    line_hz: float = 50.0,
    rail_counts: int = RAIL_COUNTS,
) -> NDArray[np.bool_]:
    """Return where a recording is bad, shape (n_ticks, n_channels): the same as live.

    Parameters
    ----------
    counts : ndarray of int32, shape (n_frames, n_channels)
    fs_hz, lsb_uv, line_hz, rail_counts
        See ``QualityMeter``.
    """
    meter = QualityMeter(fs_hz, counts.shape[1], lsb_uv, line_hz, rail_counts)
    masks = np.array([verdict.bad for verdict in meter.push(counts)], np.int64)
    return np.asarray(masks[:, None] >> np.arange(counts.shape[1]) & 1, bool)


def heartbeats_per_min(trace_uv: NDArray[np.floating], fs_hz: float) -> float:
    """Return how often a waveform repeats: from ``HEART_PER_MIN`` on it is the heart."""
    bursts = find_bursts(without_delay(trace_uv, fs_hz), fs_hz)
    return beats_per_min(bursts, trace_uv.size, fs_hz)


def beats_per_min(bursts: Sequence[Burst], n_frames: int, fs_hz: float) -> float:
    """Return how many of the bursts of ``find_bursts`` a minute repeat their waveform."""
    return 60.0 * fs_hz * sum(burst.is_repeated for burst in bursts) / max(n_frames, 1)
