"""The disk is full, at the start or in the middle: said at once, and nothing recorded is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FACELOOP = str(Path(sys.executable).with_name("faceloop"))
# A mount namespace of its own: needs no rights where users may have one, and leaves nothing.
OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]

# The converter goes on until the session has ended: a moment, some seconds on a busy machine.
STOPPED_WITHIN_FRAMES = 20_000

NO_ROOM = """
mount -t tmpfs -o size=2m tmpfs "$FACELOOP_DATA"
exec "$@"
"""

# 600 MB, as a recording wants half a GB to begin with; after two seconds of it, what is used and
# not a page more; then room again, and the next start.
RUNS_FULL = """
mount -t tmpfs -o size=600m tmpfs "$FACELOOP_DATA"
"$@" &
host=$!
until [ "$(du -s "$FACELOOP_DATA" | cut -f 1)" -gt 40 ]; do sleep 0.05; done
mount -o remount,size=$(($(du -s "$FACELOOP_DATA" | cut -f 1) + 4))k "$FACELOOP_DATA"
wait $host
echo "$?" > code
mount -o remount,size=600m "$FACELOOP_DATA"
"$@" --seconds 1 > next
cp -r "$FACELOOP_DATA"/sessions saved
"""


async def run_in_own_mounts(home, script: str, *arguments: object) -> Any:
    """Run a script in which disks can be mounted; ``"$@"`` is the command."""
    home.data.mkdir()
    program = [*OWN_MOUNTS, "sh", "-c", script, "sh", FACELOOP]
    return await (await home.start(*arguments, program=program)).done()


async def full_from_the_start(home) -> None:
    done = await run_in_own_mounts(home, NO_ROOM, "demo", "--headless", "--seconds", 5)
    text = done.sentence(7)
    assert str(home.data) in text
    assert "free" in text.lower()


async def runs_full(home) -> None:
    command = ("demo", "--headless", "--json", "--tap", home.tap)
    done = await run_in_own_mounts(home, RUNS_FULL, *command)
    assert (home.folder / "code").read_text() == "7\n"
    assert "disk is full" in done.sentence(0)
    account = json.loads(done.out)
    assert account["error"]["exit_code"] == 7
    assert account["recording"] is None
    assert account["frames_recorded"] == 0, "nothing is finished yet"
    assert account["frames_lost_silently"] == 0

    following = json.loads((home.folder / "next").read_text())
    (recovered,) = following["recovered"]
    assert recovered["error"] is None
    assert recovered["duration_s"] > 1.0
    # The second run took the tap over; its first second is the same rest, as seeded.
    saved = home.folder / "saved" / Path(recovered["recording"]).name
    home.check_recorded(saved / "recording.bdf", 2000, STOPPED_WITHIN_FRAMES)


async def may_not_grow(home) -> None:
    board = await home.start_board()
    limited = (
        "import resource, sys; from faceloop.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY)); main()"
    )
    host = await home.start(
        *("record", "--seconds", 60, "--json"),
        program=[sys.executable, "-c", limited],
        FACELOOP_HCI=str(board.hci_path),
    )
    done = await host.done(40)
    assert "What was written before is kept" in done.sentence(7)
    assert done.account["recording"] is None
    (folder,) = home.recordings()
    assert not (folder / "recording.bdf").exists()

    # No board, and by now that one would have let go of its stream: it is finished instead.
    os.utime(folder / "journal.fllog", (0, 0))
    done = await home.run("record", "--device", "nowhere", "--seconds", 1)
    done.sentence(4)
    summary = json.loads((folder / "session.json").read_text())
    n_frames = summary["frames_recorded"]
    assert n_frames > 4000
    assert summary["frames_missing"] == 0
    home.check_recorded(folder / "recording.bdf", n_frames, STOPPED_WITHIN_FRAMES)


def can_mount() -> bool:
    probe = [*OWN_MOUNTS, "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]
    done = shutil.which("unshare") and subprocess.run(probe, capture_output=True, check=False)
    return bool(done) and done.returncode == 0


@pytest.fixture(scope="module")
def has_mounts() -> bool:
    return can_mount()


@pytest.fixture(scope="module")
def outcome_of(rig, has_mounts, tmp_path_factory) -> Iterator[Any]:
    on_small_disks = (full_from_the_start, runs_full) if has_mounts else ()
    folder = tmp_path_factory.mktemp("full")
    with rig.at_once(folder, may_not_grow, *on_small_disks) as outcome:
        yield outcome


@pytest.fixture
def small_disks(has_mounts: bool) -> None:
    if not has_mounts:
        pytest.fail("This test mounts a small disk: run it as root, or allow user namespaces.")


def test_recording_does_not_begin_on_a_full_disk(small_disks, outcome_of):
    outcome_of(full_from_the_start)


def test_disk_that_runs_full_stops_the_recording_and_keeps_it(small_disks, outcome_of):
    outcome_of(runs_full)


def test_file_that_may_not_grow_stops_the_recording_and_keeps_it(outcome_of):
    """As on a full disk, where none can be had: a limit for the host alone, EFBIG for ENOSPC."""
    outcome_of(may_not_grow)
