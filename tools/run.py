#!/usr/bin/env python3
"""Set the project up and start it. Needs Python 3.11 or newer, pip and a C compiler, nothing else.

    python3 tools/run.py demo [OPTIONS]     a live session on the virtual board
    python3 tools/run.py test [OPTIONS]     the tests (with --full also the long ones)
    python3 tools/run.py -- ARGS            any faceloop command, for example: -- devices --json

The first call makes `.venv` beside this project and installs everything into it (one to two
minutes, up to five on a busy machine); later calls only check that nothing changed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
BEING_MADE = VENV / "faceloop-being-made"
PIP = (BIN / "python", "-m", "pip")
STAMP = VENV / "faceloop-setup"
FEW_PACKAGES = 10  # pip alone is as fast
# The one without a window's own pages needs less of the processor for the same page.
CHROMIUM = (
    "chromium-headless-shell",
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
)
KERNELS = (".pyx", ".pxd", ".pxi", ".h")  # what is compiled, by its file's name
# What the tests start: Debian's package, and the names under which its program may be there.
NEEDED = {CHROMIUM[0]: CHROMIUM, "ngspice": ("ngspice",)}
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
APT_PYTHON = "sudo apt install python3-venv python3-dev gcc"


def main(argv: list[str]) -> int:
    """Run one of the commands of the module's text; return the exit code."""
    if sys.version_info < (3, 11):
        version = ".".join(map(str, sys.version_info[:3]))
        return fail(f"faceloop needs Python 3.11 or newer; this is {version}.")
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    command, rest = argv[0], argv[1:]
    if command not in ("demo", "test", "--"):
        return fail(
            f"Unknown command {command!r}. Use demo, test, or -- followed by arguments.", 2
        )
    needed = set(NEEDED) if command == "test" else set()
    if "--quick" in rest:
        needed.discard(CHROMIUM[0])
    # Both fetch and unpack: side by side they take half as long.
    installing = begin_install(missing(needed))
    problem = set_up()
    if installing is not None:
        installing.wait()
    if not problem and missing(needed):
        names = " ".join(missing(needed))
        problem = f"The tests need {names}. On Debian: sudo apt install {names}"
    if problem:
        return fail(problem)
    if command == "test":
        return run([BIN / "python", ROOT / "tools" / "check.py", *rest])
    arguments = rest if command == "--" else ["demo", *rest]
    return run([BIN / "faceloop", *arguments])


def set_up() -> str | None:
    """Make `.venv` and install the project; return a sentence when that failed."""
    fingerprint = installed_from()
    if STAMP.exists() and STAMP.read_text() == fingerprint and (BIN / "faceloop").exists():
        return None
    started = time.monotonic()
    if not shutil.which(os.environ.get("CC", "cc")) and not shutil.which("gcc"):
        return f"No C compiler found. Install one and run this again, on Debian: {APT_PYTHON}"
    if BEING_MADE.exists():  # an interruption left it without pip, or with half of it
        shutil.rmtree(VENV, ignore_errors=True)
    if not (BIN / "python").exists():
        say("Making .venv ...")
        problem = make_venv()
        if problem:
            return problem
    say("Installing faceloop and building its signal core (once, one to two minutes) ...")
    problem = install(started)
    if problem:
        return problem
    STAMP.write_text(fingerprint)
    say(f"Ready after {time.monotonic() - started:.0f} s.")
    return None


def install(started: float) -> str | None:
    """Build faceloop while the packages that it needs are fetched; return a sentence on failure.

    The compiler fills one processor core, the packages' unpacking another.
    """
    running: list[subprocess.Popen] = []
    try:
        packages = needed_packages()
        fast = fast_installer() if len(packages) > FEW_PACKAGES else None
        if fast:
            # Built anew: what uv keeps of an earlier build is without the compiled modules.
            anew = ("--reinstall-package", "faceloop", "--editable", f"{ROOT}[dev]")
            running.append(begin("install.log", [*fast, *anew]))
            if wait_showing_time(running[0], started) == 0:
                return None
        # pip may know what uv does not, or says what is wrong.
        building = begin("install.log", pip_install("--no-deps", "--editable", ROOT))
        running.append(building)
        fetched = fetch_packages(packages, fast, running, started)
        built = wait_showing_time(building, started)
    except KeyboardInterrupt:
        for process in running:
            process.wait()  # they got the same Ctrl-C
        raise
    for name, code in (("install.log", built), ("packages.log", fetched)):
        if code:
            log = VENV / name
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            is_header = "Python.h" in tail
            header = f"\nPython's headers are missing: {APT_PYTHON}" if is_header else ""
            return f"{tail}\nInstalling failed; the whole output is in {log}.{header}"
    return None


def fetch_packages(
    packages: list[str],
    fast: list[object] | None,
    running: list[subprocess.Popen],
    started: float,
) -> int:
    """Install what faceloop needs, by uv or else by pip; return the last one's exit code."""
    if not packages:
        return 0  # as with a build file that is broken
    # Files are compiled when they are first imported; most never are.
    ways = [pip_install("--no-compile", *packages)]
    if fast:
        ways.insert(0, [*fast, *packages])
    code = 1
    for way in ways:
        running.append(begin("packages.log", way))
        code = wait_showing_time(running[-1], started)
        if code == 0:
            break
    return code


