"""A host that is killed and started again: the board kept the stream, the recording goes on."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("way", [pytest.param("cable", marks=pytest.mark.full), "air"])
async def test_killed_host_that_comes_back_goes_on_in_its_recording(home: Any, way: str) -> None:
    board = await home.start_board()
    run = ("record", "--rest-s", 1, *(("--serial", board.tty_path) if way == "cable" else ()))
    air = {} if way == "cable" else {"FACELOOP_HCI": str(board.hci_path)}
    host = await home.start(*run, "--seconds", 60, **air)
    folder = await home.wait_recorded(20_000)
    host.send(signal.SIGKILL)
    await host.done()
    n_before = home.n_converted()
    done = await home.run(*run, "--seconds", n_before / 2000 + 2, "--json", **air)
    assert (done.code, done.err) == (0, "")
    account = done.account
    assert account["continued"]
    assert account["recovered"] == []
    assert Path(account["recording"]).parent == folder
    assert home.recordings() == [folder]
    # The board's ring held what was converted meanwhile: both parts and all between them.
    assert account["gaps"] == []
    assert account["frames_resent"] > 0
    n_frames = account["frames_recorded"]
    assert n_frames == account["frames_expected"] >= n_before + 2 * 2000
    home.check_recorded(account["recording"], n_frames)
    notes = (folder / "events.jsonl").read_text().splitlines()
    assert [json.loads(note)["kind"] for note in notes].count("resumed") == 1
