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

    Attributes
    ----------
    fault : str
        Why the session broke, in words for the person; empty while all is well.
    last_recording : str
        Where the running or the latest recording is.
    busy : str
        What is being done on a button's request, empty when nothing is.
    is_ending : bool
        The end was asked for.
    one_at_a_time : asyncio.Lock
        Held while a button's request is carried out.
    ended : asyncio.Event
    """

    def __init__(self, live: LiveView, feed: LiveFeed) -> None:
        self.live = live
        self.feed = feed
        self.fault = ""
        self.last_recording = ""
        self.busy = ""
        self.is_ending = False
        self.one_at_a_time = asyncio.Lock()
        self.ended = asyncio.Event()
        self._recording_from_s: float | None = None

    def status(self) -> LiveStatus:
        """Return the session's status; remember where a recording is and since when it runs."""
        status = self.live.status()
        self.last_recording = status.recording or self.last_recording
        if status.is_recording:
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
