"""The tests for a real board: run on a virtual one as if it hung on a cable."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

HARDWARE = Path(__file__).parents[1] / "hardware"
PYTEST = [sys.executable, "-m", "pytest", "-q", "-rs", "-n", "0", "-p", "no:cacheprovider"]


async def test_without_a_board_they_are_skipped_with_the_command_to_run_them(home: Any) -> None:
    done = await (await home.start(HARDWARE, program=PYTEST)).done()
    assert done.code == 0 and "2 skipped" in done.out
    assert "tools/run.py test tests/hardware --serial PORT (or --device NAME)" in done.out


@pytest.mark.full  # two minutes
async def test_on_a_board_on_a_cable_they_pass(home: Any) -> None:
    world = {"usb_power": True, "bench_plug": True}
    board = await home.start_board(source={"kind": "plug"}, world=world)
    host = await home.start(HARDWARE, "--serial", board.tty_path, program=PYTEST)
    done = await host.done(240)
    assert (done.code, "2 passed" in done.out) == (0, True), done.out