def pip_install(*what: object) -> list[object]:
    """Return the command by which pip of `.venv` installs this."""
    return [*PIP, "install", "--disable-pip-version-check", "--quiet", *what]


def fast_installer() -> list[object] | None:
    """Fetch uv and return its command: it unpacks and makes a build ready with less work than pip.

    None where it cannot be had, or where pip is told to ask another index: uv does not know that.
    """
    settings = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True).stdout
    if re.search(r"\.(index-url|no-index)=", settings) or not succeeds(pip_install("uv")):
        return None
    return [BIN / "uv", "pip", "install", "--quiet", "--python", BIN / "python"]


def begin(log_name: str, command: list[object]) -> subprocess.Popen:
    """Start a command whose output goes to a file in `.venv`."""
    with (VENV / log_name).open("w") as out:
        return subprocess.Popen([str(part) for part in command], stdout=out, stderr=out)


def needed_packages() -> list[str]:
    """Return what `pyproject.toml` says that faceloop and its tests need."""
    import tomllib  # not there in the older Python that main() turns away

    try:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    except (tomllib.TOMLDecodeError, KeyError):
        return []  # the build says, in full, what is wrong with the file
    optional = project.get("optional-dependencies", {})
    return [*project.get("dependencies", []), *optional.get("dev", [])]


def wait_showing_time(process: subprocess.Popen, started: float) -> int:
    """Wait for a process; on a terminal, count the seconds meanwhile."""
    while True:
        try:
            code = process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            if sys.stderr.isatty():
                print(
                    f"\r{time.monotonic() - started:4.0f} s ", end="", file=sys.stderr, flush=True
                )
            continue
        if sys.stderr.isatty():
            print("\r", end="", file=sys.stderr)
        return code


def installed_from() -> str:
    """Return a digest of what the installation depends on: build file, kernels, this Python."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    folders = (ROOT / "dsp", ROOT / "host" / "src")
    kernels = sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix in KERNELS
    )
    compiled = sorted((ROOT / "firmware" / "lib" / "faceloop_heat").glob("*.py"))
    build = (ROOT / "tools").glob("compile.py")
    for path in (ROOT / "pyproject.toml", *build, *kernels, *compiled):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def make_venv() -> str | None:
    """Make `.venv`; return a sentence when there is no way to.

    Debian keeps pip's copy for new environments, and the module venv itself, in packages of their
    own. Then pip of this Python installs into the environment, or fetches virtualenv to make it.
    """
    ways = (with_venv, with_pip_from_outside, with_virtualenv)
    for way in ways:
        VENV.mkdir(exist_ok=True)
        BEING_MADE.touch()
        if way():
            BEING_MADE.unlink()
            return None
        shutil.rmtree(VENV, ignore_errors=True)
    return f"Python could not make a virtual environment. On Debian: {APT_PYTHON}"


def with_venv() -> bool:
    """Make `.venv` as Python means it to be made."""
    has_pip = importlib.util.find_spec("ensurepip") is not None
    return has_pip and succeeds([sys.executable, "-m", "venv", VENV])


def with_pip_from_outside() -> bool:
    """Make `.venv` without pip, and have the pip of this Python install one there."""
    pip = [sys.executable, "-m", "pip", "--python", BIN / "python", "install", "pip"]
    return succeeds([sys.executable, "-m", "venv", "--without-pip", VENV]) and succeeds(pip)


def with_virtualenv() -> bool:
    """Make `.venv` with virtualenv, which pip fetches into a folder that is removed again."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--target", folder, "virtualenv"]
        path = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
        return succeeds(pip) and succeeds([sys.executable, "-m", "virtualenv", VENV], path)


def succeeds(command: list[object], python_path: str | None = None) -> bool:
    """Run a command whose output is of no use to the user."""
    more = {} if python_path is None else {"PYTHONPATH": python_path}
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, env={**os.environ, **more}
    )
    return done.returncode == 0


def missing(packages: set[str]) -> list[str]:
    """Return those of these packages whose program is not there."""
    return sorted(name for name in packages if not any(map(shutil.which, NEEDED[name])))


def begin_install(packages: list[str]) -> subprocess.Popen | None:
    """Begin to install these where this user may: as root, with apt."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not packages or not is_root or not shutil.which("apt-get"):
        return None
    names = " ".join(packages)
    say(f"Installing {names} for the tests ...")
    return subprocess.Popen(
        ["/bin/sh", "-c", f"apt-get update -qq; apt-get install -y -qq {names}"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )


def run(command: list[object]) -> int:
    """Become a command, or run it and pass its exit code and a Ctrl-C on.

    It may keep what Python compiles, in `.venv` and beside the sources, whatever the user wants
    elsewhere: without that every board and every command compiles 900 files to start.
    """
    environment = {name: text for name, text in os.environ.items() if name != NO_BYTECODE}
    arguments = [str(part) for part in command]
    if os.name == "posix":
        # Nothing stands between: every signal, not only Ctrl-C, is for the command itself.
        os.execve(arguments[0], arguments, environment)
    # The child got the same Ctrl-C and ends by itself. An exception here could come just when
    # its exit code has been fetched, and lose it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, frame: None)
    return subprocess.Popen(arguments, env=environment).wait()


def say(text: str) -> None:
    """Print one line of progress, apart from what the command itself prints."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str, code: int = 1) -> int:
    """Print why nothing was started; return the exit code."""
    say(text)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("\nStopped. The next call goes on from here.")
        sys.exit(130)
