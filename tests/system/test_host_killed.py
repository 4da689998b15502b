"""The host dies without a word: nothing runs on, and what was recorded is finished next time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
PROMISE_S = 0.25  # what was appended longer ago than this survives a killed process


async def test_killed_host_loses_at_most_the_last_quarter_second(home, rig):
    tap, notes = home.folder / "tap", home.folder / "notes"
    host = await home.start(
        *(notes, "demo", "--headless", "--seconds", 60, "--tap", tap),
        program=[sys.executable, str(HERE / "noting_host.py")],
    )
    folder = await home.wait_recorded(40_000)
    killed_s = time.monotonic()
    host.send(signal.SIGKILL)
    done = await host.done()
    assert done.code == -signal.SIGKILL

    # Its board follows: the twin, the virtual machine, the sockets, the terminal.
    assert rig.wait_until(lambda: not home.leftovers(), rig.END_S), home.leftovers()
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
    assert summary["frames_missing"] == 0
    n_frames = summary["frames_recorded"]
    counts, _ = rig.read_recording(folder / "recording.bdf")
    np.testing.assert_array_equal(counts[:n_frames], rig.read_tap(tap)[:n_frames])
    promised = [
        first + n
        for at_ns, first, n in struct.iter_unpack("<qII", notes.read_bytes())
        if at_ns * 1e-9 <= killed_s - PROMISE_S
    ]
    assert len(promised) > 50
    assert n_frames >= max(promised)
    assert recovered["duration_s"] == n_frames / 2000


async def test_killed_twin_ends_the_session_with_a_sentence(home, rig):
    """The simulator itself dies: the recording is finished all the same."""
    host = await home.start("demo", "--headless", "--seconds", 60)
    folder = await home.wait_recorded(20_000)
    (board,) = home.tmp.glob("faceloop-*/*/ready")
    os.kill(json.loads(board.read_text())["pid"], signal.SIGKILL)
    text = (await host.done()).sentence(1)
    assert text.startswith("The virtual board")
    assert (folder / "recording.bdf").exists()
    assert await asyncio.to_thread(rig.wait_until, lambda: not home.leftovers(), rig.END_S)
