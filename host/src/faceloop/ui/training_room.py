"""The training behind the pages: who trains, set-up, today, and the signal that drives it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

from faceloop.errors import FaceloopError
from faceloop.session.heat_session import HeatSession
from faceloop.session.live import LiveBlock, LiveView
from faceloop.session.montage import MONTAGES, Montage
from faceloop.training.blocks import is_due
from faceloop.training.day_view import DayView
from faceloop.training.days import Day, Days, OpenDay
from faceloop.training.engine import DayEngine
from faceloop.training.hop import Hop, hops_of
from faceloop.training.index import DayRow
from faceloop.training.monthly import Monthly
from faceloop.training.movements import movement_named
from faceloop.training.outputs import Outputs
from faceloop.training.profiles import Profile
from faceloop.training.programme import BlockSpec, Programme
from faceloop.training.results import DayResult
from faceloop.training.score import PARTS
from faceloop.training.setup import SetUp, SetUpTimes
from faceloop.ui import wire
from faceloop_protocol.heat import PERMIT_NONE

__all__ = ["TrainingRoom"]


LATE_S = 3 * 3600.0
"""A day that went over midnight is today's for so long after it was last trained."""


class TrainingRoom:
    """What all open pages share of the training.

    Parameters
    ----------
    live : LiveView
    root : Path
        Data folder.
    outputs : Outputs, optional
    clock_s : callable
        Monotonic seconds.
    times : SetUpTimes, optional
        Instead of the programme's.
    now : callable
        Time of day with its zone.

    Attributes
    ----------
    days : Days
    profile : Profile or None
        Who trains; None until chosen.
    day : Day or None
        Today's, once begun; kept after its end for the results.
    setup : SetUp or None
        While it goes on, and after.
    fault : FaceloopError or None
        Why something could not be done.
    """

    def __init__(
        self,
        live: LiveView,
        root: Path,
        outputs: Outputs | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        times: SetUpTimes | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.days = Days(root, now)
        self.profile: Profile | None = None
        self.day: Day | None = None
        self.setup: SetUp | None = None
        self.fault: FaceloopError | None = None
        self.montage = _montage_of(live)
        self._live = live
        self._outputs = outputs
        self._clock_s = clock_s
        self._times = times
        self._is_setup_kept = False
        self._now = now
        self._begun = self._trained = now()
        names = self.days.profiles.names()
        if len(names) == 1:
            self.choose(names[0])

    # -- who ------------------------------------------------------------------------------------

    def names(self) -> tuple[str, ...]:
        """Return the pseudonyms on this computer."""
        return self.days.profiles.names()

    def create(self, profile: Profile) -> bool:
        """Store a new profile and choose it; return whether that worked."""
        if not self._try(lambda: self.days.profiles.create(profile)):
            return False
        self.choose(profile.pseudonym)
        return self.profile is not None

    def choose(self, pseudonym: str) -> None:
        """Let someone train; a day of someone else is left as it is, and can be gone on with."""
        if self.profile is not None and self.profile.pseudonym != pseudonym:
            self.leave()
            self.day = self.setup = None

        def read() -> None:
            profiles = self.days.profiles
            self.profile = profiles.profile(pseudonym)
            if self.profile.montage != self.montage.name:
                self.profile = profiles.set_montage(pseudonym, self.montage.name)

        self._try(read)

    def note_movement_returned(self) -> None:
        """Keep that the person has seen movement come back: the movements are unlocked."""
        if self.profile is None:
            return
        name = self.profile.pseudonym

        def keep() -> None:
            self.profile = self.days.profiles.note_movement_returned(name)

        self._try(keep)

    @property
    def wearer(self) -> str | None:
        """Who wears the board: whoever trains; None until somebody is chosen."""
        return None if self.profile is None else self.profile.pseudonym

    @property
    def heat(self) -> HeatSession | None:
        """The heat pad, None where there is none."""
        return getattr(self._live, "heat", None)

    @property
    def heat_permission(self) -> int:
        """What whoever trains may have of heat; nothing until somebody is chosen."""
        if self.profile is None:
            return PERMIT_NONE
        return self.days.profiles.heat_permission(self.profile)

    @property
    def is_heat_barred(self) -> bool:
        """Whether somebody else has failed the skin test since whoever trains passed it."""
        return self.profile is not None and self.days.profiles.heat_bar.bars(self.profile)

    @property
    def may_be_heat_tested(self) -> bool:
        """Whether whoever trains may go through questions and skin test."""
        return self.profile is not None and self.days.profiles.heat_bar.may_be_tested(self.profile)

    def note_heat_test(self, result: Literal["passed", "failed"]) -> None:
        """Keep what questions and skin test have come to, for whoever trains."""
        profile = self.profile
        if profile is not None:
            name = profile.pseudonym

            def keep() -> None:
                self.profile = self.days.profiles.set_heat_test(name, result)

            if not self._try(keep) and result == "failed":  # holds, even where no disk keeps it
                self.profile = profile.with_heat_test(result)

    def note_heat_doubt(self) -> None:
        """Take back what was passed, until whoever trains has said whether a question applies."""
        profile = self.profile
        if profile is not None:
            name = profile.pseudonym

            def keep() -> None:
                self.profile = self.days.profiles.note_heat_doubt(name)

            if not self._try(keep):  # holds, even where no disk keeps it
                self.profile = profile.with_heat_doubt()

    # -- the day --------------------------------------------------------------------------------

    @property
    def engine(self) -> DayEngine | None:
        """Today's engine."""
        return self.day.engine if self.day is not None else None

    @property
    def is_under_way(self) -> bool:
        """Whether a day has begun and is not over."""
        return self.engine is not None and self.engine.state in ("running", "paused")

    def programme(self, *, is_short: bool = False) -> Programme | None:
        """Return today's programme, None where it cannot be read."""
        if self.profile is None:
            return None
        try:
            return self.days.profiles.programme(self.profile.pseudonym, is_short=is_short)
        except FaceloopError as error:
            self.fault = error
            return None

    def due_today(self, programme: Programme) -> tuple[BlockSpec, ...]:
        """Return the blocks whose turn is today: not those done every so many days."""
        days_since: dict[str, int] = {}

        def read() -> None:
            nonlocal days_since
            assert self.profile is not None
            days_since = dict(self.days.context(self.profile.pseudonym).days_since)

        if self.profile is not None:
            self._try(read)
        return tuple(
            block for block in programme.block if is_due(block, days_since.get(block.name))
        )

    def open_day(self) -> OpenDay | None:
        """Return the day that was left last, None without one."""
        if self.profile is None or self.is_under_way:
            return None
        try:
            own = [day for day in self.days.open_days() if day.profile == self.profile.pseudonym]
        except FaceloopError as error:
            self.fault = error
            return None
        return own[-1] if own else None

    def monthly(self) -> tuple[Monthly, ...]:
        """Return what comes next of what comes once a month; nothing where that is not known."""
        try:
            known = self.days.profiles.monthly(self.profile.pseudonym) if self.profile else ()
        except FaceloopError as error:
            self.fault = error
            return ()
        return known

    def last_trained(self) -> date | None:
        """Return the local day on which the person has trained last."""
        last = self._last_day()
        return last.begun_utc.astimezone().date() if last is not None else None

    def _last_day(self) -> DayRow | None:
        """Return the person's newest day."""
        if self.profile is None:
            return None
        rows: tuple[DayRow, ...] = ()

        def read() -> None:
            nonlocal rows
            assert self.profile is not None
            self.days.index.sync()
            rows = self.days.index.days(self.profile.pseudonym)

        self._try(read)
        return rows[-1] if rows else None

    def begin(self, *, is_short: bool = False) -> bool:
        """Begin today's programme; return whether that worked."""

        def start() -> None:
            assert self.profile is not None
            self.leave()
            self.day = self.days.begin(
                self.profile.pseudonym, is_short=is_short, outputs=self._outputs
            )
            self.day.engine.start(self._clock_s())
            self._begun = self._trained = self._now()

        return self.profile is not None and self._try(start)

    def resume(self, session: str) -> bool:
        """Go on with a day that was left; return whether that worked."""

        def start() -> None:
            self.leave()
            self.day = self.days.resume(session, self._outputs)
            self.day.engine.resume(self._clock_s())
            self._begun = self._trained = self._now()

        return self._try(start)

    def close(self, session: str) -> None:
        """End a day that was left, as it is."""
        self._try(lambda: self.days.close(session))

    def do(self, action: Callable[[DayEngine, float], None]) -> None:
        """Carry out what a button asks of the day."""
        engine = self.engine
        if engine is not None:
            self._try(lambda: action(engine, self._clock_s()))

    def view(self) -> DayView | None:
        """Return what a page shows of the day now."""
        return self.engine.view(self._clock_s()) if self.engine is not None else None

    def result(self) -> DayResult | None:
        """Return what today has come to so far; after a new start as well."""
        session = self._today()
        try:
            return self.days.result(session) if session is not None else None
        except FaceloopError as error:
            self.fault = error
            return None

    def say_of_today(self, action: Callable[[DayEngine, float], None]) -> None:
        """Store what the person says of today: a rating, a line; also when the day is over."""
        if self.day is not None:
            self.do(action)
            return
        session = self._today()

        def store() -> None:
            assert session is not None
            day = self.days.resume(session)
            try:
                action(day.engine, self._clock_s())
            finally:
                day.leave()

        if session is not None:
            self._try(store)

    def _today(self) -> str | None:
        """Return the session of today's day, the newest where there are more."""
        if self.day is not None:
            return self.day.session
        last = self._last_day()
        if last is None:
            return None
        trained = last.begun_utc + timedelta(seconds=last.active_s)
        return last.session if self._is_today(last.begun_utc, trained) else None

    def _is_today(self, begun: datetime, trained: datetime) -> bool:
        """Whether what was begun and last trained at these moments is today's."""
        now = self._now()
        is_same_date = begun.astimezone().date() == now.astimezone().date()
        return is_same_date or (now - trained).total_seconds() < LATE_S

    def _turn_day(self) -> None:
        """Let go of a day of yesterday: what was not finished can be gone on with or closed."""
        if self.engine is None:
            return
        if self.engine.state == "running":
            self._trained = self._now()
        elif not self._is_today(self._begun, self._trained):
            self.leave()
            self.day = None

    def leave(self) -> None:
        """Let go of the day's file; the day stays as it is."""
        if self.is_under_way:
            self.do(DayEngine.pause)
        if self.day is not None:
            self.day.leave()

    # -- set-up ---------------------------------------------------------------------------------

    def begin_setup(self, *, is_short: bool = False) -> None:
        """Begin the set-up."""
        if self.profile is None:
            return
        self._is_setup_kept = False
        programme = self.programme()
        own = SetUpTimes() if programme is None else SetUpTimes.of(programme.setup)
        self.setup = SetUp(
            self.montage,
            self.profile.affected_side,
            self._clock_s(),
            utc_now=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
            times=self._times or own,
            known=self.profile.known_references,
            is_short=is_short,
        )

    def clock(self) -> float:
        """Return the time that set-up and day know."""
        return self._clock_s()

    @property
    def listener(self) -> SetUp | DayEngine | None:
        """The set-up or the day in progress."""
        if self.setup is not None and not self.setup.is_done:
            return self.setup
        return self.engine if self.is_under_way else None

    def _keep_setup(self) -> None:
        setup, profile = self.setup, self.profile
        if setup is None or profile is None or not setup.is_done or self._is_setup_kept:
            return
        self._is_setup_kept = True
        references = setup.references
        if references is None:
            return

        def keep() -> None:
            self.profile = self.days.profiles.set_references(profile.pseudonym, references)
            if self.is_under_way and self.engine is not None:
                self.engine.set_references(references)

        self._try(keep)

    # -- signal and time ------------------------------------------------------------------------

    def take(self, block: LiveBlock) -> None:
        """Take a block of the live signal."""
        if self.engine is None and (self.setup is None or self.setup.is_done):
            return  # nobody listens
        status = self._live.status()
        for hop in hops_of(block, self.montage, status.lead_off, status.unfit):
            self._feed(hop)

    def _feed(self, hop: Hop) -> None:
        now_s = self._clock_s()
        if self.setup is not None and not self.setup.is_done:
            self.setup.feed(hop, now_s)
            self._keep_setup()
        self.do(lambda engine, at_s: engine.feed(hop, at_s))

    def tick(self) -> None:
        """Let time pass; called several times a second, also without a signal."""
        if self.setup is not None and not self.setup.is_done:
            self.setup.tick(self._clock_s())
            self._keep_setup()
        self.do(DayEngine.tick)
        self._turn_day()

    def guide(self) -> wire.Guide | None:
        """Return what a repetition asks for at this moment, None without one."""
        view = self.view()
        if view is None or view.state != "running" or view.feedback is None or view.step is None:
            return None
        feedback = view.feedback
        low, high = feedback.band
        return wire.Guide(
            phase=view.step.phase if view.step.phase in wire.GUIDE_PHASES else "none",
            goal=feedback.goal_share,
            hold=feedback.hold_share,
            low=low,
            high=high,
            left_share=_share(feedback.left_share),
            right_share=_share(feedback.right_share),
            remaining_s=view.step.remaining_s,
            pitch=feedback.sound.pitch,
            volume=feedback.sound.volume,
            is_shown=feedback.is_shown,
            is_muted=feedback.is_muted,
            is_joined=feedback.sound.sign == "synkinesis",
        )

    def asked_muscle(self) -> str:
        """Return the muscle that a repetition asks for at this moment, empty without one."""
        view = self.view()
        step = view.step if view is not None and view.state == "running" else None
        if step is None or step.phase not in PARTS or not step.movement:
            return ""
        placed = (pair.muscle for pair in self.montage.muscles)
        return movement_named(step.movement).target_in(placed)

    def _try(self, action: Callable[[], object]) -> bool:
        """Do something; a disk or file that refuses is said in ``fault``."""
        try:
            action()
        except FaceloopError as error:
            self.fault = error
            return False
        return True


def _montage_of(live: LiveView) -> Montage:
    """Return the montage of a session, by where its muscles are; the usual one for no other."""
    placed = {(pair.muscle, pair.left, pair.right) for pair in live.muscles}
    for montage in MONTAGES.values():
        if placed == {(pair.muscle, pair.left, pair.right) for pair in montage.muscles}:
            return montage
    return next(iter(MONTAGES.values()))


def _share(share: float | None) -> float:
    return math.nan if share is None else share
