"""SIGKILL at random moments of a whole training day, from the profile to the questionnaires.

A real process, fast; the moments are drawn with a seed, and the last milliseconds of each are the
machine's. Whatever the moment: the session is there, finalised, gone on with or closed, and all
that the program had been told to be stored is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import edfio
import pytest

from faceloop.session.bdf import BDF_NAME
from faceloop.session.journal_format import JOURNAL_NAME
from faceloop.tasks.progress import Silent
from faceloop.tasks.recovery import recover
from faceloop.training.day_log import read_log
from faceloop.ui.training_room import TrainingRoom

SCRIPT = Path(__file__).parents[2] / "fakes" / "life_to_kill.py"
FAKE = runpy.run_path(str(SCRIPT))
BLOCKS, CALLS, PHASES, Life, go_on = (
    FAKE[name] for name in ("BLOCKS", "CALLS", "PHASES", "Life", "go_on")
)
SEED = 20261201
N_KILLS_EACH = 20  # of a phase, in the long run
N_CALLS, N_CALLS_LONG = 3, 100
# As long as a few turns of the clock, a record with its fsync, or a profile take.
LATEST_S = 0.02


class Killer:
    """Forks lives and kills them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        self._process.communicate(timeout=60.0)
        assert self._process.returncode == 0

    def live(self, root: Path, phase: str = "", n_turns: int = 0, wait_s: float = 0.0) -> int:
        """Let a life begin; kill it that long after its moment. Return how it ended."""
        root.parent.mkdir()
        assert self._process.stdin is not None
        print(json.dumps([str(root), phase, n_turns]), file=self._process.stdin, flush=True)
        # Fork and life write into the same pipe: the number may come after the life's word.
        said = [self._line()]
        if phase and phase != CALLS:
            said.append(self._line())
            time.sleep(wait_s)
            with contextlib.suppress(ProcessLookupError):  # the life was quicker
                os.kill(next(int(word) for word in said if word != "there"), signal.SIGKILL)
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.endswith("\n"), "the lives have ended by an error"
        return line.strip()


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    made = Killer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def turns(killer: Killer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many turns of the clock each phase takes when nobody kills."""
    root = tmp_path_factory.mktemp("whole") / "life" / "data"
    assert killer.live(root) == 0
    promised = promises(root)
    check(root, promised)
    (counted,) = promised["turns"]
    return counted


def promises(root: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {
        what: [] for what in ("phase", "profile", "references", "record", "packets")
    } | {"questionnaire": [], "turns": []}
    for line in root.with_name("promised").read_text().splitlines():
        what, content = json.loads(line)
        found[what].append(content)
    return found


def restarted(root: Path) -> Any:
    """Return the room of a program that is started anew, with a clock of its own."""
    life = Life.__new__(Life)
    life.root, life.now_s, life.turns = root, 500.0, dict.fromkeys((*PHASES, CALLS), 0)
    life._at, life._is_slow, life._journal = ("", 0), False, None
    life.promise = lambda what, content=None: None
    life.room = TrainingRoom(
        FAKE["Live"](), root, FAKE["DAY"]["Noted"](), clock_s=lambda: life.now_s
    )
    assert life.room.fault is None
    return life


def check(root: Path, promised: dict[str, list[Any]]) -> None:
    """Restart the program on what is left; go on in one copy of it, close in another."""
    # As every command does first of all.
    recovered = asyncio.run(recover(restarted(root).room.days.store, Silent()))
    assert [found["error"] for found in recovered] == [None] * len(recovered)
    room = restarted(root).room
    assert room.names() == (("anna",) if room.profile is not None else ())
    if promised["profile"]:
        assert room.profile is not None
    for references in promised["references"]:
        assert room.profile.references == references
    folders = [entry.path for entry in room.days.store.sessions()]
    assert len(folders) <= 1
    records = read_log(folders[0]) if folders else []
    # A record is promised after it is stored: one more may be there, and none less.
    assert records[: len(promised["record"])] == promised["record"]
    assert len(records) <= len(promised["record"]) + 1
    if folders and (folders[0] / JOURNAL_NAME).exists():
        assert room.days.store.sessions()[0].state == "finished"
        assert len(edfio.read_bdf(folders[0] / BDF_NAME).signals) == 8
        summary = json.loads((folders[0] / "session.json").read_text())
        assert summary["damage"] == [] and summary["gaps"] == []
        assert summary["frames_recorded"] >= 20 * max(promised["packets"], default=0)
    if room.profile is None:
        return
    entered = [
        [entry.name, entry.total] for entry in room.days.profiles.questionnaires("anna").entries()
    ]
    assert entered[: len(promised["questionnaire"])] == promised["questionnaire"]
    is_over = any(record["kind"] == "day_end" for record in records)
    if not records or is_over:
        assert room.open_day() is None
        assert (room.result() is not None) == is_over
        assert room.begin(is_short=True) or room.profile.references is None
        room.leave()
        return
    session = folders[0].name
    left = room.open_day()
    assert left is not None and (left.session, left.can_resume) == (session, True)
    closed = root.with_name("closed")
    shutil.copytree(root, closed)
    check_gone_on_with(root, session, records)
    room = restarted(closed).room
    room.close(session)
    assert room.fault is None and room.open_day() is None
    assert room.result().outcome == "closed"
    assert read_log(closed / "sessions" / session)[: len(records)] == records


def check_gone_on_with(root: Path, session: str, before: list[Any]) -> None:
    life = restarted(root)
    room = life.room
    assert room.resume(session)
    patient = FAKE["FAKE"]["Patient"](room.montage)
    while room.is_under_way:
        go_on(life, patient)
    result = room.result()
    assert result.outcome == "done"
    assert [(b.name, b.outcome) for b in result.blocks] == [(name, "done") for name in BLOCKS]
    records = read_log(root / "sessions" / session)
    assert records[: len(before)] == before
    # Every repetition once.
    assert [r["step"] for r in records if r["kind"] == "trial"] == [1, 2, 3]
    room.leave()
    assert restarted(root).room.open_day() is None


def kill_all_over(
    killer: Killer, folder: Path, moments: Iterable[tuple[str, int, float]]
) -> dict[str, int]:
    """Kill a life at each moment and look at what is left; return how many died in which phase."""
    hit = dict.fromkeys(PHASES, 0)
    for number, moment in enumerate(moments):
        root = folder / f"{number}" / "data"
        # The last call to the disk of a slow run is none of a fast one; a life may also end in the
        # milliseconds before its kill.
        code = killer.live(root, *moment)
        assert code in (-signal.SIGKILL, 0)
        promised = promises(root)
        try:
            check(root, promised)
        except BaseException as error:
            error.add_note(f"killed at {moment}: {root}")
            raise
        hit[promised["phase"][-1]] += code != 0
        shutil.rmtree(root.parent)
    print(f"{sum(hit.values())} kills: {hit}")
    return hit


def check_all_over(
    killer: Killer, turns: dict[str, int], folder: Path, rng: random.Random, n_each: int
) -> None:
    hit = kill_all_over(
        killer,
        folder,
        (
            (phase, rng.randrange(turns[phase]), rng.uniform(0.0, LATEST_S))
            for phase, _ in itertools.product(PHASES, range(n_each))
        ),
    )
    # The machine may have been slow with a kill, but not with most of them.
    assert all(hit[phase] for phase in ("set_up", "heat", "retraining", "results"))


def test_program_killed_once_in_every_part_of_the_day_has_lost_nothing(
    killer: Killer, turns: dict[str, int], tmp_path: Path
) -> None:
    check_all_over(killer, turns, tmp_path, random.Random(SEED), 1)


@pytest.mark.full
def test_program_killed_many_times_over_the_day_has_lost_nothing(
    killer: Killer, turns: dict[str, int], tmp_path: Path
) -> None:
    check_all_over(killer, turns, tmp_path, random.Random(SEED + 1), N_KILLS_EACH)


@pytest.mark.parametrize("n_kills", [N_CALLS, pytest.param(N_CALLS_LONG, marks=pytest.mark.full)])
def test_program_killed_between_two_changes_of_the_disk_has_lost_nothing(
    n_kills: int, killer: Killer, turns: dict[str, int], tmp_path: Path
) -> None:
    rng = random.Random(SEED + n_kills)
    calls = [rng.randrange(turns[CALLS]) for _ in range(n_kills)]
    hit = kill_all_over(killer, tmp_path, ((CALLS, call, 0.0) for call in calls))
    assert sum(hit.values()) > n_kills / 2
