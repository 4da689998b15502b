"""`tools/run.py` on projects of a few lines: what it makes, what it says, what it leaves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[3]
# The Python outside any environment, as a newcomer has it.
PYTHON = Path(getattr(sys, "_base_executable", sys.executable))
TIMEOUT_S = 120
STAMP = Path(".venv", "faceloop-setup")

# The project builds itself: nothing is fetched, and setting it up takes a second or two.
BUILD_FILE = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "faceloop"
version = "0"
"""
TAG = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
BACKEND = (
    f"TAG = {TAG!r}"
    + """
from pathlib import Path
from zipfile import ZipFile
INFO = "faceloop-0.dist-info/"
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "faceloop-0-py3-none-any.whl"
    with ZipFile(Path(folder) / name, "w") as wheel:
        wheel.write("tiny.py")
        about = "Metadata-Version: 2.1\\nName: faceloop\\nVersion: 0\\nProvides-Extra: dev\\n"
        wheel.writestr(INFO + "METADATA", about)
        wheel.writestr(INFO + "WHEEL", TAG)
        wheel.writestr(INFO + "entry_points.txt", "[console_scripts]\\nfaceloop = tiny:main\\n")
        wheel.writestr(INFO + "RECORD", "")
    return name
"""
)
# Says what it was given; "wait" waits for a signal and leaves with a code of its own.
PROGRAM = """
import os, signal, sys, time
def main():
    signal.signal(signal.SIGINT, lambda *_: os._exit(33))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(34))
    print(sys.argv[1:], os.getcwd(), flush=True)
    if "bytecode" in sys.argv:
        print(sys.dont_write_bytecode)
    time.sleep(60 if "wait" in sys.argv else 0)
"""
# A Python that lacks modules, in every process below it.
WITHOUT_MODULES = """
from importlib.machinery import PathFinder
find_spec = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name in {names!r} else find_spec(name, *rest)
"""


