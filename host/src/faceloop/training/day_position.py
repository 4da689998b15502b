"""Where a day stands, read from its records: for a day that was killed or closed half-way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from faceloop.errors import StorageError
from faceloop.refusal import refusal
from faceloop.session.live import Side
from faceloop.session.montage import Montage, montage_named
from faceloop.training.programme import Programme
from faceloop.training.programme_file import programme_of
from faceloop.training.references import References
from faceloop.training.stage import StageLock

__all__ = ["DayContext", "DayPosition"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class DayContext:
    """For whom a day is.

    Parameters
    ----------
    profile : str
        Pseudonym.
    affected_side : str
    montage : Montage
    lock : StageLock
    references : References or None
        None until set-up is done; movements need them.
    goals : dict of str to float
        Where targets stood last time, by ``block/movement``.
    days_since : dict of str to int
        Days since each block was last done, by name; missing for never.
    """

    profile: str
    affected_side: Side
    montage: Montage
    lock: StageLock
    references: References | None = None
    goals: dict[str, float] = field(default_factory=dict)
    days_since: dict[str, int] = field(default_factory=dict)

    @property
    def muscles(self) -> tuple[str, ...]:
        """Muscles that have electrodes."""
        return tuple(pair.muscle for pair in self.montage.muscles)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "profile": self.profile,
            "affected_side": self.affected_side,
            "montage": self.montage.name,
            "stage": self.lock.stage,
            "has_movement_returned": self.lock.has_movement_returned,
            "is_unlocked_by_therapist": self.lock.is_unlocked_by_therapist,
            "references": None if self.references is None else self.references.to_json(),
            "goals": self.goals,
            "days_since": self.days_since,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> DayContext:
        """Rebuild it from ``to_json``."""
        references = stored["references"]
        return cls(
            str(stored["profile"]),
            stored["affected_side"],
            montage_named(stored["montage"]),
            StageLock(
                stored["stage"],
                bool(stored["has_movement_returned"]),
                bool(stored["is_unlocked_by_therapist"]),
            ),
            None if references is None else References.from_json(references),
            dict(stored["goals"]),
            dict(stored["days_since"]),
        )


@dataclass(slots=True)
class DayPosition:
    """A day as its records tell it.

    Parameters
    ----------
    programme : Programme
    context : DayContext
        With the references that were taken last.
    block, step : int
        What comes next.
    is_block_begun : bool
    t_s : float
        Active time so far.
    is_over : bool
        It was ended or closed.
    trials : list of dict
        Records of kind ``trial``, in order.
    """

    programme: Programme
    context: DayContext
    block: int = 0
    step: int = 0
    is_block_begun: bool = False
    t_s: float = 0.0
    is_over: bool = False
    trials: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, records: Iterable[dict[str, Any]]) -> DayPosition:
        """Read it from a day's records.

        Raises
        ------
        StorageError
            If they do not begin with a day of a layout that is known.
        """
        entries = list(records)
        try:
            first = entries[0]
            if first["kind"] != "day" or first["format"] != FORMAT:
                raise ValueError("no day")
            programme = programme_of(first["programme"], "the day's programme")
            position = cls(programme, DayContext.from_json(first["context"]))
        except (IndexError, KeyError, ValueError, TypeError) as error:
            raise StorageError(refusal("day_unreadable")) from error
        for record in entries[1:]:
            position._take(record)
        return position

    def _take(self, record: dict[str, Any]) -> None:
        kind = record["kind"]
        self.t_s = max(self.t_s, float(record.get("t_s", 0.0)))
        if kind == "block_begin":
            self.block, self.step, self.is_block_begun = record["index"], 0, True
        elif kind == "trial":
            self.trials.append(record)
            self.step = record["step"] + 1
        elif kind == "step":
            went_on = record["outcome"] in ("done", "skipped")
            self.step = record["step"] + 1 if went_on else record["step"]
        elif kind == "block_end":
            self.block, self.step, self.is_block_begun = record["index"] + 1, 0, False
        elif kind == "references":
            self.context = DayContext.from_json(
                {**self.context.to_json(), "references": record["references"]}
            )
        elif kind == "day_end":
            self.is_over = True
