"""A day of training on a virtual board, with a made-up patient: the whole loop, without a page."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faceloop.background import end
from faceloop.errors import UsageError
from faceloop.session.live import Side
from faceloop.session.live_session import LiveSession
from faceloop.session.montage import montage_named
from faceloop.tasks.account import rounded, session_account
from faceloop.tasks.attendance import attend
from faceloop.tasks.data_folder import checked_store
from faceloop.tasks.made_up_patient import MadeUpPatient
from faceloop.tasks.progress import Progress, Silent
from faceloop.tasks.recovery import recover
from faceloop.tasks.virtual import PairedBoard, paired_virtual_board
from faceloop.training.board_outputs import BoardOutputs
from faceloop.training.day_log import read_log
from faceloop.training.days import Day, Days
from faceloop.training.live_training import LiveTraining
from faceloop.training.profiles import Profile
from faceloop.training.programme import HeatBlock
from faceloop.training.programme_file import read_programme
from faceloop.training.setup import SetUp, SetUpTimes
from faceloop.training.stage import Stage, StageLock
from faceloop.twin.launch import BoardSpec
from faceloop_protocol.heat import PERMIT_FULL

__all__ = ["TrainOptions", "train"]

POLL_S = 0.05
WARMS_EVERY_S = 0.5
LONG_AGO = "2020-01-01"
MADE_UP = "made-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Whose day, and which.

    Parameters
    ----------
    profile : str
        Pseudonym; a profile that is not there is made.
    stage : str
        Of a profile that is made.
    affected_side : str
    montage : str
    programme : Path or None
        A programme file; None takes that of the profile.
    is_short : bool
        The five-minute day.
    resume : bool
        Go on with the last day that was left instead of beginning one.
    rest_s, contract_s : float
        Of set-up: its rest; each movement and the pause after it.
    seed : int
        Of the made-up face.
    out : Path or None
        Data folder; its parent must exist. None takes the user's own.
    joins, reaches : tuple of float
        See `MadeUpPatient`.
    """

    profile: str = MADE_UP
    stage: str = "synkinesis"
    affected_side: Side = "left"
    montage: str = "guarded8"
    programme: Path | None = None
    is_short: bool = False
    resume: bool = False
    rest_s: float = 60.0
    contract_s: float = 2.5
    seed: int = 1
    out: Path | None = None
    joins: tuple[float, ...] = (0.8, 0.0)
    reaches: tuple[float, ...] = (1.0, 0.5, 1.0)

    @property
    def set_up(self) -> SetUpTimes:
        """How long the parts of set-up take."""
        return SetUpTimes(rest_s=self.rest_s, contract_s=self.contract_s, relax_s=self.contract_s)


