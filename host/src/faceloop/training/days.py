"""Days of training on disk: begun, found again after a kill, gone on with or closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from faceloop.errors import StorageError, UsageError
from faceloop.refusal import refusal
from faceloop.session.disk import SessionBusy
from faceloop.session.montage import montage_named
from faceloop.session.store import Store
from faceloop.training.day_log import LOG_NAME, DayLog, read_log
from faceloop.training.day_position import DayContext, DayPosition
from faceloop.training.engine import DayEngine
from faceloop.training.index import DayIndex
from faceloop.training.outputs import Outputs
from faceloop.training.profiles import Profiles
from faceloop.training.programme import Programme
from faceloop.training.results import DayResult, day_result

__all__ = ["Day", "Days", "OpenDay"]

STALE_DAYS = 1
"""A day that was left is offered to go on for so long; later it can be closed only."""


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A day that was neither ended nor closed.

    Parameters
    ----------
    session : str
    profile, programme : str
    begun_utc : datetime
    active_s : float
    block : int
        Index of the block that comes next.
    n_blocks : int
    can_resume : bool
        It is not older than a day.
    """

    session: str
    profile: str
    programme: str
    begun_utc: datetime
    active_s: float
    block: int
    n_blocks: int
    can_resume: bool


class Day:
    """One day with its folder and its log.

    Parameters
    ----------
    folder : Path
        Of the session; a recording of the signal belongs in here as well.
    engine : DayEngine
    """

    def __init__(self, folder: Path, engine: DayEngine, log: DayLog) -> None:
        self.folder = folder
        self.engine = engine
        self._log = log

    @property
    def session(self) -> str:
        """Its id."""
        return self.folder.name

    def result(self) -> DayResult:
        """Return what it has come to so far, from the disk."""
        return day_result(read_log(self.folder))

    def leave(self) -> None:
        """Let go of the log. The day stays as it is, and can be gone on with."""
        self._log.close()


class Days:
    """All days of a data folder.

    Parameters
    ----------
    root : Path
        Data folder.
    now : callable
        Time of day with its zone.
    """

    def __init__(
        self, root: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.store = Store(root)
        self.profiles = Profiles(root, now)
        self.index = DayIndex(self.store)
        self._now = now

    def begin(
        self,
        pseudonym: str,
        *,
        is_short: bool = False,
        programme: Programme | None = None,
        outputs: Outputs | None = None,
    ) -> Day:
        """Make a day for a person; it begins with ``engine.start``.

        Parameters
        ----------
        pseudonym : str
        is_short : bool
            The five-minute day.
        programme : Programme, optional
            Another one than theirs.
        outputs : Outputs, optional

        Raises
        ------
        UsageError, StorageError
        """
        context = self.context(pseudonym)
        chosen = programme or self.profiles.programme(pseudonym, is_short=is_short)
        folder = self.store.new_session()
        log = DayLog(folder)
        engine = DayEngine(chosen, context, log, outputs, self._utc)
        return Day(folder, engine, log)

    def context(self, pseudonym: str) -> DayContext:
        """Return what a day needs to know of a person, from their profile and their history."""
        profile = self.profiles.profile(pseudonym)
        self.index.sync()
        today = self._now().astimezone().date()
        last_done = self.index.last_done(pseudonym)
        return DayContext(
            profile=pseudonym,
            affected_side=profile.affected_side,
            montage=montage_named(profile.montage),
            lock=profile.lock,
            references=profile.known_references,
            goals=self.index.goals(pseudonym, profile.goals_from_utc),
            days_since={
                name: max((today - when.astimezone().date()).days, 0)
                for name, when in last_done.items()
                # What was done today already may be done again: only longer periods are kept.
                if when.astimezone().date() < today
            },
        )

    def open_days(self) -> tuple[OpenDay, ...]:
        """Return the days that were left, oldest first; none that another program trains in."""
        found = []
        for entry in self.store.sessions():
            if not (entry.path / LOG_NAME).is_file():
                continue
            records = read_log(entry.path)
            if not records or any(record["kind"] == "day_end" for record in records):
                continue
            try:
                DayLog(entry.path).close()
                position = DayPosition.of(records)
            except (SessionBusy, StorageError):
                continue
            begun_utc = datetime.fromisoformat(records[0]["utc"])
            age_s = (self._now() - begun_utc).total_seconds()
            found.append(
                OpenDay(
                    entry.id,
                    position.context.profile,
                    position.programme.name,
                    begun_utc,
                    position.t_s,
                    position.block,
                    len(position.programme.block),
                    can_resume=age_s < STALE_DAYS * 86400.0,
                )
            )
        return tuple(found)

    def resume(self, session: str, outputs: Outputs | None = None) -> Day:
        """Take a day up again: paused where it was; ``engine.resume`` goes on.

        Raises
        ------
        UsageError
            If there is no such day.
        SessionBusy
            If another program trains in it.
        StorageError
        """
        folder = self.store.session(session)
        if not (folder / LOG_NAME).is_file():
            raise UsageError(refusal("no_training", session=session))
        log = DayLog(folder)
        try:
            engine = DayEngine.restored(log.records, log, outputs, self._utc)
        except BaseException:
            log.close()
            raise
        return Day(folder, engine, log)

    def result(self, session: str) -> DayResult:
        """Return what a day has come to so far, from the disk.

        Raises
        ------
        UsageError, StorageError
        """
        return day_result(read_log(self.store.session(session)))

    def close(self, session: str) -> None:
        """End a day that was left, as it is."""
        day = self.resume(session)
        try:
            day.engine.close(0.0)
        finally:
            day.leave()

    def _utc(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="milliseconds")
