"""Set-up in under three minutes: contact, rest, do the sites answer, what is comfortable.

Ref: Frank and others, Facial Plast Surg 2021, 10.1055/s-0041-1725168: signal = mean RMS of three
gentle contractions, noise = mean RMS of the relaxed gaps between them, SNR = signal / noise.

The same contractions serve three ends: SNR of each electrode, the placement coach (each site must
answer its own task best, so swapped leads show), and the comfortable reference. So set-up takes
10 s of contact, the rest, and a movement for each trained or guarded muscle, three times 2 s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from faceloop.session.live import Side
from faceloop.session.montage import Montage
from faceloop.training.hop import Hop
from faceloop.training.message import Message, message
from faceloop.training.placement import (
    ElectrodeCheck,
    Finding,
    TaskLevels,
    check_electrodes,
    find_swaps,
)
from faceloop.training.references import N_CHANNELS, References
from faceloop.training.rules import SetUpSpec

__all__ = ["COACH_TASKS", "N_REPETITIONS", "SetUp", "SetUpTimes", "SetUpView"]

Part = Literal["contact", "rest", "coach", "done"]
# Which task each muscle answers to. The jaw is clenched gently: it is the veto.
COACH_TASKS = {
    "orbicularis_oculi": "close_eyes_gently",
    "zygomaticus_major": "closed_mouth_smile",
    "mentalis": "lip_pucker",
    "frontalis": "wrinkle_forehead",
    "masseter": "clench",
}
SHIPPED = SetUpSpec()
# A contraction is judged over its middle: reaction and release are left out.
SETTLE_S = 0.6
N_REPETITIONS = 3
HOPS_A_SECOND = 100
LEAST_PART = 4
"""A rest is known from every fourth of its hops on."""
QUIETER_PCT = 20
RESTLESS_FACTOR = 3.0
"""A hop is far above a rest's quieter part from so many times its percentile on."""
MOST_RESTLESS = 0.5
"""Of the rest's hops may be far above its quieter part before it is asked for again."""
LOOK_HOPS = 100
"""So often a rest under way is looked at: one that comes to nothing is not waited for."""


@dataclass(frozen=True, slots=True)
class SetUpTimes:
    """How long the parts take; together under three minutes with four muscles.

    Parameters
    ----------
    contact_s : float
        All electrodes have to hold so long in a row.
    rest_s : float
    contract_s, relax_s : float
        Of each of three repetitions.
    good_snr_db, least_snr_db : float
        From where on an electrode is good, and below which it has not answered.
    """

    contact_s: float = SHIPPED.contact_s
    rest_s: float = SHIPPED.rest_s
    contract_s: float = SHIPPED.contract_s
    relax_s: float = SHIPPED.relax_s
    good_snr_db: float = SHIPPED.good_snr_db
    least_snr_db: float = SHIPPED.least_snr_db

    @classmethod
    def of(cls, spec: SetUpSpec) -> SetUpTimes:
        """Return those of a programme."""
        return cls(**spec.model_dump())


@dataclass(frozen=True, slots=True)
class SetUpView:
    """What a page shows of set-up now.

    Parameters
    ----------
    part : str
        ``contact``, ``rest``, ``coach``, ``done``.
    title, instruction : Message
    remaining_s : float
        Of the part or the contraction.
    is_good : tuple of bool
        Contact of each channel now; True where no electrode is meant to be.
    movement : str
        Asked for now, empty for none.
    is_contracting : bool
        The movement is to be held now; False: relax.
    checks : tuple of ElectrodeCheck
        One per channel with an electrode whose muscle has done its three contractions.
    contractions : mapping of int to int
        How many of the three each channel's muscle has done; empty where none are asked for.
    findings : tuple of Finding
        What is wrong with the placement, most important first.
    """

    part: Part
    title: Message
    instruction: Message
    remaining_s: float
    is_good: tuple[bool, ...]
    movement: str
    is_contracting: bool
    checks: tuple[ElectrodeCheck, ...]
    contractions: Mapping[int, int]
    findings: tuple[Finding, ...]


