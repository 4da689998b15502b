"""What a running session tells whoever shows it: blocks of signal, verdicts, and a status line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from faceloop_protocol.reports import BoardState
from faceloop_protocol.state import RADIO_ENCRYPTED

__all__ = ["LiveBlock", "LiveEvent", "LiveStatus", "LiveView", "MusclePair", "Side", "radio_of"]

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class MusclePair:
    """One muscle on both sides of the face, by channel.

    Parameters
    ----------
    muscle : str
        Anatomical name without side, for example ``zygomaticus_major``.
    left, right : int
        Channel numbers, 0-7.
    role : str
        ``train``, ``guard`` or ``veto``.
    """

    muscle: str
    left: int
    right: int
    role: str


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something to show or sound once.

    Parameters
    ----------
    kind : str
        ``onset_cue`` (a guarded muscle became active), ``synkinesis`` (an alert that counts),
        ``synkinesis_end``, ``gap``, ``link_lost``, ``link_back``, ``fault``, ``note``, ``heat``,
        ``heat_fault``.
    frame : int
        Frame at which the detector decided, -1 when it has no place in the signal.
    text : str
        Plain words for the person in front of the screen; empty when the kind says it all.
    channel : int
        Channel concerned, -1 for none.
    pair : str
        Name of the trained/guard pair, empty for none.
    index : float
        Synkinesis index (affected / unaffected RMS), NaN for none.
    """

    kind: str
    frame: int
    text: str = ""
    channel: int = -1
    pair: str = ""
    index: float = float("nan")


@dataclass(frozen=True, slots=True)
class LiveBlock:
    """A stretch of live signal with what was concluded from it.

    Parameters
    ----------
    first_frame : int
        Index of the first frame at 2 kSPS since START.
    trace_uv : ndarray of float32, shape (n_frames, 8)
        Band-passed, mains removed: for the eye. NaN inside a gap.
    envelope_uv : ndarray of float32, shape (8,)
        100 ms RMS at the end of the block, microvolts; NaN where the channel is muted.
    rest_uv : ndarray of float32, shape (8,)
        RMS of the wearer's own rest, NaN before calibration.
    symmetry : dict of str to float
        min/max of the two sides per muscle, 0-1, NaN when both rest.
    electrode_time_s : float
        ``time.monotonic()`` at which the last frame was at the electrode (clock fit).
    events : tuple of LiveEvent
    is_calibrated : bool
    """

    first_frame: int
    trace_uv: NDArray[np.float32]
    envelope_uv: NDArray[np.float32]
    rest_uv: NDArray[np.float32]
    symmetry: dict[str, float]
    electrode_time_s: float
    events: tuple[LiveEvent, ...] = ()
    is_calibrated: bool = False


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """The line under the traces, refreshed about once a second.

    Parameters
    ----------
    link : str
        ``connecting``, ``live``, ``lost`` (trying again), ``ended``.
    elapsed_s : float
        Signal received so far, by frame count.
    loss_pct : float
        Frames still missing, per cent of the frames so far.
    frames_missing, frames_resent : int
    latency_ms : float
        Median time from electrode to the host's verdict over the last seconds, NaN if unknown.
    battery_pct : int
        -1 when unknown.
    radio : str
        ``encrypted``, ``clear`` (so that others can read what the board says of itself; the signal
        and commands are protected either way), empty when unknown or by cable.
    lead_off : tuple of bool
        One flag per channel.
    unfit : tuple of str
        For each channel why it is muted, a key of ``faceloop_dsp.quality.REASONS``, or nothing.
    is_restless : bool
        The wearer's rest alone would alert often: it takes more to be told of synkinesis.
    is_recording : bool
    recording : str
        Folder of the recording, empty when none is written.
    device : str
    message : str
        What the person should know or do now; empty when all is well.
    """

    link: str = "connecting"
    elapsed_s: float = 0.0
    loss_pct: float = 0.0
    frames_missing: int = 0
    frames_resent: int = 0
    latency_ms: float = float("nan")
    battery_pct: int = -1
    radio: str = ""
    lead_off: tuple[bool, ...] = (False,) * 8
    unfit: tuple[str, ...] = ("",) * 8
    is_restless: bool = False
    is_recording: bool = False
    recording: str = ""
    device: str = ""
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def radio_of(state: BoardState | None, is_cabled: bool) -> str:
    """Return ``LiveStatus.radio`` of a board that has reported this."""
    if state is None or is_cabled:
        return ""
    return "encrypted" if state.radio & RADIO_ENCRYPTED else "clear"


class LiveView(Protocol):
    """A running session, as a screen sees it. Nothing in here needs a screen."""

    @property
    def muscles(self) -> tuple[MusclePair, ...]:
        """Muscles in display order."""

    @property
    def labels(self) -> tuple[str, ...]:
        """One name per channel, for example ``zygomaticus_major_l``."""

    @property
    def affected_side(self) -> Side | None:
        """``left``, ``right`` or None when unknown."""

    @property
    def fs_hz(self) -> float:
        """Frames per second of ``trace_uv``."""

    def status(self) -> LiveStatus:
        """Return the current status line."""

    def blocks(self, max_waiting: int = 64) -> AsyncIterator[LiveBlock]:
        """Yield blocks as they come; a slow reader loses the oldest, the recording does not."""

    async def start_recording(self, folder: Path | None = None) -> None:
        """Keep the session from here on, in ``folder`` or in a new one."""

    async def stop_recording(self) -> None:
        """End the recording and finish its file."""

    async def stop(self) -> None:
        """Stop the board and end the session."""

    def report_drawn(self, frame: int, drawn_time_s: float, *, is_cue: bool = False) -> None:
        """Note that the signal up to ``frame`` was on screen at ``drawn_time_s`` (monotonic).

        With ``is_cue`` it was the cue of the event at ``frame`` that became visible.
        """