class Checkout:
    """A folder with our set-up script and somebody else's small project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tools").mkdir(parents=True)
        (folder / "dsp").mkdir()
        shutil.copy(ROOT / "tools" / "run.py", folder / "tools")
        (folder / "pyproject.toml").write_text(BUILD_FILE)
        (folder / "backend.py").write_text(BACKEND)
        (folder / "tiny.py").write_text(PROGRAM)

    def start(self, *arguments: object, **environment: object) -> subprocess.Popen[str]:
        mine = {name: text for name, text in os.environ.items() if name != "VIRTUAL_ENV"}
        return subprocess.Popen(
            [str(part) for part in (PYTHON, self.folder / "tools" / "run.py", *arguments)],
            cwd=self.folder.parent,
            env={**mine, **{name: str(text) for name, text in environment.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: object, **environment: object) -> tuple[int, str, str]:
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, out, err

    def lacking(self, *modules: str) -> str:
        """Return a PYTHONPATH on which these modules cannot be imported."""
        folder = self.folder.parent / f"without-{'-'.join(modules)}"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(WITHOUT_MODULES.format(names=modules))
        return str(folder)


class Interrupted(NamedTuple):
    """A checkout whose first set-up got a Ctrl-C while the environment was made."""

    checkout: Checkout
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    checkout = Checkout(tmp_path_factory.mktemp("checkout") / "project")
    process = checkout.start("--", "one")
    has_python = checkout.folder / ".venv" / "bin" / "python"
    end_s = time.monotonic() + TIMEOUT_S
    while not has_python.exists() and time.monotonic() < end_s:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT_S)
    return Interrupted(checkout, process.returncode, out, err)


@pytest.fixture(scope="module")
def checkout(interrupted: Interrupted) -> Checkout:
    """One that has been set up; at the second call, which goes on after a Ctrl-C."""
    checkout = interrupted.checkout
    code, out, err = checkout.run("--", "first", "call")
    assert code == 0, err
    assert out == f"['first', 'call'] {checkout.folder.parent}\n"
    assert "Making .venv" in err and "Ready after" in err
    return checkout


@pytest.fixture
def fresh(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "project")


@pytest.mark.benchmark
def test_second_call_adds_less_than_two_seconds(checkout: Checkout) -> None:
    started_s = time.monotonic()
    code, out, err = checkout.run("demo", "--seconds", 3)
    took_s = time.monotonic() - started_s
    assert (code, err) == (0, "")
    assert out.startswith("['demo', '--seconds', '3'] ")
    assert took_s < 2.0


def test_changed_build_file_installs_again(checkout: Checkout) -> None:
    with (checkout.folder / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    code, _, err = checkout.run("--", "again")
    assert code == 0
    assert "Installing" in err and "Making" not in err
    assert checkout.run("--", "again")[2] == ""


@pytest.mark.parametrize(
    "name",
    [
        *("pyproject.toml", "tools/compile.py", "dsp/kernel.h", "host/src/bench.pxd"),
        "firmware/lib/faceloop_heat/dose.py",
    ],
)
def test_changed_build_file_or_kernel_is_noticed(
    checkout: Checkout, tmp_path: Path, name: str
) -> None:
    """Without a compiler, which is missed only where something is to be installed."""
    changed = checkout.folder / name
    before = changed.read_text() if changed.exists() else None
    changed.parent.mkdir(parents=True, exist_ok=True)
    assert checkout.run("--", "again", PATH=tmp_path)[0] == 0
    changed.write_text((before or "") + "# changed\n")
    try:
        code, out, err = checkout.run("--", "again", PATH=tmp_path)
        assert (code, out) == (1, "")
        assert "C compiler" in err
    finally:
        if before is None:
            changed.unlink()
        else:
            changed.write_text(before)


def test_broken_build_file_shows_the_end_of_the_output(checkout: Checkout) -> None:
    build_file = checkout.folder / "pyproject.toml"
    before = build_file.read_text()
    build_file.write_text(before.replace('version = "0"', "version = none"))
    try:
        for _ in range(2):  # nothing is taken for installed
            code, out, err = checkout.run("demo")
            assert (code, out) == (1, "")
            assert "version = none" in err or "nvalid value" in err
            assert err.splitlines()[-1].endswith("install.log.")
    finally:
        build_file.write_text(before)


def test_package_that_cannot_be_had_shows_the_end_of_its_output(checkout: Checkout) -> None:
    build_file = checkout.folder / "pyproject.toml"
    before = build_file.read_text()
    build_file.write_text(before + 'dependencies = ["nowhere @ file:///nowhere.whl"]\n')
    try:
        code, out, err = checkout.run("demo")
        assert (code, out) == (1, "")
        assert "nowhere.whl" in err
        assert err.splitlines()[-1].endswith("packages.log.")
    finally:
        build_file.write_text(before)


def test_many_packages_are_pips_work_where_no_index_may_be_asked(checkout: Checkout) -> None:
    """Else uv is fetched first, which unpacks them faster."""
    build_file, stamp = checkout.folder / "pyproject.toml", checkout.folder / STAMP
    before, installed_before = build_file.read_text(), stamp.read_text()
    names = [f"small{i}" for i in range(12)]
    for name in names:
        with zipfile.ZipFile(checkout.folder / f"{name}-0-py3-none-any.whl", "w") as wheel:
            about = f"{name}-0.dist-info"
            wheel.writestr(
                f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n"
            )
            wheel.writestr(f"{about}/WHEEL", TAG)
            wheel.writestr(f"{about}/RECORD", "")
    folder = checkout.folder.as_uri()
    wanted = [f"{name} @ {folder}/{name}-0-py3-none-any.whl" for name in names]
    build_file.write_text(before + f"dependencies = {wanted}\n")
    code, _, err = checkout.run("--", "hello", PIP_NO_INDEX=1)
    assert code == 0, err
    site = next((checkout.folder / ".venv").glob("lib/*/site-packages"))
    assert {f"{name}-0.dist-info" for name in names} <= {path.name for path in site.iterdir()}
    assert not (checkout.folder / ".venv" / "bin" / "uv").exists()
    build_file.write_text(before)
    stamp.write_text(installed_before)  # more than that is installed, which harms nothing
    code, _, err = checkout.run("--", "as before")
    assert (code, err) == (0, "")


def test_ctrl_c_reaches_the_program_and_its_code_comes_back(checkout: Checkout) -> None:
    process = checkout.start("--", "wait")
    assert process.stdout is not None
    assert "wait" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (33, "")


def test_who_ends_the_script_ends_the_program(checkout: Checkout) -> None:
    """A service or a supervisor knows only the process that it started."""
    process = checkout.start("--", "wait")
    assert process.stdout is not None
    assert "wait" in process.stdout.readline()
    process.terminate()
    _, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (34, "")


def test_ctrl_c_while_installing_is_calm_and_the_next_call_goes_on(checkout: Checkout) -> None:
    with (checkout.folder / "pyproject.toml").open("a") as file:
        file.write("# to be installed\n")
    process = checkout.start("--", "one")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Installing"):
            break
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out) == (130, "")
    assert err.split() == ["Stopped.", "The", "next", "call", "goes", "on", "from", "here."]
    code, out, err = checkout.run("--", "two")
    assert code == 0, err
    assert "Installing" in err
    assert out.startswith("['two'] ")


def test_ctrl_c_while_the_environment_is_made_is_calm_and_the_next_call_goes_on(
    interrupted: Interrupted, checkout: Checkout
) -> None:
    assert (interrupted.code, interrupted.out) == (130, "")
    assert interrupted.err.splitlines()[-1] == "Stopped. The next call goes on from here."
    assert "Traceback" not in interrupted.err
    assert checkout.run("--", "two")[:2] == (0, f"['two'] {checkout.folder.parent}\n")


@pytest.mark.full
@pytest.mark.parametrize("modules", [("ensurepip",), ("ensurepip", "venv")])
def test_python_in_packages_of_its_own_still_gets_an_environment(
    fresh: Checkout, modules: tuple[str, ...]
) -> None:
    """Debian's, without python3-venv."""
    code, out, err = fresh.run("--", "hello", PYTHONPATH=fresh.lacking(*modules))
    assert code == 0, err
    assert out.startswith("['hello'] ")
    made_by = (fresh.folder / ".venv" / "pyvenv.cfg").read_text()
    assert ("virtualenv" in made_by) == ("venv" in modules)


