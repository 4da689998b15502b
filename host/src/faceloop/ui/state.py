"""What all open pages of one running app share."""

from __future__ import annotations

import asyncio

from faceloop.session.live import LiveStatus, LiveView
from faceloop.ui.feed import LiveFeed

__all__ = ["AppState"]


class AppState:
    """The session on screen, its feed, and what the pages remember about it.

    Parameters
    ----------
    live : LiveView
    feed : LiveFeed
    """

    def __init__(self, live: LiveView, feed: LiveFeed) -> None:
        self.live = live
        self.feed = feed
        self.fault = ""
        self.last_recording = ""
        self.ended = asyncio.Event()
        self._recording_from_s: float | None = None

    def status(self) -> LiveStatus:
        """Return the session's status; remember where a recording is and since when it runs."""
        status = self.live.status()
        if status.is_recording:
            self.last_recording = status.recording or self.last_recording
            if self._recording_from_s is None:
                self._recording_from_s = status.elapsed_s
        else:
            self._recording_from_s = None
        if status.link == "ended":
            self.ended.set()
        return status

    def recording_s(self, status: LiveStatus) -> float:
        """Return how long the running recording is, 0 without one."""
        started_s = self._recording_from_s
        return 0.0 if started_s is None else max(0.0, status.elapsed_s - started_s)