async def train(options: TrainOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Do a day and return what it came to. Ctrl-C leaves it; it can be gone on with.

    Raises
    ------
    FaceloopError
        In words for the user. What was done is stored.
    """
    progress = progress or Silent()
    programme = read_programme(options.programme) if options.programme is not None else None
    montage = montage_named(options.montage)
    stage = StageLock(options.stage).stage  # type: ignore[arg-type]
    store = checked_store(options.out)
    days = Days(store.root)
    recovered = await recover(store, progress)
    left = _left(days, options.profile) if options.resume else None
    if options.profile not in days.profiles.names():
        days.profiles.create(_made_up_profile(options, stage))
    profile = days.profiles.profile(options.profile)
    progress.step("Starting the virtual board")
    source = {"kind": "patient", "seed": options.seed, "affected": profile.affected_side}
    async with paired_virtual_board(BoardSpec(source=source, seed=options.seed)) as paired:
        folders: list[Path] = []
        session = LiveSession(
            paired.transport,
            paired.key_of,
            montage=montage,
            affected_side=profile.affected_side,
            new_folder=lambda: folders.pop() if folders else store.new_session(),
            rest_s=min(options.set_up.rest_s, 10.0),
            played="a made-up patient",
        )
        outputs = BoardOutputs(session)
        day = (
            days.resume(left, outputs)
            if left is not None
            else days.begin(
                options.profile, is_short=options.is_short, programme=programme, outputs=outputs
            )
        )
        try:
            if left is None:
                folders.append(day.folder)  # the signal lies beside what was done
            progress.step("Connecting")
            info = await session.start(is_recording=True)
            rehearsal = _Rehearsal(session, paired, outputs, day, days, options, progress)
            result, is_interrupted = await attend(session, rehearsal.play, progress)
        finally:
            day.leave()
    account = session_account(
        info,
        result,
        montage=montage.name,
        affected_side=profile.affected_side,
        is_interrupted=is_interrupted,
        recovered=recovered,
    )
    days.index.sync()
    return {**_day_account(day), "set_up": rehearsal.set_up_account, **account}


class _Rehearsal:
    """Set-up, then the day."""

    def __init__(
        self,
        session: LiveSession,
        paired: PairedBoard,
        outputs: BoardOutputs,
        day: Day,
        days: Days,
        options: TrainOptions,
        progress: Progress,
    ) -> None:
        self._session = session
        self._paired = paired
        self._outputs = outputs
        self._montage = montage_named(options.montage)
        self._day = day
        self._days = days
        self._options = options
        self._progress = progress
        self._training = LiveTraining(session, self._montage)
        self.set_up_account: dict[str, Any] = {"took_s": None, "checks": [], "findings": []}

    async def play(self) -> None:
        """Return when the day is over, or the disk has failed."""
        options = self._options
        patient = MadeUpPatient(
            self._training, self._paired.board.control, options.joins, options.reaches
        )
        feeding = asyncio.ensure_future(self._training.run())
        following = asyncio.ensure_future(patient.run())
        warming = asyncio.ensure_future(self._warm())
        try:
            await self._until_steady()
            await self._set_up()
            await self._train()
        finally:
            await end(feeding, following, warming)
        if self._training.error is not None:
            raise self._training.error

    async def _warm(self) -> None:
        """Let the patient have heat where the programme has it, as long as somebody is there.

        The permission is the virtual board's: none is kept with the profile, which a person may
        go on with.
        """
        blocks = self._day.engine.programme.block
        if self._session.heat is None or not any(
            isinstance(b, HeatBlock) and b.is_on for b in blocks
        ):
            return
        while True:
            pad = self._session.heat
            pad.note_presence()
            if pad.view().is_asking:
                pad.confirm()
            self._outputs.follow_heat(self._day.engine, self._options.profile, PERMIT_FULL)
            await asyncio.sleep(WARMS_EVERY_S)

    async def _until_steady(self) -> None:
        """Wait until the mains canceller has learnt the line, as the session's own rest does."""
        await self._wait(lambda: self._session.frames_so_far > 2 * self._session.fs_hz)

    async def _set_up(self) -> None:
        self._progress.step("Set-up")
        clock, options = self._training.clock, self._options
        began_s = clock()
        setup = SetUp(
            self._montage,
            self._day.engine.context.affected_side,
            began_s,
            utc_now=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
            times=options.set_up,
            known=self._day.engine.context.references,
            is_short=options.resume,
        )
        self._training.listener = setup
        await self._wait(lambda: setup.is_done, lambda: clock() - began_s, lambda: setup.planned_s)
        view = setup.view(clock())
        self.set_up_account = {
            "took_s": round(clock() - began_s, 1),
            "checks": [
                {
                    "electrode": check.label,
                    "snr_db": rounded(check.snr_db, 1),
                    "verdict": check.verdict,
                }
                for check in view.checks
            ],
            "findings": [finding.kind for finding in view.findings],
        }
        if setup.references is not None:
            self._days.profiles.set_references(self._options.profile, setup.references)
            self._day.engine.set_references(setup.references)

    async def _train(self) -> None:
        engine, clock = self._day.engine, self._training.clock
        self._progress.step("Training")
        if engine.state == "paused":
            engine.resume(clock())
        else:
            engine.start(clock())
        engine.note_recording(self._session_id())
        self._training.listener = engine
        await self._wait(
            lambda: engine.state == "done",
            lambda: engine.view(clock()).active_s,
            lambda: engine.programme.planned_s,
        )

    def _session_id(self) -> str:
        place = self._session.status().recording
        return Path(place).name if place else ""

    async def _wait(
        self,
        is_over: Callable[[], bool],
        done_s: Callable[[], float] | None = None,
        planned_s: Callable[[], float] | None = None,
    ) -> None:
        while not is_over() and self._training.error is None and self._session.error is None:
            if done_s is not None and planned_s is not None:
                self._progress.amount(done_s(), planned_s())
            await asyncio.sleep(POLL_S)


def _made_up_profile(options: TrainOptions, stage: Stage) -> Profile:
    """Return the made-up patient's profile, with the answers that its stage needs."""
    return Profile(
        options.profile,
        options.affected_side,
        stage,
        options.montage,
        has_movement_returned=stage != "flaccid",
        onset=LONG_AGO,
    )


def _left(days: Days, pseudonym: str) -> str:
    """Return the session of the last day of a person that was left."""
    own = [day for day in days.open_days() if day.profile == pseudonym and day.can_resume]
    if not own:
        raise UsageError(f"{pseudonym} has left no day to go on with. Begin one without --resume.")
    return own[-1].session


def _day_account(day: Day) -> dict[str, Any]:
    """Return what a day came to, as JSON types."""
    records = read_log(day.folder)
    if not records:
        return {"session": day.session, "outcome": "not_begun", "trials": []}
    result = day.result()
    return {
        "session": day.session,
        "profile": result.profile,
        "programme": result.programme,
        "outcome": result.outcome,
        "active_s": round(result.active_s, 1),
        "score": rounded(result.score, 1),
        "symmetry": rounded(result.symmetry, 3),
        "synkinesis_per_repetition": rounded(result.synkinesis_per_repetition, 2),
        "blocks": [asdict(block) for block in result.blocks],
        "movements": [
            {
                key: rounded(value, 3) if isinstance(value, float) else value
                for key, value in asdict(movement).items()
            }
            for movement in result.movements
        ],
        "trials": [record for record in records if record["kind"] == "trial"],
        "resting_uv": [_plain(result.resting_first_uv), _plain(result.resting_last_uv)],
    }


def _plain(levels: tuple[float | None, ...] | None) -> list[float | None] | None:
    if levels is None:
        return None
    return [None if level is None or not math.isfinite(level) else level for level in levels]
