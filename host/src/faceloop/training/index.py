"""What was done on which day, in one SQLite file: a copy for quick questions, made from the logs.

The logs in the session folders are the truth. The file may be removed at any time, be damaged or
of an older layout: it is made anew then. `DayIndex.sync` reads only the logs that have changed.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from faceloop.errors import StorageError
from faceloop.refusal import refusal
from faceloop.session.disk import storage_error
from faceloop.session.store import Store
from faceloop.training.day_log import LOG_NAME, read_log
from faceloop.training.results import DayResult, day_result

__all__ = ["DayIndex", "DayRow"]

INDEX_NAME = "index.sqlite"
LAYOUT = 3
_TABLES = """
CREATE TABLE days (
    session TEXT PRIMARY KEY, n_bytes INTEGER NOT NULL, profile TEXT, programme TEXT, stage TEXT,
    begun_utc TEXT, ended_utc TEXT, outcome TEXT, active_s REAL, score REAL, symmetry REAL,
    synkinesis REAL, trials INTEGER, clean INTEGER, goals TEXT, diary TEXT, resting REAL,
    signed_asymmetry REAL);
CREATE INDEX days_of ON days (profile, begun_utc);
CREATE TABLE blocks (session TEXT, at INTEGER, name TEXT, kind TEXT, outcome TEXT, reason TEXT);
CREATE TABLE movements (
    session TEXT, movement TEXT, repetitions INTEGER, scored INTEGER, clean INTEGER, score REAL,
    symmetry REAL, quiet REAL, synkinesis REAL, goal_share REAL,
    signed_asymmetry REAL);
CREATE TABLE ratings (session TEXT, name TEXT, rating INTEGER);
CREATE TABLE recordings (session TEXT, recording TEXT);
"""
_PARTS = ("blocks", "movements", "ratings", "recordings")


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day as the index has it; NaN where nothing was scored.

    Parameters
    ----------
    session, profile, programme, stage : str
    begun_utc : datetime
    outcome : str
        ``done``, ``closed``, ``open``.
    active_s, score, symmetry, synkinesis : float
        ``synkinesis`` is per repetition.
    trials, clean : int
        Repetitions that were scored, and those that were clean.
    resting : float
        Resting tone of the affected side over the other's, before the training.
    signed_asymmetry : float
        Below 0 the affected side is the weaker one, above the over-active one.
    """

    session: str
    profile: str
    programme: str
    stage: str
    begun_utc: datetime
    outcome: str
    active_s: float
    score: float
    symmetry: float
    synkinesis: float
    trials: int
    clean: int
    resting: float = math.nan
    signed_asymmetry: float = math.nan


