"""From decoded frames to what a person is told: traces, levels, symmetry, cues, alerts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from faceloop.session.converter import Converter
from faceloop.session.fitness import Fitness, Tick
from faceloop.session.live import LiveBlock, LiveEvent, Side
from faceloop.session.montage import Montage
from faceloop_dsp import (
    MainsStatus,
    Onset,
    RestReference,
    StreamCore,
    StreamFeatures,
    SynkinesisDetector,
    symmetry_ratio,
)

__all__ = ["ELECTRODE_BACK_S", "Analysis", "moves_above_uv"]

# The mains canceller has learnt a strong line by then; before, the line would count as rest.
REST_BEGINS_S = 2.0
# Whether the rest is long enough is asked at multiples of this, counted from frame 0.
REST_STEP_S = 0.1
# A loose electrode flickers with every packet: it is back when it was good for so long. Recordings
# join what is no further apart, so that a file mutes the same frames as the live session.
ELECTRODE_BACK_S = 0.5
MOVES_FACTOR = 1.5  # as the synkinesis rule asks of the trained muscle
# A rest that takes longer to come together is not checked: what is kept of it has an end.
LONGEST_CHECK_S = 180.0
REST_TEXT = "Your rest is known now."
RESTLESS_TEXT = "Your rest is known now. It was not quite calm, so alerts wait a little longer."


class Analysis:
    """The signal core with a montage around it.

    The same frames give the same verdicts however they are cut into blocks: what depends on a
    frame (rest, electrodes) changes at that frame, within a block if need be.

    Parameters
    ----------
    montage : Montage
    affected_side : str or None
        ``left``, ``right`` or None when unknown.
    fs_hz, lsb_uv : float
        As the board says.
    mains_hz : float or None
        None lets the core find out.
    converter : "ads1298" or None
        Whose filter the core makes good; None for counts that passed none, or one unknown.
    rest_s : float
        Seconds of rest to learn from, beginning 2 s after the first frame; 0 learns none.
    rest : RestReference or None
        A reference from an earlier moment; then none is learnt.
    rest_frame : int
        Frame from which on ``rest`` is used.
    first_frame : int
        Frame of the stream with which it begins: its rest is learnt from there on.

    Attributes
    ----------
    onsets : tuple of Onset
        Of the last block, every channel.
    rms_uv : ndarray of float32, shape (n_hops, 8)
        100 ms RMS of every hop that ended in the last block, NaN where it is not known.
    rest_frame : int
        Frame from which on the rest is in use, -1 without one.
    ticks : tuple of Tick
        How fit the signal was, of the ticks that ended in the last block.
    line_frame : int
        The mains line was found in the 0.1 s before this frame: earlier levels hold its hum. 0
        when it was given, or there is none.
    """

    def __init__(
        self,
        montage: Montage,
        affected_side: Side | None,
        *,
        fs_hz: float,
        lsb_uv: float,
        mains_hz: float | None = None,
        converter: Converter | None = None,
        rest_s: float = 0.0,
        rest: RestReference | None = None,
        rest_frame: int = 0,
        first_frame: int = 0,
    ) -> None:
        self.montage = montage
        self._core = StreamCore(
            fs_hz=fs_hz,
            lsb_uv=lsb_uv,
            mains_hz="auto" if mains_hz is None else mains_hz,
            converter=converter,
        )
        if first_frame:
            self._core.gap(first_frame)
        self._affected_side = affected_side
        self._guards = montage.guard_channels
        self._detector: SynkinesisDetector | None = None
        self._rest_s = rest_s
        self._muted = 0
        self._fitness = Fitness(fs_hz, lsb_uv, mains_hz)
        self.ticks: tuple[Tick, ...] = ()
        self._back_frames = round(ELECTRODE_BACK_S * fs_hz)
        self._back_at = [0] * 8  # frame from which on each electrode counts as attached
        self.onsets: tuple[Onset, ...] = ()
        self.rms_uv = np.zeros((0, 8), np.float32)
        self.rest_frame = -1
        self.line_frame = 0
        self._hunts_line = mains_hz is None
        self._level_uv = np.full(8, np.nan, dtype=np.float32)
        self._unused = _mask_of(
            channel for channel, label in enumerate(montage.labels) if label == "unused"
        )
        self._guard_of = {pair.name: pair.guard for pair in montage.pairs}
        self._given_rest = rest
        self._given_frame = rest_frame
        self._rest_begins_frame = first_frame + math.ceil(REST_BEGINS_S * fs_hz)
        self._step_frames = round(REST_STEP_S * fs_hz)
        self._waits_for_rest = rest is None and rest_s > 0
        self._hearing: SynkinesisDetector | None = None  # the rest under way
        self._hears_until_frame = 0

    @property
    def is_calibrated(self) -> bool:
        """Whether there is a rest reference; without one there are no alerts."""
        return self._core.rest is not None

    @property
    def rest(self) -> RestReference | None:
        """The rest reference in use."""
        return self._core.rest

    @property
    def is_restless(self) -> bool:
        """Whether the rest in use would, by itself, alert often."""
        rest = self._core.rest
        return rest is not None and any(check.is_restless for check in rest.checks)

    @property
    def mains(self) -> MainsStatus:
        """What the mains canceller does."""
        return self._core.mains

    @property
    def unfit(self) -> tuple[str, ...]:
        """For each channel why it is not judged, a key of ``quality.REASONS``, or nothing."""
        return tuple(
            "" if self._unused >> channel & 1 else reason
            for channel, reason in enumerate(self._fitness.reasons)
        )

    def learn_rest(self, rest_s: float) -> None:
        """Learn the rest again, from the next frame on."""
        self._rest_s = rest_s
        self._begin_rest()

    def gap(self, n_frames: int, electrode_time_s: float) -> LiveBlock:
        """Pass over lost frames."""
        features = self._core.gap(n_frames)
        self._hear_rest(features)
        self._fitness.gap(n_frames)
        self.ticks = ()
        event = LiveEvent("gap", features.first_frame, f"{n_frames} frames did not arrive yet")
        return self._block([features], electrode_time_s, [event, *self._judge(features)])

    def push(self, counts: NDArray[np.int32], lead_off: int, electrode_time_s: float) -> LiveBlock:
        """Take the next frames.

        Parameters
        ----------
        counts : ndarray of int32, shape (n_frames, 8)
        lead_off : int
            One bit per channel, 1 = an electrode is off: the channel is muted, and for another
            ``ELECTRODE_BACK_S``. A channel whose signal is not fit mutes itself, see ``unfit``.
        electrode_time_s : float
            ``time.monotonic()`` at which the last frame was at the electrode.
        """
        self._note_electrodes(lead_off, len(counts))
        pieces: list[StreamFeatures] = []
        events: list[LiveEvent] = []
        ticks: list[Tick] = []
        at = 0
        while at < len(counts) or not pieces:
            self._change_what_is_due()
            n = self._frames_until_change(len(counts) - at)
            piece = counts[at : at + n]
            features = self._core.push(piece)
            self._hear_rest(features)
            pieces.append(features)
            ticks += self._fitness.push(piece, lead_off, self._core.mains.nominal_hz)
            at += n
            events += self._judge(features)
            events += self._end_rest()
            self._note_line()
        self.ticks = tuple(ticks)
        return self._block(pieces, electrode_time_s, events)

    def _note_electrodes(self, lead_off: int, n_frames: int) -> None:
        back_at = self._core.frame + n_frames + self._back_frames
        for channel in range(8):
            if lead_off >> channel & 1:
                self._back_at[channel] = back_at

    def _change_what_is_due(self) -> None:
        frame = self._core.frame
        muted = self._unused | self._fitness.muted
        muted |= _mask_of(
            channel for channel, back_at in enumerate(self._back_at) if back_at > frame
        )
        if muted != self._muted:
            self._muted = muted
            self._core.set_muted(muted)
        if self._given_rest is not None and frame >= self._given_frame:
            self._core.set_rest(self._given_rest)
            self._use_rest(self._given_rest)
            self._given_rest = None
        if self._waits_for_rest and frame >= self._rest_begins_frame:
            self._begin_rest()

    def _frames_until_change(self, n_frames: int) -> int:
        """Return how many of ``n_frames`` come before something changes."""
        frame = self._core.frame
        changes = [back_at for back_at in self._back_at if back_at > frame]
        changes.append(frame + self._fitness.frames_left)
        if self._waits_for_rest:
            changes.append(self._rest_begins_frame)
        if self._given_rest is not None:
            changes.append(self._given_frame)
        if self._core.is_resting or self._hunts_line:
            changes.append(frame + self._step_frames - frame % self._step_frames)
        return min(n_frames, min(changes, default=frame + n_frames) - frame)

    def _begin_rest(self) -> None:
        self._waits_for_rest = False
        self._hearing = self._new_detector(None)
        self._hears_until_frame = self._core.frame + round(LONGEST_CHECK_S * self._core.fs_hz)
        self._core.begin_rest()

    def _hear_rest(self, features: StreamFeatures) -> None:
        if self._core.frame > self._hears_until_frame:
            self._hearing = None
        if self._hearing is not None:
            self._hearing.hear_rest(features)

    def _end_rest(self) -> list[LiveEvent]:
        core = self._core
        if not core.is_resting or core.frame % self._step_frames:
            return []
        if core.rest_seconds < self._rest_s:
            return []
        try:
            rest = core.end_rest()
        except ValueError:
            return []  # not enough of it was usable: it goes on
        self._use_rest(rest)
        if self._hearing is not None:
            self._detector, self._hearing = self._hearing, None
            self._detector.set_rest(rest)
            core.set_rest(replace(rest, checks=self._detector.check_rest()))
        text = RESTLESS_TEXT if self.is_restless else REST_TEXT
        return [LiveEvent("note", core.frame - 1, text)]

    def _note_line(self) -> None:
        if self._hunts_line and self._core.mains.nominal_hz is not None:
            self._hunts_line = False
            self.line_frame = self._core.frame

    def _use_rest(self, rest: RestReference) -> None:
        self.rest_frame = self._core.frame
        self._detector = self._new_detector(rest)

    def _new_detector(self, rest: RestReference | None) -> SynkinesisDetector:
        return SynkinesisDetector(
            self.montage.pairs, self._affected_side, rest, fs_hz=self._core.fs_hz
        )

    def _judge(self, features: StreamFeatures) -> list[LiveEvent]:
        events = [
            LiveEvent("onset_cue", onset.frame, channel=onset.channel)
            for onset in features.onsets
            if onset.channel in self._guards
        ]
        if self._detector is not None:
            for event in self._detector.push(features):
                kind = "synkinesis" if event.kind == "begin" else "synkinesis_end"
                channel = self._guard_of[event.pair][event.side == "right"]
                events.append(LiveEvent(kind, event.frame, "", channel, event.pair, event.index))
        return events

    def _block(
        self, pieces: list[StreamFeatures], electrode_time_s: float, events: list[LiveEvent]
    ) -> LiveBlock:
        self.onsets = tuple(onset for piece in pieces for onset in piece.onsets)
        rms_uv = [piece.rms_uv for piece in pieces]
        self.rms_uv = rms_uv[0] if len(pieces) == 1 else np.concatenate(rms_uv)
        for piece in pieces:
            if piece.hop_frame.size:
                self._level_uv = piece.rms_uv[-1]
        traces_uv = [piece.trace_uv for piece in pieces]
        rest = self._core.rest
        rest_uv = (
            rest.rms_mean_uv.astype(np.float32)
            if rest is not None
            else np.full(8, np.nan, dtype=np.float32)
        )
        return LiveBlock(
            first_frame=pieces[0].first_frame,
            trace_uv=traces_uv[0] if len(pieces) == 1 else np.concatenate(traces_uv),
            envelope_uv=self._level_uv,
            rest_uv=rest_uv,
            symmetry=self._symmetry(rest),
            electrode_time_s=electrode_time_s,
            events=tuple(events),
            is_calibrated=rest is not None,
        )

    def _symmetry(self, rest: RestReference | None) -> dict[str, float]:
        result = {muscle.muscle: math.nan for muscle in self.montage.muscles}
        if rest is None:
            return result
        active_above_uv = moves_above_uv(rest)
        for muscle in self.montage.muscles:
            sides = [muscle.left, muscle.right]
            left_uv, right_uv = (float(self._level_uv[channel]) for channel in sides)
            is_active = left_uv > active_above_uv[sides[0]] or right_uv > active_above_uv[sides[1]]
            if is_active:
                result[muscle.muscle] = float(symmetry_ratio(left_uv, right_uv))
        return result


def moves_above_uv(rest: RestReference) -> NDArray[np.float64]:
    """Return the RMS above which a muscle moves: 3 SD above its rest, and half as much again.

    The resting RMS has long tails: 3 SD alone are passed many times a minute.

    Returns
    -------
    ndarray of float64, shape (8,)
        NaN where there is no rest.
    """
    return np.maximum(rest.active_above_uv(), MOVES_FACTOR * rest.rms_mean_uv)


def _mask_of(channels: Iterable[int]) -> int:
    mask = 0
    for channel in channels:
        mask |= 1 << channel
    return mask
