"""The signal core once more with every access to memory checked: its tests pass in that build too.

The kernels work on pointers and on arrays inside C structures, where Cython's own bound checks see
nothing. The sanitizers of the C compiler do, and find undefined arithmetic as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.full]

PARTS = ("dsp", "host", "firmware", "pyproject.toml", "README.md", "LICENSE", "hardware/LICENSE")
NOT_SOURCE = ("*.so", "__pycache__", "*.egg-info")
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all"
# numpy's arrays have to come from malloc, whose blocks the sanitizer surrounds with fences. It
# cannot tell what Python keeps until its end from leaks.
ENVIRONMENT = {"PYTHONMALLOC": "malloc", "ASAN_OPTIONS": "detect_leaks=0"}


def run(*command: object, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_kernels_touch_no_memory_that_is_not_theirs(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    for name in PARTS:
        source, target = root / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_SOURCE))
        else:
            shutil.copy(source, target)
    build = (sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, copy)
    run(*build, cwd=copy, CC="gcc", LDSHARED="gcc -shared", CFLAGS=SANITIZE, LDFLAGS=SANITIZE)
    (wheel,) = tmp_path.glob("*.whl")
    packages = tmp_path / "packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    libraries = [
        run("gcc", f"-print-file-name={name}", cwd=copy).strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    preload = " ".join(libraries)
    checked = {**ENVIRONMENT, "LD_PRELOAD": preload, "PYTHONPATH": str(packages)}
    where = "import faceloop_dsp._stream as s, faceloop_dsp._packets as p; "
    where += "print(s.__file__, p.__file__)"
    for place in run(sys.executable, "-c", where, cwd=tmp_path, **checked).split():
        assert Path(place).is_relative_to(packages)
    # Budgets and ten hours are for the kernels as they are; the other checked build is its own.
    names = ("budget", "checked_build", "ten_hours")
    left_out = [f"--ignore=tests/unit/dsp/test_{name}.py" for name in names]
    tests = ("tests/unit/dsp", *left_out, "-m", "not benchmark")
    # Only Python's output is caught, so that the sanitizer's report comes through.
    pytest_ = (sys.executable, "-m", "pytest", "-q", "--capture=sys", "-p", "no:cacheprovider")
    print(run(*pytest_, *tests, cwd=root, **checked).splitlines()[-1])
