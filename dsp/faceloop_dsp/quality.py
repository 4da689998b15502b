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
        t = np.arange(self._tick) / fs_hz
        self._turn = np.exp(-2j * np.pi * line_hz * t)[:, None] * 2.0 / self._tick
        self._frame = 0
        self._lead_off = 0
        self._rows = np.zeros((0, n_channels), np.int64)
        self._pending: list[NDArray[np.int32]] = []
        self._n_pending = 0
        self._noise: list[_Floats] = []
        self._wait = {reason: np.zeros(n_channels, np.int64) for reason in REASONS}

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
                fresh = np.concatenate(self._pending).astype(np.int64)
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
        self._rows = self._rows[:0]

    def _judge(self, fresh: NDArray[np.int64]) -> Quality:
        rows = np.concatenate([self._rows, fresh])[-self._past - self._tick :]
        self._rows = rows[-self._past :]
        uv = np.asarray(fresh * self._lsb_uv, np.float64)
        bits = np.array([bool(self._lead_off >> c & 1) for c in range(self._n)])
        at_rail = (np.abs(fresh) >= self._rail).any(axis=0)
        flat = np.ptp(fresh, axis=0) == 0
        swing, edge, is_edge = self._baseline(rows * self._lsb_uv)
        mains = np.abs((self._turn * (uv - uv.mean(axis=0))).sum(axis=0))
        floor = self._floor(uv)
        # Strong EMG reaches beyond its band with a twentieth of itself; noise is all noise.
        rest = np.sqrt(np.maximum(uv.var(axis=0) - 0.5 * mains**2, 0.0))
        self._noise = [
            *self._noise[-NOISE_TICKS + 1 :],
            np.where(floor > NOISE_SHARE * rest, floor, 0.0),
        ]
        noise = self._lowest_fifth()
        is_pop = is_edge & (edge >= POP_UV)
        for reason, value, limit in (
            ("lead_off", bits.astype(np.float64), 0.5),
            ("saturated", at_rail.astype(np.float64), 0.5),
            ("flat", (flat & ~at_rail).astype(np.float64), 0.5),
            ("pop", is_pop.astype(np.float64), 0.5),
            ("movement", np.where(flat, 0.0, swing), SWING_UV),
            ("mains", mains, MAINS_UV),
            ("noise", noise, NOISE_UV),
        ):
            wait = self._wait[reason]
            is_bad = value >= np.where(wait > 0, AGAIN * limit, limit)
            wait[:] = np.where(is_bad, BELIEVED_AFTER_TICKS, np.maximum(wait - 1, 0))
        # The decay of a pop swings too; one reason is enough.
        self._wait["movement"][self._wait["pop"] > 0] = 0
        table = np.array([self._wait[reason] > 0 for reason in REASONS])
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
        if len(self._noise) < NOISE_TICKS:
            return np.zeros(self._n)
        return np.asarray(np.quantile(np.array(self._noise), 0.2, axis=0))

    def _baseline(self, uv: _Floats) -> tuple[_Floats, _Floats, NDArray[np.bool_]]:
        """Return swing of the baseline, steepest edge, and whether it stands alone and stays."""
        n = self._period
        if uv.shape[0] < 3 * n:
            nothing = np.zeros(self._n)
            return nothing, nothing, nothing > 0
        # A mean over one period of the line does not see the line, and little of the EMG.
        along = np.ascontiguousarray(uv.T)  # each channel in one piece: twice as fast
        total = np.zeros((self._n, uv.shape[0] + 1))
        np.cumsum(along, axis=1, out=total[:, 1:])
        base = (total[:, n:] - total[:, :-n]) / n
        # Strong EMG gets through that mean with a quarter of its strength, here and there.
        carried = np.std(along[:, n // 2 : n // 2 + base.shape[1]] - base, axis=1)
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
        recent = uv[-self._tick - 2 * n :]
        steep = recent[self._ms :] - recent[: -self._ms]
        at = np.argmax(np.abs(steep[n : steep.shape[0] - n]), axis=0) + n
        channel = np.arange(self._n)
        edge = np.abs(steep[at, channel])
        alone = (np.abs(steep) > 0.35 * edge).sum(axis=0) <= POP_SAMPLES
        first = uv.shape[0] - recent.shape[0] + at
        after = base[channel, np.minimum(first + self._ms, base.shape[1] - 1)]
        before = base[channel, np.maximum(first - n, 0)]
        return swing, edge, alone & (np.abs(after - before) >= 0.5 * edge)

    def _floor(self, uv: _Floats) -> _Floats:
        """Return white noise in 20-450 Hz, from beyond the band of EMG (third difference)."""
        if self._fs_hz < NOISE_FROM_HZ:
            return np.zeros(self._n)
        third = np.diff(uv, n=3, axis=0)
        return np.asarray(np.sqrt(np.mean(third**2, axis=0) / 20.0 * 430.0 / (self._fs_hz / 2)))


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
