"""What all open pages of one running app share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from faceloop.errors import FaceloopError
from faceloop.session.heat_session import HeatSession
from faceloop.session.live import LiveStatus, LiveView
from faceloop.ui.feed import LiveFeed
from faceloop.ui.preferences import PreferenceFile
from faceloop.ui.texts import Texts
from faceloop.ui.training_room import TrainingRoom
from faceloop.ui.words import Words

__all__ = ["AppState"]


class AppState:
    """The session on screen, its feed, and what the pages remember about it.

    Parameters
    ----------
    live : LiveView
    preferences : PreferenceFile
    room : TrainingRoom
    notes : sequence of str
        What is special about this session: the first is said on every page, all on the first page.
    earlier : sequence of str
        What became of earlier recordings; said on the first page.

    Attributes
    ----------
    feed : LiveFeed
    texts, words : Texts, Words
        In the person's language.
    fault : str
        Why the session broke, in words for the person; empty while all is well.
    problem : str
        Why the last request was refused, in words for the person.
    recordings : list of str
        Where the recordings are, in the order in which they were begun.
    reminder : str
        That it is time to train, where the desktop cannot show it; else empty.
    busy : str
        Key of what is being done on a button's request, empty when nothing is.
    is_ending : bool
        The end was asked for.
    one_at_a_time : asyncio.Lock
        Held while a button's request is carried out.
    ended : asyncio.Event
    """

    def __init__(
        self,
        live: LiveView,
        preferences: PreferenceFile,
        room: TrainingRoom,
        notes: Sequence[str] = (),
        earlier: Sequence[str] = (),
    ) -> None:
        self.live = live
        self.room = room
        self.preferences = preferences
        self.texts = Texts(preferences.now.language)
        self.words = Words(self.texts)
        self.feed = LiveFeed(live, lambda: self.words)
        self.feed.listener = room.take
        self.feed.guide = room.guide
        self.feed.asked = room.asked_muscle
        self.notes = tuple(notes)
        self.earlier = tuple(earlier)
        self.fault = ""
        self.problem = ""
        self.recordings: list[str] = []
        self.reminder = ""
        self.busy = ""
        self.is_ending = False
        self.one_at_a_time = asyncio.Lock()
        self.ended = asyncio.Event()
        self._recording_from_s: float | None = None
        self._recorded_s = [0.0, 0.0]  # of recordings that have ended; of the one that runs

    def choose(self, **choices: str) -> None:
        """Keep what the person chose."""
        self.preferences.change(**choices)
        self.speak(self.preferences.now.language)

    def speak(self, language: str) -> None:
        """Use a language from here on, without keeping it; an empty one changes nothing."""
        if language and language != self.texts.language:
            self.texts = Texts(language)
            self.words = Words(self.texts)

    def status(self) -> LiveStatus:
        """Return the session's status; remember where recordings are and since when one runs."""
        status = self.live.status()
        self._note(status.recording)
        if status.is_recording:
            if self._recording_from_s is None:
                self._recording_from_s = status.elapsed_s
            self._recorded_s[1] = self.recording_s(status)
        else:
            self._recording_from_s = None
            self._recorded_s = [self.recorded_s, 0.0]
        if status.link == "ended":
            self.ended.set()
        return status

    @property
    def heat(self) -> HeatSession | None:
        """The session's heat pad, None where there is none."""
        return self.room.heat

    def _note(self, place: str) -> None:
        """Remember a recording: first it is a folder, and when it is finished a file in it."""
        if not place or place in self.recordings:
            return
        if self.recordings and Path(self.recordings[-1]) in Path(place).parents:
            self.recordings.pop()
        self.recordings.append(place)

    @property
    def recorded_s(self) -> float:
        """How much of the signal is in the session's recordings, as far as its pages saw."""
        return sum(self._recorded_s)

    def recording_s(self, status: LiveStatus) -> float:
        """Return how long the running recording is, 0 without one."""
        started_s = self._recording_from_s
        return 0.0 if started_s is None else max(0.0, status.elapsed_s - started_s)

    async def toggle_recording(self, changed: Callable[[], None]) -> None:
        """Begin or end a recording, unless something else is being done.

        Parameters
        ----------
        changed : callable
            Called when there is something new to say.
        """
        if self.one_at_a_time.locked():
            return
        if self.live.status().is_recording:
            await self._ask(self.live.stop_recording, "live.busy_stop", changed)
        else:
            await self._ask(self.live.start_recording, "live.busy_start", changed)

    async def end(self, changed: Callable[[], None]) -> None:
        """End the session: never refused, at most a moment later than asked for."""
        if self.is_ending:
            return
        self.is_ending = True
        try:
            await self._ask(self.live.stop, "live.busy_end", changed)
        finally:
            self.is_ending = False

    async def _ask(
        self, action: Callable[[], Awaitable[None]], busy: str, changed: Callable[[], None]
    ) -> None:
        """Carry out what a button asks for; a refusal is kept in its own words."""
        self.problem = ""
        async with self.one_at_a_time:
            self.busy = busy
            changed()
            try:
                await action()
            except FaceloopError as error:
                self.problem = self.texts.refused(error)
            finally:
                self.busy = ""
        changed()
