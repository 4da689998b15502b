#!/usr/bin/env python3
"""Check the project as continuous integration does.

    tools/check.py               lint, types and the tests
    tools/check.py --quick       without the tests that start a board or a browser
    tools/check.py --full        with the long tests and the benchmarks as well
    tools/check.py ARGS          only tests, with ARGS for pytest, for example: tests/unit -k rice

Every stage runs even when an earlier one failed; the exit code is that of the first failure.
`python3 tools/run.py test ARGS` sets the project up and then calls this.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
PROTOCOL_TESTS = "tests/unit/protocol"
HEAT_RULES = "tests/simulation/test_heat_rules.py"  # of the heat pad's part of the protocol

# Folders of tests in the order in which they run; others follow in alphabetical order.
ORDER = ("unit", "conformance", "simulation", "system", "browser")
# Start boards or browsers: minutes instead of seconds.
SLOW = ("system", "browser")
LIVE_FILES = 3  # so many of their test files at a time: they wait more than they work
TIMED_FILES = 2  # of those that measure time
UNIT_PARTS = 2  # each in a process of its own: workers of one run would all collect all of it
LIVE_CACHE = ".pytest_cache/live"  # other stages write theirs at the same time
BESIDE = 3  # so many patient stages beside each other
# Patient stages take only what the others leave of the processor, and give it back at once.
LAST_IN_LINE = next(
    (
        command
        for command in (("chrt", "--idle", "0"), ("nice", "-n", "19"))
        if shutil.which(command[0])
    ),
    (),
)
ESP32S3_PACKAGE = "micropython-esp32-esp32-generic-s3-stubs==1.29.0.post1"
ESP32S3_STUBS = ROOT / "build" / "esp32s3-stubs"  # as firmware/pyrightconfig.esp32s3.json says
TESTS_FAILED, NO_TESTS_COLLECTED = 1, 5  # pytest's exit codes


class Pace(Enum):
    """What a stage needs of the processor.

    Boards and browsers run in real time but mostly wait: two of them in a row would leave half
    the machine idle, and what is only work fills that.
    """

    PATIENT = "beside the others, whenever there is time"
    LIVE = "one after the other, at once"
    ALONE = "after everything else, with nothing beside it"


class Stage(NamedTuple):
    """Programs to run one after the other, until one fails.

    Attributes
    ----------
    name : str
    commands : tuple of list of str
    pace : Pace
    once_more : list of str
        Run alone in the end where tests failed; it decides.
    """

    name: str
    commands: tuple[list[str], ...]
    pace: Pace = Pace.LIVE
    once_more: tuple[str, ...] = ()


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
    try:
        codes = run_all(found)
    except KeyboardInterrupt:
        return 130
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
        patient("lint", [*python, "ruff", "check", "."]),
        patient("format", [*python, "ruff", "format", "--check", "--quiet", "."]),
        patient("types", [*python, "mypy"]),
        patient("kernel types", [*python, "mypy.stubtest", *kernels()]),
        firmware_types(),
        patient("protocol", protocol, [*python, "coverage", "report", *every_branch]),
    ]
    if is_full:
        found.append(heat_branches())
    left_out = {"hardware", *(() if is_full else ("benchmarks",)), *(SLOW if is_quick else ())}
    folders = [name for name in test_folders() if name not in left_out]
    for name in folders:
        if name in SLOW:
            continue
        pace = Pace.ALONE if name == "benchmarks" else Pace.PATIENT
        options = ["-m", wanted]
        if name == "unit":
            # The longest of them begin first.
            found[:0] = [
                patient(f"unit, part {part}", [*pytest, *without_timed(wanted), *paths])
                for part, paths in enumerate(unit_parts(), 1)
            ]
            continue
        found.append(Stage(name, ([*pytest, *options, f"tests/{name}"],), pace))
    live = [name for name in folders if name in SLOW]
    if live:
        tests = [*files(LIVE_FILES), *without_timed(wanted), *(f"tests/{name}" for name in live)]
        # To show a failed line pytest would parse whole files while tasks and sockets are
        # collected; CPython 3.11 takes that for an error of its own, and the run is lost.
        # What failed beside others is looked at once more by itself: a board lives in real time,
        # and on two busy cores something may be late for which nobody is to blame.
        tests = ["--tb=native", "-o", f"cache_dir={LIVE_CACHE}", *tests]
        found.append(Stage(", ".join(live), ([*pytest, *tests],), once_more=alone(pytest, tests)))
    timed = ["-m", f"({wanted}) and benchmark"]
    tests = ["-o", f"cache_dir={LIVE_CACHE}-clock", *timed, *timed_files("unit")]
    found.append(Stage("timed", ([*pytest, *tests],), Pace.ALONE, alone(pytest, tests)))
    if live:
        # Each waits most of its time for a board that needs less than half of a core.
        # Test by test: the two that take a minute are not to wait for each other.
        tests = ["-n", str(TIMED_FILES), "--dist", "load", "--maxschedchunk", "1"]
        tests += ["--tb=native", "-o", f"cache_dir={LIVE_CACHE}-timed", *timed]
        tests += timed_files(*live)
        found.append(Stage("timed boards", ([*pytest, *tests],), Pace.ALONE, alone(pytest, tests)))
    return found


def alone(pytest: list[str], tests: list[str]) -> tuple[str, ...]:
    """Return the command that looks at what failed beside others once more, by itself."""
    return (*pytest, *tests, "-n", "0", "--last-failed", "--last-failed-no-failures", "none")


def files(at_a_time: int) -> list[str]:
    """Return pytest's options to run so many files beside each other, in their order."""
    return ["-n", str(at_a_time), "--dist", "loadfile", "--no-loadscope-reorder"]


