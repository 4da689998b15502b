"""What all open pages of one running app share."""

from __future__ import annotations

import asyncio
from pathlib import Path

from faceloop.session.live import LiveStatus, LiveView
from faceloop.ui.feed import LiveFeed

__all__ = ["AppState"]


class AppState:
    """The session on screen, its feed, and what the pages remember about it.

    Parameters
    ----------
    live : LiveView
    feed : LiveFeed
    note : str
        What is special about this session, empty for nothing.

    Attributes
    ----------
    fault : str
        Why the session broke, in words for the person; empty while all is well.
    recordings : list of str
        Where the recordings are, in the order in which they were begun.
    busy : str
        What is being done on a button's request, empty when nothing is.
    is_ending : bool
        The end was asked for.
    one_at_a_time : asyncio.Lock
        Held while a button's request is carried out.
    ended : asyncio.Event
    """

    def __init__(self, live: LiveView, feed: LiveFeed, note: str = "") -> None:
        self.live = live
        self.feed = feed
        self.note = note
        self.fault = ""
        self.recordings: list[str] = []
        self.busy = ""
        self.is_ending = False
        self.one_at_a_time = asyncio.Lock()
        self.ended = asyncio.Event()
        self._recording_from_s: float | None = None

    def status(self) -> LiveStatus:
        """Return the session's status; remember where recordings are and since when one runs."""
        status = self.live.status()
        self._note(status.recording)
        if status.is_recording:
            if self._recording_from_s is None:
                self._recording_from_s = status.elapsed_s
        else:
            self._recording_from_s = None
        if status.link == "ended":
            self.ended.set()
        return status

    def _note(self, place: str) -> None:
        """Remember a recording: first it is a folder, and when it is finished a file in it."""
        if not place or place in self.recordings:
            return
        if self.recordings and Path(self.recordings[-1]) in Path(place).parents:
            self.recordings.pop()
        self.recordings.append(place)

    def recording_s(self, status: LiveStatus) -> float:
        """Return how long the running recording is, 0 without one."""
        started_s = self._recording_from_s
        return 0.0 if started_s is None else max(0.0, status.elapsed_s - started_s)
