"""The host dies without a word: nothing runs on, and what was recorded is finished next time."""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
# What was appended longer ago than a quarter of a second survives a killed process: counted in
# turns of 10 ms that the process got, as a machine may have none to give.
TURNS = 25


async def host_killed(home) -> None:
    notes = home.folder / "notes"
    host = await home.start(
        *(notes, "demo", "--headless", "--seconds", 60, "--tap", home.tap),
        program=[sys.executable, str(HERE / "noting_host.py")],
    )
    folder = await home.wait_recorded(40_000)
    n_converted = home.n_converted()
    host.send(signal.SIGKILL)
    assert (await host.done()).code == -signal.SIGKILL
    assert not (folder / "recording.bdf").exists()

    # The next start of any session finishes the file, and says so.
    done = await home.run("demo", "--headless", "--json", "--seconds", 1)
    assert (done.code, done.err) == (0, "")
    (recovered,) = done.account["recovered"]
    assert recovered["recording"] == str(folder)
    assert recovered["error"] is None

    summary = json.loads((folder / "session.json").read_text())
    assert summary["damage"] == []
    assert not summary["is_ended"]
    end, gaps = summary["end_frame"], summary["gaps"]
    home.check_recorded(folder / "recording.bdf", end, 2000, of=n_converted, gaps=gaps)
    assert recovered["duration_s"] == end / 2000
    # Where the machine was busy packets may have been on their way to be sent once more: what is
    # missing is then what had not come, and nothing that had.
    noted = list(struct.iter_unpack("<III", notes.read_bytes()))
    last_turn = max(turn for turn, _, _ in noted)
    promised = [range(first, first + n) for turn, first, n in noted if turn <= last_turn - TURNS]
    kept = set(range(end)).difference(*(range(first, first + n) for first, n in gaps))
    assert sum(map(len, promised)) > 1000
    assert all(kept.issuperset(frames) for frames in promised)


async def twin_killed(home) -> None:
    command = ("demo", "--headless", "--json", "--seconds", 60)
    host = await home.start(*command, TMPDIR=own_tmp(home))
    folder = await home.wait_recorded(20_000)
    (board,) = Path(own_tmp(home)).glob("faceloop-*/*/ready")
    os.kill(json.loads(board.read_text())["pid"], signal.SIGKILL)
    done = await host.done()
    assert "What was recorded until then is safe: start again." in done.sentence(6)
    account = done.account
    assert account["error"]["exit_code"] == 6
    assert account["frames_lost_silently"] == 0
    assert account["recording"] == str(folder / "recording.bdf")
    # It is not known how far the converter came, only that it is further than what was seen of it.
    assert account["frames_expected"] >= account["frames_recorded"] > 1000
    assert (folder / "recording.bdf").exists()
    assert not list(Path(own_tmp(home)).glob("faceloop-*/*"))


def own_tmp(home) -> str:
    """Return a folder in which no other scenario's board is."""
    folder = home.tmp / "k"
    folder.mkdir(exist_ok=True)
    return str(folder)


@pytest.fixture(scope="module")
def outcome_of(rig, tmp_path_factory) -> Iterator[Any]:
    # At its end nothing runs and no socket is left, whoever was killed.
    with rig.at_once(tmp_path_factory.mktemp("killed"), host_killed, twin_killed) as outcome:
        yield outcome


def test_killed_host_loses_at_most_the_last_quarter_second(outcome_of):
    outcome_of(host_killed)


def test_killed_twin_ends_the_session_with_a_sentence(outcome_of):
    outcome_of(twin_killed)
