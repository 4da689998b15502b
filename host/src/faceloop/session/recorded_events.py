"""What happens in a session beside its signal, written into the recording when there is one."""

from __future__ import annotations

from collections.abc import Callable

from faceloop.session.live import LiveEvent
from faceloop.session.recorder import Recorder
from faceloop_protocol.reports import HeatState

__all__ = ["RecordedEvents"]


class RecordedEvents:
    """The events of one session.

    Parameters
    ----------
    recorder : Recorder
    now_frame : callable
        Frames of the live signal so far.
    """

    def __init__(self, recorder: Recorder, now_frame: Callable[[], int]) -> None:
        self._recorder = recorder
        self._now_frame = now_frame

    def keep(self, event: LiveEvent) -> None:
        """Write an event; what coverage and verdicts tell anyway is left out."""
        if event.kind not in ("gap", "synkinesis_end"):
            self._recorder.keep(lambda recording: recording.append_event(event))

    def note(self, kind: str, text: str) -> None:
        """Write an event of this moment, in plain words."""
        self.keep(LiveEvent(kind, self._now_frame(), text=text))

    def keep_heat(self, state: HeatState) -> None:
        """Write what the heat pad reports at this moment."""
        frame = self._now_frame()
        self._recorder.keep(lambda recording: recording.append_heat(state, frame))