class SetUp:
    """Leads through set-up; fed with time and with hops.

    Parameters
    ----------
    montage : Montage
    affected_side : str
    now_s : float
    times : SetUpTimes, optional
    utc_now : callable
        Time of day for the references, ISO 8601.
    known : References or None
        Of an earlier day: with ``is_short`` only contact and rest are done, and the comfortable
        movement is taken from them.
    is_short : bool
    """

    def __init__(
        self,
        montage: Montage,
        affected_side: Side,
        now_s: float,
        *,
        utc_now: Callable[[], str],
        times: SetUpTimes | None = None,
        known: References | None = None,
        is_short: bool = False,
    ) -> None:
        self._montage = montage
        self._affected_side: Side = affected_side
        self._times = times or SetUpTimes()
        self._utc_now = utc_now
        self._known = known if known is not None and known.montage == montage.name else None
        self._tasks = tuple(COACH_TASKS[pair.muscle] for pair in montage.muscles)
        if is_short and self._known is not None:
            self._tasks = ()
        self._used = tuple(c for c, label in enumerate(montage.labels) if label != "unused")
        self.part: Part = "contact"
        self._began_s = now_s
        self._good_since_s = math.nan
        self._is_good = (True,) * N_CHANNELS
        self._rest_hops: list[tuple[float, ...]] = []
        self._restless_hops: list[tuple[float, ...]] = []  # of the last rest that was none
        self._rest_at = 0  # hops of the rest when it was looked at last
        self._levels = TaskLevels(montage)
        self._at = 0  # contraction or gap: task, repetition, contract or relax
        self._checks: tuple[ElectrodeCheck, ...] = ()
        self._findings: tuple[Finding, ...] = ()
        self.references: References | None = None

    # -- what happens ---------------------------------------------------------------------------

    def tick(self, now_s: float) -> None:
        """Let time pass."""
        if self.part == "rest" and now_s - self._began_s >= self._times.rest_s:
            self._end_rest(now_s)
        while self.part == "coach" and now_s - self._began_s >= self._length_s():
            self._began_s += self._length_s()
            self._at += 1
            if self._at % (2 * N_REPETITIONS) == 0:
                self._check()
            if self._at >= 2 * N_REPETITIONS * len(self._tasks):
                self._finish(now_s)

    def feed(self, hop: Hop, now_s: float) -> None:
        """Take the next hop."""
        self.tick(now_s)
        self._is_good = tuple(c not in self._used or hop.is_good(c) for c in range(N_CHANNELS))
        if self.part == "contact":
            self._note_contact(now_s)
        elif self.part == "rest":
            self._rest_hops.append(hop.level_uv)
            if len(self._rest_hops) >= self._rest_at + LOOK_HOPS:
                self._look_at_rest(now_s)
        elif self.part == "coach" and now_s - self._began_s >= SETTLE_S:
            self._levels.add(self._task(), self._is_contracting(), hop.level_uv)

    @property
    def can_go_on(self) -> bool:
        """Whether ``go_on`` has something to do: what is waited for may never come."""
        return self.part == "contact" or (self.part == "rest" and bool(self._restless_hops))

    def go_on(self, now_s: float) -> None:
        """Go on although an electrode does not hold, or the face has not come to rest.

        The channel stays muted; of the rests, their quiet parts are taken.
        """
        if self.part == "contact":
            self._enter("rest", now_s)
        elif self.can_go_on:
            levels = np.array(self._restless_hops + self._rest_hops)
            self._rest_hops = list(map(tuple, _quiet_part(levels)))
            self._leave_rest(now_s)

    def again(self, now_s: float) -> None:
        """Begin anew, after an electrode was moved."""
        self._rest_hops, self._restless_hops, self._rest_at = [], [], 0
        self._levels, self._at = TaskLevels(self._montage), 0
        self._checks, self._findings, self.references = (), (), None
        self._good_since_s = math.nan
        self._enter("contact", now_s)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the placement, most important first."""
        return self._findings

    @property
    def good_snr_db(self) -> float:
        """From where on an electrode is good."""
        return self._times.good_snr_db

    @property
    def is_done(self) -> bool:
        """Whether it is through; then ``references`` are there."""
        return self.part == "done"

    # -- what it shows --------------------------------------------------------------------------

    def view(self, now_s: float) -> SetUpView:
        """Return what a page shows now."""
        remaining_s = max(self._length_s() - (now_s - self._began_s), 0.0)
        part = "look" if self.part == "done" and self._findings else self.part
        instruction = message(f"train.setup.{part}.instruction", seconds=round(remaining_s))
        movement = ""
        if self.part == "coach":
            movement = self._task()
            n = self._at // 2 % N_REPETITIONS + 1
            act = "contract" if self._is_contracting() else "relax"
            title = message(f"train.movement.{movement}.title")
            instruction = message(f"train.setup.{act}", movement=title, n=n, of=N_REPETITIONS)
        return SetUpView(
            part=self.part,
            title=message(f"train.setup.{part}.title"),
            instruction=instruction,
            remaining_s=remaining_s,
            is_good=self._is_good,
            movement=movement,
            is_contracting=self.part == "coach" and self._is_contracting(),
            checks=self._checks,
            contractions=self._contractions(),
            findings=self._findings,
        )

    @property
    def planned_s(self) -> float:
        """How long it takes with good contacts."""
        times = self._times
        coach_s = len(self._tasks) * N_REPETITIONS * (times.contract_s + times.relax_s)
        return times.contact_s + times.rest_s + coach_s

    # -- inside ---------------------------------------------------------------------------------

    def _length_s(self) -> float:
        times = self._times
        if self.part == "coach":
            return times.contract_s if self._is_contracting() else times.relax_s
        return {"contact": times.contact_s, "rest": times.rest_s, "done": 0.0}[self.part]

    def _task(self) -> str:
        return self._tasks[self._at // (2 * N_REPETITIONS)]

    def _is_contracting(self) -> bool:
        return self._at % 2 == 0

    def _contractions(self) -> dict[int, int]:
        """Return how many contractions of its own task each channel has behind it."""
        done = (self._at + 1) // 2
        found: dict[int, int] = {}
        for pair in self._montage.muscles:
            task = COACH_TASKS[pair.muscle]
            if task in self._tasks:
                own = done - N_REPETITIONS * self._tasks.index(task)
                found |= dict.fromkeys((pair.left, pair.right), min(max(own, 0), N_REPETITIONS))
        return found

    def _check(self) -> None:
        """Judge the electrodes whose task is through."""
        through = self._tasks[: self._at // (2 * N_REPETITIONS)]
        tasks = {muscle: task for muscle, task in COACH_TASKS.items() if task in through}
        self._checks = check_electrodes(
            self._montage, self._levels, tasks, self._times.good_snr_db
        )

    def _enter(self, part: Part, now_s: float) -> None:
        self.part, self._began_s = part, now_s

    def _note_contact(self, now_s: float) -> None:
        if not all(self._is_good):
            self._good_since_s, self._began_s = math.nan, now_s
        elif math.isnan(self._good_since_s):
            self._good_since_s = self._began_s = now_s
        elif now_s - self._good_since_s >= self._times.contact_s:
            self._enter("rest", now_s)

    def _look_at_rest(self, now_s: float) -> None:
        """Break a rest off as soon as more of it is lost than a whole one may lose."""
        self._rest_at = len(self._rest_hops)
        most = MOST_RESTLESS * self._times.rest_s * HOPS_A_SECOND
        if _is_far(self._levels_of_rest()).sum(axis=0).max(initial=0) > most:
            self._rest_again(now_s)

    def _end_rest(self, now_s: float) -> None:
        if _is_restless(self._levels_of_rest()):
            self._rest_again(now_s)
        else:
            self._leave_rest(now_s)

    def _rest_again(self, now_s: float) -> None:
        """Ask for the rest once more: what was quiet counts, and what is missing is waited for."""
        is_far = [bool(far.any()) for far in _is_far(self._levels_of_rest())]
        hops = self._rest_hops
        self._restless_hops = [level for level, far in zip(hops, is_far, strict=True) if far]
        self._rest_hops = [level for level, far in zip(hops, is_far, strict=True) if not far]
        if len(self._rest_hops) < LOOK_HOPS or not np.isfinite(self._levels_of_rest()).any():
            self._restless_hops, self._rest_hops = hops, []
        self._rest_at = len(self._rest_hops)
        self._findings = (Finding("rest_restless", message("train.setup.rest_restless")),)
        self._enter("rest", now_s - self._rest_at / HOPS_A_SECOND)

    def _levels_of_rest(self) -> np.ndarray:
        """Return the levels of the rest so far, shape (n_hops, n_used)."""
        return np.array(self._rest_hops).reshape(-1, N_CHANNELS)[:, list(self._used)]

    def _leave_rest(self, now_s: float) -> None:
        self._findings = ()
        if self._tasks:
            self._enter("coach", now_s)
        else:
            self._finish(now_s)

    def _finish(self, now_s: float) -> None:
        mean_uv, sd_uv = _rest(np.array(self._rest_hops))
        comfortable_uv = (
            list(self._known.comfortable_uv)
            if self._known is not None
            else [math.nan] * N_CHANNELS
        )
        for pair in self._montage.muscles:
            task = COACH_TASKS[pair.muscle]
            for channel in (pair.left, pair.right):
                level_uv = self._levels.signal_uv(task, channel)
                if not math.isnan(level_uv):
                    comfortable_uv[channel] = level_uv
        self.references = References(
            mean_uv, sd_uv, tuple(comfortable_uv), self._montage.name, self._utc_now()
        )
        if self._tasks:
            self._findings = find_swaps(
                self._montage,
                self._levels,
                self._checks,
                COACH_TASKS,
                self._affected_side,
                self._times.least_snr_db,
            )
        self._enter("done", now_s)


def _rest(levels_uv: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return centre and spread of each channel: medians, so that a blink raises no limit."""
    if len(levels_uv) == 0:
        unknown = (math.nan,) * N_CHANNELS
        return unknown, unknown
    known = np.isfinite(levels_uv).sum(axis=0) >= max(len(levels_uv) // LEAST_PART, 1)
    means, spreads = [], []
    for channel in range(N_CHANNELS):
        own = levels_uv[np.isfinite(levels_uv[:, channel]), channel]
        if not known[channel]:
            means.append(math.nan)
            spreads.append(math.nan)
            continue
        mean = float(np.median(own))
        means.append(mean)
        spreads.append(1.4826 * float(np.median(np.abs(own - mean))))
    return tuple(means), tuple(spreads)


def _quiet_part(levels_uv: np.ndarray) -> np.ndarray:
    """Return the levels of a restless rest without those far above their quieter part."""
    quiet_uv = levels_uv.copy()
    for own in quiet_uv.T:
        if np.isfinite(own).any():
            quiet = np.nanpercentile(own, 100 / LEAST_PART)  # leaves enough of them
            own[own > RESTLESS_FACTOR * quiet] = math.nan
    return quiet_uv


def _is_restless(levels_uv: np.ndarray) -> bool:
    """Whether a rest was none: nothing known, or much of it far above its quieter part."""
    is_known = np.isfinite(levels_uv)
    n_known = is_known.sum(axis=0)
    if not n_known.any() or len(levels_uv) < LOOK_HOPS:
        return True
    share = _is_far(levels_uv).sum(axis=0) / np.maximum(n_known, 1)
    return bool((share > MOST_RESTLESS).any())


def _is_far(levels_uv: np.ndarray) -> np.ndarray:
    """Return which levels are far above the quieter part of their channel."""
    is_far = np.zeros(levels_uv.shape, bool)
    for own, far in zip(levels_uv.T, is_far.T, strict=True):
        if np.isfinite(own).any():
            far[:] = own > RESTLESS_FACTOR * np.nanpercentile(own, QUIETER_PCT)
    return is_far