class DayIndex:
    """The index of one data folder.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.root / INDEX_NAME

    def sync(self) -> int:
        """Bring the index up to date with the logs; return how many were read.

        Raises
        ------
        StorageError
        """
        with self._open() as db:
            known = dict(db.execute("SELECT session, n_bytes FROM days"))
            n_read = 0
            found = set()
            for session, n_bytes in self._logs():
                found.add(session)
                if known.get(session) != n_bytes:
                    n_read += 1
                    self._read(db, session, n_bytes)
            for gone in set(known) - found:
                _forget(db, gone)
            return n_read

    def rebuild(self) -> int:
        """Make the index anew from the logs; return how many days it holds."""
        self._path.unlink(missing_ok=True)
        self.sync()
        with self._open() as db:
            return int(db.execute("SELECT count(*) FROM days").fetchone()[0])

    def days(self, profile: str) -> tuple[DayRow, ...]:
        """Return the days of a person, oldest first."""
        with self._open() as db:
            rows = db.execute(
                "SELECT session, profile, programme, stage, begun_utc, outcome, active_s, score,"
                " symmetry, synkinesis, trials, clean, resting, signed_asymmetry FROM days"
                " WHERE profile = ? ORDER BY begun_utc",
                (profile,),
            ).fetchall()
        return tuple(_day_row(row) for row in rows)

    def goals(self, profile: str, since_utc: str = "") -> dict[str, float]:
        """Return where the targets of a person stood last, by ``block/movement``.

        Parameters
        ----------
        profile : str
        since_utc : str
            ISO 8601; days begun before it do not count.
        """
        with self._open() as db:
            rows = db.execute(
                "SELECT goals FROM days WHERE profile = ? AND begun_utc >= ? ORDER BY begun_utc",
                (profile, since_utc),
            ).fetchall()
        goals: dict[str, float] = {}
        for (text,) in rows:
            goals.update(json.loads(text))
        return goals

    def last_done(self, profile: str) -> dict[str, datetime]:
        """Return when each block of a person was last done, by its name."""
        with self._open() as db:
            rows = db.execute(
                "SELECT name, max(begun_utc) FROM blocks JOIN days USING (session)"
                " WHERE profile = ? AND blocks.outcome = 'done' GROUP BY name",
                (profile,),
            ).fetchall()
        return {name: datetime.fromisoformat(utc) for name, utc in rows}

    def movements(self, profile: str) -> tuple[dict[str, Any], ...]:
        """Return every movement of every day of a person, oldest first, by column name."""
        with self._open() as db:
            cursor = db.execute(
                "SELECT begun_utc, movements.* FROM movements JOIN days USING (session)"
                " WHERE profile = ? ORDER BY begun_utc",
                (profile,),
            )
            names = [column[0] for column in cursor.description]
            return tuple(dict(zip(names, row, strict=True)) for row in cursor)

    def ratings(self, profile: str) -> tuple[tuple[datetime, str, int], ...]:
        """Return the ratings of a person, oldest first."""
        with self._open() as db:
            rows = db.execute(
                "SELECT begun_utc, name, rating FROM ratings JOIN days USING (session)"
                " WHERE profile = ? ORDER BY begun_utc, name",
                (profile,),
            ).fetchall()
        return tuple((datetime.fromisoformat(utc), name, rating) for utc, name, rating in rows)

    # -- inside -----------------------------------------------------------------------------------

    def _logs(self) -> Iterator[tuple[str, int]]:
        for entry in self._store.sessions():
            with contextlib.suppress(OSError):
                yield entry.id, (entry.path / LOG_NAME).stat().st_size

    def _read(self, db: sqlite3.Connection, session: str, n_bytes: int) -> None:
        _forget(db, session)
        records = read_log(self._store.session(session))
        try:
            result = day_result(records)
        except (KeyError, IndexError, TypeError, ValueError):
            # Kept as a row without a person: it is not read again until it grows.
            db.execute("INSERT INTO days (session, n_bytes) VALUES (?, ?)", (session, n_bytes))
            return
        _insert(db, session, n_bytes, result, records)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            db = self._connect()
        except sqlite3.DatabaseError:
            # Damaged, or something else of that name in our own folder: it is only a copy.
            with contextlib.suppress(OSError):
                self._path.unlink()
            try:
                db = self._connect()
            except sqlite3.Error as error:
                raise StorageError(
                    refusal("index_unwritable", path=self._path, reason=error)
                ) from error
        try:
            with db:
                yield db
        except sqlite3.Error as error:
            raise StorageError(refusal("index_unusable", path=self._path, reason=error)) from error
        finally:
            db.close()

    def _connect(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, self._path.parent) from error
        db = sqlite3.connect(self._path, timeout=10.0)
        try:
            if db.execute("PRAGMA user_version").fetchone()[0] != LAYOUT:
                tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                for (name,) in tables.fetchall():
                    db.execute(f"DROP TABLE {name}")
                db.executescript(f"{_TABLES} PRAGMA user_version = {LAYOUT};")
            self._path.chmod(0o600)
        except BaseException:
            db.close()
            raise
        return db


def _forget(db: sqlite3.Connection, session: str) -> None:
    for table in ("days", *_PARTS):
        db.execute(f"DELETE FROM {table} WHERE session = ?", (session,))


def _insert(
    db: sqlite3.Connection,
    session: str,
    n_bytes: int,
    result: DayResult,
    records: list[dict[str, Any]],
) -> None:
    goals = {
        f"{record['block']}/{record['movement']}": record["goal_share"]
        for record in records
        if record["kind"] == "trial"
    }
    for record in records:
        if record["kind"] == "day_end":
            goals = {name: record["goals"][name] for name in goals if name in record["goals"]}
    db.execute(
        f"INSERT INTO days VALUES ({', '.join('?' * 18)})",
        (
            session,
            n_bytes,
            result.profile,
            result.programme,
            result.stage,
            result.begun_utc,
            result.ended_utc,
            result.outcome,
            result.active_s,
            _known(result.score),
            _known(result.symmetry),
            _known(result.synkinesis_per_repetition),
            sum(movement.scored for movement in result.movements),
            sum(movement.clean for movement in result.movements),
            json.dumps(goals),
            result.diary,
            _known(result.resting_ratio),
            _known(result.signed_asymmetry),
        ),
    )
    db.executemany(
        "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?)",
        [
            (session, at, block.name, block.kind, block.outcome, block.reason)
            for at, block in enumerate(result.blocks)
        ],
    )
    db.executemany(
        f"INSERT INTO movements VALUES ({', '.join('?' * 11)})",
        [
            (
                session,
                movement.movement,
                movement.repetitions,
                movement.scored,
                movement.clean,
                _known(movement.score),
                _known(movement.symmetry),
                _known(movement.quiet),
                _known(movement.synkinesis_per_repetition),
                movement.goal_share,
                _known(movement.signed_asymmetry),
            )
            for movement in result.movements
        ],
    )
    db.executemany(
        "INSERT INTO ratings VALUES (?, ?, ?)",
        [(session, name, rating) for name, rating in result.ratings.items()],
    )
    db.executemany(
        "INSERT INTO recordings VALUES (?, ?)",
        [(session, recording) for recording in result.recordings],
    )


def _day_row(row: tuple[Any, ...]) -> DayRow:
    session, profile, programme, stage, begun_utc, outcome, *numbers = row
    active_s, score, symmetry, synkinesis, trials, clean, resting, signed = numbers
    return DayRow(
        session,
        profile,
        programme,
        stage,
        datetime.fromisoformat(begun_utc),
        outcome,
        active_s,
        math.nan if score is None else score,
        math.nan if symmetry is None else symmetry,
        math.nan if synkinesis is None else synkinesis,
        trials,
        clean,
        math.nan if resting is None else resting,
        math.nan if signed is None else signed,
    )


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None
