"""Which board the tests of this folder talk to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FACELOOP = Path(sys.executable).parent / "faceloop"
LONGEST_S = 300
HOW = "name a board: python3 tools/run.py test tests/hardware --serial PORT (or --device NAME)"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--serial", help="port of a real board on a cable")
    parser.addoption("--device", help="name or address of a real board in the air, paired before")


@pytest.fixture
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a ``faceloop`` command on the board; gives its JSON."""
    port, name = request.config.getoption("--serial"), request.config.getoption("--device")
    if not port and not name:
        pytest.skip(HOW)
    where = ("--serial", port) if port else ("--device", name)

    def run(command: str, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [FACELOOP, command, *where, "--json", "--out", tmp_path / "data", *arguments],
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        account: dict[str, Any] = json.loads(done.stdout)
        return account

    return run
