"""What a session told the person, and how quickly."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable

from faceloop.session.live import LiveEvent

__all__ = ["Verdicts"]


class Verdicts:
    """Alerts and cues of one session, with their times.

    Attributes
    ----------
    alerts : list of LiveEvent
        Synkinesis events.
    cues : list of (LiveEvent, float)
        Onset cues with the monotonic time at which each was given.
    drawn_cues : list of (LiveEvent, float)
        The same with the time at which each became visible on a page.
    """

    def __init__(self) -> None:
        self.alerts: list[LiveEvent] = []
        self.cues: list[tuple[LiveEvent, float]] = []
        self.drawn_cues: list[tuple[LiveEvent, float]] = []
        self._recent_latency_ms: deque[float] = deque(maxlen=200)

    def take(self, events: Iterable[LiveEvent]) -> None:
        """Note what was just told."""
        now_s = time.monotonic()
        for event in events:
            if event.kind == "onset_cue":
                self.cues.append((event, now_s))
            elif event.kind == "synkinesis":
                self.alerts.append(event)

    def note_drawn(self, frame: int, drawn_time_s: float) -> None:
        """Note when the cue of the event at ``frame`` was on screen."""
        for event, _ in reversed(self.cues):
            if event.frame == frame:
                self.drawn_cues.append((event, drawn_time_s))
                return

    def note_judged(self, at_electrode_s: float) -> None:
        """Note that what was at the electrode then is judged now; NaN when not known."""
        if not math.isnan(at_electrode_s):
            self._recent_latency_ms.append(1000.0 * (time.monotonic() - at_electrode_s))

    @property
    def latency_ms(self) -> float:
        """Median time from electrode to verdict over the last packets, NaN if unknown."""
        recent = sorted(self._recent_latency_ms)
        return recent[len(recent) // 2] if recent else math.nan
