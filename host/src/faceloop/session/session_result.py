"""What a session came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceloop.errors import FaceloopError
from faceloop.session.analysis import Analysis
from faceloop.session.coverage import Coverage
from faceloop.session.live import LiveEvent
from faceloop.session.recorder import Recorder
from faceloop.session.verdicts import Verdicts
from faceloop_dsp.rest_check import RestCheck

__all__ = ["SessionResult"]


@dataclass(frozen=True, slots=True)
class SessionResult:
    """The account of one stream.

    Parameters
    ----------
    end_frame : int
        Frames that the board says it captured; where ``is_end_known`` is False, the end of what
        arrived.
    is_end_known : bool
        The board has said where its stream ends. Otherwise it may hold more that never arrived.
    frames_received : int
        Different frames that arrived.
    frames_recorded : int or None
        Frames counted in the finished file; None when nothing was to be recorded.
    frames_unstored : int
        Frames that arrived while a recording ran and are not in its file.
    gaps : tuple of (int, int)
        ``(first_frame, n)`` of what never arrived.
    frames_resent : int
        Frames that came late or again.
    bytes_per_s, clock_ppm : float
    alerts : tuple of LiveEvent
        Synkinesis events.
    cues : tuple of (LiveEvent, float)
        Onset cues with the monotonic time at which each was given.
    drawn_cues : tuple of (LiveEvent, float)
        The same with the time at which each became visible on a page.
    reconnects : int
    is_calibrated : bool
    rest_checks : tuple of RestCheck
        What the wearer's rest alone would trigger.
    recording : Path or None
        The finished BDF+ file.
    error : FaceloopError or None
        What ended the session or its recording before its time.
    """

    end_frame: int
    is_end_known: bool
    frames_received: int
    frames_recorded: int | None
    frames_unstored: int
    gaps: tuple[tuple[int, int], ...]
    frames_resent: int
    bytes_per_s: float
    clock_ppm: float
    alerts: tuple[LiveEvent, ...]
    cues: tuple[tuple[LiveEvent, float], ...]
    drawn_cues: tuple[tuple[LiveEvent, float], ...]
    reconnects: int
    is_calibrated: bool
    rest_checks: tuple[RestCheck, ...]
    recording: Path | None
    error: FaceloopError | None

    @classmethod
    def of(
        cls,
        end_frame: int,
        coverage: Coverage,
        recorder: Recorder,
        verdicts: Verdicts,
        analysis: Analysis | None,
        **others: Any,
    ) -> SessionResult:
        """Return what these say up to ``end_frame``, and ``others`` as they are."""
        return cls(
            end_frame=end_frame,
            frames_received=coverage.n_held,
            frames_recorded=recorder.frames_recorded,
            frames_unstored=recorder.frames_unstored,
            gaps=tuple(coverage.gaps(end_frame)),
            alerts=tuple(verdicts.alerts),
            cues=tuple(verdicts.cues),
            drawn_cues=tuple(verdicts.drawn_cues),
            is_calibrated=analysis is not None and analysis.is_calibrated,
            rest_checks=analysis.rest.checks if analysis is not None and analysis.rest else (),
            recording=recorder.finished,
            **others,
        )
