"""Do the electrodes sit where they should? Task by task, from levels alone.

A site must answer its own task. Levels are compared as rises over the relaxed gaps, each as a
share of the channel's own largest rise, so that a weak side or a quiet muscle is not taken for a
wrong site. Signals leak: a neighbour answers with 5-30 % of it, which is no swap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from faceloop.session.live import Side
from faceloop.session.montage import Montage
from faceloop.training.message import Message, message

__all__ = [
    "ElectrodeCheck",
    "Finding",
    "TaskLevels",
    "check_electrodes",
    "find_swaps",
]

SWAP_FACTOR = 2.0
"""One task must beat the own one so clearly before leads are called swapped."""


@dataclass(frozen=True, slots=True)
class ElectrodeCheck:
    """One electrode.

    Parameters
    ----------
    channel : int
    label : str
        Muscle and side.
    snr_db : float
        20 log10 of signal over noise in its own task; NaN where unknown.
    verdict : str
        ``good``, ``weak``, ``off``.
    message : Message
    """

    channel: int
    label: str
    snr_db: float
    verdict: Literal["good", "weak", "off"]
    message: Message


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the placement to tell the wearer.

    Parameters
    ----------
    kind : str
        ``swapped_sides``, ``swapped_leads``, ``no_answer``, ``rest_restless``.
    message : Message
    channels : tuple of int
        Concerned.
    """

    kind: str
    message: Message
    channels: tuple[int, ...] = ()


@dataclass(slots=True)
class TaskLevels:
    """RMS levels of every channel in the contractions and gaps of every task."""

    montage: Montage
    _sums: dict[tuple[str, bool, int], list[float]] = field(default_factory=dict)

    def add(self, task: str, is_contracting: bool, level_uv: tuple[float, ...]) -> None:
        """Take the levels of one moment; NaN is left out."""
        for channel, level in enumerate(level_uv):
            if not math.isnan(level):
                entry = self._sums.setdefault((task, is_contracting, channel), [0.0, 0.0])
                entry[0] += level
                entry[1] += 1

    def signal_uv(self, task: str, channel: int) -> float:
        """Return the mean level of a channel in the contractions of a task, NaN if unknown."""
        return self._mean(task, True, channel)

    def noise_uv(self, task: str, channel: int) -> float:
        """Return the same of the gaps between them."""
        return self._mean(task, False, channel)

    def rise_uv(self, task: str, channel: int) -> float:
        """Return how far a channel rises in a task, 0 where unknown."""
        rise = self.signal_uv(task, channel) - self.noise_uv(task, channel)
        return max(rise, 0.0) if not math.isnan(rise) else 0.0

    def snr_db(self, task: str, channel: int) -> float:
        """Return the SNR of a channel in a task, NaN if unknown."""
        signal, noise = self.signal_uv(task, channel), self.noise_uv(task, channel)
        if not (signal > 0 and noise > 0):
            return math.nan
        return 20.0 * math.log10(signal / noise)

    def _mean(self, task: str, is_contracting: bool, channel: int) -> float:
        total, n = self._sums.get((task, is_contracting, channel), (0.0, 0.0))
        return total / n if n else math.nan


def check_electrodes(
    montage: Montage, levels: TaskLevels, tasks: Mapping[str, str], good_snr_db: float
) -> tuple[ElectrodeCheck, ...]:
    """Return the verdict on every electrode whose muscle has a task, from that task.

    Parameters
    ----------
    montage : Montage
    levels : TaskLevels
    tasks : mapping of str to str
        Task of each muscle that is judged.
    good_snr_db : float
    """
    checks = []
    for pair in montage.muscles:
        if pair.muscle not in tasks:
            continue
        for channel in (pair.left, pair.right):
            label = montage.labels[channel]
            snr_db = levels.snr_db(tasks[pair.muscle], channel)
            verdict: Literal["good", "weak", "off"]
            verdict = "good" if snr_db >= good_snr_db else "weak"
            if math.isnan(snr_db):
                verdict = "off"
            name = message(f"train.electrode.{label}")
            shown = None if math.isnan(snr_db) else round(snr_db)
            words = message(f"train.setup.electrode.{verdict}", electrode=name, snr_db=shown)
            checks.append(ElectrodeCheck(channel, label, snr_db, verdict, words))
    return tuple(checks)


