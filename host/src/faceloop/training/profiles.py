"""Who trains: a pseudonym and what the training needs to know, nothing else.

``<data>/profiles/<pseudonym>/``: ``profile.json``, ``programme.toml`` where a therapist has
changed it, ``programmes/`` with the earlier ones, ``placement.*``, the last placement photo,
``questionnaires.jsonl``.
No name, no date of birth, no address: nothing in here leaves the computer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from faceloop.errors import StorageError, UsageError
from faceloop.refusal import refusal
from faceloop.session.disk import replace_file, storage_error
from faceloop.session.live import Side
from faceloop.session.montage import montage_named
from faceloop.training.heat_bar import HeatBar
from faceloop.training.monthly import Monthly, MonthlyKind, local_day, next_monthly
from faceloop.training.pin import TherapistPin
from faceloop.training.programme import Programme
from faceloop.training.programme_file import (
    programme_text,
    read_programme,
    shipped_programme,
)
from faceloop.training.questionnaires import Questionnaires
from faceloop.training.references import References
from faceloop.training.reminders import no_time_of_day
from faceloop.training.stage import Stage, StageLock, is_for_therapist, stage_term
from faceloop_protocol.heat import PERMIT_FLAGGED, PERMIT_FULL, PERMIT_NONE

__all__ = ["HEAT_CHOICES", "HeatChoice", "HeatTest", "Profile", "Profiles"]

HeatTest = Literal["", "passed", "failed"]
HeatChoice = Literal["tested", "gentle", "off"]
HEAT_CHOICES: tuple[HeatChoice, ...] = get_args(HeatChoice)

PROFILE_NAME = "profile.json"
PROGRAMME_NAME = "programme.toml"
SHORT_PROGRAMME_NAME = "programme_short.toml"
PHOTO_NAMES = {"jpg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n", "webp": b"RIFF"}
MOST_PHOTO_BYTES = 8 << 20
_TESTED = ("tested", "passed")
_PSEUDONYM = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?")
# Names that Windows keeps for devices cannot be folders there.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


@dataclass(frozen=True, slots=True)
class Profile:
    """One person, as far as the training knows them.

    Parameters
    ----------
    pseudonym : str
        1 to 24 of a-z, 0-9 and -.
    affected_side : str
        ``left`` or ``right``.
    stage : str
    montage : str
    has_movement_returned, is_unlocked_by_therapist : bool
        See ``stage``.
    reminder : str
        ``HH:MM``, empty for none.
    heat_test : str
        What questions and skin test before the first heat have come to: ``passed``, ``failed``,
        empty before them. ``failed`` stays until a therapist lets both be done again.
    heat_choice : str
        The therapist's: ``tested`` goes by ``heat_test``, ``gentle`` allows the lower limit once
        there is a result, whatever that is, ``off`` allows nothing. A failure after it ends
        ``gentle``.
    heat_failures : int
        How many tests had been failed on this computer when this person was tested, or admitted by
        a therapist; see `HeatBar`.
    references : dict or None
        `References` as JSON.
    created_utc : str
    goals_from_utc : str
        Targets that days before this have reached do not count; empty for all do.
    onset : str
        Day on which the palsy began, about, ISO 8601; empty where that is not known.
    reviewed : str
        Day on which a therapist has last noted that both looked back together; else empty.
    """

    pseudonym: str
    affected_side: Side
    stage: Stage
    montage: str = "guarded8"
    has_movement_returned: bool = False
    is_unlocked_by_therapist: bool = False
    reminder: str = ""
    heat_test: HeatTest = ""
    heat_choice: HeatChoice = "tested"
    heat_failures: int = 0
    references: dict[str, Any] | None = None
    created_utc: str = ""
    goals_from_utc: str = ""
    onset: str = ""
    reviewed: str = ""

    def __post_init__(self) -> None:
        if not _PSEUDONYM.fullmatch(self.pseudonym) or self.pseudonym in _RESERVED:
            raise UsageError(refusal("pseudonym", given=repr(self.pseudonym[:40])))
        if self.affected_side not in get_args(Side):
            raise UsageError(refusal("side", given=repr(self.affected_side)))
        if self.reminder and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", self.reminder):
            raise no_time_of_day(self.reminder)
        if self.heat_test not in get_args(HeatTest) or self.heat_choice not in HEAT_CHOICES:
            raise UsageError(refusal("heat_unknown"))
        montage_named(self.montage)
        _ = self.lock, self.onset_day, self.review_day

    @property
    def lock(self) -> StageLock:
        """What the stage allows."""
        return StageLock(self.stage, self.has_movement_returned, self.is_unlocked_by_therapist)

    @property
    def onset_day(self) -> date | None:
        """When the palsy began, None where that is not known."""
        try:
            return date.fromisoformat(self.onset) if self.onset else None
        except ValueError:
            raise UsageError(refusal("onset", given=repr(self.onset[:40]))) from None

    @property
    def review_day(self) -> date | None:
        """When patient and therapist last looked back together, None for never."""
        return date.fromisoformat(self.reviewed) if self.reviewed else None

    @property
    def heat_permission(self) -> int:
        """What this person may have of heat by themselves, a PERMIT_ constant.

        `Profiles.heat_permission` says what is left of it; the board never allows more.
        """
        if self.heat_choice == "gentle" and self.heat_test:
            return PERMIT_FLAGGED
        return PERMIT_FULL if (self.heat_choice, self.heat_test) == _TESTED else PERMIT_NONE

    def with_heat_test(self, result: Literal["passed", "failed"]) -> Profile:
        """Return what questions and skin test make of this.

        A failure also ends the gentle warmth that a therapist has allowed before it.

        Raises
        ------
        UsageError
            If they were failed before: a therapist has to let them be done again.
        """
        if result == "failed":
            choice: HeatChoice = "tested" if self.heat_choice == "gentle" else self.heat_choice
            return replace(self, heat_test="failed", heat_choice=choice)
        if self.heat_test == "failed":
            raise UsageError(refusal("heat_not_passed"))
        return replace(self, heat_test=result)

    def with_heat_doubt(self) -> Profile:
        """Return this while a question is ticked that nobody has confirmed yet.

        What was passed no longer counts, and can be passed again; a failure stays one.
        """
        return replace(self, heat_test="") if self.heat_test == "passed" else self

    @property
    def known_references(self) -> References | None:
        """The last references, None without any that fit the montage."""
        if self.references is None:
            return None
        try:
            references = References.from_json(self.references)
        except ValueError:
            return None
        return references if references.montage == self.montage else None


class Profiles:
    """The profiles of one data folder.

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
        self._path = root / "profiles"
        self._now = now
        self.pin = TherapistPin(root, lambda: self._now().timestamp())
        self.heat_bar = HeatBar(root)

    def names(self) -> tuple[str, ...]:
        """Return the pseudonyms, in order."""
        if not self._path.is_dir():
            return ()
        return tuple(sorted(path.parent.name for path in self._path.glob(f"*/{PROFILE_NAME}")))

    def create(self, profile: Profile) -> Profile:
        """Store a new profile and return it.

        Raises
        ------
        UsageError
            If there is one of that pseudonym, or its stage is for a therapist to set.
        StorageError
        """
        if is_for_therapist(
            profile.stage,
            onset=profile.onset_day,
            has_movement_returned=profile.has_movement_returned,
            today=self._now().astimezone().date(),
        ):
            raise UsageError(refusal("stage_for_therapist", stage=stage_term(profile.stage)))
        if self._file(profile.pseudonym).exists():
            raise UsageError(refusal("profile_exists", profile=profile.pseudonym))
        created = replace(profile, created_utc=self._now().isoformat(timespec="seconds"))
        self._write(created)
        return created

    def profile(self, pseudonym: str) -> Profile:
        """Return a profile.

        Raises
        ------
        UsageError
            If there is none.
        StorageError
            If its file is damaged.
        """
        path = self._file(pseudonym)
        try:
            stored = json.loads(path.read_bytes())
            known = Profile.__dataclass_fields__.keys()
            return Profile(**{key: value for key, value in stored.items() if key in known})
        except FileNotFoundError:
            raise UsageError(refusal("no_profile", given=repr(pseudonym[:40]))) from None
        except OSError as error:
            raise storage_error(error, path) from error
        except (ValueError, TypeError, AttributeError) as error:
            raise StorageError(refusal("damaged", path=path)) from error

    def set_reminder(self, pseudonym: str, time_of_day: str) -> Profile:
        """Store the time of the daily reminder, ``HH:MM``; empty for none."""
        return self._write(replace(self.profile(pseudonym), reminder=time_of_day))

    def set_montage(self, pseudonym: str, montage: str) -> Profile:
        """Store the montage; references of another one no longer count."""
        return self._write(replace(self.profile(pseudonym), montage=montage))

    def set_references(self, pseudonym: str, references: References) -> Profile:
        """Store what set-up has found."""
        return self._write(replace(self.profile(pseudonym), references=references.to_json()))

    def heat_permission(self, profile: Profile) -> int:
        """Return what this person may have of heat, a PERMIT_ constant: nothing while barred."""
        return PERMIT_NONE if self.heat_bar.bars(profile) else profile.heat_permission

    def set_heat_test(self, pseudonym: str, result: Literal["passed", "failed"]) -> Profile:
        """Store what questions and skin test have come to, as `Profile.with_heat_test`.

        A failure bars everybody else on this computer; see `HeatBar`.

        Raises
        ------
        UsageError
            Also if somebody else has failed before, and this person was never tested.
        """
        profile = self.profile(pseudonym)
        if result == "failed":
            self.heat_bar.note_failure()
        elif not self.heat_bar.may_be_tested(profile):
            raise UsageError(refusal("heat_barred"))
        return self._write_admitted(profile.with_heat_test(result))

    def note_heat_doubt(self, pseudonym: str) -> Profile:
        """Store that questions and skin test are open again, as `Profile.with_heat_doubt`.

        Whoever is barred has no heat to lose, and keeps the way back that passing has given them.
        """
        profile = self.profile(pseudonym)
        return profile if self.heat_bar.bars(profile) else self._write(profile.with_heat_doubt())

    def note_movement_returned(self, pseudonym: str) -> Profile:
        """Store that movement has come back by itself: targets are no longer locked."""
        return self._write(replace(self.profile(pseudonym), has_movement_returned=True))

    # -- with the therapist's PIN -----------------------------------------------------------------

    def set_stage(
        self,
        pseudonym: str,
        stage: Stage,
        pin: str,
        *,
        is_unlocked: bool = False,
        has_returned: bool | None = None,
    ) -> Profile:
        """Set the stage, and whether targets are unlocked in the flaccid one.

        ``has_returned`` says whether movement has come back, None leaves it as it is.
        """
        self.pin.check(pin)
        before = self.profile(pseudonym)
        returned = before.has_movement_returned if has_returned is None else has_returned
        changed = replace(
            before,
            stage=stage,
            is_unlocked_by_therapist=is_unlocked,
            has_movement_returned=returned,
        )
        return self._write(changed)

    def set_onset(self, pseudonym: str, onset: str, pin: str) -> Profile:
        """Set when the palsy began, ISO 8601; empty for not known."""
        self.pin.check(pin)
        return self._write(replace(self.profile(pseudonym), onset=onset))

    def note_review(self, pseudonym: str, pin: str) -> Profile:
        """Note that patient and therapist have looked back together today."""
        self.pin.check(pin)
        today = self._now().astimezone().date().isoformat()
        return self._write(replace(self.profile(pseudonym), reviewed=today))

    def begin_goals_anew(self, pseudonym: str, pin: str) -> Profile:
        """Let the next day begin with the programme's first targets."""
        self.pin.check(pin)
        now = self._now().astimezone(UTC).isoformat(timespec="milliseconds")
        return self._write(replace(self.profile(pseudonym), goals_from_utc=now))

    def set_heat_choice(self, pseudonym: str, choice: HeatChoice, pin: str) -> Profile:
        """Set what this person may have of heat."""
        self.pin.check(pin)
        return self._write_admitted(replace(self.profile(pseudonym), heat_choice=choice))

    def repeat_heat_test(self, pseudonym: str, pin: str) -> Profile:
        """Let questions and skin test be done again; until then there is no heat."""
        self.pin.check(pin)
        return self._write_admitted(replace(self.profile(pseudonym), heat_test=""))

    def set_programme(self, pseudonym: str, programme: Programme, pin: str) -> None:
        """Give a person a full or a short day of their own.

        The one before is kept in ``programmes/``.

        Raises
        ------
        UsageError
            If the PIN does not fit, or the programme is for other stages.
        """
        self.pin.check(pin)
        profile = self.profile(pseudonym)
        if profile.stage not in programme.stages:
            raise UsageError(
                refusal(
                    "programme_stage",
                    programme=programme.name,
                    stages=tuple(map(stage_term, programme.stages)),
                    profile=pseudonym,
                    stage=stage_term(profile.stage),
                )
            )
        folder = self._folder(pseudonym)
        path = folder / (SHORT_PROGRAMME_NAME if programme.is_short else PROGRAMME_NAME)
        try:
            if path.exists():
                kept = folder / "programmes"
                kept.mkdir(mode=0o700, exist_ok=True)
                stamp = self._now().strftime("%Y%m%dT%H%M%S%f")
                replace_file(kept / f"{stamp}.toml", path.read_bytes())
        except OSError as error:
            raise storage_error(error, path) from error
        replace_file(path, programme_text(programme).encode())

    def programme(self, pseudonym: str, *, is_short: bool = False) -> Programme:
        """Return today's programme of a person: their own, or the shipped one of their stage.

        Raises
        ------
        UsageError
            If their own file cannot be read; the sentence names file and key.
        """
        profile = self.profile(pseudonym)
        name = SHORT_PROGRAMME_NAME if is_short else PROGRAMME_NAME
        path = self._folder(pseudonym) / name
        if path.exists():
            own = read_programme(path)
            if profile.stage in own.stages:
                return own
        return shipped_programme(profile.stage, is_short=is_short)

    def questionnaires(self, pseudonym: str) -> Questionnaires:
        """Return the questionnaires' totals of a person."""
        return Questionnaires(self._folder(pseudonym))

    def monthly(self, pseudonym: str) -> tuple[Monthly, ...]:
        """Return what comes next of what comes once a month.

        Raises
        ------
        UsageError, StorageError
        """
        profile = self.profile(pseudonym)
        filled_in = (entry.day for entry in self.questionnaires(pseudonym).entries())
        done: dict[MonthlyKind, date | None] = {
            "questionnaires": max(filled_in, default=None),
            "review": profile.review_day,
        }
        since = local_day(profile.created_utc)
        return next_monthly(self.programme(pseudonym).monthly, since, done)

    # -- the placement photo ----------------------------------------------------------------------

    def keep_photo(self, pseudonym: str, data: bytes) -> Path:
        """Keep the last placement photo, on this computer only; it replaces the one before.

        Raises
        ------
        UsageError
            If it is no JPEG, PNG or WebP picture, or too large.
        """
        kind = next((kind for kind, start in PHOTO_NAMES.items() if data.startswith(start)), "")
        if not kind or len(data) > MOST_PHOTO_BYTES:
            raise UsageError(refusal("photo"))
        folder = self._folder(pseudonym)
        path = folder / f"placement.{kind}"
        replace_file(path, data)
        for other in PHOTO_NAMES:
            if other != kind:
                (folder / f"placement.{other}").unlink(missing_ok=True)
        return path

    def photo(self, pseudonym: str) -> Path | None:
        """Return the last placement photo."""
        paths = (self._folder(pseudonym) / f"placement.{kind}" for kind in PHOTO_NAMES)
        return next((path for path in paths if path.is_file()), None)

    def _folder(self, pseudonym: str) -> Path:
        if not _PSEUDONYM.fullmatch(pseudonym):
            raise UsageError(refusal("no_profile", given=repr(pseudonym[:40])))
        return self._path / pseudonym

    def _file(self, pseudonym: str) -> Path:
        return self._folder(pseudonym) / PROFILE_NAME

    def _write_admitted(self, profile: Profile) -> Profile:
        return self._write(replace(profile, heat_failures=self.heat_bar.count()))

    def _write(self, profile: Profile) -> Profile:
        path = self._file(profile.pseudonym)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, path.parent) from error
        replace_file(path, json.dumps(asdict(profile), indent=1).encode())
        return profile
