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
from concurrent.futures import ThreadPoolExecutor
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
# So many test files at a time; what measures time runs alone at the end. Boards and browsers
# mostly wait: one after the other they would leave two thirds of two cores idle.
AT_A_TIME = {"unit": 2, "system": 3, "browser": 2}
# Stages of a single process: so many beside each other.
BESIDE = 2
NO_TESTS_COLLECTED = 5  # pytest's exit code


class Stage(NamedTuple):
    """Programs to run one after the other, until one fails.

    Attributes
    ----------
    name : str
    commands : tuple of list of str
    is_single : bool
        Takes one processor core, whatever else runs.
    """

    name: str
    commands: tuple[list[str], ...]
    is_single: bool = False


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
    started_s = time.monotonic()
    found = stages(arguments)
    codes = run_beside([stage for stage in found if stage.is_single])
    codes += [run(stage) for stage in found if not stage.is_single]
    first_failure = next((code for code in codes if code), 0)
    outcome = "failed" if first_failure else "all good"
    print(f"{outcome} after {time.monotonic() - started_s:.0f} s", flush=True)
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
        return [Stage("tests", ([*pytest, "-m", wanted, *skipped, *rest],))]
    python = [sys.executable, "-m"]
    every_branch = ["--fail-under=100", "--skip-covered", "--show-missing"]
    protocol = [*python, "coverage", "run", "-m", *pytest[2:], PROTOCOL_TESTS, HEAT_RULES]
    found = [
        single("lint", [*python, "ruff", "check", "."]),
        single("format", [*python, "ruff", "format", "--check", "--quiet", "."]),
        single("types", [*python, "mypy"]),
        single("kernel types", [*python, "mypy.stubtest", *kernels()]),
        firmware_types(),
        single("protocol", protocol, [*python, "coverage", "report", *every_branch]),
    ]
    left_out = {"hardware", *(() if is_full else ("benchmarks",)), *(SLOW if is_quick else ())}
    folders = [name for name in test_folders() if name not in left_out]
    for name in folders:
        if name in AT_A_TIME:
            workers = ["-n", str(AT_A_TIME[name]), "--dist", "loadfile"]
            workers += [f"--ignore={PROTOCOL_TESTS}"] if name == "unit" else []
            together = [*workers, "-m", f"({wanted}) and not benchmark"]
            found.append(Stage(name, ([*pytest, *together, f"tests/{name}"],)))
        else:
            found.append(single(name, [*pytest, "-m", wanted, f"tests/{name}"]))
    measured = [f"tests/{name}" for name in folders if name in AT_A_TIME]
    alone = ["-m", f"({wanted}) and benchmark", *measured]
    return [*found, Stage("timed", ([*pytest, *alone],))]


def single(name: str, *commands: list[str]) -> Stage:
    """Return a stage that may run beside another one."""
    return Stage(name, commands, is_single=True)


def firmware_types() -> Stage:
    """Return the check of the board's files against the stubs of its MicroPython."""
    stubs = sysconfig.get_path("purelib")  # their folder "stdlib" stands for the standard library
    command = [sys.executable, "-m", "pyright", "-p", "firmware", "--typeshedpath", stubs]
    return single("firmware types", command)


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


def run_beside(single: list[Stage]) -> list[int]:
    """Run stages a few at a time, print what they said in order, return their exit codes."""
    with ThreadPoolExecutor(BESIDE) as pool:
        try:
            return list(map(show, single, pool.map(capture, single)))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            sys.exit(130)


def capture(stage: Stage) -> tuple[int, float, str]:
    """Run a stage; return its exit code, the seconds it took, and what it said."""
    started_s = time.monotonic()
    said = ""
    code = 0
    for command in stage.commands:
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said += done.stdout
        code = done.returncode
        if code:
            break
    return code, time.monotonic() - started_s, said


def show(stage: Stage, result: tuple[int, float, str]) -> int:
    """Print what a stage said and the line about it; return its exit code."""
    code, took_s, said = result
    sys.stdout.write(said)
    return verdict(stage, code, took_s)


def run(stage: Stage) -> int:
    """Run a stage that uses every core, print the line about it, return its exit code."""
    started_s = time.monotonic()
    code = 0
    for command in stage.commands:
        try:
            code = subprocess.run(command, cwd=ROOT, check=False).returncode
        except KeyboardInterrupt:
            sys.exit(130)
        if code:
            break
    return verdict(stage, code, time.monotonic() - started_s)


def verdict(stage: Stage, code: int, took_s: float) -> int:
    """Print one line about a stage that ended; return its exit code, 0 where it had no test."""
    is_folder = stage.name != "tests" and "pytest" in stage.commands[0]
    code = 0 if code == NO_TESTS_COLLECTED and is_folder else code
    word = "ok" if code == 0 else f"failed ({code})"
    print(f"-- {stage.name}: {word}, {took_s:.1f} s", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
