"""A program that trains a person and can be killed at any moment, forked again and again.

One line of its input is one life: a folder, and after which share of which phase to say so. The
life is what the app does behind its pages (profile, set-up, heat, massage, movements, a recording,
questionnaires) on a clock of its own: fast until that moment, then slow enough to be killed in it.
What has been promised to be stored stands in ``promised`` of the folder, one JSON line each: what
is not there yet need not be there after the kill.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faceloop.session.journal import Journal
from faceloop.session.journal_header import JournalHeader
from faceloop.session.live import LiveStatus
from faceloop.session.montage import montage_named
from faceloop.training.day_log import DayLog
from faceloop.training.hop import Hop
from faceloop.training.outputs import HeatReport
from faceloop.training.profiles import Profile
from faceloop.training.programme_file import parse_programme
from faceloop.training.setup import COACH_TASKS, SetUpTimes
from faceloop.ui.training_room import TrainingRoom
from faceloop_protocol import rice, stream

FAKES = Path(__file__).parent
FAKE = runpy.run_path(str(FAKES / "fake_patient.py"))
DAY = runpy.run_path(str(FAKES / "fake_day.py"))
WARM = DAY["QUICK"].replace(
    '[[block]]\nname = "massage"',
    '[[block]]\nname = "heat"\nkind = "heat"\nis_on = true\n[[block]]\nname = "massage"',
)
BLOCKS = ("settle", "heat", "massage", "retraining", "function", "cool_down")
CALLS = "calls"
PHASES = ("profile", "set_up", *BLOCKS, "results")
TIMES = SetUpTimes(contact_s=0.5, rest_s=3.0, contract_s=1.2, relax_s=1.0)
HOP_S, TICK_S = 0.01, 0.1
HEAT_S = 20.0
N_FILLED_IN = 8
SLOW_S = 0.001  # a turn of the clock after the moment was reached
_write = os.write  # what is promised is none of the program's calls
LABELS = montage_named("guarded8").labels
HEADER = JournalHeader(
    labels=LABELS, fs_hz=2000, lsb_uv=0.0238, stream_id=1, start_utc_ns=time.time_ns()
)
PAYLOAD = rice.encode([[0] * 8] * 20, 4)


class Live:
    """A session with nothing but its muscles and a status."""

    def __init__(self) -> None:
        montage = montage_named("guarded8")
        self.muscles, self.labels = montage.muscles, montage.labels
        self.affected_side = "left"

    def status(self) -> LiveStatus:
        return LiveStatus(link="live")


class Life:
    """One run of the program.

    Parameters
    ----------
    root : Path
        Data folder.
    phase : str
        In which to say that the moment is there; empty for never.
    n_turns : int
        After so many turns of the clock in that phase. In the phase ``CALLS`` the life kills
        itself after so many system calls that change the disk.
    """

    def __init__(self, root: Path, phase: str = "", n_turns: int = 0) -> None:
        self.root = root
        self.now_s = 100.0
        self.turns = dict.fromkeys((*PHASES, CALLS), 0)
        self.room = TrainingRoom(
            Live(),  # type: ignore[arg-type]
            root,
            DAY["Noted"](),
            clock_s=lambda: self.now_s,
            times=TIMES,
        )
        self._at = (phase, n_turns)
        self._is_slow = False
        self._frame = 0
        self._promised = os.open(
            root.with_name("promised"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )
        self._journal: Journal | None = None

    def count_calls(self) -> None:
        """Count what changes the disk, and die before the call of the moment."""

        def counted(call: Any) -> Any:
            def count(*arguments: Any, **options: Any) -> Any:
                if (CALLS, self.turns[CALLS]) == self._at:
                    os.kill(os.getpid(), signal.SIGKILL)
                self.turns[CALLS] += 1
                return call(*arguments, **options)

            return count

        for name in ("open", "write", "fsync", "ftruncate", "mkdir", "replace", "unlink"):
            setattr(os, name, counted(getattr(os, name)))

    def promise(self, what: str, content: object = None) -> None:
        """Note that this is stored, from now on."""
        _write(self._promised, json.dumps([what, content]).encode() + b"\n")

    def live(self) -> None:
        """Do everything, to the end of the day."""
        self.turn("profile")
        room = self.room
        assert room.create(
            Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
        )
        self.promise("profile")
        self.turn("profile")
        self._set_up()
        self._day()
        self._results()

    def turn(self, phase: str) -> None:
        """Count a turn of the clock; say once that the moment is there."""
        if (phase, self.turns[phase]) == self._at:
            self._is_slow = True
            os.write(1, b"there\n")
        if not self.turns[phase]:
            self.promise("phase", phase)
        self.turns[phase] += 1
        if self._is_slow:
            time.sleep(SLOW_S)

    def _set_up(self) -> None:
        room = self.room
        room.begin_setup()
        setup = room.setup
        assert setup is not None
        spread = FAKE["Patient"](room.montage)._spread
        while not setup.is_done:
            self.turn("set_up")
            self.now_s += HOP_S
            view = setup.view(self.now_s)
            levels = [2.0] * 8
            if view.is_contracting:
                for pair in room.montage.muscles:
                    share = 1.0 if COACH_TASKS[pair.muscle] == view.movement else 0.2
                    levels[pair.left] += 30.0 * share
                    levels[pair.right] += 30.0 * share
            at = self.turns["set_up"]
            heard = [x * spread[(at + 1201 * c) % len(spread)] for c, x in enumerate(levels)]
            room._feed(Hop(20 * at, tuple(heard)))
        assert room.fault is None and room.profile is not None
        assert room.profile.known_references is not None
        self.promise("references", room.profile.references)

    def _day(self) -> None:
        room, append = self.room, DayLog.append

        def noted_append(log: DayLog, record: dict[str, Any]) -> None:
            append(log, record)
            self.promise("record", record)

        DayLog.append = noted_append  # type: ignore[method-assign]
        room.days.profiles.programme = (  # type: ignore[method-assign]
            lambda pseudonym, *, is_short=False: parse_programme(WARM, "warm")
        )
        assert room.begin()
        assert room.day is not None
        self._journal = Journal.create(room.day.folder, HEADER, min_free_bytes=0)
        room.day.engine.note_recording(room.day.session)
        patient = FAKE["Patient"](room.montage)
        while room.is_under_way:
            go_on(self, patient)
        self._journal.sync()
        self.promise("packets", self._journal.stored)
        self._journal.close()

    def record(self) -> None:
        """Let the recording have the next 10 ms."""
        journal = self._journal
        if journal is not None:
            head = bytearray(13)
            stream.pack_header_into(head, 4, self._frame & 0xFFFF, 20 * self._frame, 0, 0, 0, 20)
            journal.append_packet(bytes(head) + PAYLOAD)
            self._frame += 1
            if self._frame % 50 == 0:
                self.promise("packets", journal.stored)

    def _results(self) -> None:
        room = self.room
        for n in range(N_FILLED_IN):
            self.turn("results")
            entered = ("saq", 9 + n)
            room.days.profiles.questionnaires("anna").add(*entered, datetime.now(UTC).date())
            self.promise("questionnaire", entered)
            self.turn("results")
            room.say_of_today(lambda engine, at_s, n=n: engine.rate("tightness", n, at_s))
            self.turn("results")
            room.say_of_today(lambda engine, at_s, n=n: engine.note_diary(f"Line {n}."))
            self.turn("results")
            room.days.index.sync()
            assert room.result() is not None and room.fault is None


def go_on(life: Life, patient: Any) -> None:
    """Let the day have its next turn: a hop where somebody listens, else a tenth of a second."""
    room = life.room
    engine = room.engine
    assert engine is not None
    step = engine._steps[engine._at] if engine._at < len(engine._steps) else None
    view = room.view()
    assert view is not None
    life.turn(view.block.name if view.block is not None else BLOCKS[-1])
    if view.step is not None and view.step.kind == "heat":
        passed_s = 600 - view.step.remaining_s
        is_over = passed_s > HEAT_S
        engine.note_heat(HeatReport(not is_over, is_over, 38.0, "done" if is_over else "", True))
    if view.step is not None and view.step.rating:
        room.do(lambda engine, at_s: engine.rate(view.step.rating, 5, at_s))
    is_heard = step is not None and (step.kind in ("trial", "relax") or step.rest_s > 0)
    life.now_s += HOP_S if is_heard else TICK_S
    life.record()
    if is_heard:
        room._feed(patient.hop(engine, life.now_s))
    else:
        room.tick()
    assert room.fault is None, room.fault


def main() -> None:
    """Read lives from the input and fork each."""
    for line in sys.stdin:
        root, phase, n_turns = json.loads(line)
        pid = os.fork()
        if pid == 0:
            life = Life(Path(root), phase, n_turns)
            life.count_calls()
            life.live()
            life.promise("turns", life.turns)
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