def test_python_that_can_make_no_environment_says_what_to_install(fresh: Checkout) -> None:
    code, out, err = fresh.run("demo", PYTHONPATH=fresh.lacking("ensurepip", "venv", "pip"))
    assert (code, out) == (1, "")
    assert err.endswith("On Debian: sudo apt install python3-venv python3-dev gcc\n")
    assert not (fresh.folder / ".venv").exists()


def test_missing_compiler_is_named_before_anything_is_made(fresh: Checkout) -> None:
    code, out, err = fresh.run("demo", PATH=fresh.folder)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1 and "C compiler" in err and "apt install" in err
    assert not (fresh.folder / ".venv").exists()


def test_missing_browser_without_rights_is_named(checkout: Checkout, tmp_path: Path) -> None:
    for name in ("cc", "apt-get"):
        (tmp_path / name).symlink_to("/bin/true")
    not_root = "import os; os.geteuid = lambda: 1000\n"
    (tmp_path / "sitecustomize.py").write_text(not_root)
    code, out, err = checkout.run("test", PATH=tmp_path, PYTHONPATH=tmp_path)
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == (
        "The tests need chromium-headless-shell ngspice."
        " On Debian: sudo apt install chromium-headless-shell ngspice"
    )


# apt-get of a system where installing works: it notes its arguments, then the programs are there.
APT_GET = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >> {folder}/apt-get.log
case " $* " in
*" install "*" chromium-headless-shell ngspice "*) cd {folder}; for program in {programs}; do
  echo > $program; {chmod} +x $program; done;;
esac
"""


@pytest.mark.parametrize("programs", ["chromium-headless-shell ngspice", "ngspice"])
def test_missing_programs_are_installed_where_root_has_apt(
    checkout: Checkout, tmp_path: Path, programs: str
) -> None:
    """In the second case apt-get ends well and yet there is no browser."""
    (tmp_path / "cc").symlink_to("/bin/true")
    chmod = shutil.which("chmod")
    text = APT_GET.format(folder=tmp_path, programs=programs, chmod=chmod)
    (tmp_path / "apt-get").write_text(text)
    (tmp_path / "apt-get").chmod(0o755)
    root = "import os; os.geteuid = lambda: 0\n"
    (tmp_path / "sitecustomize.py").write_text(root)
    (checkout.folder / "tools" / "check.py").write_text("import sys; print(sys.argv[1:])\n")
    code, out, err = checkout.run("test", "-k", "rice", PATH=tmp_path, PYTHONPATH=tmp_path)
    log = (tmp_path / "apt-get.log").read_text().splitlines()
    assert [line.split()[:2] for line in log] == [
        ["noninteractive", "update"],
        ["noninteractive", "install"],
    ]
    assert "Installing chromium-headless-shell ngspice for the tests ..." in err
    if "chromium" in programs:
        assert (code, out) == (0, "['-k', 'rice']\n")
        assert "tests need" not in err
    else:
        assert (code, out) == (1, "")
        assert err.splitlines()[-1].startswith("The tests need chromium-headless-shell. ")


def test_what_python_compiles_is_kept_whatever_is_wanted_elsewhere(checkout: Checkout) -> None:
    code, out, _ = checkout.run("--", "bytecode", PYTHONDONTWRITEBYTECODE=1)
    assert (code, out.splitlines()[-1]) == (0, "False")


def test_quick_tests_need_no_browser(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "cc").symlink_to("/bin/true")
    (tmp_path / "ngspice").symlink_to("/bin/true")
    (checkout.folder / "tools" / "check.py").write_text("import sys; print(sys.argv[1:])\n")
    code, out, err = checkout.run("test", "--quick", PATH=tmp_path)
    assert (code, out, err) == (0, "['--quick']\n", "")


def test_no_command_or_a_wrong_one_shows_what_there_is(fresh: Checkout) -> None:
    code, out, _ = fresh.run()
    assert code == 2 and "tools/run.py demo" in out
    code, out, err = fresh.run("demmo")
    assert (code, out) == (2, "")
    assert "'demmo'" in err and err.count("\n") == 1


def test_old_python_is_told_so(fresh: Checkout) -> None:
    (fresh.folder / "sitecustomize.py").write_text("import sys; sys.version_info = (3, 10, 4)\n")
    code, _, err = fresh.run("demo", PYTHONPATH=fresh.folder)
    assert (code, err) == (1, "faceloop needs Python 3.11 or newer; this is 3.10.4.\n")
