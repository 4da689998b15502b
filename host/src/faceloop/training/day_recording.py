"""The signal of a day, recorded beside what was done: begun and ended with the day."""

from __future__ import annotations

from pathlib import Path

from faceloop.errors import StorageError
from faceloop.session.bdf import BDF_NAME
from faceloop.session.journal_format import JOURNAL_NAME
from faceloop.session.live import LiveView
from faceloop.training.days import Day

__all__ = ["DayRecording"]


class DayRecording:
    """Follows whether a day is under way; a recording that somebody else began stays theirs.

    Parameters
    ----------
    live : LiveView
        With ``error`` where the session has one.
    """

    def __init__(self, live: LiveView) -> None:
        self._live = live
        self._day: Day | None = None
        self._own: Path | None = None
        self._noted = ""
        self._told: StorageError | None = None

    async def follow(self, day: Day | None) -> None:
        """Do what the moment asks for; call it several times a second.

        Parameters
        ----------
        day : Day or None
            That which is under way.

        Raises
        ------
        StorageError
            Once, for each recording that the disk refuses or ends. The day can go on without.
        """
        if day is not self._day:
            self._day = None
            await self._end()
            if day is None or self._live.status().link not in ("live", "lost"):
                return  # without a stream there is nothing to record yet
            self._day, self._noted = day, ""
            await self._begin(day)
        if day is not None:
            self._note(day)
            self._look()

    async def _begin(self, day: Day) -> None:
        running = self._running()
        if running is None:
            is_taken = any((day.folder / name).exists() for name in (JOURNAL_NAME, BDF_NAME))
            # Nothing is overwritten: the rest of a day that was left has a session of its own.
            await self._live.start_recording(None if is_taken else day.folder)
            self._own = self._running()
        elif running == day.folder:
            self._own = running  # the day's, gone on with after the program was killed

    async def _end(self) -> None:
        own, self._own = self._own, None
        if own is not None and own == self._running():
            await self._live.stop_recording()

    def _note(self, day: Day) -> None:
        running = self._running()
        if running is not None and running.name != self._noted:
            self._noted = running.name
            day.engine.note_recording(running.name)

    def _look(self) -> None:
        """Say that the disk has ended the day's recording."""
        if self._own is None or self._own == self._running():
            return
        self._own = None
        error = getattr(self._live, "error", None)
        if isinstance(error, StorageError) and error is not self._told:
            self._told = error
            raise error

    def _running(self) -> Path | None:
        """Return the folder of the recording that runs."""
        status = self._live.status()
        place = Path(status.recording) if status.recording else None
        # While one is being begun the place is still the file of the last one.
        if not status.is_recording or place is None or place.name == BDF_NAME:
            return None
        return place
