"""Random and mutated messages against every parser and the command server.

Some 30,000 of them by default, more than 1,000,000 with ``tools/run.py test --full``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent / "board" / "fuzz.py"
SEED = 20261129
LONG_S = 1800


def by_python(n: int, seed: int, timeout_s: float) -> str:
    done = subprocess.run(
        [sys.executable, FUZZ, "parsers", str(n), str(seed)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_forged_and_random_commands_change_nothing(on_board: Callable[..., str]) -> None:
    assert on_board(FUZZ, "commands", "6000", str(SEED)) == "ok commands 6000 stopped\n"


def test_parsers_refuse_in_one_way_on_the_board(on_board: Callable[..., str]) -> None:
    assert on_board(FUZZ, "parsers", "4000", str(SEED)) == "ok parsers 4000\n"


def test_parsers_refuse_in_one_way_on_the_host() -> None:
    assert by_python(10_000, SEED, 60) == "ok parsers 10000\n"


def test_forged_heat_commands_change_nothing_of_a_pad_that_heats(
    on_board: Callable[..., str],
) -> None:
    assert on_board(FUZZ, "heat", "5000", str(SEED)) == "ok heat 5000 stopped\n"


def test_bytes_on_the_cable_get_no_key_and_start_nothing(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    assert on_board(FUZZ, "cable", "5000", str(SEED), str(tmp_path)) == "ok cable 5000\n"


@pytest.mark.full
@pytest.mark.parametrize("seed", range(4))
def test_a_million_messages(seed: int, on_board: Callable[..., str], tmp_path: Path) -> None:
    wanted = "ok heat 50000 stopped\n"
    assert on_board(FUZZ, "heat", "50000", str(seed), timeout_s=LONG_S) == wanted
    folder = str(tmp_path)
    wanted = "ok cable 50000\n"
    assert on_board(FUZZ, "cable", "50000", str(seed), folder, timeout_s=LONG_S) == wanted
    wanted = "ok commands 100000 stopped\n"
    assert on_board(FUZZ, "commands", "100000", str(seed), timeout_s=LONG_S) == wanted
    wanted = "ok parsers 50000\n"
    assert on_board(FUZZ, "parsers", "50000", str(seed), timeout_s=LONG_S) == wanted
    assert by_python(100_000, seed, LONG_S) == "ok parsers 100000\n"
