"""Fixtures that every part uses."""

from __future__ import annotations

import gc
import importlib.util
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest

# How long an example takes says more of the neighbours on this computer than of the example.
hypothesis.settings.register_profile("beside others", deadline=None)
hypothesis.settings.load_profile("beside others")
# Tests run side by side: threads of the linear algebra would only wait for each other. Before
# NumPy is imported, and for every process that a test starts.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Where the whole run was started in the background Ctrl-C is ignored, also by what tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is loaded and collected stays: to look for garbage in it took a quarter of that time.
gc.disable()

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
# By these names `tools/run.py test` looks for a Chromium before it installs one.
CHROMIUM_NAMES = runpy.run_path(str(ROOT / "tools" / "run.py"))["CHROMIUM"]
CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Their files take the longest: begun first, none of them is waited for alone at the end.
LONGEST = (
    *("test_pages", "test_patient_path", "test_board_rules", "test_demo_command"),
    *("test_bad_board", "test_lossless", "test_heat_panel", "test_live_drawing"),
    *("test_board_person", "test_demo_page", "test_settings", "test_flash"),
    *("test_run", "test_heat_campaign", "test_link_torture"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; within a file the order stays."""
    first = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path.stem, len(first)))


def pytest_collection_finish() -> None:
    """Look for garbage from here on, among what the tests make."""
    gc.freeze()
    gc.enable()


def find_chromium() -> str:
    """Return the path of Chromium; its absence is a failure that says what to install."""
    for name in CHROMIUM_NAMES:
        if path := shutil.which(name):
            return path
    pytest.fail(
        f"The browser tests need Chromium. Install it with: apt-get install {CHROMIUM_NAMES[0]}",
        pytrace=False,
    )


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def chromium() -> dict[str, Any]:
    """The system's Chromium as arguments of Playwright's ``launch``."""
    return {"executable_path": find_chromium(), "args": list(CHROMIUM_ARGUMENTS)}


@pytest.fixture(scope="session")
def micropython() -> Path:
    """The real MicroPython that came with the project's environment."""
    path = Path(sys.executable).parent / "micropython"
    if not path.exists():
        pytest.fail("No MicroPython beside this Python. Run: python3 tools/run.py test")
    return path


@pytest.fixture(scope="session")
def on_board(micropython: Path) -> Callable[..., str]:
    """Run a script by MicroPython with the firmware on its path; return what it printed."""

    # Only against one that hangs: behind boards and browsers it waits a minute for a few seconds.
    def run(script: Path, *arguments: str, timeout_s: float = 300) -> str:
        environment = {
            **os.environ,
            "MICROPYPATH": f"{FIRMWARE}:{FIRMWARE / 'lib'}:.frozen",
        }
        done = subprocess.run(
            # Wide enough that it seldom looks for garbage among all the packets that are kept.
            [micropython, "-X", "heapsize=64M", script, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def load_fake() -> Callable[[str], ModuleType]:
    """Imports a file of ``fakes``; importlib mode puts no folder on the path."""

    def load(name: str) -> ModuleType:
        path = ROOT / "tests" / "fakes" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
