"""`tools/check.py`: which stages there are, and what becomes of one that fails."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[2]
CHECK = runpy.run_path(str(TESTS.parent / "tools" / "check.py"))
PATIENT, STAGE, PACE = CHECK["patient"], CHECK["Stage"], CHECK["Pace"]


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def commands(*arguments: str) -> dict[str, list[str]]:
    """Each stage, and the words of all its commands."""
    found = CHECK["stages"](list(arguments))
    return {stage.name: [word for one in stage.commands for word in one] for stage in found}


def test_every_folder_of_tests_is_in_a_stage_but_that_of_real_boards() -> None:
    folders = {path.parent.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")}
    folders.remove("hardware")
    asked = {word for words in commands("--full").values() for word in words}
    assert {f"tests/{name}" for name in folders - {"unit"}} <= asked
    unit = {str(path.relative_to(TESTS.parent)) for path in (TESTS / "unit").rglob("test_*.py")}
    protocol = {name for name in unit if name.startswith("tests/unit/protocol/")}
    assert unit & asked == unit - protocol
    assert "tests/unit/protocol" in asked


def test_each_unit_test_is_in_one_part() -> None:
    parts = CHECK["unit_parts"]()
    assert len({name for part in parts for name in part}) == sum(map(len, parts))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_files_that_begin_first_are_there(request: pytest.FixtureRequest) -> None:
    conftest = request.config.pluginmanager.get_plugin(str(TESTS / "conftest.py"))
    longest = conftest.LONGEST
    assert len(set(longest)) == len(longest) > 5
    assert set(longest) <= {path.stem for path in TESTS.rglob("test_*.py")}


def test_default_run_has_boards_and_browsers_and_the_quick_one_neither() -> None:
    everything, quick = commands(), commands("--quick")
    of_units = {f"unit, part {part}" for part in (1, 2)}
    assert of_units | {"lint", "types", "protocol", "timed", "system, browser"} <= set(everything)
    assert set(everything) - set(quick) == {"system, browser", "timed boards"}
    assert "tests/system" not in quick["timed"]
    for part in of_units:
        assert not {"not full"} & set(everything[part])
        assert "(not full) and not benchmark" in everything[part]


def test_what_measures_time_runs_last_and_alone() -> None:
    found = CHECK["stages"]([])
    names = ["timed", "timed boards"]
    assert [stage.name for stage in found[-2:]] == names
    assert [stage.name for stage in found if stage.pace is PACE.ALONE] == names
    full = CHECK["stages"](["--full"])
    assert {stage.name for stage in full if stage.pace is PACE.ALONE} == {"benchmarks", *names}
    assert "-n" not in found[-2].commands[0]
    assert all("(not full) and benchmark" in stage.commands[0] for stage in found[-2:])


def test_arguments_choose_tests_and_nothing_else() -> None:
    assert list(commands("tests/unit", "-k", "rice")) == ["tests"]


def test_boards_and_browsers_run_at_once_and_all_else_beside_them() -> None:
    found = CHECK["stages"]([])
    assert [stage.name for stage in found if stage.pace is PACE.LIVE] == ["system, browser"]


def test_patient_stage_runs_beside_the_others_and_one_that_measures_after_all(
    tmp_path: Path, capfd: Any
) -> None:
    """The live stage ends only when the patient one has begun, which ends after it."""
    began, live, ended = (str(tmp_path / name) for name in ("began", "live", "ended"))
    wait = "import pathlib, time\nwhile not pathlib.Path({!r}).exists(): time.sleep(0.01)\n"
    touch = "import pathlib; pathlib.Path({!r}).touch()\n"
    found = [
        PATIENT("work", python(touch.format(began) + wait.format(live) + touch.format(ended))),
        STAGE("board", (python(wait.format(began) + touch.format(live)),)),
        STAGE(
            "clock",
            (python(f"import os, sys; sys.exit(3 * os.path.exists({ended!r}))"),),
            PACE.ALONE,
        ),
    ]
    assert CHECK["run_all"](found) == [0, 0, 3]
    told = [line.partition(",")[0] for line in capfd.readouterr().out.split("\n") if line]
    assert sorted(told[:2]) == ["-- board: ok", "-- work: ok"]
    assert told[2:] == ["-- clock: failed (3)"]


def test_patient_stage_takes_what_others_leave_and_says_all_of_it_at_once(capfd: Any) -> None:
    last = (
        "import os; is_idle = os.sched_getscheduler(0) == os.SCHED_IDLE; print('said');"
        "raise SystemExit(not is_idle and os.nice(0) < 19)"
    )
    assert CHECK["run_all"]([PATIENT("work", python(last))]) == [0]
    assert capfd.readouterr().out.startswith("\nsaid\n-- work: ok, ")


def test_failed_command_ends_its_stage_with_its_code_and_what_it_said(capfd: Any) -> None:
    bad = PATIENT(
        "bad",
        python("import sys; print('why', file=sys.stderr); sys.exit(7)"),
        python("print('never')"),
    )
    assert CHECK["run_all"]([bad, PATIENT("good", python(""))]) == [7, 0]
    assert CHECK["run"](STAGE("bad", bad.commands)) == 7
    told = capfd.readouterr().out
    assert "why" in told and "-- bad: failed (7), " in told and "never" not in told


@pytest.mark.parametrize(("first", "then", "code"), [(0, 9, 0), (1, 0, 0), (1, 1, 1), (2, 0, 2)])
def test_tests_that_failed_beside_others_run_once_more_alone_and_that_decides(
    capfd: Any, first: int, then: int, code: int
) -> None:
    """Only where tests failed: an interruption or a wrong option is what it is."""
    once_more = tuple(python(f"raise SystemExit({then})"))
    live = STAGE("live", (python(f"raise SystemExit({first})"),), once_more=once_more)
    assert CHECK["run_all"]([live]) == [code]
    assert ("-- live, what failed, alone: " in capfd.readouterr().out) == (first == 1)


def test_only_boards_browsers_and_clocks_have_a_second_try_of_what_failed() -> None:
    found = [stage for stage in CHECK["stages"]([]) if stage.once_more]
    assert [stage.name for stage in found] == ["system, browser", "timed", "timed boards"]
    for stage in found:
        assert "--last-failed" in stage.once_more
        assert set(stage.commands[0]) <= set(stage.once_more)


@pytest.mark.parametrize(("name", "code"), [("browser", 0), ("tests", 5)])
def test_folder_without_tests_to_run_is_fine_but_tests_asked_for_are_not(
    name: str, code: int
) -> None:
    ended = [*python("raise SystemExit(5)"), "pytest"]
    assert CHECK["run"](STAGE(name, (ended,))) == code