def find_swaps(
    montage: Montage,
    levels: TaskLevels,
    checks: tuple[ElectrodeCheck, ...],
    tasks: Mapping[str, str],
    affected_side: Side,
    least_snr_db: float,
) -> tuple[Finding, ...]:
    """Return what is wrong with the placement, most important first.

    Leads swapped within a side show as two channels that answer each other's task. Left and right
    of a muscle swapped cannot be told from a two-sided movement where both sides work; on a face
    with a weak side it shows as the affected side being the stronger one, which may also be so:
    that is asked, not claimed.

    Parameters
    ----------
    montage, levels, checks, tasks
        As for `check_electrodes`, and its result.
    affected_side : str
    least_snr_db : float
        What stands out less from the gaps is no answer.
    """
    best = {
        channel: _best_task(levels, channel, tasks, least_snr_db) for channel in _channels(montage)
    }
    own = {c: tasks[pair.muscle] for pair in montage.muscles for c in (pair.left, pair.right)}
    findings: list[Finding] = []
    told: set[int] = set()
    for channel, task in best.items():
        if task == own[channel] or channel in told:
            continue
        # The partner of a swap sits on the same side and answers this channel's own task.
        other = next(
            (c for c, t in best.items() if own[c] == task and t == own[channel]
             and c % 2 == channel % 2),
            None,
        )  # fmt: skip
        if other is not None and task:
            told |= {channel, other}
            names = [message(f"train.electrode.{montage.labels[c]}") for c in (channel, other)]
            words = message("train.setup.swapped_leads", electrode=names[0], other=names[1])
            findings.append(Finding("swapped_leads", words, (channel, other)))
    for check in checks:
        if check.channel not in told and not check.snr_db >= least_snr_db:
            name = message(f"train.electrode.{check.label}")
            title = message(f"train.movement.{own[check.channel]}.title")
            words = message("train.setup.no_answer", electrode=name, movement=title)
            findings.append(Finding("no_answer", words, (check.channel,)))
            told.add(check.channel)
    silent = [finding for finding in findings if finding.kind == "no_answer"]
    if 2 * len(silent) > len(checks):  # that is no matter of single electrodes
        channels = tuple(channel for finding in silent for channel in finding.channels)
        findings = [finding for finding in findings if finding not in silent]
        findings.append(Finding("no_answer", message("train.setup.no_answers"), channels))
    findings += _sides(montage, levels, tasks, affected_side, told)
    return tuple(findings)


def _sides(
    montage: Montage,
    levels: TaskLevels,
    tasks: Mapping[str, str],
    affected_side: Side,
    told: set[int],
) -> list[Finding]:
    findings = []
    for pair in montage.muscles:
        sides = (pair.left, pair.right)
        affected, unaffected = sides if affected_side == "left" else sides[::-1]
        if pair.role == "veto" or told & {affected, unaffected}:
            continue  # the palsy spares the jaw
        rises = [levels.rise_uv(tasks[pair.muscle], c) for c in (affected, unaffected)]
        if rises[0] > SWAP_FACTOR * rises[1] > 0:
            words = message(
                "train.setup.swapped_sides", muscle=message(f"train.muscle.{pair.muscle}")
            )
            findings.append(Finding("swapped_sides", words, (affected, unaffected)))
    return findings


def _channels(montage: Montage) -> list[int]:
    return [channel for pair in montage.muscles for channel in (pair.left, pair.right)]


def _best_task(
    levels: TaskLevels, channel: int, tasks: Mapping[str, str], least_snr_db: float
) -> str:
    """Return the task that a channel answers: its own unless another one clearly beats it.

    What does not stand out from the gaps is no answer: noise would name any task.
    """
    own = next(
        tasks[pair.muscle] for pair in levels.montage.muscles if channel in (pair.left, pair.right)
    )
    rises = {task: levels.rise_uv(task, channel) for task in set(tasks.values())}
    best = max(sorted(rises), key=lambda task: rises[task])
    is_answer = levels.snr_db(best, channel) >= least_snr_db
    return best if is_answer and rises[best] > SWAP_FACTOR * rises[own] else own
