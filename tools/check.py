#!/usr/bin/env python3
"""Check the project as continuous integration does, quick things first.

    tools/check.py               lint, types and every test
    tools/check.py --quick       without the tests that start a board or a browser
    tools/check.py --full        with the long tests and the benchmarks as well
    tools/check.py ARGS          only tests, with ARGS for pytest, for example: tests/unit -k rice

Every stage runs even when an earlier one failed; the exit code is that of the first failure.
`python3 tools/run.py test ARGS` sets the project up and then calls this.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
PROTOCOL_TESTS = "tests/unit/protocol"
HEAT_RULES = "tests/simulation/test_heat_rules.py"  # of the heat pad's part of the protocol

# Folders of tests in the order in which they run; others follow in alphabetical order.
ORDER = ("unit", "conformance", "simulation", "integration", "system", "browser")
# Start boards or browsers: minutes instead of seconds.
SLOW = ("integration", "system", "browser")
# So many test files at a time; what measures time runs alone afterwards. Boards and browsers
# mostly wait: one after the other they would leave two thirds of two cores idle.
AT_A_TIME = {"unit": 2, "system": 3, "browser": 2}
NO_TESTS_COLLECTED = 5  # pytest's exit code


class Stage(NamedTuple):
    """One program to run.

    Attributes
    ----------
    name : str
    command : list of str
    """

    name: str
    command: list[str]


def main(arguments: list[str]) -> int:
    """Run the stages that ``arguments`` ask for; return the exit code of the first failure."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    missing = [
        name
        for name in ("ruff", "mypy", "pyright", "coverage", "pytest")
        if not importlib.util.find_spec(name)
    ]
    if missing:
        print(f"{', '.join(missing)} not installed. Run: python3 tools/run.py test")
        return 1
    first_failure = 0
    started_s = time.monotonic()
    for stage in stages(arguments):
        code = run(stage)
        first_failure = first_failure or code
    verdict = "failed" if first_failure else "all good"
    print(f"{verdict} after {time.monotonic() - started_s:.0f} s", flush=True)
    return first_failure


def stages(arguments: list[str]) -> list[Stage]:
    """Return what to run for these arguments, in order.

    Tests with a real board run only by name, benchmarks also with ``--full``.
    """
    is_quick, is_full = "--quick" in arguments, "--full" in arguments
    rest = [argument for argument in arguments if argument not in ("--quick", "--full")]
    pytest = [sys.executable, "-m", "pytest", "-q"]
    wanted = "full or not full" if is_full else "not full"
    if rest:
        skipped = [f"--ignore=tests/{name}" for name in SLOW] if is_quick else []
        return [Stage("tests", [*pytest, "-m", wanted, *skipped, *rest])]
    python = [sys.executable, "-m"]
    every_branch = ["--fail-under=100", "--skip-covered", "--show-missing"]
    found = [
        Stage("lint", [*python, "ruff", "check", "."]),
        Stage("format", [*python, "ruff", "format", "--check", "--quiet", "."]),
        Stage("types", [*python, "mypy"]),
        Stage("kernel types", [*python, "mypy.stubtest", *kernels()]),
        firmware_types(),
        Stage(
            "protocol",
            [*python, "coverage", "run", "-m", *pytest[2:], PROTOCOL_TESTS, HEAT_RULES],
        ),
        Stage("protocol branches", [*python, "coverage", "report", *every_branch]),
    ]
    left_out = {"hardware", *(() if is_full else ("benchmarks",)), *(SLOW if is_quick else ())}
    folders = [name for name in test_folders() if name not in left_out]
    for name in folders:
        if name in AT_A_TIME:
            workers = ["-n", str(AT_A_TIME[name]), "--dist", "loadfile"]
            workers += [f"--ignore={PROTOCOL_TESTS}"] if name == "unit" else []
            together = [*workers, "-m", f"({wanted}) and not benchmark"]
            found.append(Stage(name, [*pytest, *together, f"tests/{name}"]))
            alone = ["-m", f"({wanted}) and benchmark"]
            found.append(Stage(f"{name}, timed", [*pytest, *alone, f"tests/{name}"]))
        else:
            found.append(Stage(name, [*pytest, "-m", wanted, f"tests/{name}"]))
    return found


def firmware_types() -> Stage:
    """Return the check of the board's files against the stubs of its MicroPython."""
    stubs = sysconfig.get_path("purelib")  # their folder "stdlib" stands for the standard library
    command = [sys.executable, "-m", "pyright", "-p", "firmware", "--typeshedpath", stubs]
    return Stage("firmware types", command)


def kernels() -> list[str]:
    """Return the compiled modules, whose types stand in a file of their own."""
    return [f"faceloop_dsp.{path.stem}" for path in sorted((ROOT / "dsp").rglob("_*.pyi"))]


def test_folders() -> list[str]:
    """Return the folders that hold tests, in the order in which they run."""
    names = {
        path.relative_to(TESTS).parts[0]
        for path in TESTS.rglob("test_*.py")
        if path.parent != TESTS
    }
    return [name for name in ORDER if name in names] + sorted(names - set(ORDER))


def run(stage: Stage) -> int:
    """Run a stage, print one line about it, return its exit code."""
    started_s = time.monotonic()
    try:
        code = subprocess.run(stage.command, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        sys.exit(130)
    if code == NO_TESTS_COLLECTED and "pytest" in stage.command and stage.name != "tests":
        code = 0  # all of this folder's tests are long ones
    verdict = "ok" if code == 0 else f"failed ({code})"
    print(f"-- {stage.name}: {verdict}, {time.monotonic() - started_s:.1f} s", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
