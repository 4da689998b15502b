"""`tools/check.py`: which stages there are, and what becomes of one that fails."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[2]
CHECK = runpy.run_path(str(TESTS.parent / "tools" / "check.py"))
SINGLE = CHECK["single"]


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def commands(*arguments: str) -> dict[str, list[str]]:
    """Each stage, and the words of all its commands."""
    found = CHECK["stages"](list(arguments))
    return {stage.name: [word for one in stage.commands for word in one] for stage in found}


def test_every_folder_of_tests_is_in_a_stage() -> None:
    folders = {path.parent.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")}
    asked = {word for words in commands("--full").values() for word in words}
    assert {f"tests/{name}" for name in folders} <= asked


def test_default_run_has_boards_and_browsers_and_the_quick_one_neither() -> None:
    everything, quick = commands(), commands("--quick")
    assert {"lint", "types", "protocol", "unit", "system", "browser", "timed"} <= set(everything)
    assert set(everything) - set(quick) == {"system", "browser"}
    assert "tests/system" not in quick["timed"]
    assert not {"not full"} & set(everything["unit"])
    assert "(not full) and not benchmark" in everything["unit"]


def test_what_measures_time_runs_last_and_alone() -> None:
    found = CHECK["stages"]([])
    assert found[-1].name == "timed"
    assert not found[-1].is_single
    assert "-n" not in found[-1].commands[0]
    assert "(not full) and benchmark" in found[-1].commands[0]


def test_arguments_choose_tests_and_nothing_else() -> None:
    assert list(commands("tests/unit", "-k", "rice")) == ["tests"]


def test_stages_beside_each_other_are_told_in_order(capsys: Any) -> None:
    slow = SINGLE("slow", python("import time; time.sleep(0.3); print('first')"))
    quick = SINGLE("quick", python("print('second')"))
    assert CHECK["run_beside"]([slow, quick]) == [0, 0]
    told = capsys.readouterr().out.split("\n")
    assert told[0] == "first" and told[1].startswith("-- slow: ok, ")
    assert told[2] == "second" and told[3].startswith("-- quick: ok, ")


def test_failed_command_ends_its_stage_with_its_code_and_what_it_said(capsys: Any) -> None:
    bad = SINGLE(
        "bad",
        python("import sys; print('why', file=sys.stderr); sys.exit(7)"),
        python("print('never')"),
    )
    assert CHECK["run_beside"]([bad, SINGLE("good", python(""))]) == [7, 0]
    assert CHECK["run"](CHECK["Stage"]("bad", bad.commands)) == 7
    told = capsys.readouterr().out
    assert "why" in told and "-- bad: failed (7), " in told and "never" not in told


@pytest.mark.parametrize(("name", "code"), [("browser", 0), ("tests", 5)])
def test_folder_without_tests_to_run_is_fine_but_tests_asked_for_are_not(
    name: str, code: int
) -> None:
    ended = [*python("raise SystemExit(5)"), "pytest"]
    assert CHECK["run"](CHECK["Stage"](name, (ended,))) == code
