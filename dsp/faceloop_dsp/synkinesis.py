"""Synkinesis: a muscle that should be quiet moves along on the affected side.

The rule: during a movement of the trained muscle, the guarded muscle's RMS is over
its resting mean + 3 SD for 50 ms, its two sides differ by the pair's cut-off, and the jaw is
quiet. What the neighbours leak into the guard's electrodes, known by its waveform, is taken off
first. The published cut-offs come from one study of 34 patients: a therapist may change them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp.core import HOP_S, StreamFeatures, hop_frames
from faceloop_dsp.crosstalk import LeakMeter
from faceloop_dsp.pairs import Pair, Side, SynkinesisEvent
from faceloop_dsp.rest import RestReference
from faceloop_dsp.rest_check import RestCheck, rest_check
from faceloop_dsp.watch import Watch

__all__ = ["LEAK_DOUBT", "REST_LEAK_SHARE", "VETO_SHARE", "SynkinesisDetector"]

LEAK_DOUBT = 0.5
REST_LEAK_SHARE = 0.05
VETO_SHARE = 1.0

_SIDES: tuple[Side, Side] = ("left", "right")
_NOT_A_NUMBER = float("nan")


class SynkinesisDetector:
    """Watches pairs of muscles hop by hop.

    Parameters
    ----------
    pairs : sequence of Pair
        With different names.
    affected_side : "left", "right" or None
        None: either side may be the affected one.
    rest : RestReference or None
        Of the wearer; a pair with a channel it does not know stays silent. None: it is recorded
        now, ``hear_rest`` follows it and ``set_rest`` comes before the first ``push``.
    hold_ms, release_ms : float
        How long a response must last before it counts, and be over before it ends.
    n_sd, release_n_sd : float
        A muscle is active from rest mean + ``n_sd`` SD on, until below mean + ``release_n_sd`` SD.
    release_share : float
        A response also ends when its index falls below this share of the cut-off.
    trained_factor : float
        The trained muscle must also reach this many times its rest: a movement, not a flicker.
    leak_share, rest_leak_share : float
        A response must exceed this share of the trained muscle on the same side, both above their
        rest: neighbours leak into each other's electrodes, 5-20 % of their amplitude. The second
        one holds where the waveform told what leaks, and only what it missed is left.
    veto_share : float
        The jaw vetoes while a masseter is active and stronger than this many times the guard: its
        leak into the cheek is 10-30 % of it, a smile's leak into the masseter about as small.
    veto_release_ms : float
        How long the veto outlasts the jaw.
    margin : float
        Factor on the guard's threshold, at least 1; ``check_rest`` sets it for each pair.
    fs_hz : float
        Frames per second.
    patience_ms : float
        A response outlives an RMS that is unknown (gap, muted channel) for less than this. The
        default is a gap of 1 s and what the core needs after it.
    settle_ms : float
        RMS this soon after a gap is neither judged nor measured: filters and canceller still
        swing, by up to half of the level at rest.

    Raises
    ------
    ValueError
        If names repeat, the side is unknown, or a channel lies beyond the rest reference.

    Notes
    -----
    Which muscle is being trained is known while a task is set. Otherwise it is the one whose
    unaffected side is active, and more so (in units of its own rest) than that of the guard; with
    an unknown side the stronger side of each counts. So of two pairs that mirror each other only
    the one that fits the movement can respond.

    What trained muscles and masseter leak into a guard of their side is predicted from their
    waveforms and taken off its affected side (``LeakMeter``).

    An affected side with raised tone has an A/U over the cut-off while it rests. Therefore a
    response must also exceed the affected side's own rest by the cut-off, whatever the other does.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        affected_side: Side | None,
        rest: RestReference | None,
        *,
        hold_ms: float = 50.0,
        release_ms: float = 100.0,
        n_sd: float = 3.0,
        release_n_sd: float = 2.0,
        release_share: float = 0.8,
        trained_factor: float = 1.5,
        leak_share: float = 0.15,
        rest_leak_share: float = REST_LEAK_SHARE,
        veto_share: float = VETO_SHARE,
        veto_release_ms: float = 200.0,
        margin: float = 1.0,
        fs_hz: float = 2000.0,
        patience_ms: float = 1200.0,
        settle_ms: float = 50.0,
    ) -> None:
        if len({pair.name for pair in pairs}) != len(pairs):
            raise ValueError("two pairs have the same name")
        if affected_side not in (None, *_SIDES):
            raise ValueError(f"affected side {affected_side!r}, allowed are left, right and None")
        if not margin >= 1.0:
            raise ValueError(f"a margin of {margin:g}, it must be at least 1")
        self.pairs = tuple(pairs)
        self.affected_side = affected_side
        self.n_events = 0
        self._hold = _hops(hold_ms)
        self._release = _hops(release_ms)
        self._veto_release = _hops(veto_release_ms)
        self._patience = _hops(patience_ms)
        self._settle = _hops(settle_ms)
        self._n_sd = n_sd
        self._release_n_sd = release_n_sd
        self._release_share = release_share
        self._trained_factor = trained_factor
        self._leak_share = leak_share
        self._rest_leak_share = rest_leak_share
        self._fs_hz = fs_hz
        self._veto_share = veto_share
        self._task: str | None = None
        self._watches = [
            Watch.of(pair, side)
            for pair in self.pairs
            for side in (_SIDES if affected_side is None else (affected_side,))
        ]
        paths = []
        for i, watch in enumerate(self._watches):
            watch.path, watch.margin, watch.hold = i, margin, self._hold
            side = _SIDES.index(watch.side)
            jaw = (watch.pair.veto[side],) if watch.pair.veto else ()
            paths.append((watch.affected, (watch.trained_affected, *jaw)))
        self._leaks = LeakMeter(paths, hop_frames(fs_hz))
        self._pending: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._has_leaks = False  # known for this hop
        self._has_waveform = False
        self._onset_frame: dict[int, int] = {}
        self._mean: list[float] = []
        self._heard: list[tuple[list[float], list[bool], list[float]]] = []
        if rest is not None:
            self.set_rest(rest)

    def set_rest(self, rest: RestReference) -> None:
        """Use another rest reference, and the margins of its checks, from here on."""
        n = rest.rms_mean_uv.size
        for pair in self.pairs:
            channels = (*pair.trained, *pair.guard, *(pair.veto or ()))
            if max(channels) >= n:
                raise ValueError(f"{pair.name} uses channel {max(channels)}, rest knows {n}")
        self._mean = rest.rms_mean_uv.tolist()
        self._on = rest.active_above_uv(self._n_sd).tolist()
        self._off = rest.active_above_uv(self._release_n_sd).tolist()
        self._is_active = [False] * n
        self._n_unknown = [0] * n
        self._veto_hops = [0] * len(self._watches)
        self._heed(rest.checks)

    def _heed(self, checks: Iterable[RestCheck]) -> None:
        by_watch = {(check.pair, check.side): check for check in checks}
        for watch in self._watches:
            check = by_watch.get((watch.pair.name, watch.side))
            if check is not None:
                watch.margin = max(watch.margin, check.margin)
                watch.hold = check.hold_hops

    def hear_rest(self, features: StreamFeatures) -> None:
        """Take the next features of the rest that ``check_rest`` is to judge.

        Raises
        ------
        ValueError
            As of ``push``.
        """
        for piece, rms_uv in zip(self._hops_of(features), features.rms_uv.tolist(), strict=True):
            self._follow_leaks(piece)
            is_known = [watch.is_known(rms_uv, self._settle) for watch in self._watches]
            own = [self._own_share(watch) for watch in self._watches]
            self._heard.append((rms_uv, is_known, own))

    def check_rest(self, features: Iterable[StreamFeatures] = ()) -> tuple[RestCheck, ...]:
        """Count what the wearer's own rest would trigger, and raise thresholds where needed.

        A wearer whose heart shows in the electrodes, or whose rest is restless, would be alerted
        for it; the margin keeps each pair at 0.1 false events an hour of its movement. Call it
        with the features of the recording the reference was made from, before the first ``push``.

        Parameters
        ----------
        features : iterable of StreamFeatures
            In order, after those that ``hear_rest`` took; gaps may be among them.

        Returns
        -------
        tuple of RestCheck
            One for each pair and side watched. The movement itself is taken as given: nothing
            about the trained muscle is asked for.

        Raises
        ------
        ValueError
            As of ``push``.
        """
        for block in features:
            self.hear_rest(block)
        strengths = [
            [
                self._strength(watch, rms_uv, own[i]) if is_known[i] else 0.0
                for rms_uv, is_known, own in self._heard
            ]
            for i, watch in enumerate(self._watches)
        ]
        self._heard.clear()
        for watch in self._watches:
            watch.n_known = watch.n_unknown = 0
        self._leaks.clear()
        self._pending = self._pending[:0]
        checks = tuple(
            rest_check(watch.pair.name, watch.side, strength, self._hold)
            for watch, strength in zip(self._watches, strengths, strict=True)
        )
        self._heed(checks)
        return checks

    def _strength(self, watch: Watch, rms_uv: list[float], own_share: float) -> float:
        """Activity of the guard over its threshold; 0 while its sides are too much alike."""
        affected_uv = rms_uv[watch.affected] * math.sqrt(own_share)
        unaffected_uv = rms_uv[watch.unaffected]
        if not self._index(watch, affected_uv, unaffected_uv) >= watch.pair.cutoff:
            return 0.0
        least = max(self._on[watch.affected], watch.pair.cutoff * self._mean[watch.affected])
        return float(affected_uv / least)

    def set_task(self, pair_name: str | None) -> None:
        """Say which pair's muscle the wearer is asked to move, or None: work it out.

        Raises
        ------
        ValueError
            If there is no such pair.
        """
        if pair_name is not None and pair_name not in {pair.name for pair in self.pairs}:
            names = ", ".join(pair.name for pair in self.pairs)
            raise ValueError(f"there is no pair {pair_name!r}, only {names}")
        self._task = pair_name

    @property
    def task(self) -> str | None:
        """Name of the pair being trained, None while it is worked out from the signal."""
        return self._task

    def push(self, features: StreamFeatures) -> list[SynkinesisEvent]:
        """Judge the hops of a block, or of a gap, in order.

        Parameters
        ----------
        features : StreamFeatures
            NaN in ``rms_uv`` (gap, muted channel) begins nothing; a response that it interrupts
            for less than ``patience_ms`` is the same one afterwards.

        Returns
        -------
        list of SynkinesisEvent

        Raises
        ------
        ValueError
            If the features come from a core without a trace: leaks could not be taken off.
        """
        events: list[SynkinesisEvent] = []
        frames = features.hop_frame.tolist()
        changes = [(onset.frame, onset.channel, True) for onset in features.onsets]
        changes += [(offset.frame, offset.channel, False) for offset in features.offsets]
        changes.sort()
        rows = zip(frames, self._hops_of(features), features.rms_uv.tolist(), strict=True)
        for frame, piece, rms_uv in rows:
            while changes and changes[0][0] <= frame + 1:
                self._note(*changes.pop(0))
            self._follow_leaks(piece)
            self._has_waveform = piece is not None and bool(piece.any())
            self._update_activity(rms_uv)
            for i, watch in enumerate(self._watches):
                event = self._judge(i, watch, frame, rms_uv)
                if event is not None:
                    events.append(event)
        for change in changes:
            self._note(*change)
        return events

    def _follow_leaks(self, piece: NDArray[np.floating] | None) -> None:
        self._has_leaks = piece is not None
        if piece is not None:
            self._leaks.push(piece)

    def _own_share(self, watch: Watch) -> float:
        return float(self._leaks.own_share[watch.path]) if self._has_leaks else 1.0

    def _note(self, frame: int, channel: int, is_on: bool) -> None:
        if is_on:
            self._onset_frame[channel] = frame
        else:
            self._onset_frame.pop(channel, None)

    def _hops_of(self, features: StreamFeatures) -> list[NDArray[np.floating] | None]:
        """Return the frames of each hop that ends in this block; None if some never came."""
        trace = features.trace_uv
        if features.hop_frame.size and not trace.shape[0]:
            raise ValueError(
                "features without a trace: a leak is told from synkinesis by its waveform, so the"
                " core must be made with trace=True"
            )
        if self._pending.shape[0]:
            trace = np.concatenate([self._pending, trace])
        begin = features.first_frame + features.trace_uv.shape[0] - trace.shape[0]
        size = hop_frames(self._fs_hz)
        pieces: list[NDArray[np.floating] | None] = []
        done = 0
        for frame in features.hop_frame.tolist():
            done = max(frame + 1 - begin, 0)
            piece = trace[max(done - size, 0) : done]
            pieces.append(piece if piece.shape[0] == size else None)
        self._pending = trace[done:].copy()
        return pieces

    def _update_activity(self, rms_uv: list[float]) -> None:
        """Hysteresis of each channel; NaN leaves it as it was, for a while."""
        for channel, value in enumerate(rms_uv):
            if math.isnan(value):
                self._n_unknown[channel] += 1
                if self._n_unknown[channel] >= self._patience:
                    self._is_active[channel] = False
                continue
            self._n_unknown[channel] = 0
            limit = self._off[channel] if self._is_active[channel] else self._on[channel]
            self._is_active[channel] = value > limit

    def _guards(self, watch: Watch, rms_uv: list[float]) -> tuple[float, float]:
        """Return RMS of the guard's affected side, the neighbours' leaks off, and of the other.

        The unaffected side stays as it is: too much taken off there would invent a difference.
        """
        own = math.sqrt(self._own_share(watch))
        return rms_uv[watch.affected] * own, rms_uv[watch.unaffected]

    def _index(self, watch: Watch, affected_uv: float, unaffected_uv: float) -> float:
        """Affected over unaffected side, or over its own rest while the other is in its noise."""
        if unaffected_uv > self._on[watch.unaffected]:
            return affected_uv / unaffected_uv
        if math.isnan(unaffected_uv) or not self._mean[watch.affected] > 0.0:
            return _NOT_A_NUMBER
        return float(affected_uv / self._mean[watch.affected])

    def _differs(self, watch: Watch, rms_uv: list[float]) -> bool:
        """Whether the sides differ by the cut-off before a leak is taken off, which costs more.

        Taking it off makes the affected side weaker, so without this nothing can respond.
        """
        index = self._index(watch, rms_uv[watch.affected], rms_uv[watch.unaffected])
        return index >= watch.pair.cutoff

    def _is_vetoed(self, i: int, watch: Watch, rms_uv: list[float]) -> bool:
        if watch.pair.veto is None:
            return False
        least = self._veto_share * rms_uv[watch.affected]
        if any(self._is_active[jaw] and rms_uv[jaw] > least for jaw in watch.pair.veto):
            self._veto_hops[i] = self._veto_release
        elif self._veto_hops[i]:
            self._veto_hops[i] -= 1
        return self._veto_hops[i] > 0

    def _is_trained(self, watch: Watch, rms_uv: list[float]) -> bool:
        """Whether the movement is that of the pair's trained muscle."""
        pair = watch.pair
        if self._task is not None:
            return pair.name == self._task and any(self._moves(c, rms_uv) for c in pair.trained)
        if not self._moves(watch.trained_unaffected, rms_uv):
            return False
        if self.affected_side is None:
            return self._activation(pair.trained, rms_uv) > self._activation(pair.guard, rms_uv)
        trained = self._activation((watch.trained_unaffected,), rms_uv)
        return trained > self._activation((watch.unaffected,), rms_uv)

    def _moves(self, channel: int, rms_uv: list[float]) -> bool:
        least = self._trained_factor * self._mean[channel]
        return self._is_active[channel] and rms_uv[channel] > least

    def _is_leak(self, watch: Watch, affected_uv: float, rms_uv: list[float]) -> bool:
        """Whether the trained muscle next to the guard may be all that is seen there."""
        guard = affected_uv**2 - self._mean[watch.affected] ** 2
        source = rms_uv[watch.trained_affected] ** 2 - self._mean[watch.trained_affected] ** 2
        share = self._rest_leak_share if self._has_waveform else self._leak_share
        return bool(guard < share**2 * source)

    def _least(self, watch: Watch, affected_uv: float, rms_uv: list[float]) -> float:
        """Own rest times the cut-off, and half the power of what was taken off as a leak.

        A leak is known to about a third of its power while its source is loud: without this, one
        wearer of six had a false event in 4 minutes of healthy movements.
        """
        leak = rms_uv[watch.affected] ** 2 - affected_uv**2
        own_rest = watch.pair.cutoff * self._mean[watch.affected]
        return math.sqrt(own_rest**2 + LEAK_DOUBT * leak)

    def _latency_ms(self, watch: Watch) -> float:
        """Onset of the guard after that of the trained muscle; NaN where one is not active."""
        guard = self._onset_frame.get(watch.affected)
        trained = [
            self._onset_frame[channel]
            for channel in (watch.trained_affected, watch.trained_unaffected)
            if channel in self._onset_frame
        ]
        if guard is None or not trained:
            return _NOT_A_NUMBER
        return 1000.0 * (guard - trained[0]) / self._fs_hz

    def _activation(self, channels: tuple[int, ...], rms_uv: list[float]) -> float:
        """Largest RMS in units of its own rest."""
        return max((rms_uv[c] / self._mean[c] for c in channels if self._mean[c] > 0.0), default=0)

    def _judge(
        self, i: int, watch: Watch, frame: int, rms_uv: list[float]
    ) -> SynkinesisEvent | None:
        is_vetoed = self._is_vetoed(i, watch, rms_uv)
        if not watch.is_known(rms_uv, self._settle):
            watch.n_held = 0
            if watch.begin_frame < 0 or watch.n_unknown < self._patience:
                return None
            return self._end(watch, frame)
        if watch.begin_frame < 0 and not rms_uv[watch.affected] > self._on[watch.affected]:
            watch.n_held = 0  # quiet, also before a leak is taken off
            return None
        if watch.begin_frame < 0 and not self._differs(watch, rms_uv):
            watch.n_held = 0
            return None
        affected_uv, unaffected_uv = self._guards(watch, rms_uv)
        index = self._index(watch, affected_uv, unaffected_uv)
        if watch.begin_frame < 0:
            responds = (
                not is_vetoed
                and affected_uv > watch.margin * self._on[watch.affected]
                and index >= watch.pair.cutoff
                and affected_uv >= watch.margin * self._least(watch, affected_uv, rms_uv)
                and self._is_trained(watch, rms_uv)
                and not self._is_leak(watch, affected_uv, rms_uv)
            )
            if not responds:
                watch.n_held = 0
                return None
            watch.n_held += 1
            if watch.n_held == 1:
                watch.since_frame = frame
            if watch.n_held < watch.hold:
                return None
            watch.begin_frame = frame
            watch.peak = index
            watch.n_released = 0
            self.n_events += 1
            return SynkinesisEvent(
                "begin",
                watch.pair.name,
                watch.side,
                frame,
                watch.since_frame,
                index,
                self._latency_ms(watch),
                self._own_share(watch),
            )

        goes_on = (
            not is_vetoed
            and affected_uv > self._off[watch.affected]
            and index >= self._release_share * watch.pair.cutoff
            and (self._task is None or self._task == watch.pair.name)
        )
        watch.n_released = 0 if goes_on else watch.n_released + 1
        if goes_on:
            watch.peak = max(watch.peak, index)
        return None if watch.n_released < self._release else self._end(watch, frame)

    def _end(self, watch: Watch, frame: int) -> SynkinesisEvent:
        begin, watch.begin_frame, watch.n_held = watch.begin_frame, -1, 0
        return SynkinesisEvent("end", watch.pair.name, watch.side, frame, begin, watch.peak)


def _hops(ms: float) -> int:
    return max(1, round(ms / 1000.0 / HOP_S))
