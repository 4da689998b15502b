"""Recordings that cannot be played: one sentence, exit code 3, nothing started."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from faceloop.errors import SourceError
from faceloop.tasks.demo import DemoOptions, demo


def write_csv(path: Path, fs_hz: float, seconds: float, spoil: str = "") -> Path:
    """Write two channels of noise with a time column."""
    rng = np.random.default_rng(1)
    n = round(fs_hz * seconds)
    rows = [
        f"{i / fs_hz:.6f},{a:.3f},{b:.3f}" for i, (a, b) in enumerate(rng.normal(0, 9, (n, 2)))
    ]
    if spoil:
        rows[n // 2] = f"{n // 2 / fs_hz:.6f},{spoil},1.0"
    path.write_text("time_s,left uV,right uV\n" + "\n".join(rows) + "\n")
    return path


def make_source(name: str, folder: Path, recording: Path) -> Path:
    path = folder / name
    if name == "absent.bdf":
        return path
    if name == "endless device":
        return Path("/dev/zero")
    if name == "pipe.csv":
        os.mkfifo(path)
    elif name == "sparse.csv":
        with path.open("wb") as file:
            file.write(b"time_s,left uV\n")
            file.truncate(3 << 30)
    elif name == "folder.bdf":
        path.mkdir()
    elif name == "empty.edf":
        path.write_bytes(b"")
    elif name == "text.bdf":
        path.write_text("This is no recording.\n")
    elif name == "cut.bdf":
        path.write_bytes(recording.read_bytes()[:700])
    elif name == "short.csv":
        write_csv(path, 2000, 0.5)
    elif name == "slow.csv":
        write_csv(path, 100, 3)
    elif name == "nan.csv":
        write_csv(path, 2000, 2, "NaN")
    elif name == "infinite.csv":
        write_csv(path, 2000, 2, "inf")
    elif name == "words.csv":
        write_csv(path, 2000, 2, "off")
    return path


# What the sentence has to name.
CASES = {
    "absent.bdf": "no file",
    "folder.bdf": "folder",
    "empty.edf": "empty",
    "text.bdf": "no BDF file",
    "cut.bdf": "cut.bdf",
    "endless device": "device or a pipe",
    "pipe.csv": "device or a pipe",
    "sparse.csv": "larger than 1 GiB",
    "short.csv": "too short: 0.50 s",
    "slow.csv": "100 samples a second, too few for EMG",
    "nan.csv": "no numbers",
    "infinite.csv": "no numbers",
    "words.csv": "words.csv",
}


@pytest.mark.parametrize("name", CASES)
async def test_a_source_that_cannot_be_played_is_refused(home, recording_path, name):
    with pytest.raises(SourceError) as refusal:
        await demo(DemoOptions(source=make_source(name, home.folder, recording_path)))
    text = str(refusal.value)
    assert CASES[name] in text
    assert text.endswith(".") and "\n" not in text
    assert home.recordings() == [], "no folder for a session that never was"


@pytest.mark.parametrize(
    "command",
    [("demo", "--headless", "--source"), ("replay", "--headless"), ("analyse",)],
    ids=lambda command: command[0],
)
async def test_each_command_says_so_in_one_sentence(home, recording_path, command):
    path = make_source("nan.csv", home.folder, recording_path)
    assert CASES["nan.csv"] in (await home.run(*command, path)).sentence(3)
    assert home.recordings() == []


@pytest.mark.parametrize("name", ["folder.bdf", "endless device", "pipe.csv", "sparse.csv"])
async def test_what_is_no_file_is_not_analysed(home, recording_path, name):
    path = make_source(name, home.folder, recording_path)
    assert CASES[name] in (await home.run("analyse", path, timeout_s=20)).sentence(3)


async def test_file_of_an_odd_rate_is_resampled_to_the_boards(home):
    source = write_csv(home.folder / "odd.csv", 1234.5, 1.5)
    done = await home.run("demo", "--headless", "--json", "--source", source)
    assert (done.code, done.err) == (0, "")
    assert done.account["warnings"] == [
        "Resampled from 1234.5 to 2000 Hz.",
        "2 channels; the others are electrodes that are off.",
    ]
    assert abs(done.account["frames_expected"] - 3000) <= 4
    assert done.account["frames_recorded"] == done.account["frames_expected"]


@pytest.mark.full  # as JSON: replay in test_commands.py
async def test_what_was_assumed_about_a_recording_is_said(home, recording_path):
    command = ("demo", "--headless", "--seconds", 1, "--source", recording_path)
    sentence = "Only the first 8 of 10"
    assert f"{recording_path}: {sentence}" in (await home.run(*command)).err  # as JSON: replay