def unit_parts() -> list[list[str]]:
    """Return the files of unit tests in parts of about the same work: every other file."""
    paths = [
        str(path.relative_to(ROOT))
        for path in sorted((TESTS / "unit").rglob("test_*.py"))
        if not path.is_relative_to(ROOT / PROTOCOL_TESTS)
    ]
    return [paths[part::UNIT_PARTS] for part in range(UNIT_PARTS)]


def timed_files(*folders: str) -> list[str]:
    """Return the files that measure time: to collect all takes longer than to measure."""
    # In this order the page of the soak, which asks for most of a core, is not beside the steps
    # and the long blackout, which suffer from that.
    return [
        str(path.relative_to(ROOT))
        for name in folders
        for path in sorted((TESTS / name).rglob("test_*.py"))
        if "mark.benchmark" in path.read_text(encoding="utf-8")
    ]


def without_timed(wanted: str) -> list[str]:
    """Return pytest's options to leave out what runs alone at the end."""
    return ["-m", f"({wanted}) and not benchmark"]


def patient(name: str, *commands: list[str]) -> Stage:
    """Return a stage that runs beside others."""
    return Stage(name, commands, Pace.PATIENT)


def heat_branches() -> Stage:
    """Return the check that tests go through every branch of the heat supervisor; minutes long."""
    data = "--data-file=build/coverage-heat"
    names = (
        *("rules", "corners", "thresholds", "rows", "edges"),
        *("model", "resume", "leadtest", "agreement", "host"),
        *("rail", "mutation", "mutation_consent", "mutation_power"),
    )
    tests = [f"tests/simulation/test_heat_{name}.py" for name in names]
    run = [sys.executable, "-m", "coverage", "run", "--branch", "--source=faceloop_heat", data]
    report = [sys.executable, "-m", "coverage", "report", data, "--fail-under=100"]
    short = ["-m", "not full"]  # the long forms go through no other branch
    return patient("heat branches", [*run, "-m", "pytest", "-q", *short, *tests], report)


def firmware_types() -> Stage:
    """Return the check of the board's files against the stubs of both boards' MicroPython.

    The stubs of two boards are files of the same names: the second board's go to a folder apart.
    """
    stubs = sysconfig.get_path("purelib")  # their folder "stdlib" stands for the standard library
    pyright = [sys.executable, "-m", "pyright", "--typeshedpath", stubs, "-p"]
    fetch = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    fetch += ["--no-deps", "--target", str(ESP32S3_STUBS), ESP32S3_PACKAGE]
    is_there = (ESP32S3_STUBS / "machine.pyi").exists()
    return patient(
        "firmware types",
        [*pyright, "firmware"],
        *([] if is_there else [fetch]),
        [*pyright, "firmware/pyrightconfig.esp32s3.json"],
    )


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


def run_all(found: list[Stage]) -> list[int]:
    """Run stages, each at its pace; return their exit codes in the order of the stages."""
    codes: dict[str, int] = {}
    with ThreadPoolExecutor(BESIDE) as pool:
        patient = {
            stage.name: pool.submit(run_patient, stage)
            for stage in found
            if stage.pace is Pace.PATIENT
        }
        try:
            codes.update((stage.name, run(stage)) for stage in found if stage.pace is Pace.LIVE)
            codes.update((name, running.result()) for name, running in patient.items())
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    codes.update((stage.name, run(stage)) for stage in found if stage.pace is Pace.ALONE)
    for stage in found:
        if stage.once_more and codes[stage.name] == TESTS_FAILED:
            again = Stage(f"{stage.name}, what failed, alone", (list(stage.once_more),))
            codes[stage.name] = run(again)
    return [codes[stage.name] for stage in found]


def run_patient(stage: Stage) -> int:
    """Run a stage behind all others; print what it said when it ended, return its exit code."""
    started_s = time.monotonic()
    said = ""
    code = 0
    for command in stage.commands:
        done = subprocess.run(
            [*LAST_IN_LINE, *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said += done.stdout
        code = done.returncode
        if code:
            break
    # One write, on a line of its own: another stage may be in the middle of its dots.
    sys.stdout.write(f"\n{said}{verdict(stage, code, time.monotonic() - started_s)}")
    sys.stdout.flush()
    return counted(stage, code)


def run(stage: Stage) -> int:
    """Run a stage, print the line about it, return its exit code."""
    started_s = time.monotonic()
    code = 0
    for command in stage.commands:
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code:
            break
    print(verdict(stage, code, time.monotonic() - started_s), end="", flush=True)
    return counted(stage, code)


def counted(stage: Stage, code: int) -> int:
    """Return the exit code that counts: a folder may have no test for this run."""
    is_folder = stage.name != "tests" and "pytest" in stage.commands[0]
    return 0 if code == NO_TESTS_COLLECTED and is_folder else code


def verdict(stage: Stage, code: int, took_s: float) -> str:
    """Return the line about a stage that ended."""
    code = counted(stage, code)
    word = "ok" if code == 0 else f"failed ({code})"
    return f"-- {stage.name}: {word}, {took_s:.1f} s\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
