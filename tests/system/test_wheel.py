"""The built wheel, in an environment of its own outside the checkout, runs the whole loop."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from faceloop.twin.firmware_files import board_files, firmware_root

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
OLDEST_NUMPY = re.findall(r'"numpy>=([0-9.]+)"', (ROOT / "pyproject.toml").read_text())[0]
NEWEST = f">={OLDEST_NUMPY}"
# NumPy 1.26 was built for Python up to 3.12.
IS_OLD_ENOUGH = sys.version_info < (3, 13)
NUMPY_VERSIONS = [NEWEST, *([f"=={OLDEST_NUMPY}.*"] if IS_OLD_ENOUGH else [])]
NOT_SOURCE = (".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", "*.so")


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made from a copy, as building leaves files in the folder it is done in, and unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    copy = folder / "checkout"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    build = (sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder)
    run(*build, cwd=copy)
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / packed.name.removesuffix(".tar.gz")


def build_wheel(sdist: Path) -> Path:
    # Without isolation: what builds is installed already.
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", cwd=sdist)
    (built,) = (sdist / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(root: Path, sdist: Path) -> Path:
    """With the kernels that this environment runs on, as data: compiling takes two minutes.

    That every one of them is compiled where the wheel is made is seen with ``compiled_wheel``.
    """
    copy = sdist.with_name(f"{sdist.name}-uncompiled")
    shutil.copytree(sdist, copy)
    for folder in ("dsp", "host/src"):
        for kernel in (root / folder).rglob("*.so"):
            shutil.copy(kernel, copy / kernel.relative_to(root))
    build_file = copy / "pyproject.toml"
    head, *modules = build_file.read_text().split("[[tool.setuptools.ext-modules]]")
    rest = modules[-1][modules[-1].index("\n[") :]
    data = '[tool.setuptools.package-data]\n"*" = ['
    assert head.count(data) == 1
    build_file.write_text(head.replace(data, f'{data}"*.so", ') + rest)
    return build_wheel(copy)


@pytest.fixture(scope="module")
def compiled_wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With everything compiled from the sdist."""
    copy = tmp_path_factory.mktemp("compiled") / sdist.name
    shutil.copytree(sdist, copy, ignore=shutil.ignore_patterns("build", "dist", "*.c"))
    return build_wheel(copy)


def test_sdist_holds_every_source_of_what_is_compiled(sdist: Path, root: Path) -> None:
    sources = {
        path.relative_to(root)
        for folder in ("dsp", "host", "firmware/lib")
        for path in (root / folder).rglob("*")
        if path.suffix in (".pyx", ".pxd", ".pxi", ".h", ".py")
    }
    assert len(sources) > 150
    assert {path for path in sources if not (sdist / path).exists()} == set()


def test_wheel_holds_everything_that_runs(wheel, root):
    with zipfile.ZipFile(wheel) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    firmware = firmware_root()
    expected = {source for _, source in board_files()}
    expected |= set((firmware / "virtual_board").glob("*.py"))
    assert len(expected) > 30
    for source in expected:
        if source.is_relative_to(firmware / "lib"):
            name = source.relative_to(firmware / "lib").as_posix()
        else:
            name = f"faceloop/firmware/{source.relative_to(firmware).as_posix()}"
        assert content[name] == source.read_bytes(), name
    static = root / "host" / "src" / "faceloop" / "ui" / "static"
    for source in static.rglob("*"):
        if source.is_file():
            assert content[f"faceloop/ui/static/{source.relative_to(static).as_posix()}"]
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for kernel in (root / "dsp" / "faceloop_dsp").glob("*.pyx"):
        assert f"faceloop_dsp/{kernel.stem}{suffix}" in content
    strays = [name for name in content if name.partition("/")[0] in ("tests", "tools", "hardware")]
    assert strays == []


def make_environment(folder: Path) -> tuple[Path, Path]:
    """Return the Python and the packages' folder of a new environment."""
    environment = folder / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=folder)
    (packages,) = environment.glob("lib/python*/site-packages")
    return environment / "bin" / "python", packages


def install(python: Path, *arguments: object) -> None:
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    run(*pip, "--disable-pip-version-check", *arguments, cwd=python.parent)


async def run_demo(python: Path, packages: Path, home: Any) -> None:
    """Run the demo by this Python, from an empty folder, on nothing but its own packages."""
    empty = home.folder / "empty"
    empty.mkdir()
    where = "import faceloop, faceloop_dsp, faceloop_protocol as p; print(faceloop.__file__, "
    where += "faceloop_dsp.__file__, p.__file__)"
    for place in run(python, "-I", "-c", where, cwd=empty).split():
        assert Path(place).is_relative_to(packages)

    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        str(python.with_name("faceloop")),
        *("demo", "--headless", "--json", "--seconds", "4"),
        cwd=empty,
        env={**clean, **home.environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    account = json.loads(out)
    assert account["frames_recorded"] == account["frames_expected"] >= 8000
    assert account["frames_lost_silently"] == 0
    assert list(empty.iterdir()) == []


async def test_installed_wheel_runs_the_demo_from_an_empty_folder(wheel, home):
    """Only faceloop itself is installed anew.

    The packages it needs come from this environment by a path file: fetching and unpacking them
    takes minutes. Path files do not read each other, so that this environment's link to the
    checkout stays out. What is missing in pyproject.toml is found by `test_dependencies.py`, and
    by the test below.
    """
    python, packages = make_environment(home.folder)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install(python, "--no-deps", "--no-index", wheel)
    await run_demo(python, packages, home)


@pytest.mark.full
def test_every_kernel_is_compiled_into_the_wheel(compiled_wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(compiled_wheel) as archive:
        names = {name.partition(".")[0] for name in archive.namelist() if name.endswith(".so")}
    listed = (root / "pyproject.toml").read_text()
    assert {name.replace("/", ".") for name in names} == set(
        re.findall(r'ext-modules\]\]\nname = "([\w.]+)"', listed)
    )


@pytest.mark.full
@pytest.mark.parametrize("numpy", NUMPY_VERSIONS)
async def test_clean_installation_of_the_wheel_runs_the_demo(compiled_wheel, home, numpy):
    """Everything is fetched, so that nothing of this environment can stand in for it."""
    python, packages = make_environment(home.folder)
    install(python, "--only-binary=numpy,scipy", f"numpy{numpy}", compiled_wheel)
    version = run(python, "-I", "-c", "import numpy; print(numpy.__version__)", cwd=packages)
    print(f"NumPy {version.strip()}")
    assert numpy == NEWEST or version.startswith(f"{OLDEST_NUMPY}.")
    await run_demo(python, packages, home)
